"""Tests by region and by time, read: one number a pair, from the assignment to the planned end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap

from fewer.journey.measure.compare import CLAIMED
from fewer.journey.measure.metrics import MetricResult
from fewer.journey.measure.programme import Programme
from fewer.journey.measure.randomised import Examined
from fewer.journey.measure.units.happened import Floats, Happened, Places, Totals, Window, totals
from fewer.journey.measure.units.read import (
    ByPairs,
    PairsProgramme,
    PairTable,
    Plan,
    Sides,
    by_pairs,
    metric_of,
    of_regions,
    of_slots,
    programme_of,
    table_of,
)
from fewer.journey.measure.units.regions import Regions
from fewer.model.experiment import HELD_OUT, SENT
from fewer.model.goal import Goal
from fewer.model.metric import Guardrail, Metric
from fewer.model.window import from_utc_micros
from fewer.project.designing_units import happened
from fewer.stats.multiplicity import benjamini_hochberg

if TYPE_CHECKING:
    from fewer.journey.measure.query import Reader
    from fewer.project.experiments import Assigned

Indices = NDArray[np.int64]

_PEEKED = "looked at before its planned end: what is seen now is no verdict"


@dataclass(frozen=True, slots=True)
class Units:
    """What a test by region or by time shows."""

    examined: Examined
    metrics: tuple[MetricResult, ...] = ()
    table: PairTable | None = None
    skipped: tuple[str, ...] = ()


def read_units(assigned: Assigned, *, reader: Reader, now_us: int, data_end_us: int) -> Units:
    """Everything a test by region or by time shows, by pairs.

    Outcomes count from the assignment (and a goal's gap) to the planned end, or as far as the
    data goes: a campaign in a region does not end with somebody's first week.
    """
    registered = assigned.registered
    until = min(data_end_us, now_us)
    over = registered.ends_us <= now_us and registered.ends_us <= until
    study = _study(assigned, until)
    if isinstance(study, str):
        return Units(Examined(), skipped=(study,))
    goals = [Goal.model_validate(g) for g in registered.record.body.get("goals", ())]
    study.happened = happened(reader, goals, until)
    plan = study.plan(over=over)
    programmes = _corrected([study.programme(goal, plan, over=over) for goal in goals])
    metrics, table = [], None
    for i, metric in enumerate(registered.metrics):
        found = study.found(metric, plan)
        watched = metric.id in assigned.experiment.guardrails
        agreed = _margin(assigned) if i == 0 and metric.guardrail is None else None
        metrics.append(metric_of(metric, found, plan, guardrail=watched, margin=agreed))
        if found is not None and table is None:
            table = table_of(metric, found, plan, study.names(ZoneInfo(reader.timezone)))
    examined = Examined(programmes=tuple(programmes))
    return Units(examined, tuple(metrics), table)


def _study(assigned: Assigned, until: int) -> _Regions | _Slots | str:
    """How it is read, or in words why nothing can be read yet."""
    name, ends = assigned.experiment.id, assigned.registered.ends_us
    begun = assigned.at_us
    if assigned.schedule is not None:
        begun = assigned.schedule.slots[0].from_us
        done = [s for s in assigned.schedule.slots if s.to_us <= until]
        if not done:
            return f"{name!r} has no time slot that is over: the first begins {_at(begun)}."
        return _Slots(assigned, until)
    if ends <= begun:
        return (
            f"{name!r} was to end {_at(ends)}, before its regions were assigned: nothing to read."
        )
    if until <= begun:
        return f"{name!r} was assigned {_at(begun)}, and the data ends there: nothing to read yet."
    return _Regions(assigned, until)


def _at(us: int) -> str:
    return from_utc_micros(us).isoformat().replace("+00:00", "Z")


def _plan(
    assigned: Assigned, kind: str, slope: float, weights: Sequence[float], over: bool
) -> Plan:
    experiment = assigned.experiment
    percent = experiment.expect_percent
    return Plan(
        experiment=experiment.id,
        kind="regions" if kind == "regions" else "slots",
        arms=(SENT, HELD_OUT),
        slope=slope,
        weights=np.array(weights, dtype=np.float64),
        confidence=float(experiment.confidence_percent) / 100,
        change=CLAIMED - 1 if percent is None else float(percent) / 100,
        wanted=float(experiment.power_percent) / 100,
        over=over,
    )


class _Read:
    """What regions and slots share."""

    happened: dict[str, Happened]

    def __init__(self, assigned: Assigned, until_us: int) -> None:
        self.assigned, self.until_us = assigned, until_us

    def sides(self, metric: Metric, gap_us: int) -> Sides | None:
        """What both sides of each pair came to, by a metric."""
        raise NotImplementedError

    def found(self, metric: Metric, plan: Plan) -> ByPairs | None:
        """A metric over all pairs; None where people's goals don't give it."""
        if not metric.goals or any(goal not in self.happened for goal in metric.goals):
            return None
        sides = self.sides(metric, self._gap(metric.goals[0]))
        return None if sides is None else by_pairs(sides, plan)

    def programme(self, goal: Goal, plan: Plan, *, over: bool) -> PairsProgramme | None:
        """The rate of a goal over all pairs."""
        rate = Metric.model_validate({"id": goal.id, "rate": {"goal": goal.id}})
        sides = self.sides(rate, self._gap(goal.id))
        if sides is None:
            return None
        people = (round(sides.below[0].sum()), round(sides.below[1].sum()))
        note = "" if over else _PEEKED
        return programme_of((goal.id, goal.title), by_pairs(sides, plan), plan, people, note)

    def _gap(self, goal_id: str) -> int:
        goal = self.happened[goal_id].goal
        return goal.gap.micros if goal.gap else 0


class _Regions(_Read):
    """A test by region."""

    def plan(self, *, over: bool) -> Plan:
        """As fixed when the regions were drawn."""
        regions = self._regions
        weights = [pair.weight for pair in regions.pairs]
        return _plan(self.assigned, "regions", regions.model.slope, weights, over)

    def names(self, zone: ZoneInfo) -> list[tuple[str, str]]:
        """Regions by pair; `zone` is for slots."""
        del zone
        return [(pair.sent, pair.held_out) for pair in self._regions.pairs]

    @property
    def _regions(self) -> Regions:
        regions = self.assigned.regions
        if regions is None:
            msg = "no regions in the record of a test by region"
            raise ValueError(msg)
        return regions

    def sides(self, metric: Metric, gap_us: int) -> Sides | None:
        """From the assignment of each batch of people on; before it, of the first batch."""
        regions = self._regions
        end = min(self.until_us, self.assigned.registered.ends_us)
        names = sorted(regions.names)
        period: Totals | None = None
        for batch in self.assigned.batches:
            people = batch.named("region")
            places = Places.make({name: people.get(name, BitMap()) for name in names})
            if batch.at_us + gap_us >= end:
                continue
            found = totals(metric, self.happened, places, [(batch.at_us + gap_us, end)])
            if found is None:
                return None
            period = found if period is None else _added(period, found)
        if period is None:
            return None
        place = {name: i for i, name in enumerate(names)}
        sent, held = (
            np.array([place[getattr(pair, side)] for pair in regions.pairs], dtype=np.int64)
            for side in ("sent", "held_out")
        )
        before = self._before(metric, names, sent, held)
        return None if before is None else of_regions(period, before, sent, held)

    def _before(
        self, metric: Metric, names: list[str], sent: Indices, held: Indices
    ) -> Floats | None:
        """Log ratios of the same people before; as kept where their own past can't be compared."""
        regions = self._regions
        if regions.moving:
            first = self.assigned.registered.metrics[0]
            decides = (metric.rate, metric.mean, metric.ratio) == (
                first.rate, first.mean, first.ratio,
            )  # fmt: skip
            return np.array([pair.gap if decides else 0.0 for pair in regions.pairs])
        people = self.assigned.batches[0].named("region")
        places = Places.make({name: people.get(name, BitMap()) for name in names})
        at = self.assigned.at_us
        found = totals(metric, self.happened, places, [(at - regions.baseline_us, at)])
        return None if found is None else found.levels[0][sent] - found.levels[0][held]


class _Slots(_Read):
    """A test by time."""

    @property
    def _pairs(self) -> list[tuple[int, int]]:
        """Places of the slots that were sent something and held out, of pairs that are over."""
        schedule = self.assigned.schedule
        by_pair: dict[int, dict[str, int]] = {}
        for i, slot in enumerate(schedule.slots if schedule else ()):
            if slot.to_us <= self.until_us:
                by_pair.setdefault(slot.pair, {})[slot.arm] = i
        return [(p[SENT], p[HELD_OUT]) for _, p in sorted(by_pair.items()) if len(p) > 1]

    def plan(self, *, over: bool) -> Plan:
        """Every pair alike."""
        return _plan(self.assigned, "slots", 0.0, [1.0] * len(self._pairs), over)

    def names(self, zone: ZoneInfo) -> list[tuple[str, str]]:
        """Local time at which the slots began."""
        slots = self.assigned.schedule.slots if self.assigned.schedule else ()

        def text(i: int) -> str:
            return f"{from_utc_micros(slots[i].from_us).astimezone(zone):%Y-%m-%d %H:%M}"

        return [(text(sent), text(held)) for sent, held in self._pairs]

    def sides(self, metric: Metric, gap_us: int) -> Sides | None:
        """Outcomes inside each slot, after its washout."""
        del gap_us  # what happens in a slot counts in it
        schedule = self.assigned.schedule
        pairs = np.array(self._pairs, dtype=np.int64).reshape(-1, 2)
        if schedule is None or not len(pairs):
            return None
        windows: list[Window] = [slot.counts(schedule.washout_us) for slot in schedule.slots]
        people = Places.make({"all": self.assigned.parts["people"]})
        found = totals(metric, self.happened, people, windows)
        return None if found is None else of_slots(found, pairs[:, 0], pairs[:, 1])


def _added(one: Totals, other: Totals) -> Totals:
    return Totals(
        one.above + other.above,
        one.below + other.below,
        one.converted + other.converted,
        one.counted,
    )


def _margin(assigned: Assigned) -> Guardrail | None:
    percent = assigned.experiment.margin_percent
    return Guardrail(margin_percent=percent) if percent is not None else None


def _corrected(found: Sequence[PairsProgramme | None]) -> list[Programme]:
    """With p-values adjusted over all goals, and the verdicts that follow."""
    there = [one for one in found if one is not None]
    if not there:
        return []
    adjusted = benjamini_hochberg([np.nan if p.p is None else p.p for p in there]).tolist()
    return [one.decided(None if np.isnan(p) else p) for one, p in zip(there, adjusted, strict=True)]
