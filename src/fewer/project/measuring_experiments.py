"""Registered experiments, read: their arms compared from the moment people were assigned."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import numpy as np
from pyroaring import BitMap

from fewer.errors import GuardError
from fewer.journey.measure.assign_import import TWO_IDS
from fewer.journey.measure.landmark import Landmark, landmark
from fewer.journey.measure.metrics import Arms, Both, MetricResult, both, result, within_days
from fewer.journey.measure.outcomes import Outcomes
from fewer.journey.measure.population import Population
from fewer.journey.measure.randomised import Examined, Terms, examine
from fewer.journey.measure.units.read import PairTable
from fewer.model.experiment import BY_UNIT
from fewer.model.goal import Goal
from fewer.model.metric import Guardrail
from fewer.model.window import from_utc_micros
from fewer.project.measuring_units import read_units

if TYPE_CHECKING:
    from fewer.journey.measure.ads import AdDay
    from fewer.journey.measure.query import Reader
    from fewer.project.experiments import Assigned, Batch


@dataclass(frozen=True, slots=True)
class Experimented:
    """One registered experiment and what it shows."""

    id: str
    title: str
    question: str
    tests: str
    registered: str  # hash of the record
    ends: str
    over: bool
    examined: Examined
    metrics: tuple[MetricResult, ...]
    claim: Both | None
    skipped: tuple[str, ...] = ()
    pairs: PairTable | None = None  # of a test by region or by time

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "experiment": self.id,
            "title": self.title,
            "question": self.question or None,
            "tests": self.tests,
            "registered": self.registered,
            "ends": self.ends,
            "over": self.over,
            "metrics": [one.to_json() for one in self.metrics],
            "exclusions_claim": self.claim.to_json() if self.claim else None,
            "pairs": self.pairs.to_json() if self.pairs else None,
            "skipped": list(self.skipped),
        }


@dataclass(frozen=True, slots=True)
class Laboratory:
    """What experiments are read with.

    Attributes:
        reader: Of events.
        now_us: This moment.
        data_end_us: Nothing is known from here on.
        terms: How all are read; ends and smallest changes are added for each.
        days: Ad reports with their segments and variants.
        title: Segment -> name in front of people.
    """

    reader: Reader
    now_us: int
    data_end_us: int
    terms: Terms
    days: Sequence[AdDay]
    title: Callable[[str], str]

    def read(self, assigned: Assigned) -> Experimented:
        """One experiment: gates, segments, programme, metrics, margins."""
        if assigned.experiment.tests in BY_UNIT:
            return self._by_unit(assigned)
        registered, experiment = assigned.registered, assigned.experiment
        confidence = float(experiment.confidence_percent) / 100
        goals = [Goal.model_validate(g) for g in registered.record.body.get("goals", ())]
        outcomes, skipped, before = [], [], {}
        for goal in goals:
            found, why = self._outcomes(goal, assigned.batches, confidence)
            outcomes += [found] if found else []
            skipped += why
            if found and (earlier := self._before(goal, assigned.batches)):
                before[goal.id] = earlier
        over = registered.ends_us <= self.now_us
        changes = experiment.expect_percent
        terms = replace(
            self.terms,
            over={c.id: over for c in assigned.contrasts},
            smallest={c.id: abs(float(changes)) / 100 for c in assigned.contrasts if changes},
            before=before,
            waves={c.id: _waves(assigned.batches) for c in assigned.contrasts},
            left_out={c.id: _left_out(assigned) for c in assigned.contrasts},
        )
        people = self._populations(assigned)
        examined = examine(people, outcomes, assigned.contrasts, terms)
        broken = any(g.broken and g.stage != "analysed" for g in examined.gates)
        arms = [] if broken else self._arms(assigned, outcomes, confidence, before)
        metrics = list(self._metrics(assigned, arms))
        return Experimented(
            experiment.id,
            experiment.title,
            experiment.question or "",
            experiment.tests,
            registered.hash,
            from_utc_micros(registered.ends_us).isoformat(),
            over,
            examined,
            tuple(metrics),
            None if broken else self._claim(assigned, metrics, arms),
            tuple(skipped),
        )

    def _by_unit(self, assigned: Assigned) -> Experimented:
        """A test by region or by time: pairs are compared, never people."""
        found = read_units(
            assigned, reader=self.reader, now_us=self.now_us, data_end_us=self.data_end_us
        )
        registered, experiment = assigned.registered, assigned.experiment
        return Experimented(
            id=experiment.id,
            title=experiment.title,
            question=experiment.question or "",
            tests=experiment.tests,
            registered=registered.hash,
            ends=from_utc_micros(registered.ends_us).isoformat(),
            over=registered.ends_us <= self.now_us,
            examined=found.examined,
            metrics=found.metrics,
            claim=None,
            skipped=found.skipped,
            pairs=found.table,
        )

    def _populations(self, assigned: Assigned) -> list[Population]:
        if assigned.segments:
            return [Population(s, self.title(s), p) for s, p in assigned.segments.items()]
        everyone = BitMap()
        for arm in assigned.assignment.arms.values():
            everyone |= arm
        return [Population("everyone", "Everyone assigned", everyone)]

    def _outcomes(
        self, goal: Goal, batches: Sequence[Batch], confidence: float
    ) -> tuple[Outcomes | None, list[str]]:
        """What everyone assigned did, each from the moment of their own batch on."""
        found: list[Outcomes] = []
        skipped: list[str] = []
        for batch, people in _each_once(batches):
            try:
                at = landmark(goal, index_us=batch.at_us, data_end_us=self.data_end_us)
            except GuardError as error:
                skipped.append(str(error))
                continue
            found.append(self.reader.outcomes(goal, at, people))
        if not found:
            return None, skipped
        return replace(_merged(found), confidence=confidence), skipped

    def _before(self, goal: Goal, batches: Sequence[Batch]) -> Outcomes | None:
        """What the same people did in as long a time before they were assigned.

        It adjusts amounts, and says how much is expected while looking daily.
        """
        if goal.value is None and not self.terms.sequential:
            return None
        found = []
        for batch, people in _each_once(batches):
            start = batch.at_us - goal.outcome_window.micros
            at = Landmark(start, start, batch.at_us, batch.at_us)
            found.append(self.reader.outcomes(goal, at, people))
        return _merged(found) if found else None

    def _arms(
        self,
        assigned: Assigned,
        outcomes: Sequence[Outcomes],
        level: float,
        before: Mapping[str, Outcomes],
    ) -> list[Arms]:
        """Each arm against the control, everyone assigned, with the ad reports of both."""
        one = assigned.assignment
        by_goal = {outcome.goal.id: outcome for outcome in outcomes}
        days: list[AdDay] = []
        if outcomes:
            zone = ZoneInfo(self.reader.timezone)
            days = within_days(self.days, outcomes[0].landmark, zone)
            own = set(assigned.segments)
            days = [d for d in days if not own or d.segment in own or d.arm in one.arms]
        return [
            Arms(
                name,
                one.control,
                (people, one.arms[one.control]),
                one.label,
                by_goal,
                days,
                level,
                self.terms.sequential,
                before,
            )
            for name, people in one.arms.items()
            if name != one.control
        ]

    @staticmethod
    def _metrics(assigned: Assigned, all_arms: Sequence[Arms]) -> list[MetricResult]:
        experiment = assigned.experiment
        if experiment.tests == "window":
            return []  # its arms are compared band by band
        margin = _margin(assigned)
        found = []
        for arms in all_arms:
            for i, metric in enumerate(assigned.registered.metrics):
                watched = metric.id in experiment.guardrails
                agreed = margin if i == 0 and metric.guardrail is None else None
                found.append(result(metric, arms, guardrail=watched, margin=agreed))
        return found

    @staticmethod
    def _claim(
        assigned: Assigned, metrics: Sequence[MetricResult], arms: Sequence[Arms]
    ) -> Both | None:
        if assigned.experiment.tests != "exclusions":
            return None
        kept = next((m for m in metrics if m.margin and m.better == "higher"), None)
        if kept is None or kept.margin is None or not arms:
            return None
        return both(kept, arms[0], 1 - kept.margin.limit if kept.margin.relative else 0.0)


def _each_once(batches: Sequence[Batch]) -> Iterator[tuple[Batch, BitMap]]:
    """Batches, earliest first, each with those of its people who are in no earlier one."""
    taken = BitMap()
    for batch in sorted(batches, key=lambda b: b.at_us):
        people = BitMap()
        for arm in batch.named("arm").values():
            people |= arm
        people -= taken
        taken |= people
        yield batch, people


def _waves(batches: Sequence[Batch]) -> list[BitMap]:
    """People assigned together, the earliest first."""
    return [people for _, people in _each_once(batches)]


def _left_out(assigned: Assigned) -> dict[str, dict[str, int]]:
    """Reason -> arm -> people, as the records of the assignments say, and ids merged since."""
    counts: dict[str, dict[str, int]] = {}
    if assigned.crossed:
        counts[TWO_IDS] = {arm: len(people) for arm, people in assigned.crossed.items()}
    for record in {b.record.hash: b.record for b in assigned.batches}.values():
        for reason, arms in record.body.get("left_out", {}).items():
            of = counts.setdefault(reason, {})
            for arm, n in arms.items():
                of[arm] = of.get(arm, 0) + int(n)
    return counts


def _margin(assigned: Assigned) -> Guardrail | None:
    percent = assigned.experiment.margin_percent
    return Guardrail(margin_percent=percent) if percent is not None else None


def _merged(found: Sequence[Outcomes]) -> Outcomes:
    """Outcomes of batches that share nobody, as one."""
    if len(found) == 1:
        return found[0]
    persons = np.concatenate([one.persons for one in found])
    order = np.argsort(persons, kind="stable")
    values = [one.value for one in found if one.value is not None]
    before, at_risk = BitMap(), BitMap()
    for one in found:
        before |= one.before
        at_risk |= one.at_risk
    last = max(found, key=lambda one: one.landmark.end_us).landmark
    first = min(found, key=lambda one: one.landmark.start_us).landmark
    return replace(
        found[0],
        landmark=replace(first, end_us=last.end_us),
        persons=persons[order],
        conversions=np.concatenate([one.conversions for one in found])[order],
        value=np.concatenate(values)[order] if len(values) == len(found) else None,
        before=before,
        at_risk=at_risk,
    )
