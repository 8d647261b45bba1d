"""Amounts adjusted for the time before, from two sets of conversions, against whole arrays."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from pyroaring import BitMap

from fewer.journey.measure.before import adjusted_values
from fewer.journey.measure.evidence import EvidenceLabel
from fewer.journey.measure.landmark import Landmark
from fewer.journey.measure.outcomes import Outcomes
from fewer.model.goal import Goal
from fewer.stats.cuped import cuped_means
from fewer.stats.mean import Moments, mean_difference
from fewer.stats.sums import sums_of

LABEL = EvidenceLabel.RANDOMISED_ARM
GOAL = Goal.model_validate(
    {"id": "order", "did": "purchase", "value": {"of": "v"}, "outcome_window": "7d"}
)
PEOPLE = 3_000


def outcomes(amounts):
    """Amounts by person; whoever has none is in no array, as the reader gives them."""
    persons = np.flatnonzero(amounts).astype(np.uint32)
    return Outcomes(
        goal=GOAL,
        landmark=Landmark(0, 0, 1, 1),
        persons=persons,
        conversions=np.ones(len(persons), np.int64),
        value=amounts[persons],
        before=BitMap(),
        at_risk=BitMap(range(PEOPLE)),
    )


@pytest.fixture
def world():
    dice = np.random.default_rng(8)
    habit = dice.gamma(0.6, 2.0, PEOPLE)
    then = np.where(dice.random(PEOPLE) < 0.5, habit, 0.0)
    treated = np.arange(PEOPLE) % 2 == 1
    now = np.where(dice.random(PEOPLE) < 0.6, habit + treated * 0.3, 0.0)
    return now, then, treated


def test_the_same_as_from_whole_arrays(world):
    now, then, treated = world
    first, second = (BitMap(np.flatnonzero(t).astype(np.uint32)) for t in (treated, ~treated))
    [found] = adjusted_values([first], [second], outcomes(now), outcomes(then), LABEL)
    table = sums_of({"y": now, "x": then}, treated.astype(int), 2)
    right = cuped_means(table[[1]], table[[0]], "y", "x").difference.at(0)
    assert found.estimate.value == pytest.approx(right.value, rel=1e-9)
    assert found.estimate.lower == pytest.approx(right.lower, rel=1e-9)
    assert found.label is LABEL
    sides = [
        Moments(*(np.array([float(n)]) for n in (len(y), y.sum(), y @ y, np.count_nonzero(y))))
        for y in (now[treated], now[~treated])
    ]
    plain = mean_difference(*sides).at(0)
    assert found.estimate.upper - found.estimate.lower < 0.95 * (plain.upper - plain.lower)


def test_segments_are_adjusted_each_for_themselves(world):
    now, then, treated = world
    inside = [np.arange(PEOPLE) < 1_000, np.arange(PEOPLE) >= 1_000]
    groups = [
        [BitMap(np.flatnonzero(part & t).astype(np.uint32)) for part in inside]
        for t in (treated, ~treated)
    ]
    both = adjusted_values(*groups, outcomes(now), outcomes(then), LABEL)
    alone = [
        adjusted_values([a], [b], outcomes(now), outcomes(then), LABEL)[0]
        for a, b in zip(*groups, strict=True)
    ]
    assert [f.estimate for f in both] == [f.estimate for f in alone]


def test_a_time_before_that_says_nothing_gives_no_second_figure(world):
    now, then, treated = world
    first, second = (BitMap(np.flatnonzero(t).astype(np.uint32)) for t in (treated, ~treated))
    nothing = outcomes(np.zeros(PEOPLE))
    assert adjusted_values([first], [second], outcomes(now), nothing, LABEL) == [None]
    assert adjusted_values([first], [second], outcomes(now), None, LABEL) == [None]
    unpriced = replace(outcomes(now), value=None)
    assert adjusted_values([first], [second], unpriced, outcomes(then), LABEL) == [None]
    assert adjusted_values([], [], outcomes(now), outcomes(then), LABEL) == []
