"""What a test can show: agrees with the published sizes, and its words say what would help."""

from __future__ import annotations

import numpy as np
import pytest

from fewer.journey.measure.design.detect import Terms, rows, share_needed
from fewer.journey.measure.design.group import Basis, Group, together
from fewer.journey.measure.design.media import Prices, advised, line
from fewer.journey.measure.design.platforms import LEARNING

HALVES = (0.5, 0.5)


def group(people, rate=0.02, *, name="hot", entering=0.0, shares=HALVES, level="segment"):
    basis = Basis.of_rate(round(rate * 100_000), 100_000)
    return Group(name, name, level, people, entering, basis, shares)


def one(found, **terms):
    [row] = rows([found], Terms(**terms))
    return row


def test_plus_26_percent_at_2_percent_takes_12823_in_each_arm():
    row = one(group(1_000))
    assert not row.shows
    assert row.people_needed in (25_645, 25_646)
    assert row.smallest == pytest.approx(1.67, abs=0.02)  # 2.67 times, as published
    assert one(group(25_700)).shows
    assert not one(group(25_600)).shows


def test_words_say_pool_lengthen_or_widen():
    segments = [group(3_000, name=f"s{n}", entering=100.0) for n in range(9)]
    whole = together(segments, "programme", "all segments together", "programme")
    found = rows([*segments, whole], Terms())
    assert found[-1].shows
    assert "can show +26 %" in found[-1].words
    for row in found[:-1]:
        assert row.words.startswith("This segment alone can't show +26 %: the smallest change")
        assert "Pool it: all segments together can" in row.words
        assert row.among > row.smallest
    alone = one(group(10_000, entering=500.0))
    assert f"Lengthen it to {alone.weeks} weeks" in alone.words
    assert "widen it to 25,6" in alone.words
    assert "Nothing near would do" in one(group(100)).words


def test_weeks_are_those_of_joining_and_of_outcomes():
    row = one(group(0, entering=1_000.0), outcome_weeks=2.0)
    assert row.weeks is None  # nobody now: no base is claimed
    row = one(group(1, entering=1_000.0), outcome_weeks=2.0)
    assert row.weeks == 26 + 2


@pytest.mark.parametrize("people", [30_000, 100_000])
def test_the_share_solved_for_is_just_enough(people):
    found = group(people, level="programme")
    share = share_needed(found, Terms())
    enough = found.basis.chance(0.26, people * (1 - share), people * share, 0.95)
    less = found.basis.chance(0.26, people * (1.002 - share), people * (share - 0.002), 0.95)
    assert less < 0.8 <= enough
    assert share_needed(group(20_000), Terms()) is None


def test_amounts_and_nobody():
    amounts = np.array([10.0, 30.0])
    basis = Basis.of_amounts(amounts, 100)
    spread = np.concatenate([amounts, np.zeros(98)]).std(ddof=1)
    assert (basis.level, basis.spread) == (0.4, pytest.approx(spread))
    assert Basis.of_amounts(np.zeros(0), 100) is None
    assert Basis.of_rate(0, 0) is None
    assert Basis.of_rate(0, 99).level == 0.005
    assert Basis.of_rate(3, 99).is_thin
    assert "Nothing is known" in one(Group("a", "a", "segment", 5, None, None, HALVES)).words
    assert "Nobody is in it" in one(group(0)).words


@pytest.mark.parametrize(
    "people,conversion_rate,action",
    [
        (100, 0.05, "exclusion only"),
        (100_000, 0.05, "own ad set"),
        (15_000, 0.05, "pool"),
        (300, 0.05, "pool, earlier event"),
        (3_000, 0.001, "seed"),
    ],
)
def test_advice(people, conversion_rate, action):
    prices = Prices(cpm=10, ctr=0.02, conversion_rate=conversion_rate)
    lines = [line(f"s{n}", "S", people, prices, None) for n in range(3)]
    assert {one.action for one in advised(lines, LEARNING["meta"])} == {action}


def test_every_threshold_has_a_source():
    assert all(one.source and one.a_week > 0 and one.least for one in LEARNING.values())
    assert LEARNING["tiktok"].verified
    assert LEARNING["google"].told.startswith("Not verified: ")
    assert LEARNING["pinterest"].words == "Pinterest names no number; 50 in 7 days is assumed"
    assert not any(one.verified and one.assumed for one in LEARNING.values())


def test_too_few_for_a_platform_say_how_many_it_takes():
    prices = Prices(cpm=10, ctr=0.02, conversion_rate=0.05)
    [told] = advised([line("s", "S", 1_500, prices, None)], LEARNING["tiktok"])
    assert told.action == "exclusion only"
    assert "TikTok delivers to 1,000 or more (it takes about 2,000 people)" in told.advice
