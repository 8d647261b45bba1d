"""Fieller's interval for a ratio of two averages: honest when what it is divided by may be zero.

Where the denominator is well away from zero it is an interval. Where it is not, the data can't
tell zero from what is below the line, and the ratio has no upper limit, or is anything but a
gap ("two rays"), or anything at all. An interval that hides this covers less than it says.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from fewer.stats.estimate import Codes, Estimates, Floats, Method, Why, estimates, normal_quantile
from fewer.stats.sums import Sums
from fewer.stats.user_ratio import FREE, LEAST_PEOPLE


def fieller(
    over: ArrayLike,
    under: ArrayLike,
    variance_over: ArrayLike,
    variance_under: ArrayLike,
    covariance: ArrayLike = 0.0,
    *,
    free: ArrayLike = np.inf,
    positive: bool = False,
    confidence: float = 0.95,
) -> Estimates:
    """``over / under`` from two estimates, their variances and their covariance.

    Args:
        over: Estimates above the line, any shape.
        under: Estimates below the line.
        variance_over: Squared standard errors of `over`.
        variance_under: Squared standard errors of `under`.
        covariance: Covariance of the two *estimates*; 0 if they come from different people.
        free: Degrees of freedom of the variances; infinite for a normal interval.
        positive: Whether neither can be below zero (spend, clicks): limits are cut at 0, unless
            an estimate is below it all the same.
        confidence: Two-sided coverage, a fraction.

    Returns:
        Ratios in units of `over` per unit of `under`, with the p-value of "`over` is 0" (which
        is "the ratio is 0"). Bounded where `under` differs from 0 at this confidence, otherwise
        two rays or unbounded, as `Estimates` says them; undefined where `under` is exactly 0.

    Raises:
        ValueError: A variance is negative.

    Source:
        Fieller (1954), JRSS B 16, 175-185; von Luxburg & Franz (2009), Statistica Sinica 19,
        1095-1117, for its three cases.

    Example:
        >>> found = fieller([2.0, 2.0, 0.2], [1.0, 0.1, 0.1], 0.04, 0.04)
        >>> print(*(one.state.value for one in found), sep=", ")
        bounded, two rays, unbounded
        >>> found.at(1).why
        "what it is divided by can't be told from zero: at most -6.751 or at least 3.966"
    """
    a, b, va, vb, c, nu = np.broadcast_arrays(
        *(
            np.asarray(x, dtype=np.float64)
            for x in (over, under, variance_over, variance_under, covariance, free)
        )
    )
    if (va < 0).any() or (vb < 0).any():
        raise ValueError("variances are 0 or more")
    normal_quantile(confidence)  # refuses what is no confidence
    z = np.where(np.isinf(nu), normal_quantile(confidence), 0.0)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        t = np.where(np.isinf(nu), z, special.stdtrit(np.maximum(nu, 1.0), 0.5 + confidence / 2))
        value = np.where(b != 0, a / b, np.nan)
        # r is kept if (a - r b)^2 <= t^2 var(a - r b): a quadratic in r.
        square, half, rest = b**2 - t**2 * vb, a * b - t**2 * c, a**2 - t**2 * va
        root = np.sqrt(np.maximum(half**2 - square * rest, 0.0))
        one, other = (half - root) / square, (half + root) / square
        left, right = np.minimum(one, other), np.maximum(one, other)
        p = 2 * special.ndtr(-np.abs(a) / np.sqrt(va))
    kinds = np.select(
        [~np.isfinite(a + b + va + vb + c), square > 0, half**2 - square * rest > 0], [0, 1, 2], 3
    )
    lower = np.select([kinds == 1, kinds == 2, kinds == 3], [left, right, -np.inf], np.nan)  # noqa: PLR2004
    upper = np.select([kinds == 1, kinds == 2, kinds == 3], [right, left, np.inf], np.nan)  # noqa: PLR2004
    why = _reason(kinds, b)
    if positive:
        cut = (a >= 0) & (b >= 0)  # money sent back can put an average below zero
        low, high, said = _cut(lower, upper, why)
        lower, upper = np.where(cut, low, lower), np.where(cut, high, upper)
        why = np.where(cut, said, why).astype(np.uint8)
    return estimates(
        value, lower, upper, method=Method.FIELLER, p=p, why=why, confidence=confidence
    )


def fieller_ratio(sums: Sums, over: str, under: str, *, confidence: float = 0.95) -> Estimates:
    """Ratio of two sums over the same people (spend per order), with Fieller's interval.

    Args:
        sums: Sums of people, any shape, with both amounts and their product.
        over: Name of what is above the line, nobody below 0.
        under: Name of what is below the line, nobody below 0.
        confidence: Two-sided coverage, a fraction.

    Returns:
        As `fieller`; no interval with fewer than `user_ratio.LEAST_PEOPLE` people with a value.

    Example:
        >>> from fewer.stats.sums import sums_of
        >>> rng = np.random.default_rng(1)
        >>> orders = rng.poisson(0.5, 400)
        >>> spend = orders * rng.gamma(4.0, 5.0, 400)
        >>> one = fieller_ratio(sums_of({"x": spend, "d": orders}, [0] * 400, 1), "x", "d").at(0)
        >>> f"{one.value:.1f} [{one.lower:.1f}, {one.upper:.1f}]"
        '19.4 [17.5, 21.3]'
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = 1 / sums.n
        parts = (
            sums.mean(over),
            sums.mean(under),
            sums.covariance(over, over) * scale,
            sums.covariance(under, under) * scale,
            sums.covariance(over, under) * scale,
        )
    valued = np.minimum(sums.moments(over).valued, sums.moments(under).valued)
    free = np.maximum(FREE * valued, 1)
    found = fieller(*parts, free=free, positive=True, confidence=confidence)
    return found.without_interval(np.asarray(valued < LEAST_PEOPLE), Why.TOO_FEW_VALUES)


def mean_ratio_fieller(
    first: Sums, second: Sums, amount: str, *, confidence: float = 0.95
) -> Estimates:
    """Average of one amount in the first group divided by that in the comparison.

    Args:
        first: Sums of the first group, any shape.
        second: Sums of the comparison, same shape.
        amount: Name of the amount, nobody below 0.
        confidence: Two-sided coverage, a fraction.

    Returns:
        Ratios, with the p-value of "the first average is 0".
    """
    a, b = first.moments(amount), second.moments(amount)
    free = np.maximum(np.minimum(a.valued, b.valued) - 1, 1)
    return fieller(
        a.mean, b.mean, a.error, b.error, free=free, positive=True, confidence=confidence
    )


def _reason(kinds: np.ndarray[tuple[int, ...], np.dtype[np.int64]], under: Floats) -> Codes:
    why = np.select(
        [under == 0, kinds == 0, kinds == 1, kinds == 2],  # noqa: PLR2004
        [Why.NO_DENOMINATOR, Why.TOO_FEW_VALUES, Why.FINE, Why.TWO_RAYS],
        Why.ANY_VALUE,
    )
    return why.astype(np.uint8)


def _cut(lower: Floats, upper: Floats, why: Codes) -> tuple[Floats, Floats, Codes]:
    """Limits of a ratio that can't be negative; a ray below zero leaves "at least"."""
    rays = (lower > upper) & (upper < 0)
    upper = np.where(rays, np.inf, upper)
    lower = np.where(np.isnan(lower), lower, np.maximum(lower, 0.0))
    return lower, upper, why
