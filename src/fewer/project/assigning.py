"""Assigning people: by the registered rule, once, stored before anything is sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from pyroaring import BitMap

from fewer.data.store import experiments as stored
from fewer.errors import GuardError, NotFoundError
from fewer.journey.measure.assign import split, split_within, strata_of
from fewer.journey.measure.assign_balance import Balance, balance
from fewer.journey.measure.assign_contrasts import BAND
from fewer.journey.measure.assign_waterfall import Kept, waterfall
from fewer.journey.measure.units.regions import Regions, balance_of_pairs
from fewer.journey.measure.units.slots import Schedule
from fewer.model.experiment import BY_UNIT, HELD_OUT, Experiment
from fewer.project import clock
from fewer.project.experiments import PEOPLE, Assigned, Registered
from fewer.project.knowing import Knowing
from fewer.project.registering import body_of, differences

if TYPE_CHECKING:
    from fewer.project.project import Project
    from fewer.project.snapshot import SegmentView, Snapshot


@dataclass(frozen=True, slots=True)
class Made:
    """What assigning came to.

    Attributes:
        written: People newly assigned by this run; 0 when the assignment stood already.
        held_out_of_all: People of the population left out by the global holdout.
    """

    assigned: Assigned
    balance: Balance
    kept: tuple[Kept, ...]
    written: int
    held_out_of_all: int
    regions: Regions | None = None
    schedule: Schedule | None = None
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Counts, never people."""
        experiment = self.assigned.experiment
        sizes = {arm: len(who) for arm, who in self.assigned.assignment.arms.items()}
        return {
            "experiment": experiment.id,
            "registered": self.assigned.registered.hash,
            "records": [batch.record.hash for batch in self.assigned.batches],
            "tests": experiment.tests,
            "salt": experiment.mixed_with,
            "control": experiment.compared_with,
            "evidence": self.assigned.assignment.label.value,
            "newly_assigned": self.written,
            "held_out_of_all": self.held_out_of_all,
            "arms": [
                {"id": a.id, "percent": float(a.percent), "people": sizes[a.id]}
                for a in experiment.groups
            ],
            "segments": [kept.to_json() for kept in self.kept],
            "comparisons": [
                {"id": c.id, "people": {arm: len(who) for arm, who in c.arms.items()}}
                for c in self.assigned.contrasts
            ],
            "balance": self.balance.to_json(),
            "regions": self.regions.to_json() if self.regions else None,
            "schedule": self.schedule.to_json() if self.schedule else None,
            "notes": list(self.notes),
        }


def assign(
    project: Project, experiment_id: str, *, build_id: str | None = None, add_new: bool = False
) -> Made:
    """Assign the people of a snapshot to the arms of a registered experiment.

    Without `add_new`, an experiment that has people keeps exactly those. With it, people who
    have come since are added by the same rule; nobody changes arm.

    Raises:
        GuardError: not registered, changed since, or nobody to assign.
    """
    registered = ready(project, experiment_id)
    records = project.experiments.records(experiment_id)
    before = [r for r in records if r.kind == "assigned"]
    if before and not add_new and build_id is None:
        build_id = before[0].body.get("build")  # told as it was when it was made
    snapshot = project.snapshot(build_id)
    with Knowing(project, snapshot.as_of_us) as known:
        if before and not add_new:
            return _made(project, known, snapshot, written=0, experiment_id=experiment_id)
        if before and registered.experiment.tests == "switchback":
            raise GuardError(
                "Time slots are drawn once, and hold for whoever comes later: nobody is added."
            )
        drawn = _Drawing(project, registered.experiment, snapshot, known)
        already = project.experiments.assigned(experiment_id).ever if before else BitMap()
        parts = drawn.parts(already)
        written = sum(len(who) for part, who in parts.items() if _is_drawn(part))
        if not written and not before:
            raise GuardError(
                f"Nobody is in the segments of {experiment_id!r} as at"
                f" {snapshot.as_of_words}: nothing was assigned."
            )
        if written:
            stored.append(
                project.store,
                experiment_id,
                "assigned",
                {
                    "plan": registered.hash,
                    "build": snapshot.id,
                    "snapshot": snapshot.fingerprint,
                    "moments": [snapshot.as_of_us],
                    "sizes": {part: len(who) for part, who in parts.items()},
                    **drawn.told,
                },
                at_us=clock.now_us(),
                people={f"0/{part}": who for part, who in parts.items()},
                after=records[-1].seq,
            )
        return _made(project, known, snapshot, written=written, experiment_id=experiment_id)


def _is_drawn(part: str) -> bool:
    return part.startswith("arm:") or part == PEOPLE


def ready(project: Project, experiment_id: str) -> Registered:
    """The registration, if the files still say the same of who is in which arm."""
    if experiment_id not in {one.id for one in project.experiments}:
        project.definitions.experiment(experiment_id)
        raise GuardError(
            f"Experiment {experiment_id!r} is not registered. What is to be shown is written"
            f" down before people are assigned: fewer experiment register {experiment_id}"
        )
    registered = project.experiments.get(experiment_id)
    written = {one.id: one for one in project.definitions.experiments}.get(experiment_id)
    if written is None:
        return registered
    changed = differences(registered.record, body_of(project, written))
    if changed:
        shares = _shares(registered.experiment), _shares(written)
        more = f" Registered: {shares[0]}; the file: {shares[1]}." if shares[0] != shares[1] else ""
        raise GuardError(
            f"Experiment {experiment_id!r} was registered with other {', '.join(changed)} than"
            f" the files say now.{more} Put them back, or register a change."
        )
    return registered


def _shares(experiment: Experiment) -> str:
    return ", ".join(f"{arm.id} {arm.percent} %" for arm in experiment.groups)


class _Drawing:
    """Population and parts of one experiment at one snapshot."""

    def __init__(
        self, project: Project, experiment: Experiment, snapshot: Snapshot, known: Knowing
    ) -> None:
        self.project, self.experiment = project, experiment
        self.snapshot, self.known = snapshot, known
        self.told: dict[str, Any] = {}  # of regions and slots, kept in the record
        self.never = BitMap()
        if experiment.tests != "global_holdout":
            self.never = held_out_of_all(project, known.everyone)

    def parts(self, already: BitMap) -> dict[str, BitMap]:
        """Who is newly in which part; `already` are people with an arm."""
        if self.experiment.tests == "elsewhere":
            raise GuardError(
                f"The people of {self.experiment.id!r} were put into arms elsewhere: bring them"
                f" with fewer experiment import {self.experiment.id} FILE"
            )
        if self.experiment.tests in BY_UNIT:
            from fewer.project.assigning_units import unit_parts

            parts, self.told = unit_parts(self.known, self.experiment, already)
            return parts
        kept = self.kept
        segments = {k.segment: k.people - already for k in kept}
        population = (
            BitMap().union(*segments.values()) if segments else self.known.everyone - already
        )
        arms = self._split(population, segments)
        parts = {f"arm:{arm}": who for arm, who in arms.items()}
        parts |= {f"segment:{segment}": who for segment, who in segments.items() if who}
        return parts | self._extras(population)

    @cached_property
    def kept(self) -> tuple[Kept, ...]:
        """What each segment keeps behind those before it and the global holdout."""
        return waterfall(self.members, without=self.never)

    @property
    def lost(self) -> int:
        """People of the segments whom the global holdout keeps out."""
        return len(self.never & BitMap().union(*self.members.values()))

    @cached_property
    def members(self) -> dict[str, BitMap]:
        """Segment -> people who are put into arms, before the priority list."""
        registered = self.project.experiments.get(self.experiment.id)
        return {name: self._who(self._view(name)) for name in registered.segment_ids}

    def _view(self, segment: str) -> SegmentView:
        if segment not in self.snapshot.segments:
            hint = "Run `fewer build` again: the newest refresh is without it."
            raise NotFoundError("segment", segment, self.snapshot.segments, hint=hint)
        return self.snapshot.segment(segment)

    def _who(self, view: SegmentView) -> BitMap:
        if self.experiment.tests == "window":
            return BitMap().union(*self._by_window([view.id]).values())
        if self.experiment.tests != "exclusions":
            return view.members
        people = view.matched.copy()
        for step in view.funnel:
            if step.segment.partition("@")[0] not in self.experiment.exclusions:
                people -= self.snapshot.segment(step.segment).members
        return people

    def _split(self, population: BitMap, segments: Mapping[str, BitMap]) -> dict[str, BitMap]:
        table = self.project.keys.table(population)
        numbers = table["person"].to_numpy().astype(np.uint32)
        people = table["key"].to_pylist()
        experiment = self.experiment
        if not experiment.stratify:
            return split(numbers, people, experiment.groups, experiment.mixed_with)
        traits = [
            segments if name == "segment" else self.known.trait(name)
            for name in experiment.stratify
        ]
        strata = strata_of(traits, population)
        return split_within(numbers, people, experiment.groups, experiment.mixed_with, strata)

    def _extras(self, population: BitMap) -> dict[str, BitMap]:
        if self.experiment.tests == "window":
            return self._bands(population)
        if self.experiment.tests != "exclusions":
            return {}
        tested = BitMap()
        for name in self.experiment.exclusions:
            tested |= self._view(name).members
        return {"excluded": tested & population}

    def _by_window(self, segments: list[str]) -> dict[Any, BitMap]:
        found: dict[Any, BitMap] = {}
        windows = [arm.window for arm in self.experiment.groups if arm.window]
        for window in sorted(windows, key=lambda w: w.micros):
            found[window] = BitMap()
            for segment in segments:
                found[window] |= self._view(f"{segment}@{window}").members
        return found

    def _bands(self, population: BitMap) -> dict[str, BitMap]:
        parts, shorter = {}, BitMap()
        names = list(self.members)
        for window, people in self._by_window(names).items():
            if shorter - people:
                raise GuardError(
                    f"{len(shorter - people):,} people of a shorter window are not in the one of"
                    f" {window}: it is no window of something done, so windows can't be compared."
                )
            parts[f"{BAND}{window}"] = (people - shorter) & population
            shorter = people
        return parts


def held_out_of_all(project: Project, people: BitMap) -> BitMap:
    """Those of `people` whom a registered global holdout keeps out of everything, by its hash."""
    found = BitMap()
    for one in project.experiments:
        if one.experiment.tests != "global_holdout":
            continue
        table = project.keys.table(people)
        numbers = table["person"].to_numpy().astype(np.uint32)
        drawn = split(
            numbers, table["key"].to_pylist(), one.experiment.groups, one.experiment.mixed_with
        )
        found |= drawn[HELD_OUT]
    return found


def _made(
    project: Project, known: Knowing, snapshot: Snapshot, *, written: int, experiment_id: str
) -> Made:
    assigned = project.experiments.assigned(experiment_id)
    experiment = assigned.experiment
    assignment = assigned.assignment
    drawing = _Drawing(project, experiment, snapshot, known)
    regions, schedule = assigned.regions, assigned.schedule
    kept = drawing.kept if experiment.tests not in (*BY_UNIT, "elsewhere") else ()
    everyone = assigned.everyone
    shared = {f"segment: {name}": who for name, who in assigned.segments.items()}
    shared |= known.things_known(everyone)
    alike = (
        balance_of_pairs(regions, assigned.named("region"), assignment, shared)
        if regions
        else balance(assignment.arms, assignment.shares, assignment.control, shared)
    )
    return Made(
        assigned,
        alike,
        kept,
        written,
        drawing.lost if experiment.tests not in BY_UNIT else 0,
        regions,
        schedule,
        tuple(_notes(project, assigned, snapshot, written)),
    )


def _notes(project: Project, assigned: Assigned, snapshot: Snapshot, written: int) -> list[str]:
    notes = []
    newest = project.newest_event_us
    if newest is not None and newest >= snapshot.as_of_us and written:
        notes.append(
            f"The data goes on after {snapshot.as_of_words}, so this assignment was not made"
            " before what it is to change. Use it to try things out, or build as at now."
        )
    if assigned.registered.record.body.get("late"):
        notes.append("It was registered after its own end date: not a plan made beforehand.")
    return notes
