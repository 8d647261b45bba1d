"""A whole table of comparisons in one call: every segment, every arm, every metric.

Takes `Sums` of shape ``(segments, arms)`` and says of each metric its level in every arm, and how
every arm compares with one of them. A thousand segments and three metrics take milliseconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from fewer.stats.estimate import Estimates
from fewer.stats.mean import mean, mean_difference, mean_ratio
from fewer.stats.proportion import difference, rate, ratio
from fewer.stats.sums import Sums
from fewer.stats.user_ratio import user_ratio, user_ratio_difference, user_ratio_ratio

Kind = Literal["rate", "mean", "ratio"]


@dataclass(frozen=True, slots=True)
class Metric:
    """What is measured: a share of people, an amount a person, or a ratio of two sums."""

    name: str
    kind: Kind
    over: str  # the amount; of a rate, 1 for those who did and 0 for those who did not
    under: str = ""  # of a ratio: what it is divided by


@dataclass(frozen=True, slots=True)
class Compared:
    """One metric of a table."""

    level: Estimates  # shape (segments, arms)
    difference: Estimates  # shape (segments, arms - 1): every other arm less the comparison
    ratio: Estimates  # the same, divided by it


def compare_table(
    sums: Sums, metrics: Sequence[Metric], *, comparison: int = 0, confidence: float = 0.95
) -> dict[str, Compared]:
    """Levels and comparisons of every metric.

    Args:
        sums: Rows of shape ``(segments, arms)``, two arms or more.
        metrics: What is wanted of them.
        comparison: Which arm the others are held against, from 0.
        confidence: Two-sided coverage of each interval, a fraction. Nothing is adjusted here
            for there being many: see `multiplicity` and `shrinkage`.

    Returns:
        Name of the metric -> `Compared`, arms in their order without the comparison.

    Raises:
        ValueError: The sums have another shape, or lack an amount.

    Example:
        >>> import numpy as np
        >>> from fewer.stats.sums import sums_of
        >>> arm = np.arange(4000) % 2
        >>> bought = np.random.default_rng(1).random(4000) < np.where(arm, 0.07, 0.05)
        >>> table = sums_of({"bought": bought}, arm, 2)[None]
        >>> found = compare_table(table, [Metric("conversion", "rate", "bought")])
        >>> one = found["conversion"].ratio.at(0, 0)
        >>> f"{one.value:.2f} [{one.lower:.2f}, {one.upper:.2f}]"
        '1.68 [1.31, 2.15]'
    """
    if sums.n.ndim != 2 or sums.n.shape[1] < 2 or not 0 <= comparison < sums.n.shape[1]:  # noqa: PLR2004
        raise ValueError(
            f"a table has a row for each segment and arm, two arms or more, not {sums.n.shape}"
        )
    others = [arm for arm in range(sums.n.shape[1]) if arm != comparison]
    first, second = sums[:, others], sums[:, [comparison] * len(others)]
    return {m.name: _compared(m, sums, first, second, confidence) for m in metrics}


def _compared(metric: Metric, sums: Sums, first: Sums, second: Sums, confidence: float) -> Compared:
    match metric.kind:
        case "rate":
            k1, k2 = first.total(metric.over), second.total(metric.over)
            return Compared(
                rate(sums.total(metric.over), sums.n, confidence=confidence),
                difference(k1, first.n, k2, second.n, confidence=confidence),
                ratio(k1, first.n, k2, second.n, confidence=confidence),
            )
        case "mean":
            a, b = first.moments(metric.over), second.moments(metric.over)
            return Compared(
                mean(sums.moments(metric.over), confidence=confidence),
                mean_difference(a, b, confidence=confidence),
                mean_ratio(a, b, confidence=confidence),
            )
        case "ratio":
            names = metric.over, metric.under
            return Compared(
                user_ratio(sums, *names, confidence=confidence),
                user_ratio_difference(first, second, *names, confidence=confidence),
                user_ratio_ratio(first, second, *names, confidence=confidence),
            )
