"""Atoms on columns in memory: which texts, numbers or rows satisfy them.

Texts are tested once for each distinct text; rows are then looked up by code.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from typing import Final, assert_never

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fewer.evaluate.index.layout import Array
from fewer.evaluate.plan.atom import Atom, Given, Never, OneOf, Range, TextTest
from fewer.model.pattern import simple_lower, translate

BELOW: Final = " > "
"""What separates the parts of a category path."""


def holds_for_missing(atom: Atom) -> bool:
    """Whether the atom holds where its columns have no value."""
    return isinstance(atom, Given) and not atom.present


def text_flags(atom: OneOf | TextTest | Range, texts: pa.Array) -> Array:
    """For each text whether the atom holds."""
    if isinstance(atom, Range):  # `within` on a text never gets here; a range without ends may
        return np.full(len(texts), atom.low is None and atom.high is None)
    if atom.fold:
        texts = lowered(texts)
    if isinstance(atom, OneOf):
        wanted = text_array([str(value) for value in atom.values])
        found = _flags(pc.is_in(texts, value_set=wanted.cast(texts.type)))
        return ~found if atom.negated else found
    return _test(atom, texts)


def lowered(texts: pa.Array) -> pa.Array:
    """The texts in lower case by Unicode's simple mapping."""
    return pa.array([simple_lower(text) for text in texts.to_pylist()], texts.type)


def _test(atom: TextTest, texts: pa.Array) -> Array:
    match atom.kind:
        case "contains":
            return _flags(pc.match_substring(texts, atom.text))
        case "starts_with":
            return _flags(pc.starts_with(texts, atom.text))
        case "ends_with":
            return _flags(pc.ends_with(texts, atom.text))
        case "under":
            below = pc.starts_with(texts, atom.text + BELOW)
            return _flags(pc.or_(pc.equal(texts, pa.scalar(atom.text, texts.type)), below))
        case "matches":
            pattern = translate(atom.text, lower=atom.fold)
            return _flags(pc.match_substring_regex(texts, pattern))
        case _:
            assert_never(atom.kind)


def _flags(found: pa.Array) -> Array:
    return whole_numbers(found.cast(pa.uint8())).astype(bool)


def whole_numbers(array: pa.Array) -> Array:
    """Whole numbers, none of them missing, as they lie in memory.

    Arrow's own way to numpy first loads pandas where it is installed, which takes longer than a
    question does.
    """
    return np.from_dlpack(array) if len(array) else np.zeros(0, np.int64)


def text_array(texts: Sequence[str]) -> pa.Array:
    """Texts as Arrow holds them; as with numbers, Arrow's own way would load pandas first."""
    data = [text.encode() for text in texts]
    offsets = np.cumsum([0, *map(len, data)], dtype=np.int64)
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(b"".join(data))]
    return pa.Array.from_buffers(pa.large_string(), len(data), buffers)


_SERIALS: Final = count()


class Frame:
    """A small relation in memory, one row a key: people with traits, items with attributes.

    Args:
        keys: Key of each row: numbers of persons, or ids of items.
        columns: Its other columns by name.
    """

    def __init__(self, keys: pa.Array, columns: dict[str, pa.Array]) -> None:
        self.serial = next(_SERIALS)
        self.keys = keys
        self._columns = columns
        self._encoded: dict[str, tuple[Array, pa.Array]] = {}

    def __len__(self) -> int:
        return len(self.keys)

    def there(self, name: str) -> Array:
        """For each row whether the column has a value."""
        valid: Array = self._columns[name].is_valid().to_numpy(zero_copy_only=False)
        return valid

    def coded(self, name: str) -> tuple[Array, pa.Array]:
        """Codes of a text column from 1 (0 is missing), and its distinct texts."""
        if name not in self._encoded:
            encoded = self._columns[name].dictionary_encode()
            codes = pc.add(pc.fill_null(encoded.indices, -1), 1).to_numpy().astype(np.int64)
            self._encoded[name] = codes, encoded.dictionary
        return self._encoded[name]

    def numbers(self, name: str, missing: int) -> Array:
        """Values of a column of numbers or times (int64), `missing` where there is none."""
        column = self._columns[name].cast(pa.int64())
        values: Array = pc.fill_null(column, missing).to_numpy(zero_copy_only=False)
        return values

    def truths(self, name: str) -> Array:
        """Values of a boolean column, false where there is none."""
        values: Array = pc.fill_null(self._columns[name], False).to_numpy(zero_copy_only=False)
        return values

    def flags(self, atom: Atom) -> Array:
        """For each row whether the atom holds."""
        match atom:
            case Never():
                return np.zeros(len(self), bool)
            case Given():
                any_there = np.zeros(len(self), bool)
                for column in atom.columns:
                    any_there |= self.there(column.name)
                return any_there if atom.present else ~any_there
            case Range() | OneOf() | TextTest():
                return self._one_column(atom)
            case _:
                assert_never(atom)

    def _one_column(self, atom: Range | OneOf | TextTest) -> Array:
        there = self.there(atom.column.name)
        match atom.column.type:
            case "text":
                codes, texts = self.coded(atom.column.name)
                flags: Array = np.concatenate(([False], text_flags(atom, texts)))[codes]
                return flags
            case "boolean":
                found = np.isin(self.truths(atom.column.name), _values(atom, bool))
            case "number" | "timestamp":
                numbers = self.numbers(atom.column.name, 0)
                if isinstance(atom, Range):
                    within: Array = there & in_range(numbers, atom)
                    return within
                found = np.isin(numbers, _values(atom, np.int64))
            case _:
                assert_never(atom.column.type)
        negated = isinstance(atom, OneOf) and atom.negated
        both: Array = there & (found != negated)
        return both


def _values(atom: Range | OneOf | TextTest, kind: type) -> Array:
    values = atom.values if isinstance(atom, OneOf) else ()
    return np.array(values, kind)


def in_range(numbers: Array, atom: Range) -> Array:
    """For each number whether it lies within the range, both ends in."""
    low, high = bounds(atom)
    flags: Array = (numbers >= low) & (numbers <= high)
    return flags


def bounds(atom: Range) -> tuple[int, int]:
    """Ends of a range as 64-bit integers; a range that no such integer meets is (1, 0)."""
    least, most = int(np.iinfo(np.int64).min), int(np.iinfo(np.int64).max)
    low = least if atom.low is None else atom.low
    high = most if atom.high is None else atom.high
    return (max(low, least), min(high, most)) if low <= most and high >= least else (1, 0)
