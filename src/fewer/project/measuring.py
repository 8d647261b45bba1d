"""Measuring a snapshot: outcomes after it, lookback bands, randomised comparisons, cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, Final

from pyroaring import BitMap

from fewer.data.reports.base import Window, platform
from fewer.errors import DefinitionError, GuardError, NotFoundError, Problem
from fewer.evaluate.plan.plan import plan
from fewer.journey.measure.activity import Activity
from fewer.journey.measure.ads import Joined, join
from fewer.journey.measure.assignment import holdout
from fewer.journey.measure.conclude import Conclusion, conclude
from fewer.journey.measure.cost import CostTable, cost_table
from fewer.journey.measure.evidence import EvidenceLabel
from fewer.journey.measure.gates import Gate
from fewer.journey.measure.landmark import landmark
from fewer.journey.measure.lookback import LookbackChart, lookback
from fewer.journey.measure.outcomes import Outcomes
from fewer.journey.measure.population import Population, population
from fewer.journey.measure.programme import Programme
from fewer.journey.measure.query import Reader
from fewer.journey.measure.randomised import Examined, Terms, examine
from fewer.journey.measure.spend import OwnCost, Spending, own_cost
from fewer.journey.measure.study import outcome_table
from fewer.journey.measure.table import OutcomeTable, Row
from fewer.model.ads import Reached
from fewer.model.condition import Condition, InList
from fewer.model.goal import Goal
from fewer.model.segment import Segment
from fewer.model.window import DAY, Duration
from fewer.pictures.display import Displayed
from fewer.project import clock
from fewer.project.history import Change, remember
from fewer.project.measuring_experiments import Experimented, Laboratory

if TYPE_CHECKING:
    from fewer.evaluate.engines.base import Engine
    from fewer.project.project import Project
    from fewer.project.snapshot import SegmentView, Snapshot


_LEAST_OBSERVED: Final = 20
"""One part in so many of an outcome window has to be known before anything is said of it."""


@dataclass(frozen=True, slots=True)
class Measured(Displayed):
    """Everything measured from one snapshot."""

    snapshot: str
    outcomes: OutcomeTable
    bands: tuple[LookbackChart, ...]
    randomised: tuple[Row, ...]
    costs: CostTable | None
    skipped: tuple[str, ...]  # goals that can't be measured yet, with the reason
    programmes: tuple[Programme, ...] = ()
    gates: tuple[Gate, ...] = ()
    experiments: tuple[Experimented, ...] = ()
    own_costs: tuple[OwnCost, ...] = ()
    ads: Joined | None = None
    elsewhere: tuple[dict[str, Any], ...] = ()
    changes: tuple[Change, ...] = ()
    sequential: bool = False

    @property
    def conclusions(self) -> list[Conclusion]:
        """What to conclude, the strongest evidence first."""
        found = conclude(
            gates=self.gates,
            programmes=self.programmes,
            rows=self.randomised,
            claims=[e.claim for e in self.experiments if e.claim],
            metrics=[m for e in self.experiments for m in e.metrics],
            outcomes=self.outcomes,
            costs=self.costs,
        )
        if self.ads is not None and self.ads.words:
            found.append(Conclusion(self.ads.words, None))
        return found

    def to_json(self) -> dict[str, Any]:
        """Plain data, with units and evidence labels on every figure."""
        return {
            "data": self.outcomes.data,
            "build": self.snapshot,
            "sequential": self.sequential,
            "conclusions": [one.to_json() for one in self.conclusions],
            "outcomes": self.outcomes.to_json(),
            "lookback": [chart.to_json() for chart in self.bands],
            "split_checks": [one.to_json() for one in self.gates],
            "randomised": [row.to_json() for row in self.randomised],
            "programmes": [one.to_json() for one in self.programmes],
            "experiments": [one.to_json() for one in self.experiments],
            "measured_elsewhere": list(self.elsewhere),
            "costs": self.costs.to_json() if self.costs else None,
            "own_costs": [one.to_json() for one in self.own_costs],
            "ads_without_segment": [u.to_json() for u in self.ads.unmatched] if self.ads else [],
            "ads_note": self.ads.words if self.ads else "",
            "changes": [one.to_json() for one in self.changes],
            "skipped": list(self.skipped),
        }


def measure(
    project: Project,
    snapshot: Snapshot,
    *,
    goals: tuple[str, ...] = (),
    gap: Duration | None = None,
    sequential: bool = False,
) -> Measured:
    """Outcomes of every segment of a snapshot by every goal, measured from its moment on.

    With `sequential`, randomised comparisons may be read every day.

    Raises:
        GuardError: the project has no goals, or no goal's window has any data yet.
    """
    with project.engine(snapshot.as_of_us) as engine:
        study = Study(project, snapshot, engine, sequential=sequential)
        found, skipped = study.outcomes(goals, gap)
        views = [v for v in snapshot.segments.values() if v.id not in study.exclusions]
        held = study.examined(views, found)
        others = study.experiments()
        parts = [held, *(one.examined for one in others)]
        return Measured(
            snapshot=snapshot.id,
            outcomes=outcome_table(
                [population(v.definition, v.members) for v in views],
                found,
                data=project.settings.data,
                activity=Activity(study.reader, snapshot.as_of_us, study.everyone),
            ),
            bands=tuple(study.bands(views, found)),
            randomised=tuple(row for part in parts for row in part.rows),
            costs=study.costs(),
            skipped=(
                *(skipped if views else ()),
                *study.missing_lists(),
                *(why for one in others for why in one.skipped),
            ),
            programmes=tuple(p for part in parts for p in part.programmes),
            gates=tuple(g for part in parts for g in part.gates),
            experiments=tuple(others),
            own_costs=tuple(study.own_costs(views, found)),
            ads=study.joined,
            elsewhere=tuple(_elsewhere(project)),
            sequential=sequential,
        )


def measure_and_remember(
    project: Project, build_id: str | None, *, gap: Duration | None = None, **how: Any
) -> Measured:
    """Measure, and say what changed since the same refresh was first measured."""
    snapshot = project.snapshot(build_id)
    found = measure(project, snapshot, gap=gap, **how)
    if gap is not None:
        return found  # another question than the one that is kept
    return replace(found, changes=remember(project, snapshot.id, found.outcomes, found.costs))


def _elsewhere(project: Project) -> list[dict[str, Any]]:
    """Results of experiments read by others, with the label that their record carries."""
    label = EvidenceLabel.RANDOMISED_HOLDOUT.value
    found = project.experiments.lift_results()
    return [dict(row, label=f"{label}, measured elsewhere") for row in found]


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

    def __init__(
        self, project: Project, snapshot: Snapshot, engine: Engine, *, sequential: bool = False
    ) -> None:
        self.sequential = sequential
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
        if not found and not self.project.experiments.with_people():
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

    @cached_property
    def joined(self) -> Joined | None:
        """Ad reports with their segments; None without ad reports."""
        days = self.reader.ad_days()
        known = {view.id for view in self.snapshot.segments.values()}
        known |= {segment.id for segment in self.project.definitions.segments}
        return join(days, self.project.settings.ads.names, known) if days else None

    @cached_property
    def terms(self) -> Terms:
        """How randomised comparisons are read."""
        settings = self.project.settings
        days = self.joined.days if self.joined else ()
        reached = settings.ads.reached
        sent = settings.ads.sent
        return Terms(
            sequential=self.sequential,
            spending=Spending(days, settings.timezone) if days else None,
            reached=partial(self._reached, reached) if reached else None,
            sent=self.reader.listed(sent) if sent else None,
        )

    def missing_lists(self) -> list[str]:
        """Lists that settings name and that nobody is on: what they are for can't be checked."""
        ads = self.project.settings.ads
        named = {"sent": ads.sent, "reached": ads.reached.list if ads.reached else None}
        return [
            f"ads: {{{key}: ...}} names the list {name!r}, and nobody is on it: people {key} can't"
            " be checked. Ingest that list, or mend the name."
            for key, name in named.items()
            if name is not None and not self.reader.listed(name)
        ]

    def _reached(self, rule: Reached, outcome: Outcomes) -> BitMap:
        """Who was reached while outcomes counted, by an event or a list."""
        if rule.list is not None:
            return self.reader.listed(rule.list)
        at = replace(outcome.landmark, start_us=outcome.landmark.index_us)
        seen = Goal(
            id="reached", did=rule.did or (), where=rule.where,
            outcome_window=outcome.goal.outcome_window,
        )  # fmt: skip
        return self.reader.outcomes(seen, at, outcome.at_risk).bitmap

    def examined(self, views: list[SegmentView], outcomes: list[Outcomes]) -> Examined:
        """Held out against the rest, inside every segment, before the holdout was excluded."""
        rule = self.project.settings.holdout
        if rule is None:
            return Examined()
        held_out = self.reader.listed(rule.list)
        made = holdout(held_out, self.everyone, share=float(rule.percent) / 100, name=rule.list)
        people = [self._assigned(v, rule.list) for v in views if not v.is_variant]
        return examine(people, outcomes, [made], self.terms)

    def randomised(self, views: list[SegmentView], outcomes: list[Outcomes]) -> list[Row]:
        """The rows of `examined`."""
        return list(self.examined(views, outcomes).rows)

    def experiments(self) -> list[Experimented]:
        """Every registered experiment with people, read from the moment they were assigned."""
        assigned = self.project.experiments.with_people()
        if not assigned:
            return []
        titles = {s.id: s.title for s in self.project.definitions.segments}
        end = self.reader.data_end(not_after_us=self.now_us) or self.snapshot.as_of_us
        laboratory = Laboratory(
            reader=self.reader,
            now_us=self.now_us,
            data_end_us=end,
            terms=self.terms,
            days=self.joined.days if self.joined else (),
            title=lambda segment: titles.get(segment, segment),
        )
        return [laboratory.read(one) for one in assigned]

    def own_costs(self, views: list[SegmentView], outcomes: list[Outcomes]) -> list[OwnCost]:
        """CPA, CAC, ROAS and AOV of segments with ads, from their members' own conversions."""
        spending = self.terms.spending
        if spending is None:
            return []
        found = []
        for outcome in outcomes:
            for view in views:
                spend = spending.on(view.id, None, outcome.landmark)
                if spend is not None:
                    label = EvidenceLabel.RAW_ASSOCIATION
                    found.append(own_cost(view.id, view.members, outcome, spend, label=label))
        return found

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
        if self.joined is None:
            return None
        return cost_table(
            self.joined.days, data=self.project.settings.data, windows=self._windows()
        )

    def _windows(self) -> dict[str, Window]:
        """How long each platform in the reports counts conversions."""
        given = self.project.settings.ads.attribution
        found = {}
        for name in {one.platform for one in (self.joined.days if self.joined else ())}:
            try:
                usual = platform(name).window
            except KeyError:
                usual = Window(0, 0)
            if given is not None:
                click, view = given.click, given.view
                usual = Window(
                    click.micros // DAY if click else usual.click_days,
                    view.micros // DAY if view else usual.view_days,
                )
            if usual.days:
                found[name] = usual
        return found
