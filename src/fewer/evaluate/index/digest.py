"""A part of the index from one data file: rows by event name and time, texts as codes."""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyroaring import BitMap

from fewer.errors import EngineError
from fewer.evaluate.index.layout import Array
from fewer.model.values import SUFFIX

MISSING: Final = int(np.iinfo(np.int64).min)
"""Stands for no value among numbers and times; lies beyond every value that can be stored."""

KEYS: Final = ("event_id", "person", "ts", "event", "source", "day", "overflow")
_UNITS: Final = (1_000_000, 1_000, 1)
_FULL: Final = 1 << 32
_KINDS: Final = {suffix: kind for kind, suffix in SUFFIX.items()}


def digest(
    path: Path, merges: Mapping[int, int] = MappingProxyType({})
) -> tuple[dict[str, Any], dict[str, Array]]:
    """Facts and arrays of the part for a data file, its identities replaced by their persons.

    Groups are rows of one event name, ordered by time and then by the bytes of the event's id.
    Columns are held one at a time, so memory follows the largest column, not the file.

    Raises `EngineError` when the file can't be read, or a column is not of the type it was.
    """
    with _opened(path) as file:
        return _digest(file, path, merges)


def _opened(path: Path) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(path)
    except FileNotFoundError:
        raise gone(path) from None
    except (OSError, pa.ArrowException) as error:
        raise unreadable(path, error) from None


def gone(path: Path) -> EngineError:
    """The error for a data file that is not there."""
    return EngineError(
        f"A data file of the store is gone: {path.parent.name}/{path.name}. Restore .fewer from a"
        " backup, or read the sources anew: fewer ingest --rebuild"
    )


def unreadable(path: Path, error: Exception) -> EngineError:
    """The error for a data file that is not what the store wrote."""
    return EngineError(
        f"A data file of the store can't be read: {path.parent.name}/{path.name}"
        f" ({type(error).__name__}). Restore .fewer from a backup, or read the sources anew:"
        " fewer ingest --rebuild"
    )


def _digest(
    file: pq.ParquetFile, path: Path, merges: Mapping[int, int]
) -> tuple[dict[str, Any], dict[str, Array]]:
    names = set(file.schema_arrow.names)
    ts = _numbers(_key(file, path, "ts"), path, "ts")
    events = _texted(_key(file, path, "event"), path, "event").dictionary_encode()
    narrow = np.min_scalar_type(max(len(events.dictionary), 1))
    order = _order(file, path, ts, events.indices.to_numpy().astype(narrow))
    person = _persons(file, path)
    identities = _everyone(person)
    concerned = concerning(merges, identities)
    if concerned:
        person = _replaced(person, concerned)
    people = _everyone(person) if concerned else identities
    arrays: dict[str, Array] = {
        "identities": np.frombuffer(identities.serialize(), np.uint8),
        "people": np.frombuffer(people.serialize(), np.uint8),
    }
    groups: list[dict[str, Any]] = []
    sizes = np.bincount(events.indices.to_numpy(), minlength=len(events.dictionary))
    bounds = np.concatenate(([0], np.cumsum(sizes)))
    for number, name in enumerate(events.dictionary.to_pylist()):
        rows = order[bounds[number] : bounds[number + 1]]
        arrays[f"{number}.person"] = person[rows]
        base, unit, arrays[f"{number}.ts"] = _instants(ts[rows])
        groups.append(
            {
                "event": name,
                "rows": len(rows),
                "base": base,
                "unit": unit,
                "first": int(ts[rows[0]]),
                "last": int(ts[rows[-1]]),
                "columns": {},
            }
        )
    del ts
    cut = [order[bounds[n] : bounds[n + 1]] for n in range(len(groups))]
    for name, column in _properties(file, path, names):
        _add(name, column, cut, groups, arrays, path)
    facts = {
        "rows": len(person),
        "groups": groups,
        "top": int(person.max(initial=0)),
        "merged": fingerprint(concerned),
    }
    return facts, arrays


def concerning(merges: Mapping[int, int], identities: BitMap) -> dict[int, int]:
    """Those merges that say something of these identities."""
    if not merges:
        return {}
    return {int(i): merges[i] for i in identities & BitMap(merges)}


def fingerprint(merges: Mapping[int, int]) -> str:
    """Text that tells merges apart; empty for none."""
    return sha256(repr(sorted(merges.items())).encode()).hexdigest()[:32] if merges else ""


def _replaced(person: Array, merges: Mapping[int, int]) -> Array:
    identities = np.array(sorted(merges), np.uint32)
    persons = np.array([merges[int(i)] for i in identities], np.uint32)
    at = np.minimum(np.searchsorted(identities, person), identities.size - 1)
    found: Array = np.where(identities[at] == person, persons[at], person)
    return found


def _everyone(person: Array) -> BitMap:
    ordered = np.sort(person)
    first = np.ones(ordered.size, bool)
    first[1:] = ordered[1:] != ordered[:-1]
    return BitMap(array("I", ordered[first].tobytes()))


def _persons(file: pq.ParquetFile, path: Path) -> Array:
    column = _key(file, path, "person")
    numbers = _numbers(column, path, "person")
    if numbers.size and not 0 <= int(numbers.min()) <= int(numbers.max()) < _FULL:
        raise _retyped(path, "person", column)
    return numbers.astype(np.uint32)


def _key(file: pq.ParquetFile, path: Path, name: str) -> pa.Array:
    column = _column(file, path, name)
    if column.null_count:
        raise _retyped(path, name, column, "nothing in some rows")
    return column


def _column(file: pq.ParquetFile, path: Path, name: str) -> pa.Array:
    try:
        found = file.read(columns=[name]).column(name)
    except (OSError, pa.ArrowException, KeyError) as error:
        raise unreadable(path, error) from None
    if pa.types.is_string(found.type):
        found = found.cast(pa.large_string())  # of which one array can be as long as it must
    return found.combine_chunks()


def _order(file: pq.ParquetFile, path: Path, ts: Array, events: Array) -> Array:
    """Rows by event name, then time, then event id: the store writes the latter two so."""
    later = np.diff(ts)
    if (later >= 0).all() and (not (later == 0).any() or _ids_rise(file, path, later == 0)):
        return np.argsort(events, kind="stable")
    ids = _column(file, path, "event_id").cast(pa.large_binary())
    by_id = pc.sort_indices(ids).to_numpy()
    rank = np.empty(len(by_id), np.int64)
    rank[by_id] = np.arange(len(by_id))
    order: Array = np.lexsort((rank, ts, events))
    return order


def _ids_rise(file: pq.ParquetFile, path: Path, tied: Array) -> bool:
    ids = _column(file, path, "event_id")
    rises = pc.less_equal(ids.slice(0, len(ids) - 1), ids.slice(1))
    return bool(rises.to_numpy(zero_copy_only=False)[tied].all())


def _instants(ts: Array) -> tuple[int, int, Array]:
    """Base and unit of times, and the times in them: four bytes where seconds or less suffice."""
    base = int(ts[0])
    distance = ts - base
    for unit in _UNITS:
        if int(distance[-1]) // unit < _FULL and not (distance % unit).any():
            return base, unit, (distance // unit).astype(np.uint32)
    return base, 1, distance


def _properties(
    file: pq.ParquetFile, path: Path, names: set[str]
) -> Iterator[tuple[str, pa.Array]]:
    for name in sorted(names - set(KEYS)):
        yield name, _column(file, path, name)
    if "overflow" in names:
        texts = _texted(_column(file, path, "overflow"), path, "overflow")
        try:
            yield from _overflowing(texts)
        except (ValueError, TypeError, AttributeError, OverflowError) as error:  # no such JSON
            raise unreadable(path, error) from None


def _overflowing(texts: pa.Array) -> Iterator[tuple[str, pa.Array]]:
    """Columns of the rare properties, which the store keeps as one JSON object in each row."""
    found: dict[str, list[tuple[int, Any]]] = {}
    for row, text in enumerate(texts.to_pylist()):
        for name, value in json.loads(text).items() if text is not None else ():
            if value is not None:
                found.setdefault(name, []).append((row, value))
    types = {"_t": pa.string(), "_b": pa.bool_()}
    for name, cells in sorted(found.items()):
        values: list[Any] = [None] * len(texts)
        for row, value in cells:
            values[row] = value
        yield name, pa.array(values, types.get(name[-2:], pa.int64()))


def _add(
    name: str,
    column: pa.Array,
    cut: list[Array],
    groups: list[dict[str, Any]],
    arrays: dict[str, Array],
    path: Path,
) -> None:
    """Add a property to the groups that have any value of it."""
    if column.null_count == len(column):
        return
    kind = _KINDS.get(name[-2:])
    if kind == "text":
        coded = _texts(column, path, name)
        arrays[f"{name}.offsets"], arrays[f"{name}.bytes"] = coded[1:]
        whole = coded[0]
    elif kind == "boolean":
        if not pa.types.is_boolean(column.type):
            raise _retyped(path, name, column)
        filled = pc.fill_null(column, False).to_numpy(zero_copy_only=False)
        whole = np.where(column.is_null().to_numpy(zero_copy_only=False), 0, 1 + filled)
        whole = whole.astype(np.uint8)
    else:
        whole = _numbers(column, path, name)
    nothing = 0 if kind in ("text", "boolean") else MISSING
    for number, rows in enumerate(cut):
        values = whole[rows]
        there = values[values != nothing]
        if there.size:
            arrays[f"{number}.{name}"] = values
            groups[number]["columns"][name] = [int(there.min()), int(there.max())]


def _texts(column: pa.Array, path: Path, name: str) -> tuple[Array, Array, Array]:
    """Codes from 1 (0 is missing) in as few bytes as they need; offsets and bytes of the texts."""
    encoded = _texted(column, path, name).dictionary_encode()
    texts = encoded.dictionary
    codes = pc.add(pc.fill_null(encoded.indices, -1), 1).to_numpy()
    width = np.min_scalar_type(len(texts))
    _, offsets, data = texts.buffers()
    count = len(texts)
    places = np.frombuffer(offsets, np.int64)[texts.offset : texts.offset + count + 1]
    held = np.frombuffer(data, np.uint8)[places[0] : places[-1]] if data else np.zeros(0, np.uint8)
    return codes.astype(width), places - places[0], held


def _texted(column: pa.Array, path: Path, name: str) -> pa.Array:
    if not pa.types.is_string(column.type) and not pa.types.is_large_string(column.type):
        raise _retyped(path, name, column)
    return column.cast(pa.large_string())


def _numbers(column: pa.Array, path: Path, name: str) -> Array:
    if not pa.types.is_integer(column.type):
        raise _retyped(path, name, column)
    try:
        whole = column.cast(pa.int64())
    except pa.ArrowInvalid:  # beyond 64 bits
        raise _retyped(path, name, column) from None
    values = pc.fill_null(whole, MISSING)
    found: Array = values.to_numpy(zero_copy_only=False)
    return found


def _retyped(path: Path, name: str, column: pa.Array, holds: str = "") -> EngineError:
    return EngineError(
        f"Column {name!r} of {path.parent.name}/{path.name} holds {holds or column.type}, not what"
        " the store writes there. Restore .fewer from a backup, or read the sources anew:"
        " fewer ingest --rebuild"
    )
