"""Actions that are part of converting: they tell that it happened, not that it will.

Who pays has nearly always been at the checkout minutes before. To say that checkouts make people
likelier to buy is to say that buying does, so a claim whose groups are made of such actions is
refused, and they are named.

Who reacts to an article has nearly always been reading a minute before too, but so has everybody
who is there at all: an action no closer to converting than others is none of its parts.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sqlglot import exp

from fewer.evaluate.sql.predicate import one_of_texts
from fewer.evaluate.sql.tree import column, every, named, number, select, table
from fewer.journey.measure.claims.panel import Conversions
from fewer.journey.measure.query import Reader
from fewer.model.window import HOUR, SECOND

CLOSE: Final = HOUR
MOST: Final = 0.5
"""Share of those who convert that have the action in the hour before."""

TIED: Final = 0.3
"""Share of the action's occurrences that lie in the hour before a conversion."""

STEP: Final = 0.5
"""The same share, from which an action is a step of converting whatever other actions do."""

CLOSER: Final = 1.5
"""Below `STEP` it is one only when so many times as much of it lies there as of all actions."""

ENOUGH: Final = 30
"""People who convert below which nothing can be said of it."""

_ROWS: Final = 1_000_000  # events that are read at most, roughly
_SECONDS_BITS: Final = 31  # for 68 years; 32 more for people


@dataclass(frozen=True, slots=True)
class Leak:
    """An action that is part of converting, and why it is thought to be."""

    event: str
    why: str

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {"event": self.event, "why": self.why}


@dataclass(frozen=True, slots=True)
class Closeness:
    """How close an action is to converting."""

    event: str
    have: float  # share of those who convert that have it in the hour before
    tied: float  # share of it that lies there
    of_all: float  # the same share, of all actions

    @property
    def is_part(self) -> bool:
        """Whether it is part of converting rather than of being there."""
        if self.have < MOST or self.tied < TIED:
            return False
        return self.tied >= STEP or self.tied >= CLOSER * self.of_all

    @property
    def why(self) -> str:
        """The two shares in words."""
        return (
            f"{self.have:.0%} of those who convert have it in the hour before, and {self.tied:.0%}"
            " of it happens there"
        )


def closeness(
    reader: Reader,
    events: Collection[str],
    conversions: Conversions,
    *,
    from_us: int,
    to_us: int,
) -> tuple[Closeness, ...]:
    """How close each of the events is to converting; nothing where too few convert to tell.

    Args:
        reader: Over the events.
        events: All names of events but the goal's own.
        conversions: Of the claim's goal.
        from_us: Start of the time that is looked at.
        to_us: Its end.
    """
    asked = sorted(events)
    if not asked:
        return ()
    share = _one_in(reader, asked)
    inside = (conversions.times >= from_us) & (conversions.times < to_us)
    inside &= conversions.persons % share == 0
    who, when = conversions.persons[inside], conversions.times[inside]
    converters = len(np.unique(who))
    if converters < ENOUGH:
        return ()
    person, ts, place = _read(reader, asked, share, from_us, to_us)
    close = _close(person, ts, who, when)
    of_all = float(close.mean()) if len(close) else 0.0
    found = []
    for n, event in enumerate(asked):
        these = place == n
        if these.any():
            have = len(np.unique(person[these & close])) / converters
            found.append(Closeness(event, have, float(close[these].mean()), of_all))
    return tuple(found)


def leaks(
    close: Collection[Closeness], used: Collection[str], declared: Collection[str] = ()
) -> tuple[Leak, ...]:
    """Which of the events that groups are made of are part of converting.

    Args:
        close: How close events are to converting.
        used: Names of events that groups are made of.
        declared: Events that the claim itself calls part of converting.
    """
    named = [Leak(e, "named as part of converting") for e in sorted(declared) if e in used]
    seen = (one for one in close if one.event in used and one.event not in declared)
    return (*named, *(Leak(one.event, one.why) for one in seen if one.is_part))


def _one_in(reader: Reader, events: Collection[str]) -> int:
    """Look at one person in so many, so that a large table is not read whole."""
    rows = sum(reader.catalog.events.get(event, 0) for event in events)
    return max(1, rows // _ROWS)


def _read(
    reader: Reader, events: Sequence[str], share: int, from_us: int, to_us: int
) -> tuple[NDArray[np.uint32], NDArray[np.int64], NDArray[np.int64]]:
    """Person, time and place in `events` of each of them."""
    person, ts, event = column("person"), column("ts"), column("event")
    where = [
        exp.GTE(this=ts.copy(), expression=number(from_us)),
        exp.LT(this=ts.copy(), expression=number(to_us)),
        one_of_texts(event.copy(), events, reader.functions),
    ]
    if share > 1:
        rest = exp.Mod(this=person.copy(), expression=number(share))
        where.append(exp.EQ(this=rest, expression=number(0)))
    place = exp.Case(
        ifs=[
            exp.If(
                this=exp.EQ(this=event.copy(), expression=reader.functions.literal(name)),
                true=number(n),
            )
            for n, name in enumerate(events)
        ]
    )
    rows = reader.engine.run(
        select([person, ts, named(place, "place")], table("events"), where=every(where))
    )
    return (
        rows.column("person").to_numpy().astype(np.uint32),
        rows.column("ts").to_numpy().astype(np.int64),
        rows.column("place").to_numpy().astype(np.int64),
    )


def _close(
    person: NDArray[np.uint32],
    ts: NDArray[np.int64],
    who: NDArray[np.uint32],
    when: NDArray[np.int64],
) -> NDArray[np.bool_]:
    """Which events have a conversion of the same person at most an hour after them."""
    origin = min(int(ts.min(initial=0)), int(when.min(initial=0)))
    keys = np.sort(_key(who, when - origin))
    mine = _key(person, ts - origin)
    following = np.searchsorted(keys, mine, side="left")
    there = following < len(keys)
    apart = keys[np.minimum(following, len(keys) - 1)] - mine
    return there & (apart <= CLOSE // SECOND)


def _key(person: NDArray[np.uint32], since: NDArray[np.int64]) -> NDArray[np.int64]:
    """Person and whole second as one number that sorts by both; far apart between people."""
    return (person.astype(np.int64) << _SECONDS_BITS) + since // SECOND
