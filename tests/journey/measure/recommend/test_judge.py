"""Nothing is recommended on noise, and what is real is found; sums are drawn, not people."""

from __future__ import annotations

import math

import numpy as np
import pytest

from conftest import SOAK
from fewer.journey.measure.recommend import values
from fewer.journey.measure.recommend.judge import Table, judge

SEGMENTS = 200


def programme(dice, lift, held_out=0.5):
    """200 segments of 200-2,000 people, a part of each held out; `lift` on the rate of the rest."""
    people = dice.integers(200, 2_001, SEGMENTS)
    control = np.maximum((people * held_out).astype(int), 1)
    treated = people - control
    rate = np.minimum(0.02 * np.exp(dice.normal(0, 0.6, SEGMENTS)), 0.3)
    first = dice.binomial(treated, np.minimum(rate * lift, 0.9))
    second = dice.binomial(control, rate)
    return Table(*(a.astype(float) for a in (first, treated, second, control)))


def verdicts(table):
    judged = judge(table)
    return judged.better | judged.worse


@pytest.mark.slow
@pytest.mark.parametrize("held_out", [0.5, 0.2])
def test_equal_groups_get_no_verdict(held_out):
    """A programme in which nothing works gets any verdict at most as often as is said."""
    runs = 60 * SOAK
    alarms = sum(
        bool(verdicts(programme(np.random.default_rng(seed), 1.0, held_out)).any())
        for seed in range(runs)
    )
    error = math.sqrt(values.LEVEL * (1 - values.LEVEL) / runs)
    assert alarms / runs <= values.LEVEL + 3 * error


@pytest.mark.slow
def test_few_verdicts_are_false_where_some_are_true():
    """One segment in ten is tripled: of what is called better, at most a twentieth is not."""
    found = wrong = missed = 0
    for seed in range(20 * SOAK):
        dice = np.random.default_rng(1_000 + seed)
        works = dice.random(SEGMENTS) < 0.1
        judged = judge(programme(dice, np.where(works, 3.0, 1.0)))
        found += int(judged.better.sum())
        wrong += int((judged.better & ~works).sum()) + int(judged.worse.sum())
        missed += int((works & ~judged.better).sum())
    assert found > missed / 4  # most are too small to prove alone
    assert wrong <= values.LEVEL * found + 3 * math.sqrt(values.LEVEL * found)


def test_what_hurts_is_called_worse():
    dice = np.random.default_rng(5)
    people = np.full(SEGMENTS, 20_000.0)
    lost = np.arange(SEGMENTS) < 10
    first = dice.binomial(20_000, np.where(lost, 0.02, 0.05)).astype(float)
    second = dice.binomial(20_000, 0.05, SEGMENTS).astype(float)
    judged = judge(Table(first, people, second, people))
    assert judged.worse[:10].all()
    assert not judged.worse[10:].any()


def test_what_costs_more_than_it_brings_is_worse():
    """It works by one point, and pays from three points on."""
    dice = np.random.default_rng(6)
    people = np.full(20, 50_000.0)
    first = dice.binomial(50_000, 0.06, 20).astype(float)
    second = dice.binomial(50_000, 0.05, 20).astype(float)
    table = Table(first, people, second, people)
    assert judge(table).better.all()
    assert judge(table, 0.03).worse.all()


def test_one_segment_alone_needs_much_to_be_believed():
    few = Table(*(np.array([n]) for n in (9.0, 100.0, 3.0, 100.0)))
    many = Table(*(np.array([n]) for n in (900.0, 10_000.0, 300.0, 10_000.0)))
    assert not verdicts(few).any()
    assert judge(many).better.all()
