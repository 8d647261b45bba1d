"""Ratios of sums over people: orders per session, spend per order, revenue per money spent.

Each person adds to both sums, above and below the line, so the two move together. The interval
comes from each person's share in the logarithm of the ratio (the delta method on the log scale),
which keeps its limits positive. For sums by day, without people, see `ratio`.

A few large amounts make any such interval too narrow. Withholding it where a sample looks skewed
makes matters worse (samples that happen to miss the large amounts look calm), so the rule counts
people only, and skewed amounts are better capped: see the coverage in docs/statistics.md.
"""

from __future__ import annotations

import numpy as np
from scipy import special

from fewer.stats.estimate import (
    Codes,
    Estimates,
    Floats,
    Method,
    Why,
    estimates,
    normal_quantile,
)
from fewer.stats.sums import Sums

LEAST_PEOPLE = 40
"""People with a value on both sides of the line below which no interval is offered."""

FREE = 0.25
"""Degrees of freedom for each person with a value. Of amounts that are skewed (kurtosis about 9, as
log-normal with standard deviation 0.5) the variance is known as badly as from a quarter of as many
people with normal ones. A constant, because a sample's own kurtosis is lowest when it misleads."""


def user_ratio(sums: Sums, over: str, under: str, *, confidence: float = 0.95) -> Estimates:
    """``sum(over) / sum(under)`` of one group.

    Args:
        sums: Sums of people, any shape, with both amounts and their product.
        over: Name of what is above the line.
        under: Name of what is below the line.
        confidence: Two-sided coverage, a fraction.

    Returns:
        Ratios in units of `over` per unit of `under`. Undefined where `under` sums to 0; no
        interval where fewer than `LEAST_PEOPLE` people have a value on either side.

    Source:
        Deng, Knoblich & Lu (2018), KDD, 233-242, on the log scale.

    Example:
        >>> from fewer.stats.sums import sums_of
        >>> rng = np.random.default_rng(1)
        >>> orders = rng.poisson(0.5, 400)
        >>> spend = orders * rng.gamma(4.0, 5.0, 400)
        >>> one = user_ratio(sums_of({"x": spend, "d": orders}, [0] * 400, 1), "x", "d").at(0)
        >>> f"{one.value:.1f} [{one.lower:.1f}, {one.upper:.1f}]"
        '19.4 [17.6, 21.4]'
    """
    value, error = _log_error(sums, over, under)
    valued = _valued(sums, over, under)
    free = np.maximum(FREE * valued, 1)
    with np.errstate(invalid="ignore", over="ignore"):
        reach = special.stdtrit(free, 0.5 + confidence / 2) * np.sqrt(error)
        lower, upper = value * np.exp(-reach), value * np.exp(reach)
    normal_quantile(confidence)  # refuses what is no confidence
    found = estimates(
        value,
        lower,
        upper,
        method=Method.LOG_DELTA,
        why=_why(sums, over, under),
        confidence=confidence,
    )
    return _offered(found, valued)


def user_ratio_ratio(
    first: Sums, second: Sums, over: str, under: str, *, confidence: float = 0.95
) -> Estimates:
    """The first group's ratio of sums divided by the comparison's.

    Args:
        first: Sums of the first group, any shape.
        second: Sums of the comparison, same shape; other people.
        over: Name of what is above the line.
        under: Name of what is below the line.
        confidence: Two-sided coverage, a fraction.

    Returns:
        Ratios without unit, with a two-sided p-value: 0.9 means 10 % less. Conditions as
        `user_ratio`, of both groups.

    Example:
        >>> from fewer.stats.sums import sums_of
        >>> rng = np.random.default_rng(1)
        >>> orders, arm = rng.poisson(0.5, 800), np.arange(800) % 2
        >>> spend = orders * rng.gamma(4.0, 5.0, 800) * (1 + 0.2 * arm)
        >>> table = sums_of({"x": spend, "d": orders}, arm, 2)
        >>> one = user_ratio_ratio(table[[1]], table[[0]], "x", "d").at(0)
        >>> f"{one.value:.2f} [{one.lower:.2f}, {one.upper:.2f}]"
        '1.20 [1.06, 1.36]'
    """
    (a, e1), (b, e2) = (_log_error(g, over, under) for g in (first, second))
    valued, free = _free(first, second, over, under, e1, e2)
    normal_quantile(confidence)  # refuses what is no confidence
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        value, error = np.where(b > 0, a / b, np.nan), np.sqrt(e1 + e2)
        reach = special.stdtrit(free, 0.5 + confidence / 2) * error
        p = 2 * special.stdtr(free, -np.abs(np.log(value)) / error)
        lower, upper = value * np.exp(-reach), value * np.exp(reach)
    why = np.maximum(_why(first, over, under), _why(second, over, under))
    found = estimates(
        value, lower, upper, method=Method.LOG_DELTA, p=p, why=why, confidence=confidence
    )
    return _offered(found, valued)


def user_ratio_difference(
    first: Sums, second: Sums, over: str, under: str, *, confidence: float = 0.95
) -> Estimates:
    """The first group's ratio of sums minus the comparison's.

    Arguments and conditions as `user_ratio_ratio`; limits from each group's log interval (Zou &
    Donner's recovery of variance estimates), so skew stays on its side.

    Returns:
        Differences in units of `over` per unit of `under`.
    """
    (a, e1), (b, e2) = (_log_error(g, over, under) for g in (first, second))
    one, other = (user_ratio(g, over, under, confidence=confidence) for g in (first, second))
    valued, free = _free(first, second, over, under, e1, e2)
    with np.errstate(divide="ignore", invalid="ignore"):
        gap = a - b
        error = np.sqrt(e1 * a**2 + e2 * b**2)
        p = 2 * special.stdtr(free, -np.abs(gap) / error)
        lower = gap - np.hypot(a - one.lower, other.upper - b)
        upper = gap + np.hypot(one.upper - a, b - other.lower)
    why = np.maximum(_why(first, over, under), _why(second, over, under))
    found = estimates(gap, lower, upper, method=Method.DELTA, p=p, why=why, confidence=confidence)
    return _offered(found, valued)


def _log_error(sums: Sums, over: str, under: str) -> tuple[Floats, Floats]:
    """The ratio, and the squared standard error of its logarithm."""
    x, d = sums.mean(over), sums.mean(under)
    with np.errstate(divide="ignore", invalid="ignore"):
        value = np.where(d > 0, x / d, np.nan)
        spread = (
            sums.covariance(over, over) / x**2
            - 2 * sums.covariance(over, under) / (x * d)
            + sums.covariance(under, under) / d**2
        )
        # Only people with an amount inform the error: its divisor counts them, not everyone.
        valued = np.maximum(_valued(sums, over, under), 2)
        spread = np.maximum(spread, 0.0) * valued / (valued - 1)
        return value, np.where((x > 0) & (d > 0), spread / sums.n, np.nan)


def _valued(sums: Sums, over: str, under: str) -> Floats:
    return np.minimum(sums.moments(over).valued, sums.moments(under).valued)


def _free(
    first: Sums, second: Sums, over: str, under: str, e1: Floats, e2: Floats
) -> tuple[Floats, Floats]:
    """People with a value in the smaller group, and Satterthwaite's degrees of freedom."""
    v1, v2 = _valued(first, over, under), _valued(second, over, under)
    with np.errstate(divide="ignore", invalid="ignore"):
        free = (e1 + e2) ** 2 / (
            e1**2 / np.maximum(FREE * v1, 1) + e2**2 / np.maximum(FREE * v2, 1)
        )
    return np.minimum(v1, v2), np.nan_to_num(free, nan=1.0)


def _offered(found: Estimates, valued: Floats) -> Estimates:
    return found.without_interval(np.asarray(valued < LEAST_PEOPLE), Why.TOO_FEW_VALUES)


def _why(sums: Sums, over: str, under: str) -> Codes:
    x, d = sums.total(over), sums.total(under)
    found = np.select(
        [sums.n == 0, d <= 0, x <= 0], [Why.NO_PEOPLE, Why.NO_DENOMINATOR, Why.NO_NUMERATOR], 0
    )
    return found.astype(np.uint8)
