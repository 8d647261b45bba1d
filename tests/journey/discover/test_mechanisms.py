"""Found and false in worlds that work otherwise than the search assumes."""

from __future__ import annotations

import os

import numpy as np
import pytest

from fewer.journey.discover.search import search
from journey.discover.mechanisms import MECHANISMS, Made, Mechanism, made, null

SOAK = int(os.environ.get("FEWER_SOAK", "1"))
PEOPLE = 60_000
_HARD = {"rare goal, 0.3 %", "single actions", "amounts"}
"""Few conversions to see; singles outside the size band, which are not reported; amounts whose
thresholds are none of those searched, so that a rule holds other people than the plant."""


def outcome(world: Made, how: Mechanism) -> tuple[int, int]:
    """Plants found, and reported rules that have little to do with any."""
    found = search(world.first, world.later, world.groups)
    reported = found.singles if how.kind == "single" else found.found
    people = [world.first.matrix.members(one.rule) for one in reported]
    nearly = 0.6 if how.kind == "amounts" else 0.8  # its bounds are not among the features
    right, false = world.scored(people, nearly)
    if how.kind == "single":  # what matters alone without a plant is no mistake
        false = len(found.found)
    return len(right), false


@pytest.mark.slow
@pytest.mark.timeout(1_200)
def test_finds_plants_and_nothing_false_however_people_convert():
    found: dict[str, list[int]] = {how.name: [] for how in MECHANISMS}
    wrong = 0
    for seed in range(SOAK):
        for how in MECHANISMS:
            right, false = outcome(made(how, 300 + seed, people=PEOPLE), how)
            found[how.name].append(right)
            wrong += bool(false)
    means = {name: float(np.mean(each)) for name, each in found.items()}
    usual = [mean for name, mean in means.items() if name not in _HARD]
    assert np.mean(usual) >= 9, means
    assert min(usual) >= 6, means
    assert means["single actions"] >= 2, means
    assert means["amounts"] >= 4, means
    runs = SOAK * len(MECHANISMS)
    assert wrong <= 0.05 * runs + 2 * np.sqrt(0.05 * runs), found


@pytest.mark.slow
@pytest.mark.timeout(1_200)
def test_finds_no_more_than_the_stated_rate_where_there_is_nothing():
    false = {
        (how.name, seed)
        for seed in range(SOAK)
        for how in MECHANISMS
        if how.kind == "with"  # the others differ by their plants alone
        if (world := null(how, 500 + seed, people=PEOPLE // 2))
        if search(world.first, world.later, world.groups).found
    }
    runs = SOAK * sum(how.kind == "with" for how in MECHANISMS)
    assert len(false) <= 0.05 * runs + 2 * np.sqrt(0.05 * runs), false


def test_a_world_can_be_told_from_its_null():
    how = MECHANISMS[0]
    planted = made(how, 1, people=8_000, things=40, plants=3)
    nothing = null(how, 1, people=8_000, things=40)
    assert len(planted.plants) == 3
    assert nothing.plants == ()
    rows = planted.plants[0]
    assert planted.scored([rows, np.setdiff1d(np.arange(500), rows)]) == ({0}, 1)
