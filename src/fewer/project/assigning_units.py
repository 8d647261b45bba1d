"""Assigning regions and time slots: pairs drawn once, people in the arm of their region."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyroaring import BitMap

from fewer.journey.measure.assign_waterfall import waterfall
from fewer.journey.measure.units.regions import Regions
from fewer.project.designing import terms_of
from fewer.project.designing_units import region_pairs, run_of, slot_schedule
from fewer.project.experiments import PEOPLE
from fewer.project.unit_history import Past

if TYPE_CHECKING:
    from fewer.model.experiment import Experiment
    from fewer.project.knowing import Knowing


def unit_parts(
    known: Knowing, experiment: Experiment, already: BitMap
) -> tuple[dict[str, BitMap], dict[str, Any]]:
    """Who is newly in which part, and what the record keeps of the draw.

    Args:
        known: People as at the moment.
        experiment: By region or by time.
        already: People with an arm: then the pairs stand, and whoever came since joins the arm
            of their region.
    """
    past = Past(known, experiment)
    if experiment.tests == "switchback":
        found = slot_schedule(known, experiment)
        return {PEOPLE: past.people(known.as_of_us)}, {"schedule": found.to_json()}
    if already:
        regions = known.project.experiments.assigned(experiment.id).regions
        members = {name: who - already for name, who in past.members(known.as_of_us).items()}
        return (_parts(past, members, regions), {}) if regions else ({}, {})
    registered = known.project.experiments.get(experiment.id)
    metric = registered.metrics[0]
    terms = terms_of(known.project, experiment, metric, None)
    members, regions = region_pairs(past, metric, terms, run_of(known, experiment))
    return _parts(past, members, regions), {"regions": regions.to_json()}


def _parts(past: Past, members: dict[str, BitMap], regions: Regions) -> dict[str, BitMap]:
    experiment = past.experiment
    sent, held = (arm.id for arm in experiment.groups)
    arms = regions.arms(members, sent, held)
    parts = {f"arm:{arm}": people for arm, people in arms.items()}
    everyone = arms[sent] | arms[held]
    if experiment.segments:
        kept = waterfall(past.segments(past.known.as_of_us))
        parts |= {f"segment:{k.segment}": k.people & everyone for k in kept}
    drawn = {name: members.get(name, BitMap()) for name in regions.names}
    return parts | {f"region:{name}": people for name, people in drawn.items() if people}
