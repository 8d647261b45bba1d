"""What was seen before a test: who is in it, how many join a week, what they do unasked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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
            found.append(_amounts(self.metric, who, self._outcomes(week)))
        if not people:
            return None
        if self.metric.kind == "rate":
            return Basis.of_rate(sum(len(x) for x, _ in found), people)
        over = np.concatenate([x for x, _ in found])
        if self.metric.kind == "mean":
            return Basis.of_amounts(_bounded(over, people, self.metric), people)
        return _ratio(over, np.concatenate([d for _, d in found]), people)

    def _outcomes(self, week: int) -> Outcomes:
        return self._by_week[week]

    @cached_property
    def _by_week(self) -> dict[int, Outcomes]:
        [goal_id] = set(self.metric.goals)
        goal = self.known.project.definitions.goal(goal_id)
        return {w: self._read(goal, w) for w in self.base_weeks}

    def _read(self, goal: Goal, week: int) -> Outcomes:
        index = self.known.as_of_us - week * WEEK
        start = index + (goal.gap.micros if goal.gap else 0)
        at = Landmark(
            index, start, start + goal.outcome_window.micros, start + goal.outcome_window.micros
        )
        return self.known.reader.outcomes(goal, at, self.known.everyone)


def seen(
    known: Knowing, metric: Metric, segments: Sequence[Segment], *, weeks: int = WEEKS
) -> Seen:
    """Evaluate segments at the moment and at past weeks.

    Raises:
        GuardError: the metric can't be planned with: it reads ad reports, which have no people,
            or two goals.
    """
    project = known.project
    if len(set(metric.goals)) != 1:
        raise GuardError(
            f"{metric.id!r} can't be planned with: it counts no outcomes of people, or those of"
            " two goals. Put a metric of one goal first; figures of ads are read as guardrails."
        )
    goal = project.definitions.goal(metric.goals[0])
    whole = goal.outcome_window.micros + (goal.gap.micros if goal.gap else 0)
    first_base = -(-whole // WEEK)
    bases = tuple(range(first_base, first_base + _BASES))
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
    reached = tuple(week for week in bases if week in members)
    last = max((w for w in range(weeks + 1) if w in members), default=0)
    return Seen(known, metric, members, reached, last)


def _amounts(metric: Metric, who: BitMap, outcomes: Outcomes) -> tuple[Floats, Floats]:
    """Per converted person of `who`: what is above the line, and what is below it."""
    inside = np.isin(outcomes.persons, np.asarray(who.to_array(), dtype=np.uint32))
    value = np.zeros(len(inside)) if outcomes.value is None else outcomes.value

    def of(name: str) -> Floats:
        if name == "value":
            return np.asarray(value[inside], dtype=np.float64)
        if name == "conversions":
            return outcomes.conversions[inside].astype(np.float64)
        return np.ones(int(inside.sum()))

    if (
        metric.ratio
        and isinstance(metric.ratio.of, GoalSum)
        and isinstance(metric.ratio.to, GoalSum)
    ):
        return of(metric.ratio.of.of), of(metric.ratio.to.of)
    above = of(metric.mean.of) if metric.mean else of("converted")
    return above, np.ones(len(above))


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
