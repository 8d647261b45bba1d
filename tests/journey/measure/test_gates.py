"""Split checks where people can be lost, each failing alone; and costs that have no upper limit."""

from dataclasses import replace

import numpy as np
import pytest
from pyroaring import BitMap

from fewer.journey.measure.assignment import Assignment
from fewer.journey.measure.causal import causal
from fewer.journey.measure.conclude import conclude
from fewer.journey.measure.evidence import EvidenceLabel
from fewer.journey.measure.figure import Figure
from fewer.journey.measure.gates import Gate, adjusted, distinct, gate
from fewer.journey.measure.landmark import Landmark
from fewer.journey.measure.outcomes import Outcomes
from fewer.journey.measure.population import Population
from fewer.journey.measure.randomised import Terms, examine
from fewer.journey.measure.reach import reach
from fewer.journey.measure.spend import Spend
from fewer.journey.measure.table import Verdict
from fewer.model.goal import Goal
from fewer.model.window import DAY
from fewer.stats.fieller import fieller
from fewer.stats.proportion import difference

LABEL = EvidenceLabel.RANDOMISED_ARM
GOAL = Goal.model_validate({"id": "order", "did": "purchase", "outcome_window": "7d"})
A, B = BitMap(range(2_000)), BitMap(range(2_000, 4_000))


def outcomes(converted, everyone=4_000):
    who = np.array(sorted(converted), dtype=np.uint32)
    return Outcomes(
        goal=GOAL,
        landmark=Landmark(0, 0, 7 * DAY, 7 * DAY),
        persons=who,
        conversions=np.ones(len(who), dtype=np.int64),
        value=None,
        before=BitMap(),
        at_risk=BitMap(range(everyone)),
        currency="",
        confidence=0.95,
    )


def looked(a, b, segment, sent):
    made = Assignment("page", {"a": a, "b": b}, {"a": 0.5, "b": 0.5}, "b", LABEL)
    one = Population("hot", "Hot", segment)
    return examine([one], [outcomes(range(0, 4_000, 9))], [made], Terms(sent=sent))


def states(found):
    return {g.stage: g.state for g in found.gates}


ALL = A | B
EVEN = BitMap([*range(500), *range(2_000, 2_500)])
UNEVEN = BitMap([*range(500), *range(2_000, 2_300)])


class TestEachAlone:
    @pytest.mark.parametrize(
        "stage, a, segment, sent",
        [
            ("assigned", A - BitMap(range(1_000, 1_400)), EVEN, EVEN),
            ("synced", A, EVEN, UNEVEN),
            ("analysed", A, UNEVEN, EVEN),
        ],
    )
    def test_withholds_and_says_which(self, stage, a, segment, sent):
        found = looked(a, B, segment, sent)
        assert states(found) == {
            s: "broken" if s == stage else "as planned" for s in ("assigned", "synced", "analysed")
        }
        row = found.rows[0].comparisons[0]
        assert (row.verdict, row.ratio, row.causal) == (Verdict.SPLIT_BROKEN, None, None)
        assert row.split.stage == stage
        assert found.programmes[0].verdict is Verdict.SPLIT_BROKEN
        told = conclude(
            gates=found.gates, programmes=found.programmes, rows=found.rows, claims=(),
            metrics=(), outcomes=None, costs=None,
        )  # fmt: skip
        where = {"assigned": "as assigned", "synced": "as sent", "analysed": "as analysed"}[stage]
        assert "Nothing may be read of 'page'" in told[0].text
        assert where in told[0].text

    def test_nobody_withholds_what_is_sound(self):
        found = looked(A, B, EVEN, ALL)
        assert set(states(found).values()) == {"as planned"}
        assert found.rows[0].comparisons[0].ratio is not None


class TestWords:
    def test_unusual_is_neither_hidden_nor_withheld(self):
        arms = {"a": BitMap(range(44_700)), "b": BitMap(range(50_000, 95_489))}
        one = gate("game", "assigned", arms, {"a": 0.5, "b": 0.5})
        assert (one.state, one.broken, one.unusual) == ("unusual", False, True)
        assert "44,700 in 'a' (49.6 %, planned 50.0 %), 45,489 in 'b'" in one.words
        assert "once in 116 fair splits" in one.words
        assert one.to_json()["state"] == "unusual"

    def test_segments_are_judged_over_all_of_them_while_looking_daily_too(self):
        gates = [
            Gate("e", "analysed", f"s{i}", {"a": 500, "b": 500}, {"a": 0.5, "b": 0.5}, 0.0004)
            for i in range(3)
        ]
        sound = [
            replace(gates[0], segment=f"t{i}", p=p) for i, p in enumerate(np.linspace(0.1, 1, 200))
        ]
        assert not any(g.broken for g in adjusted([*gates, *sound]))
        daily = [replace(g, p_sequential=g.p) for g in (*gates, *sound)]
        assert not any(g.broken for g in adjusted(daily))

    def test_the_same_people_are_told_once(self):
        one = gate("e", "assigned", {"a": A, "b": B}, {"a": 0.5, "b": 0.5})
        again = replace(one, stage="analysed", segment="everyone")
        assert distinct([one, again, replace(again, segment="s", sizes={"a": 1, "b": 2})]) == [
            one, replace(again, segment="s", sizes={"a": 1, "b": 2}),
        ]  # fmt: skip


class TestNoLimit:
    """What can't be told from zero has no limit, and the words say so."""

    @pytest.mark.parametrize(
        "reached", [BitMap(range(3)), BitMap([*range(40), *range(2_000, 2_039)])]
    )
    def test_of_those_reached_when_hardly_anybody_was(self, reached):
        converted = BitMap([*range(300), *range(2_000, 2_200)])
        found = reach(A, B, reached, outcomes(converted), LABEL)
        figure = found.difference
        assert figure.interval.startswith(("unbounded", "no interval"))
        assert "can't be told from zero" in figure.words
        told = figure.to_json()
        assert told["state"] in ("unbounded", "two rays")
        assert (told["lower"], told["upper"]) == (None, None)
        assert "can't be told from zero" in told["why"]

    def test_two_rays_are_said_without_numbers_in_no_unit(self):
        figure = Figure(fieller([2.0], [0.1], 0.04, 0.04).at(0), "points", "share", LABEL)
        assert figure.interval == "unbounded: what it is divided by can't be told from zero"

    def figures(self, k1, k2):
        gap = Figure(difference([k1], [2_000], [k2], [2_000]).at(0), "points", "share", LABEL)
        spend = Spend({"EUR": 500.0}, "2026-03-01", "2026-03-07")
        return causal(gap, None, 2_000, spend, currency="EUR")

    def test_of_a_cost_when_perhaps_nothing_was_gained(self):
        found = self.figures(110, 100).icpa
        assert found.estimate.state.value == "unbounded above"
        assert found.estimate.upper is None
        assert found.interval.endswith("no upper limit")
        assert "perhaps none was gained" in found.to_json()["why"]
        assert "no upper limit" in found.to_json()["words"]

    def test_of_a_cost_when_conversions_were_lost(self):
        found = self.figures(60, 140).icpa
        assert (found.estimate.value, found.estimate.lower) == (None, None)
        assert found.interval == "no interval: conversions were lost, so none has a cost"

    def test_of_a_cost_when_the_gain_is_clear(self):
        found = self.figures(260, 140).icpa
        assert found.estimate.state.value == "bounded"
        assert found.estimate.lower < found.estimate.value < found.estimate.upper

    def test_both_in_the_conclusions(self):
        spend = Spend({"EUR": 500.0}, "2026-03-01", "2026-03-07")

        class Spending:
            def on_people_of(self, *_):
                return spend

        made = Assignment("page", {"a": A, "b": B}, {"a": 0.5, "b": 0.5}, "b", LABEL)
        converted = outcomes([*range(110), *range(2_000, 2_100)])
        terms = Terms(spending=Spending(), reached=lambda _: BitMap(range(3)))
        found = examine([Population("everyone", "Everyone", ALL)], [converted], [made], terms)
        told = [
            one.text
            for one in conclude(
                gates=found.gates, programmes=found.programmes, rows=found.rows, claims=(),
                metrics=(), outcomes=None, costs=None,
            )
        ]  # fmt: skip
        assert any("iCPA" in text and "no upper limit" in text for text in told)
        assert any("were reached" in text and "unbounded" in text for text in told)
