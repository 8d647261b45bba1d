"""Numbers of distinct values of a property for each person."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from fewer.evaluate.index import kernels
from fewer.evaluate.index.coding import Key, Recoding, coded, recoding
from fewer.evaluate.index.counting import Answers, add, counters, within
from fewer.evaluate.index.layout import Array
from fewer.evaluate.index.ordering import of_people, slices
from fewer.evaluate.index.rows import Chosen, Reader
from fewer.evaluate.index.windows import rings
from fewer.evaluate.plan.bounds import Bounds
from fewer.evaluate.plan.leaf import Behaviour, Distinct, Value

_WIDE: Final = 4
_MOST_BITS: Final = 1 << 29
"""Bits for all persons and values: 64 megabytes at most."""


def values(reader: Reader, leaves: Sequence[Behaviour]) -> Answers:
    """Leaves that count distinct values of one property over the same matches."""
    key = _key(leaves[0])
    by_end: dict[int, list[Behaviour]] = {}
    for leaf in leaves:
        by_end.setdefault(leaf.window.end, []).append(leaf)
    answers: Answers = {}
    for end, asked in by_end.items():
        start = _earliest(asked)
        taken = list(reader.chosen(leaves[0].match, start, end))
        known = recoding(reader, taken, key) if taken else None
        if known is not None and (known.most + 1) * reader.space.size <= _MOST_BITS:
            answers |= _few(reader, asked, known)
            continue
        for leaf in asked:
            answers[leaf] = _many(reader, leaf)
    return answers


def _key(leaf: Behaviour) -> Key:
    match leaf.measure:
        case Distinct(key=Value(columns=columns)):
            return columns
        case _:
            message = f"{leaf.measure} counts no values"
            raise TypeError(message)


def _earliest(leaves: Sequence[Behaviour]) -> int | None:
    starts = [leaf.window.start for leaf in leaves]
    return None if None in starts else min(s for s in starts if s is not None)


def _few(reader: Reader, leaves: Sequence[Behaviour], known: Recoding) -> Answers:
    """Few values: a bit for each person and value."""
    size, width = reader.space.size, known.most + 1
    seen = np.zeros(-(-size * width // 64), np.uint64)
    numbers, most = counters(size, [leaf.bounds for leaf in leaves])
    answers: Answers = {}
    for ring in rings([(leaf.window, leaf) for leaf in leaves]):
        for chosen in reader.chosen(leaves[0].match, ring.start, ring.end):
            if chosen.group.has(known.name):
                codes = chosen.group.values(known.name)[chosen.index]
                recode = known.tables[id(chosen.group.part)]
                slots = reader.slots(chosen)
                kernels.distinct_small(seen, width, numbers, slots, codes, recode, most)
        for leaf in ring.asked:
            answers[leaf] = within(leaf.bounds, numbers, reader.space.words)
    return answers


def _many(reader: Reader, leaf: Behaviour) -> Array:
    """Many values: rows by value, and each person once for each."""
    taken = list(reader.chosen(leaf.match, leaf.window.start, leaf.window.end))
    taken = _of_frequent(reader, leaf, taken)
    numbers = np.zeros(reader.space.size, np.uint32)
    window, everyone = leaf.window, ~reader.space.empty()
    for people in slices(reader, everyone, leaf.match.events, window.start, window.end):
        rows = taken
        if people is not everyone:
            rows = [mine for chosen in taken if len(mine := of_people(reader, chosen, people))]
        if rows:
            codes = coded(reader, rows, _key(leaf))
            persons = np.concatenate([reader.slots(chosen) for chosen in rows])
            _count(numbers, persons, codes)
    return within(leaf.bounds, numbers, reader.space.words)


def _of_frequent(reader: Reader, leaf: Behaviour, taken: list[Chosen]) -> list[Chosen]:
    """Rows of those who have as many matches at all as different values are asked for."""
    least = leaf.bounds.low
    if least is None or least <= 1:
        return taken
    matches, most = counters(reader.space.size, [leaf.bounds])
    for chosen in taken:
        add(matches, reader, chosen, most)
    people = within(Bounds(low=least), matches, reader.space.words)
    return [mine for chosen in taken if len(mine := of_people(reader, chosen, people))]


def _count(numbers: Array, persons: Array, codes: Array) -> None:
    """Add to each person the number of its distinct codes; 0 is no value."""
    order = by_key(codes, int(codes.max(initial=0)) + 1)
    first = int(np.searchsorted(codes[order[: codes.size]], 1)) if codes.size else 0
    order = order[first:]
    seen = np.zeros(numbers.size, np.int64)
    kernels.distinct(seen, numbers, persons[order], codes[order])


def by_key(keys: Array, count: int) -> Array:
    """Order of rows by key, stable; `count` is one more than the largest key."""
    if count > _WIDE * keys.size + 1_024:
        return np.argsort(keys, kind="stable")
    starts = np.zeros(count + 1, np.int64)
    kernels.tally(starts, keys)
    order = np.empty(keys.size, np.int64)
    kernels.scatter(starts[:-1].copy(), keys, order)
    return order
