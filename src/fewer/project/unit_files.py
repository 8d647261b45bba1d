"""Tables that leave a test: people with their arms, regions with theirs, a schedule of slots."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fewer.errors import GuardError
from fewer.journey.measure.units.slots import rows
from fewer.model.experiment import HELD_OUT, SENT
from fewer.project.experiment_files import assignment_table

if TYPE_CHECKING:
    import pyarrow as pa

    from fewer.journey.measure.units.regions import Regions
    from fewer.journey.measure.units.slots import Schedule
    from fewer.project.experiments import Assigned
    from fewer.project.project import Project


def exported(project: Project, assigned: Assigned, *, regions: bool) -> tuple[pa.Table, str]:
    """What is handed over, and what its rows are: ``people``, ``regions`` or ``slots``.

    Raises:
        GuardError: regions are asked of a test that has none.
    """
    if assigned.schedule is not None:
        return slot_table(project, assigned.schedule), "slots"
    if not regions:
        return assignment_table(project, assigned), "people"
    if assigned.regions is None:
        raise GuardError(
            f"{assigned.experiment.id!r} is not a test by region, so there are no regions to write."
            " Leave --regions out to write its people."
        )
    return region_table(assigned.regions), "regions"


def region_table(found: Regions) -> pa.Table:
    """(region, arm, pair, people), the pairs in order."""
    import pyarrow as pa

    made = [
        row
        for i, pair in enumerate(found.pairs, 1)
        for row in (
            (pair.sent, SENT, i, pair.people[0]),
            (pair.held_out, HELD_OUT, i, pair.people[1]),
        )
    ]
    names = ("region", "arm", "pair", "people")
    return pa.table({n: [row[i] for row in made] for i, n in enumerate(names)})


def slot_table(project: Project, found: Schedule) -> pa.Table:
    """(slot, from, to, arm, counts_from), local times with their offsets."""
    import pyarrow as pa

    made = rows(found, project.zone)
    names = ("slot", "from", "to", "arm", "counts_from")
    return pa.table({n: [row[i] for row in made] for i, n in enumerate(names)})
