"""Sequences of two steps that agree on nothing: one pass in the order of time.

For a step and one after it, the latest first step strictly before is the best there is, so one
instant for each person is all that has to be kept, and nothing is brought together by person.
For a step that nothing may follow, the same from the end: the earliest that follows is the only
one that matters.
"""

# ruff: noqa: PLR0917  kernels are called by position, as compiled functions are

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from fewer.evaluate.index.digest import MISSING
from fewer.evaluate.index.kernel import Kernel
from fewer.evaluate.index.layout import Array
from fewer.evaluate.index.part import Part
from fewer.evaluate.index.rows import Reader
from fewer.evaluate.plan.leaf import Chain, Leaf, Match, Shape

_NEVER = int(np.iinfo(np.int64).max)
_TWO: Final = 2
_ONE = np.uint64(1)
_SIX = np.uint64(6)
_LOW = np.uint64(63)


def is_pair(shape: Shape) -> bool:
    """Whether sequences of the shape can be answered here."""
    return len(shape.links) == _TWO and not shape.keys and not shape.session


def pairs(reader: Reader, leaves: Sequence[Chain], *, as_of: int) -> dict[Leaf, Array]:
    """Sequences of one shape of two steps, for all their windows."""
    first, then = leaves[0].shape.links
    starts = [leaf.window.start for leaf in leaves]
    since = None if None in starts else min(s for s in starts if s is not None)
    windows = np.array(
        [(MISSING + 1 if w.start is None else w.start, w.end) for w in (x.window for x in leaves)],
        np.int64,
    )
    out = np.zeros((len(leaves), reader.space.words), np.uint64)
    within = -1 if then.within is None else then.within
    moments = np.full(reader.space.size, _NEVER if then.absent else MISSING, np.int64)
    clusters = list(_clusters(reader.parts))
    for parts in reversed(clusters) if then.absent else clusters:
        some = Reader(
            parts,
            reader.space,
            reader.items,
            reader.item_id,
            item_memo=reader.item_memo,
            prepared=reader.prepared,
        )
        a, b = (_rows(some, match, since, as_of) for match in (first.match, then.match))
        reader.touched += some.touched
        if then.absent:
            abandoned(*a, *b, within, as_of, windows, moments, out)
        else:
            followed(*a, *b, within, windows, moments, out)
    return dict(zip(leaves, out, strict=True))


def _clusters(parts: Sequence[Part]) -> Iterator[list[Part]]:
    """Parts, earliest first, together where their times overlap."""
    held: list[Part] = []
    last = MISSING
    for part in parts:
        if held and part.first > last:
            yield held
            held = []
        held.append(part)
        last = max(last, part.last)
    if held:
        yield held


def _rows(reader: Reader, match: Match, since: int | None, as_of: int) -> tuple[Array, Array]:
    """Slots and times of the rows that match, in the order of time."""
    found = list(reader.chosen(match, since, as_of))[::-1]
    if not found:
        return np.zeros(0, np.uint32), np.zeros(0, np.int64)
    slots = np.concatenate([reader.slots(chosen) for chosen in found])
    times = np.concatenate([chosen.group.instants(chosen.index) for chosen in found])
    if len(found) > 1 and (times[1:] < times[:-1]).any():
        order = np.argsort(times, kind="stable")
        slots, times = slots[order], times[order]
    return slots, times


@Kernel
def followed(
    slots_a: Array,
    times_a: Array,
    slots_b: Array,
    times_b: Array,
    within: int,
    windows: Array,
    moments: Array,
    out: Array,
) -> None:
    """Mark those with a row of the first kind and one of the second at most `within` later.

    `within` is -1 for any time. `moments` has each person's latest first step so far, MISSING
    without one; it goes on in the parts that follow.
    """
    a = 0
    for b in range(times_b.size):
        now = times_b[b]
        while a < times_a.size and times_a[a] < now:
            moments[slots_a[a]] = times_a[a]
            a += 1
        slot = slots_b[b]
        before = moments[slot]
        if before != MISSING and (within < 0 or now - before <= within):
            person = np.uint64(slot)
            for window in range(windows.shape[0]):
                if before >= windows[window, 0] and now < windows[window, 1]:
                    out[window, person >> _SIX] |= _ONE << (person & _LOW)
    while a < times_a.size:  # for the parts that follow
        moments[slots_a[a]] = times_a[a]
        a += 1


@Kernel
def abandoned(
    slots_a: Array,
    times_a: Array,
    slots_b: Array,
    times_b: Array,
    within: int,
    as_of: int,
    windows: Array,
    moments: Array,
    out: Array,
) -> None:
    """Mark those with a row of the first kind and none of the second for `within` after it.

    All of that time has passed. `moments` has each person's earliest second step so far, from the
    end; it goes on in the parts before.
    """
    b = times_b.size - 1
    for a in range(times_a.size - 1, -1, -1):
        now = times_a[a]
        while b >= 0 and times_b[b] > now:
            moments[slots_b[b]] = times_b[b]
            b -= 1
        slot = slots_a[a]
        if now < as_of - within and moments[slot] > now + within:
            person = np.uint64(slot)
            for window in range(windows.shape[0]):
                if windows[window, 0] <= now < windows[window, 1]:
                    out[window, person >> _SIX] |= _ONE << (person & _LOW)
    while b >= 0:
        moments[slots_b[b]] = times_b[b]
        b -= 1
