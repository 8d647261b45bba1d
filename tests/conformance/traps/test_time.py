"""Traps about time: both edges of every window, ties, and clocks that jump."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from oracle.drawn import AS_OF, at, draw, moment, stamp


class TestWindowEdges:
    """``[start, end)``: the start is in, the end is not, to the microsecond.

        -14d-1us  -14d        -7d-1us  -7d         -1us  0   +1us
    within 7d                          [-----------------)
    between          [---------------)
    """

    world = draw(
        a=[at("-14d -1us")],
        b=[at("-14d")],
        c=[at("-7d -1us")],
        d=[at("-7d")],
        e=[at("-1us")],
        f=[at("+0us")],
        g=[at("+1us")],
    )

    def test_all_kinds_of_windows(self, engine):
        windows: list[dict[str, Any]] = [
            {"within": "7d"},
            {"within": "1w"},
            {"within": "168h"},
            {"between": {"from": "14d", "to": "7d"}},
            {"since": "2026-03-24T00:00Z"},
            {"since": "2026-03-24"},
            {"until": "2026-03-24"},
            {"since": "2026-03-17", "until": "2026-03-24"},
            {"until": "2030-01-01"},
            {"since": "2026-03-30T23:59:59.999999Z", "until": "2030-01-01"},
            {"since": "2026-03-24", "until": "2026-03-17"},
            {"since": "2026-03-31"},
            {},
        ]
        expected = ["de", "de", "de", "bc", "de", "de", "abc", "bc", "abcde", "e", "", "", "abcde"]
        for head in ("did", "last", "first", "sequence"):
            inside = {"did": "view"}
            match head:
                case "did":
                    asked = [{"did": "view", **window} for window in windows]
                case "sequence":
                    asked = [{"sequence": [inside], **window} for window in windows]
                case _:
                    asked = [{head: inside, **window} for window in windows]
            assert engine.ask(self.world, *asked) == [set(names) for names in expected], head

    def test_timestamps_of_traits(self, engine):
        world = draw(
            traits={
                "a": {"t": stamp("-7d -1us")},
                "b": {"t": stamp("-7d")},
                "c": {"t": stamp("-1us")},
                "d": {"t": stamp("+0us")},
                "e": {"t": stamp("+7d -1us")},
                "f": {"t": stamp("+7d")},
            }
        )
        found = engine.ask(
            world,
            {"trait": "t", "within": "7d"},
            {"trait": "t", "within_next": "7d"},
            {"trait": "t", "before": "2026-03-24"},
            {"trait": "t", "after": "2026-03-24"},
            {"trait": "t", "after": "2026-03-24", "before": "2026-03-31T00:00:00.000001Z"},
        )
        assert found == [set("bc"), set("de"), set("a"), set("bcdef"), set("bcd")]


class TestPeriodEdges:
    """Spans of 7 days, counted back from as_of: the older edge belongs to a span.

    -14d-1us | -14d ... -7d-1us | -7d ... -1us | 0
    """

    world = draw(
        both=[at("-14d"), at("-7d")],
        newer=[at("-7d"), at("-1us")],
        older=[at("-14d"), at("-7d -1us")],
        outside=[at("-14d -1us"), at("+0us")],
    )

    def test_spans_that_hold_a_match(self, engine):
        def held(n: int) -> dict[str, Any]:
            return {"did": "view", "periods": {"each": "7d", "last": 2, "exactly": n}}

        assert engine.ask(self.world, held(0), held(1), held(2)) == [
            {"outside"},
            {"newer", "older"},
            {"both"},
        ]

    def test_many_spans_of_a_minute(self, engine):
        world = draw(ann=[at("-9999m"), at("-10000m"), at("-10000m -1us")])
        ask = {"did": "view", "periods": {"each": "1m", "last": 10_000, "exactly": 2}}
        assert engine.ask(world, ask) == [{"ann"}]


class TestBurstEdges:
    """Last minus first at most D, D included; ties are a burst of no length."""

    world = draw(
        ann=[at("-3d"), at("-2d"), at("-1d")],
        bob=[at("-3d"), at("-2d"), at("-1d +1us")],
        cy=[at("-1d", event_id=f"c{n}") for n in range(3)],
        dee=[at("-9d"), at("-1d"), at("-1d")],
    )

    def test_length(self, engine):
        def burst(count: int, span: str, **window: Any) -> dict[str, Any]:
            return {"did": "view", "burst": {"count": count, "in": span}, **window}

        assert engine.ask(
            self.world,
            burst(3, "2d"),
            burst(3, "1m"),
            burst(2, "1m"),
            burst(1, "1m"),
            burst(4, "30d"),
            burst(2, "1d", within="2d"),
            burst(1_000_000, "30d"),
        ) == [
            {"ann", "cy"},
            {"cy"},
            {"cy", "dee"},
            {"ann", "bob", "cy", "dee"},
            set(),
            {"ann", "cy", "dee"},
            set(),
        ]


class TestTies:
    """Events at one instant: `last` takes the larger id, `first` the smaller, as UTF-8 bytes.

    Ids in order of bytes: "" < "10" < "9" < "Z" < "a" < "é" < U+E000 < U+10000. In UTF-16 the
    last two change places; in a language's order "Z" comes after "a".
    """

    IDS = ("", "10", "9", "Z", "a", "é", "\ue000", "\U00010000")

    @pytest.mark.parametrize("low, high", list(pairwise(IDS)))
    def test_order_of_ids(self, engine, low, high):
        world = draw(
            ann=[at("-1d", event_id=low, is_="low"), at("-1d", event_id=high, is_="high")],
            bob=[
                at("-2d", event_id=high + "b", is_="high"),
                at("-2d", event_id=low + "b", is_="low"),
            ],
        )
        found = engine.ask(
            world,
            {"last": {"did": "view"}, "having": {"is_": "high"}},
            {"first": {"did": "view"}, "having": {"is_": "low"}},
        )
        swapped = (low + "b").encode() > (high + "b").encode()
        assert found == [{"ann"} if swapped else {"ann", "bob"}] * 2

    def test_the_chosen_event_may_lack_what_having_asks(self, engine):
        """Missing is of the chosen event: no value is taken from the event before."""
        world = draw(ann=[at("-2d", kind="hat"), at("-1d"), at("-9d")])
        found = engine.ask(
            world,
            {"last": {"did": "view"}, "having": {"kind": {"missing": True}}},
            {"last": {"did": "view"}, "having": {"kind": "hat"}},
            {"first": {"did": "view"}, "having": {"kind": {"exists": False}}},
            {
                "last": {"did": "view", "where": {"kind": {"exists": True}}},
                "having": {"kind": "hat"},
            },
        )
        assert found == [{"ann"}, set(), {"ann"}, {"ann"}]


class TestRecencyIsOfAllHistory:
    """The window is asked of the one chosen event; it does not choose it.

    ann: -60d -5d      bob: -5d      cy: -60d
    """

    world = draw(ann=[at("-60d", v=1), at("-5d", v=2)], bob=[at("-5d", v=1)], cy=[at("-60d", v=2)])

    def test_an_event_outside_the_window_is_still_the_first_or_last(self, engine):
        week, old = {"within": "7d"}, {"until": "2026-03-01"}
        view = {"did": "view"}
        one = {"did": "view", "where": {"v": 1}}
        found = engine.ask(
            self.world,
            {"first": view, **week},
            {"last": view, **old},
            {"first": view, **old},
            {"last": view, **week},
            {"first": view, **week, "having": {"v": {"exists": True}}},
            {"last": view, **old, "having": {"v": {"exists": True}}},
            {"first": one, **week},
            {"last": one, **old},
        )
        assert found == [
            {"bob"}, {"cy"}, {"ann", "cy"}, {"ann", "bob"}, {"bob"}, {"cy"}, {"bob"}, {"ann"},
        ]  # fmt: skip

    def test_asked_alone(self, engine):
        """Nothing else in the plan reads that far back: the engine must know that `first` does."""
        week = {"within": "7d"}
        assert engine.ask(self.world, {"first": {"did": "view"}, **week}) == [{"bob"}]
        having = {"having": {"v": {"exists": True}}}
        assert engine.ask(self.world, {"first": {"did": "view"}, **week, **having}) == [{"bob"}]
        assert engine.ask(self.world, {"last": {"did": "view"}, **week}) == [{"ann", "bob"}]


def clock(zone: str, day: str) -> dict[str, Any]:
    return {"timezone": zone, "as_of": moment(f"{day}T12:00:00")}


class TestDaylightSaving:
    """A local day may have 23, 25, 23.5 hours, begin at 01:00, or not be there at all.

    The instants are UTC; each table says when the local days begin.
    """

    @pytest.mark.parametrize(
        "zone, as_of, yesterday, begins, ends",
        [
            (
                "America/New_York",
                "2026-03-09",
                "2026-03-08",
                "2026-03-08T05:00",
                "2026-03-09T04:00",
            ),
            (
                "America/New_York",
                "2026-11-02",
                "2026-11-01",
                "2026-11-01T04:00",
                "2026-11-02T05:00",
            ),
            ("Europe/Berlin", "2026-03-30", "2026-03-29", "2026-03-28T23:00", "2026-03-29T22:00"),
            ("Europe/Berlin", "2026-10-26", "2026-10-25", "2026-10-24T22:00", "2026-10-25T23:00"),
            # Havana jumps from 00:00 to 01:00, and falls back from 01:00 to 00:00.
            ("America/Havana", "2026-03-09", "2026-03-08", "2026-03-08T05:00", "2026-03-09T04:00"),
            ("America/Havana", "2026-11-02", "2026-11-01", "2026-11-01T04:00", "2026-11-02T05:00"),
            # Beirut jumps from 00:00 to 01:00, and falls back from 00:00 to 23:00 on Saturday.
            ("Asia/Beirut", "2026-03-30", "2026-03-29", "2026-03-28T22:00", "2026-03-29T21:00"),
            ("Asia/Beirut", "2026-10-25", "2026-10-24", "2026-10-23T21:00", "2026-10-24T22:00"),
            # Lord Howe moves by half an hour.
            (
                "Australia/Lord_Howe",
                "2026-04-06",
                "2026-04-05",
                "2026-04-04T13:00",
                "2026-04-05T13:30",
            ),
            (
                "Australia/Lord_Howe",
                "2026-10-05",
                "2026-10-04",
                "2026-10-03T13:30",
                "2026-10-04T13:00",
            ),
            ("Asia/Kathmandu", "2026-03-02", "2026-03-01", "2026-02-28T18:15", "2026-03-01T18:15"),
        ],
    )
    def test_a_local_day(self, engine, zone, as_of, yesterday, begins, ends):
        world = draw(
            before=[at(moment(begins) - 1)],
            first=[at(moment(begins))],
            last=[at(moment(ends) - 1)],
            after=[at(moment(ends))],
            both=[at(moment(begins)), at(moment(ends) - 1)],
            two=[at(moment(begins) - 1), at(moment(begins))],
            three=[at(moment(begins) - 1), at(moment(begins)), at(moment(ends))],
        )
        when = {"timezone": zone, "as_of": moment(ends) + 12 * 3_600_000_000}
        inside = {"first", "last", "both", "two", "three"}
        found = engine.ask(
            world,
            {"did": "view", "within": "1d", "calendar": True},
            {"did": "view", "since": yesterday, "until": as_of},
            {"did": "view", "days": {"exactly": 1}},
            {"did": "view", "days": {"exactly": 2}},
            {"did": "view", "days": {"at_least": 3}},
            **when,
        )
        assert found == [inside, inside, {"before", "first", "last", "after", "both"}, {"two"},
                         {"three"}]  # fmt: skip

    def test_a_day_is_twenty_four_hours_even_so(self, engine):
        """`within: 1d` is no calendar day: at noon after the jump it starts at 11:00 local time."""
        world = draw(ann=[at("2026-03-07T16:00:00")], bob=[at("2026-03-07T15:59:59")])
        when = {"timezone": "America/New_York", "as_of": moment("2026-03-08T16:00:00")}
        assert engine.ask(world, {"did": "view", "within": "1d"}, **when) == [{"ann"}]

    def test_as_of_exactly_at_midnight_and_just_before(self, engine):
        """The day of as_of is not complete; a microsecond before midnight it is another day."""
        world = draw(
            sat=[at("2026-03-07T05:00:00")],  # local midnight of Saturday
            sun=[at("2026-03-08T05:00:00")],
            end=[at("2026-03-09T03:59:59.999999")],
        )
        ask = {"did": "view", "within": "1d", "calendar": True}
        midnight = moment("2026-03-09T04:00:00")
        new_york = {"timezone": "America/New_York"}
        assert engine.ask(world, ask, as_of=midnight, **new_york) == [{"sun", "end"}]
        assert engine.ask(world, ask, as_of=midnight - 1, **new_york) == [{"sat"}]

    def test_a_date_that_never_was(self, engine):
        """Apia had no 2011-12-30: the day before 2011-12-31 is empty, two days hold the 29th."""
        world = draw(
            d29=[at("2011-12-30T09:59:59")],
            d31=[at("2011-12-30T10:00:00")],
        )
        when = {"timezone": "Pacific/Apia", "as_of": moment("2011-12-30T20:00:00")}
        found = engine.ask(
            world,
            {"did": "view", "within": "1d", "calendar": True},
            {"did": "view", "within": "2d", "calendar": True},
            {"did": "view", "since": "2011-12-30"},
            {"did": "view", "until": "2011-12-31"},
            **when,
        )
        assert found == [set(), {"d29"}, {"d31"}, {"d29"}]

    def test_an_hour_of_sunday_that_belongs_to_saturday(self, engine):
        """St. John's fell back at 00:01 on 2010-11-07 to 23:01 of the day before.

        02:30 UTC is 00:00 on Sunday, 02:31 is 23:01 on Saturday again, 03:30 Sunday for good.
        """
        world = draw(
            one=[at("2010-11-07T02:29:59"), at("2010-11-07T02:31:00")],  # Saturday, Saturday
            two=[at("2010-11-07T02:30:30"), at("2010-11-07T02:31:00")],  # Sunday, Saturday
        )
        when = {"timezone": "America/St_Johns", "as_of": moment("2010-11-09T12:00:00")}
        days = [{"did": "view", "days": {"exactly": n}} for n in (1, 2)]
        assert engine.ask(world, *days, **when) == [{"one"}, {"two"}]

    def test_moments_without_offset(self, engine):
        """A time that happens twice is the first; one that is skipped counts on from before it."""
        berlin = clock("Europe/Berlin", "2026-11-01")
        spring = draw(ann=[at("2026-03-29T01:29:59.999999")], bob=[at("2026-03-29T01:30:00")])
        autumn = draw(ann=[at("2026-10-25T00:29:59.999999")], bob=[at("2026-10-25T00:30:00")])
        assert engine.ask(spring, {"did": "view", "since": "2026-03-29T02:30"}, **berlin) == [
            {"bob"}
        ]
        assert engine.ask(autumn, {"did": "view", "since": "2026-10-25T02:30"}, **berlin) == [
            {"bob"}
        ]

    def test_before_and_after_are_local_too(self, engine):
        world = draw(
            traits={
                "a": {"t": stamp("2026-03-29T03:59:59")},
                "b": {"t": stamp("2026-03-29T04:00:00")},
            }
        )
        when = clock("America/New_York", "2026-04-02")
        found = engine.ask(
            world,
            {"trait": "t", "before": "2026-03-29"},
            {"trait": "t", "after": "2026-03-29"},
            {"trait": "t", "after": "2026-03-29T00:00:00Z"},
            **when,
        )
        assert found == [{"a"}, {"b"}, {"a", "b"}]


class TestLongAgo:
    """Events before 1970 have negative microseconds; days and windows go on as ever."""

    def test_negative_instants(self, engine):
        when = {"timezone": "Europe/Berlin", "as_of": moment("1970-01-02T12:00:00")}
        world = draw(
            ann=[at("1969-12-30T22:59:59.999999"), at("1969-12-30T23:00:00")],
            bob=[at("1969-12-31T23:59:59"), at("1970-01-01T00:00:00")],
            cy=[at("1901-01-01T00:00:00"), at(-1), at(0)],
        )
        found = engine.ask(
            world,
            {"did": "view", "days": {"exactly": 2}},
            {"did": "view", "days": {"exactly": 1}},
            {"did": "view", "since": "1969-12-31", "until": "1970-01-01"},
            {"did": "view", "within": "37h", "count": {"exactly": 2}},
            {"did": "view", "burst": {"count": 2, "in": "1m"}},
            {"did": "view", "periods": {"each": "1d", "last": 2, "exactly": 1}},
            {"did": "view", "within": "100d", "calendar": True, "count": {"exactly": 2}},
            {"first": {"did": "view"}, "until": "1950-01-01"},
            **when,
        )
        assert found == [
            {"ann", "cy"},
            {"bob"},
            {"ann"},
            {"bob", "cy"},
            {"ann", "bob", "cy"},
            {"bob", "cy"},
            {"ann", "bob", "cy"},
            {"cy"},
        ]


class TestRowsTwice:
    """Late rows and rows in any order: what was stored when does not matter."""

    def test_order_of_rows(self, engine):
        events = [at("-3d", "view"), at("-2d", "buy"), at("-1d", "view", "z")]
        asked = [
            {"sequence": [{"did": "view"}, {"did": "buy"}, {"did": "view"}]},
            {"last": {"did": "*"}, "within": "1d"},
            {"did": "*", "burst": {"count": 2, "in": "24h"}},
        ]
        for order in (events, events[::-1], [events[1], events[2], events[0]]):
            named = [at(e.ts, e.event, f"e{e.ts}") for e in order]
            assert engine.ask(draw(ann=named), *asked) == [{"ann"}] * 3

    def test_equal_rows_with_ids_of_their_own_are_two_events(self, engine):
        """Two equal lines of a file are two events: only an id makes events one."""
        world = draw(ann=[at("-1d", v=5), at("-1d", v=5)])
        twice = {"did": "view", "sum": {"of": "v", "exactly": 10}, "within": "2d"}
        once = {"did": "view", "distinct": {"of": "v", "exactly": 1}}
        assert engine.ask(world, twice, once) == [{"ann"}, {"ann"}]

    def test_as_of_may_lie_far_from_the_data(self, engine):
        world = draw(ann=[at("-1d")])
        far = AS_OF + 200 * 365 * 86_400_000_000
        assert engine.ask(world, {"did": "view", "within": "7d"}, as_of=far) == [set()]
        long_ago = AS_OF - 200 * 365 * 86_400_000_000
        assert engine.ask(world, {"did_not": "view"}, as_of=long_ago) == [{"ann"}]
