"""Measuring a snapshot: outcomes after it, lookback bands, randomised comparisons, cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from pyroaring import BitMap

from fewer.errors import DefinitionError, GuardError, NotFoundError, Problem
from fewer.evaluate.plan.plan import plan
from fewer.journey.measure.activity import Activity
from fewer.journey.measure.assignment import experiments, holdout
from fewer.journey.measure.cost import CostTable, cost_table
from fewer.journey.measure.landmark import landmark
from fewer.journey.measure.lookback import LookbackChart, lookback
from fewer.journey.measure.outcomes import Outcomes
from fewer.journey.measure.population import Population, population
from fewer.journey.measure.query import Reader
from fewer.journey.measure.study import outcome_table
from fewer.journey.measure.table import OutcomeTable, Row
from fewer.model.condition import Condition, InList
from fewer.model.segment import Segment
from fewer.model.window import Duration
from fewer.project import clock

if TYPE_CHECKING:
    from fewer.evaluate.engines.base import Engine
    from fewer.project.project import Project
    from fewer.project.snapshot import SegmentView, Snapshot


_LEAST_OBSERVED: Final = 20
"""One part in so many of an outcome window has to be known before anything is said of it."""


@dataclass(frozen=True, slots=True)
class Measured:
    """Everything measured from one snapshot."""

    snapshot: str
    outcomes: OutcomeTable
    bands: tuple[LookbackChart, ...]
    randomised: tuple[Row, ...]
    costs: CostTable | None
    skipped: tuple[str, ...]  # goals that can't be measured yet, with the reason

    def to_json(self) -> dict[str, Any]:
        """Plain data, with units and evidence labels on every figure."""
        return {
            "data": self.outcomes.data,
            "build": self.snapshot,
            "outcomes": self.outcomes.to_json(),
            "lookback": [chart.to_json() for chart in self.bands],
            "randomised": [row.to_json() for row in self.randomised],
            "costs": self.costs.to_json() if self.costs else None,
            "skipped": list(self.skipped),
        }


def measure(
    project: Project,
    snapshot: Snapshot,
    *,
    goals: tuple[str, ...] = (),
    gap: Duration | None = None,
) -> Measured:
    """Outcomes of every segment of a snapshot by every goal, measured from its moment on.

    Raises:
        GuardError: the project has no goals, or no goal's window has any data yet.
    """
    with project.engine(snapshot.as_of_us) as engine:
        study = Study(project, snapshot, engine)
        found, skipped = study.outcomes(goals, gap)
        views = [v for v in snapshot.segments.values() if v.id not in study.exclusions]
        return Measured(
            snapshot=snapshot.id,
            outcomes=outcome_table(
                [population(v.definition, v.members) for v in views],
                found,
                data=project.settings.data,
                activity=Activity(study.reader, snapshot.as_of_us, study.everyone),
            ),
            bands=tuple(study.bands(views, found)),
            randomised=tuple(study.randomised(views, found)),
            costs=study.costs(),
            skipped=tuple(skipped),
        )


def span(text: str | None) -> Duration | None:
    """A duration as written on a command line; raises `DefinitionError` for anything else."""
    if text is None:
        return None
    try:
        return Duration.parse(text)
    except ValueError as error:
        raise DefinitionError([Problem("bad_duration", f"{text!r} is not {error}.")]) from error


class Study:
    """A snapshot with an engine at its moment, ready to be asked what came after."""

    def __init__(self, project: Project, snapshot: Snapshot, engine: Engine) -> None:
        self.project, self.snapshot, self.engine = project, snapshot, engine
        settings = project.settings
        self.reader = Reader(engine, project.generation.catalog, settings.timezone)
        self.everyone = self.reader.everyone(snapshot.as_of_us)
        self.exclusions = frozenset(settings.exclude)

    def outcomes(
        self, wanted: tuple[str, ...], gap: Duration | None
    ) -> tuple[list[Outcomes], list[str]]:
        """Conversions of every goal that can be measured, and why the others can't."""
        known = {goal.id: goal for goal in self.project.definitions.goals}
        if not known:
            raise GuardError("There is no goal to measure. Write one in goals.yaml.")
        for name in wanted:
            if name not in known:
                raise NotFoundError("goal", name, known)
        end = self.reader.data_end(not_after_us=self.now_us)
        found, skipped = [], []
        for goal in known.values():
            if wanted and goal.id not in wanted:
                continue
            try:
                at = landmark(
                    goal,
                    index_us=self.snapshot.as_of_us,
                    as_of_us=self.snapshot.as_of_us,
                    data_end_us=end or self.snapshot.as_of_us,
                    gap=gap,
                )
            except GuardError as error:
                skipped.append(str(error))
                continue
            if (at.measured_until_us - at.start_us) * _LEAST_OBSERVED < at.end_us - at.start_us:
                skipped.append(
                    f"{goal.id!r} can't be measured yet: {at.note}. Measure an earlier refresh"
                    " (--build), or one with an earlier --as-of."
                )
                continue
            found.append(self.reader.outcomes(goal, at, self.everyone))
        if not found:
            raise GuardError(" ".join(skipped))
        return found, skipped

    def bands(self, views: list[SegmentView], outcomes: list[Outcomes]) -> list[LookbackChart]:
        """Lookback bands of every segment with variants, for the first goal."""
        charts = []
        for parent in views:
            variants = [v for v in views if v.is_variant and v.base == parent.id]
            if not parent.is_variant and len(variants) > 1:
                people = [population(v.definition, v.members) for v in variants]
                data = self.project.settings.data
                charts += [lookback(parent.title, people, o, data=data) for o in outcomes[:1]]
        return charts

    def randomised(self, views: list[SegmentView], outcomes: list[Outcomes]) -> list[Row]:
        """Held out against the rest, inside every segment, before the holdout was excluded."""
        rule = self.project.settings.holdout
        if rule is None:
            return []
        held_out = self.reader.listed(rule.list)
        made = holdout(held_out, self.everyone, share=float(rule.percent) / 100, name=rule.list)
        people = [self._assigned(v, rule.list) for v in views if not v.is_variant]
        return experiments(people, outcomes, [made])

    def _assigned(self, view: SegmentView, held_list: str) -> Population:
        """Whom the audience would be without a holdout: those are the people randomised."""
        people = view.matched.copy()
        for step in view.funnel:
            excluded = self.snapshot.segment(step.segment)
            rule = excluded.definition.where
            if not (isinstance(rule, InList) and rule.in_list == held_list):
                people -= excluded.members
        return population(view.definition, people)

    @property
    def now_us(self) -> int:
        """This moment: events after it are mistakes of clocks."""
        return clock.now_us()

    def matching(self, conditions: Mapping[str, Condition]) -> dict[str, BitMap]:
        """People for whom each condition holds at the snapshot's moment, exclusions aside."""
        settings = self.project.settings
        made = plan(
            [Segment(id=i, where=c, exclude_defaults=False) for i, c in conditions.items()],
            as_of_us=self.snapshot.as_of_us,
            timezone=settings.timezone,
            session_gap=settings.identity.session_gap,
            catalog=self.project.generation.catalog,
        )
        return dict(self.engine.evaluate(made).matched)

    def costs(self) -> CostTable | None:
        """Cost per segment; None without ad reports."""
        days = self.reader.ad_days()
        return cost_table(days, data=self.project.settings.data) if days else None
