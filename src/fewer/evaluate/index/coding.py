"""Values of properties as whole numbers that are equal exactly when the values are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fewer.evaluate.index.digest import MISSING
from fewer.evaluate.index.layout import Array
from fewer.evaluate.index.part import Part, remembered
from fewer.evaluate.index.rows import Chosen, Reader, texts_of
from fewer.evaluate.plan.atom import Column

Key = tuple[Column, ...]
"""The columns of one property, one for each type of its values."""


def coded(reader: Reader, taken: Sequence[Chosen], key: Key) -> Array:
    """For each of the rows a number from 1 for its value of the property; 0 where it has none.

    Values of different types are different values. Numbers are given anew in every call.
    """
    size = sum(map(len, taken))
    codes = np.zeros(size, np.int64)
    given = 0
    for column in key:
        raw, nothing = _raw(reader, taken, column)
        there = raw != nothing
        if not there.any():
            continue
        if column.type == "text":
            codes[there] = raw[there] + given
            given += int(raw.max())
        else:
            _, place = np.unique(raw[there], return_inverse=True)
            codes[there] = place + 1 + given
            given += int(place.max()) + 1
    return codes


def recoding(reader: Reader, taken: Sequence[Chosen], key: Key) -> Recoding | None:
    """Codes of a property whose values all rows tell by the codes of one column; else None."""
    if len(key) != 1:
        return None
    (column,) = key
    if column.table == "events":
        if column.type != "text":
            return None
        tables = _global(taken, column.name)
        most = max((int(codes.max()) for codes in tables.values()), default=0)
        return Recoding(column.name, tables, most)
    if reader.item_id is None:
        return None
    values, nothing = _item_values(reader, column)
    there = values != nothing
    codes = np.zeros(values.size, np.int64)
    _, place = np.unique(values[there], return_inverse=True)
    codes[there] = place + 1
    name = reader.item_id
    parts = {id(chosen.group.part): chosen.group.part for chosen in taken}
    tables = {at: codes[reader.item_rows(p, name)] for at, p in parts.items() if p.texts(name)}
    return Recoding(name, tables, int(codes.max(initial=0)))


@dataclass(frozen=True, slots=True)
class Recoding:
    """How codes of a column in each part (by its identity) become codes of all parts."""

    name: str
    tables: dict[int, Array]
    most: int
    """Largest code; 0 is no value."""


def _raw(reader: Reader, taken: Sequence[Chosen], column: Column) -> tuple[Array, int]:
    """Values of one column: codes of all parts for texts, else the values; and what is missing."""
    if column.table == "items":
        return _of_items(reader, taken, column)
    nothing = 0 if column.type in ("text", "boolean") else int(MISSING)
    names = _global(taken, column.name) if column.type == "text" else {}
    found = []
    for chosen in taken:
        if not chosen.group.has(column.name):
            found.append(np.full(len(chosen), nothing, np.int64))
            continue
        values = chosen.group.values(column.name)[chosen.index]
        if column.type == "text":
            values = names[id(chosen.group.part)][values]
        found.append(values.astype(np.int64, copy=False))
    return _joined(found), nothing


def _of_items(reader: Reader, taken: Sequence[Chosen], column: Column) -> tuple[Array, int]:
    values, nothing = _item_values(reader, column)
    found = []
    for chosen in taken:
        name = reader.item_id
        if name is None or not chosen.group.has(name):
            found.append(np.full(len(chosen), nothing, np.int64))
            continue
        rows = reader.item_rows(chosen.group.part, name)
        found.append(values[rows[chosen.group.values(name)[chosen.index]]])
    return _joined(found), nothing


def _item_values(reader: Reader, column: Column) -> tuple[Array, int]:
    """Value of each item as a number, one more at the end for no item; and what is missing."""
    items = reader.items
    if column.type == "text":
        values, nothing = items.coded(column.name)[0], 0
    elif column.type == "boolean":
        flags = items.there(column.name).astype(np.int64) * (1 + items.truths(column.name))
        values, nothing = flags, 0
    else:
        values, nothing = items.numbers(column.name, int(MISSING)), int(MISSING)
    return np.append(values, nothing), nothing


def _joined(arrays: Sequence[Array]) -> Array:
    return np.concatenate(arrays) if arrays else np.zeros(0, np.int64)


def _global(taken: Sequence[Chosen], name: str) -> dict[int, Array]:
    """For each part, code in the part -> code among the texts of all these parts."""
    parts = {id(chosen.group.part): chosen.group.part for chosen in taken}
    token = tuple(sorted(part.file.path.name for part in parts.values()))
    keyed = ("global", name, token)
    kept = {at: part.memo.get(keyed) for at, part in parts.items()}
    given: dict[int, Array] = {at: codes for at, codes in kept.items() if codes is not None}
    if len(given) == len(parts):
        return given
    # Numbers follow from the set of parts alone: who gives them next, for a part that was made
    # anew or on another thread, must give the same.
    held = sorted(parts.values(), key=lambda part: part.file.path.name)
    texts = [texts_of(part, name) for part in held]
    numbers = pa.chunked_array(texts, pa.large_string()).combine_chunks().dictionary_encode()
    codes = pc.add(numbers.indices, 1).to_numpy().astype(np.int64)
    found: dict[int, Array] = {}
    at = 0
    for part, own in zip(held, texts, strict=True):
        found[id(part)] = _with_zero(part, keyed, codes[at : at + len(own)])
        at += len(own)
    return found


def _with_zero(part: Part, keyed: tuple[str, str, tuple[str, ...]], codes: Array) -> Array:
    held: Array = remembered(part, keyed, lambda: np.concatenate(([0], codes)))
    return held
