"""Time, resolved once: windows and local days become integers before any engine sees them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import MAXYEAR, MINYEAR, UTC, datetime, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from fewer.model.window import (
    DAY,
    Duration,
    Moment,
    Windowed,
    from_utc_micros,
    local_date,
    to_utc_micros,
)

_EARLIEST: Final = -62_135_596_800_000_000  # year 1, the first that Python's calendar has
_MICROSECOND: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Window:
    """``[start, end)`` in UTC microseconds; a start of None means all history."""

    start: int | None
    end: int

    @property
    def is_empty(self) -> bool:
        """Whether no instant can lie in it."""
        return self.start is not None and self.start >= self.end


NEVER: Final = Window(0, 0)
"""The window that holds nothing; every empty window is normalised to it."""


@dataclass(frozen=True, slots=True)
class Clock:
    """The moment of evaluation and the project's time zone."""

    as_of_us: int
    zone: ZoneInfo

    def window(self, windowed: Windowed) -> Window:
        """Window of a condition."""
        return _normal(*windowed.bounds(self.as_of_us, self.zone))

    def back(self, span: Duration, times: int = 1) -> Window:
        """``[as_of - times * span, as_of)``."""
        start = self.as_of_us - times * span.micros
        return Window(start if start > _EARLIEST else None, self.as_of_us)

    def instant(self, moment: Moment) -> int:
        """UTC microseconds of a moment as written."""
        return moment.resolve(self.zone)


def _normal(start: int | None, end: int) -> Window:
    window = Window(start, end)
    return NEVER if window.is_empty else window


@dataclass(frozen=True, slots=True)
class Offset:
    """From `since` on (UTC micros), local time is UTC plus `micros`."""

    since: int
    micros: int


def offsets(zone: ZoneInfo, start_us: int, end_us: int) -> tuple[Offset, ...]:
    """UTC offsets in force between two instants, oldest first; each to the second.

    The first has the offset at `start_us` and holds for everything before the second.

    >>> from fewer.model.window import Moment
    >>> start, end = (Moment(d).resolve(ZoneInfo("UTC")) for d in ("2026-01-01", "2026-06-01"))
    >>> [o.micros // 3_600_000_000 for o in offsets(ZoneInfo("Europe/Berlin"), start, end)]
    [1, 2]
    """
    start_us = max(start_us, _EARLIEST + DAY)
    found = [Offset(start_us, _offset(zone, start_us))]
    for year in range(local_date(start_us, zone).year - 1, local_date(end_us, zone).year + 2):
        found += [o for o in _changes(zone, year) if start_us < o.since <= end_us]
    return tuple(found)


@lru_cache(maxsize=1_024)
def _changes(zone: ZoneInfo, year: int) -> tuple[Offset, ...]:
    """Changes of the offset in one year of UTC."""
    if not MINYEAR < year < MAXYEAR:
        return ()
    at, end = (to_utc_micros(datetime(y, 1, 1, tzinfo=UTC)) for y in (year, year + 1))
    found = []
    known = _offset(zone, at)
    while at < end:
        following = min(at + DAY // 2, end)  # no zone ever changed twice within half a day
        micros = _offset(zone, following)
        if micros != known:
            found.append(Offset(_change(zone, at, following), micros))
            known = micros
        at = following
    return tuple(found)


def _offset(zone: ZoneInfo, instant: int) -> int:
    offset = from_utc_micros(instant).astimezone(zone).utcoffset()
    return offset // _MICROSECOND if offset is not None else 0


def _change(zone: ZoneInfo, before: int, after: int) -> int:
    """First instant in ``(before, after]`` whose offset is that of `after`."""
    target = _offset(zone, after)
    while after - before > 1:
        middle = (before + after) // 2
        if _offset(zone, middle) == target:
            after = middle
        else:
            before = middle
    return after
