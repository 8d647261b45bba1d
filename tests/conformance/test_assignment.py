"""The arms of an experiment are what the `sample` condition says, on every engine."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest

from fewer.journey.measure.assign import split
from fewer.model.experiment import Arm
from oracle.world import World

PERCENTS = ("0.000001", "12.5", "33.333333", "4.166666", "50")
KEYS = ("", "u-1", "Zoë", "東京", "İ", "a:b", "x" * 300, *(f"person {n}" for n in range(400)))


@pytest.mark.parametrize("salt", ["spring", "", "été:2026"])
def test_the_same_people_everywhere(engine, salt):
    world = World(dict(enumerate(KEYS)), people={n: {} for n in range(len(KEYS))})
    arms = [Arm(id=f"a{n}", percent=Decimal(p)) for n, p in enumerate(PERCENTS)]
    ends = np.cumsum([Decimal(p) for p in PERCENTS]).tolist()
    assert ends[-1] == Decimal("99.999999") + Decimal("0.000001")
    drawn = split(np.arange(len(KEYS), dtype=np.uint32), KEYS, arms, salt)
    below = engine.ask(world, *({"sample": {"percent": end, "salt": salt}} for end in ends))
    before: set[str] = set()
    for arm, reached in zip(arms, below, strict=True):
        assert {KEYS[n] for n in drawn[arm.id]} == reached - before, arm.id
        before = reached
    assert sum(map(len, drawn.values())) == len(KEYS)
