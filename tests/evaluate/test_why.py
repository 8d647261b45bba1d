"""Explanations: the tree, what the data came to, and the events that decided."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from fewer.errors import NotFoundError
from fewer.evaluate.engines.why import why
from fewer.model.segment import Segment
from fewer.model.window import to_utc_micros

AS_OF = datetime(2026, 3, 31, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def shop(world):
    for days in range(1, 8):
        world.did(
            "ann", "view", AS_OF - days * DAY, f"v{days}", path=f"/p/{days}", price=days + 0.5
        )
    world.did("ann", "cart", AS_OF - 3 * DAY + HOUR, "c1", item_id="i1")
    world.did("ann", "buy", AS_OF - 2 * DAY, "b1", item_id="i1", revenue=Decimal("12.5"))
    world.did("bob", "view", AS_OF - DAY, "w1", path="/p/1")
    world.did("cy", "view", AS_OF + DAY, "x1", path="/p/1")
    world.item("i1", brand="acme")
    world.person("ann", plan="pro", age=33)
    world.consents("ann", "ads", "denied")
    return world


def explain(world, condition, who="ann", **more):
    segment = Segment(id="asked", name="Asked", where=condition, **more)
    return why(world.engine(), world.plan(segment), "asked", world.number(who))


def leaf(world, condition, who="ann"):
    node = explain(world, condition, who)
    assert node.holds == (who in world.who(condition))
    assert node.holds == node.members[0].holds
    return node.members[0]


def test_a_count_shows_the_newest_matches(shop):
    node = leaf(shop, {"did": "view", "within": "10d", "count": {"at_least": 8}})
    assert node.words == "has done view at least 8 times in the last 10 days"
    assert (node.holds, node.reason) == (False, "7 matches, needs at least 8")
    assert [e.event_id for e in node.events] == ["v1", "v2", "v3", "v4", "v5"]
    assert node.events[0].ts_us == to_utc_micros(AS_OF - DAY)


def test_events_carry_the_properties_that_are_tested(shop):
    where = {"path": {"starts_with": "/p"}, "price": {"at_least": 7}}
    node = leaf(shop, {"did": "view", "where": where})
    assert [e.properties for e in node.events] == [{"path": "/p/7", "price": Decimal("7.5")}]


def test_item_attributes_are_called_as_definitions_call_them(shop):
    node = leaf(shop, {"did": "buy", "where": {"item.brand": "acme"}})
    assert node.events[0].properties == {"item.brand": "acme"}


@pytest.mark.parametrize(
    "measure, reason",
    [
        ({"days": {"at_least": 3}}, "7 days, needs at least 3"),
        ({"distinct": {"of": "path", "exactly": 7}}, "7 different values, needs exactly 7"),
        ({"sum": {"of": "price", "more_than": 31.5}}, "a total of 31.5, needs more than 31.5"),
        (
            {"mean": {"of": "price", "between": [1, 5]}},
            "an average of 4.5 over 7 values, needs between 1 and 5",
        ),
        ({"max": {"of": "price", "at_most": 7}}, "largest 7.5, needs at most 7"),
        ({"min": {"of": "absent", "at_most": 7}}, "no values, needs at most 7"),
        (
            {"periods": {"each": "1d", "last": 3, "at_least": 4}},
            "3 periods with a match, needs at least 4",
        ),
        (
            {"share": {"where": {"price": {"at_least": 7}}, "at_least": 0.5}},
            "a share of 0.142857 of 7 matches, needs at least 0.5",
        ),
        ({"burst": {"count": 3, "in": "2d"}}, "once or more often 3 within 2 days"),
        ({"burst": {"count": 4, "in": "2d"}}, "never 4 within 2 days"),
        ({"count": {"at_least": 1}, "within": "12h"}, "0 matches, needs at least 1"),
    ],
)
def test_each_measure_says_what_it_came_to(shop, measure, reason):
    assert leaf(shop, {"did": "view"} | measure).reason == reason


def test_a_burst_shows_its_own_events(shop):
    shop.did("eve", "tap", AS_OF - 5 * DAY, "t1")
    shop.did("eve", "tap", AS_OF - 5 * DAY + HOUR, "t2")
    shop.did("eve", "tap", AS_OF - DAY, "t3")
    node = leaf(shop, {"did": "tap", "burst": {"count": 2, "in": "1h"}}, "eve")
    assert [e.event_id for e in node.events] == ["t2", "t1"]


def test_recency_shows_the_chosen_event(shop):
    shop.timezone = "Europe/Berlin"
    node = leaf(shop, {"last": {"did": "view"}, "within": "12h"})
    assert node.reason == "the last was on 2026-03-30 02:00:00 CEST"
    assert [e.event_id for e in node.events] == ["v1"]
    first = leaf(shop, {"first": {"did": "view"}, "within": "8d", "having": {"path": "/p/7"}})
    assert (first.holds, first.events[0].event_id) == (True, "v7")
    assert leaf(shop, {"last": {"did": "nothing"}}).reason == "no match"


def test_a_sequence_shows_its_chain(shop):
    steps = [{"did": "view"}, {"did": "cart", "within_next": "2h"}, {"did": "buy"}]
    node = leaf(shop, {"sequence": steps, "within": "30d"})
    assert node.reason == "came to the end, 3 steps that happened"
    assert [e.event_id for e in node.events] == ["b1", "c1", "v3"]


def test_a_sequence_that_fails_shows_how_far_it_came(shop):
    steps = [{"did": "view"}, {"did": "cart"}, {"did": "buy", "within_next": "1h"}]
    node = leaf(shop, {"sequence": steps, "within": "30d"})
    assert (node.holds, node.reason) == (False, "came to step 2 of 3 that must happen")
    assert [e.event_id for e in node.events] == ["c1", "v3"]
    never = leaf(shop, {"sequence": [{"did": "refund"}, {"did": "buy"}]})
    assert never.reason == "no event in the window meets the first step"


def test_a_sequence_of_one_item_shows_the_item(shop):
    shop.did("ann", "cart", AS_OF - 2 * DAY - HOUR, "c2", item_id="i2")
    steps = [{"did": "cart"}, {"did": "buy"}]
    node = leaf(shop, {"sequence": steps, "same": ["item_id"]})
    assert [(e.event_id, e.properties) for e in node.events] == [
        ("b1", {"item_id": "i1"}),
        ("c1", {"item_id": "i1"}),
    ]


def test_what_is_known_of_the_person(shop):
    assert leaf(shop, {"trait": "plan", "equals": "free"}).reason == "it is 'pro'"
    assert leaf(shop, {"trait": "age", "at_least": 30}).reason == "it is 33"
    assert leaf(shop, {"trait": "age", "missing": True}, "bob").reason == "it is missing"
    assert leaf(shop, {"consent": "ads"}).reason == "the state is denied"
    assert leaf(shop, {"consent": "mail"}).reason == "the state is unknown"
    assert leaf(shop, {"in_list": "vip"}).reason == "not on the list"
    assert leaf(shop, {"sample": {"percent": 100, "salt": "s"}}).reason == "in the sample"


def test_booleans_are_a_tree(shop):
    node = explain(
        shop, {"all": [{"did": "buy"}, {"none": [{"did": "view"}]}, {"not": {"any": []}}]}
    )
    where = node.members[0]
    assert (where.words, where.holds) == ("all of these:", False)
    assert [(m.words, m.holds) for m in where.members] == [
        ("has ever done buy", True),
        ("none of these:", False),
        ("not:", True),
    ]
    assert where.members[1].members[0].holds
    assert node.reason == "the condition is not true"


def test_exclusions_are_nodes_that_remove(shop):
    buyers = Segment(id="buyers", name="Buyers", where={"did": "buy"})
    seen = Segment(id="seen", name="Seen", where={"did": "view"}, exclude=["buyers"])
    both = Segment(id="both", where={"in_segment": "seen"})
    plan = shop.plan(buyers, seen, both)
    node = why(shop.engine(), plan, "seen", shop.number("ann"))
    assert (node.role, node.segment, node.holds) == ("segment", "seen", False)
    assert node.reason == "removed by Buyers"
    assert [(m.role, m.holds) for m in node.members] == [("condition", True), ("exclusion", True)]
    assert why(shop.engine(), plan, "seen", shop.number("bob")).holds
    inside = why(shop.engine(), plan, "both", shop.number("ann")).members[0].members[0]
    assert (inside.words, inside.holds) == ("Seen", False)


def test_someone_who_is_nobody_yet(shop):
    node = explain(shop, {"not": {"did": "view"}}, "cy")
    assert (node.holds, node.members) == (False, ())
    assert node.reason.startswith("not among everyone")


def test_unknown_segments_are_named(shop):
    with pytest.raises(NotFoundError, match="'missing'"):
        why(shop.engine(), shop.plan(Segment(id="a", where={"all": []})), "missing", 1)
