"""Coded columns: every (name, type) that a property, trait or attribute ever had, and its column.

Names come from users' files and can be anything; columns are ``p7_n``: kind, number of the name,
type. Past `MAX_COLUMNS` columns of event properties, further ones live in the JSON column
``overflow`` under the same codes, and relations take them out again.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from fewer.model.values import SUFFIX, ValueType

Kind = Literal["p", "t", "i"]

KINDS: Final[tuple[Kind, ...]] = ("p", "t", "i")

MAX_COLUMNS: Final = 400
"""Event property columns with a Parquet column of their own."""

FIELD: Final[dict[Kind, str]] = {"p": "properties", "t": "traits", "i": "items"}
"""Where each kind is in the catalog."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One coded column."""

    kind: Kind
    name: str
    type: ValueType
    number: int
    overflow: bool = False

    @property
    def column(self) -> str:
        """Name of the column."""
        return f"{self.kind}{self.number}{SUFFIX[self.type]}"


class Registry:
    """The coded columns of a store; hands out new codes in the order they are asked for.

    >>> registry = Registry()
    >>> registry.code("p", "value", "number").column, registry.code("p", "value", "text").column
    ('p1_n', 'p1_t')
    """

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        self._entries = {(e.kind, e.name, e.type): e for e in entries}
        self._numbers = {(e.kind, e.name): e.number for e in self._entries.values()}
        self.new: list[Entry] = []

    def code(self, kind: Kind, name: str, value_type: ValueType) -> Entry:
        """The column for these values, made now if there is none."""
        found = self._entries.get((kind, name, value_type))
        if found:
            return found
        numbers = [n for (k, _), n in self._numbers.items() if k == kind]
        number = self._numbers.setdefault((kind, name), max(numbers, default=0) + 1)
        crowded = kind == "p" and len(self.of("p")) >= MAX_COLUMNS
        entry = Entry(kind, name, value_type, number, crowded)
        self._entries[kind, name, value_type] = entry
        self.new.append(entry)
        return entry

    def of(self, kind: Kind) -> list[Entry]:
        """All entries of a kind, in a fixed order."""
        mine = [entry for entry in self._entries.values() if entry.kind == kind]
        return sorted(mine, key=lambda entry: (entry.number, entry.type))

    def by_name(self, kind: Kind) -> dict[str, dict[ValueType, str]]:
        """Name -> type -> column, sorted by name: the form the catalog has."""
        names: dict[str, dict[ValueType, str]] = {}
        for entry in sorted(self.of(kind), key=lambda e: e.name):
            names.setdefault(entry.name, {})[entry.type] = entry.column
        return names
