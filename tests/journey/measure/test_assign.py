"""Splits by hash: published digests, planned shares, strata to the person, regions in pairs."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest
from pyroaring import BitMap

from fewer.journey.measure.assign import digests, split, split_within, strata_of
from fewer.journey.measure.assign_balance import balance
from fewer.journey.measure.assign_waterfall import waterfall
from fewer.model.experiment import Arm
from fewer.stats.split import split_check

NUMBERS = np.arange(20_000, dtype=np.uint32)
PEOPLE = [f"person-{n}" for n in NUMBERS]


def arms(*percents):
    return [Arm(id=f"a{n}", percent=Decimal(str(p))) for n, p in enumerate(percents)]


def test_a_published_digest():
    assert digests(["u-1"], "spring").tolist() == [b"dcea4a2d76405827"]


@pytest.mark.parametrize("shares", [(50, 50), (80, 20), (33.333333, 33.333333, 33.333334)])
def test_shares_come_out_and_nobody_is_lost(shares):
    p = []
    for seed in range(20):
        found = split(NUMBERS, PEOPLE, arms(*shares), f"salt {seed}")
        sizes = [len(people) for people in found.values()]
        assert sum(sizes) == len(NUMBERS)
        p.append(float(split_check(sizes, shares).p[0]))
    assert min(p) > 0.0005
    assert 0.2 < np.mean(p) < 0.8


def test_two_salts_are_independent():
    first = split(NUMBERS, PEOPLE, arms(50, 50), "one")["a0"]
    second = split(NUMBERS, PEOPLE, arms(50, 50), "two")["a0"]
    assert abs(len(first & second) - len(NUMBERS) / 4) < 4 * np.sqrt(len(NUMBERS) * 3 / 16)


def test_others_change_nothing():
    some = split(NUMBERS[::7], PEOPLE[::7], arms(30, 70), "s")
    every = split(NUMBERS, PEOPLE, arms(30, 70), "s")
    assert some["a0"] == every["a0"] & BitMap(NUMBERS[::7].tolist())


def test_many_small_strata_still_make_the_shares():
    strata = {f"s{n:05}": BitMap(range(n * 3, n * 3 + 3)) for n in range(5_000)}
    found = split_within(NUMBERS, PEOPLE, arms(80, 20), "s", strata)
    inside = BitMap(range(15_000))
    assert abs(len(found["a1"] & inside) - 3_000) < 150
    assert sum(map(len, found.values())) == len(NUMBERS)
    for members in list(strata.values())[:50]:
        assert abs(len(found["a1"] & members) - 0.6) <= 1


def test_strata_of_missing_values():
    found = strata_of([{"x": BitMap([1, 2])}, {"y": BitMap([2, 3])}], BitMap([1, 2, 3]))
    assert found == {
        "|x|y": BitMap([2]), "|x|(missing)": BitMap([1]), "|(missing)|y": BitMap([3]),
    }  # fmt: skip


def test_waterfall_counts_each_person_once():
    a, b, c = waterfall(
        {"a": BitMap([1, 2, 3]), "b": BitMap([3, 4]), "c": BitMap([9])}, without=BitMap([1, 9])
    )
    assert (a.people, b.people, c.people) == (BitMap([2, 3]), BitMap([4]), BitMap())
    assert (a.share, b.share, c.share) == (1.0, 0.5, None)
    assert b.to_json()["taken_by_earlier"] == 1


def test_balance_points_at_what_chance_hardly_explains():
    found = split(NUMBERS, PEOPLE, arms(50, 50), "s")
    known = {"even": BitMap(range(0, 20_000, 2)), "all of one arm": found["a0"]}
    seen = balance(found, {"a0": 0.5, "a1": 0.5}, "a1", known)
    assert [line.by_chance for line in seen.lines] == [True, False]
    assert seen.sizes_hold
    lost = {"a0": found["a0"], "a1": BitMap(list(found["a1"])[:8_000])}
    assert not balance(lost, {"a0": 0.5, "a1": 0.5}, "a1", {}).sizes_hold
