"""A world as somebody else's tables: their names, their types, their ways to write a time.

`spelled` makes the rows and the mapping; `in_duckdb`, `in_postgres` and so on put them into a
database. What can't be spelled in one column (a trait that is a text here and a number there) is
taken out of the world first: see `spellable`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import psycopg
import pyarrow as pa
import pyarrow.parquet as pq

from fewer.model.in_place import OwnTables
from oracle.world import Event, Instant, Value, Values, World, kind

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FIRST, LAST = -62_135_596_800_000_000, 253_402_300_799_999_999

SHAPES = {
    "text": ("text",),
    "number": ("decimal", "double", "integer"),
    "boolean": ("boolean",),
    "timestamp": ("timestamptz", "timestamp", "epoch_us"),
}
"""How the user may keep values of a type; the first that holds them all is not always taken."""

SCHEMA = 'Their "data"'


@dataclass(frozen=True, slots=True)
class Table:
    """One table: columns with their shapes, and rows."""

    name: str
    columns: Mapping[str, str]
    rows: Sequence[tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Spelled:
    """Tables, and the mapping that makes them the world again."""

    tables: tuple[Table, ...]
    mapping: Mapping[str, Any]
    numbers: Mapping[str, int]

    @property
    def own(self) -> OwnTables:
        return OwnTables.model_validate(self.mapping)


CLICKHOUSE_TIMES = (-2_208_988_800_000_000, 7_258_118_400_000_000 - 1)
"""From 1900 to 2199: what its DateTime64 can hold in any version."""


def spellable(world: World, times: tuple[int, int] = (FIRST, LAST)) -> World:
    """The world without what one column of one type, or a text without NUL, can't hold."""
    persons = {p: key for p, key in world.persons.items() if key and "\0" not in key}
    people = _one_type_each({p: v for p, v in world.people.items() if p in persons}, times)
    items = _one_type_each({i: v for i, v in world.items.items() if i and "\0" not in i}, times)
    events = tuple(
        replace(e, properties=_holdable(e.properties, times))
        for e in world.events
        if times[0] <= e.ts <= times[1]
        and e.person in persons
        and "\0" not in e.event_id + e.event
        and e.event
        and e.event_id
    )
    consents = {k: v for k, v in world.consents.items() if k[0] in people}
    lists = {n: people & persons.keys() for n, people in world.lists.items()}
    return World(persons, events, people, consents, items, lists)


def _holdable(values: Values, times: tuple[int, int]) -> Values:
    def fits(name: str, value: Value) -> bool:
        if isinstance(value, Instant):
            return times[0] <= value.us <= times[1]
        return not (isinstance(value, str) and "\0" in value) and (
            name != "item_id" or isinstance(value, str)
        )

    return {name: value for name, value in values.items() if fits(name, value)}


def _one_type_each(rows: Mapping[Any, Values], times: tuple[int, int]) -> dict[Any, Values]:
    held = {key: _holdable(values, times) for key, values in rows.items()}
    kinds = Counter((n, kind(v)) for values in held.values() for n, v in values.items())
    common = {}
    for (name, type_), _ in kinds.most_common():
        common.setdefault(name, type_)
    return {
        key: {n: v for n, v in values.items() if kind(v) == common[n]}
        for key, values in held.items()
    }


def spelled(world: World, *, seed: int = 0) -> Spelled:
    """The tables of a spellable world; `seed` varies how things are kept."""
    tables: list[Table] = []
    mapping: dict[str, Any] = {"events": []}
    for n, events in enumerate(_groups(world.events)):
        table, mapped = _events(f'Event "log" {n}', events, world, seed + n)
        tables.append(table)
        mapping["events"].append(mapped)
    table, mapping["people"] = _people(world, seed)
    tables.append(table)
    table, mapping["items"] = _items(world, seed)
    tables.append(table)
    on_lists = [(name, world.persons[p]) for name, ps in world.lists.items() for p in sorted(ps)]
    tables.append(Table("lists", {"List": "text", "Who": "text"}, on_lists))
    mapping["lists"] = [{"table": [SCHEMA, "lists"], "list": {"column": "List"}, "person": "Who"}]
    return Spelled(tuple(tables), mapping, {key: p for p, key in world.persons.items()})


def _groups(events: Sequence[Event]) -> list[list[Event]]:
    """Events in few groups; within one a property has values of one type only."""
    groups: list[tuple[dict[str, str], list[Event]]] = []
    for event in events:
        own = {n: kind(v) for n, v in event.properties.items()}
        for types, members in groups:
            if all(types.get(n, t) == t for n, t in own.items()):
                types.update(own)
                members.append(event)
                break
        else:
            groups.append((own, [event]))
    return [members for _, members in groups]


class _Shaper:
    """Chooses shapes for columns, and writes values in them."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.columns: dict[str, str] = {}
        self.cells: dict[str, list[Any]] = {}

    def add(self, column: str, values: Sequence[Value | None]) -> Any:
        """Add a column of values of one type; how the mapping names it."""
        present = [v for v in values if v is not None]
        type_ = kind(present[0]) if present else "text"
        shapes = [s for s in SHAPES[type_] if all(_holds(s, v) for v in present)]
        shape = shapes[(self.seed + len(self.columns)) % len(shapes)]
        self.columns[column] = shape
        self.cells[column] = [None if v is None else _written(shape, v) for v in values]
        if shape == "epoch_us":
            return {"column": column, "type": "timestamp", "format": "epoch_us"}
        if shape == "timestamp":
            return {"column": column, "type": "timestamp", "zone": "UTC"}
        return column

    def table(self, name: str) -> Table:
        return Table(name, self.columns, list(zip(*self.cells.values(), strict=True)))


def _holds(shape: str, value: Value) -> bool:
    if shape == "double":
        return Decimal(repr(float(value))) == value  # type: ignore[arg-type]
    return shape != "integer" or value == int(value)  # type: ignore[arg-type, call-overload]


def _written(shape: str, value: Value) -> Any:
    if isinstance(value, Instant):
        at = EPOCH + timedelta(microseconds=value.us)
        return {"epoch_us": value.us, "timestamp": at.replace(tzinfo=None)}.get(shape, at)
    if shape == "double":
        return float(value)
    return int(value) if shape == "integer" else value


def _values(shaper: _Shaper, rows: Sequence[Values]) -> dict[str, Any]:
    names = sorted({name for row in rows for name in row})
    return {
        name: shaper.add(f'{name[:20]} "{n}" é', [row.get(name) for row in rows])
        for n, name in enumerate(names)
    }


def _events(
    name: str, events: Sequence[Event], world: World, seed: int
) -> tuple[Table, dict[str, Any]]:
    shaper = _Shaper(seed)
    shaper.add("Id", [e.event_id for e in events])
    shaper.add("select", [world.persons[e.person] for e in events])
    ts = shaper.add("When, exactly", [Instant(e.ts) for e in events])
    if isinstance(ts, dict):
        ts = {k: v for k, v in ts.items() if k != "type"}
    shaper.add("what", [e.event for e in events])
    # Rows of another kind in the same table, which the mapping leaves out.
    shaper.add("kind", ["event" for _ in events])
    properties = _values(shaper, [e.properties for e in events])
    mapped = {
        "table": [SCHEMA, name],
        "event": {"column": "what"},
        "person": "select",
        "ts": ts,
        "id": "Id",
        "when": {"kind": ["event", "other"]},
        "properties": properties,
    }
    table = shaper.table(name)
    left_out = tuple(
        "noise" if c == "kind" else v for c, v in zip(table.columns, table.rows[0], strict=True)
    )
    return replace(table, rows=[*table.rows, left_out]), mapped


def _people(world: World, seed: int) -> tuple[Table, dict[str, Any]]:
    shaper = _Shaper(seed)
    people = list(world.people)
    shaper.add("Person", [world.persons[p] for p in people])
    traits = _values(shaper, [world.people[p] for p in people])
    purposes = sorted({purpose for _, purpose in world.consents})
    consents = {
        purpose: shaper.add(f"may we {n}?", [world.consents.get((p, purpose)) for p in people])
        for n, purpose in enumerate(purposes)
    }
    mapped = {
        "table": [SCHEMA, "People"],
        "person": "Person",
        "traits": traits,
        "consents": consents,
    }
    return shaper.table("People"), mapped


def _items(world: World, seed: int) -> tuple[Table, dict[str, Any]]:
    shaper = _Shaper(seed)
    shaper.add("item", list(world.items))
    attributes = _values(shaper, list(world.items.values()))
    mapped = {"table": [SCHEMA, "items"], "item_id": "item", "attributes": attributes}
    return shaper.table("items"), mapped


# ------------------------------------------------------------------------------------ databases

_TYPES = {
    "text": "TEXT",
    "decimal": "NUMERIC(20, 6)",
    "double": "DOUBLE PRECISION",
    "integer": "BIGINT",
    "boolean": "BOOLEAN",
    "timestamptz": "TIMESTAMPTZ",
    "timestamp": "TIMESTAMP",
    "epoch_us": "BIGINT",
}


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _create(table: Table) -> str:
    columns = ", ".join(f"{_quoted(c)} {_TYPES[s]}" for c, s in table.columns.items())
    return f"CREATE TABLE {_quoted(SCHEMA)}.{_quoted(table.name)} ({columns})"


def _insert(table: Table, hole: str) -> str:
    holes = ", ".join(hole for _ in table.columns)
    into = f"{_quoted(SCHEMA)}.{_quoted(table.name)}"
    return f"INSERT INTO {into} VALUES ({holes})"  # noqa: S608  names that we made


def in_duckdb(own: Spelled, path: Path) -> str:
    """Make a database file of the tables."""
    with duckdb.connect(str(path)) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        _fill(own, connection.execute, connection.executemany, "?")
    return str(path)


def in_postgres(own: Spelled, url: str) -> str:
    """Make the tables in an empty database."""
    with psycopg.connect(url) as connection:
        _fill(own, connection.execute, connection.cursor().executemany, "%s")
    return url


def _fill(own: Spelled, execute: Callable[[str], Any], many: Callable[..., Any], hole: str) -> None:
    execute(f"CREATE SCHEMA {_quoted(SCHEMA)}")
    for table in own.tables:
        execute(_create(table))
        if table.rows:
            many(_insert(table, hole), list(table.rows))


# ClickHouse keeps every time as an instant, and has two ways to keep a text.
_CLICKHOUSE_TYPES = {
    "text": ("Nullable(String)", "LowCardinality(Nullable(String))"),
    "decimal": ("Nullable(Decimal(20, 6))",),
    "double": ("Nullable(Float64)",),
    "integer": ("Nullable(Int64)",),
    "boolean": ("Nullable(Bool)",),
    "timestamptz": ("Nullable(DateTime64(6, 'Asia/Tokyo'))",),
    "timestamp": ("Nullable(DateTime64(9))",),
    "epoch_us": ("Nullable(Int64)",),
}


def in_clickhouse(own: Spelled, folder: Path) -> Callable[[], None]:
    """Make the tables in the ClickHouse of this process; call what is returned to drop them."""
    from chdb.session import Session

    session = Session()
    session.query("SET use_structure_from_insertion_table_in_table_functions = 0")
    session.query(f"DROP DATABASE IF EXISTS {_quoted(SCHEMA)}")
    session.query(f"CREATE DATABASE {_quoted(SCHEMA)}")
    for number, table in enumerate(own.tables):
        place = f"{_quoted(SCHEMA)}.{_quoted(table.name)}"
        names = [_quoted(name.replace("\\", "\\\\")) for name in table.columns]
        types = [_CLICKHOUSE_TYPES[shape] for shape in table.columns.values()]
        chosen = [kinds[n % len(kinds)] for n, kinds in enumerate(types)]
        columns = ", ".join(map(" ".join, zip(names, chosen, strict=True)))
        session.query(f"CREATE TABLE {place} ({columns}) ENGINE = MergeTree ORDER BY tuple()")
        path = folder / f"{number}.parquet"
        cells = zip(*table.rows, strict=True) if table.rows else ((),) * len(names)
        shapes = table.columns.values()
        arrays = [_arrow(shape, values) for shape, values in zip(shapes, cells, strict=True)]
        pq.write_table(pa.table(arrays, [f"c{n}" for n in range(len(names))]), path)
        session.query(f"INSERT INTO {place} SELECT * FROM file('{path}', Parquet)")  # noqa: S608

    def drop() -> None:
        session.query(f"DROP DATABASE {_quoted(SCHEMA)}")
        session.close()

    return drop


def _arrow(shape: str, values: Sequence[Any]) -> pa.Array:
    types = {"text": pa.string(), "decimal": pa.decimal128(20, 6), "double": pa.float64()}
    types |= {"boolean": pa.bool_(), "timestamptz": pa.timestamp("us", "UTC")}
    types |= {"timestamp": pa.timestamp("us", "UTC")}
    return pa.array(values, types.get(shape, pa.int64()))
