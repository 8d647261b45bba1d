"""``"*"`` of a mapping: every key of an object becomes a value of its own.

Keys are found by reading the file once. Nested objects join their keys with dots; a key that
holds a dot, or would land in the reserved ``item.``, must be mapped by hand and is counted.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

import duckdb
import sqlglot.expressions as exp

from fewer.data.sources import values
from fewer.data.sources.fields import Field, Scope, shape_of
from fewer.data.sources.values import Reading
from fewer.data.store.sql import call, column, fill, text
from fewer.data.store.writer import Writer
from fewer.errors import SourceError
from fewer.model.mapping import ITEM_ID, ITEM_PREFIX, Flatten, Value

MAX_KEYS: Final = 2_000
"""Distinct keys of one object column; more are values used as keys."""

Path = tuple[str, ...]


def flatten(
    writer: Writer, scope: Scope, star: Flatten, *, zone: str, taken: set[str]
) -> tuple[dict[str, Reading], list[tuple[str, int]]]:
    """Readings of all keys that are not `taken`, by name, and warnings about keys left out.

    Raises:
        SourceError: for more than `MAX_KEYS` keys.
    """
    notes: list[tuple[str, int]] = []
    readings: dict[str, Reading] = {}
    for path in _paths(writer, scope, star):
        name = star.prefix + ".".join(path)
        whole = ".".join(path)
        if name in taken or whole in star.skip or any(whole.startswith(f"{s}.") for s in star.skip):
            continue
        if any("." in part for part in path) and scope.relation.document:
            notes.append((f"key_with_dot {whole}", 1))
            continue
        if name.startswith(ITEM_PREFIX):
            notes.append((f"reserved_name {name}", 1))
            continue
        readings[name] = _read(scope, star, path, name, zone)
    if len(readings) > MAX_KEYS:
        raise SourceError(
            f"The object {star.column or 'row'!r} has {len(readings):,} different keys, more than "
            f"{MAX_KEYS:,}: its keys look like values. Map the ones you need by name, "
            "or leave them out with skip: [...]."
        )
    return readings, notes


def _read(scope: Scope, star: Flatten, path: Path, name: str, zone: str) -> Reading:
    outer = (star.column,) if star.column else ()
    full = ".".join((*outer, *path))
    join = ", " if star.arrays == "join" else None
    field = scope.get(full)
    if join is not None and field.shape in ("list", "json"):
        joined = values.read(scope, Value(column=full, join=join), zone=zone)
        if field.shape == "list":
            return joined
        plain = values.read(scope, Value(column=full), zone=zone)
        both = call("coalesce", plain.values["text"], joined.values["text"])
        return Reading({**plain.values, "text": both}, None)
    as_type = "text" if name == ITEM_ID else None
    return values.read(scope, Value(column=full), zone=zone, as_type=as_type)  # type: ignore[arg-type]


def _paths(writer: Writer, scope: Scope, star: Flatten) -> Iterator[Path]:
    if star.column is None and not scope.relation.document:
        yield from ((name,) for name in scope.relation.columns)
        return
    if star.column is None:
        yield from _json_paths(writer, scope, column("doc"))
        return
    field = scope.get(star.column)
    match field.shape:
        case "json":
            yield from _json_paths(writer, scope, field.sql)
        case "text":
            yield from _json_paths(writer, scope, fill("TRY_CAST($x AS JSON)", x=field.sql))
        case "struct":
            yield from _struct_paths(field.type)
        case "map":
            yield from _map_paths(writer, scope, field)
        case _:
            raise SourceError(
                f'Column {star.column!r} is mapped with "*", but it holds no objects.'
            )


def _json_paths(writer: Writer, scope: Scope, document: exp.Expr) -> Iterator[Path]:
    objects = fill(
        "json_group_structure(CASE WHEN json_type($d) = 'OBJECT' THEN $d END)", d=document
    )
    query = exp.select(objects).from_(scope.query().subquery("q"))
    try:
        found = writer.query(text(query))[0][0]
    except duckdb.Error as error:
        raise SourceError(
            'Objects mapped with "*" are nested too deep to be flattened. Map the values you need '
            "by their paths."
        ) from error
    if found is not None:
        yield from _leaves(json.loads(found), ())


def _leaves(structure: Any, path: Path) -> Iterator[Path]:
    if isinstance(structure, dict):
        for key in structure:
            yield from _leaves(structure[key], (*path, key))
    elif path:
        yield path


def _struct_paths(type_: Any, path: Path = ()) -> Iterator[Path]:
    for name, inner in type_.children:
        if shape_of(inner) == "struct":
            yield from _struct_paths(inner, (*path, name))
        else:
            yield (*path, name)


def _map_paths(writer: Writer, scope: Scope, field: Field) -> Iterator[Path]:
    keys = exp.alias_(call("unnest", call("map_keys", field.sql)), "k")
    query = (
        exp.select("k")
        .distinct()
        .from_(exp.select(keys).from_(scope.query().subquery("q")).subquery("m"))
    )
    for (key,) in sorted(writer.query(text(query))):
        yield (str(key),)
