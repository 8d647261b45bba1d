"""Who is there, and when. Rows are sentences of the specification with hand-made examples.

The instant asked about is 2026-03-31 00:00 UTC unless a row says otherwise.
"""

from __future__ import annotations

from oracle.drawn import asked, at, draw, moment, table

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
