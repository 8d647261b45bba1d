"""Regions and slots: matched, drawn, planned and read; intervals hold where people's would not."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from fewer.errors import GuardError
from fewer.journey.measure.evidence import EvidenceLabel
from fewer.journey.measure.table import Verdict
from fewer.journey.measure.units.happened import Happened, Places, Totals, totals
from fewer.journey.measure.units.matching import match
from fewer.journey.measure.units.placebo import drawn as drawn_again
from fewer.journey.measure.units.read import (
    Plan,
    by_pairs,
    metric_of,
    of_regions,
    of_slots,
    programme_of,
)
from fewer.journey.measure.units.regions import Regions, enough, paired
from fewer.journey.measure.units.slots import drawn, edges, gaps, pairing, season
from fewer.model.goal import Goal
from fewer.model.metric import Metric
from fewer.model.window import DAY, HOUR, WEEK
from fewer.stats.proportion import log_ratio

ARMS = ("sent", "held_out")
RATE = Metric.model_validate({"id": "ordered", "rate": {"goal": "order"}})
CHANGE = 1.2


def world(rng, regions: int, windows: int, *, shock: float = 0.15) -> tuple[Totals, np.ndarray]:
    """Weekly orders of regions: sizes and levels of their own, and shocks that a region shares."""
    people = rng.integers(2_000, 12_000, regions)
    level = np.log(0.03) + rng.normal(0, 0.3, regions)
    rate = np.exp(level + rng.normal(0, shock, (windows, regions)))
    above = rng.binomial(people, np.minimum(rate, 0.9)).astype(np.float64)
    below = np.tile(people.astype(np.float64), (windows, 1))
    return Totals(above, below, above, counted=True), people


def places_of(people) -> Places:
    names = tuple(f"r{i:02d}" for i in range(len(people)))
    return Places(names, np.empty(0, dtype=np.int32), people)


def cut(of: Totals, window: int) -> tuple[Totals, Totals]:
    """What was before a window, and the window."""
    return of.first(window), Totals(
        of.above[window:], of.below[window:], of.converted[window:], of.counted
    )


def one_trial(rng, regions: int, seed: int) -> tuple[bool, bool, bool]:
    """Whether pairs, pairs drawn again, and people hold a change of +20 %."""
    whole, people = world(rng, regions, 7)
    history, period = cut(whole, 6)
    found, _ = paired(
        places_of(people), history, salt=f"s{seed}", baseline_us=6 * WEEK, wanted=0.8, level=0.95
    )
    names = {name: i for i, name in enumerate(places_of(people).names)}
    sent = np.array([names[p.sent] for p in found.pairs])
    held = np.array([names[p.held_out] for p in found.pairs])
    more = np.ones(regions)
    more[sent] = CHANGE
    above = rng.binomial(people, np.minimum(period.above / people * more, 1))[0:1].astype(float)
    after = Totals(above, period.below, above, counted=True)
    before = history.pooled(slice(None)).levels[0]
    sides = of_regions(after, before[sent] - before[held], sent, held)
    plan = Plan(
        "geo", "regions", ARMS, found.model.slope, np.array([p.weight for p in found.pairs])
    )
    seen = by_pairs(sides, plan)
    pooled = log_ratio(
        above[0, sent].sum(), people[sent].sum(), above[0, held].sum(), people[held].sum()
    ).at()

    def holds(e) -> bool:
        return (e.lower or 0) <= CHANGE <= (e.upper or np.inf)

    return holds(seen.ratio), holds(seen.exact), holds(pooled)


def coverage(regions: int, times: int) -> tuple[float, float, float]:
    rng = np.random.default_rng(regions)
    rows = np.array([one_trial(rng, regions, seed) for seed in range(times)])
    by_t, exact, by_person = rows.mean(axis=0)
    return float(by_t), float(exact), float(by_person)


class TestRegions:
    def test_pairs_are_alike_in_level_and_size(self):
        level = np.array([0.01, 0.05, 0.011, 0.052, 0.02, 0.021, 0.1, 0.09])
        people = np.array([1_000, 5_000, 1_100, 5_200, 2_000, 2_100, 900, 950])
        above = np.round(level * people)
        of = Totals(above[None], people[None].astype(float), above[None], counted=True)
        pairs, aside = match(of, people)
        assert {frozenset(pair) for pair in pairs.tolist()} == {
            frozenset(p) for p in ((0, 2), (1, 3), (4, 5), (6, 7))
        }
        assert aside == []

    def test_the_odd_one_and_the_unknown_are_left_aside(self):
        above = np.array([[50.0, 52, 51, 49, 400, 1]])
        people = np.array([1_000, 1_000, 1_000, 1_000, 1_000, 1_000])
        pairs, aside = match(Totals(above, people[None] * 1.0, above, counted=True), people)
        assert len(pairs) == 2
        assert aside == [4, 5]

    def test_too_few_say_what_it_takes(self):
        history, people = world(np.random.default_rng(1), 5, 4)
        found, _ = paired(
            places_of(people), history, salt="s", baseline_us=WEEK, wanted=0.8, level=0.95
        )
        with pytest.raises(GuardError, match=r"5 regions .* 2 pairs .* 4 pairs .*8 or more"):
            enough(found, 5)

    def test_the_draw_is_a_coin_and_is_kept(self):
        history, people = world(np.random.default_rng(2), 12, 6)
        places = places_of(people)

        def draw(salt: str) -> Regions:
            return paired(places, history, salt=salt, baseline_us=WEEK, wanted=0.8, level=0.95)[0]

        first = draw("a")
        assert Regions.from_json(first.to_json()) == Regions.from_json(draw("a").to_json())
        times = Counter(p.sent for seed in range(80) for p in draw(str(seed)).pairs)
        assert all(22 < n < 58 for n in times.values())

    def test_one_pair_can_not_tell(self):
        one = Totals(np.array([[300.0, 200]]), np.array([[5_000.0, 5_000]]), np.zeros((1, 2)), True)
        sides = of_regions(one, np.zeros(1), np.array([0]), np.array([1]))
        plan = Plan("geo", "regions", ARMS, 0.0, np.ones(1))
        told = programme_of(("order", "Order"), by_pairs(sides, plan), plan, (5_000, 5_000))
        assert told.decided(None).verdict is Verdict.CANNOT_TELL
        assert "too few pairs" in told.sentence
        assert "it takes 4 pairs" in told.sentence
        assert told.to_json()["units"] == "1 pair of regions"
        assert told.label is EvidenceLabel.GEO_OR_SWITCHBACK

    def test_placebo_alarms_as_rarely_as_said(self):
        rng = np.random.default_rng(3)
        rates = []
        for seed in range(20):
            history, people = world(rng, 16, 8)
            _, past = paired(
                places_of(people), history, salt=str(seed), baseline_us=WEEK, wanted=0.8, level=0.95
            )
            rates.append(past.false_alarms)
        assert np.mean(rates) == pytest.approx(0.05, abs=0.02)
        assert past.chance(past.smallest(0.8)) == pytest.approx(0.8, abs=0.01)
        assert past.pairs_needed(0.1, wanted=0.8, confidence=0.95) > past.pairs
        assert 0 <= past.model.slope <= 1

    def test_intervals_by_pair_hold_and_those_by_person_do_not(self):
        by_t, exact, by_person = coverage(16, 100)
        assert by_t > 0.90
        assert exact > 0.90
        assert by_person < 0.80


@pytest.mark.slow
@pytest.mark.parametrize("regions", [8, 12, 20, 40])
def test_intervals_by_pair_hold_with_shocks_that_regions_share(regions):
    times = 800
    by_t, exact, by_person = coverage(regions, times)
    error = 3 * np.sqrt(0.95 * 0.05 / times)
    assert by_t > 0.95 - error
    assert exact > 0.95 - error
    assert by_person < 0.85


BERLIN = ZoneInfo("Europe/Berlin")


class TestSlots:
    def test_seasons(self):
        assert [season(s) for s in (6 * HOUR, DAY, 2 * DAY, WEEK, 5 * HOUR)] == [4, 7, 1, 1, 1]
        pairs = pairing(20, DAY)
        assert pairs[0].tolist() == [0, 7]
        assert sorted(pairs.ravel().tolist()) == list(range(20))
        assert pairs[7:].tolist() == [[14, 15], [16, 17], [18, 19]]

    def test_days_begin_at_midnight_also_when_clocks_change(self):
        start = 1_774_479_600 * 1_000_000  # 2026-03-26 00:00 in Berlin; summer time begins on 29th
        found = edges(start, start + 8 * DAY, DAY, BERLIN)
        assert {b - a for a, b in found} == {DAY, 23 * HOUR}
        assert len(found) == 8
        assert all(one[1] == two[0] for one, two in pairwise(found))

    def test_one_of_each_pair_is_on(self):
        windows = edges(0, 4 * WEEK, DAY, ZoneInfo("UTC"))
        found = drawn(windows, DAY, washout_us=HOUR, salt="s", arms=ARMS)
        by_pair = Counter((slot.pair, slot.arm) for slot in found.slots)
        assert set(by_pair.values()) == {1}
        assert found.pairs == 14
        assert found.at(0) is found.slots[0]
        assert found.at(-1) is None
        assert found.slots[0].counts(HOUR) == (HOUR, DAY)
        assert found == drawn(windows, DAY, washout_us=HOUR, salt="s", arms=ARMS)
        assert found != drawn(windows, DAY, washout_us=HOUR, salt="t", arms=ARMS)
        with pytest.raises(GuardError, match=r"6 slots of 1 day make 3 pairs.*takes 8 days"):
            drawn(windows[:6], DAY, washout_us=0, salt="s", arms=ARMS)

    def test_a_past_that_is_flat_shows_more(self):
        rng = np.random.default_rng(5)

        def smallest(shock: float) -> float:
            of = slot_world(rng, 28, shock)
            past = drawn_again([gaps(of, pairing(28, DAY))], seed=1, confidence=0.95)
            return past.smallest(0.8)

        assert smallest(0.02) < smallest(0.5)


def slot_world(rng, slots: int, shock: float) -> Totals:
    """Orders by day: a week's rhythm, and a mood that lasts for days."""
    mood = np.zeros(slots)
    for i in range(1, slots):
        mood[i] = 0.8 * mood[i - 1] + rng.normal(0, shock)
    rate = 0.01 * np.exp(mood + 0.5 * np.isin(np.arange(slots) % 7, (5, 6)))
    above = rng.binomial(20_000, np.minimum(rate, 1)).astype(float)[:, None]
    return Totals(above, np.full_like(above, 20_000), above, counted=True)


def slot_coverage(days: int, times: int) -> tuple[float, float]:
    rng = np.random.default_rng(days)
    windows = edges(0, days * DAY, DAY, ZoneInfo("UTC"))
    held_ = []
    for seed in range(times):
        plan_ = drawn(windows, DAY, washout_us=0, salt=f"s{seed}", arms=ARMS)
        of = slot_world(rng, days, 0.15)
        on = np.array([slot.arm == "sent" for slot in plan_.slots])
        above = rng.binomial(20_000, np.minimum(of.above[:, 0] / 20_000 * np.where(on, 1.2, 1), 1))
        after = Totals(above[:, None] * 1.0, of.below, above[:, None] * 1.0, counted=True)
        pairs = pairing(days, DAY)
        swap = on[pairs[:, 0]]
        sent, held = np.where(swap, pairs.T, pairs.T[::-1])
        plan = Plan("time", "slots", ARMS, 0.0, np.ones(len(pairs)))
        e = by_pairs(of_slots(after, sent, held), plan).ratio
        n = 20_000 * on.sum()
        pooled = log_ratio(above[on].sum(), n, above[~on].sum(), 20_000 * (~on).sum()).at()
        held_.append([one.lower <= 1.2 <= one.upper for one in (e, pooled)])
    by_slot, by_person = np.mean(held_, axis=0)
    return float(by_slot), float(by_person)


def test_intervals_by_slot_hold_and_those_by_person_do_not():
    by_slot, by_person = slot_coverage(28, 150)
    assert by_slot > 0.90
    assert by_person < 0.80


@pytest.mark.slow
@pytest.mark.parametrize("days", [14, 28, 56])
def test_intervals_by_slot_hold_with_moods_that_last(days):
    by_slot, by_person = slot_coverage(days, 1_000)
    assert by_slot > 0.95 - 3 * np.sqrt(0.95 * 0.05 / 1_000)
    assert by_person < 0.85


class TestSums:
    def goal(self, **more) -> Goal:
        return Goal.model_validate(
            {"id": "order", "did": "purchase", "value": {"of": "value"}, "outcome_window": "7d"}
            | more
        )

    def happened(self, counts: str) -> dict[str, Happened]:
        persons = np.array([1, 2, 1, 9, 3], dtype=np.uint32)
        ts = np.array([10, 20, 30, 35, 40], dtype=np.int64)
        value = np.array([5.0, 7, 100, 1, 2])
        return {"order": Happened(self.goal(counts=counts), persons, ts, value)}

    def test_windows_and_units(self):
        places = Places(("a", "b"), np.array([-1, 0, 0, 1], dtype=np.int32), np.array([2, 1]))
        windows = [(0, 25), (25, 50)]
        found = totals(RATE, self.happened("every"), places, windows)
        assert found.above.tolist() == [[2, 0], [1, 1]]
        assert found.below.tolist() == [[2, 1], [2, 1]]
        mean = Metric.model_validate({"id": "m", "mean": {"goal": "order", "cap": 50}})
        assert totals(mean, self.happened("every"), places, windows).above.tolist() == [
            [12, 0], [50, 2],
        ]  # fmt: skip
        both = Metric.model_validate({"id": "m", "mean": {"goal": "order"}})
        assert totals(both, self.happened("every"), places, [(0, 50)]).above.tolist() == [[112, 2]]
        assert totals(both, self.happened("first"), places, [(0, 50)]).above.tolist() == [[12, 2]]
        ads = Metric.model_validate(
            {"id": "cpc", "ratio": {"of": {"ads": "spend"}, "to": {"ads": "clicks"}}}
        )
        assert totals(ads, self.happened("every"), places, windows) is None
        plan = Plan("geo", "regions", ARMS, 0.0, np.ones(4))
        told = metric_of(ads, None, plan, guardrail=True, margin=None)
        assert "ad reports don't name regions" in told.sentence
