"""Traps about who is asked: people without events, strangers, samples, nests of segments."""

from __future__ import annotations

import hashlib
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Any

import pytest

from conformance.engines import Engine, expected, scene_of
from fewer.model.condition import SampleRule
from fewer.model.segment import Segment
from oracle.drawn import at, draw
from strategies.definition import Asked


def segments(engine: Engine, world: Any, *written: dict[str, Any], default: tuple[str, ...] = ()):
    """Members by segment, as names; the oracle agrees."""
    asked = Asked(tuple(map(Segment.model_validate, written)), default)
    found = engine.answer(scene_of(world), asked)
    assert found == expected(scene_of(world), asked)
    return {id_: {world.persons[p] for p in people} for id_, people in found.members.items()}


class TestPeopleWithoutEvents:
    """A person with no events belongs to every negated segment.

    people: ann, nobody
    events: ann view 1 day ago
    """

    world = draw(ann=[at("-1d")], nobody=[])

    def test_negation_keeps_them(self, engine):
        view = {"did": "view", "within": "7d"}
        found = engine.ask(
            self.world,
            {"not": view},
            {"none": [view]},
            {"did_not": "view", "within": "7d"},
            {**view, "count": {"at_most": 3}},
            {**view, "count": {"exactly": 0}},
            {**view, "days": {"less_than": 1}},
            {**view, "distinct": {"of": "path", "at_most": 0}},
        )
        assert found == [
            *([{"nobody"}] * 3),
            {"ann", "nobody"},
            *([{"nobody"}] * 2),
            {"ann", "nobody"},
        ]

    def test_what_is_undefined_is_false_and_its_negation_true(self, engine):
        undefined = [
            {"did": "view", "mean": {"of": "v", "at_most": 5}},
            {"did": "view", "min": {"of": "v", "at_most": 5}},
            {"did": "view", "max": {"of": "v", "at_most": 5}},
            {"did": "buy", "share": {"where": {"v": 1}, "at_most": 1}},
            {"last": {"did": "buy"}, "having": {"v": {"missing": True}}},
            {"sequence": [{"did": "buy"}]},
        ]
        found = engine.ask(self.world, *undefined, *({"not": each} for each in undefined))
        assert found == [set()] * 6 + [{"ann", "nobody"}] * 6


class TestUndefinedForOne:
    """Nothing to divide by for ann, beside others for whom there is: hers is still false.

    events: ann view (no v) and cart;  bob buy v=1, buy v="x"
    """

    world = draw(
        ann=[at("-1d"), at("-1d", "cart", v=3)],
        bob=[at("-1d", "buy", v=1), at("-1d", "buy", v="x")],
    )

    def test_it_is_false_whatever_the_bound(self, engine):
        buy, any_ = {"did": "buy"}, {"at_most": 9.2e12}
        found = engine.ask(
            self.world,
            {**buy, "share": {"where": {"v": 1}, "between": [0, 1]}},
            {**buy, "share": {"where": {"v": 1}, "exactly": 0}},
            {**buy, "share": {"where": {"v": 7}, "exactly": 0}},
            {**buy, "mean": {"of": "v", **any_}},
            {**buy, "min": {"of": "v", **any_}},
            {**buy, "max": {"of": "v", **any_}},
            {"did": "view", "mean": {"of": "v", **any_}},
            {"did": "view", "max": {"of": "v", "more_than": -9.2e12}},
            {"did": ["view", "cart"], "mean": {"of": "v", "exactly": 3}},
        )
        bob = {"bob"}
        assert found == [bob, set(), bob, bob, bob, bob, set(), set(), {"ann"}]


class TestAUniverseOfTraitsAlone:
    """No event anywhere: everyone is still there.

    people: ann (plan pro), bob
    """

    world = draw(traits={"ann": {"plan": "pro"}, "bob": {}})

    def test_conditions_of_all_kinds(self, engine):
        found = engine.ask(
            self.world,
            {"all": []},
            {"trait": "plan", "equals": "pro"},
            {"trait": "plan", "missing": True},
            {"did_not": "*"},
            {"did": "view", "sum": {"of": "v", "exactly": 0}},
            {"not": {"sequence": [{"did": "*"}], "same": ["session_id"]}},
            {"first": {"did": "*"}},
        )
        everyone = {"ann", "bob"}
        assert found == [everyone, {"ann"}, {"bob"}, everyone, everyone, everyone, set()]


class TestAnEmptyWorld:
    """No person at all."""

    def test_nobody_is_in_anything(self, engine):
        found = engine.ask(draw(), {"all": []}, {"not": {"did": "*"}}, {"trait": "x", "equals": 1})
        assert found == [set(), set(), set()]


class TestStrangers:
    """Who is only on a list, only in the future, or only has consent is not in the universe.

    events: ann view 1 day ago; future view at as_of
    lists: vip = ann, listed;  consent: agreed
    """

    world = draw(
        [],
        ann=[at("-1d")],
        future=[at("+0us")],
        lists={"vip": ["ann", "listed"]},
        consents={("agreed", "ads"): "granted", ("ann", "ads"): "granted"},
    )

    def test_they_are_not_members(self, engine):
        found = engine.ask(
            self.world,
            {"all": []},
            {"in_list": "vip"},
            {"consent": "ads"},
            {"not": {"did": "buy"}},
            {"sample": {"percent": 100, "salt": "s"}},
        )
        assert found == [{"ann"}] * 5


class TestConsent:
    """Unknown and denied are false, and so is a purpose of another name."""

    world = draw(
        ["none"],
        consents={
            ("yes", "ads"): "granted",
            ("no", "ads"): "denied",
            ("maybe", "ads"): "unknown",
            ("other", "Ads"): "granted",
        },
        traits={name: {} for name in ("yes", "no", "maybe", "other")},
    )

    def test_granted_only(self, engine):
        found = engine.ask(self.world, {"consent": "ads"}, {"consent": "nope"}, {"consent": "Ads"})
        assert found == [{"yes"}, set(), {"other"}]


class TestOddPersons:
    """Numbers at both ends of 32 bits; ids that are empty, quoted, long."""

    def test_they_come_back(self, engine):
        from oracle.world import Event, World

        keys = {0: "", 1: "o'neil", 2**31: "x" * 300, 2**32 - 1: "🙂"}
        events = tuple(Event(f"e{n}", n, scene_of(draw()).as_of_us - 1, "view") for n in keys)
        world = World(persons=keys, events=events[:2], people={2**31: {}, 2**32 - 1: {}})
        found = engine.ask(world, {"did": "view"}, {"did_not": "view"})
        assert found == [{"", "o'neil"}, {"x" * 300, "🙂"}]


class TestSamples:
    """A share of people by SHA-256 of salt, colon and id: the same on every engine."""

    names = tuple(f"p{n}" for n in range(300))
    world = draw([*names, "", "é", "🙂"])

    @staticmethod
    def part(salt: str, name: str) -> int:
        return int(hashlib.sha256(f"{salt}:{name}".encode()).hexdigest()[:16], 16)

    def test_shares(self, engine):
        percents = ["0", "0.000001", "0.5", "33.333333", "50", "99.999999", "100"]
        rules = [{"sample": {"percent": Decimal(p), "salt": "2026:q1"}} for p in percents]
        found = engine.ask(self.world, *rules)
        assert found[0] == set()
        assert found[-1] == set(self.world.persons.values())
        assert all(smaller <= larger for smaller, larger in pairwise(found))
        half = {n for n in self.world.persons.values() if self.part("2026:q1", n) < 2**63}
        assert found[4] == half

    def test_the_edge_is_not_in(self, engine):
        """Ten persons in turn: out at the percent cut off after 6 places, in a micro later."""
        percents = sorted({self.part("s", name) * 10**8 >> 64 for name in self.names})[100:110]
        rules = [{"sample": {"percent": Decimal(p + d).scaleb(-6), "salt": "s"}}
                 for p in percents for d in (0, 1)]  # fmt: skip
        sizes = [len(people) for people in engine.ask(self.world, *rules)]
        assert all(after > before for before, after in zip(sizes[::2], sizes[1::2], strict=True))

    @pytest.mark.parametrize("percent", ["0.000001", "1", "12.5", "33.333333", "99.999999"])
    def test_the_threshold_is_the_smallest_number_that_is_out(self, percent):
        """Of 2^64 numbers one lies between rounding up and down: no world would show it."""
        threshold = SampleRule(percent=Decimal(percent), salt="s").threshold
        out = int(threshold, 16)
        share = Fraction(percent) / 100
        assert Fraction(out - 1, 2**64) < share <= Fraction(out, 2**64)
        assert len(threshold) == 16


class TestNests:
    """Segments inside segments inside exclusions, in an order that is not theirs."""

    world = draw(traits={name: {"n": n} for n, name in enumerate("abcdef")})

    @staticmethod
    def above(id_: str, n: int, **keys: Any) -> dict[str, Any]:
        return {"id": id_, "where": {"trait": "n", "at_least": n}, **keys}

    def test_exclusions_of_exclusions(self, engine):
        found = segments(
            engine,
            self.world,
            {
                "id": "top",
                "where": {"all": [{"in_segment": "mid"}, {"not": {"in_segment": "low"}}]},
            },
            self.above("mid", 0, exclude=["low"]),
            self.above("low", 2, exclude=["base"]),
            self.above("base", 4),
        )
        assert found["low"] == {"c", "d"}
        assert found["mid"] == {"a", "b", "e", "f"}
        assert found["top"] == found["mid"]

    def test_defaults(self, engine):
        found = segments(
            engine,
            self.world,
            self.above("all_", 0),
            self.above("own", 0, exclude=["low"]),
            self.above("low", 3),
            self.above("out", 4, exclude=["free"]),
            self.above("free", 5, exclude_defaults=False),
            default=("out",),
        )
        assert found == {
            "all_": set("abcdf"),
            "own": set("abc"),
            "low": {"d", "f"},
            "out": {"e"},
            "free": {"f"},
        }

    def test_in_segment_of_an_excluded_segment_is_not_its_matches(self, engine):
        found = segments(
            engine,
            self.world,
            self.above("x", 3),
            self.above("m", 1, exclude=["x"]),
            {"id": "inside", "where": {"in_segment": "m"}},
            {"id": "outside", "where": {"not": {"in_segment": "m"}}},
        )
        assert found["inside"] == {"b", "c"}
        assert found["outside"] == {"a", "d", "e", "f"}

    def test_a_member_may_be_excluded_by_a_segment_that_refers_to_it(self, engine):
        """No circle: `late` asks `early`, and `early` is asked by nobody before it."""
        found = segments(
            engine,
            self.world,
            self.above("early", 2),
            {"id": "late", "where": {"in_segment": "early"}, "exclude": ["early"]},
        )
        assert found["late"] == set()

    def test_empty_booleans(self, engine):
        found = segments(
            engine,
            self.world,
            {"id": "everyone", "where": {"all": []}},
            {"id": "no_one", "where": {"any": []}},
            {"id": "none_of_nothing", "where": {"none": []}},
            {"id": "rest", "where": {"not": {"any": []}}, "exclude": ["no_one"]},
        )
        assert [len(people) for people in found.values()] == [6, 0, 6, 6]

    def test_a_deep_tree(self, engine):
        where: dict[str, Any] = {"trait": "n", "at_least": 3}
        for _ in range(40):
            where = {"not": {"any": [where, {"any": []}]}}
        assert engine.ask(self.world, where) == [{"d", "e", "f"}]


class TestVariants:
    """Each lookback window is a segment of its own, and others may refer to it."""

    world = draw(ann=[at("-1d")], bob=[at("-5d")], cy=[at("-5d"), at("-2d", "buy")])

    def test_they_are_evaluated_and_referred_to(self, engine):
        found = segments(
            engine,
            self.world,
            {"id": "ref", "where": {"in_segment": "hot@7d"}, "exclude": ["hot@36h"]},
            {
                "id": "hot",
                "where": {"did": "view", "within": "2h"},
                "variants": {"lookback": ["36h", "7d"]},
                "exclude": ["buyers"],
            },
            {"id": "buyers", "where": {"did": "buy"}},
        )
        assert found == {
            "ref": {"bob"},
            "hot": set(),
            "hot@36h": {"ann"},
            "hot@7d": {"ann", "bob"},
            "buyers": {"cy"},
        }
