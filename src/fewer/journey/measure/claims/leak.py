"""Actions that are part of converting: they tell that it happened, not that it will.

Who pays has nearly always been at the checkout minutes before. To say that checkouts make people
likelier to buy is to say that buying does, so a claim whose groups are made of such actions is
refused, and they are named.
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


def leaks(
    reader: Reader,
    events: Collection[str],
    conversions: Conversions,
    *,
    declared: Collection[str] = (),
    from_us: int,
    to_us: int,
) -> tuple[Leak, ...]:
    """Which of the events are part of converting; the goal's own are not asked about.

    Args:
        reader: Over the events.
        events: Names of events that groups are made of.
        conversions: Of the claim's goal.
        declared: Events that the claim itself calls part of converting.
        from_us: Start of the time that is looked at.
        to_us: Its end.
    """
    found = [Leak(event, "named as part of converting") for event in sorted(declared)]
    asked = sorted(set(events) - set(declared))
    if not asked:
        return tuple(found)
    share = _one_in(reader, asked)
    person, ts, place = _read(reader, asked, share, from_us, to_us)
    inside = (conversions.times >= from_us) & (conversions.times < to_us)
    inside &= conversions.persons % share == 0
    who, when = conversions.persons[inside], conversions.times[inside]
    if len(np.unique(who)) < ENOUGH:
        return tuple(found)
    close = _close(person, ts, who, when)
    converters = len(np.unique(who))
    for n, event in enumerate(asked):
        these = place == n
        if not these.any():
            continue
        have = len(np.unique(person[these & close])) / converters
        tied = float(close[these].mean())
        if have >= MOST and tied >= TIED:
            why = (
                f"{have:.0%} of those who convert have it in the hour before, and {tied:.0%} of it"
                " happens there"
            )
            found.append(Leak(event, why))
    return tuple(found)


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
