"""Not worse than: comparisons against a margin that was agreed before the start.

"No significant harm" is no proof of no harm: few people show nothing. A margin turns the
question round: the worst that the data allow must be better than the margin. Margins are
relative (a share of the comparison's figure) or absolute (in its unit), and each question has
one side.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from fewer.stats.estimate import Estimates, Flags, Floats, counts
from fewer.stats.mean import Moments, mean_difference, mean_ratio
from fewer.stats.proportion import rate, score_ratio
from fewer.stats.score import ratio_score
from fewer.stats.score_difference import difference_score, score_difference

Better = Literal["higher", "lower"]


class Verdict(StrEnum):
    """What a comparison says about a margin."""

    WITHIN = "within the margin"
    BEYOND = "beyond the margin"
    UNCLEAR = "not enough data yet"


@dataclass(frozen=True, slots=True)
class Against:
    """Comparisons against a margin; arrays of one shape."""

    estimates: Estimates  # with the two-sided interval whose one side is tested
    worst: Floats  # the limit on the bad side: the worst that the data allow
    limit: float  # what it must be better than: 0.95 for a relative margin of 5 %
    p: Floats  # one-sided p-value of "worse than the margin"; NaN where there is none
    level: float  # one-sided
    better: Better

    @property
    def verdicts(self) -> NDArray[np.object_]:
        """One `Verdict` an element."""
        sign = 1.0 if self.better == "higher" else -1.0
        lower, upper = self.estimates.lower, self.estimates.upper
        good = upper if self.better == "higher" else lower
        within = sign * self.worst > sign * self.limit
        beyond = sign * good < sign * self.limit
        found = np.full(self.worst.shape, Verdict.UNCLEAR, dtype=object)
        found[np.asarray(within)] = Verdict.WITHIN
        found[np.asarray(beyond)] = Verdict.BEYOND
        return found

    def verdict(self, *index: int) -> Verdict:
        """The verdict of one element."""
        return Verdict(self.verdicts[index])


def rates_within(
    k1: ArrayLike,
    n1: ArrayLike,
    k2: ArrayLike,
    n2: ArrayLike,
    *,
    margin: float,
    relative: bool = True,
    better: Better = "higher",
    level: float = 0.025,
) -> Against:
    """Whether a rate is at most `margin` worse than the comparison's.

    Args:
        k1: People who converted in the first group.
        n1: People in the first group.
        k2: People who converted in the comparison.
        n2: People in the comparison.
        margin: How much worse is still accepted, above 0: 0.05 is 5 % of the comparison's
            rate if `relative`, else 5 points.
        relative: Whether the ratio or the difference is held against it.
        better: Which direction is good: "higher" for conversions, "lower" for unsubscribes.
        level: One-sided chance of saying "within" of what is just beyond, a fraction.

    Returns:
        Score tests and score intervals, which always agree with each other.

    Raises:
        ValueError: The margin is not above 0 (and below 1 where lower is worse), or a count
            is not between 0 and its group.

    Source:
        Farrington & Manning (1990), Statistics in Medicine 9, 1447-1454, with the variance of
        Miettinen & Nurminen (1985); Koopman (1984) for the ratio.

    Example:
        >>> found = rates_within([980], [20000], [1000], [20000], margin=0.1)
        >>> f"{found.worst[0]:.3f} {found.verdict(0)} (p {found.p[0]:.3f})"
        '0.899 not enough data yet (p 0.026)'
    """
    limit = _limit(margin, relative=relative, better=better)
    table = *counts(k1, n1), *counts(k2, n2)
    if relative:
        found = score_ratio(*table, confidence=1 - 2 * level)
        score = ratio_score(limit, *table)
    else:
        found = score_difference(*table, confidence=1 - 2 * level)
        some = np.maximum(table[1], 1), np.maximum(table[3], 1)
        score = difference_score(limit, table[0], some[0], table[2], some[1])
    p = special.ndtr(-score if better == "higher" else score)
    return _against(found, limit, p, better, level)


def means_within(
    first: Moments,
    second: Moments,
    *,
    margin: float,
    relative: bool = True,
    better: Better = "higher",
    level: float = 0.025,
) -> Against:
    """Whether an amount per person is at most `margin` worse than the comparison's.

    Args:
        first: Sums of the first group.
        second: Sums of the comparison.
        margin: Share of the comparison's average if `relative`, else in the amount's unit.
        relative: Whether the ratio or the difference is held against it.
        better: Which direction is good.
        level: One-sided chance of saying "within" of what is just beyond.

    Returns:
        Intervals of `mean_ratio` or `mean_difference`; p from their standard error.

    Raises:
        ValueError: The margin is not above 0 (and below 1 where lower is worse).

    Example:
        >>> from fewer.stats.mean import moments
        >>> a, b = moments([900.0], [1810.0], [5000.0]), moments([900.0], [1800.0], [5000.0])
        >>> found = means_within(a, b, margin=0.1)
        >>> f"{found.worst[0]:.2f} {found.verdict(0)}"
        '0.95 within the margin'
    """
    limit = _limit(margin, relative=relative, better=better)
    compare = mean_ratio if relative else mean_difference
    found = compare(first, second, confidence=1 - 2 * level)
    return within(found, limit, better=better, log=relative)


def within(
    found: Estimates, limit: float, *, better: Better = "higher", log: bool = False
) -> Against:
    """Any estimates against any limit: cost per click, return on spend, adjusted differences.

    Args:
        found: Estimates made with confidence ``1 - 2 * level``: 0.95 tests at 2.5 % one-sided.
        limit: What they must be better than, on their own scale: 0.95 for a ratio that may
            fall by 5 %, -2.0 for a difference in their unit.
        better: Which direction is good.
        log: Whether they are ratios, whose intervals are symmetric on the log scale.

    Returns:
        `Against`; p-values are read off the width of the interval, assuming it is normal.

    Example:
        >>> from fewer.stats.estimate import estimates, Method
        >>> cost = estimates([0.86], [0.78], [0.95], method=Method.LOG_DELTA)
        >>> within(cost, 1.0, better="lower", log=True).verdict(0).value
        'within the margin'
    """
    level = (1 - found.confidence) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = np.log if log else np.asarray
        reach = scale(found.upper) - scale(found.lower)
        error = reach / (2 * special.ndtri(1 - level))
        score = (scale(found.value) - scale(np.float64(limit))) / error
    p = special.ndtr(-score if better == "higher" else score)
    return _against(found, limit, p, better, level)


@dataclass(frozen=True, slots=True)
class Inside:
    """Rates against two bounds; arrays of one shape."""

    estimates: Estimates  # with the interval that lies inside exactly if both tests hold
    p_low: Floats  # one-sided p-value of "below the lower bound"
    p_high: Floats  # one-sided p-value of "above the upper bound"
    level: float

    @property
    def inside(self) -> Flags:
        """Whether both bounds are kept."""
        return np.asarray(np.maximum(self.p_low, self.p_high) < self.level)


def rate_inside(
    k: ArrayLike, n: ArrayLike, low: float, high: float, *, level: float = 0.05
) -> Inside:
    """Whether one rate lies between two bounds (equivalence), by two one-sided score tests.

    Args:
        k: People who converted.
        n: People.
        low: Lower bound, a fraction above 0.
        high: Upper bound, a fraction below 1.
        level: One-sided level of each of the tests, a fraction.

    Returns:
        `Inside`, with the Wilson interval of confidence ``1 - 2 * level``.

    Raises:
        ValueError: The bounds are not in order inside (0, 1).

    Source:
        Schuirmann (1987), J. Pharmacokinetics and Biopharmaceutics 15, 657-680.

    Example:
        >>> found = rate_inside([228], [762], 0.18, 0.38)
        >>> f"{found.estimates.lower[0]:.3f} {found.estimates.upper[0]:.3f} {found.inside[0]}"
        '0.273 0.327 True'
    """
    if not 0 < low < high < 1:
        raise ValueError(f"bounds are fractions inside 0 and 1, in order, not {low} and {high}")
    some, of = counts(k, n)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = some / of
        p_low = special.ndtr(-(share - low) / np.sqrt(low * (1 - low) / of))
        p_high = special.ndtr((share - high) / np.sqrt(high * (1 - high) / of))
    return Inside(rate(some, of, confidence=1 - 2 * level), p_low, p_high, level)


def _limit(margin: float, *, relative: bool, better: Better) -> float:
    if not margin > 0 or (relative and better == "higher" and margin >= 1):
        raise ValueError(f"a margin is how much worse is still accepted, above 0, not {margin}")
    worse = -margin if better == "higher" else margin
    return 1 + worse if relative else worse


def _against(found: Estimates, limit: float, p: Floats, better: Better, level: float) -> Against:
    worst = found.lower if better == "higher" else found.upper
    none = np.isnan(found.lower) | np.isnan(found.upper)
    return Against(found, worst, limit, np.where(none, np.nan, p), level, better)
