"""What templates may know of each person: their last action at `as_of`, counts, declared traits.

One query reads it for all members at once. It runs over the canonical relations, so that what a
message says agrees with the condition that put the person into the segment.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

import sqlglot
from pyroaring import BitMap
from sqlglot import exp

from fewer.evaluate.engines.base import Engine
from fewer.evaluate.plan.atom import Atom, Column, where_atoms
from fewer.evaluate.plan.clock import Clock
from fewer.evaluate.plan.leaf import Match
from fewer.evaluate.sql.events import atom_columns
from fewer.evaluate.sql.functions.base import Functions
from fewer.evaluate.sql.predicate import conjunction, match_condition
from fewer.evaluate.sql.tree import (
    case,
    column,
    every,
    known,
    left_join,
    named,
    nested,
    number,
    ordered,
    select,
    table,
    window,
)
from fewer.model.catalog import ITEM_ID, ITEM_PREFIX, Catalog
from fewer.model.condition import ANY_EVENT, Occurrence
from fewer.model.creative import Creative
from fewer.model.mapping import PATH_SEPARATOR
from fewer.model.values import VALUE_TYPES, ValueType
from fewer.model.window import DAY

ANYTHING: Final = Occurrence(did=(ANY_EVENT,))
VALUES: Final = ("value", "revenue", "price", "amount")
"""Properties that are taken for an action's value, the first that it has."""

_MEMBERS: Final = "members"
_GIVEN: Final = sqlglot.parse_one(
    "SELECT UNNEST(CAST(? AS UINTEGER[])) AS person", dialect="duckdb"
)
"""The members, as a parameter: no person number stands in the text of a query."""

Values = dict[str, Any]
"""``{"last": {...}, "item": {...}, "counts": {...}, "traits": {...}}``; missing: no key."""


@dataclass(frozen=True, slots=True)
class Known:
    """One person: values for templates, and the creatives whose tests the last action passes."""

    person: int
    values: Values
    passes: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A value for templates, and the columns it is read from, best first."""

    path: tuple[str, ...]
    columns: tuple[Column, ...]


def read(
    engine: Engine,
    functions: Functions,
    creatives: Sequence[Creative],
    members: BitMap,
    *,
    catalog: Catalog,
    clock: Clock,
) -> list[Known]:
    """Values of every member, as seen by creatives that share one `last`.

    People without such an event are in the result too, without ``last``.
    """
    if not creatives or not members:
        return []
    wanted = _wanted(creatives, catalog)
    asked = _query(creatives, wanted, catalog=catalog, clock=clock, functions=functions)
    found = engine.run(asked, parameters=[list(members)])
    rows = zip(*(found.column(name).to_pylist() for name in found.column_names), strict=True)
    ids = [creative.id for creative in creatives]
    return [_known(row, ids, wanted, clock) for row in rows]


def _known(
    row: Sequence[Any], ids: Sequence[str], wanted: Sequence[_Wanted], clock: Clock
) -> Known:
    person, ts, event, week, month, *rest = row
    flags, cells = rest[: len(ids)], rest[len(ids) :]
    values: Values = {}
    position = 0
    for value in wanted:
        for stored in value.columns:
            cell = cells[position]
            position += 1
            if cell is not None and not _has(values, value.path):
                _put(values, value.path, _plain(cell, stored.type, clock.zone))
    last = values.setdefault("last", {})
    if ts is None:
        last.clear()
        values.pop("item", None)
    else:
        last |= {"event": event, "days_ago": (clock.as_of_us - ts) // DAY}
        last.setdefault("item", last.get("item_id"))
        _path(last)
    values["last"] = {name: value for name, value in last.items() if value is not None}
    values["counts"] = {"last_7_days": week or 0, "last_30_days": month or 0}
    passes = frozenset(name for name, passed in zip(ids, flags, strict=True) if passed)
    return Known(person, values, passes)


def _path(last: Values) -> None:
    category = last.get("category")
    if category:
        parts = str(category).split(PATH_SEPARATOR)
        last |= {"category_top": parts[0], "category_leaf": parts[-1]}


def _wanted(creatives: Sequence[Creative], catalog: Catalog) -> tuple[_Wanted, ...]:
    def event(*names: str, types: Iterable[ValueType] = VALUE_TYPES) -> tuple[Column, ...]:
        return tuple(
            Column("events", columns[kind], kind)
            for columns in (catalog.properties.get(name, {}) for name in names)
            for kind in types
            if kind in columns
        )

    has_items = "text" in catalog.properties.get(ITEM_ID, {})

    def item(name: str, types: Iterable[ValueType] = VALUE_TYPES) -> tuple[Column, ...]:
        columns = catalog.items.get(name, {}) if has_items else {}
        return tuple(Column("items", columns[kind], kind) for kind in types if kind in columns)

    text: tuple[ValueType, ...] = ("text",)
    found = [
        _Wanted(("last", "item_id"), event(ITEM_ID, types=text)),
        _Wanted(("last", "item"), item("name", text)),
        _Wanted(("last", "brand"), item("brand", text) + event("brand", types=text)),
        _Wanted(("last", "category"), item("category", text) + event("category", types=text)),
        _Wanted(("last", "value"), event(*VALUES, types=("number",))),
        _Wanted(("last", "currency"), event("currency", types=text)),
    ]
    for name in sorted({name for creative in creatives for name in creative.properties}):
        if name.startswith(ITEM_PREFIX):
            bare = name.removeprefix(ITEM_PREFIX)
            found.append(_Wanted(("item", *bare.split(".")), item(bare)))
        else:
            found.append(_Wanted(("last", *name.split(".")), event(name)))
    for name in sorted({name for creative in creatives for name in creative.traits}):
        columns = catalog.traits.get(name, {})
        typed = tuple(Column("people", columns[k], k) for k in VALUE_TYPES if k in columns)
        found.append(_Wanted(("traits", *name.split(".")), typed))
    return tuple(value for value in found if value.columns)


def _query(
    creatives: Sequence[Creative],
    wanted: Sequence[_Wanted],
    *,
    catalog: Catalog,
    clock: Clock,
    functions: Functions,
) -> exp.Query:
    """Person, ts, event, two counts, one flag per creative, then the cells of `wanted`."""
    having = [where_atoms(creative.having, catalog, clock) for creative in creatives]
    cells = [stored for value in wanted for stored in value.columns]
    inner = {c for c in cells if c.table != "people"} | {
        c for atoms in having for c in atom_columns(atoms)
    }
    last = creatives[0].last or ANYTHING
    picked = _picked(last, sorted(inner), catalog=catalog, clock=clock, functions=functions)

    output: list[exp.Expr] = [column("person", "m")]
    output += [column(name, "p") for name in ("ts", "event", "week", "month")]
    for position, (creative, atoms) in enumerate(zip(creatives, having, strict=True)):
        output.append(named(_passes(creative, atoms, clock, functions), f"c{position}"))
    for position, stored in enumerate(cells):
        place = column(stored.name, "t") if stored.table == "people" else _inner(stored)
        output.append(named(place, f"v{position}"))
    first = exp.EQ(this=column("place", "p"), expression=number(1))
    same = exp.EQ(this=column("person", "p"), expression=column("person", "m"))
    joins = [left_join(nested(picked, "p"), exp.And(this=same, expression=first))]
    if any(stored.table == "people" for stored in cells):
        on = exp.EQ(this=column("person", "t"), expression=column("person", "m"))
        joins.append(left_join(table("people", "t"), on))
    query = select(output, table(_MEMBERS, "m"), joins=joins)
    return query.with_(_MEMBERS, as_=_GIVEN.copy(), copy=False)


def _picked(
    last: Occurrence,
    columns: Sequence[Column],
    *,
    catalog: Catalog,
    clock: Clock,
    functions: Functions,
) -> exp.Select:
    """Matching events of members before as_of; `place` 1 is each person's last."""
    names = None if last.did == (ANY_EVENT,) else tuple(sorted(last.did))
    match = Match(names, where_atoms(last.where, catalog, clock))
    condition = match_condition(match, _stored, functions, event=column("event", "e"))
    before = exp.LT(this=column("ts", "e"), expression=number(clock.as_of_us))
    chosen = exp.In(
        this=column("person", "e"),
        query=exp.Subquery(this=select([column("person")], table(_MEMBERS))),
    )
    partition = [column("person", "e")]
    latest = [
        ordered(column("ts", "e"), descending=True),
        ordered(functions.bytewise(column("event_id", "e")), descending=True),
    ]
    output: list[exp.Expr] = [column(name, "e") for name in ("person", "ts", "event")]
    output += [
        named(_count_since(clock.as_of_us - days * DAY, partition), name)
        for name, days in (("week", 7), ("month", 30))
    ]
    place = window(exp.RowNumber(), partition=partition, order=latest)
    output.append(named(place, "place"))
    output += [named(_stored(stored), _inner_name(stored)) for stored in columns]
    tested = atom_columns(match.atoms)
    joins = []
    if any(stored.table == "items" for stored in (*columns, *tested)):
        item_id = catalog.properties[ITEM_ID]["text"]
        on = exp.EQ(this=column("item_id", "i"), expression=column(item_id, "e"))
        joins.append(left_join(table("items", "i"), on))
    tests = [before, chosen] + ([condition] if condition is not None else [])
    return select(output, table("events", "e"), where=every(tests), joins=joins)


def _count_since(start: int, partition: Sequence[exp.Expr]) -> exp.Expr:
    recent = exp.GTE(this=column("ts", "e"), expression=number(start))
    counted = exp.Count(this=case(recent, number(1)))
    return exp.Window(this=counted, partition_by=[p.copy() for p in partition])


def _passes(
    creative: Creative, atoms: Iterable[Atom], clock: Clock, functions: Functions
) -> exp.Expr:
    """Whether the creative's tests hold; without any, for everyone."""
    if not creative.picks_event:
        return exp.true()
    tests: list[exp.Expr] = [exp.Not(this=exp.Is(this=column("ts", "p"), expression=exp.Null()))]
    if creative.within is not None:
        start = clock.as_of_us - creative.within.micros
        tests.append(exp.GTE(this=column("ts", "p"), expression=number(start)))
    having = conjunction(atoms, _inner, functions)
    if having is not None:
        tests.append(known(having))
    condition = every(tests)
    return exp.true() if condition is None else known(condition)


def _stored(stored: Column) -> exp.Column:
    return column(stored.name, "i" if stored.table == "items" else "e")


def _inner_name(stored: Column) -> str:
    return f"{stored.table}_{stored.name}"


def _inner(stored: Column) -> exp.Column:
    return column(_inner_name(stored), "p")


def _plain(cell: Any, kind: ValueType, zone: ZoneInfo) -> Any:
    """A stored value as people read it: numbers without micro-units, times as local dates."""
    match kind:
        case "number":
            exact = Decimal(cell) / 1_000_000
            return int(exact) if exact == int(exact) else exact.normalize()
        case "timestamp":
            moment = datetime.fromtimestamp(cell / 1_000_000, tz=UTC)
            return moment.astimezone(zone).date().isoformat()
        case _:
            return cell


def _has(values: Mapping[str, Any], path: Sequence[str]) -> bool:
    here: Any = values
    for part in path:
        if not isinstance(here, Mapping) or part not in here:
            return False
        here = here[part]
    return True


def _put(values: Values, path: Sequence[str], value: Any) -> None:
    here = values
    for part in path[:-1]:
        inside = here.setdefault(part, {})
        if not isinstance(inside, dict):
            return
        here = inside
    here[path[-1]] = value
