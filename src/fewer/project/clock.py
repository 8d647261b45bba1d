"""As at when: turning what a person wrote into one instant.

The only place below the interfaces that knows what time it is.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Final
from zoneinfo import ZoneInfo

from fewer.errors import DefinitionError, Problem
from fewer.model.condition import Did, DidNot, Last, SequenceOf, walk
from fewer.model.segment import Segment
from fewer.model.window import SECOND, Moment, from_utc_micros

NOW: Final = "now"
END: Final = "end"


def now_us() -> int:
    """This moment, in UTC microseconds."""
    return time.time_ns() // 1_000


def end_of(last_ts: int) -> int:
    """First whole second after the newest event, so that it is still read."""
    return (last_ts // SECOND + 1) * SECOND


def parse(text: str, zone: ZoneInfo, *, last_ts: int | None) -> int:
    """UTC microseconds of ``now``, ``end`` (of the data), a date or a time.

    A date means its local midnight, a time without offset is local.
    """
    if text == NOW:
        return now_us()
    if text == END:
        if last_ts is None:
            raise DefinitionError(
                [
                    Problem(
                        "no_data",
                        "There is no data yet, so it has no end.",
                        text=text,
                        hint="Run `fewer ingest` first.",
                    )
                ]
            )
        return end_of(last_ts)
    try:
        return Moment.parse(text).resolve(zone)
    except ValueError as error:
        hint = "Write 'now', 'end' (of the data), 2026-03-01 or 2026-03-01T09:30Z."
        problem = Problem("as_of_unreadable", f"{text!r} is not {error}.", text=text, hint=hint)
        raise DefinitionError([problem]) from error


@dataclass(frozen=True, slots=True)
class Staleness:
    """The data ends long before the moment asked about."""

    last_ts: int
    longest_window_us: int

    @property
    def end_us(self) -> int:
        """The moment offered instead."""
        return end_of(self.last_ts)

    @property
    def words(self) -> str:
        """What to tell a person."""
        last = from_utc_micros(self.last_ts)
        days = self.longest_window_us / (86_400 * SECOND)
        return (
            f"The newest event is from {last:%Y-%m-%d %H:%M} UTC, longer ago than the longest"
            f" window in use ({days:g} days): as at now, every recent action has passed out of"
            " its window."
        )


def reach(segment: Segment) -> int:
    """Longest relative window of a segment, in microseconds; 0 when it has none."""
    windows = [0]
    for part in walk(segment.where):
        if isinstance(part, Did | DidNot | Last | SequenceOf):
            if part.within:
                windows.append(part.within.micros)
            if part.between:
                windows.append(part.between.from_.micros)
        if isinstance(part, Did) and part.periods:
            windows.append(part.periods.each.micros * part.periods.last)
    return max(windows)


def staleness(as_of_us: int, last_ts: int | None, longest_window_us: int) -> Staleness | None:
    """Why `as_of_us` is no useful moment for this data; None when it is."""
    if last_ts is None or longest_window_us == 0 or as_of_us - last_ts <= longest_window_us:
        return None
    return Staleness(last_ts, longest_window_us)


def words(moment_us: int, zone: ZoneInfo) -> str:
    """A moment as people read it, with its zone: ``2 October 2017, 00:00 UTC``."""
    local = from_utc_micros(moment_us).astimezone(zone)
    return f"{local.day} {local:%B %Y, %H:%M} {local.tzname()}"


def day_words(moment_us: int, zone: ZoneInfo) -> str:
    """Local date of a moment as people read it: ``2 Oct 2017``."""
    local = from_utc_micros(moment_us).astimezone(zone)
    return f"{local.day} {local:%b %Y}"
