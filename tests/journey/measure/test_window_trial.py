"""Windows given at random, world after world: each band's interval holds what a message changed."""

from __future__ import annotations

import os

import numpy as np
import pytest
from pyroaring import BitMap

from fewer.destinations.minimums import MINIMUMS, too_few_for
from fewer.journey.measure.assign_contrasts import contrasts
from fewer.journey.measure.assignment import experiments
from fewer.journey.measure.landmark import Landmark
from fewer.journey.measure.outcomes import Outcomes
from fewer.journey.measure.population import Population
from fewer.journey.measure.window_trial import band_trials, change_in
from fewer.model.experiment import Experiment
from fewer.model.goal import Goal
from fewer.model.window import DAY, Duration

T = 400 * DAY
GOAL = Goal.model_validate({"id": "order", "did": "purchase", "outcome_window": "7d"})
TEST = Experiment.model_validate(
    {"id": "spread", "tests": "window", "segments": ["viewers"], "windows": ["7d", "14d", "30d"],
     "metrics": ["order"], "ends": "2026-04-01"}
)  # fmt: skip
WINDOWS = [Duration(d, "d") for d in (7, 14, 30)]
PEOPLE = 3_000
BASE = np.array([0.12, 0.08, 0.04])  # by band
CHANGED = np.array([0.06, 0.04, 0.0])


def trials(seed, *, over=True):
    """One world: everybody is given a window, sent something inside it, and orders or does not."""
    dice = np.random.default_rng(seed)
    band = dice.integers(0, 3, PEOPLE)
    given = dice.integers(0, 3, PEOPLE)
    chance = BASE[band] + np.where(given >= band, CHANGED[band], 0.0)
    hit = np.flatnonzero(dice.random(PEOPLE) < chance).astype(np.uint32)
    arms = sorted((a for a in TEST.groups if a.window), key=lambda a: a.window.micros)
    parts = {f"arm:{a.id}": BitMap(np.flatnonzero(given == n)) for n, a in enumerate(arms)}
    parts |= {f"band:{w}": BitMap(np.flatnonzero(band == n)) for n, w in enumerate(WINDOWS)}
    everyone = BitMap(range(PEOPLE))
    outcomes = Outcomes(
        goal=GOAL,
        landmark=Landmark(T, T, T + 7 * DAY, T + 9 * DAY),
        persons=hit,
        conversions=np.ones(len(hit), dtype=np.int64),
        value=None,
        before=BitMap(),
        at_risk=everyone,
    )
    made = contrasts(TEST, parts)
    rows = experiments([Population("viewers", "Viewers", everyone)], [outcomes], made)
    return band_trials("spread", WINDOWS[::-1], made, rows, over=over)


def held(worlds):
    """Share of intervals that hold the truth, by band."""
    inside = []
    for seed in range(worlds):
        found = trials(seed)
        if any(one.change is None for one in found):
            continue  # the split check withholds about one world in a thousand
        limits = [(one.change.estimate.lower, one.change.estimate.upper) for one in found]
        pairs = zip(limits, CHANGED[1:], strict=True)
        inside.append([low <= truth <= high for (low, high), truth in pairs])
    assert len(inside) > 0.98 * worlds
    return np.mean(inside, axis=0)


def test_each_band_is_named_and_compared_with_its_own_people_held_out():
    first, last = trials(1)
    assert [one.label for one in (first, last)] == ["8-14 days", "15-30 days"]
    assert first.row.comparisons[0].label.may_say_lift
    # A third was given 7 days, so two thirds of those of 8-14 days ago were sent something.
    assert first.row.group.people / first.row.comparisons[0].against.people == pytest.approx(2, 0.2)
    assert first.to_json()["window"] == "14d"


def test_only_a_test_that_is_over_decides():
    seven, fourteen = WINDOWS[:2]
    assert change_in(trials(1), seven, fourteen) is not None
    assert change_in(trials(1), None, seven) is None
    assert change_in(trials(1), seven, WINDOWS[2]) is None
    assert change_in(trials(1, over=False), seven, fourteen) is None


def test_intervals_hold_what_was_changed():
    assert (held(30) >= 0.8).all()


@pytest.mark.slow
def test_intervals_hold_what_was_changed_in_many_worlds():
    worlds = 400 * int(os.environ.get("FEWER_SOAK", "1"))
    error = 2.6 * np.sqrt(0.95 * 0.05 / worlds)
    found = held(worlds)
    assert (found >= 0.95 - error).all()
    assert (found <= 0.99).all()


def test_platforms_ask_for_different_numbers_of_people():
    assert too_few_for(max(MINIMUMS.values())) == ()
    assert [least for least, _ in too_few_for(0)] == sorted(set(MINIMUMS.values()))
    assert dict(too_few_for(299))[300] == ("LinkedIn", "Microsoft")
