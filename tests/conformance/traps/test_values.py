"""Traps about values: missing, empty and "null"; types that are not the test's; exact numbers."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from oracle.drawn import at, draw, stamp

TOP = Decimal(9200000000000)
MICRO = Decimal("0.000001")


class TestMissingEmptyAndNull:
    """Three different things: no value, the empty text, and the word null.

    ann: no value    bob: ""    cy: "null"    dee: "x"
    """

    world = draw(
        ann=[at("-1d")],
        bob=[at("-1d", v="")],
        cy=[at("-1d", v="null")],
        dee=[at("-1d", v="x")],
        traits={"ann": {}, "bob": {"v": ""}, "cy": {"v": "null"}, "dee": {"v": "x"}},
    )
    TESTS = (
        ({"missing": True}, {"ann"}),
        ({"missing": False}, {"bob", "cy", "dee"}),
        ({"exists": True}, {"bob", "cy", "dee"}),
        ({"exists": False}, {"ann"}),
        ({"equals": ""}, {"bob"}),
        ({"not_equals": ""}, {"cy", "dee"}),
        ({"not_equals": "x"}, {"bob", "cy"}),
        ({"in": ["", "null"]}, {"bob", "cy"}),
        ({"not_in": ["null"]}, {"bob", "dee"}),
        ({"contains": ""}, {"bob", "cy", "dee"}),
        ({"starts_with": ""}, {"bob", "cy", "dee"}),
        ({"ends_with": ""}, {"bob", "cy", "dee"}),
        ({"under": ""}, {"bob"}),
        ({"matches": ""}, {"bob", "cy", "dee"}),
        ({"matches": "^$"}, {"bob"}),
        ({"exists": False, "missing": True}, {"ann"}),
        ({"exists": True, "missing": True}, set()),
        ({"missing": True, "equals": "x"}, set()),
    )

    def test_of_traits(self, engine):
        found = engine.ask(self.world, *({"trait": "v", **test} for test, _ in self.TESTS))
        assert found == [expected for _, expected in self.TESTS]

    def test_of_properties(self, engine):
        found = engine.ask(self.world, *({"did": "view", "where": {"v": t}} for t, _ in self.TESTS))
        assert found == [expected for _, expected in self.TESTS]

    def test_in_measures(self, engine):
        """The empty text is a value: it is counted; a missing one is not."""
        found = engine.ask(
            self.world,
            {"did": "view", "distinct": {"of": "v", "exactly": 1}},
            {"did": "view", "distinct": {"of": "v", "exactly": 0}},
            {"did": "view", "share": {"where": {"v": {"missing": True}}, "exactly": 1}},
        )
        assert found == [{"bob", "cy", "dee"}, {"ann"}, {"ann"}]

    def test_names_nobody_uses_are_missing_for_everyone(self, engine):
        everyone = {"ann", "bob", "cy", "dee"}
        found = engine.ask(
            self.world,
            {"trait": "nope", "missing": True},
            {"trait": "nope", "not_equals": "x"},
            {"did": "view", "where": {"nope": {"exists": False}}},
            {"did": "view", "where": {"item.nope": {"missing": True}}},
            {"did": "view", "where": {"nope": {"not_in": [1]}}},
            {"did": "view", "sum": {"of": "nope", "exactly": 0}},
            {"did": "view", "mean": {"of": "nope", "at_most": 1}},
            {"did": "view", "distinct": {"of": "item.nope", "exactly": 0}},
            {"sequence": [{"did": "view"}], "same": ["nope"]},
            {"did": "nope"},
            {"did_not": ["nope", "never"]},
        )
        assert found == [everyone, set(), everyone, everyone, set(), everyone, set(), everyone,
                         set(), set(), everyone]  # fmt: skip


class TestTypes:
    """A property whose values have four types: a test is true of its own type only."""

    world = draw(
        traits={
            "text": {"v": "1"},
            "number": {"v": 1},
            "true": {"v": True},
            "zero": {"v": 0},
            "false": {"v": False},
            "time": {"v": stamp("-1us")},
            "one_us": {"v": stamp("1970-01-01T00:00:01")},
            "none": {},
            "word": {"v": "true"},
        }
    )
    TESTS = (
        ({"equals": "1"}, {"text"}),
        ({"equals": 1}, {"number"}),
        ({"equals": True}, {"true"}),
        ({"equals": False}, {"false"}),
        ({"equals": "true"}, {"word"}),
        ({"not_equals": "1"}, {"word"}),
        ({"not_equals": 1}, {"zero"}),
        ({"not_equals": True}, {"false"}),
        ({"in": [1, 0]}, {"number", "zero"}),
        ({"not_in": [1, 2]}, {"zero"}),
        ({"not_in": ["x"]}, {"text", "word"}),
        ({"not_in": [True]}, {"false"}),
        ({"at_least": 0}, {"number", "zero"}),
        ({"at_most": 1_000_000}, {"number", "zero"}),
        ({"less_than": 10}, {"number", "zero"}),
        ({"between": [-5, 5]}, {"number", "zero"}),
        ({"contains": "1"}, {"text"}),
        ({"matches": "."}, {"text", "word"}),
        ({"within": "1d"}, {"time"}),
        ({"before": "2030-01-01"}, {"time", "one_us"}),
        ({"after": "1970-01-01"}, {"time", "one_us"}),
        ({"exists": True, "at_least": 1}, {"number"}),
        ({"at_least": 0, "contains": ""}, set()),
        ({"equals": "1", "at_least": 1}, set()),
        ({"missing": False}, {"text", "number", "true", "zero", "false", "time", "one_us", "word"}),
    )

    def test_no_casts(self, engine):
        asked = [{"trait": "v", **test} for test, _ in self.TESTS]
        assert engine.ask(self.world, *asked) == [expected for _, expected in self.TESTS]

    def test_and_their_negations(self, engine):
        everyone = set(self.world.persons.values())
        asked = [{"not": {"trait": "v", **test}} for test, _ in self.TESTS]
        assert engine.ask(self.world, *asked) == [everyone - expected for _, expected in self.TESTS]

    def test_in_measures(self, engine):
        """Distinct keeps types apart; sums and extremes take numbers only."""
        values = ["1", 1, True, stamp("1970-01-01T00:00:01"), Decimal("0.000001"), "1", 1, None]
        world = draw(ann=[at(f"-{n + 1}d", v=v) for n, v in enumerate(values)])
        ann = [{"ann"}]
        view = {"did": "view"}
        assert engine.ask(world, {**view, "distinct": {"of": "v", "exactly": 5}}) == ann
        assert engine.ask(world, {**view, "sum": {"of": "v", "exactly": 2.000001}}) == ann
        assert engine.ask(world, {**view, "max": {"of": "v", "exactly": 1}}) == ann
        assert engine.ask(world, {**view, "min": {"of": "v", "exactly": 0.000001}}) == ann
        assert engine.ask(world, {**view, "mean": {"of": "v", "exactly": 0.666667}}) == ann
        assert engine.ask(world, {**view, "mean": {"of": "v", "more_than": 0.666667}}) == [set()]

    def test_booleans_and_times_are_not_numbers(self, engine):
        world = draw(ann=[at("-1d", v=True), at("-2d", v=stamp("-1d"))])
        found = engine.ask(
            world,
            {"did": "view", "sum": {"of": "v", "exactly": 0}},
            {"did": "view", "max": {"of": "v", "at_least": -9.2e12}},
        )
        assert found == [{"ann"}, set()]


class TestHugeNumbers:
    """Sums pass 64 bits long before anybody notices: three times 9.2e12 in micro-units does."""

    def test_sums_beyond_sixty_four_bits(self, engine):
        world = draw(
            ann=[at(f"-{n}d", v=TOP) for n in (1, 2, 3)],
            bob=[at(f"-{n}d", v=-TOP) for n in (1, 2, 3)],
            cy=[at("-1d", v=TOP), at("-2d", v=-TOP), at("-3d", v=MICRO)],
        )

        def total(**bound: Any) -> dict[str, Any]:
            return {"did": "view", "sum": {"of": "v", **bound}}

        found = engine.ask(
            world,
            total(more_than=TOP),
            total(less_than=-TOP),
            total(exactly=MICRO),
            total(between=[-TOP, TOP]),
            {"did": "view", "mean": {"of": "v", "exactly": TOP}},
            {"did": "view", "mean": {"of": "v", "between": [0, MICRO]}},
            {"did": "view", "max": {"of": "v", "exactly": TOP}, "within": "3d"},
        )
        assert found == [{"ann"}, {"bob"}, {"cy"}, {"cy"}, {"ann"}, {"cy"}, {"ann", "cy"}]

    def test_mean_times_many(self, engine):
        """Bound x n passes 64 bits too: 400 events with a bound of 9.2e12."""
        world = draw(
            ann=[at(f"-{n}m", v=TOP) for n in range(1, 401)],
            bob=[at(f"-{n}m", v=TOP - (MICRO if n == 1 else 0)) for n in range(1, 401)],
        )
        found = engine.ask(
            world,
            {"did": "view", "mean": {"of": "v", "exactly": TOP}},
            {"did": "view", "mean": {"of": "v", "less_than": TOP}},
            {"did": "view", "mean": {"of": "v", "at_least": TOP - MICRO}},
        )
        assert found == [{"ann"}, {"bob"}, {"ann", "bob"}]


class TestDecimals:
    """0.1 + 0.2 is 0.3, a micro-unit counts, and thirds are never rounded."""

    def test_exact_sums(self, engine):
        tenths = [Decimal("0.1")] * 3
        world = draw(ann=[at(f"-{n + 1}d", v=v) for n, v in enumerate(tenths)])
        found = engine.ask(
            world,
            {"did": "view", "sum": {"of": "v", "exactly": 0.3}},
            {"did": "view", "sum": {"of": "v", "more_than": 0.3}},
            {"did": "view", "sum": {"of": "v", "at_least": 0.300001}},
            {"did": "view", "mean": {"of": "v", "exactly": 0.1}},
        )
        assert found == [{"ann"}, set(), set(), {"ann"}]

    def test_beyond_the_precision_of_doubles(self, engine):
        """9007199254.740993 in micro-units is 2^53 + 1, which no double can say."""
        odd, even = Decimal("9007199254.740993"), Decimal("9007199254.740992")
        world = draw(traits={"odd": {"v": odd}, "even": {"v": even}})
        found = engine.ask(
            world,
            {"trait": "v", "equals": odd},
            {"trait": "v", "more_than": even},
            {"trait": "v", "in": [odd]},
            {"trait": "v", "not_equals": odd},
        )
        assert found == [{"odd"}, {"odd"}, {"odd"}, {"even"}]

    def test_literals_round_half_away_from_zero(self, engine):
        world = draw(traits={"up": {"v": MICRO}, "down": {"v": -MICRO}, "zero": {"v": 0}})
        found = engine.ask(
            world,
            {"trait": "v", "equals": 0.0000005},
            {"trait": "v", "equals": -0.0000005},
            {"trait": "v", "equals": 0.00000049},
            {"trait": "v", "equals": Decimal("-0.0")},
        )
        assert found == [{"up"}, {"down"}, {"zero"}, {"zero"}]

    @pytest.mark.parametrize("matching, all_", [(1, 3), (2, 3), (1, 7), (0, 5), (5, 5)])
    def test_shares_are_fractions(self, engine, matching, all_):
        world = draw(ann=[at(f"-{n + 1}d", v=n < matching) for n in range(all_)])
        six = Decimal(matching * 10**6 // all_).scaleb(-6)  # cut off, not rounded
        exact = six * all_ == matching

        def share(**bound: Any) -> dict[str, Any]:
            return {"did": "view", "share": {"where": {"v": True}, **bound}}

        found = engine.ask(
            world,
            share(exactly=six),
            share(more_than=six),
            share(at_least=six),
            share(less_than=six + MICRO),
        )
        ann = {"ann"}
        assert found == [ann if exact else set(), set() if exact else ann, ann, ann]

    def test_of_two_bounds_the_narrower_counts(self, engine):
        """More than 2 and at least 2 is more than 2, in any order of writing."""
        world = draw(two=[at("-1d", v=2), at("-2d", v=2)], three=[at("-1d", v=3)])

        def all_of(**bounds: Any) -> list[dict[str, Any]]:
            turned = dict(reversed(bounds.items()))
            return [
                {"did": "view", measure: {"of": "v", **written}}
                for measure in ("mean", "max", "min")
                for written in (bounds, turned)
            ]

        assert engine.ask(world, *all_of(more_than=2, at_least=2)) == [{"three"}] * 6
        assert engine.ask(world, *all_of(less_than=3, at_most=3)) == [{"two"}] * 6
        assert engine.ask(world, *all_of(exactly=2, less_than=2)) == [set()] * 6
        assert engine.ask(world, *all_of(between=[2, 3], more_than=2)) == [{"three"}] * 6

    def test_bounds_of_counts_may_be_fractions(self, engine):
        world = draw(ann=[at("-1d"), at("-2d")], bob=[at("-1d")])
        found = engine.ask(
            world,
            {"did": "view", "count": {"at_least": 1.5}},
            {"did": "view", "count": {"exactly": 1.5}},
            {"did": "view", "days": {"less_than": 1.000001}},
            {"did": "view", "count": {"at_least": -3}},
            {"did": "view", "count": {"more_than": 1, "at_most": 2, "exactly": 2}},
        )
        assert found == [{"ann"}, set(), {"bob"}, {"ann", "bob"}, {"ann"}]


class TestItems:
    """Attributes reach an event through its `item_id`, which is text; nothing fans out.

    items: a (shoes, 10), b (no category)
    """

    world = draw(
        ann=[at("-1d", item_id="a"), at("-2d", item_id="a"), at("-3d", item_id="b")],
        bob=[at("-1d", item_id="gone"), at("-2d")],
        cy=[at("-1d", item_id=1), at("-2d", item_id="A")],
        items={"a": {"category": "w > shoes", "price": 10}, "b": {"price": 3}, "1": {"price": 99}},
    )

    def test_attributes(self, engine):
        found = engine.ask(
            self.world,
            {"did": "view", "where": {"item.category": {"under": "w"}}, "count": {"exactly": 2}},
            {"did": "view", "sum": {"of": "item.price", "exactly": 23}},
            {"did": "view", "sum": {"of": "item.price", "exactly": 0}},
            {"did": "view", "mean": {"of": "item.price", "between": [7.666666, 7.666667]}},
            {"did": "view", "distinct": {"of": "item.price", "exactly": 2}},
            {"did": "view", "where": {"item.price": {"missing": True}}, "count": {"exactly": 2}},
            {"did": "view", "count": {"exactly": 3}},
            {"last": {"did": "view"}, "having": {"item.category": "w > shoes"}},
            {"did": "view", "where": {"item.price": {"at_least": 5}, "item_id": "a"}},
        )
        ann, rest = {"ann"}, {"bob", "cy"}
        assert found == [ann, ann, rest, ann, ann, rest, ann, ann, ann]


class TestListsAndPurposes:
    """Names are compared exactly: no folding, no trimming, quotes and all."""

    world = draw(
        traits={"ann": {}, "bob": {}},
        lists={"vip": ["ann"], "VIP": ["bob"], "it's": ["ann", "bob"], " vip": []},
        consents={("ann", "it's"): "granted", ("bob", "IT'S"): "granted"},
    )

    def test_names(self, engine):
        found = engine.ask(
            self.world,
            {"in_list": "vip"},
            {"in_list": "VIP"},
            {"in_list": "it's"},
            {"in_list": " vip"},
            {"consent": "it's"},
        )
        assert found == [{"ann"}, {"bob"}, {"ann", "bob"}, set(), {"ann"}]
