"""Who may not be sent a segment's message, because an experiment holds them out of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from pyroaring import BitMap

from fewer.journey.measure.assign import split
from fewer.model.experiment import BROAD, EXCLUSIONS_OFF, HELD_OUT
from fewer.project.assigning import held_out_of_all

if TYPE_CHECKING:
    from fewer.project.experiments import Assigned
    from fewer.project.project import Project
    from fewer.project.snapshot import Snapshot


def held_out(project: Project, snapshot: Snapshot, segment: str) -> dict[str, BitMap]:
    """Experiment -> members of the segment whom it holds out at the snapshot's moment.

    Experiments bind until their end. People who joined after the assignment are held out by the
    same hash, so that they can still be added; `of everything` is the global holdout.
    """
    members = snapshot.segment(segment).members
    found: dict[str, BitMap] = {}
    for one in project.experiments.with_people():
        if snapshot.as_of_us >= one.registered.ends_us:
            continue
        tests = one.experiment.tests
        if tests == "switchback":
            if not one.registered.segment_ids or _base(segment) in one.registered.segment_ids:
                found[one.experiment.id] = _off(one, snapshot.as_of_us, members)
        elif tests == "global_holdout":
            found[one.experiment.id] = held_out_of_all(project, members)
        elif tests in ("geo", "elsewhere") or _base(segment) in one.registered.segment_ids:
            found[one.experiment.id] = _held(project, one, snapshot, segment, members)
    return {name: people for name, people in found.items() if people}


def held_by_others(
    project: Project, snapshot: Snapshot, assigned: Assigned, people: BitMap, *, broad: bool
) -> dict[str, BitMap]:
    """Experiment -> people of a group of `assigned` whom another experiment holds out.

    A `broad` campaign reaches nobody whom any experiment holds out; others only look at
    experiments that share a segment with them.
    """
    own, found = assigned.experiment.id, {}
    for one in project.experiments:
        if one.experiment.tests == "global_holdout" and one.id != own:
            found[one.id] = held_out_of_all(project, people)
    for other in project.experiments.with_people():
        name = other.experiment.id
        if name == own or name in found or snapshot.as_of_us >= other.registered.ends_us:
            continue
        shared = set(other.registered.segment_ids) & set(assigned.registered.segment_ids)
        everywhere = other.experiment.tests in ("geo", "elsewhere") or not other.segments
        if other.schedule is not None:
            found[name] = _off(other, snapshot.as_of_us, people)
        elif shared or everywhere or broad:
            found[name] = other.assignment.arms.get(HELD_OUT, BitMap()) & people
    return {name: who for name, who in found.items() if who}


def _base(segment: str) -> str:
    return segment.partition("@")[0]


def _off(one: Assigned, moment_us: int, members: BitMap) -> BitMap:
    """Everyone while a time slot without the campaign lasts, else nobody."""
    slot = one.schedule.at(moment_us) if one.schedule else None
    return BitMap(members) if slot is not None and slot.arm == HELD_OUT else BitMap()


def _held(
    project: Project, one: Assigned, snapshot: Snapshot, segment: str, members: BitMap
) -> BitMap:
    base = _base(segment)
    arms = {arm: people & members for arm, people in one.assignment.arms.items()}
    held = BitMap()
    for other, people in one.segments.items():
        if other != base:
            held |= people & members  # they count in another segment of the priority list
    if one.experiment.tests == "window":
        for arm in one.experiment.groups:
            inside = snapshot.segments.get(f"{base}@{arm.window}")
            held |= arms[arm.id] - (inside.members if inside else BitMap())
        return held
    # The groups with an audience of their own (`cells`) are not reached through the segment.
    out = next((a for a in (HELD_OUT, BROAD, EXCLUSIONS_OFF) if a in arms), HELD_OUT)
    held |= arms.get(out, BitMap())
    if one.experiment.tests in ("geo", "elsewhere", "exclusions") or one.experiment.stratify:
        return held
    table = project.keys.table(members - one.everyone)
    numbers = table["person"].to_numpy().astype(np.uint32)
    drawn = split(
        numbers, table["key"].to_pylist(), one.experiment.groups, one.experiment.mixed_with
    )
    return held | drawn.get(out, BitMap())
