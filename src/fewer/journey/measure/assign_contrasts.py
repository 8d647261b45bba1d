"""What an experiment compares: one assignment for each question that its groups can answer."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

from pyroaring import BitMap

from fewer.journey.measure.assignment import Assignment
from fewer.journey.measure.evidence import EvidenceLabel
from fewer.model.experiment import BY_UNIT, HELD_OUT, SENT, Arm, Experiment

BAND = "band:"
"""Prefix of a part that holds who acted within one window and not within a shorter one."""


def label_of(experiment: Experiment) -> EvidenceLabel:
    """How figures of the experiment come about."""
    if experiment.tests in BY_UNIT:
        return EvidenceLabel.GEO_OR_SWITCHBACK
    held = experiment.compared_with == HELD_OUT or experiment.tests == "window"
    return EvidenceLabel.RANDOMISED_HOLDOUT if held else EvidenceLabel.RANDOMISED_ARM


def whole(experiment: Experiment, parts: Mapping[str, BitMap]) -> Assignment:
    """All arms as they were assigned; `parts` holds ``arm:ID`` -> people."""
    arms = {arm.id: parts.get(f"arm:{arm.id}", BitMap()) for arm in experiment.groups}
    shares = {arm.id: float(arm.percent) / 100 for arm in experiment.groups}
    return Assignment(experiment.id, arms, shares, experiment.compared_with, label_of(experiment))


def contrasts(experiment: Experiment, parts: Mapping[str, BitMap]) -> tuple[Assignment, ...]:
    """The comparisons to read.

    For most experiments that is the assignment itself. For windows it is one for each band of
    recency: who acted 8 to 14 days ago is sent something in the arms of 14 days and more, and
    held out in the shorter ones. Within the shortest window everyone is sent something, so
    nothing can be said of it.
    """
    if experiment.tests != "window":
        return (whole(experiment, parts),)
    made = []
    by_window = _by_window(experiment)
    for shorter, arm in itertools.pairwise(by_window):
        band = parts.get(f"{BAND}{arm.window}", BitMap())
        sent, held = BitMap(), BitMap()
        share = 0.0
        for each in by_window:
            people = parts.get(f"arm:{each.id}", BitMap()) & band
            if _micros(each) >= _micros(arm):
                sent |= people
                share += float(each.percent) / 100
            else:
                held |= people
        made.append(
            Assignment(
                f"{experiment.id}: more than {shorter.window}, up to {arm.window}",
                {SENT: sent, HELD_OUT: held},
                {SENT: share, HELD_OUT: 1 - share},
                HELD_OUT,
                EvidenceLabel.RANDOMISED_HOLDOUT,
            )
        )
    return tuple(made)


def _by_window(experiment: Experiment) -> list[Arm]:
    return sorted((arm for arm in experiment.groups if arm.window), key=_micros)


def _micros(arm: Arm) -> int:
    return arm.window.micros if arm.window else 0
