"""Numbers of distinct values of a property for each person."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fewer.evaluate.index import kernels
from fewer.evaluate.index.coding import coded
from fewer.evaluate.index.counting import Answers, within
from fewer.evaluate.index.layout import Array
from fewer.evaluate.index.rows import Reader
from fewer.evaluate.plan.leaf import Behaviour, Distinct, Value

_WIDE = 4


def values(reader: Reader, leaves: Sequence[Behaviour]) -> Answers:
    """Leaves that count distinct values of one property over the same matches."""
    measure = leaves[0].measure
    assert isinstance(measure, Distinct)
    assert isinstance(measure.key, Value)
    by_window: dict[tuple[int | None, int], list[Behaviour]] = {}
    for leaf in leaves:
        by_window.setdefault((leaf.window.start, leaf.window.end), []).append(leaf)
    answers: Answers = {}
    for (start, end), asked in by_window.items():
        taken = list(reader.chosen(leaves[0].match, start, end))
        numbers = np.zeros(reader.space.size, np.uint32)
        if taken:
            codes = coded(reader, taken, measure.key.columns)
            persons = np.concatenate([reader.slots(chosen) for chosen in taken])
            _count(numbers, persons, codes)
        for leaf in asked:
            answers[leaf] = within(leaf.bounds, numbers, reader.space.words)
    return answers


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
