"""Rules over facts written by hand: one odd week, twins, broken splits, early looks, words."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fewer.journey.measure.evidence import EvidenceLabel, check_words
from fewer.journey.measure.figure import Figure
from fewer.journey.measure.recommend.facts import (
    Arms,
    Change,
    Facts,
    Fault,
    Near,
    Past,
    Programme,
    Seen,
    Spent,
    Window,
)
from fewer.journey.measure.recommend.recommend import recommend
from fewer.journey.measure.recommend.verdict import Action
from fewer.model.segment import Segment
from fewer.stats.proportion import rate, ratio

HELD = EvidenceLabel.RANDOMISED_HOLDOUT
RAW = EvidenceLabel.RAW_ASSOCIATION


def segment(name="hot", **more):
    where = {"did": "page_view", "within": "7d"}
    return Segment.model_validate({"id": name, "where": where, **more})


def seen(people=1_000, converted=50, rest=(20_000, 500)):
    return Seen(
        people, converted, 7.0,
        Figure(ratio(converted, people, rest[1], rest[0]).at(), "times", "ratio of rates", RAW),
        Figure(rate(converted, people).at(), "share", "share of people", RAW),
    )  # fmt: skip


def arms(treated, control, **more):
    (k1, n1), (k2, n2) = treated, control
    return Arms("spring", "sent", "held_out", HELD, n1, k1, n2, k2, 7.0, **more)


def history(*sizes):
    return tuple(Past(f"b{i}", -i, size, entered=10) for i, size in enumerate(sizes))


def change(size, words="within: 14d", *, fits=True, inside=None):
    edited = segment().model_copy(update={"name": words})
    return Change(edited, words, size, fits, size if inside is None else inside)


def verdict(facts, **programme):
    return recommend(Programme(facts=(facts,), **programme)).recommendations[0]


class TestSize:
    def test_too_few_for_weeks_is_widened(self):
        facts = Facts(segment(), 120, history(120, 130, 150), (change(400, inside=120),))
        said = verdict(facts)
        assert said.action is Action.WIDEN
        assert said.gain.value == 280
        assert "3 of the last 3" in said.reason

    def test_one_odd_week_changes_nothing(self):
        facts = Facts(segment(), 120, history(120, 300, 310, 305), (change(400, inside=120),))
        assert verdict(facts).action is Action.NOTHING_YET

    def test_a_size_at_the_limit_is_inside(self):
        facts = Facts(segment(), 190, history(190, 190), (change(400, inside=190),))
        assert verdict(facts).action is Action.NOTHING_YET

    def test_too_many_who_come_apart_are_split_and_nobody_is_lost(self):
        facts = Facts(segment(), 3_000, history(3_000, 3_000), (change(1_400),))
        said = verdict(facts)
        assert said.action is Action.SPLIT
        assert said.changed[0].exclude == (said.added[0].id,)

    def test_too_many_who_do_not_are_narrowed(self):
        facts = Facts(
            segment(), 9_000, history(9_000, 9_000), (change(1_400),), seen=seen(9_000, 90)
        )
        said = verdict(facts)
        assert said.action is Action.NARROW
        assert "at most" in said.wrong


class TestCosts:
    spent = Spent(60.0, "EUR", "2024-05-01", "2024-05-28", 0.1)

    def test_more_people_cost_what_one_costs_now(self):
        facts = Facts(
            segment(), 120, history(120, 130), (change(400, inside=120),), spent=self.spent
        )
        said = verdict(facts)
        assert said.reach == 280
        assert said.cost.value == pytest.approx(140)
        assert said.cost.lower < 140 < said.cost.upper
        assert said.cost.unit == "EUR a week"

    def test_an_unknown_cost_says_what_to_add(self):
        facts = Facts(
            segment(), 120, history(120, 130), (change(400, inside=120),), cost_unknown="add it"
        )
        said = verdict(facts)
        assert said.cost is None
        assert said.cost_note == "add it"

    def test_a_cost_that_varies_much_proves_less(self):
        found = arms((800, 40_000), (400, 20_000), spend=44_000.0)
        sure = verdict(Facts(segment(), 60_000, arms=(found,)), worth=50.0, currency="EUR")
        assert sure.action is Action.STOP
        assert sure.cost.value == pytest.approx(-44_000)
        vague = replace(found, spend_error=0.6)
        said = verdict(Facts(segment(), 60_000, arms=(vague,)), worth=50.0, currency="EUR")
        assert said.action is not Action.STOP

    def test_what_is_read_every_week_needs_more_to_be_believed(self):
        found = arms((140, 2_000), (100, 2_000))
        alone = verdict(Facts(segment(), 4_000, arms=(found,)))
        often = replace(found, open_ended=True)
        weekly = verdict(Facts(segment(), 4_000, arms=(often,)))
        assert (alone.action, weekly.action) == (Action.SCALE, Action.NOTHING_YET)


class TestDataFirst:
    def test_a_broken_split_withholds_everything(self):
        broken = arms((500, 1_000), (10, 1_000), broken="40 % are held out, planned were 20 %.")
        said = verdict(Facts(segment(), 1_000, arms=(broken,)))
        assert said.action is Action.FIX_DATA
        assert said.figure is None

    def test_a_grave_finding_comes_before_size(self):
        fault = Fault("AU003", "Events are in twice", "Give events an id.", grave=True)
        facts = Facts(segment(), 50, history(50, 50), (change(300),), faults=(fault,))
        assert verdict(facts).action is Action.FIX_DATA
        lesser = replace(facts, faults=(replace(fault, grave=False),))
        assert verdict(lesser).action is Action.WIDEN

    def test_a_definition_changed_since_is_not_judged(self):
        facts = Facts(segment(), 50, history(50, 50), (change(300),), changed_since=True)
        assert verdict(facts).rule == "changed_since"


class TestOutcomes:
    def test_what_surely_harms_is_stopped_and_archived(self):
        said = verdict(Facts(segment(), 40_000, arms=(arms((400, 40_000), (800, 40_000)),)))
        assert said.action is Action.STOP
        assert said.changed[0].status == "archived"
        assert said.gain.lower < said.gain.value < said.gain.upper
        assert said.figure.label is HELD

    def test_what_surely_works_is_scaled_to_those_held_out(self):
        found = arms((1_600, 40_000), (400, 20_000))
        facts = Facts(segment(budget=100, status="approved"), 60_000, arms=(found,))
        said = verdict(facts, worth=50.0, currency="EUR")
        assert said.action is Action.SCALE
        assert said.changed[0].status == "live"
        assert said.changed[0].budget == 150
        assert said.gain.unit == "EUR a week"
        assert said.risk.value < said.gain.value

    def test_a_look_before_the_end_says_nothing(self):
        early = arms((1_600, 40_000), (400, 20_000), early="its planned end has not come")
        said = verdict(Facts(segment(), 60_000, arms=(early,)))
        assert said.rule == "early"

    def test_people_who_chose_themselves_are_put_to_the_test(self):
        facts = Facts(segment(), 1_900, seen=seen(1_900, 900), weekly=1_000.0)
        said = verdict(facts)
        assert said.action is Action.TEST
        assert said.holdout
        assert said.weeks
        assert said.gain is None  # what a test brings is not known before it
        check_words(said.reason.replace("changes anything", ""), RAW)

    def test_a_segment_too_small_for_any_test_says_what_it_would_take(self):
        said = verdict(Facts(segment(), 300, seen=seen(300, 6), weekly=5.0))
        assert said.action is Action.NOTHING_YET
        assert "people with" in said.takes

    def test_many_small_ones_are_tested_together_and_nobody_counts_twice(self):
        several = tuple(
            Facts(segment(f"s{i}"), 1_500, seen=seen(1_500, 90), weekly=300.0, first=1_500)
            for i in range(20)
        )
        found = recommend(Programme(facts=several)).recommendations
        assert {one.action for one in found} == {Action.TEST}
        weeks = found[0].weeks
        same = tuple(replace(one, first=1_500 if one.id == "s0" else 0) for one in several)
        again = recommend(Programme(facts=same)).recommendations
        assert again[0].weeks is None or again[0].weeks > weeks


def test_of_twins_the_one_that_gives_way_stops():
    keeps = Facts(segment("a"), 500, near=(Near("b", "B", 480, 0.9, gives_way=False),))
    goes = Facts(segment("b"), 510, near=(Near("a", "A", 480, 0.9, gives_way=True),))
    found = recommend(Programme(facts=(keeps, goes)))
    assert found.of("b").action is Action.STOP
    assert found.of("b").changed[0].status == "archived"
    assert found.of("a").action is not Action.STOP


@pytest.mark.parametrize("p,expected", [(0.01, Action.CHANGE_WINDOW), (0.2, Action.NOTHING_YET)])
def test_a_window_is_changed_only_where_it_is_clear_over_all_segments(p, expected):
    shorter = segment().model_copy(update={"name": "3 days"})
    window = Window(shorter, "within: 3d", "7d", "it falls", 300, p=p, weekly_rate=0.01)
    assert verdict(Facts(segment(), 500, window=window)).action is expected


def test_people_who_leave_at_once_need_another_window():
    said = verdict(Facts(segment(), 400, weekly=2_000.0))
    assert said.rule == "restless"
    assert verdict(Facts(segment(), 400, weekly=400.0)).rule != "restless"


def test_order_and_json_are_stable():
    facts = (
        Facts(segment("small"), 50, history(50, 50), (change(300, inside=50),)),
        Facts(segment("harms"), 80_000, arms=(arms((400, 40_000), (800, 40_000)),)),
        Facts(segment("unknown"), 500),
    )
    found = recommend(Programme(facts=facts)).to_json()
    assert [one["segment"] for one in found["recommendations"]] == ["harms", "small", "unknown"]
    for one in found["recommendations"]:
        assert {"verdict", "reason", "expected_gain", "cost_of_being_wrong", "label"} <= one.keys()
