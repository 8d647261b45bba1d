"""Whole programmes through every rule: what is promised of verdicts and gains has to hold."""

from __future__ import annotations

import math

import numpy as np
import pytest

from conftest import SOAK
from fewer.data.simulate.trials import TrialSetting, trial
from fewer.journey.measure.evidence import EvidenceLabel
from fewer.journey.measure.recommend import values
from fewer.journey.measure.recommend.facts import Arms, Facts, Programme
from fewer.journey.measure.recommend.recommend import recommend
from fewer.journey.measure.recommend.verdict import Action
from fewer.model.segment import Segment

SEGMENTS = 200
WEEK = 7.0
CHOSEN = 0.92
"""Intervals hold 95 % on average over all segments; of those that got a verdict, a little less."""

OUTCOME = {Action.SCALE, Action.STOP, Action.KEEP}


def facts(at, k1, n1, k2, n2):
    segment = Segment.model_validate(
        {"id": f"s{at}", "where": {"did": "v"}, "size": {"min": 0, "max": 10**6}}
    )
    label = EvidenceLabel.RANDOMISED_HOLDOUT
    found = Arms("x", "sent", "held", label, int(n1), int(k1), int(n2), int(k2), WEEK)
    return Facts(segment, int(n1 + n2), arms=(found,))


def programme(columns):
    rows = zip(*columns, strict=True)
    return Programme(facts=tuple(facts(i, *row) for i, row in enumerate(rows)))


def null(seed, held_out):
    dice = np.random.default_rng(seed)
    people = dice.integers(200, 2_001, SEGMENTS)
    second = np.maximum((people * held_out).astype(int), 1)
    first = people - second
    rate = np.minimum(0.03 * np.exp(dice.normal(0, 0.6, SEGMENTS)), 0.3)
    return programme((dice.binomial(first, rate), first, dice.binomial(second, rate), second))


def shares(runs, held_out):
    """Share of segments with any verdict from outcomes, and share of programmes with stop/scale."""
    any_outcome = proven = 0.0
    for seed in range(runs):
        actions = [one.action for one in recommend(null(seed, held_out)).recommendations]
        any_outcome += sum(a in OUTCOME for a in actions) / SEGMENTS
        proven += any(a in {Action.SCALE, Action.STOP} for a in actions)
    return any_outcome / runs, proven / runs


def test_a_few_equal_programmes_get_hardly_a_verdict():
    segments, _ = shares(4, 0.3)
    assert segments <= values.LEVEL


@pytest.mark.slow
@pytest.mark.parametrize("held_out", [0.5, 0.2])
def test_equal_programmes_get_verdicts_at_most_as_often_as_is_said(held_out):
    runs = 40 * SOAK
    segments, programmes = shares(runs, held_out)
    error = math.sqrt(values.LEVEL * (1 - values.LEVEL) / runs)
    assert segments <= values.LEVEL
    assert programmes <= values.LEVEL + 3 * error


REAL = TrialSetting(
    segments=40, size=(3_000, 30_000), base_rate=0.06, effect=1.4, effect_spread=0.5,
    null_share=0.4, holdout=0.5, reach=0.8,
)  # fmt: skip


@pytest.mark.slow
def test_what_is_found_is_true_and_brings_what_was_promised():
    """Effects of both signs: verdicts have the right sign, gains lie in their intervals."""
    found = false = missed = inside = above = 0
    promised = realised = 0.0
    for seed in range(6 * SOAK):
        made = trial(seed, REAL)
        n, k, rate = made.n, made.converted, made.rate
        said = recommend(programme((k[:, 1], n[:, 1], k[:, 0], n[:, 0])))
        gain = rate[:, 1] - rate[:, 0]
        clear = np.abs(made.lift) > 0.5
        for at in range(REAL.segments):
            one = said.of(f"s{at}")
            if one.action not in {Action.SCALE, Action.STOP}:
                missed += int(clear[at])
                continue
            up = one.action is Action.SCALE
            found += 1
            false += int(gain[at] <= 0 if up else gain[at] >= 0)
            truth = gain[at] * n[at, 0] if up else -gain[at] * n[at, 1]
            promised, realised = promised + one.gain.value, realised + truth
            inside += int(one.gain.lower <= truth <= one.gain.upper)
            above += int(truth > one.gain.value)
    assert found > 40
    assert missed < found / 10
    assert false <= values.LEVEL * found + 3 * math.sqrt(values.LEVEL * found)
    assert inside / found >= CHOSEN - 3 * math.sqrt(CHOSEN * (1 - CHOSEN) / found)
    assert abs(realised - promised) < 0.1 * promised
    assert 0.25 < above / found < 0.75
