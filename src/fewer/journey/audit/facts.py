"""What is measured of a project, as plain values. Numbers are micro-units, times microseconds."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from fewer.model.number import from_micros
from fewer.model.values import ValueType

QUANTILES: Final = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
POSITIVE: Final = (0.25, 0.5, 0.75, 0.99)
STRAGGLERS: Final = 0.001
END_OF_TIME: Final = 2**63 - 1
ANCIENT: Final = 631_152_000_000_000  # 1990-01-01: no behaviour we could read is older
UNIQUE: Final = 0.5  # different values per row from which on a text is an id of something
FEW_VALUES: Final = 50
PERSONAL: Final = re.compile(
    r"e?mail|phone|mobile_?n|address|(first|last|full|sur|nick|user)_?name|(^|[._])(ip|ssn|iban)$"
    r"|birth|(user|customer|client|visitor|person|people|household|member|account|device|cookie"
    r"|session|anonymous)[._]?(id|key|no|number)$",
    re.IGNORECASE,
)
"""Names of properties whose values point to a person."""


@dataclass(frozen=True, slots=True)
class EventFacts:
    """One event name over all history, events at or after `as_of` included."""

    event: str
    rows: int
    people: int
    people_before: int  # with one before as_of
    first_us: int
    last_us: int
    late: int  # at or after as_of
    future: int  # those of them after the moment the audit is made, when that is known
    ancient: int  # before 1990: a missing time that became zero, or a wrong unit
    midnights: int  # exactly at a local midnight


@dataclass(frozen=True, slots=True)
class DayFacts:
    """One event of one source on one local day."""

    event: str
    source: str
    day: date
    rows: int


@dataclass(frozen=True, slots=True)
class Size:
    """Positive numbers, in micro-units, that have `size` + 1 digits before the point."""

    size: int
    n: int
    low: int
    high: int


@dataclass(frozen=True, slots=True)
class PropertyFacts:
    """One property (of one type) on one event; numbers in micro-units, times in microseconds."""

    event: str
    name: str
    type: ValueType
    column: str
    filled: int
    distinct: int
    low: int | str | None = None
    high: int | str | None = None
    quantiles: tuple[int, ...] = ()  # at QUANTILES; numbers only
    positive: tuple[int, ...] = ()  # at POSITIVE, of those above zero; none if none is
    sizes: tuple[Size, ...] = ()  # of the positive numbers, smallest first
    total: int = 0  # sum; numbers only
    negative: int = 0
    zero: int = 0
    emails: int = 0  # texts that hold an e-mail address
    numeric: int = 0  # texts that read as a number
    padded: int = 0  # texts with space around them
    folded: int = 0  # distinct texts when case and spacing are ignored
    top: tuple[tuple[str, int], ...] = ()  # most frequent values, with rows

    @property
    def masked(self) -> bool:
        """Whether its values may tell who someone is, so that none is ever shown."""
        unique = self.distinct > UNIQUE * self.filled and self.distinct > FEW_VALUES
        return self.type == "text" and bool(self.emails or unique or PERSONAL.search(self.name))

    @property
    def median(self) -> int | None:
        """The middle number, in micro-units."""
        return self.quantiles[QUANTILES.index(0.5)] if self.quantiles else None


@dataclass(frozen=True, slots=True)
class PeopleFacts:
    """How many people there are, and how they relate to their events before `as_of`."""

    everyone: int  # the universe
    with_record: int
    active: int  # with an event before as_of
    silent: int  # with a record and no event
    unrecorded: int  # with an event and no record
    unrecorded_events: int
    events: int  # before as_of


def plain(micros: int) -> int | float:
    """Micro-units as an ordinary number, for people to read."""
    number = from_micros(micros)
    return int(number) if number == number.to_integral_value() else float(number)


def percent(part: float, whole: float) -> float:
    """Share in percent, with one decimal, or more when it would read as zero.

    >>> percent(1, 3), percent(2, 100_000), percent(1, 0)
    (33.3, 0.002, 0.0)
    """
    share = 100 * part / whole if whole else 0.0
    return round(share, 1) or round(share, 3)


def span(days: Mapping[date, int]) -> tuple[date, date]:
    """First and last day of a volume by day, a permille of stragglers at each end left out.

    A sender with a wrong clock must not stretch a year to ten.
    """
    total, seen, first = sum(days.values()), 0, None
    for day in sorted(days):
        seen += days[day]
        if first is None and seen > STRAGGLERS * total:
            first = day
        if first is not None and seen >= (1 - STRAGGLERS) * total:
            return first, day
    raise ValueError("no days")
