"""What was seen before a test: who is in it, how many join a week, what they do unasked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap

from fewer.errors import GuardError
from fewer.journey.measure.assign_waterfall import waterfall
from fewer.journey.measure.design.group import Basis
from fewer.journey.measure.landmark import Landmark
from fewer.journey.measure.outcomes import Outcomes
from fewer.model.metric import GoalSum, Metric
from fewer.model.segment import Segment, expand
from fewer.model.window import WEEK
from fewer.project.building import plan_of
from fewer.project.knowing import Knowing

if TYPE_CHECKING:
    from fewer.model.goal import Goal

Floats = NDArray[np.float64]

WEEKS: Final = 4
"""Weeks before the moment over which people who join are counted."""

_BASES: Final = 3
"""Past weeks whose outcomes are complete that a base is taken from."""


@dataclass(frozen=True)
class Seen:
    """Members of segments at the moment and at weeks before it.

    Attributes:
        members: Weeks before the moment -> segment or variant -> people; 0 is the moment.
        base_weeks: Weeks whose outcomes are complete at the moment.
        weeks: How far back the people who join can be counted.
    """

    known: Knowing
    metric: Metric
    members: Mapping[int, Mapping[str, BitMap]]
    base_weeks: tuple[int, ...]
    weeks: int

    def kept(self, week: int, order: Sequence[str], never: BitMap) -> dict[str, BitMap]:
        """Whom each segment of a priority list keeps at a week."""
        found = waterfall({s: self.members[week][s] for s in order}, without=never)
        return {k.segment: k.people for k in found}

    def entering(self, by_week: Mapping[int, BitMap], of_all: Mapping[int, BitMap]) -> float | None:
        """People a week who are new to the whole test; None with one week only.

        Whoever moves from one of its segments to another is assigned already. `of_all` are the
        people of all groups, by week.
        """
        if not self.weeks or self.weeks not in by_week:
            return None
        before, new = BitMap(of_all[self.weeks]), 0
        for week in range(self.weeks - 1, -1, -1):
            new += len(by_week[week] - before)
            before |= of_all[week]
        return new / self.weeks

    def basis(self, by_week: Mapping[int, BitMap]) -> Basis | None:
        """What the people of past weeks did in the weeks after them, by the metric."""
        people, found = 0, []
        for week in self.base_weeks:
            who = by_week[week]
            people += len(who)
            found.append(_amounts(self.metric, who, self._by_week[week]))
        if not people:
            return None
        if self.metric.kind == "rate":
            return Basis.of_rate(sum(len(x) for x, _ in found), people)
        over = np.concatenate([x for x, _ in found])
        if self.metric.kind == "mean":
            return Basis.of_amounts(_bounded(over, people, self.metric), people)
        if _is_over_people(self.metric):
            return Basis.of_amounts(over, people)
        return _ratio(over, np.concatenate([d for _, d in found]), people)

    def of(self, metric: Metric) -> Seen:
        """The same people, asked by another metric: `seen` was told of it."""
        weeks = base_weeks(self.known, [metric])
        return replace(self, metric=metric, base_weeks=tuple(w for w in weeks if w in self.members))

    @cached_property
    def _by_week(self) -> dict[int, dict[str, Outcomes]]:
        goals = [self.known.project.definitions.goal(name) for name in self.metric.goals]
        return {w: {goal.id: self._read(goal, w) for goal in goals} for w in self.base_weeks}

    def _read(self, goal: Goal, week: int) -> Outcomes:
        index = self.known.as_of_us - week * WEEK
        start = index + (goal.gap.micros if goal.gap else 0)
        at = Landmark(
            index, start, start + goal.outcome_window.micros, start + goal.outcome_window.micros
        )
        return self.known.reader.outcomes(goal, at, self.known.everyone)


def base_weeks(known: Knowing, metrics: Sequence[Metric]) -> tuple[int, ...]:
    """Past weeks whose outcomes are complete at the moment, by the longest goal of each metric."""
    found: dict[int, None] = {}
    for metric in metrics:
        goals = [known.project.definitions.goal(name) for name in metric.goals]
        spans = [g.outcome_window.micros + (g.gap.micros if g.gap else 0) for g in goals]
        if spans:
            first = -(-max(spans) // WEEK)
            found |= dict.fromkeys(range(first, first + _BASES))
    return tuple(found)


def seen(
    known: Knowing,
    metric: Metric,
    segments: Sequence[Segment],
    *,
    weeks: int = WEEKS,
    also: Sequence[Metric] = (),
) -> Seen:
    """Evaluate segments at the moment and at past weeks.

    Args:
        known: People as at the moment.
        metric: The deciding one, of one goal or two.
        segments: Those of the test.
        weeks: Over which people who join are counted.
        also: Further metrics that `Seen.of` will be asked for.

    Raises:
        GuardError: the data begins after the moment.
    """
    project = known.project
    own = base_weeks(known, [metric])
    bases = base_weeks(known, [metric, *also])
    wanted = [s.id for s in expand(segments)]
    plan_needs = project.definitions.segments
    members: dict[int, dict[str, BitMap]] = {}
    first = project.generation.catalog.first_ts or 0
    for week in sorted({*range(weeks + 1), *bases}):
        at = known.as_of_us - week * WEEK
        if at <= first:
            continue
        plan = plan_of(project, at, plan_needs).only(wanted)
        found = known.engine.evaluate(plan)
        members[week] = {name: found.members[name] for name in wanted}
    if 0 not in members:
        raise GuardError("The data begins after that moment: nothing is known to plan with.")
    reached = tuple(week for week in own if week in members)
    last = max((w for w in range(weeks + 1) if w in members), default=0)
    return Seen(known, metric, members, reached, last)


def _amounts(
    metric: Metric, who: BitMap, outcomes: Mapping[str, Outcomes]
) -> tuple[Floats, Floats]:
    """Per person of `who` who reached a goal: what is above the line, and what is below it."""
    over, under = _sums_of(metric)
    reached = BitMap().union(*(one.bitmap for one in outcomes.values())) & who
    people = np.asarray(reached.to_array(), dtype=np.uint32)
    return _each(over, people, outcomes), _each(under, people, outcomes)


def _sums_of(metric: Metric) -> tuple[GoalSum, GoalSum]:
    """What is above and below the line; an average and a rate are over people."""
    if metric.ratio and isinstance(metric.ratio.of, GoalSum) and isinstance(
        metric.ratio.to, GoalSum
    ):  # fmt: skip
        return metric.ratio.of, metric.ratio.to
    goal = metric.goals[0]
    of = metric.mean.of if metric.mean else "converted"
    return GoalSum(goal=goal, of=of), GoalSum(goal=goal, of="people")


def _is_over_people(metric: Metric) -> bool:
    return _sums_of(metric)[1].of == "people"


def _each(part: GoalSum, people: NDArray[np.uint32], outcomes: Mapping[str, Outcomes]) -> Floats:
    """A sum's part of each of some people, in the order of their numbers."""
    if part.of == "people":
        return np.ones(len(people))
    one = outcomes[part.goal]
    value = np.zeros(len(one.persons)) if one.value is None else one.value
    worth = {
        "converted": np.ones(len(one.persons)),
        "conversions": one.conversions.astype(np.float64),
        "value": value,
    }[part.of]
    found = np.zeros(len(people))
    inside = np.isin(one.persons, people)
    found[np.searchsorted(people, one.persons[inside])] = worth[inside]
    return found


def _bounded(amounts: Floats, people: int, metric: Metric) -> Floats:
    """Amounts capped or winsorised; people without any count as 0."""
    if metric.mean is None or not len(amounts):
        return amounts
    if metric.mean.cap is not None:
        return np.minimum(amounts, float(metric.mean.cap))
    if metric.mean.winsorise is not None:
        everyone = np.concatenate([amounts, np.zeros(max(people - len(amounts), 0))])
        most = float(np.percentile(everyone, float(metric.mean.winsorise)))
        return np.minimum(amounts, most)
    return amounts


def _ratio(over: Floats, under: Floats, people: int) -> Basis | None:
    """A ratio of sums as an amount; its spread is that of each person's part (delta method)."""
    if people < 2 or over.sum() <= 0 or under.sum() <= 0:  # noqa: PLR2004  a spread needs two
        return None
    ratio = float(over.sum() / under.sum())
    parts = (over - ratio * under) / (under.sum() / people)
    spread = float(np.sqrt((parts**2).sum() / (people - 1)))
    return Basis("mean", ratio, spread, people, int(np.count_nonzero(over)))


def by_week(found: Seen, order: Sequence[str], never: BitMap) -> dict[str, dict[int, BitMap]]:
    """Segment -> week -> people it keeps."""
    weeks = {week: found.kept(week, order, never) for week in found.members}
    return {s: {week: kept[s] for week, kept in weeks.items()} for s in order}


def everyone_by_week(groups: Mapping[str, Mapping[int, BitMap]]) -> dict[int, BitMap]:
    """People of all groups, by week."""
    found: dict[int, BitMap] = {}
    for weeks in groups.values():
        for week, people in weeks.items():
            found[week] = found.get(week, BitMap()) | people
    return found
