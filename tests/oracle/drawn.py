"""Worlds written by hand, in the fewest words.

>>> tiny = draw(ann=[at("-2d", "view", path="/pricing")], bob=[])
>>> asked({"did": "view", "within": "7d"}, tiny)
{'ann'}
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from fewer.model.segment import Segment
from fewer.model.window import Duration
from oracle.clock import length, utc
from oracle.segments import answer
from oracle.world import Event, Instant, Value, World

AS_OF = utc(datetime(2026, 3, 31, tzinfo=UTC))


@dataclass(frozen=True, slots=True)
class At:
    """An event still without person and id."""

    ts: int
    event: str
    properties: Mapping[str, Value]
    event_id: str | None = None


def moment(text: str, *, as_of: int = AS_OF) -> int:
    """UTC microseconds: an ISO time in UTC, or offsets from as_of such as ``-7d +1us``.

    >>> moment("-1d +1us") - AS_OF, moment("2026-03-31T00:00:01") - AS_OF
    (-86399999999, 1000000)
    """
    if re.match(r"\d{4}-", text):
        return utc(datetime.fromisoformat(text).replace(tzinfo=UTC))
    offsets = re.findall(r"([+-])(\d+)(us|s|m|h|d|w)", text)
    units = {"us": 1, "s": 1_000_000}
    spans = [
        int(f"{sign}1") * (int(n) * units[u] if u in units else length(Duration(int(n), u)))
        for sign, n, u in offsets
    ]
    return as_of + sum(spans)


def value(plain: Any) -> Value:
    """A typed value; Python's numbers become exact decimals."""
    if type(plain) in (int, float):
        return Decimal(str(plain))
    assert isinstance(plain, str | bool | Decimal | Instant)
    return plain


def values(plain: Mapping[str, Any]) -> dict[str, Value]:
    """Typed values; None is missing."""
    return {name: value(v) for name, v in plain.items() if v is not None}


def at(when: str | int, event: str = "view", /, event_id: str | None = None, **plain: Any) -> At:
    """An event: when (see `moment`), its name, and its properties."""
    ts = moment(when) if isinstance(when, str) else when
    return At(ts, event, values(plain.pop("properties", {}) | plain), event_id)


def stamp(when: str) -> Instant:
    """A timestamp value."""
    return Instant(moment(when))


def draw(
    people: Sequence[str] | None = None,
    *,
    traits: Mapping[str, Mapping[str, Any]] | None = None,
    consents: Mapping[tuple[str, str], str] | None = None,
    items: Mapping[str, Mapping[str, Any]] | None = None,
    lists: Mapping[str, Sequence[str]] | None = None,
    **events: Sequence[At],
) -> World:
    """A world of named persons: their events, and who is in `people` (default: who is named)."""
    traits = traits or {}
    listed = [name for members in (lists or {}).values() for name in members]
    known = [*events, *traits, *(people or ()), *listed, *(name for name, _ in consents or {})]
    number = {name: n for n, name in enumerate(dict.fromkeys(known), start=1)}
    in_people = {*(events if people is None else people), *traits}
    done = [(name, one) for name, all_ in events.items() for one in all_]
    ids = [f"e{i:04}" if e.event_id is None else e.event_id for i, (_, e) in enumerate(done)]
    return World(
        persons={n: name for name, n in number.items()},
        events=tuple(
            Event(id_, number[name], e.ts, e.event, e.properties)
            for id_, (name, e) in zip(ids, done, strict=True)
        ),
        people={number[name]: values(traits.get(name, {})) for name in in_people},
        consents={(number[name], p): state for (name, p), state in (consents or {}).items()},
        items={id_: values(attributes) for id_, attributes in (items or {}).items()},
        lists={id_: frozenset(number[n] for n in names) for id_, names in (lists or {}).items()},
    )


def asked(
    condition: Mapping[str, Any],
    world: World,
    *,
    as_of: int = AS_OF,
    timezone: str = "UTC",
    session_gap: str = "30m",
) -> set[str]:
    """Ids of the persons for whom a written condition is true, by the oracle."""
    segment = Segment.model_validate({"id": "it", "where": condition})
    gap = length(Duration.parse(session_gap))
    found = answer([segment], world, as_of_us=as_of, timezone=timezone, session_gap_us=gap)
    return {world.persons[person] for person in found.members["it"]}


def table(*rows: tuple[str, Mapping[str, Any], set[str]]) -> pytest.MarkDecorator:
    """Rows of sentence, condition, who it is true for: a test for each."""
    return pytest.mark.parametrize(
        "condition, expected", [row[1:] for row in rows], ids=[row[0] for row in rows]
    )
