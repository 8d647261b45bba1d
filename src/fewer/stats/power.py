"""Before a test: how many people it needs, and the smallest change that it could see."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from fewer.stats.estimate import Floats, normal_quantile

_HALVINGS = 60


def power(
    base: ArrayLike,
    ratio: ArrayLike,
    n: ArrayLike,
    *,
    n_comparison: ArrayLike | None = None,
    confidence: float = 0.95,
) -> Floats:
    """Chance to see that one rate is `ratio` times another, by the two-sided z test.

    Args:
        base: Rate in the comparison, a fraction in (0, 1).
        ratio: Rate in the first group over `base`; 1.26 is 26 % more.
        n: People in the first group.
        n_comparison: People in the comparison; as many as `n` when not given.
        confidence: 1 minus the two-sided level.

    Returns:
        Fractions from 0 to 1.

    Raises:
        ValueError: A rate is not inside (0, 1).

    Source:
        Fleiss, Levin & Paik (2003), ch. 4; statsmodels 0.15 power_proportions_2indep agrees.

    Example:
        >>> round(float(power(0.2, 0.5, 154, n_comparison=308)), 4)
        0.7996
    """
    low, high = _rates(base, ratio)
    many = np.asarray(n, dtype=np.float64)
    share = (many if n_comparison is None else np.asarray(n_comparison, np.float64)) / many
    null, alternative = _spreads(high, low, share)
    z, gap = normal_quantile(confidence), (high - low) * np.sqrt(many)
    seen: Floats = special.ndtr((gap - z * null) / alternative)
    return np.asarray(seen + special.ndtr((-gap - z * null) / alternative))


def people_needed(
    base: ArrayLike,
    ratio: ArrayLike,
    *,
    comparison_share: float = 1.0,
    wanted: float = 0.8,
    confidence: float = 0.95,
) -> Floats:
    """People the first group needs to see a change of `ratio` with chance `wanted`.

    Args:
        base: Rate in the comparison, a fraction in (0, 1).
        ratio: Rate in the first group over `base`.
        comparison_share: People in the comparison for each person of the first group.
        wanted: Chance to see the change, a fraction in (0, 1).
        confidence: 1 minus the two-sided level.

    Returns:
        People, not rounded; infinite where `ratio` is 1.

    Raises:
        ValueError: A rate is not inside (0, 1).

    Example:
        >>> int(np.ceil(people_needed(0.02, 1.26)))
        12823
    """
    low, high = _rates(base, ratio)
    null, alternative = _spreads(high, low, np.asarray(comparison_share, np.float64))
    reach = normal_quantile(confidence) * null + special.ndtri(wanted) * alternative
    with np.errstate(divide="ignore"):
        return np.asarray((reach / (high - low)) ** 2)


def smallest_ratio(
    base: ArrayLike,
    n: ArrayLike,
    *,
    n_comparison: ArrayLike | None = None,
    wanted: float = 0.8,
    confidence: float = 0.95,
) -> Floats:
    """Smallest rise that would be seen with chance `wanted`, as a ratio of rates.

    Args:
        base: Rate in the comparison, a fraction in (0, 1).
        n: People in the first group.
        n_comparison: People in the comparison; as many as `n` when not given.
        wanted: Chance to see the change.
        confidence: 1 minus the two-sided level.

    Returns:
        Ratios above 1; NaN where even every person converting would not be seen.

    Raises:
        ValueError: A base rate is not inside (0, 1).

    Example:
        >>> round(float(smallest_ratio(0.02, 1000)), 2)
        2.08
    """
    rate, many = np.broadcast_arrays(np.asarray(base, np.float64), np.asarray(n, np.float64))
    low, high = np.ones_like(rate), (1 - 1e-9) / rate
    unseen = power(rate, high, many, n_comparison=n_comparison, confidence=confidence) < wanted
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        seen = power(rate, middle, many, n_comparison=n_comparison, confidence=confidence) >= wanted
        low, high = np.where(seen, low, middle), np.where(seen, middle, high)
    return np.where(unseen, np.nan, high)


def _rates(base: ArrayLike, ratio: ArrayLike) -> tuple[Floats, Floats]:
    low = np.asarray(base, dtype=np.float64)
    high = low * np.asarray(ratio, dtype=np.float64)
    if not ((low > 0).all() and (low < 1).all() and (high >= 0).all() and (high < 1).all()):
        msg = "rates must lie inside 0 and 1, the changed one too"
        raise ValueError(msg)
    return low, high


def _spreads(high: Floats, low: Floats, share: Floats) -> tuple[Floats, Floats]:
    """Standard deviations, times the root of the first group's size, without and with a change."""
    pooled = (high + share * low) / (1 + share)
    null = np.sqrt(pooled * (1 - pooled) * (1 + 1 / share))
    return null, np.sqrt(high * (1 - high) + low * (1 - low) / share)
