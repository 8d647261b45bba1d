"""Sequences of two steps in one pass, against a search of all pairs."""

from __future__ import annotations

import random

import numpy as np
import pytest

from fewer.evaluate.index import pairs

NEVER = 2**32 - 1
FAR = 99
LEAD = FAR + 1
AS_OF = 60
WINDOWS = np.array([(0, AS_OF), (10, AS_OF), (20, 45), (30, 31)], np.int64)


def rows(dice, count):
    """Persons and times of some rows, in the order of time."""
    drawn = sorted((dice.randrange(60), dice.randrange(5)) for _ in range(count))
    return np.array([p for _, p in drawn], np.uint32), np.array([t for t, _ in drawn], np.int64)


def halves(a, cut):
    slots, times = a
    early = times < cut
    return (slots[early], times[early]), (slots[~early], times[~early])


def held(bits):
    return [{p for p in range(5) if int(row[0]) >> p & 1} for row in bits]


@pytest.mark.parametrize("forwards", [True, False])
@pytest.mark.parametrize("dtype", [np.uint32, np.int64])
@pytest.mark.parametrize("seed", range(60))
def test_one_step_after_another(seed, dtype, forwards):
    dice = random.Random(seed)
    a, b = rows(dice, dice.randrange(12)), rows(dice, dice.randrange(12))
    within = dice.choice([FAR, 0, 1, 5, 20])
    moments = np.full(5, pairs.NONE if forwards else NEVER, dtype)
    out = np.zeros((4, 1), np.uint64)
    run = pairs.preceded if forwards else pairs.followed
    parts = list(zip(halves(a, 30), halves(b, 30), strict=True))
    for first, then in parts if forwards else reversed(parts):
        run(*first, 1, LEAD, *then, 1, LEAD, within, WINDOWS + LEAD, moments, out)
    found = [
        {
            int(p)
            for p, t in zip(*a, strict=True)
            for q, u in zip(*b, strict=True)
            if p == q and t < u and u - t <= within and t >= low and u < high
        }
        for low, high in WINDOWS
    ]
    assert held(out) == found


@pytest.mark.parametrize("dtype", [np.uint32, np.int64])
@pytest.mark.parametrize("seed", range(60))
def test_a_step_that_nothing_follows(seed, dtype):
    dice = random.Random(seed)
    a, b = rows(dice, dice.randrange(12)), rows(dice, dice.randrange(12))
    within = dice.choice([0, 1, 5, 20])
    moments, out = np.full(5, NEVER, dtype), np.zeros((4, 1), np.uint64)
    parts = list(zip(halves(a, 30), halves(b, 30), strict=True))
    for first, then in reversed(parts):
        both = (*first, 1, LEAD, *then, 1, LEAD)
        pairs.abandoned(*both, within, AS_OF - within + LEAD, WINDOWS + LEAD, moments, out)
    found = [
        {
            int(p)
            for p, t in zip(*a, strict=True)
            if t + within < AS_OF
            and low <= t < high
            and not any(p == q and t < u <= t + within for q, u in zip(*b, strict=True))
        }
        for low, high in WINDOWS
    ]
    assert held(out) == found
