"""What people did. Rows are sentences of the specification with hand-made examples.

The instant asked about is 2026-03-31 00:00 UTC unless a row says otherwise.
"""

from __future__ import annotations

from oracle.drawn import asked, at, draw, table

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
