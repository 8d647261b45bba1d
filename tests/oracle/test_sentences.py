"""Every sentence of the specification that says who is in, with an example worked out by hand.

A row is a sentence, a condition, who it is true for. The worlds are drawn above each table; the
instant asked about is 2026-03-31 00:00 UTC unless a row says otherwise.
"""

from __future__ import annotations

from typing import Any

import pytest

from fewer.model.segment import Segment
from oracle.drawn import AS_OF, asked, at, draw, moment, stamp
from oracle.segments import answer


def table(*rows: tuple[Any, ...]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(
        "condition, expected", [row[1:] for row in rows], ids=[row[0] for row in rows]
    )


# --------------------------------------------------------------------------- universe, booleans

CROWD = draw(
    ["ann", "nobody"],
    ann=[at("-1d")],
    bob=[at("-1us")],  # not in people, an event just before as_of
    late=[at("-0us")],  # not in people, an event exactly at as_of
    later=[at("+5d")],
    lists={"vip": ["ann", "stranger"]},
    consents={("ann", "ads"): "granted", ("bob", "ads"): "unknown", ("nobody", "ads"): "denied"},
)


@table(
    ("the universe is people, or an event before as_of", {"all": []}, {"ann", "bob", "nobody"}),
    ("an empty any is no one", {"any": []}, set()),
    ("an empty none is everyone", {"none": []}, {"ann", "bob", "nobody"}),
    ("not is the complement in the universe", {"not": {"did": "view"}}, {"nobody"}),
    (
        "all: each member is true",
        {"all": [{"did": "view"}, {"in_list": "vip"}]},
        {"ann"},
    ),
    (
        "any: some member is true",
        {"any": [{"did": "other"}, {"in_list": "vip"}, {"consent": "ads"}]},
        {"ann"},
    ),
    ("none: no member is true", {"none": [{"did": "view"}, {"did": "other"}]}, {"nobody"}),
    ("a list may name people nobody knows", {"in_list": "vip"}, {"ann"}),
    ("an unknown list is empty", {"in_list": "nope"}, set()),
    ("consent: granted only; unknown and denied are false", {"consent": "ads"}, {"ann"}),
    ("no event at or after as_of is read", {"did": "*"}, {"ann", "bob"}),
)
def test_universe_and_booleans(condition, expected):
    assert asked(condition, CROWD) == expected


# ------------------------------------------------------------------------------------- windows

EDGES = draw(
    old=[at("-7d -1us")],
    start=[at("-7d")],
    end=[at("-1us")],
    half=[at("-84h")],
    future=[at("+0us")],
)


@table(
    ("within reads [as_of - D, as_of)", {"did": "view", "within": "7d"}, {"start", "half", "end"}),
    (
        "between reads [as_of - from, as_of - to)",
        {"did": "view", "between": {"from": "7d", "to": "84h"}},
        {"start"},
    ),
    ("no window is all history", {"did": "view"}, {"old", "start", "half", "end"}),
    ("a week is 7 days", {"did": "view", "within": "1w"}, {"start", "half", "end"}),
    ("a day is 24 h", {"did": "view", "within": "168h"}, {"start", "half", "end"}),
    ("since is included", {"did": "view", "since": "2026-03-24"}, {"start", "half", "end"}),
    ("until is not", {"did": "view", "until": "2026-03-24"}, {"old"}),
    (
        "an offset is kept",
        {"did": "view", "since": "2026-03-24T01:00+01:00", "until": "2026-03-24T00:00:00.000001Z"},
        {"start"},
    ),
    (
        "an until after as_of still reads nothing at as_of",
        {"did": "view", "since": "2026-03-30T23:59:59.999999", "until": "2027-01-01"},
        {"end"},
    ),
    (
        "calendar reads complete local days",
        {"did": "view", "within": "7d", "calendar": True},
        {"start", "half", "end"},
    ),
)
def test_windows(condition, expected):
    assert asked(condition, EDGES) == expected


def test_calendar_days_are_local_and_may_have_23_hours():
    """New York leaves winter time on 2026-03-08: that day runs from 05:00 to 04:00 UTC."""
    world = draw(
        before=[at("2026-03-08T04:59:59.999999")],
        start=[at("2026-03-08T05:00:00")],
        end=[at("2026-03-09T03:59:59.999999")],
        after=[at("2026-03-09T04:00:00")],
    )
    yesterday = {"did": "view", "within": "1d", "calendar": True}
    found = asked(
        yesterday, world, as_of=moment("2026-03-09T15:00:00"), timezone="America/New_York"
    )
    assert found == {"start", "end"}


def test_a_skipped_midnight_is_the_instant_the_clock_jumps():
    """Havana jumps from 00:00 to 01:00 on 2026-03-08: the day starts at 05:00 UTC."""
    world = draw(saturday=[at("2026-03-08T04:59:59.999999")], sunday=[at("2026-03-08T05:00:00")])
    options = {"as_of": moment("2026-03-10T00:00:00"), "timezone": "America/Havana"}
    assert asked({"did": "view", "since": "2026-03-08"}, world, **options) == {"sunday"}


def test_a_repeated_midnight_is_the_earlier_one():
    """Havana falls back from 01:00 to 00:00 on 2026-11-01: midnight is 04:00 and 05:00 UTC."""
    world = draw(saturday=[at("2026-11-01T03:59:59")], sunday=[at("2026-11-01T04:00:00")])
    options = {"as_of": moment("2026-11-03T00:00:00"), "timezone": "America/Havana"}
    assert asked({"did": "view", "since": "2026-11-01"}, world, **options) == {"sunday"}


def test_a_time_without_offset_is_local():
    """09:30 in Berlin's summer is 07:30 UTC; 02:30 of 2026-10-25 happens twice, first at 00:30."""
    world = draw(a=[at("2026-03-29T07:29:59")], b=[at("2026-03-29T07:30:00")])
    berlin = {"timezone": "Europe/Berlin", "as_of": moment("2026-11-01T00:00:00")}
    assert asked({"did": "view", "since": "2026-03-29T09:30"}, world, **berlin) == {"b"}
    world = draw(a=[at("2026-10-25T00:29:59")], b=[at("2026-10-25T00:30:00")])
    assert asked({"did": "view", "since": "2026-10-25 02:30"}, world, **berlin) == {"b"}


# ---------------------------------------------------------------------- behaviours and measures

SHOP = draw(
    none=[],
    one=[at("-3d", "buy", value=10, item="a", kind="x")],
    two=[at("-3d", "buy", value=10, item="a"), at("-2d", "buy", value=-4.5, item="b", kind="x")],
    text=[at("-1d", "buy", value="10", item=1), at("-1d", "buy", item="1")],
    view=[at("-1d", "view", value=3)],
)


@table(
    ("a name", {"did": "view"}, {"view"}),
    ("a list of names", {"did": ["view", "buy"]}, {"one", "two", "text", "view"}),
    ("'*' is any event", {"did": "*"}, {"one", "two", "text", "view"}),
    ("without a measure: at least one", {"did": "buy"}, {"one", "two", "text"}),
    ("count", {"did": "buy", "count": {"at_least": 2}}, {"two", "text"}),
    (
        "at_most includes people with none",
        {"did": "buy", "count": {"at_most": 1}},
        {"none", "one", "view"},
    ),
    (
        "both ends of between are in",
        {"did": "buy", "count": {"between": [1, 2]}},
        {"one", "two", "text"},
    ),
    ("all bounds must hold", {"did": "buy", "count": {"more_than": 0, "less_than": 2}}, {"one"}),
    ("did_not is exactly 0", {"did_not": "buy"}, {"none", "view"}),
    (
        "did_not takes where and window",
        {"did_not": "buy", "where": {"item": "a"}, "within": "60h"},
        {"none", "one", "two", "text", "view"},
    ),
    (
        "every entry of where must hold for the same event",
        {"did": "buy", "where": {"item": "a", "kind": "x"}},
        {"one"},
    ),
    ("a bare list means in", {"did": "buy", "where": {"item": ["b", "1"]}}, {"two", "text"}),
    ("distinct values", {"did": "buy", "distinct": {"of": "item", "exactly": 2}}, {"two", "text"}),
    (
        "distinct skips missing",
        {"did": "buy", "distinct": {"of": "kind", "exactly": 1}},
        {"one", "two"},
    ),
    (
        "distinct of no events is 0",
        {"did": "buy", "distinct": {"of": "kind", "exactly": 0}},
        {"none", "text", "view"},
    ),
    ("sum", {"did": "buy", "sum": {"of": "value", "exactly": 5.5}}, {"two"}),
    (
        "sum of nothing numeric is 0",
        {"did": "buy", "sum": {"of": "value", "exactly": 0}},
        {"none", "text", "view"},
    ),
    ("mean", {"did": "buy", "mean": {"of": "value", "exactly": 2.75}}, {"two"}),
    (
        "mean of nothing is false",
        {"did": "buy", "mean": {"of": "value", "at_most": 1000}},
        {"one", "two"},
    ),
    ("min", {"did": "buy", "min": {"of": "value", "less_than": 0}}, {"two"}),
    ("max", {"did": "buy", "max": {"of": "value", "at_most": 10}}, {"one", "two"}),
    ("share", {"did": "buy", "share": {"where": {"kind": "x"}, "exactly": 0.5}}, {"two"}),
    (
        "share of nothing is false",
        {"did": "buy", "share": {"where": {"kind": "x"}, "at_most": 1}},
        {"one", "two", "text"},
    ),
)
def test_behaviours(condition, expected):
    assert asked(condition, SHOP) == expected


def test_a_mean_is_compared_without_rounding():
    """The mean of 0, 0 and 0.000001 is a third of a micro-unit: above 0, below 0.000001."""
    world = draw(ann=[at("-1d", v=0), at("-2d", v=0), at("-3d", v=0.000001)])
    assert asked({"did": "view", "mean": {"of": "v", "more_than": 0}}, world) == {"ann"}
    assert asked({"did": "view", "mean": {"of": "v", "less_than": 0.000001}}, world) == {"ann"}
    assert asked({"did": "view", "mean": {"of": "v", "exactly": 0}}, world) == set()


def test_days_are_local_calendar_days():
    """23:30 and 00:30 in New York are one UTC day and two local ones."""
    world = draw(ann=[at("2026-03-30T03:30:00"), at("2026-03-30T04:30:00")])
    days = {"did": "view", "days": {"exactly": 2}}
    assert asked(days, world) == set()
    assert asked(days, world, timezone="America/New_York") == {"ann"}


PERIODS = draw(
    weekly=[at("-1d"), at("-8d"), at("-15d")],
    edge=[at("-7d"), at("-14d"), at("-14d -1us")],
    burst=[at("-1d"), at("-1d"), at("-2d")],
)


@table(
    (
        "spans that hold a match",
        {"periods": {"each": "7d", "last": 3, "exactly": 3}},
        {"weekly", "edge"},
    ),
    (
        "only the last M spans",
        {"periods": {"each": "7d", "last": 2, "exactly": 2}},
        {"weekly", "edge"},
    ),
    (
        "a span starts with its older edge",
        {"periods": {"each": "7d", "last": 1, "exactly": 1}},
        {"weekly", "edge", "burst"},
    ),
    (
        "of no events 0",
        {"where": {"x": 1}, "periods": {"each": "7d", "last": 1, "exactly": 0}},
        {"weekly", "edge", "burst"},
    ),
    ("burst: last minus first at most D", {"burst": {"count": 3, "in": "24h"}}, {"burst"}),
    ("burst of ties", {"burst": {"count": 2, "in": "1m"}}, {"edge", "burst"}),
    ("a window cuts a burst", {"within": "36h", "burst": {"count": 3, "in": "24h"}}, set()),
)
def test_periods_and_bursts(condition, expected):
    assert asked({"did": "view", **condition}, PERIODS) == expected


# ------------------------------------------------------------------------------------- recency

TIES = draw(
    none=[at("-1d", "other")],
    ann=[at("-40d", "buy", "e2", kind="shoes"), at("-40d", "buy", "e10", kind="hats")],
    bob=[at("-90d", "buy", kind="hats"), at("-10d", "buy", kind="shoes")],
)


@table(
    (
        "last lies in the window",
        {"last": {"did": "buy"}, "between": {"from": "60d", "to": "30d"}},
        {"ann"},
    ),
    ("first lies in the window", {"first": {"did": "buy"}, "within": "60d"}, {"ann"}),
    ("without a window: any match", {"last": {"did": "buy"}}, {"ann", "bob"}),
    (
        "last of a tie: the larger id, as bytes",
        {"last": {"did": "buy"}, "having": {"kind": "shoes"}},
        {"ann", "bob"},
    ),
    (
        "first of a tie: the smaller id, as bytes",
        {"first": {"did": "buy"}, "having": {"kind": "hats"}},
        {"ann", "bob"},
    ),
    (
        "where picks which events count",
        {"last": {"did": "buy", "where": {"kind": "hats"}}, "within": "60d"},
        {"ann"},
    ),
    (
        "having is asked of the chosen event only",
        {"first": {"did": "buy"}, "having": {"kind": "shoes"}},
        set(),
    ),
    (
        "no match: false, and its negation true",
        {"not": {"last": {"did": "buy"}, "within": "1d"}},
        {"none", "ann", "bob"},
    ),
)
def test_recency(condition, expected):
    assert asked(condition, TIES) == expected


# ------------------------------------------------------------------------------------ sequences

STEPS = draw(
    same=[at("-5d", "cart"), at("-5d", "buy")],  # at the same instant
    edge=[at("-5d", "cart"), at("-3d", "buy")],  # exactly 2 days later
    late=[at("-5d", "cart"), at("-3d +1us", "buy")],
    again=[at("-9d", "cart"), at("-5d", "cart"), at("-4d", "buy")],
    back=[at("-5d", "buy"), at("-4d", "cart")],
    young=[at("-2d", "cart")],  # 2 days end exactly at as_of
    left=[at("-2d -1us", "cart")],
)
CART = {"did": "cart"}


@table(
    (
        "0 < t2 - t1 <= D",
        {"sequence": [CART, {"did": "buy", "within_next": "2d"}]},
        {"edge", "again"},
    ),
    (
        "no within_next: any later time",
        {"sequence": [CART, {"did": "buy"}]},
        {"edge", "late", "again"},
    ),
    ("all in the window", {"sequence": [CART, {"did": "buy"}], "within": "4d"}, set()),
    ("each strictly later", {"sequence": [CART, CART]}, {"again"}),
    ("one step is a behaviour", {"sequence": [CART], "within": "2d"}, {"young"}),
    (
        "absent: no match in (t, t + D]; the span has fully passed",
        {"sequence": [CART, {"did_not": "buy", "within_next": "2d"}]},
        {"same", "late", "again", "back", "left"},
    ),
    (
        "an absent span may reach past the window's end",
        {
            "sequence": [CART, {"did_not": "buy", "within_next": "2d"}],
            "between": {"from": "5d", "to": "4d"},
        },
        {"same", "late"},
    ),
    (
        "the step after an absent one is measured from the last present step",
        {
            "sequence": [
                CART,
                {"did_not": "buy", "within_next": "1d"},
                {"did": "buy", "within_next": "2d"},
            ]
        },
        {"edge"},
    ),
)
def test_sequences(condition, expected):
    assert asked(condition, STEPS) == expected


AGREE = draw(
    agree=[at("-5d", "view", item_id="a"), at("-4d", "buy", item_id="a")],
    other=[at("-5d", "view", item_id="a"), at("-4d", "buy", item_id="b")],
    typed=[at("-5d", "view", item_id="1"), at("-4d", "buy", item_id=1)],
    missing=[at("-5d", "view"), at("-4d", "buy")],
)


@table(
    ("present steps agree", {"sequence": [{"did": "view"}, {"did": "buy"}]}, {"agree"}),
    (
        "absent counts only events with that value, and missing agrees with nothing",
        {"sequence": [{"did": "view"}, {"did_not": "buy", "within_next": "2d"}]},
        {"other", "typed"},
    ),
    (
        "one step: the value must be there",
        {"sequence": [{"did": "view"}]},
        {"agree", "other", "typed"},
    ),
)
def test_same(condition, expected):
    assert asked({**condition, "same": ["item_id"]}, AGREE) == expected


def test_sessions_end_with_a_gap_of_thirty_minutes():
    """Any event keeps a session open; a gap of exactly 30 minutes ends it."""
    world = draw(
        short=[at("-60m", "view"), at("-30m -1us", "buy")],
        exact=[at("-60m", "view"), at("-30m", "buy")],
        kept=[at("-60m", "view"), at("-45m", "ping"), at("-20m", "buy")],
        elsewhere=[at("-60m", "view", session_id="s"), at("-10m", "buy", session_id="s")],
    )
    bought = {"sequence": [{"did": "view"}, {"did": "buy"}], "same": ["session_id"]}
    assert asked(bought, world) == {"short", "kept"}
    left = [{"did": "view"}, {"did_not": "buy", "within_next": "59m"}]
    absent = {"sequence": left, "same": ["session_id"]}
    assert asked(absent, world) == {"exact", "elsewhere"}
    assert asked(bought, world, session_gap="31m") == {"short", "exact", "kept"}


# ----------------------------------------------------------------------------------- predicates

VALUES = draw(
    traits={
        "none": {},
        "empty": {"v": ""},
        "null": {"v": "null"},
        "five": {"v": 5},
        "text5": {"v": "5"},
        "yes": {"v": True},
        "one": {"v": 1},
        "soon": {"v": stamp("+0us")},
        "shoes": {"v": "Wear > Shoes"},
        "shoestring": {"v": "Wear > Shoestrings"},
    }
)
EVERYONE = set(VALUES.persons.values())


@table(
    ("exists", {"exists": True}, EVERYONE - {"none"}),
    ("exists: false", {"exists": False}, {"none"}),
    ("missing: an empty text is a value", {"missing": True}, {"none"}),
    ("missing: false", {"missing": False}, EVERYONE - {"none"}),
    ("equals: no casts", {"equals": 5}, {"five"}),
    ("equals: true is not 1", {"equals": True}, {"yes"}),
    ("equals: the text null", {"equals": "null"}, {"null"}),
    ("equals: the empty text", {"equals": ""}, {"empty"}),
    ("not_equals: neither missing nor another type", {"not_equals": 5}, {"one"}),
    ("not_equals: of text", {"not_equals": "5"}, {"empty", "null", "shoes", "shoestring"}),
    ("in", {"in": [1, 5]}, {"five", "one"}),
    ("not_in", {"not_in": ["", "5"]}, {"null", "shoes", "shoestring"}),
    ("numbers", {"at_least": 1, "less_than": 5}, {"one"}),
    ("more_than, at_most", {"more_than": 1, "at_most": 5}, {"five"}),
    ("between has both ends", {"between": [1, 5]}, {"five", "one"}),
    ("a negated bound still needs a number", {"at_most": 100}, {"five", "one"}),
    ("contains", {"contains": "hoes"}, {"shoes", "shoestring"}),
    ("starts_with", {"starts_with": "Wear"}, {"shoes", "shoestring"}),
    ("ends_with is case-sensitive", {"ends_with": "shoes"}, set()),
    ("ignore_case", {"ends_with": "shoes", "ignore_case": True}, {"shoes"}),
    ("under: equal or below", {"under": "Wear > Shoes"}, {"shoes"}),
    ("under: below", {"under": "Wear"}, {"shoes", "shoestring"}),
    ("under: not a part of a name", {"under": "Wea"}, set()),
    ("matches is unanchored", {"matches": "r > Sho?es$"}, {"shoes"}),
    ("matches: $ is the end", {"matches": "^.{0,4}$"}, {"empty", "null", "text5"}),
    ("before: earlier than", {"before": "2026-03-31"}, set()),
    ("before", {"before": "2026-03-31T00:00:00.000001"}, {"soon"}),
    ("after: at or later than", {"after": "2026-03-31"}, {"soon"}),
    ("within: before as_of", {"within": "1d"}, set()),
    ("within_next: as_of is in it", {"within_next": "1d"}, {"soon"}),
    ("several must all hold", {"exists": True, "starts_with": "n"}, {"null"}),
)
def test_predicates(condition, expected):
    assert asked({"trait": "v", **condition}, VALUES) == expected


def test_timestamps_have_half_open_windows():
    world = draw(
        traits={
            "start": {"at": stamp("-1d")},
            "older": {"at": stamp("-1d -1us")},
            "last": {"at": stamp("+1d -1us")},
            "past": {"at": stamp("+1d")},
        }
    )
    assert asked({"trait": "at", "within": "1d"}, world) == {"start"}
    assert asked({"trait": "at", "within_next": "1d"}, world) == {"last"}


@pytest.mark.parametrize(
    "value, pattern, ignore_case, expected",
    [
        ("İstanbul", "istanbul", True, True),  # İ -> i
        ("ΟΔΟΣ", "οδοσ", True, True),  # Σ -> σ, also at the end of a word
        ("οδος", "οδοσ", True, False),  # ς is lower case already
        ("ẞ", "ß", True, True),
        ("SS", "ß", True, False),  # simple mapping: one character for one
        ("ABC", "^[A-C]+$", True, True),
        ("٣", r"\d", False, False),  # ASCII digits only
        ("é", r"\w", False, False),
        ("\u00a0", r"\s", False, False),
        ("\n", ".", False, False),
        ("a\n", "a$", False, False),  # $ is the end of the text, not of the line
        ("a\nb", "^b", False, False),
        ("a-b", r"^[\w-]+$", False, True),
        ("a]b", r"a[\]]b", False, True),
        ("aab", "^(a|b){3}$", False, True),
        ("aab", "^a{3,}", False, False),
        ("x", r"[^\d\s]", False, True),
    ],
)
def test_patterns(value, pattern, ignore_case, expected):
    world = draw(traits={"ann": {"v": value}})
    test = {"trait": "v", "matches": pattern, "ignore_case": ignore_case}
    assert asked(test, world) == ({"ann"} if expected else set())


def test_item_attributes_are_joined_through_a_text_item_id():
    world = draw(
        ann=[at("-1d", item_id="1")],
        number=[at("-1d", item_id=1)],
        unknown=[at("-1d", item_id="2")],
        items={"1": {"category": "a > b"}},
    )
    assert asked({"did": "view", "where": {"item.category": {"under": "a"}}}, world) == {"ann"}
    gone = {"did": "view", "where": {"item.category": {"missing": True}}}
    assert asked(gone, world) == {"number", "unknown"}


# ------------------------------------------------------------------------------- samples, segments


@pytest.mark.parametrize(
    "percent, expected",
    [
        (0, set()),
        (19.47618, set()),
        (19.476181, {"bob"}),
        (52.924449, {"bob"}),
        (52.92445, {"ann", "bob"}),
        (100, {"ann", "bob"}),
    ],
)
def test_a_sample_is_a_published_hash(percent, expected):
    """`printf s:ann | sha256sum` starts 877c913225bd0f07, s:bob 31dbe8ca999c2d85.

    Over 2^64 that is 0.5292444... and 0.1947618...
    """
    world = draw(ann=[], bob=[])
    assert asked({"sample": {"percent": percent, "salt": "s"}}, world) == expected


def _segments(*written: dict[str, Any]) -> list[Segment]:
    return [Segment.model_validate(one) for one in written]


SETS = draw(
    traits={name: {"n": n} for n, name in enumerate(["zero", "one", "two", "three"])},
)


def _answer(*written: dict[str, Any], default_exclude: tuple[str, ...] = ()):
    found = answer(_segments(*written), SETS, as_of_us=AS_OF, default_exclude=default_exclude)
    names = SETS.persons

    def named(sets):
        return {id_: {names[p] for p in people} for id_, people in sets.items()}

    return named(found.matched), named(found.members)


def _above(id_: str, n: int, **keys: Any) -> dict[str, Any]:
    return {"id": id_, "where": {"trait": "n", "at_least": n}, **keys}


def test_members_are_where_less_every_exclusion():
    matched, members = _answer(
        _above("big", 2),
        _above("biggest", 3),
        _above("a", 1, exclude=["big"]),
        _above("b", 0, exclude=["biggest", "a"]),  # a's exclusions apply to a before
    )
    assert matched["a"] == {"one", "two", "three"}
    assert members["a"] == {"one"}
    assert members["b"] == {"zero", "two"}


def test_in_segment_means_members_and_not_matches():
    _, members = _answer(
        _above("big", 2), _above("a", 1, exclude=["big"]), {"id": "b", "where": {"in_segment": "a"}}
    )
    assert members["b"] == {"one"}


def test_default_exclusions_spare_themselves_and_who_refuses_them():
    _, members = _answer(
        _above("big", 2),
        _above("small", 0),
        _above("whole", 0, exclude_defaults=False),
        default_exclude=("big",),
    )
    assert members == {
        "big": {"two", "three"},
        "small": {"zero", "one"},
        "whole": {"zero", "one", "two", "three"},
    }


def test_variants_replace_the_only_window_or_the_marked_ones():
    world = draw(ann=[at("-1d")], bob=[at("-5d")], cy=[at("-20d"), at("-5d", "buy")])
    segments = _segments(
        {
            "id": "hot",
            "where": {"all": [{"did": "view", "within": "2d"}, {"did_not": "sell"}]},
            "variants": {"lookback": ["7d", "30d"]},
        },
        {
            "id": "marked",
            "where": {
                "all": [
                    {"did": "view", "within": "2d", "lookback": True},
                    {"did_not": "buy", "within": "2d"},
                ]
            },
            "variants": {"lookback": ["30d"]},
        },
        {"id": "ref", "where": {"in_segment": "hot@7d"}},
    )
    found = answer(segments, world, as_of_us=AS_OF).members
    names = {id_: {world.persons[p] for p in people} for id_, people in found.items()}
    assert names == {
        "hot": {"ann"},
        "hot@7d": {"ann", "bob"},
        "hot@30d": {"ann", "bob", "cy"},
        "marked": {"ann"},
        "marked@30d": {"ann", "bob", "cy"},
        "ref": {"ann", "bob"},
    }
