"""Sequences of two steps that agree on nothing: one pass in the order of time.

For a step and one after it, the latest first step strictly before is the best there is, so one
instant for each person is all that has to be kept, and nothing is brought together by person.
For a step that nothing may follow, the same from the end: the earliest that follows is the only
one that matters.
"""

# ruff: noqa: PLR0913, PLR0917  kernels are called by position, as compiled functions are

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import gcd
from typing import Final

import numpy as np

from fewer.evaluate.index.kernel import Kernel
from fewer.evaluate.index.layout import Array
from fewer.evaluate.index.rows import Reader
from fewer.evaluate.plan.leaf import Chain, Leaf, Match, Shape

Span = tuple[int | None, int]
"""Start and end of what can matter, in microseconds."""

NONE: Final = 0
"""The tick of a first step of those who have none."""

_NEVER: Final = 1 << 62
_TWO: Final = 2
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
    clock = _clock(reader, (first.match, then.match), then.within, (since, as_of))
    windows = np.array([(clock.at(w.start), clock.at(w.end)) for w in (x.window for x in leaves)])
    out = np.zeros((len(leaves), reader.space.words), np.uint64)
    moments = np.full(reader.space.size, clock.never, clock.dtype)

    def rows(some: Reader) -> tuple[_Rows, _Rows]:
        some = replace(some, touched=0)
        a, b = (_rows(some, clock, match, (since, as_of)) for match in (first.match, then.match))
        reader.touched += some.touched
        return a, b

    clusters = reader.clusters()
    forwards = not then.absent and _is_rarer(*rows(clusters[-1])[::-1]) if clusters else False
    if forwards:
        moments[:] = NONE
    for some in clusters if forwards else reversed(clusters):
        a, b = rows(some)
        if then.absent:
            passed = clock.at(as_of - (then.within or 0))
            abandoned(*a.arrays, *b.arrays, clock.within, passed, windows, moments, out)
        else:
            run = preceded if forwards else followed
            run(*a.arrays, *b.arrays, clock.within, windows, moments, out)
    return dict(zip(leaves, out, strict=True))


@dataclass(frozen=True, slots=True)
class _Clock:
    """Ticks of `unit` microseconds, in which all times are whole; the first event's is `lead`.

    Before it there is room for `within`, so that from `NONE` to any tick it is longer; and after
    the last, so that to `never` it is longer too.
    """

    base: int
    unit: int
    lead: int
    within: int
    narrow: bool
    """Whether ticks fit 32 bits: half as much of what does not fit the processor's cache."""

    @property
    def never(self) -> int:
        return int(np.iinfo(np.uint32).max) if self.narrow else _NEVER

    @property
    def dtype(self) -> type[np.integer]:
        return np.uint32 if self.narrow else np.int64

    def at(self, instant: int | None) -> int:
        """First tick at or after an instant; before all events for None."""
        if instant is None:
            return NONE
        return min(max(self.lead - ((self.base - instant) // self.unit), NONE), self.never)


def _is_rarer(some: _Rows, others: _Rows) -> bool:
    """Whether there are fewer: each of the rarer kind looks up what the others only write."""
    return some.slots.size < others.slots.size


def _clock(reader: Reader, matches: Sequence[Match], within: int | None, span: Span) -> _Clock:
    groups = {id(g): g for match in matches for g in reader.groups(match, *span)}.values()
    base = min((group.ticks[1] for group in groups), default=0)
    unit = gcd(*(n for g in groups for n in (g.ticks[2], g.ticks[1] - base))) or 1
    length = (max((group.last for group in groups), default=0) - base) // unit + 1
    most = length if within is None else min(within // unit, length)
    lead = most + 1
    return _Clock(base, unit, lead, most, lead + length + most < np.iinfo(np.uint32).max)


@dataclass(frozen=True, slots=True)
class _Rows:
    """Rows in the order of time: the slot of each, and its tick as ``times · factor + shift``."""

    slots: Array
    times: Array
    factor: int
    shift: int

    @property
    def arrays(self) -> tuple[Array, Array, int, int]:
        for array in (self.slots, self.times):
            array.flags.writeable = False  # as are those of the index: one kernel for both
        return self.slots, self.times, self.factor, self.shift


def _rows(reader: Reader, clock: _Clock, match: Match, span: Span) -> _Rows:
    """The rows that match, in the order of time; what lies there in order is not copied."""
    found = list(reader.chosen(match, *span))[::-1]
    if not found:
        return _Rows(np.zeros(0, np.uint32), np.zeros(0, np.uint32), 1, 0)
    slots = [reader.slots(chosen) for chosen in found]
    if len(found) == 1:
        times, base, unit = found[0].group.ticks
        shift = clock.lead + (base - clock.base) // clock.unit
        rows = times[found[0].index]
        return _Rows(slots[0], rows, unit // clock.unit, shift)
    persons = np.concatenate(slots)
    instants = np.concatenate([chosen.group.instants(chosen.index) for chosen in found])
    if (instants[1:] < instants[:-1]).any():
        order = np.argsort(instants, kind="stable")
        persons, instants = persons[order], instants[order]
    ticks = (instants - clock.base) // clock.unit
    return _Rows(persons, ticks, 1, clock.lead)


@Kernel
def preceded(
    slots_a: Array,
    times_a: Array,
    factor_a: int,
    shift_a: int,
    slots_b: Array,
    times_b: Array,
    factor_b: int,
    shift_b: int,
    within: int,
    windows: Array,
    moments: Array,
    out: Array,
) -> None:
    """Mark those with a row of the second kind and one of the first at most `within` before.

    `moments` has each person's latest first step so far, or `NONE`; it goes on in the parts that
    follow. Whether a step is near is as good as chance, so nothing branches on it.
    """
    a = 0
    following = shift_a + factor_a * np.int64(times_a[0]) if times_a.size else _NEVER
    for b in range(times_b.size):
        now = shift_b + factor_b * np.int64(times_b[b])
        while following < now:
            moments[slots_a[a]] = following
            a += 1
            following = shift_a + factor_a * np.int64(times_a[a]) if a < times_a.size else _NEVER
        slot = np.uint64(slots_b[b])
        before = np.int64(moments[slot])
        near = now - before <= within
        for window in range(windows.shape[0]):
            hit = near & (before >= windows[window, 0]) & (now < windows[window, 1])
            out[window, slot >> _SIX] |= np.uint64(hit) << (slot & _LOW)
    for row in range(a, times_a.size):  # for the parts that follow
        moments[slots_a[row]] = shift_a + factor_a * np.int64(times_a[row])


@Kernel
def followed(
    slots_a: Array,
    times_a: Array,
    factor_a: int,
    shift_a: int,
    slots_b: Array,
    times_b: Array,
    factor_b: int,
    shift_b: int,
    within: int,
    windows: Array,
    moments: Array,
    out: Array,
) -> None:
    """Mark those with a row of the first kind and one of the second at most `within` after.

    `moments` has each person's earliest second step so far, from the end, or a tick far off; it
    goes on in the parts before.
    """
    b = times_b.size - 1
    following = shift_b + factor_b * np.int64(times_b[b]) if b >= 0 else -_NEVER
    for a in range(times_a.size - 1, -1, -1):
        now = shift_a + factor_a * np.int64(times_a[a])
        while following > now:
            moments[slots_b[b]] = following
            b -= 1
            following = shift_b + factor_b * np.int64(times_b[b]) if b >= 0 else -_NEVER
        slot = np.uint64(slots_a[a])
        after = np.int64(moments[slot])
        near = after - now <= within
        for window in range(windows.shape[0]):
            hit = near & (now >= windows[window, 0]) & (after < windows[window, 1])
            out[window, slot >> _SIX] |= np.uint64(hit) << (slot & _LOW)
    for row in range(b, -1, -1):
        moments[slots_b[row]] = shift_b + factor_b * np.int64(times_b[row])


@Kernel
def abandoned(
    slots_a: Array,
    times_a: Array,
    factor_a: int,
    shift_a: int,
    slots_b: Array,
    times_b: Array,
    factor_b: int,
    shift_b: int,
    within: int,
    passed: int,
    windows: Array,
    moments: Array,
    out: Array,
) -> None:
    """Mark those with a row of the first kind and none of the second for `within` after it.

    First steps before `passed` have all of that time behind them. `moments` is as above.
    """
    b = times_b.size - 1
    following = shift_b + factor_b * np.int64(times_b[b]) if b >= 0 else -_NEVER
    for a in range(times_a.size - 1, -1, -1):
        now = shift_a + factor_a * np.int64(times_a[a])
        while following > now:
            moments[slots_b[b]] = following
            b -= 1
            following = shift_b + factor_b * np.int64(times_b[b]) if b >= 0 else -_NEVER
        slot = np.uint64(slots_a[a])
        alone = (np.int64(moments[slot]) - now > within) & (now < passed)
        for window in range(windows.shape[0]):
            hit = alone & (windows[window, 0] <= now) & (now < windows[window, 1])
            out[window, slot >> _SIX] |= np.uint64(hit) << (slot & _LOW)
    for row in range(b, -1, -1):
        moments[slots_b[row]] = shift_b + factor_b * np.int64(times_b[row])
