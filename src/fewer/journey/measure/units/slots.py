"""Time slots drawn on or off: a schedule, its pairs, and what outcomes count in each slot.

For media that reach everyone at once. Slots are paired with the slot one season later (the same
hour of the next day, the same weekday of the next week), so that a pair differs in little but
the draw; one of each pair, by its hash, is on. Outcomes within the washout after a slot began
don't count: they may come from the slot before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np

from fewer.data.identity.bucket import share_of
from fewer.errors import GuardError
from fewer.journey.measure.units.happened import Totals, Window
from fewer.journey.measure.units.matching import Pairs
from fewer.journey.measure.units.placebo import Gaps
from fewer.model.window import DAY, HOUR, WEEK, from_utc_micros, local_date, local_midnight
from fewer.stats.paired import LEAST_PAIRS

MOST_SLOTS: Final = 2_000


@dataclass(frozen=True, slots=True)
class Slot:
    """One stretch of time, on or off as a whole; instants in UTC microseconds."""

    from_us: int
    to_us: int
    arm: str
    pair: int

    def counts(self, washout_us: int) -> Window:
        """From and to when outcomes count."""
        return self.from_us + washout_us, self.to_us

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {"from_us": self.from_us, "to_us": self.to_us, "arm": self.arm, "pair": self.pair}


@dataclass(frozen=True, slots=True)
class Schedule:
    """All slots in order, two of each pair."""

    slots: tuple[Slot, ...]
    washout_us: int
    smallest: float | None = None

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Schedule:
        """As `to_json` wrote it."""
        slots = (Slot(s["from_us"], s["to_us"], s["arm"], s["pair"]) for s in data["slots"])
        return cls(tuple(slots), data["washout_us"], data["smallest_change"])

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "slots": [slot.to_json() for slot in self.slots],
            "washout_us": self.washout_us,
            "smallest_change": None if self.smallest is None else round(self.smallest, 6),
        }

    @property
    def pairs(self) -> int:
        """How many."""
        return len(self.slots) // 2

    def at(self, moment_us: int) -> Slot | None:
        """The slot that a moment lies in."""
        return next((s for s in self.slots if s.from_us <= moment_us < s.to_us), None)


def edges(from_us: int, until_us: int, slot_us: int, zone: ZoneInfo) -> list[Window]:
    """Whole slots from a moment on, an even number; whole days begin at local midnights."""
    found: list[Window] = []
    start = from_us
    while len(found) < MOST_SLOTS:
        if slot_us % DAY == 0 and start == local_midnight(local_date(start, zone), zone):
            day = local_date(start, zone) + timedelta(days=slot_us // DAY)
            end = local_midnight(day, zone)
        else:
            end = start + slot_us
        if end > until_us:
            break
        found.append((start, end))
        start = end
    return found[: len(found) // 2 * 2]


def season(slot_us: int) -> int:
    """After how many slots the same hour or weekday comes round; 1 where none does."""
    for whole in (DAY, WEEK):
        if slot_us < whole and whole % slot_us == 0:
            return whole // slot_us
    return 1


def pairing(slots: int, slot_us: int) -> Pairs:
    """Places of the two slots of each pair: a season apart, what is left over side by side."""
    apart = season(slot_us)
    whole = slots // (2 * apart) * 2 * apart
    pairs = [
        (start + i, start + i + apart) for start in range(0, whole, 2 * apart) for i in range(apart)
    ]
    pairs += [(i, i + 1) for i in range(whole, slots - 1, 2)]
    return np.array(pairs, dtype=np.int64).reshape(-1, 2)


def drawn(
    windows: Sequence[Window], slot_us: int, *, washout_us: int, salt: str, arms: tuple[str, str]
) -> Schedule:
    """Slots with their arms: in each pair, a coin by hash says which is on.

    Raises:
        GuardError: too few slots to ever show anything.
    """
    if len(windows) < 2 * LEAST_PAIRS:
        days = 2 * LEAST_PAIRS * slot_us / DAY
        raise GuardError(
            f"Not enough time: {len(windows)} slots of {_words(slot_us)} make {len(windows) // 2}"
            f" pairs, and {LEAST_PAIRS} are needed before chance can be told from change. It takes"
            f" {days:.3g} days at this slot length: set a later 'ends', or a shorter 'slot'."
        )
    arm = {}
    for number, (first, second) in enumerate(pairing(len(windows), slot_us).tolist()):
        later = share_of(str(number), salt=f"{salt}:slot") >= 0.5  # noqa: PLR2004  a coin
        arm[first], arm[second] = (arms[later], number), (arms[not later], number)
    slots = (Slot(a, b, *arm[i]) for i, (a, b) in enumerate(windows))
    return Schedule(tuple(slots), washout_us)


def gaps(totals: Totals, pairs: Pairs) -> Gaps:
    """Pairs of slots of one stretch; `totals` has one window a slot and one unit, all people."""
    level, expected = totals.levels[:, 0], totals.converted[:, 0] + 0.5
    first, second = pairs[:, 0], pairs[:, 1]
    noise = 1 / expected[first] + 1 / expected[second]
    # Equal weights: how many convert in a slot is what is asked, and must not weigh the answer.
    return Gaps(
        level[first] - level[second], np.zeros(len(pairs)), np.full(len(pairs), noise.mean())
    )


def rows(schedule: Schedule, zone: ZoneInfo) -> list[tuple[int, str, str, str, str]]:
    """(slot, from, to, arm, outcomes count from), as local times with offsets."""

    def text(us: int) -> str:
        return from_utc_micros(us).astimezone(zone).isoformat()

    return [
        (i, text(s.from_us), text(s.to_us), s.arm, text(s.from_us + schedule.washout_us))
        for i, s in enumerate(schedule.slots, 1)
    ]


def _words(micros: int) -> str:
    if micros % DAY == 0:
        return f"{micros // DAY} {'day' if micros == DAY else 'days'}"
    return f"{micros / HOUR:.3g} hours"
