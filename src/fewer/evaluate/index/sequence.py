"""Sequences, within sessions and with values to agree on, for each person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from fewer.evaluate.index import kernels
from fewer.evaluate.index.coding import coded
from fewer.evaluate.index.counting import exists
from fewer.evaluate.index.digest import MISSING
from fewer.evaluate.index.layout import Array
from fewer.evaluate.index.ordering import Known, of_people, runs, slices
from fewer.evaluate.index.rows import Chosen, Reader
from fewer.evaluate.plan.leaf import Behaviour, Chain, Leaf, Match, Shape

MOST_KINDS: Final = 64
"""Most different kinds of steps of a sequence: a row says in one word which it is."""

_ANYTHING: Final = Match(None)


def present(shape: Shape) -> tuple[Match, ...]:
    """What the steps that must have happened match, each once."""
    return tuple(dict.fromkeys(link.match for link in shape.links if not link.absent))


def since(leaves: Sequence[Chain]) -> int | None:
    """Earliest begin of the windows."""
    starts = [leaf.window.start for leaf in leaves]
    return None if None in starts else min(s for s in starts if s is not None)


def needed(leaves: Sequence[Chain], as_of: int) -> tuple[Behaviour, ...]:
    """Leaves without which nobody can complete a sequence of this shape."""
    start = since(leaves)
    return tuple(exists(match, start, as_of) for match in present(leaves[0].shape))


@dataclass(slots=True)
class _Rows:
    """Rows that match some step, of persons who have an event for each: parallel arrays."""

    slots: Array
    times: Array
    flags: Array
    keys: Array
    """What all steps agree on, as one number; the slot when there is nothing."""


def chains(
    reader: Reader, leaves: Sequence[Chain], known: Known, *, as_of: int, session_gap: int
) -> dict[Leaf, Array]:
    """Sequences of one shape, for all their windows."""
    shape = leaves[0].shape
    people = np.bitwise_and.reduce([known[leaf] for leaf in needed(leaves, as_of)])
    out = np.zeros((len(leaves), reader.space.words), np.uint64)
    if not people.any():
        return dict(zip(leaves, out, strict=True))
    start = since(leaves)
    for some in slices(reader, people, _read(shape).events, start, as_of):
        rows = _rows(reader, shape, some, start, as_of, session_gap)
        if not rows.slots.size:
            continue
        keys, size = rows.slots, reader.space.size
        who = np.arange(size, dtype=np.uint32)
        if shape.keys or shape.session:
            _, keys = np.unique(rows.keys, return_inverse=True)
            size = int(keys.max()) + 1
            who = np.empty(size, np.uint32)
            who[keys] = rows.slots
        starts, order = runs(keys, size)
        times, flags = rows.times[order], rows.flags[order]
        kernels.settle(starts, times, flags)
        windows = [(_start(leaf), leaf.window.end) for leaf in leaves]
        kernels.chain(
            starts,
            who,
            times,
            flags,
            *_steps(shape),
            np.array(windows, np.int64),
            as_of,
            out,
        )
    return dict(zip(leaves, out, strict=True))


def _start(leaf: Chain) -> int:
    return MISSING + 1 if leaf.window.start is None else leaf.window.start


def _kinds(shape: Shape) -> tuple[Match, ...]:
    return tuple(dict.fromkeys(link.match for link in shape.links))


def _steps(shape: Shape) -> tuple[Array, Array]:
    """Present and absent steps as the kernel takes them."""
    kinds = _kinds(shape)
    steps: list[tuple[int, int]] = []
    gaps: list[tuple[int, int, int]] = []
    for link in shape.links:
        bit = kinds.index(link.match)
        if link.absent:
            gaps.append((len(steps) - 1, bit, link.within or 0))
        else:
            steps.append((bit, -1 if link.within is None else link.within))
    return np.array(steps, np.int64), np.array(gaps, np.int64).reshape(len(gaps), 3)


def _read(shape: Shape) -> Match:
    """The events that are read for a person: for sessions, whatever there is."""
    return _ANYTHING if shape.session else _named(_kinds(shape))


def _named(kinds: Sequence[Match]) -> Match:
    """Events that have the name of some kind."""
    if any(match.events is None for match in kinds):
        return _ANYTHING
    return Match(tuple(sorted({name for match in kinds for name in match.events or ()})))


def _rows(
    reader: Reader,
    shape: Shape,
    people: Array,
    start: int | None,
    as_of: int,
    session_gap: int,
) -> _Rows:
    taken: list[Chosen] = []
    flags: list[Array] = []
    for chosen, found in _flagged(reader, _kinds(shape), people, start, as_of):
        taken.append(chosen)
        flags.append(found)
    if not taken:
        return _Rows(*(np.zeros(0, np.int64) for _ in range(4)))
    slots = np.concatenate([reader.slots(chosen) for chosen in taken])
    rows = _Rows(
        slots=slots,
        times=np.concatenate([chosen.group.instants(chosen.index) for chosen in taken]),
        flags=np.concatenate(flags),
        keys=slots,
    )
    for key in shape.keys:
        codes = coded(reader, taken, key)
        _agree(rows, codes)
        there = codes != 0
        taken = [c for c in _split(taken, there) if len(c)]
        _keep(rows, there)
    if shape.session:
        _agree(rows, _sessions(reader, rows, start, as_of, session_gap))
    return rows


def _flagged(
    reader: Reader, kinds: Sequence[Match], people: Array, start: int | None, as_of: int
) -> list[tuple[Chosen, Array]]:
    """Rows of these people that are of some kind, earliest part first, and of which kinds."""
    found = []
    for group in reader.groups(_named(kinds), start, as_of):
        low, high = group.span(start, as_of)
        if low == high:
            continue
        mine = of_people(reader, Chosen(group, low, high), people)
        flags = np.zeros(len(mine), np.uint64)
        for bit, match in enumerate(kinds):
            if match.events is not None and group.event not in match.events:
                continue
            hits = reader.choose(group, match.atoms, mine)
            if len(hits) == len(mine):
                flags |= np.uint64(1) << np.uint64(bit)
            elif len(hits):
                flags[np.searchsorted(mine.each, hits.each)] |= np.uint64(1) << np.uint64(bit)
        some = flags != 0
        if some.any():
            found.append((Chosen(group, low, high, mine.each[some]), flags[some]))
    return found[::-1]


def _agree(rows: _Rows, codes: Array) -> None:
    """Put rows that differ in `codes` under different keys."""
    _, keys = np.unique(rows.keys, return_inverse=True)
    _, values = np.unique(codes, return_inverse=True)
    rows.keys = keys.astype(np.int64) * (int(values.max(initial=0)) + 1) + values


def _keep(rows: _Rows, there: Array) -> None:
    rows.slots, rows.times = rows.slots[there], rows.times[there]
    rows.flags, rows.keys = rows.flags[there], rows.keys[there]


def _split(taken: Sequence[Chosen], there: Array) -> list[Chosen]:
    """The chosen rows that are kept, group by group."""
    found = []
    at = 0
    for chosen in taken:
        kept = chosen.each[there[at : at + len(chosen)]]
        found.append(Chosen(chosen.group, chosen.low, chosen.high, kept))
        at += len(chosen)
    return found


def _sessions(
    reader: Reader, rows: _Rows, start: int | None, as_of: int, session_gap: int
) -> Array:
    """Session of each row: everything that its person did counts, whatever the name.

    What lies before `start` does not matter: whether two later events are in one session depends
    only on the events between them.
    """
    people = reader.space.empty()
    kernels.mark(people, rows.slots.astype(np.uint32))
    slots, times = [], []
    for chosen in reader.chosen(_ANYTHING, start, as_of):
        mine = of_people(reader, chosen, people)
        slots.append(reader.slots(mine).astype(np.int64))
        times.append(mine.group.instants(mine.index))
    who, when = np.concatenate(slots), np.concatenate(times)
    order = np.lexsort((when, who))
    who, when = who[order], when[order]
    begins = np.ones(who.size, bool)
    begins[1:] = (who[1:] != who[:-1]) | (when[1:] - when[:-1] >= session_gap)
    # The session of a row is the last to begin at or before it, of the same person.
    first_slots, first_times = who[begins], when[begins]
    both_slots = np.concatenate([first_slots, rows.slots.astype(np.int64)])
    both_times = np.concatenate([first_times, rows.times])
    is_row = np.concatenate([np.zeros(first_slots.size, bool), np.ones(rows.slots.size, bool)])
    order = np.lexsort((is_row, both_times, both_slots))
    running = np.cumsum(~is_row[order])
    sessions = np.empty(order.size, np.int64)
    sessions[order] = running
    found: Array = sessions[first_slots.size :]
    return found
