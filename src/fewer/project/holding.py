"""Who may not be sent a segment's message, because an experiment holds them out of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from pyroaring import BitMap

from fewer.journey.measure.assign import split
from fewer.model.experiment import BROAD, HELD_OUT
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
    out = HELD_OUT if HELD_OUT in arms else BROAD
    held |= arms.get(out, BitMap())
    if one.experiment.tests in ("geo", "elsewhere", "exclusions") or one.experiment.stratify:
        return held
    table = project.keys.table(members - one.everyone)
    numbers = table["person"].to_numpy().astype(np.uint32)
    drawn = split(
        numbers, table["key"].to_pylist(), one.experiment.groups, one.experiment.mixed_with
    )
    return held | drawn.get(out, BitMap())
