"""Designing tests by region and by time: what pairs drawn again over past weeks could show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from pyroaring import BitMap

from fewer.errors import GuardError
from fewer.journey.measure.design.detect import Terms, signed
from fewer.journey.measure.units.happened import Happened, Places, Window
from fewer.journey.measure.units.placebo import Gaps, Placebo, drawn
from fewer.journey.measure.units.plan import Length, length, verdict
from fewer.journey.measure.units.regions import Regions, enough, paired
from fewer.journey.measure.units.slots import Schedule, edges, gaps, pairing
from fewer.journey.measure.units.slots import drawn as schedule
from fewer.model.experiment import Experiment
from fewer.model.metric import Metric
from fewer.model.window import DAY, HOUR, WEEK, from_utc_micros, local_date, local_midnight
from fewer.project.knowing import Knowing
from fewer.project.registering import metrics_of
from fewer.project.unit_history import Past
from fewer.stats.paired import LEAST_PAIRS

if TYPE_CHECKING:
    from fewer.journey.measure.query import Reader
    from fewer.model.goal import Goal
    from fewer.project.project import AsOf, Project

MOST_WINDOWS: Final = 8
"""Past windows that regions are matched on and drawn again over."""

_LENGTHS: Final = (1, 2, 4, 8, 12)  # weeks
_LONGEST: Final = 26 * WEEK
_USUAL: Final = 4 * WEEK
_SLOTS: Final = (6 * HOUR, 12 * HOUR, DAY, 2 * DAY, WEEK)
_MOST_STRETCHES: Final = 6
_NAMED: Final = 12


@dataclass(frozen=True, slots=True)
class UnitDesign:
    """What a planned test by region or time can show; nothing of it is stored."""

    experiment: Experiment
    metric: Metric
    as_of: str
    terms: Terms
    planned: Length
    lengths: tuple[Length, ...]  # of the run
    slots: tuple[Length, ...]  # other lengths of a slot, over the planned run
    regions: Regions | None
    schedule: Schedule | None
    notes: tuple[str, ...]
    people_each: float | None = None  # in a region, on average
    impossible: str = ""  # why the change can't be there at all

    @property
    def kind(self) -> Any:
        """``regions`` or ``slots``."""
        return "regions" if self.regions is not None else "slots"

    @property
    def verdict(self) -> str:
        """What the planned run can show; where it can't, what it would take."""
        if self.impossible:
            return self.impossible
        return verdict(
            self.planned, self.lengths, self.terms, self.kind, people_each=self.people_each
        )

    @property
    def shows(self) -> bool:
        """Whether the planned run shows the change that is worth seeing."""
        return not self.impossible and (self.planned.chance or 0.0) >= self.terms.wanted

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        past = self.planned.placebo
        needed = (
            past.pairs_needed(
                self.terms.change, wanted=self.terms.wanted, confidence=self.terms.confidence
            )
            if past
            else None
        )
        return {
            "experiment": self.experiment.id,
            "tests": self.experiment.tests,
            "unit": self.kind,
            "metric": self.metric.id,
            "as_of": self.as_of,
            "change": self.terms.change,
            "chance_wanted": self.terms.wanted,
            "confidence": round(self.terms.confidence, 6),
            "planned": self.planned.to_json(),
            "lengths": [one.to_json() for one in self.lengths],
            "slot_lengths": [one.to_json() for one in self.slots],
            "shows": self.shows,
            "pairs_needed": needed,
            "verdict": self.verdict,
            "regions": self.regions.to_json() if self.regions else None,
            "slots": len(self.schedule.slots) if self.schedule else None,
            "notes": list(self.notes),
        }


def happened(reader: Reader, goals: Sequence[Goal], until_us: int) -> dict[str, Happened]:
    """Goal -> its conversions before a moment."""
    return {goal.id: Happened(goal, *reader.happened(goal, until_us=until_us)) for goal in goals}


def design_units(
    project: Project, experiment: Experiment, *, as_of: AsOf = "end", change: float | None = None
) -> UnitDesign:
    """What a test by region or by time can show.

    Raises:
        GuardError: its first metric reads no goals of people, or there are too few units.
    """
    from fewer.project.designing import terms_of

    metric = metrics_of(project, experiment)[0]
    moment = project.as_of(as_of)
    with Knowing(project, moment) as known:
        terms = terms_of(project, experiment, metric, change)
        past = Past(known, experiment)
        if experiment.tests == "geo":
            return _by_region(past, metric, terms)
        return _by_time(past, metric, terms)


def _goals(known: Knowing, metric: Metric) -> dict[str, Happened]:
    goals = [known.project.definitions.goal(name) for name in metric.goals]
    return happened(known.reader, goals, known.as_of_us)


# ---------------------------------------------------------------------------------- regions


def region_pairs(
    past: Past, metric: Metric, terms: Terms, run_us: int
) -> tuple[dict[str, BitMap], Regions]:
    """Regions with their people, paired and drawn as they would be assigned now.

    Raises:
        GuardError: too few regions.
    """
    now = past.known.as_of_us
    members, said = past.members(now), past.stated(now)
    found, _ = _paired(past, metric, terms, _goals(past.known, metric), run_us)
    whole = replace(
        found, nowhere=said.nowhere, several=said.several, taken_from=said.taken_from,
        moving=past.moving,
    )  # fmt: skip
    return members, enough(whole, len(members))


def run_of(known: Knowing, experiment: Experiment) -> int:
    """How long the run is planned to be; four weeks where its end is far away or past."""
    start = experiment.starts.resolve(known.project.zone) if experiment.starts else known.as_of_us
    planned = experiment.ends.resolve(known.project.zone) - max(start, known.as_of_us)
    return planned if DAY <= planned <= _LONGEST else _USUAL


def _windows(known: Knowing, run_us: int) -> list[Window]:
    """Windows of one length that end at the moment, oldest first, as far as the data reaches."""
    first = known.project.generation.catalog.first_ts or known.as_of_us
    many = min((known.as_of_us - first) // run_us, MOST_WINDOWS)
    ends = [known.as_of_us - i * run_us for i in range(many)]
    return [(end - run_us, end) for end in reversed(ends)]


def _paired(
    past: Past, metric: Metric, terms: Terms, happened_: Mapping[str, Happened], run_us: int
) -> tuple[Regions, Placebo | None]:
    now = past.known.as_of_us
    places = Places.make(past.members(now))
    windows = _windows(past.known, run_us)
    while not windows and run_us > DAY:  # the past is shorter than the run: match on what there is
        run_us //= 2
        windows = _windows(past.known, run_us)
    history = past.by_region(metric, happened_, windows, places.names) if windows else None
    if history is None:
        raise GuardError(
            f"{metric.id!r} has no history to match regions by: the goal has no value, or the data"
            " begins at that moment. Put a rate of a goal first."
        )
    return paired(
        places, history, salt=past.experiment.mixed_with, baseline_us=now - windows[0][0],
        wanted=terms.wanted, level=terms.confidence,
    )  # fmt: skip


def _by_region(past: Past, metric: Metric, terms: Terms) -> UnitDesign:
    known = past.known
    run = run_of(known, past.experiment)
    members, regions = region_pairs(past, metric, terms, run)
    happened_ = _goals(known, metric)
    lengths = []
    for run_us in sorted({run, *(weeks * WEEK for weeks in _LENGTHS)}):
        several = len(_windows(known, run_us)) > 1
        if run_us != run and not several:
            continue
        found, placebo = _paired(past, metric, terms, happened_, run_us)
        shown = placebo if several else None
        lengths.append(length(run_us, len(found.pairs), shown, terms))
    people = sum(len(who) for who in members.values()) / max(len(members), 1)
    notes = [
        f"Each person counts in one region, by {regions.taken_from};"
        f" {regions.nowhere:,} have none"
        + (f" and {regions.several:,} have several and count in none." if regions.several else "."),
        *_aside(regions),
        _told(next(one for one in lengths if one.run_us == run)),
    ]
    return UnitDesign(
        past.experiment,
        metric,
        from_utc_micros(known.as_of_us).isoformat(),
        terms,
        next(one for one in lengths if one.run_us == run),
        tuple(lengths),
        (),
        regions,
        None,
        tuple(note for note in notes if note),
        people,
        _impossible(regions, metric, terms),
    )


def _aside(regions: Regions) -> list[str]:
    if not regions.left_aside:
        return []
    named = ", ".join(regions.left_aside[:_NAMED])
    more = len(regions.left_aside) - _NAMED
    rest = f" and {more} more" if more > 0 else ""
    return [f"Left aside, alike to none or with too few conversions: {named}{rest}."]


def _impossible(regions: Regions, metric: Metric, terms: Terms) -> str:
    """Nothing can be done by more than everyone: a rise that no data could show."""
    rates = [rate for pair in regions.pairs for rate in pair.before]
    base = float(np.mean(rates)) if metric.rate and rates else 0.0
    if base * (1 + terms.change) < 1:
        return ""
    return (
        f"{base:.0%} of people do it already over such a run: {signed(terms.change)} is more than"
        f" everyone. Look for {signed(min(1 / base - 1, terms.change) / 2)} or less (--change), or"
        " take a rarer goal."
    )


def _told(planned: Length) -> str:
    past = planned.placebo
    if past is None:
        return ""
    return (
        f"Drawn again {past.draws:,} times over {past.windows} past"
        f" {'stretch' if past.windows == 1 else 'stretches'} of {planned.words},"
        f" when nothing was sent, the interval left out 'no change' in {past.false_alarms:.1%}."
    )


# ------------------------------------------------------------------------------------ slots


def slot_schedule(known: Knowing, experiment: Experiment) -> Schedule:
    """Slots as they would be assigned now: from `starts`, else the next local midnight, to `ends`.

    Raises:
        GuardError: too few slots until the end.
    """
    zone, slot = known.project.zone, experiment.slot
    if slot is None:  # the model asks for one
        raise GuardError(f"{experiment.id!r} has no slot.")
    start = experiment.starts.resolve(zone) if experiment.starts else _midnight(known)
    windows = edges(start, experiment.ends.resolve(zone), slot.micros, zone)
    first, last = (arm.id for arm in experiment.groups)
    return schedule(
        windows, slot.micros, washout_us=experiment.washout.micros if experiment.washout else 0,
        salt=experiment.mixed_with, arms=(first, last),
    )  # fmt: skip


def _midnight(known: Knowing) -> int:
    zone = known.project.zone
    today = local_midnight(local_date(known.as_of_us, zone), zone)
    return today if today >= known.as_of_us else local_midnight(
        local_date(known.as_of_us + DAY + HOUR, zone), zone
    )  # fmt: skip


def _by_time(past: Past, metric: Metric, terms: Terms) -> UnitDesign:
    known, experiment = past.known, past.experiment
    planned_slots = slot_schedule(known, experiment)
    slot = experiment.slot.micros if experiment.slot else DAY
    washout = planned_slots.washout_us
    happened_ = _goals(known, metric)

    def judged(run_us: int, slot_us: int) -> Length:
        stretches = _stretches(past, metric, happened_, (run_us, slot_us, washout))
        found = drawn(stretches, seed=1, confidence=terms.confidence)
        return length(run_us, run_us // slot_us // 2, found, terms, slot_us)

    capped = min(_run_of_slots(planned_slots), _LONGEST)
    runs = sorted({capped, *(weeks * WEEK for weeks in _LENGTHS)})
    lengths = [judged(r, slot) for r in runs if r // slot // 2 >= LEAST_PAIRS]
    others = [
        judged(capped, s) for s in sorted({slot, *_SLOTS})
        if s > washout and capped // s // 2 >= LEAST_PAIRS
    ]  # fmt: skip
    planned = next((one for one in lengths if one.run_us == capped), lengths[0])
    many = f"{len(planned_slots.slots):,} slots, one of each pair on, the other off"
    notes = [
        f"{many}; outcomes of the first {washout / HOUR:.3g} hours of a slot don't count."
        if washout
        else f"{many}. Without a washout, what one slot started counts in the next: the change"
        " looks smaller than it is.",
        _told(planned),
        _best(others, slot),
    ]
    return UnitDesign(
        experiment,
        metric,
        from_utc_micros(known.as_of_us).isoformat(),
        terms,
        planned,
        tuple(lengths),
        tuple(others),
        None,
        planned_slots,
        tuple(note for note in notes if note),
    )


def _run_of_slots(found: Schedule) -> int:
    return found.slots[-1].to_us - found.slots[0].from_us


def _stretches(
    past: Past, metric: Metric, happened_: Mapping[str, Happened], of: tuple[int, int, int]
) -> list[Gaps]:
    """Pairs of slots over past stretches as long as the run, the newest first.

    `of` is length of the run, of a slot, and of the washout.
    """
    run_us, slot_us, washout_us = of
    now = past.known.as_of_us
    first = past.known.project.generation.catalog.first_ts or now
    found = []
    for i in range(_MOST_STRETCHES):
        start = now - (i + 1) * run_us
        if start < first:
            break
        many = run_us // slot_us // 2 * 2
        edges_ = [(start + k * slot_us, start + (k + 1) * slot_us) for k in range(many)]
        of_slots = past.by_slot(metric, happened_, [(a + washout_us, b) for a, b in edges_])
        if of_slots is not None:
            found.append(gaps(of_slots, pairing(many, slot_us)).known())
    return found


def _best(others: Sequence[Length], slot_us: int) -> str:
    known = [one for one in others if one.smallest is not None]
    if len(known) < 2:  # noqa: PLR2004  nothing to compare
        return ""
    best = min(known, key=lambda one: one.smallest or np.inf)
    own = next((one for one in known if one.slot_us == slot_us), None)
    if own is None or best.slot_us == slot_us or best.slot_us is None or best.smallest is None:
        return ""
    hours = best.slot_us / HOUR
    words = f"{hours:.3g} hours" if hours < 48 else f"{hours / 24:.3g} days"  # noqa: PLR2004
    return (
        f"Slots of {words} would show {signed(best.smallest)} over the same time, if what the"
        " campaign does is over within a slot."
    )
