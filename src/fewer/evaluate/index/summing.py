"""Sums, means, extremes and shares for each person, over the windows of one behaviour."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fewer.evaluate.index import kernels
from fewer.evaluate.index.counting import Answers, add
from fewer.evaluate.index.digest import MISSING
from fewer.evaluate.index.layout import Array
from fewer.evaluate.index.rows import Reader
from fewer.evaluate.index.windows import rings
from fewer.evaluate.plan.atom import Column
from fewer.evaluate.plan.bounds import Bounds
from fewer.evaluate.plan.leaf import Behaviour, Extreme, Mean, Share, Sum
from fewer.model.number import MICRO

_HALF = 1 << 32
_SAFE = 1 << 62
_MOST = int(np.iinfo(np.int64).max)
_COUNTED = int(np.iinfo(np.uint32).max)


@dataclass(slots=True)
class Totals:
    """Sums of each person as ``high * 2**32 + low``, with low in [0, 2**32), and how many values.

    The halves hold the sum of two billion values exactly; comparisons are of integers too.
    """

    high: Array
    low: Array
    values: Array

    @classmethod
    def of(cls, size: int) -> Totals:
        """Nothing summed yet."""
        return cls(np.zeros(size, np.int64), np.zeros(size, np.int64), np.zeros(size, np.uint32))

    def settled(self) -> tuple[Array, Array]:
        """The halves, with what is beyond 32 bits carried over."""
        return self.high + (self.low >> 32), self.low & (_HALF - 1)

    def sum_within(self, bounds: Bounds) -> Array:
        """For each person whether the sum lies within closed bounds."""
        high, low = self.settled()
        flags = np.ones(high.size, bool)
        if bounds.low is not None:
            flags &= ~_less(high, low, *divmod(bounds.low, _HALF))
        if bounds.high is not None:
            flags &= ~_less(*divmod(bounds.high, _HALF), high, low)
        return flags

    def ratio_within(self, bounds: Bounds) -> Array:
        """For each person whether sum / values lies within bounds; false without a value."""
        high, low = self.settled()
        count = self.values.astype(np.int64)
        flags: Array = count > 0
        if bounds.low is not None:
            least = _times(bounds.low, count)
            flags = flags & (
                _less(*least, high, low) if bounds.low_open else ~_less(high, low, *least)
            )
        if bounds.high is not None:
            most = _times(bounds.high, count)
            flags = flags & (
                _less(high, low, *most) if bounds.high_open else ~_less(*most, high, low)
            )
        return flags


def _less(
    high: Array | int, low: Array | int, than_high: Array | int, than_low: Array | int
) -> Array:
    found: Any = (high < than_high) | ((high == than_high) & (low < than_low))
    less: Array = found
    return less


def _times(bound: int, count: Array) -> tuple[Array, Array]:
    """Bound times count, in halves."""
    high, low = divmod(bound, _HALF)
    product = low * count
    return high * count + (product >> 32), product & (_HALF - 1)


def sums(reader: Reader, leaves: Sequence[Behaviour]) -> Answers:
    """Sums and means of one column over the same matches up to the same end."""
    column = _column(leaves[0])
    if _stay_small(reader, leaves, column):
        return _small_sums(reader, leaves, column)
    totals = Totals.of(reader.space.size)
    answers: Answers = {}
    for ring in rings([(leaf.window, leaf) for leaf in leaves]):
        for chosen in reader.chosen(leaves[0].match, ring.start, ring.end):
            values = reader.numbers(chosen, column)
            if values is not None:
                slots = reader.slots(chosen)
                kernels.total(totals.high, totals.low, totals.values, slots, values)
        for leaf in ring.asked:
            is_mean = isinstance(leaf.measure, Mean)
            within = totals.ratio_within if is_mean else totals.sum_within
            answers[leaf] = packed(within(leaf.bounds), reader.space.words)
    return answers


def _stay_small(reader: Reader, leaves: Sequence[Behaviour], column: Column) -> bool:
    """Whether no sum, and no bound times a number of values, can leave 64 bits."""
    if column.table != "events":
        return False
    rows, largest = 0, 0
    for leaf in leaves:
        largest = max([largest, *(abs(b) for b in (leaf.bounds.low, leaf.bounds.high) if b)])
    for group in reader.groups(leaves[0].match, None, leaves[0].window.end):
        if group.has(column.name):
            rows += group.rows
            largest = max(largest, abs(group.least(column.name)), abs(group.most(column.name)))
    return largest * max(rows, 1) < _SAFE


def _small_sums(reader: Reader, leaves: Sequence[Behaviour], column: Column) -> Answers:
    totals = np.zeros(reader.space.size, np.int64)
    numbers = np.zeros(reader.space.size, np.uint32)
    answers: Answers = {}
    for ring in rings([(leaf.window, leaf) for leaf in leaves]):
        for chosen in reader.chosen(leaves[0].match, ring.start, ring.end):
            values = reader.numbers(chosen, column)
            if values is not None:
                kernels.total_small(totals, numbers, reader.slots(chosen), values)
        for leaf in ring.asked:
            if isinstance(leaf.measure, Mean):
                answers[leaf] = small_ratios(totals, 1, numbers, leaf.bounds, reader.space.words)
                continue
            low = -_MOST if leaf.bounds.low is None else leaf.bounds.low
            high = _MOST if leaf.bounds.high is None else leaf.bounds.high
            bits = np.empty(reader.space.words, np.uint64)
            kernels.sums_between(totals, low, high, bits)
            answers[leaf] = bits
    return answers


def small_ratios(sums_: Array, scale: int, numbers: Array, bounds: Bounds, words: int) -> Array:
    """Bit set of those for whom ``sum * scale / number`` lies within bounds."""
    bits = np.empty(words, np.uint64)
    edge = _SAFE // max(int(numbers.max(initial=0)), 1)  # times a number of values: no overflow
    low = -edge if bounds.low is None else bounds.low
    high = edge if bounds.high is None else bounds.high
    kernels.ratios_between(
        sums_, scale, numbers, low, high, bounds.low_open, bounds.high_open, bits
    )
    return bits


def extremes(reader: Reader, leaves: Sequence[Behaviour]) -> Answers:
    """Largest (or smallest) values of one column over the same matches up to the same end."""
    measure, column = leaves[0].measure, _column(leaves[0])
    up = isinstance(measure, Extreme) and measure.largest
    kernel, nothing = (kernels.largest, MISSING) if up else (kernels.smallest, _MOST)
    best = np.full(reader.space.size, nothing, np.int64)
    answers: Answers = {}
    for ring in rings([(leaf.window, leaf) for leaf in leaves]):
        for chosen in reader.chosen(leaves[0].match, ring.start, ring.end):
            values = reader.numbers(chosen, column)
            if values is not None:
                kernel(best, reader.slots(chosen), values)
        for leaf in ring.asked:
            low = MISSING + 1 if leaf.bounds.low is None else leaf.bounds.low
            high = _MOST - 1 if leaf.bounds.high is None else leaf.bounds.high
            flags = (best >= low) & (best <= high)
            answers[leaf] = packed(flags, reader.space.words)
    return answers


def shares(reader: Reader, leaves: Sequence[Behaviour]) -> Answers:
    """Shares of the same part of the same matches up to the same end."""
    measure = leaves[0].measure
    atoms = measure.atoms if isinstance(measure, Share) else ()
    part = np.zeros(reader.space.size, np.uint32)
    whole = np.zeros(reader.space.size, np.uint32)
    answers: Answers = {}
    for ring in rings([(leaf.window, leaf) for leaf in leaves]):
        for chosen in reader.chosen(leaves[0].match, ring.start, ring.end):
            add(whole, reader, chosen, _COUNTED)
            both = reader.choose(chosen.group, atoms, chosen)
            if len(both):
                add(part, reader, both, _COUNTED)
        for leaf in ring.asked:
            answers[leaf] = _share(part, whole, leaf.bounds, reader.space.words)
    return answers


def _share(part: Array, whole: Array, bounds: Bounds, words: int) -> Array:
    most = max([MICRO, *(abs(b) for b in (bounds.low, bounds.high) if b)])
    if most * max(int(whole.max(initial=0)), 1) < _SAFE:
        return small_ratios(part, MICRO, whole, bounds, words)
    matches = part.astype(np.int64) * MICRO
    ratio = Totals(matches >> 32, matches & (_HALF - 1), whole)
    return packed(ratio.ratio_within(bounds), words)


def packed(flags: Array, words: int) -> Array:
    """Bit set of the flags."""
    data = np.packbits(flags, bitorder="little")
    bits = np.zeros(words * 8, np.uint8)
    bits[: data.size] = data
    return bits.view(np.uint64)


def _column(leaf: Behaviour) -> Column:
    match leaf.measure:
        case Sum(column=Column() as column) | Mean(column=Column() as column):
            return column
        case Extreme(column=Column() as column):
            return column
        case _:
            message = f"{leaf.measure} reads no column"
            raise TypeError(message)
