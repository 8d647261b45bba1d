"""Amounts per person adjusted for the same people's amount before they were assigned (CUPED)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from pyroaring import BitMap

from fewer.journey.measure.evidence import EvidenceLabel
from fewer.journey.measure.figure import Figure, percent
from fewer.journey.measure.outcomes import Outcomes
from fewer.stats.cuped import cuped_means
from fewer.stats.estimate import Floats
from fewer.stats.sums import Sums, sums

_LEAST_REMOVED = 0.005
"""Share of the variance below which an adjustment is not worth a second figure."""


def adjusted_values(
    first: Sequence[BitMap],
    second: Sequence[BitMap],
    outcome: Outcomes,
    before: Outcomes | None,
    label: EvidenceLabel,
) -> list[Figure | None]:
    """Difference of the amount per person in each pair of groups, adjusted for the time before.

    Args:
        first: Groups of people at risk, one a segment.
        second: The groups they are compared with.
        outcome: Amounts after the assignment.
        before: Amounts of the same goal before it; None where they are not known.
        label: Of the figures.

    Returns:
        None where the goal has no amount, or the time before explains next to nothing.
    """
    if before is None or outcome.value is None or before.value is None or not first:
        return [None] * len(first)
    found = cuped_means(
        _sums(first, outcome, before), _sums(second, outcome, before), "now", "before",
        confidence=outcome.confidence,
    )  # fmt: skip
    return [
        Figure(
            found.difference.at(i),
            "amount",
            outcome.unit,
            label,
            f"adjusted for the time before, which takes {percent(float(removed))} % of the noise",
        )
        if removed >= _LEAST_REMOVED
        else None
        for i, removed in enumerate(found.removed)
    ]


def _sums(groups: Sequence[BitMap], outcome: Outcomes, before: Outcomes) -> Sums:
    rows = [_row(group, outcome, before) for group in groups]
    n, now, then, now2, then2, both, some_now, some_then = (
        np.array([row[i] for row in rows]) for i in range(8)
    )
    return sums(
        n,
        {"now": now, "before": then},
        {("now", "now"): now2, ("before", "before"): then2, ("now", "before"): both},
        {"now": some_now, "before": some_then},
    )


def _row(group: BitMap, outcome: Outcomes, before: Outcomes) -> tuple[float, ...]:
    """People, sums, squares and product of one group; who has neither amount adds to people."""
    anyone = group & (outcome.bitmap | before.bitmap)
    people = np.asarray(anyone.to_array(), dtype=np.uint32)
    y, x = _amounts(people, outcome), _amounts(people, before)
    return (
        float(len(group)),
        float(y.sum()), float(x.sum()), float(y @ y), float(x @ x), float(x @ y),
        float(np.count_nonzero(y)), float(np.count_nonzero(x)),
    )  # fmt: skip


def _amounts(people: np.ndarray[tuple[int], np.dtype[np.uint32]], of: Outcomes) -> Floats:
    """Amount of each person, 0 for who has none."""
    found = np.zeros(len(people))
    if of.value is None or not len(of.persons):
        return found
    at = np.minimum(np.searchsorted(of.persons, people), len(of.persons) - 1)
    there = of.persons[at] == people
    found[there] = of.value[at[there]]
    return found
