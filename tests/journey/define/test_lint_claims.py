"""What the linter claims is so: its claims are held against an oracle on random worlds.

A claim says that a condition is true of no one, of everyone, of people without any event, or of
the same people as another. One counterexample in one world would make it a lie.
"""

from __future__ import annotations

import random
from collections import Counter
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fewer.journey.define.rules.base import visits
from fewer.journey.define.rules.interval import Interval
from fewer.journey.define.rules.logic import asks_for_one, lets_in_none, look
from fewer.journey.define.rules.normal import normal
from fewer.journey.define.rules.value import impossible, passes, types
from fewer.language.yaml import load, validate
from fewer.model.condition import AllOf, AnyOf, Did, DidNot, NoneOf, Not, walk
from fewer.model.measure import Comparison
from fewer.model.predicate import Predicate
from fewer.model.segment import Segment
from fewer.model.window import Duration
from language.strategies import predicates
from oracle.conditions import true
from oracle.moment import Moment
from oracle.predicates import holds
from oracle.world import Instant, World, kind
from strategies.definition import seeded

STRANGER = 4_000_000_000  # a person whom no world knows


class Asking:
    """Who meets a condition in a scene."""

    def __init__(self, scene):
        self.moment = Moment(
            scene.world, scene.as_of_us, scene.zone, scene.session_gap.micros
        )  # fmt: skip

    def people(self, condition):
        return {p for p in self.moment.universe if self.true(condition, p)}

    def true(self, condition, person):
        return true(condition, person, self.moment, lambda _: frozenset())


def bounds(dice):
    names = dice.sample(["at_least", "at_most", "more_than", "less_than", "exactly"], 2)
    return {name: dice.randint(-1, 3) for name in names[: dice.randint(1, 2)]}


def altered(did, dice):
    """A behaviour much like another: other bounds, another window, or not done at all."""
    keys = {k: v for k, v in did if v is not None}
    window = {"within", "between", "since", "until", "calendar", "periods"}
    match dice.randint(0, 5):
        case 0:
            keys["count"] = bounds(dice)
        case 1:
            return DidNot(did_not=did.did, where=did.where)
        case 2:
            keys = {k: v for k, v in keys.items() if k not in window}
            keys["within"] = Duration(dice.randint(1, 400), dice.choice("hdw"))
        case 3:
            measure, value = did.measure
            if hasattr(value, "at_least") and measure in keys:
                keys[measure] = {**value.model_dump(exclude_none=True), "exactly": 1}
        case 4:
            keys = {k: v for k, v in keys.items() if k not in window}
            keys = {**keys, "days": bounds(dice)}
        case _:
            kept = {k: v for k, v in keys.items() if k in ("where", *window - {"periods"})}
            return DidNot(did_not=did.did, **kept)
    keys = {
        k: v.model_dump(exclude_none=True) if hasattr(v, "bounds") else v for k, v in keys.items()
    }
    try:
        return Did.model_validate(keys)
    except ValueError:
        return Not(not_=did)


def test_claims_about_people(soak):
    seen = Counter()
    for seed in range(120 * soak):
        dice = random.Random(seed)
        scene, asked = seeded(seed, 6)
        asking = Asking(scene)
        leaves = [c for s in asked.segments for c in walk(s.where) if isinstance(c, Did)]
        for leaf in leaves[:12]:
            pair = (altered(leaf, dice), altered(leaf, dice))
            for kind_of, boolean in (("all", AllOf), ("any", AnyOf), ("none", NoneOf)):
                condition = boolean(**{kind_of: pair})
                seen += claims(condition, asking)
    # the search was worth its time: every kind of claim came up often
    for code in ("contradiction", "never_true", "always_true", "lets_in_none", "said_twice"):
        assert seen[code] >= 15, seen
    assert seen["asks_for_one"] >= 100


def claims(condition, asking):
    """Check every claim about a condition; how many of each there were."""
    seen = Counter()
    segment = Segment(id="a", where=condition)
    for visit in visits(segment):
        if isinstance(visit.condition, Did):
            stranger = asking.true(visit.condition, STRANGER)
            if asks_for_one(visit.condition):
                assert not stranger
                seen["asks_for_one"] += 1
            if lets_in_none(visit.condition):
                assert stranger
        for told in look(visit, asking.moment.zone):
            people = asking.people(visit.condition)
            place = told.path[len(visit.path) :]
            about_value = place and place[0] in ("where", "share") and len(place) > 1
            match told.code:
                case "contradiction":
                    assert not people, visit.condition
                case "empty_window":
                    window = {k: getattr(visit.condition, k) for k in ("since", "until")}
                    assert not asking.people(Did(did="*", **window))
                case "never_true" if not about_value:
                    assert not people, visit.condition
                case "always_true":
                    assert people == asking.moment.universe, visit.condition
                case "said_twice":
                    members = getattr(visit.condition, place[0])
                    alike = [asking.people(m) for m in members]
                    assert alike[place[1]] in alike[: place[1]]
                case "burst_too_wide":
                    did = visit.condition
                    count = {"at_least": did.burst.count}
                    plain = did.model_copy(update={"burst": None})
                    plain = Did.model_validate({**dict(plain), "count": count})
                    assert people == asking.people(plain)
            seen[told.code] += 1
    return seen


def test_equal_normal_forms_are_the_same_people(soak):
    together = 0
    for seed in range(60 * soak):
        dice = random.Random(seed)
        scene, asked = seeded(seed + 10_000, 5)
        asking = Asking(scene)
        found = [c for s in asked.segments for c in walk(s.where)]
        found += [altered(c, dice) for c in found if isinstance(c, Did)]
        found += [Not(not_=c) for c in found] + [AllOf(all=[c, c]) for c in found]
        forms = {}
        for condition in found:
            forms.setdefault(normal(condition), []).append(condition)
            forms.setdefault(~normal(condition), []).append(Not(not_=condition))
        for alike in forms.values():
            people = [asking.people(c) for c in alike]
            assert all(p == people[0] for p in people)
            together += len(alike) - 1
    assert together > 1_000


@pytest.mark.parametrize(
    "one,other",
    [
        (
            "{all: [{in_list: a}, {in_list: b}]}",
            "{all: [{in_list: b}, {in_list: a}, {in_list: b}]}",
        ),
        ("{none: [{in_list: a}]}", "{not: {in_list: a}}"),
        ("{none: [{in_list: a}, {in_list: b}]}", "{not: {any: [{in_list: b}, {in_list: a}]}}"),
        ("{did_not: [a, b], within: 7d}", "{did: [b, a], within: 168h, count: {exactly: 0}}"),
        ("{did: a, between: {from: 2w, to: 7d}}", "{did: a, between: {from: 14d, to: 1w}}"),
        ("{any: [{in_list: a}]}", "{in_list: a}"),
    ],
)
def test_normal_forms_that_are_equal(one, other):
    assert normal(condition(one)) == normal(condition(other))


@pytest.mark.parametrize(
    "one,other",
    [
        ("{all: [{in_list: a}, {in_list: b}]}", "{any: [{in_list: a}, {in_list: b}]}"),
        ("{in_list: a}", "{not: {in_list: a}}"),
        ("{did: a, within: 7d}", "{did: a, within: 7d, calendar: true}"),
        ("{did: a, within: 1w}", "{did: a, within: 7d, calendar: true}"),
        ("{did: a}", "{did: a, count: {at_least: 2}}"),
        ("{all: []}", "{any: []}"),
        ("{all: []}", "{none: [{all: []}]}"),
    ],
)
def test_normal_forms_that_differ(one, other):
    assert normal(condition(one)) != normal(condition(other))


def condition(text):
    return validate(load(f"{{id: a, where: {text}}}", file="x"), Segment).where


# ------------------------------------------------------------------------------------ values

VALUES = [
    None, True, False, Decimal(0), Decimal(1), Decimal("-1.5"), Decimal(5_000), "", "a", "A", "é",
    "NO", "a > b", "/pricing", "page_view", "1", "true", Instant(0), Instant(1_772_323_200_000_000),
]  # fmt: skip
MOMENT = Moment(World(persons={}), 1_772_400_000_000_000, ZoneInfo("UTC"), 1)


@pytest.mark.slow
@settings(max_examples=400)
@given(predicates().map(Predicate.model_validate), st.data())
def test_what_is_called_impossible_passes_nothing(predicate, data):
    values = [*VALUES, data.draw(st.text(max_size=3)), *literals(predicate)]
    passing = [v for v in values if holds(predicate, v, MOMENT)]
    if impossible(predicate):
        assert passing == []
    for value in passing:
        if value is not None:
            assert types(predicate) <= {kind(value)}
    for value in values:
        if isinstance(value, str | bool | Decimal) and types(predicate) == {kind(value)}:
            assert passes(predicate, value) == holds(predicate, value, MOMENT)


def literals(predicate):
    """The values that a predicate itself names, and near ones."""
    for value in predicate.tests.values():
        for one in value if isinstance(value, tuple) else (value,):
            if isinstance(one, str):
                yield from (one, one.lower(), one + " > x", "x" + one)
            elif isinstance(one, Decimal):
                yield from (one, one + Decimal("0.000001"), one - Decimal("0.000001"))


@given(st.dictionaries(
    st.sampled_from(["at_least", "at_most", "more_than", "less_than", "exactly"]),
    st.integers(-6, 6).map(lambda n: Decimal(n) / 2), min_size=1,
))  # fmt: skip
def test_intervals(given_bounds):
    comparison, interval = Comparison(**given_bounds), Interval.of(given_bounds)
    numbers = [Decimal(n) / 4 for n in range(-20, 21)]
    inside = [n for n in numbers if comparison.holds(n)]
    assert [n for n in numbers if interval.holds(n)] == inside
    assert interval.is_empty() == (not inside)
    assert interval.is_empty(whole=True) == (not any(n == int(n) for n in inside)) or not (
        interval.low is not None and interval.high is not None
    )
    assert interval.covers(interval)
    assert interval.covers(Interval(Decimal(-99), Decimal(99))) == (
        not interval.is_empty() and all(comparison.holds(Decimal(n)) for n in (-99, 0, 99))
    )
