"""Whose outcomes are measured: groups of people as bitmaps, and sums over them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap

from fewer.journey.measure.outcomes import Outcomes
from fewer.model.condition import Condition, Did, DidNot, First, Last, SequenceOf, walk
from fewer.model.segment import Segment
from fewer.model.window import Windowed
from fewer.stats.mean import Moments

Counts = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Population:
    """Members of a segment, or of one of its lookback variants, at the moment measured from.

    `reach_us` is how far back from that moment the condition looks; None is all history.
    """

    id: str
    title: str
    members: BitMap
    reach_us: int | None = None
    variant_of: str | None = None


def population(segment: Segment, members: BitMap) -> Population:
    """The population of a segment (a variant's id is ``parent@7d``)."""
    parent, mark, _ = segment.id.partition("@")
    return Population(
        segment.id, segment.title, members, reach_us(segment.where), parent if mark else None
    )


def reach_us(condition: Condition) -> int | None:
    """Longest trailing window of a condition, in microseconds; None: all history or absolute."""
    longest = 0
    for part in walk(condition):
        if not isinstance(part, Did | DidNot | First | Last | SequenceOf):
            continue
        if isinstance(part, Did) and part.periods:
            longest = max(longest, part.periods.each.micros * part.periods.last)
        elif (reach := _reach(part)) is not None:
            longest = max(longest, reach)
        elif not isinstance(part, DidNot):  # never having done a thing is no sign of activity
            return None
    return longest or None


def _reach(windowed: Windowed) -> int | None:
    if windowed.within is not None:
        return windowed.within.micros
    return windowed.between.from_.micros if windowed.between is not None else None


@dataclass(frozen=True, slots=True)
class Sums:
    """Sufficient sums, one element a group: all that the statistics ask for."""

    people: Counts
    converted: Counts
    conversions: Counts
    before: Counts
    value: Moments | None

    def __sub__(self, part: Sums) -> Sums:
        """Everyone less a part of them."""
        return Sums(
            self.people - part.people,
            self.converted - part.converted,
            self.conversions - part.conversions,
            self.before - part.before,
            self.value - part.value if self.value and part.value else None,
        )

    def __iter__(self) -> Iterator[tuple[int, int, int, int]]:
        columns = (self.people, self.converted, self.conversions, self.before)
        return zip(*(column.tolist() for column in columns), strict=True)


def sums(groups: Sequence[BitMap], outcomes: Outcomes) -> Sums:
    """Sums of the outcomes of each group. Groups may overlap."""
    rows = [_indices(group & outcomes.bitmap, outcomes) for group in groups]
    value = None
    if outcomes.value is not None:
        amounts = [outcomes.value[row] for row in rows]
        value = Moments(
            np.array([len(group) for group in groups], dtype=np.float64),
            np.array([a.sum() for a in amounts]),
            np.array([(a**2).sum() for a in amounts]),
            np.array([np.count_nonzero(a) for a in amounts], dtype=np.float64),
        )
    return Sums(
        np.array([len(group) for group in groups], dtype=np.int64),
        np.array([len(row) for row in rows], dtype=np.int64),
        np.array([outcomes.conversions[row].sum() for row in rows], dtype=np.int64),
        np.array([group.intersection_cardinality(outcomes.before) for group in groups], np.int64),
        value,
    )


def _indices(converted: BitMap, outcomes: Outcomes) -> NDArray[np.intp]:
    people = np.frombuffer(converted.to_array(), dtype=np.uint32) if converted else np.array([])
    return np.searchsorted(outcomes.persons, people)
