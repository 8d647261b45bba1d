"""How a world written by hand or drawn at random becomes the canonical relations of an engine.

`load` writes Parquet files and says, as any store does, where they are and what their coded
columns mean. Rows come in no useful order, types that no value has get a column now and then,
and codes are not in the order of names: an engine must not lean on any of that.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import sqlglot
import sqlglot.expressions as exp

from fewer.model.catalog import Catalog
from fewer.model.values import SUFFIX, VALUE_TYPES, ValueType
from oracle.world import Event, Instant, Value, Values, World, kind

COLUMN_TYPES = {
    "text": pa.string(),
    "number": pa.int64(),
    "boolean": pa.bool_(),
    "timestamp": pa.int64(),
}

AD_REPORTS = pa.schema(
    [("day", pa.date32())]
    + [
        (name, pa.string())
        for name in ("platform", "account", "campaign", "ad_set", "ad", "segment", "arm")
    ]
    + [("currency", pa.string())]
    + [(name, pa.int64()) for name in ("impressions", "clicks", "spend", "conversions", "value")]
    + [("source", pa.string())]
)

Codes = dict[str, dict[ValueType, str]]
"""Name -> type -> column."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A world as an engine sees it."""

    relations: Mapping[str, exp.Query]
    catalog: Catalog


def load(world: World, folder: Path) -> Loaded:
    """Write a world's tables into a folder; relations are queries over those files."""
    properties = _codes("p", (e.properties for e in world.events))
    traits = _codes("t", world.people.values())
    items = _codes("i", world.items.values())
    tables = {
        "events": _events(world.events, properties),
        "people": _coded(("person", pa.uint32()), world.people.items(), traits),
        "persons": _table({"person": pa.uint32(), "key": pa.string()}, list(world.persons.items())),
        "consents": _table(
            {"person": pa.uint32(), "purpose": pa.string(), "state": pa.string()},
            [(person, purpose, state) for (person, purpose), state in world.consents.items()],
        ),
        "items": _coded(("item_id", pa.string()), world.items.items(), items),
        "lists": _table(
            {"list_id": pa.string(), "person": pa.uint32()},
            [(name, person) for name, people in world.lists.items() for person in sorted(people)],
        ),
        "ad_reports": AD_REPORTS.empty_table(),
    }
    times = [event.ts for event in world.events]
    names = (event.event for event in world.events)
    catalog = Catalog(
        events=dict(Counter(names)),
        properties=properties,
        traits=traits,
        items=items,
        lists=tuple(sorted(world.lists)),
        purposes=tuple(sorted({purpose for _, purpose in world.consents})),
        first_ts=min(times, default=None),
        last_ts=max(times, default=None),
    )
    relations = {name: _stored(table, folder / f"{name}.parquet") for name, table in tables.items()}
    return Loaded(relations, catalog)


def _stored(table: pa.Table, path: Path) -> exp.Query:
    pq.write_table(table, path)
    query = sqlglot.parse_one("SELECT * FROM read_parquet('')", dialect="duckdb")
    for literal in query.find_all(exp.Literal):
        literal.replace(exp.Literal.string(str(path)))
    assert isinstance(query, exp.Query)
    return query


def _codes(letter: str, rows: Iterable[Values]) -> Codes:
    """A coded column for every name and type in use, and one that holds nothing."""
    seen: dict[str, set[str]] = {}
    for row in rows:
        for name, value in row.items():
            seen.setdefault(name, set()).add(kind(value))
    ordered = sorted(seen, key=lambda name: name[::-1])
    if ordered:
        seen[ordered[0]].add("timestamp")
    return {
        name: {
            type_: f"{letter}{11 * place + 3}{SUFFIX[type_]}"
            for type_ in VALUE_TYPES
            if type_ in seen[name]
        }
        for place, name in enumerate(ordered)
    }


def plain(value: Value) -> Any:
    """A value as its column holds it: numbers in micro-units, timestamps in microseconds."""
    match value:
        case Instant():
            return value.us
        case bool() | str():
            return value
        case _:
            micros = value * 1_000_000
            assert micros == int(micros), value
            return int(micros)


def _events(events: Sequence[Event], codes: Codes) -> pa.Table:
    keys = {
        "event_id": pa.string(),
        "person": pa.uint32(),
        "ts": pa.int64(),
        "event": pa.string(),
        "source": pa.string(),
    }
    shuffled = sorted(events, key=lambda e: (hash((e.ts, e.person)) % 97, e.event_id[::-1]))
    rows = [(e.event_id, e.person, e.ts, e.event, "drawn") for e in shuffled]
    return _widened(_table(keys, rows), [e.properties for e in shuffled], codes)


def _coded(key: tuple[str, Any], rows: Iterable[tuple[Any, Values]], codes: Codes) -> pa.Table:
    held = list(rows)
    return _widened(_table(dict([key]), [(k,) for k, _ in held]), [v for _, v in held], codes)


def _widened(table: pa.Table, rows: Sequence[Values], codes: Codes) -> pa.Table:
    for name, columns in codes.items():
        for type_, column in columns.items():
            values = [
                plain(row[name]) if name in row and kind(row[name]) == type_ else None
                for row in rows
            ]
            table = table.append_column(column, pa.array(values, COLUMN_TYPES[type_]))
    return table


def _table(types: Mapping[str, Any], rows: Sequence[tuple[Any, ...]]) -> pa.Table:
    columns = list(zip(*rows, strict=True)) if rows else [() for _ in types]
    arrays = [pa.array(column, t) for column, t in zip(columns, types.values(), strict=True)]
    return pa.table(arrays, names=list(types))
