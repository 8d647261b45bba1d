"""Counts of rare events, and what one of them costs when there are too few for a ratio."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from fewer.stats.estimate import Estimates, Floats, Method, Why, estimates, normal_quantile


def poisson(count: ArrayLike, exposure: ArrayLike = 1.0, *, confidence: float = 0.95) -> Estimates:
    """Events per unit of exposure, with the exact interval for a Poisson count.

    Args:
        count: Events seen, whole numbers from 0; any shape.
        exposure: What they are divided by (days, clicks, money), positive; broadcasts.
        confidence: Two-sided coverage, a fraction; the true coverage is never below it.

    Returns:
        Events per unit of exposure. Undefined where the exposure is 0.

    Raises:
        ValueError: A count is negative or not whole, or an exposure negative.

    Source:
        Garwood (1936), Biometrika 28, 437-442, through quantiles of the gamma distribution.

    Example:
        >>> one = poisson([0]).at(0)
        >>> f"{one.value} [{one.lower}, {one.upper:.3f}]"
        '0.0 [0.0, 3.689]'
    """
    seen, per = _counts(count, exposure)
    low, high = _limits(seen, confidence)
    with np.errstate(divide="ignore", invalid="ignore"):
        bare = per == 0
        value = np.where(bare, np.nan, seen / per)
        lower = np.where(bare, np.nan, low / per)
        upper = np.where(bare, np.nan, high / per)
    why = np.where(bare, Why.NO_DENOMINATOR, Why.FINE)
    return estimates(value, lower, upper, method=Method.POISSON, why=why, confidence=confidence)


def cost_per_event(cost: ArrayLike, count: ArrayLike, *, confidence: float = 0.95) -> Estimates:
    """Money per event from few events: the exact interval of the count, turned over.

    Only the count varies here, not the cost, so this is for a given spend ("what would a
    conversion have cost"). Without events there is no cost per event, but a lower limit.

    Args:
        cost: Money spent, 0 or more, in any one currency.
        count: Events it bought, whole numbers from 0.
        confidence: Two-sided coverage, a fraction.

    Returns:
        Money per event; unbounded above without events.

    Raises:
        ValueError: A count is negative or not whole, or a cost negative.

    Example:
        >>> one = cost_per_event([100.0], [4]).at(0)
        >>> f"{one.value} [{one.lower:.2f}, {one.upper:.2f}]"
        '25.0 [9.76, 91.75]'
        >>> cost_per_event([100.0], [0]).at(0).state.value
        'unbounded above'
    """
    seen, spent = _counts(count, cost)
    low, high = _limits(seen, confidence)
    with np.errstate(divide="ignore", invalid="ignore"):
        value = np.where(seen == 0, np.nan, spent / seen)
        upper = np.where(seen == 0, np.inf, spent / low)
    why = np.where(seen == 0, Why.NO_DENOMINATOR, Why.FINE)
    return estimates(
        value, spent / high, upper, method=Method.POISSON, why=why, confidence=confidence
    )


def rate_ratio(
    count1: ArrayLike,
    exposure1: ArrayLike,
    count2: ArrayLike,
    exposure2: ArrayLike,
    *,
    confidence: float = 0.95,
) -> Estimates:
    """Events per exposure in the first group divided by the comparison's, exactly.

    Given how many events there were in both, those of the first are binomial; the limits are
    Clopper and Pearson's of that share, turned into a ratio.

    Args:
        count1: Events of the first group, whole numbers from 0.
        exposure1: What they are divided by (clicks, days, money), positive.
        count2: Events of the comparison.
        exposure2: Its exposure, in the same unit.
        confidence: Two-sided coverage, a fraction; the true coverage is never below it.

    Returns:
        Ratios without unit, with the doubled smaller tail as two-sided p-value. Unbounded above
        where the comparison has no events.

    Raises:
        ValueError: A count is negative or not whole, or an exposure negative.

    Source:
        Przyborowski & Wilenski (1940), Biometrika 31, 313-323.

    Example:
        >>> one = rate_ratio([11], [800], [21], [3011]).at(0)
        >>> f"{one.value:.2f} [{one.lower:.2f}, {one.upper:.2f}]"
        '1.97 [0.86, 4.28]'
    """
    (x1, e1), (x2, e2) = _counts(count1, exposure1), _counts(count2, exposure2)
    x1, e1, x2, e2 = (np.asarray(a) for a in np.broadcast_arrays(x1, e1, x2, e2))
    normal_quantile(confidence)  # refuses what is no confidence
    half = (1 - confidence) / 2
    bare, silent = (e1 == 0) | (e2 == 0), x1 + x2 == 0
    with np.errstate(divide="ignore", invalid="ignore"):
        value = (x1 / e1) / (x2 / e2)
        low = np.where(x1 > 0, special.betaincinv(np.maximum(x1, 1), x2 + 1, half), 0.0)
        high = np.where(x2 > 0, special.betaincinv(x1 + 1, np.maximum(x2, 1), 1 - half), 1.0)
        lower, upper = low / (1 - low) * e2 / e1, high / (1 - high) * e2 / e1
        share = e1 / (e1 + e2)
        # The binomial's two tails, both with what was seen, as incomplete beta functions.
        below = np.where(x2 > 0, special.betainc(np.maximum(x2, 1), x1 + 1, 1 - share), 1.0)
        above = np.where(x1 > 0, special.betainc(np.maximum(x1, 1), x2 + 1, share), 1.0)
    p = np.minimum(2 * np.minimum(below, above), 1.0)
    why = np.select(
        [bare, silent, x2 == 0],
        [Why.NO_DENOMINATOR, Why.NONE_AT_ALL, Why.NONE_IN_COMPARISON],
        Why.FINE,
    )
    gone = bare | silent
    return estimates(
        np.where(gone | (x2 == 0), np.nan, value),
        np.where(gone, np.nan, lower),
        np.where(gone, np.nan, upper),
        method=Method.POISSON,
        p=np.where(gone, np.nan, p),
        why=why,
        confidence=confidence,
    )


def _counts(count: ArrayLike, per: ArrayLike) -> tuple[Floats, Floats]:
    seen, over = np.broadcast_arrays(
        np.asarray(count, dtype=np.float64), np.asarray(per, dtype=np.float64)
    )
    if not (np.isfinite(seen).all() and np.isfinite(over).all()):
        msg = "counts and exposures must be finite numbers"
        raise ValueError(msg)
    if (seen < 0).any() or (seen % 1).any() or (over < 0).any():
        msg = "counts are whole numbers from 0, exposures and costs 0 or more"
        raise ValueError(msg)
    return seen, over


def _limits(seen: Floats, confidence: float) -> tuple[Floats, Floats]:
    normal_quantile(confidence)  # refuses what is no confidence
    half = (1 - confidence) / 2
    low = np.where(seen > 0, special.gammaincinv(np.maximum(seen, 1), half), 0.0)
    high: Floats = special.gammainccinv(seen + 1, half)
    return low, high
