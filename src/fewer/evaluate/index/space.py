"""The space of persons: the slots that arrays and bit sets have, one for each person."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Final

import numpy as np
from pyroaring import BitMap

from fewer.evaluate.index.kernels import expand, fill, mark
from fewer.evaluate.index.layout import Array
from fewer.evaluate.index.part import Group, Part, remembered

WORD: Final = 64
_SPARE: Final = 1_000_000
_THIN: Final = 8
_CHUNK: Final = 1_024
_MOST_LISTED: Final = 4_096
_COOKIE: Final = 12_346
_SERIALS: Final = count()


@dataclass(frozen=True, slots=True)
class Space:
    """Slots for persons.

    Persons have dense numbers, so a number is its own slot; where numbers are so far apart that
    arrays of all would be mostly empty, `ids` lists those there are and a slot is a place in it.
    """

    size: int
    ids: Array | None = field(default=None, repr=False)
    serial: int = field(default_factory=lambda: next(_SERIALS), compare=False)

    @property
    def words(self) -> int:
        """Words of a bit set."""
        return -(-self.size // WORD)

    def empty(self) -> Array:
        """A bit set without anyone."""
        return np.zeros(self.words, np.uint64)

    def slots(self, group: Group) -> Array:
        """Slot of the person of each row of a group (uint32)."""
        if self.ids is None:
            return group.persons
        ids = self.ids

        def make() -> Array:
            placed = np.searchsorted(ids, group.persons).astype(np.uint32)
            placed.flags.writeable = False  # as are the arrays of the index: one kernel for both
            return placed

        found: Array = remembered(group.part, ("slots", self.serial, group.number), make)
        return found

    def bits(self, persons: Array | BitMap) -> Array:
        """Bit set of persons; those who are not in the space are left out."""
        if isinstance(persons, BitMap):
            persons = np.array(persons.to_array(), np.uint32)
        numbers = persons.astype(np.int64, copy=False)
        if self.ids is not None:
            places = np.searchsorted(self.ids, numbers)
            there = places < self.size
            there[there] = self.ids[places[there]] == numbers[there]
            numbers = places[there]
        else:
            numbers = numbers[(numbers >= 0) & (numbers < self.size)]
        bits = self.empty()
        mark(bits, numbers.astype(np.uint32))
        return bits

    def persons(self, bits: Array) -> BitMap:
        """Persons of a bit set."""
        if self.ids is None and bits.size:
            return BitMap.deserialize(serialized(bits))
        out = np.empty(int(np.bitwise_count(bits).sum()), np.uint32)
        expand(bits, out)
        return bitmap(out if self.ids is None else self.ids[out])


def serialized(bits: Array) -> bytes:
    """A bit set in the portable format of Roaring bitmaps.

    Source: https://github.com/RoaringBitmap/RoaringFormatSpec, without runs. A chunk of 65,536
    numbers with more than 4,096 of them is stored as it lies here, the others as lists.
    """
    chunks = -(-bits.size // _CHUNK)
    held = np.zeros(chunks * _CHUNK, np.uint64)
    held[: bits.size] = bits
    sizes = np.bitwise_count(held).reshape(chunks, _CHUNK).sum(axis=1, dtype=np.int64)
    keys = np.flatnonzero(sizes)
    lengths = np.where(sizes > _MOST_LISTED, _CHUNK * 8, sizes * 2)[keys]
    start = 8 + 8 * keys.size
    offsets = start + np.cumsum(lengths) - lengths
    out = np.empty(start + int(lengths.sum()), np.uint8)
    out[:8].view(np.uint32)[:] = _COOKIE, keys.size
    described = out[8 : 8 + 4 * keys.size].view(np.uint16)
    described[::2], described[1::2] = keys, sizes[keys] - 1
    out[8 + 4 * keys.size : start].view(np.uint32)[:] = offsets
    fill(held, keys, sizes, offsets // 2, _MOST_LISTED, out.view(np.uint16))
    return out.tobytes()


def bitmap(numbers: Array) -> BitMap:
    """Set of numbers, in order or not: taken in order, they cost a thousandth of the time."""
    if numbers.size and (numbers[1:] < numbers[:-1]).any():
        numbers = np.sort(numbers)
    return BitMap(array("I", numbers.astype(np.uint32, copy=False).tobytes()))


def space(parts: Sequence[Part], others: Iterable[BitMap]) -> Space:
    """The space of all persons in parts and in other sets."""
    others = list(others)
    top = max((part.top for part in parts), default=-1)
    top = max([top, *(int(people.max()) for people in others if people)])
    if top < _SPARE:
        return Space(top + 1)
    everyone = BitMap.union(*(part.people for part in parts), *others)
    if top < _THIN * len(everyone) + _SPARE:
        return Space(top + 1)
    ids = np.array(everyone.to_array(), np.uint32).astype(np.int64)
    return Space(len(ids), ids)
