"""Which rows of the index match: by name, time and atoms, a group at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, count
from operator import itemgetter
from typing import Final, assert_never

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
from fewer.model.values import ValueType


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


@dataclass(frozen=True, slots=True)
class _Asked:
    """An atom, a number that stands for it among all atoms, and the columns of events it reads."""

    atom: Atom
    key: int
    names: tuple[str, ...]
    of_item: bool
    kind: ValueType


_Placed = tuple[int, int, Group]
"""Time of the first event, of the last, and the group."""

_KEYS: Final[dict[Atom, int]] = {}
_NUMBERS: Final = count()
_MOST_PREPARED: Final = 4_096
_first = itemgetter(0)


def _by_name(parts: Sequence[Part]) -> dict[str, list[_Placed]]:
    """Groups of each event name, latest first."""
    found: dict[str, list[_Placed]] = {}
    for part in parts:
        for group in part.groups:
            found.setdefault(group.event, []).append((group.first, group.last, group))
    return {name: sorted(g, key=_first, reverse=True) for name, g in found.items()}


def _clusters(parts: Sequence[Part]) -> Iterator[list[Part]]:
    """Parts, earliest first, together where their times overlap."""
    held: list[Part] = []
    last = MISSING
    for part in parts:
        if held and part.first > last:
            yield held
            held = []
        held.append(part)
        last = max(last, part.last)
    if held:
        yield held


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
    item_memo: dict[int, Array] = field(default_factory=dict, repr=False)
    by_name: Mapping[str, list[_Placed]] = field(default_factory=dict, repr=False)
    prepared: dict[int, tuple[Sequence[Atom], list[_Asked]]] = field(
        default_factory=dict, repr=False
    )

    clustered: list[Reader] = field(default_factory=list, repr=False)
    """Filled when first asked for; shared by copies of a reader."""

    def __post_init__(self) -> None:
        if not self.by_name:
            self.by_name = _by_name(self.parts)

    def groups(self, match: Match, start: int | None, end: int) -> Iterator[Group]:
        """Groups of the names that have rows in ``[start, end)``; latest part first."""
        names = self.by_name if match.events is None else match.events
        found = [self.by_name[name] for name in names if name in self.by_name]
        # One name has its groups in order already; those of several are brought into one.
        placed = found[0] if len(found) == 1 else sorted(chain(*found), key=_first, reverse=True)
        for first, last, group in placed:
            if first < end and (start is None or last >= start):
                yield group

    def chosen(self, match: Match, start: int | None, end: int) -> Iterator[Chosen]:
        """Rows that match within ``[start, end)``."""
        for group in self.groups(match, start, end):
            low, high = group.span(start, end)
            found = Chosen(group, low, high)
            if match.atoms:
                found = self.choose(group, match.atoms, found)
            else:
                self.touched += high - low
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

    def clusters(self) -> list[Reader]:
        """Readers of parts whose times overlap, the earliest first."""
        if not self.clustered:
            self.clustered[:] = [  # at once, whole: another thread may do the same
                replace(self, parts=parts, by_name=_by_name(parts), touched=0, clustered=[])
                for parts in _clusters(self.parts)
            ]
        return self.clustered

    # -------------------------------------------------------------------------------- tests

    def _tests(self, group: Group, atoms: Sequence[Atom]) -> list[_Test] | None:
        """Tests of the rows; None when no row of the group can satisfy the atoms."""
        codes: dict[str, Array] = {}
        others: list[_Test] = []
        for asked in self._prepared(atoms):
            if isinstance(asked.atom, Never):
                return None
            there = [name for name in asked.names if group.has(name)]
            if not there:
                if not holds_for_missing(asked.atom):
                    return None
                continue
            coded = self._coded(group, asked, there[0]) if len(there) == 1 else None
            if coded is not None:
                known = codes.get(there[0])
                codes[there[0]] = coded if known is None else known & coded
            else:
                others.append(_other(asked.atom, tuple(there)))
        if any(not wanted.any() for wanted in codes.values()):
            return None
        return [*(_Codes(name, wanted) for name, wanted in codes.items()), *others]

    def _prepared(self, atoms: Sequence[Atom]) -> list[_Asked]:
        """The atoms with the columns they read: worked out once, not in every part."""
        known = self.prepared.get(id(atoms))
        if known is not None and known[0] is atoms:
            return known[1]
        if len(self.prepared) > _MOST_PREPARED:
            self.prepared.clear()
        asked = [self._asked(atom) for atom in atoms]
        self.prepared[id(atoms)] = atoms, asked
        return asked

    def _asked(self, atom: Atom) -> _Asked:
        columns = _columns(atom)
        of_item = bool(columns) and columns[0].table == "items"
        names = [self.item_id] if of_item else [column.name for column in columns]
        kind = columns[0].type if columns else "text"
        read = tuple(name for name in names if name is not None)
        return _Asked(atom, _KEYS.setdefault(atom, next(_NUMBERS)), read, of_item, kind)

    def _coded(self, group: Group, asked: _Asked, name: str) -> Array | None:
        """For each code of a column whether the atom holds; None for a column without codes."""
        part, atom = group.part, asked.atom
        if asked.of_item:
            wanted: Array = remembered(
                part, (self.items.serial, asked.key), lambda: self._by_item(part, asked, name)
            )
            return wanted
        if isinstance(atom, Given):
            texts = part.texts(name)
            size = 3 if texts is None else len(texts) + 1
            if texts is None and not name.endswith("_b"):
                return None
            return np.array([not atom.present] + [atom.present] * (size - 1))
        if asked.kind == "text":
            by_text: Array = remembered(part, asked.key, lambda: _by_text(part, atom, name))
            return by_text
        if asked.kind == "boolean" and isinstance(atom, OneOf):
            return np.array([False, *((v in atom.values) != atom.negated for v in (False, True))])
        return None

    def _by_item(self, part: Part, asked: _Asked, name: str) -> Array:
        """For each code of an item's id whether the atom holds for the item."""
        known = self.item_memo.get(asked.key)
        if known is None:
            known = np.append(self.items.flags(asked.atom), holds_for_missing(asked.atom))
            self.item_memo[asked.key] = known
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
    return pa.nulls(0, pa.large_string()) if found is None else found
