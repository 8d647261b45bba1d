"""A world: everything that conditions can ask about, small enough to write by hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal


@dataclass(frozen=True, slots=True, order=True)
class Instant:
    """A timestamp value: UTC microseconds since 1970. Not a number: nothing casts it."""

    us: int


Value = str | Decimal | bool | Instant
"""Text, number, boolean or timestamp. A missing value is a key that is not there."""

Values = Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Event:
    """Something a person did."""

    event_id: str
    person: int
    ts: int  # UTC microseconds
    event: str
    properties: Values = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class World:
    """The tables of the data model, in the version valid at one as_of."""

    persons: Mapping[int, str]  # every number ever given -> canonical text id
    events: tuple[Event, ...] = ()
    people: Mapping[int, Values] = field(default_factory=dict)  # person -> traits
    consents: Mapping[tuple[int, str], str] = field(default_factory=dict)  # (person, purpose)
    items: Mapping[str, Values] = field(default_factory=dict)  # item id -> attributes
    lists: Mapping[str, frozenset[int]] = field(default_factory=dict)


def kind(value: Value) -> str:
    """The type of a value; Python's own idea (``True == 1``) must not leak into comparisons.

    >>> kind("5"), kind(Decimal(5)), kind(True), kind(Instant(5))
    ('text', 'number', 'boolean', 'timestamp')
    """
    types = {str: "text", Decimal: "number", bool: "boolean", Instant: "timestamp"}
    return types[type(value)]
