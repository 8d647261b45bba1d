"""Durations, moments and windows: half-open, in UTC microseconds, on any local day."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from fewer.model.window import (
    DAY,
    HOUR,
    MINUTE,
    Duration,
    DurationError,
    Moment,
    MomentError,
    Windowed,
    from_utc_micros,
    local_date,
    local_midnight,
    to_utc_micros,
)

NEW_YORK, BERLIN, UTC_ZONE = map(ZoneInfo, ("America/New_York", "Europe/Berlin", "UTC"))


def utc(*parts):
    return to_utc_micros(datetime(*parts, tzinfo=UTC))


AS_OF = utc(2026, 3, 31, 12, 34, 56)


@pytest.mark.parametrize(
    "text,micros,words",
    [
        ("15m", 15 * MINUTE, "15 minutes"), ("24h", DAY, "24 hours"), ("1d", DAY, "1 day"),
        ("2w", 14 * DAY, "2 weeks"), ("1000d", 1000 * DAY, "1,000 days"), ("1h", HOUR, "1 hour"),
        ("36525d", 36_525 * DAY, "36,525 days"),
    ],
)  # fmt: skip
def test_durations(text, micros, words):
    span = Duration.parse(text)
    assert (span.micros, span.words, str(span)) == (micros, words, text)


@pytest.mark.parametrize(
    "text",
    ["", "7", "d", "0d", "-1d", "+1d", "01d", "1.5d", "7 d", "7D", "7d ", "7d\n", "1mo", "1y", "1s",
     "36526d", "\u0667d", "9" * 99 + "d"],
)  # fmt: skip
def test_what_is_no_duration(text):
    with pytest.raises(DurationError):
        Duration.parse(text)


@pytest.mark.parametrize(
    "given_as,text",
    [
        (timedelta(days=7), "7d"), (timedelta(hours=36), "36h"), (timedelta(minutes=90), "90m"),
        (timedelta(weeks=1), "7d"), (Duration(3, "w"), "3w"), ("5d", "5d"),
    ],
)  # fmt: skip
def test_python_has_more_ways_to_write_a_window(given_as, text):
    assert str(Windowed(within=given_as).within) == text


@pytest.mark.parametrize(
    "given_as", [timedelta(0), timedelta(seconds=90), timedelta(-1), 7, 7.0, True]
)
def test_and_others_that_are_refused(given_as):
    with pytest.raises(ValidationError):
        Windowed(within=given_as)


@pytest.mark.parametrize(
    "text,zone,instant",
    [
        ("2026-03-01", UTC_ZONE, utc(2026, 3, 1)),
        ("2026-03-01", NEW_YORK, utc(2026, 3, 1, 5)),
        ("2026-03-09", NEW_YORK, utc(2026, 3, 9, 4)),  # the day after clocks went forward
        ("2026-03-01T09:30", BERLIN, utc(2026, 3, 1, 8, 30)),
        ("2026-03-01 09:30:15.5", BERLIN, utc(2026, 3, 1, 8, 30, 15, 500_000)),
        ("2026-03-01T09:30Z", BERLIN, utc(2026, 3, 1, 9, 30)),
        ("2026-03-01T09:30+05:30", BERLIN, utc(2026, 3, 1, 4)),
        # clocks jump from 2 to 3: what is skipped is read with the offset before it
        ("2026-03-08T02:30", NEW_YORK, utc(2026, 3, 8, 7, 30)),
        # clocks go back from 2 to 1: the first of two
        ("2026-11-01T01:30", NEW_YORK, utc(2026, 11, 1, 5, 30)),
        ("0001-01-01", UTC_ZONE, utc(1, 1, 1)),
        ("1969-12-31T23:59:59.999999Z", UTC_ZONE, -1),
    ],
)
def test_moments(text, zone, instant):
    assert Moment.parse(text).resolve(zone) == instant
    assert str(Moment.parse(text)) == text


@pytest.mark.parametrize(
    "text",
    ["2026", "2026-3-1", "2026-02-29", "2026-13-01", "2026-03-01T", "2026-03-01T9:30", "20260301",
     "2026-03-01T25:00", "2026-03-01T09:30:60", "2026-03-01T09:30 Z", "2026-03-01T09:30+5", "now",
     "2026-03-01T09:30:15.1234567", "2026-03-01\n", "0000-01-01", "2026-03-01T09:30+99:99"],
)  # fmt: skip
def test_what_is_no_moment(text):
    with pytest.raises(MomentError):
        Moment.parse(text)


@pytest.mark.parametrize(
    "keys,start,end",
    [
        ({}, None, AS_OF),
        ({"within": "7d"}, AS_OF - 7 * DAY, AS_OF),
        ({"within": "90m"}, AS_OF - 90 * MINUTE, AS_OF),
        ({"between": {"from": "14d", "to": "7d"}}, AS_OF - 14 * DAY, AS_OF - 7 * DAY),
        ({"since": "2026-03-01"}, utc(2026, 3, 1, 5), AS_OF),
        ({"until": "2026-03-01"}, None, utc(2026, 3, 1, 5)),
        ({"since": "2026-02-01", "until": "2026-03-01"}, utc(2026, 2, 1, 5), utc(2026, 3, 1, 5)),
        ({"until": "2027-01-01"}, None, AS_OF),  # nothing at or after as_of is read
        # 1 April is not yet, 31 March is not complete: March 24 to 30, all of 24 hours
        ({"within": "7d", "calendar": True}, utc(2026, 3, 24, 4), utc(2026, 3, 31, 4)),
        # 30 days back lies before the change of clocks on March 8
        ({"within": "30d", "calendar": True}, utc(2026, 3, 1, 5), utc(2026, 3, 31, 4)),
    ],
)
def test_bounds(keys, start, end):
    assert Windowed.model_validate(keys).bounds(AS_OF, NEW_YORK) == (start, end)


def test_a_calendar_window_at_midnight_ends_there():
    midnight = utc(2026, 3, 31, 4)
    window = Windowed(within="1d", calendar=True)
    assert window.bounds(midnight, NEW_YORK) == (utc(2026, 3, 30, 4), midnight)
    assert window.bounds(midnight - 1, NEW_YORK) == (utc(2026, 3, 29, 4), utc(2026, 3, 30, 4))


@pytest.mark.parametrize(
    "day,hours", [(date(2026, 3, 8), 23), (date(2026, 11, 1), 25), (date(2026, 6, 1), 24)]
)
def test_days_may_have_23_or_25_hours(day, hours):
    following = day + timedelta(days=1)
    as_of = local_midnight(following, NEW_YORK)
    start, end = Windowed(within="1d", calendar=True).bounds(as_of, NEW_YORK)
    assert (end - start) == hours * HOUR


@pytest.mark.parametrize(
    "zone,day",
    [
        ("America/Sao_Paulo", date(2018, 11, 4)),  # midnight is skipped
        ("Asia/Beirut", date(2023, 3, 30)),
        ("America/Toronto", date(1919, 3, 31)),  # 23:30 was followed by 00:30
        ("America/Havana", date(2026, 11, 1)),  # the hour after midnight comes twice
        ("America/St_Johns", date(2010, 11, 7)),  # midnight itself comes twice
        ("Pacific/Apia", date(2011, 12, 31)),  # the day before it never was
        ("Asia/Kathmandu", date(2026, 1, 1)),
    ],
)
def test_a_local_midnight_is_the_earliest_instant_of_its_date(zone, day):
    there = ZoneInfo(zone)
    found = local_midnight(day, there)
    assert local_date(found, there) == day
    assert local_date(found - 1, there) < day


def test_a_date_begins_where_clocks_skip_its_midnight():
    toronto, sao_paulo = ZoneInfo("America/Toronto"), ZoneInfo("America/Sao_Paulo")
    assert local_midnight(date(1919, 3, 31), toronto) == utc(1919, 3, 31, 4, 30)
    assert Moment.parse("1919-03-31").resolve(toronto) == utc(1919, 3, 31, 4, 30)
    assert local_midnight(date(2018, 11, 4), sao_paulo) == utc(2018, 11, 4, 3)


@pytest.mark.parametrize(
    "zone,day,begins",
    [
        ("Pacific/Apia", date(2011, 12, 30), utc(2011, 12, 30, 10)),
        ("Pacific/Kwajalein", date(1993, 8, 21), utc(1993, 8, 21, 12)),
    ],
)
def test_a_date_that_never_was_begins_with_the_next(zone, day, begins):
    there = ZoneInfo(zone)
    following = day + timedelta(days=1)
    assert local_midnight(day, there) == local_midnight(following, there) == begins
    assert local_date(begins, there) == following
    assert local_date(begins - 1, there) == day - timedelta(days=1)


@given(
    st.datetimes(min_value=datetime(1900, 1, 1), max_value=datetime(2100, 1, 1)),
    st.sampled_from(["America/New_York", "Europe/Berlin", "Asia/Tokyo", "Australia/Lord_Howe"]),
)
def test_midnights_of_any_day(moment, zone):
    there = ZoneInfo(zone)
    found = local_midnight(moment.date(), there)
    assert local_date(found, there) == moment.date()
    assert local_date(found - 1, there) < moment.date()
    micros = to_utc_micros(moment.replace(tzinfo=UTC))
    assert to_utc_micros(from_utc_micros(micros)) == micros


@pytest.mark.parametrize(
    "keys,code",
    [
        ({"within": "7d", "since": "2026-01-01"}, "two_windows"),
        ({"within": "7d", "until": "2026-01-01"}, "two_windows"),
        ({"within": "7d", "between": {"from": "2d", "to": "1d"}}, "two_windows"),
        ({"since": "2026-01-01", "between": {"from": "2d", "to": "1d"}}, "two_windows"),
        ({"calendar": True}, "lone_calendar"),
        ({"calendar": True, "since": "2026-01-01"}, "lone_calendar"),
        ({"calendar": True, "within": "1w"}, "calendar_unit"),
        ({"between": {"from": "7d", "to": "7d"}}, "window_backwards"),
        ({"between": {"from": "1w", "to": "8d"}}, "window_backwards"),
    ],
)
def test_rules(keys, code):
    with pytest.raises(ValidationError) as caught:
        Windowed.model_validate(keys)
    assert [e["ctx"]["error"].code for e in caught.value.errors()] == [code]


def test_has_window():
    assert not Windowed().has_window
    assert Windowed(until="2026-01-01").has_window
