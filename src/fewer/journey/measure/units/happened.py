"""Conversions of goals over all time, added up by unit and window: one question, many windows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap

from fewer.model.goal import Goal
from fewer.model.metric import GoalSum, Mean, Metric

Floats = NDArray[np.float64]
Window = tuple[int, int]
"""From and to, in UTC microseconds; the end is out."""

NOWHERE: Final = -1


@dataclass(frozen=True, slots=True)
class Happened:
    """Every conversion of a goal that nothing took back, ascending by time.

    `value` is in the goal's currency; None when the goal has none.
    """

    goal: Goal
    persons: NDArray[np.uint32]
    ts: NDArray[np.int64]
    value: Floats | None

    def by_person(self, window: Window) -> tuple[NDArray[np.uint32], Floats, Floats | None]:
        """People who converted in the window, ascending; conversions and value of each."""
        first, last = np.searchsorted(self.ts, window)
        people, at, count = np.unique(
            self.persons[first:last], return_inverse=True, return_counts=True
        )
        once = self.goal.counts == "first"
        value = None
        if self.value is not None:
            worth = self.value[first:last]
            if once:
                place = np.full(len(people), last - first)
                np.minimum.at(place, at, np.arange(last - first))
                value = worth[place]
            else:
                value = np.bincount(at, weights=worth, minlength=len(people))
        conversions = np.minimum(count, 1) if once else count
        return people, conversions.astype(np.float64), value


@dataclass(frozen=True, slots=True)
class Places:
    """Which unit each person belongs to; people of no unit count nowhere."""

    names: tuple[str, ...]
    of: NDArray[np.int32]  # by person number
    people: NDArray[np.int64]  # by unit

    @classmethod
    def make(cls, members: Mapping[str, BitMap]) -> Places:
        """From people by unit; nobody may be in two."""
        last = max((who.max() for who in members.values() if who), default=0)
        of = np.full(last + 1, NOWHERE, dtype=np.int32)
        for i, who in enumerate(members.values()):
            of[np.asarray(who.to_array(), dtype=np.uint32)] = i
        sizes = np.array([len(who) for who in members.values()], dtype=np.int64)
        return cls(tuple(members), of, sizes)

    def unit(self, persons: NDArray[np.uint32]) -> NDArray[np.int32]:
        """Unit of each person; `NOWHERE` for those of none."""
        known = persons < len(self.of)
        found = np.full(len(persons), NOWHERE, dtype=np.int32)
        found[known] = self.of[persons[known]]
        return found

    def total(self, persons: NDArray[np.uint32], worth: Floats) -> Floats:
        """Sum of what people bring, by unit."""
        unit = self.unit(persons)
        inside = unit >= 0
        found = np.bincount(unit[inside], weights=worth[inside], minlength=len(self.names))
        return found.astype(np.float64)


@dataclass(frozen=True, slots=True)
class Totals:
    """Above and below the line of a metric, and people who converted; shape (windows, units)."""

    above: Floats
    below: Floats
    converted: Floats
    counted: bool  # what is above the line are counts, of which none can be by chance

    @property
    def levels(self) -> Floats:
        """Log of above over below; half a count is added, and of no amount there is no level."""
        more = 0.5 if self.counted else 0.0
        with np.errstate(divide="ignore", invalid="ignore"):
            found = np.log(self.above + more) - np.log(self.below)
        return np.where(np.isfinite(found), found, np.nan)

    def first(self, windows: int) -> Totals:
        """The first windows alone."""
        return Totals(
            self.above[:windows], self.below[:windows], self.converted[:windows], self.counted
        )

    def pooled(self, windows: slice) -> Totals:
        """Some windows as one, shape (1, units)."""
        return Totals(
            self.above[windows].sum(axis=0)[None],
            self.below[windows].sum(axis=0)[None],
            self.converted[windows].sum(axis=0)[None],
            self.counted,
        )


def totals(
    metric: Metric, happened: Mapping[str, Happened], places: Places, windows: Sequence[Window]
) -> Totals | None:
    """Sums of a metric by window and unit; None of a metric that people's goals don't give.

    Args:
        metric: A rate, an average or a ratio of sums over people.
        happened: Goal -> its conversions.
        places: Who belongs to which unit.
        windows: From and to.
    """
    over, under = _parts(metric)
    if over is None or under is None:
        return None
    rows = [_sums(metric, part, happened, places, windows) for part in (over, under)]
    converted = _sums(metric, GoalSum(goal=over.goal, of="converted"), happened, places, windows)
    if rows[0] is None or rows[1] is None or converted is None:
        return None
    return Totals(rows[0], rows[1], converted, over.of != "value")


def _parts(metric: Metric) -> tuple[GoalSum | None, GoalSum | None]:
    if metric.rate:
        goal = metric.rate.goal
        return GoalSum(goal=goal, of="converted"), GoalSum(goal=goal, of="people")
    if metric.mean:
        goal = metric.mean.goal
        return GoalSum(goal=goal, of=metric.mean.of), GoalSum(goal=goal, of="people")
    if metric.ratio is None:
        return None, None
    over, under = metric.ratio.of, metric.ratio.to
    return (
        over if isinstance(over, GoalSum) else None,
        under if isinstance(under, GoalSum) else None,
    )


def _sums(
    metric: Metric,
    part: GoalSum,
    happened: Mapping[str, Happened],
    places: Places,
    windows: Sequence[Window],
) -> Floats | None:
    if part.of == "people":
        return np.tile(places.people.astype(np.float64), (len(windows), 1))
    rows = []
    for window in windows:
        people, conversions, value = happened[part.goal].by_person(window)
        worth = {"converted": np.ones(len(people)), "conversions": conversions, "value": value}[
            part.of
        ]
        if worth is None:
            return None
        if metric.mean:
            worth = _bounded(worth, metric.mean, places, people)
        rows.append(places.total(people, worth))
    return np.array(rows).reshape(len(windows), len(places.names))


def _bounded(worth: Floats, spec: Mean, places: Places, people: NDArray[np.uint32]) -> Floats:
    """A person's sum, capped or winsorised at a percentile of everyone's, zeros included."""
    if spec.cap is not None:
        return np.minimum(worth, float(spec.cap))
    if spec.winsorise is None:
        return worth
    inside = np.sort(worth[places.unit(people) >= 0])
    everyone = int(places.people.sum())
    place = int(np.ceil(float(spec.winsorise) / 100 * everyone)) - 1 - (everyone - len(inside))
    return np.minimum(worth, inside[place]) if 0 <= place < len(inside) else worth
