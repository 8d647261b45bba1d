"""Counts of events, days and periods for each person, over the windows of one behaviour."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from operator import attrgetter
from typing import Final

import numpy as np

from fewer.evaluate.index import kernels
from fewer.evaluate.index.layout import Array
from fewer.evaluate.index.part import Part
from fewer.evaluate.index.rows import Chosen, Reader
from fewer.evaluate.index.windows import (
    Piece,
    in_order,
    local_days,
    periods,
    rings,
)
from fewer.evaluate.plan.bounds import Bounds
from fewer.evaluate.plan.clock import Window
from fewer.evaluate.plan.leaf import Behaviour, Count, Distinct, Match, Period
from fewer.evaluate.plan.plan import Plan

Answers = dict[Behaviour, Array]
"""Leaf -> bit set of those for whom it holds."""

_SMALL: Final = 254


def exists(match: Match, start: int | None, end: int) -> Behaviour:
    """The leaf that asks for any match in ``[start, end)``."""
    return Behaviour(match, Window(start, end), Count(), Bounds(low=1))


def counts(reader: Reader, leaves: Sequence[Behaviour]) -> Answers:
    """Leaves that count the same matches up to the same end."""
    if all(_is_existence(leaf.bounds) for leaf in leaves):
        return _existence(reader, leaves)
    numbers, most = counters(reader.space.size, [leaf.bounds for leaf in leaves])
    answers: Answers = {}
    for ring in rings([(leaf.window, leaf) for leaf in leaves]):
        for chosen in reader.chosen(leaves[0].match, ring.start, ring.end):
            add(numbers, reader, chosen, most)
        for leaf in ring.asked:
            answers[leaf] = within(leaf.bounds, numbers, reader.space.words)
    return answers


def add(numbers: Array, reader: Reader, chosen: Chosen, most: int) -> None:
    """One more for the person of each row, up to `most`."""
    persons = reader.space.slots(chosen.group)
    if chosen.rows is None:
        kernels.count(numbers, persons[chosen.low : chosen.high], most)
    else:
        kernels.count_rows(numbers, persons, chosen.rows, most)


def counters(size: int, asked: Sequence[Bounds]) -> tuple[Array, int]:
    """Zeroed counters as narrow as the bounds allow, and the count at which they stop.

    Beyond every bound all counts are alike; a byte for each person stays in the cache.
    """
    top = max((bound for b in asked for bound in (b.low, b.high) if bound is not None), default=0)
    if top <= _SMALL:
        return np.zeros(size, np.uint8), _SMALL + 1
    return np.zeros(size, np.uint32), int(np.iinfo(np.uint32).max)


def within(bounds: Bounds, numbers: Array, words: int) -> Array:
    """Bit set of those whose whole number lies within closed bounds."""
    low = -1 if bounds.low is None else bounds.low
    high = int(np.iinfo(np.int64).max) if bounds.high is None else bounds.high
    bits = np.empty(words, np.uint64)
    kernels.between(numbers, low, high, bits)
    return bits


def _is_existence(bounds: Bounds) -> bool:
    return (bounds.low, bounds.high) in ((1, None), (None, 0))


def _existence(reader: Reader, leaves: Sequence[Behaviour]) -> Answers:
    bits = reader.space.empty()
    answers: Answers = {}
    for ring in rings([(leaf.window, leaf) for leaf in leaves]):
        for chosen in reader.chosen(leaves[0].match, ring.start, ring.end):
            mark(bits, reader, chosen)
        for leaf in ring.asked:
            answers[leaf] = bits.copy() if leaf.bounds.low == 1 else ~bits
    return answers


def mark(bits: Array, reader: Reader, chosen: Chosen) -> None:
    """Set the bit of the person of each row."""
    persons = reader.space.slots(chosen.group)
    if chosen.rows is None:
        kernels.mark(bits, persons[chosen.low : chosen.high])
    else:
        kernels.mark_rows(bits, persons, chosen.rows)


def spans(reader: Reader, plan: Plan, leaves: Sequence[Behaviour]) -> Answers:
    """Leaves that count distinct days or periods with the same matches up to the same end."""
    first = min((part.first for part in reader.parts), default=plan.as_of_us)
    cut = {leaf: _cut(leaf, plan, first) for leaf in leaves}
    widest = max(cut.values(), key=lambda pieces: sum(p.end - p.start for p in pieces), default=[])
    if in_order(widest):
        return _shared_spans(reader, cut)
    answers: Answers = {}
    for leaf, pieces in cut.items():  # a day comes back: one window cannot go on from another
        gathered = sorted(pieces, key=lambda piece: -piece.period)
        answers |= _shared_spans(reader, {leaf: gathered})
    return answers


def _cut(leaf: Behaviour, plan: Plan, first: int) -> list[Piece]:
    """Pieces of the leaf's window, latest first; nothing is looked for before the first event."""
    start = first if leaf.window.start is None else max(first, leaf.window.start)
    end = leaf.window.end
    if start >= end:
        return []
    if isinstance(leaf.measure, Distinct) and isinstance(leaf.measure.key, Period):
        return periods(leaf.measure.key.each, plan.as_of_us, start, end)
    return local_days(plan.offsets, start, end)


def _shared_spans(reader: Reader, cut: Mapping[Behaviour, Sequence[Piece]]) -> Answers:
    leaves = sorted(cut, key=lambda leaf: sum(p.end - p.start for p in cut[leaf]))
    numbers, most = counters(reader.space.size, [leaf.bounds for leaf in leaves])
    seen, busy = reader.space.empty(), _busy(reader.parts)
    period: int | None = None
    done = 0
    answers: Answers = {}
    for leaf in leaves:
        for piece in filter(busy, _after(cut[leaf], done)):
            if piece.period != period:
                seen[:] = 0
                period = piece.period
            for chosen in reader.chosen(leaf.match, piece.start, piece.end):
                persons = reader.space.slots(chosen.group)
                if chosen.rows is None:
                    kernels.stamp(seen, numbers, persons[chosen.low : chosen.high], most)
                else:
                    kernels.stamp_rows(seen, numbers, persons, chosen.rows, most)
        done = sum(p.end - p.start for p in cut[leaf])
        answers[leaf] = within(leaf.bounds, numbers, reader.space.words)
    return answers


def _busy(parts: Sequence[Part]) -> Callable[[Piece], bool]:
    """What tells whether anything happened: one event of 1970 comes with fifty years of nothing."""
    begins: list[int] = []
    ends: list[int] = []
    for part in sorted(parts, key=attrgetter("first")):
        if ends and part.first <= ends[-1]:
            ends[-1] = max(ends[-1], part.last)
        else:
            begins.append(part.first)
            ends.append(part.last)

    def busy(piece: Piece) -> bool:
        at = bisect_left(ends, piece.start)
        return at < len(ends) and begins[at] < piece.end

    return busy


def _after(pieces: Sequence[Piece], done: int) -> Iterator[Piece]:
    """Pieces without the first `done` microseconds of time in them."""
    for piece in pieces:
        length = piece.end - piece.start
        if done >= length:
            done -= length
            continue
        yield Piece(piece.period, piece.start, piece.end - done)
        done = 0
