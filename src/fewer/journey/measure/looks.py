"""Daily looks: intervals of two groups that hold at every look together.

Everybody is assigned before the first look and conversions come in for days. What grows from look
to look is therefore not the number of people but what is known of them: conversions, counted as
odds where many convert. An interval whose clock stood still at the people would be too narrow
early on and too wide at the end.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
from pyroaring import BitMap

from fewer.journey.measure.outcomes import Outcomes
from fewer.journey.measure.population import Sums
from fewer.stats.estimate import Estimate, Estimates, Floats, normal_quantile
from fewer.stats.sequential import (
    LEAST_EVENTS,
    confidence_sequence,
    information,
    mean_difference_sequence,
    mean_ratio_sequence,
    rate_difference_sequence,
    rate_ratio_sequence,
)

USUAL_RATE: Final = 0.02
"""Conversions a person expected at the end, where the time before tells nothing. Any number that
is fixed before the start keeps the promise; a better one makes the intervals narrower."""


def expected(groups: Sequence[BitMap], before: Outcomes | None) -> Floats:
    """Information expected at the planned end, one number a pair of groups.

    It is what the same people did in as long a time before they were assigned: known before the
    first look and by no look changed.

    Args:
        groups: People of both arms together, one set a pair.
        before: Their conversions in the time before, if they were read.
    """
    people = np.array([len(g) for g in groups], dtype=np.float64)
    usual = people * USUAL_RATE
    if before is not None:
        seen = np.array([g.intersection_cardinality(before.bitmap) for g in groups], np.float64)
        usual = np.where(seen >= 2 * LEAST_EVENTS, information(seen, people), usual)
    return np.maximum(usual, 2.0 * LEAST_EVENTS)


def sequences(
    first: Sums, against: Sums, level: float, planned: Floats
) -> tuple[Estimates, Estimates, Estimates | None, Estimates | None]:
    """Difference and ratio of rates, difference and ratio of amounts, one row a pair of groups.

    Args:
        first: Sums of the first groups.
        against: Sums of the others.
        level: Confidence, a fraction.
        planned: From `expected`.
    """
    table = tuple(
        a.astype(np.float64)
        for a in (first.converted, first.people, against.converted, against.people)
    )
    seen = information(table[0] + table[2], table[1] + table[3])

    def rates(of: Callable[..., Estimates]) -> Estimates:
        return of(*table, planned=planned, so_far=seen, confidence=level)

    def amounts(of: Callable[..., Estimates]) -> Estimates | None:
        one, two = first.value, against.value
        if one is None or two is None:
            return None
        return of(one, two, planned=planned, so_far=seen, confidence=level)

    return (
        rates(rate_difference_sequence),
        rates(rate_ratio_sequence),
        amounts(mean_difference_sequence),
        amounts(mean_ratio_sequence),
    )


def watched(found: Estimate, seen: float, planned: float, *, log: bool) -> Estimate:
    """An estimate whose interval holds at one look, with one that holds at all of them.

    Its standard error is read off its interval, so it must be symmetric (on the log scale if
    `log`), as Mantel-Haenszel's is.

    Args:
        found: With an interval for a single look.
        seen: Information so far.
        planned: At the planned end.
        log: Whether it is a ratio.
    """
    if found.value is None or found.lower is None or found.upper is None:
        return found
    if log and found.lower <= 0:
        return found
    scale: Callable[[float], Any] = np.log if log else float
    error = (scale(found.upper) - scale(found.lower)) / (2 * normal_quantile(found.confidence))
    return confidence_sequence(
        [found.value], [error], [seen], planned=planned, confidence=found.confidence, log=log
    ).at(0)
