"""Which rows of the index match: by name, time and atoms, a group at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import assert_never

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fewer.evaluate.index import kernels
from fewer.evaluate.index.digest import MISSING
from fewer.evaluate.index.layout import Array
from fewer.evaluate.index.part import Group, Part, remembered
from fewer.evaluate.index.predicate import Frame, bounds, holds_for_missing, text_flags
from fewer.evaluate.index.space import Space
from fewer.evaluate.plan.atom import Atom, Column, Given, Never, OneOf, Range
from fewer.evaluate.plan.leaf import Match


@dataclass(frozen=True, slots=True)
class Chosen:
    """Rows of a group: ``[low, high)``, or only `rows` of them (uint32)."""

    group: Group
    low: int
    high: int
    rows: Array | None = None

    def __len__(self) -> int:
        return self.high - self.low if self.rows is None else self.rows.size

    @property
    def each(self) -> Array:
        """Number of every row."""
        if self.rows is not None:
            return self.rows
        return np.arange(self.low, self.high, dtype=np.uint32)

    @property
    def index(self) -> Array | slice:
        """What picks these rows from an array of the group."""
        return slice(self.low, self.high) if self.rows is None else self.rows


@dataclass(frozen=True, slots=True)
class _Codes:
    """Rows whose code is wanted."""

    name: str
    wanted: Array = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Span:
    """Rows whose value lies within [least, most]."""

    name: str
    least: int
    most: int


@dataclass(frozen=True, slots=True)
class _Among:
    """Rows whose value is (or, negated, is there and is not) among some."""

    name: str
    values: Array = field(repr=False)
    negated: bool


@dataclass(frozen=True, slots=True)
class _Any:
    """Rows of which some (or, negated, none) of the columns has a value."""

    names: tuple[str, ...]
    negated: bool


_Test = _Codes | _Span | _Among | _Any


@dataclass
class Reader:
    """Reads matching rows of parts, with the attributes of items looked up.

    Attributes:
        touched: Rows that were looked at so far.
    """

    parts: Sequence[Part]
    space: Space
    items: Frame
    item_id: str | None
    """Column of events by which they refer to items."""

    touched: int = 0
    item_memo: dict[Atom, Array] = field(default_factory=dict, repr=False)

    def groups(self, match: Match, start: int | None, end: int) -> Iterator[Group]:
        """Groups of the names that have rows in ``[start, end)``; latest part first."""
        for part in reversed(self.parts):
            if part.first >= end or (start is not None and part.last < start):
                continue
            for group in part.groups:
                late = start is None or group.last >= start
                named = match.events is None or group.event in match.events
                if named and late and group.first < end:
                    yield group

    def chosen(self, match: Match, start: int | None, end: int) -> Iterator[Chosen]:
        """Rows that match within ``[start, end)``."""
        for group in self.groups(match, start, end):
            low, high = group.span(start, end)
            found = self.choose(group, match.atoms, Chosen(group, low, high))
            if len(found):
                yield found

    def choose(self, group: Group, atoms: Sequence[Atom], among: Chosen) -> Chosen:
        """Of some rows those for which all atoms hold."""
        tests = self._tests(group, atoms) if len(among) else None
        if tests is None:
            return Chosen(group, 0, 0)
        self.touched += len(among)
        rows = among.rows.copy() if among.rows is not None else None
        for test in tests:
            rows = self._apply(test, group, among, rows)
        return Chosen(group, among.low, among.high, rows)

    def flags(self, chosen: Chosen, atoms: Sequence[Atom]) -> Array:
        """For each of the rows whether all atoms hold; the rows may be in any order."""
        hits = np.zeros(chosen.group.rows, bool)
        found = self.choose(chosen.group, atoms, chosen)
        if len(found):
            hits[found.index] = True
        flags: Array = hits[chosen.each]
        return flags

    # -------------------------------------------------------------------------------- tests

    def _tests(self, group: Group, atoms: Sequence[Atom]) -> list[_Test] | None:
        """Tests of the rows; None when no row of the group can satisfy the atoms."""
        codes: dict[str, Array] = {}
        others: list[_Test] = []
        for atom in atoms:
            if isinstance(atom, Never):
                return None
            of_item = _columns(atom)[0].table == "items"
            names = [self.item_id] if of_item else [c.name for c in _columns(atom)]
            there = [name for name in names if name is not None and group.has(name)]
            if not there:
                if not holds_for_missing(atom):
                    return None
                continue
            coded = self._coded(group, atom, there[0]) if len(there) == 1 else None
            if coded is not None:
                known = codes.get(there[0])
                codes[there[0]] = coded if known is None else known & coded
            else:
                others.append(_other(atom, tuple(there)))
        if any(not wanted.any() for wanted in codes.values()):
            return None
        return [*(_Codes(name, wanted) for name, wanted in codes.items()), *others]

    def _coded(self, group: Group, atom: Atom, name: str) -> Array | None:
        """For each code of a column whether the atom holds; None for a column without codes."""
        part = group.part
        column = _columns(atom)[0]
        if column.table == "items":
            wanted: Array = remembered(
                part, (self.items.serial, atom), lambda: self._by_item(part, atom, name)
            )
            return wanted
        if isinstance(atom, Given):
            texts = part.texts(name)
            size = 3 if texts is None else len(texts) + 1
            if texts is None and not name.endswith("_b"):
                return None
            return np.array([not atom.present] + [atom.present] * (size - 1))
        if column.type == "text":
            by_text: Array = remembered(part, atom, lambda: _by_text(part, atom, name))
            return by_text
        if column.type == "boolean" and isinstance(atom, OneOf):
            return np.array([False, *((v in atom.values) != atom.negated for v in (False, True))])
        return None

    def _by_item(self, part: Part, atom: Atom, name: str) -> Array:
        """For each code of an item's id whether the atom holds for the item."""
        known = self.item_memo.get(atom)
        if known is None:
            known = np.append(self.items.flags(atom), holds_for_missing(atom))
            self.item_memo[atom] = known
        return known[self.item_rows(part, name)]

    def item_rows(self, part: Part, name: str) -> Array:
        """For each code of an item's id (0: no id) its row among the items; -1 if unknown."""

        def make() -> Array:
            texts = texts_of(part, name)
            places = pc.index_in(texts, value_set=self.items.keys.cast(texts.type))
            return np.concatenate(([-1], pc.fill_null(places, -1).to_numpy())).astype(np.int64)

        found: Array = remembered(part, ("items", self.items.serial, name), make)
        return found

    # ------------------------------------------------------------------------------ applying

    def _apply(self, test: _Test, group: Group, among: Chosen, rows: Array | None) -> Array:
        low, high = among.low, among.high
        match test:
            case _Codes():
                codes = group.values(test.name)
                if rows is not None:
                    return rows[: kernels.refine(rows, codes, test.wanted)]
                out = np.empty(high - low + 1, np.uint32)
                return out[: kernels.select(codes[low:high], test.wanted, low, out)]
            case _Span():
                values = group.values(test.name)
                if rows is not None:
                    return rows[: kernels.refine_range(rows, values, test.least, test.most)]
                out = np.empty(high - low + 1, np.uint32)
                found = kernels.select_range(values[low:high], test.least, test.most, low, out)
                return out[:found]
            case _Among():
                rows = _all(low, high) if rows is None else rows
                values = group.values(test.name)
                return rows[: kernels.refine_in(rows, values, test.values, test.negated)]
            case _Any():
                rows = _all(low, high) if rows is None else rows
                there = np.zeros(rows.size, bool)
                for name in test.names:
                    values = group.values(name)
                    there |= values[rows] != (MISSING if values.dtype == np.int64 else 0)
                kept: Array = rows[there != test.negated]
                return kept
            case _:
                assert_never(test)

    # -------------------------------------------------------------------------------- values

    def numbers(self, chosen: Chosen, column: Column) -> Array | None:
        """Values of a column of numbers (int64, `MISSING` where there is none); None: of no row."""
        group = chosen.group
        if column.table == "events":
            return group.values(column.name)[chosen.index] if group.has(column.name) else None
        if self.item_id is None or not group.has(self.item_id):
            return None
        rows = self.item_rows(group.part, self.item_id)[group.values(self.item_id)[chosen.index]]
        values = np.append(self.items.numbers(column.name, MISSING), MISSING)
        found: Array = values[rows]
        return found

    def slots(self, chosen: Chosen) -> Array:
        """Slots of the persons of the rows."""
        found: Array = self.space.slots(chosen.group)[chosen.index]
        return found


def _by_text(part: Part, atom: Atom, name: str) -> Array:
    """For each code of a text column whether the atom holds."""
    if isinstance(atom, Never | Given):
        message = f"{atom} tests no text"
        raise TypeError(message)
    return np.concatenate(([False], text_flags(atom, texts_of(part, name))))


def _columns(atom: Atom) -> tuple[Column, ...]:
    match atom:
        case Never():
            return ()
        case Given():
            return atom.columns
        case _:
            return (atom.column,)


def _all(low: int, high: int) -> Array:
    return np.arange(low, high, dtype=np.uint32)


def _other(atom: Atom, names: tuple[str, ...]) -> _Test:
    match atom:
        case Given():
            return _Any(names, negated=not atom.present)
        case Range():
            return _Span(names[0], *bounds(atom))
        case OneOf():
            return _Among(names[0], np.array(sorted(atom.values), np.int64), atom.negated)
        case _:
            message = f"{atom} has codes"
            raise TypeError(message)


def texts_of(part: Part, name: str) -> pa.Array:
    """Distinct texts of a column, none when the part has no such column."""
    found = part.texts(name)
    return pa.array([], pa.large_string()) if found is None else found
