"""Durations, moments and windows: how far back from a moment an action still counts.

Every window is half-open, ``[start, end)``, in UTC microseconds, so that daily runs neither
skip nor count twice an event on the boundary. Nothing else does calendar arithmetic.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any, Final, Self
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema, model_validator

from fewer.model.base import Frozen, RuleError

SECOND: Final = 1_000_000
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR
WEEK: Final = 7 * DAY
_UNITS: Final = {"m": MINUTE, "h": HOUR, "d": DAY, "w": WEEK}
_WORDS: Final = {"m": "minute", "h": "hour", "d": "day", "w": "week"}
_LONGEST: Final = 36_525 * DAY  # a century: far beyond any behaviour, and sums stay in 64 bits
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

DURATION = r"^[1-9][0-9]*[mhdw]$"
MOMENT = (
    r"^(\d{4})-(\d{2})-(\d{2})"
    r"(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,6}))?)?(Z|[+-]\d{2}:\d{2})?)?$"
)


class DurationError(ValueError):
    """Not a duration; the message says what was expected."""


class MomentError(ValueError):
    """Not a date or time; the message says what was expected."""


@dataclass(frozen=True, slots=True)
class Duration:
    """A positive span of time: a whole number of minutes, hours, 24-hour days or 7-day weeks.

    >>> Duration.parse("2w").micros == 14 * DAY, str(Duration(7, "d")), Duration(1, "d").words
    (True, '7d', '1 day')
    """

    amount: int
    unit: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``15m``, ``24h``, ``7d`` or ``2w``; raise ValueError for anything else."""
        if not re.fullmatch(DURATION[1:-1], text, re.ASCII):
            msg = "a duration: a positive whole number and m, h, d or w, such as 15m, 24h, 7d, 2w"
            raise DurationError(msg)
        span = cls(int(text[:-1]), text[-1])
        if span.micros > _LONGEST:
            msg = "a duration of at most 100 years"
            raise DurationError(msg)
        return span

    @property
    def micros(self) -> int:
        """Length in microseconds."""
        return self.amount * _UNITS[self.unit]

    @property
    def words(self) -> str:
        """Length as people say it."""
        return f"{self.amount:,} {_WORDS[self.unit]}{'' if self.amount == 1 else 's'}"

    def __str__(self) -> str:
        return f"{self.amount}{self.unit}"


def _duration(value: Any) -> Duration:
    if isinstance(value, Duration):
        return value
    if isinstance(value, timedelta):
        return _from_timedelta(value)
    if not isinstance(value, str):
        msg = "a duration such as 15m, 24h, 7d or 2w"
        raise DurationError(msg)
    return Duration.parse(value)


def _from_timedelta(value: timedelta) -> Duration:
    micros = value // timedelta(microseconds=1)
    for unit, size in (("d", DAY), ("h", HOUR), ("m", MINUTE)):
        if micros > 0 and micros % size == 0:
            return Duration.parse(f"{micros // size}{unit}")
    msg = "a positive duration of whole minutes"
    raise DurationError(msg)


Span = Annotated[
    Duration,
    BeforeValidator(_duration),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": "string", "pattern": DURATION, "examples": ["7d", "24h"]}),
]
"""A duration field of a model, written ``7d``."""


@dataclass(frozen=True, slots=True)
class Moment:
    """An absolute date or time as written; `resolve` says which instant it is in a time zone.

    >>> Moment.parse("2026-03-01").resolve(ZoneInfo("Europe/Berlin"))
    1772319600000000
    """

    text: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read an ISO date or date-time, with or without offset; ValueError otherwise."""
        if not re.fullmatch(MOMENT[1:-1], text, re.ASCII):
            msg = "a date or time, such as 2026-03-01, 2026-03-01T09:30 or 2026-03-01T09:30Z"
            raise MomentError(msg)
        try:
            cls(text).resolve(ZoneInfo("UTC"))
        except (ValueError, OverflowError):
            msg = "a date or time that exists in the calendar"
            raise MomentError(msg) from None
        return cls(text)

    def resolve(self, zone: ZoneInfo) -> int:
        """UTC microseconds: a date is its local midnight, a time without offset is local.

        A local time that happens twice means the first; one that is skipped means the
        instant of the skip's end, measured with the offset before it.
        """
        if len(self.text) == len("2026-03-01"):
            return local_midnight(date.fromisoformat(self.text), zone)
        moment = datetime.fromisoformat(self.text)
        return to_utc_micros(moment if moment.tzinfo else moment.replace(tzinfo=zone, fold=0))

    def __str__(self) -> str:
        return self.text


def _moment(value: Any) -> Moment:
    if isinstance(value, Moment):
        return value
    if isinstance(value, date):  # a datetime is a date
        return Moment.parse(value.isoformat())
    if not isinstance(value, str):
        msg = "a date or time such as 2026-03-01 or 2026-03-01T09:30Z"
        raise MomentError(msg)
    return Moment.parse(value)


At = Annotated[
    Moment,
    BeforeValidator(_moment),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": "string", "pattern": MOMENT, "examples": ["2026-03-01"]}),
]
"""An absolute date or time field of a model."""


def to_utc_micros(moment: datetime) -> int:
    """UTC microseconds since 1970 of an aware datetime."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def from_utc_micros(micros: int) -> datetime:
    """Aware UTC datetime of microseconds since 1970."""
    return _EPOCH + timedelta(microseconds=micros)


def local_midnight(day: date, zone: ZoneInfo) -> int:
    """Earliest instant of a local date, in UTC microseconds; of the next one if it was skipped.

    >>> local_midnight(date(2026, 3, 1), ZoneInfo("UTC"))
    1772323200000000
    """
    midnight = datetime(day.year, day.month, day.day, tzinfo=zone, fold=0)
    first, other = to_utc_micros(midnight), to_utc_micros(midnight.replace(fold=1))
    if first <= other:
        return first
    # Midnight is skipped. Measured with the offsets after and before, it lies on both sides of
    # the change of clocks, and that is where the date begins: 23:30 may be followed by 00:30.
    skip = range(other, first)
    return other + bisect_left(skip, True, key=lambda micros: local_date(micros, zone) >= day)


def local_date(micros: int, zone: ZoneInfo) -> date:
    """Local calendar date of an instant."""
    return from_utc_micros(micros).astimezone(zone).date()


class Between(Frozen):
    """A window that ends before now: ``{from: 14d, to: 7d}`` is 14 to 7 days ago."""

    from_: Span = Field(alias="from", description="Older end, measured back from as_of.")
    to: Span = Field(description="Newer end, measured back from as_of.")

    @model_validator(mode="after")
    def _older_first(self) -> Self:
        if self.from_.micros <= self.to.micros:
            raise RuleError(
                "window_backwards",
                "'from' is the older end and must be longer than 'to',"
                f" not {self.from_} to {self.to}.",
                key="from",
                hint=f"Write {{from: {self.to}, to: {self.from_}}}."
                if self.from_ != self.to
                else "",
            )
        return self


WINDOWS: Final = ("within", "between", "since", "until")


class Windowed(Frozen):
    """Keys that say which time counts. Without any: all history before as_of."""

    within: Span | None = Field(None, description="The last so long: [as_of - within, as_of).")
    between: Between | None = Field(None, description="From so long ago to so long ago.")
    since: At | None = Field(None, description="Absolute start, included.")
    until: At | None = Field(None, description="Absolute end, not included.")
    calendar: bool = Field(
        default=False, strict=True, description="With `within: Nd`: the last N complete local days."
    )

    @model_validator(mode="after")
    def _one_window(self) -> Self:
        given = [name for name in WINDOWS if getattr(self, name) is not None]
        if len(given) > 1 and given != ["since", "until"]:
            raise RuleError(
                "two_windows",
                "One window only: 'within', or 'between', or 'since' and 'until',"
                f" not {' and '.join(given)}.",
                key=given[1],
                hint="Keep one of them.",
            )
        if self.calendar and self.within is None:
            raise RuleError(
                "lone_calendar",
                "'calendar' counts whole days of a window and needs 'within' beside it.",
                key="calendar",
                hint="Write within: 7d, or take 'calendar' out.",
            )
        if self.calendar and self.within is not None and self.within.unit != "d":
            raise RuleError(
                "calendar_unit",
                f"'calendar' counts whole days, and {self.within} is not in days.",
                key="within",
                hint="Write the window in days, such as 7d.",
            )
        return self

    @property
    def has_window(self) -> bool:
        """Whether any key limits the time."""
        return bool(self.within or self.between or self.since or self.until)

    def bounds(self, as_of_us: int, zone: ZoneInfo) -> tuple[int | None, int]:
        """``[start, end)`` in UTC microseconds; a start of None means all history.

        The end never passes `as_of_us`, as no event at or after it is read.
        """
        if self.calendar and self.within is not None:
            today = local_date(as_of_us, zone)
            first = local_midnight(today - timedelta(days=self.within.amount), zone)
            return first, min(local_midnight(today, zone), as_of_us)
        if self.within is not None:
            return as_of_us - self.within.micros, as_of_us
        if self.between is not None:
            return as_of_us - self.between.from_.micros, as_of_us - self.between.to.micros
        start = self.since.resolve(zone) if self.since else None
        return start, min(self.until.resolve(zone), as_of_us) if self.until else as_of_us
