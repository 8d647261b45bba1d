"""Durations, instants, local days and windows, by `zoneinfo` and by search."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from fewer.model.window import Duration, Windowed

SECOND = 1_000_000
MINUTE = 60 * SECOND
LENGTHS = {"m": MINUTE, "h": 60 * MINUTE, "d": 24 * 60 * MINUTE, "w": 7 * 24 * 60 * MINUTE}
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def length(duration: Duration) -> int:
    """Microseconds: a day is 24 h, a week 7 days.

    >>> length(Duration(2, "w")) == 14 * 24 * 3600 * 1_000_000
    True
    """
    return duration.amount * LENGTHS[duration.unit]


def utc(moment: datetime) -> int:
    """UTC microseconds of a datetime with a zone."""
    return (moment - EPOCH) // timedelta(microseconds=1)


def local(us: int, zone: ZoneInfo) -> datetime:
    """What a clock on the wall shows at an instant."""
    return (EPOCH + timedelta(microseconds=us)).astimezone(zone)


@cache
def midnight(day: date, zone: ZoneInfo) -> int:
    """Earliest instant of a local date; of the date after it when the zone skipped it whole.

    Found by looking at the wall clock, minute by minute and then second by second.
    """
    earliest = utc(datetime(day.year, day.month, day.day, tzinfo=UTC)) - 16 * LENGTHS["h"]
    minutes = range(earliest, earliest + 32 * LENGTHS["h"], MINUTE)
    found = next(us for us in minutes if local(us, zone).date() >= day)
    seconds = range(found - MINUTE + SECOND, found + SECOND, SECOND)
    return next(us for us in seconds if local(us, zone).date() >= day)


def instant(text: str, zone: ZoneInfo) -> int:
    """A date is its local midnight; a time without offset is local.

    A local time that happens twice is the first of the two; one that a clock skips is read with
    the offset before the skip.
    """
    if len(text) == len("2026-03-01"):
        return midnight(date.fromisoformat(text), zone)
    moment = datetime.fromisoformat(text)
    return utc(moment if moment.tzinfo else moment.replace(tzinfo=zone, fold=0))


def window(asked: Windowed, as_of: int, zone: ZoneInfo) -> tuple[float, float]:
    """``[start, end)``. Events at or after `as_of` are never read, whatever the end."""
    if asked.calendar and asked.within:
        today = local(as_of, zone).date()
        return midnight(today - timedelta(days=asked.within.amount), zone), midnight(today, zone)
    if asked.within:
        return as_of - length(asked.within), as_of
    if asked.between:
        return as_of - length(asked.between.from_), as_of - length(asked.between.to)
    start = instant(asked.since.text, zone) if asked.since else -math.inf
    return start, instant(asked.until.text, zone) if asked.until else as_of
