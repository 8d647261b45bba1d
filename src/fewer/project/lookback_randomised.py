"""Window tests of a project, read for one segment and goal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fewer.errors import GuardError
from fewer.journey.measure.randomised import Terms
from fewer.journey.measure.window_trial import BandTrial, band_trials
from fewer.project.measuring_experiments import Laboratory

if TYPE_CHECKING:
    from fewer.journey.measure.query import Reader
    from fewer.model.goal import Goal
    from fewer.project.project import Project


def tested(
    project: Project,
    reader: Reader,
    segment_id: str,
    goal: Goal,
    *,
    data_end_us: int,
    now_us: int,
) -> tuple[tuple[BandTrial, ...], list[str]]:
    """Bands of every window test of the segment, and why some tell nothing yet."""
    laboratory = Laboratory(
        reader=reader,
        now_us=now_us,
        data_end_us=data_end_us,
        terms=Terms(),
        days=(),
        title=lambda name: project.definitions.segment(name).title,
    )
    found: list[BandTrial] = []
    notes: list[str] = []
    for one in project.experiments.with_people():
        if one.experiment.tests != "window" or segment_id not in one.registered.segment_ids:
            continue
        try:
            read = laboratory.read(one)
        except GuardError as error:
            notes.append(f"experiment {one.registered.id}: {error}")
            continue
        own = [r for r in read.examined.rows if r.segment == segment_id]
        rows = [r for r in own if r.goal == goal.id]
        if own and not rows:
            others = ", ".join(dict.fromkeys(r.goal for r in own))
            notes.append(f"experiment {one.registered.id} was registered for {others}")
        windows = [arm.window for arm in one.experiment.groups if arm.window]
        found += band_trials(one.registered.id, windows, one.contrasts, rows, over=read.over)
        if rows and not read.over:
            notes.append(f"experiment {one.registered.id} goes on: no verdict before its end")
        notes += [f"experiment {one.registered.id}: {why}" for why in read.skipped]
    return tuple(found), notes
