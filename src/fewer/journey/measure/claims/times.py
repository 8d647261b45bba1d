"""Index times of a claim: those it names, less those of which the data doesn't tell the outcome."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from zoneinfo import ZoneInfo

from fewer.errors import DefinitionError, Problem
from fewer.journey.measure.claims.panel import Windows
from fewer.model.claim import MOST_TIMES, IndexTimes
from fewer.model.window import DAY

BY_DEFAULT: Final = 182 * DAY
"""How far back index times go when a claim names no first one: half a year."""


@dataclass(frozen=True, slots=True)
class Times:
    """Index times in UTC microseconds, ascending, and how many had to be left out."""

    index_us: tuple[int, ...]
    dropped: int = 0

    @property
    def note(self) -> str:
        """What a reader must know; empty when nothing was left out."""
        if not self.dropped:
            return ""
        times = "index time" if self.dropped == 1 else "index times"
        return f"{self.dropped} {times} left out: the data ends before their outcomes can be known"


def index_times(
    wanted: IndexTimes, windows: Windows, zone: ZoneInfo, *, data_from_us: int, data_end_us: int
) -> Times:
    """The claim's index times of which every outcome can be known.

    Without a first one: those of the last half year, from the first whole lookback of the data on.

    Raises:
        DefinitionError: More than `MOST_TIMES` of them.
    """
    latest = data_end_us - windows.gap_us - windows.outcome_us
    earliest = data_from_us + windows.lookback_us
    last = wanted.to.resolve(zone) if wanted.to else latest
    first = wanted.from_.resolve(zone) if wanted.from_ else max(earliest, last - BY_DEFAULT)
    found: list[int] = []
    for at in wanted.between(first, last, zone):
        found.append(at)
        if len(found) > MOST_TIMES:
            message = f"The claim has more than {MOST_TIMES:,} index times."
            hint = "Name a later 'from' or a longer 'every'."
            raise DefinitionError([Problem("too_many_index_times", message, hint=hint)])
    known = [at for at in found if at <= latest]
    return Times(tuple(known), len(found) - len(known))
