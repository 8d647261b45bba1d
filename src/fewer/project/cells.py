"""The audience of one group of an experiment: exactly its people, less whoever may not be sent."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pyroaring import BitMap

from fewer.destinations.base import Audience
from fewer.errors import GuardError, NotFoundError
from fewer.model.experiment import BROAD, EXCLUSIONS_OFF, EXCLUSIONS_ON
from fewer.project.exporting import write_audience
from fewer.project.holding import held_by_others

if TYPE_CHECKING:
    from fewer.destinations.file import Export
    from fewer.project.experiments import Assigned
    from fewer.project.project import Project
    from fewer.project.snapshot import Snapshot


def cell(
    project: Project,
    experiment_id: str,
    arm: str,
    *,
    segment: str | None = None,
    build_id: str | None = None,
) -> Audience:
    """Everyone of one arm, as they were assigned; who may not be sent now is beside them.

    Exclusions apply as at the refresh, but for those on trial in the group that goes without.
    Whoever another experiment holds out is left out as well, so that no broad campaign reaches
    them.

    Args:
        project: The project.
        experiment_id: With people assigned.
        arm: One of its arms; `held_out` makes a list to exclude elsewhere.
        segment: Only those who count in this segment.
        build_id: Another refresh than the newest.

    Raises:
        NotFoundError: no such arm or segment in the experiment, or nobody is assigned.
        GuardError: a test by time has no group of people.
    """
    assigned = project.experiments.assigned(experiment_id)
    if assigned.schedule is not None:
        raise GuardError(
            f"{experiment_id!r} is drawn by time: no group of people goes with it. Export a segment"
            " as always; while a slot is off, nobody is in it. The slots themselves:"
            f" fewer experiment export {experiment_id} slots.csv"
        )
    arms = assigned.assignment.arms
    if arm not in arms:
        raise NotFoundError("arm", arm, arms)
    people = BitMap(arms[arm])
    if segment is not None:
        if segment not in assigned.segments:
            raise NotFoundError("segment of the experiment", segment, assigned.segments)
        people &= assigned.segments[segment]
    snapshot = project.snapshot(build_id)
    suffix = f" in {segment}" if segment else ""
    return Audience(
        id=f"{experiment_id}.{arm}{f'.{segment}' if segment else ''}",
        name=f"{assigned.experiment.title}: {_title(assigned, arm)}{suffix}",
        members=people,
        as_of_us=snapshot.as_of_us,
        build=snapshot.id,
        fingerprint=snapshot.fingerprint,
        data=project.settings.data,
        held_out=held_by_others(project, snapshot, assigned, people, broad=arm == BROAD),
        left_out=_excluded(project, snapshot, assigned, arm, people),
    )


def export_cell(
    project: Project,
    experiment_id: str,
    arm: str,
    path: Path,
    *,
    segment: str | None = None,
    build_id: str | None = None,
    **how: Any,
) -> Export:
    """Write the audience of one arm to a file, hashed, consent checked; see `cell`."""
    audience = cell(project, experiment_id, arm, segment=segment, build_id=build_id)
    return write_audience(project, audience, path, **how)


def _title(assigned: Assigned, arm: str) -> str:
    return next(one.title for one in assigned.experiment.groups if one.id == arm)


def _excluded(
    project: Project, snapshot: Snapshot, assigned: Assigned, arm: str, people: BitMap
) -> dict[str, BitMap]:
    """Reason -> people of the arm whom an exclusion keeps out now."""
    experiment = assigned.experiment
    on_trial = set(experiment.exclusions)
    found: dict[str, BitMap] = {}
    for name, who in _exclusions(project, snapshot, assigned, people).items():
        if not (arm == EXCLUSIONS_OFF and name.partition("@")[0] in on_trial):
            found[f"excluded: {name}"] = who
    if arm == EXCLUSIONS_ON:  # as they were when it began, also where they have left it since
        reason = f"excluded when assigned: {', '.join(experiment.exclusions)}"
        found[reason] = assigned.parts.get("excluded", BitMap()) & people
    return {reason: who for reason, who in found.items() if who}


def _exclusions(
    project: Project, snapshot: Snapshot, assigned: Assigned, people: BitMap
) -> dict[str, BitMap]:
    """Exclusion -> people it keeps out: by each one's own segment, else the project's own."""
    found: dict[str, BitMap] = {}
    parts = dict(assigned.segments)
    for name, members in parts.items():
        if name not in snapshot.segments:
            continue
        for step in snapshot.segment(name).funnel:
            who = snapshot.segment(step.segment).members & members & people
            found[step.segment] = found.get(step.segment, BitMap()) | who
    if not parts:
        for name in project.settings.exclude:
            if name in snapshot.segments:
                found[name] = snapshot.segment(name).members & people
    return found
