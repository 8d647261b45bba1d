"""How to share people out before a test: holdout, several arms, pooled programmes, margins."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from fewer.stats.estimate import Floats, normal_quantile
from fewer.stats.power import people_needed, power

_HALVINGS = 50


def per_comparison(confidence: float, comparisons: int) -> float:
    """Confidence for each of several comparisons with one group, so that all hold together.

    Args:
        confidence: Wanted for all of them together, a fraction.
        comparisons: How many arms are compared with it.

    Returns:
        Bonferroni's confidence, for `power.power`, `people_needed` and the intervals.

    Example:
        >>> round(per_comparison(0.95, 3), 4)
        0.9833
    """
    if comparisons < 1:
        raise ValueError(f"there is at least one comparison, not {comparisons}")
    return 1 - (1 - confidence) / comparisons


def best_comparison_share(arms: int) -> float:
    """People in the comparison for each person of an arm, when several arms share it.

    The root of the number of arms lets the same number of people show the smallest changes.

    Source:
        Dunnett (1955), JASA 50, 1096-1121.

    Example:
        >>> best_comparison_share(4)
        2.0
    """
    if arms < 1:
        raise ValueError(f"there is at least one arm, not {arms}")
    return float(np.sqrt(arms))


def people_needed_for_arms(
    base: ArrayLike,
    ratio: ArrayLike,
    *,
    arms: int,
    comparison_share: float | None = None,
    wanted: float = 0.8,
    confidence: float = 0.95,
) -> tuple[Floats, Floats]:
    """People in each arm, and in the comparison, to see `ratio` in any one arm.

    Args:
        base: Rate in the comparison, a fraction in (0, 1).
        ratio: Rate in an arm over `base`.
        arms: Arms that are compared with the comparison.
        comparison_share: People there for each person of an arm; the best when not given.
        wanted: Chance to see the change of one arm.
        confidence: Wanted for all comparisons together.

    Returns:
        People of one arm and of the comparison, not rounded.

    Example:
        >>> arm, comparison = people_needed_for_arms(0.02, 1.5, arms=3)
        >>> int(np.ceil(arm)), int(np.ceil(comparison))
        (3921, 6792)
    """
    share = best_comparison_share(arms) if comparison_share is None else comparison_share
    arm = people_needed(
        base,
        ratio,
        comparison_share=share,
        wanted=wanted,
        confidence=per_comparison(confidence, arms),
    )
    return arm, arm * share


def holdout_share(
    base: ArrayLike,
    ratio: ArrayLike,
    people: ArrayLike,
    *,
    wanted: float = 0.8,
    confidence: float = 0.95,
) -> Floats:
    """Smallest share to hold out that shows a change of `ratio` with chance `wanted`.

    Args:
        base: Rate of those held out, a fraction in (0, 1).
        ratio: Rate of those reached, over `base`.
        people: All people of the segment or programme.
        wanted: Chance to see the change.
        confidence: 1 minus the two-sided level.

    Returns:
        Shares up to one half; NaN where even one half does not show it.

    Raises:
        ValueError: A rate is not inside (0, 1).

    Example:
        >>> holdout_share(0.02, [1.26, 1.1], 100_000).round(3).tolist()
        [0.072, nan]
    """
    low_rate, change, all_of = np.broadcast_arrays(
        *(np.asarray(a, dtype=np.float64) for a in (base, ratio, people))
    )

    def seen(share: Floats) -> Floats:
        held = all_of * share
        return power(low_rate, change, all_of - held, n_comparison=held, confidence=confidence)

    low, high = np.full(all_of.shape, 1e-6), np.full(all_of.shape, 0.5)
    never = seen(high) < wanted
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        enough = seen(middle) >= wanted
        low, high = np.where(enough, low, middle), np.where(enough, middle, high)
    return np.where(never, np.nan, high)


def smallest_pooled_ratio(
    base: ArrayLike,
    n: ArrayLike,
    n_comparison: ArrayLike,
    *,
    tau: float = 0.0,
    wanted: float = 0.8,
    confidence: float = 0.95,
) -> Floats:
    """Smallest common rise that segments pooled together would show with chance `wanted`.

    Args:
        base: Rate in the comparison of each segment, shape ``(..., segments)``.
        n: People in the first group of each segment.
        n_comparison: People in its comparison.
        tau: Standard deviation of the true log ratios between segments; 0 if they share one.
        wanted: Chance to see the rise.
        confidence: 1 minus the two-sided level.

    Returns:
        Ratios above 1, the last axis gone; NaN where not even everybody converting shows.

    Raises:
        ValueError: A rate is not inside (0, 1).

    Example:
        >>> one = smallest_pooled_ratio([0.02], [1000], [1000])
        >>> many = smallest_pooled_ratio([0.02] * 50, [1000] * 50, [1000] * 50)
        >>> round(float(one), 2), round(float(many), 2)
        (2.12, 1.13)
    """
    rate, first, second = np.broadcast_arrays(
        *(np.asarray(a, dtype=np.float64) for a in (base, n, n_comparison))
    )
    if not ((rate > 0).all() and (rate < 1).all()):
        raise ValueError("rates must lie inside 0 and 1")
    z = normal_quantile(confidence) + float(special.ndtri(wanted))
    most = np.log(1 / rate.max(axis=-1)) * (1 - 1e-9)

    def short(log_ratio: Floats) -> Floats:
        """How far a rise is below what its own error needs; falls with the rise."""
        high = np.minimum(rate * np.exp(log_ratio)[..., None], 1 - 1e-12)
        variance = (1 - high) / (first * high) + (1 - rate) / (second * rate) + tau**2
        return np.asarray(z / np.sqrt((1 / variance).sum(axis=-1)) - log_ratio)

    low, high = np.zeros_like(most), most.copy()
    never = short(high) > 0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        enough = short(middle) <= 0
        low, high = np.where(enough, low, middle), np.where(enough, middle, high)
    return np.where(never, np.nan, np.exp(high))


def people_for_margin(
    base: ArrayLike,
    margin: ArrayLike,
    *,
    relative: bool = True,
    comparison_share: float = 1.0,
    wanted: float = 0.8,
    level: float = 0.025,
) -> Floats:
    """People the first group needs to show a rate is within `margin` when it truly is the same.

    Args:
        base: The rate, a fraction in (0, 1).
        margin: How much worse is accepted: a share of the rate if `relative`, else a fraction.
        relative: Which of the two.
        comparison_share: People in the comparison for each person of the first group.
        wanted: Chance to show it.
        level: One-sided level of the test.

    Returns:
        People, not rounded.

    Raises:
        ValueError: A rate is not inside (0, 1), or a margin not above 0 (and below 1).

    Example:
        >>> int(np.ceil(people_for_margin(0.05, 0.1)))
        26869
    """
    rate, worse = np.asarray(base, np.float64), np.asarray(margin, np.float64)
    if not ((rate > 0).all() and (rate < 1).all() and (worse > 0).all() and (worse < 1).all()):
        raise ValueError("rates and margins must lie inside 0 and 1")
    reach = float(special.ndtri(1 - level) + special.ndtri(wanted))
    if relative:
        variance, gap = (1 - rate) / rate, np.log(1 - worse)
    else:
        variance, gap = rate * (1 - rate), worse
    return np.asarray(reach**2 * variance * (1 + 1 / comparison_share) / gap**2)
