"""Atoms: tests of one stored column, to which every predicate is lowered.

A conjunction of atoms is true or not true; where a value is missing or of another type, its
column is null, and no atom but `Given` holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from fewer.evaluate.plan.bounds import closed, micros
from fewer.evaluate.plan.clock import Clock
from fewer.model.catalog import ITEM_ID, ITEM_PREFIX, Catalog
from fewer.model.measure import Comparison
from fewer.model.pattern import simple_lower
from fewer.model.predicate import NUMBER_TESTS, TEXT_TESTS, TIME_TESTS, Predicate, scalar_type
from fewer.model.values import VALUE_TYPES, ValueType

TextKind = Literal["contains", "starts_with", "ends_with", "under", "matches"]
Table = Literal["events", "items", "people"]


@dataclass(frozen=True, slots=True, order=True)
class Column:
    """Where the values of one type of a property, attribute or trait are stored."""

    table: Table
    name: str
    type: ValueType


@dataclass(frozen=True, slots=True)
class Never:
    """Holds for no value: the data has no column of the type that is asked for."""


@dataclass(frozen=True, slots=True)
class Given:
    """Some column has a value (`present`), or none has."""

    columns: tuple[Column, ...]
    present: bool


@dataclass(frozen=True, slots=True)
class Range:
    """``low <= value <= high``, in micro-units or UTC microseconds."""

    column: Column
    low: int | None
    high: int | None


@dataclass(frozen=True, slots=True)
class OneOf:
    """The value is one of some (or, negated, a value that is none of them).

    With `fold`, `values` are lower-cased already and the stored value is to be.
    """

    column: Column
    values: tuple[str, ...] | tuple[int, ...] | tuple[bool, ...]
    negated: bool = False
    fold: bool = False


@dataclass(frozen=True, slots=True)
class TextTest:
    """A test of text; `text` is lower-cased already when `fold`, unless it is a pattern."""

    column: Column
    kind: TextKind
    text: str
    fold: bool = False


Atom = Never | Given | Range | OneOf | TextTest

NEVER: Final = Never()


def columns_of(name: str, catalog: Catalog) -> tuple[Column, ...]:
    """Columns of an event's property, or of its item's attribute."""
    is_item = name.startswith(ITEM_PREFIX)
    if is_item and "text" not in catalog.properties.get(ITEM_ID, {}):
        return ()
    return _columns("items" if is_item else "events", catalog.event_columns(name))


def trait_columns(name: str, catalog: Catalog) -> tuple[Column, ...]:
    """Columns of a trait."""
    return _columns("people", catalog.traits.get(name, {}))


def _columns(table: Table, typed: Mapping[ValueType, str]) -> tuple[Column, ...]:
    return tuple(Column(table, typed[kind], kind) for kind in VALUE_TYPES if kind in typed)


def where_atoms(
    where: Mapping[str, Predicate] | None, catalog: Catalog, clock: Clock
) -> tuple[Atom, ...]:
    """Atoms of a `where`, each once, in a fixed order."""
    found = [
        atom
        for name, predicate in (where or {}).items()
        for atom in predicate_atoms(predicate, columns_of(name, catalog), clock)
    ]
    return conjunction(found)


def conjunction(atoms: Iterable[Atom]) -> tuple[Atom, ...]:
    """The same atoms in normal form: each once, ordered, `Never` alone if it is among them."""
    distinct = set(atoms)
    return (NEVER,) if NEVER in distinct else tuple(sorted(distinct, key=repr))


def hold_for_missing(atoms: Iterable[Atom]) -> bool:
    """Whether the atoms hold where every column is null."""
    return all(isinstance(atom, Given) and not atom.present for atom in atoms)


def predicate_atoms(
    predicate: Predicate, columns: tuple[Column, ...], clock: Clock
) -> tuple[Atom, ...]:
    """Atoms that are together true exactly when the predicate is."""
    tests = predicate.tests
    by_type = {column.type: column for column in columns}
    number, text, time = (by_type.get(kind) for kind in ("number", "text", "timestamp"))
    fold = predicate.ignore_case
    atoms: list[Atom] = []
    for name in ("exists", "missing"):
        if name in tests:
            atoms += _given(columns, present=tests[name] == (name == "exists"))
    for name in ("equals", "not_equals", "in", "not_in"):
        if name in tests:
            values = tests[name] if name.endswith("in") else (tests[name],)
            column = by_type.get(scalar_type(values[0]))
            atoms.append(_one_of(column, values, negated=name.startswith("not"), fold=fold))
    if any(name in tests for name in NUMBER_TESTS):
        atoms.append(_number_range(number, predicate))
    for name in TEXT_TESTS:
        if name in tests:
            literal = simple_lower(tests[name]) if fold and name != "matches" else tests[name]
            atoms.append(TextTest(text, name, literal, fold) if text else NEVER)  # type: ignore[arg-type]
    if any(name in tests for name in TIME_TESTS):
        atoms.append(_time_range(time, predicate, clock))
    return conjunction(atoms)


def _given(columns: tuple[Column, ...], *, present: bool) -> list[Atom]:
    if not columns:
        return [NEVER] if present else []
    return [Given(columns, present)]


def _one_of(column: Column | None, values: tuple, *, negated: bool, fold: bool) -> Atom:  # type: ignore[type-arg]
    if column is None:
        return NEVER
    if column.type == "number":
        return OneOf(column, tuple(sorted({micros(v) for v in values})), negated)
    if column.type == "boolean":
        return OneOf(column, tuple(sorted(set(values))), negated)
    texts = {simple_lower(v) if fold else v for v in values}
    return OneOf(column, tuple(sorted(texts)), negated, fold)


def _number_range(column: Column | None, predicate: Predicate) -> Atom:
    given = {name: value for name, value in predicate.tests.items() if name in NUMBER_TESTS}
    bounds = closed(Comparison(**given))
    return Range(column, bounds.low, bounds.high) if column else NEVER


def _time_range(column: Column | None, predicate: Predicate, clock: Clock) -> Atom:
    if column is None:
        return NEVER
    lows, highs = [], []
    if predicate.after is not None:
        lows.append(clock.instant(predicate.after))
    if predicate.before is not None:
        highs.append(clock.instant(predicate.before) - 1)
    if predicate.within is not None:
        lows.append(clock.as_of_us - predicate.within.micros)
        highs.append(clock.as_of_us - 1)
    if predicate.within_next is not None:
        lows.append(clock.as_of_us)
        highs.append(clock.as_of_us + predicate.within_next.micros - 1)
    return Range(column, max(lows, default=None), min(highs, default=None))
