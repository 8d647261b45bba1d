"""Leaves that need the order of a person's events: bursts, and the one latest or earliest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final

import numpy as np

from fewer.evaluate.index import kernels
from fewer.evaluate.index.counting import exists
from fewer.evaluate.index.digest import MISSING
from fewer.evaluate.index.layout import Array
from fewer.evaluate.index.rows import Chosen, Reader
from fewer.evaluate.index.summing import packed
from fewer.evaluate.plan.bounds import Bounds
from fewer.evaluate.plan.clock import Window
from fewer.evaluate.plan.leaf import Behaviour, Burst, Count, Leaf, Match, Pick

Known = dict[Leaf, Array]
"""Leaves that were answered before, among them those that `needed` names."""


MOST_ROWS: Final = 1 << 21
"""Rows that are held at once: each takes some hundred bytes while it is brought into order."""


def runs(keys: Array, size: int) -> tuple[Array, Array]:
    """Where the rows of each key begin (one more at the end), and rows in the order of keys."""
    starts = np.zeros(size + 1, np.int64)
    kernels.tally(starts, keys)
    order = np.empty(keys.size, np.int64)
    kernels.scatter(starts[:-1].copy(), keys, order)
    return starts, order


def of_people(reader: Reader, chosen: Chosen, bits: Array) -> Chosen:
    """Of some rows those whose person is in a bit set."""
    persons = reader.space.slots(chosen.group)
    low, high = chosen.low, chosen.high
    if chosen.rows is None:
        out = np.empty(high - low + 1, np.uint32)
        found = kernels.select_people(persons[low:high], bits, low, out)
        return Chosen(chosen.group, low, high, out[:found])
    rows = chosen.rows.copy()
    return Chosen(chosen.group, low, high, rows[: kernels.refine_people(rows, persons, bits)])


def slices(
    reader: Reader, people: Array, events: tuple[str, ...] | None, start: int | None, end: int
) -> Iterator[Array]:
    """The people in slices, such that their rows of these names can be held at once.

    What is brought into order is so for each person alone, and memory does not grow with history.
    """
    spans = [(g, *g.span(start, end)) for g in reader.groups(Match(events), start, end)]
    rows = sum(high - low for _, low, high in spans)
    if rows > MOST_ROWS:  # of everyone; these people may have few of them
        rows = sum(len(of_people(reader, Chosen(*span), people)) for span in spans)
    count = -(-rows // MOST_ROWS)
    if count <= 1:
        yield people
        return
    for number in range(count):
        mine = np.zeros_like(people)
        mine[number::count] = people[number::count]
        yield mine


# ------------------------------------------------------------------------------------- bursts


def enough(leaf: Behaviour) -> Behaviour:
    """The leaf that asks for as many matches as a burst has, in the same window."""
    return Behaviour(leaf.match, leaf.window, Count(), Bounds(low=_measure(leaf).count))


def _measure(leaf: Behaviour) -> Burst:
    if not isinstance(leaf.measure, Burst):
        message = f"{type(leaf.measure).__name__} is no burst"
        raise TypeError(message)
    return leaf.measure


def bursts(reader: Reader, leaves: Sequence[Behaviour], known: Known) -> dict[Leaf, Array]:
    """Bursts of the same matches."""
    answers: dict[Leaf, Array] = {}
    for leaf in leaves:
        measure = _measure(leaf)
        many = known[enough(leaf)]
        if measure.count == 1 or not many.any():
            answers[leaf] = many
            continue
        window = leaf.window
        answers[leaf] = reader.space.empty()
        for people in slices(reader, many, leaf.match.events, window.start, window.end):
            answers[leaf] |= _burst(reader, leaf, people)
    return answers


def _burst(reader: Reader, leaf: Behaviour, people: Array) -> Array:
    """Bit set of those of the people who had a burst."""
    measure, window = _measure(leaf), leaf.window
    found = [
        of_people(reader, chosen, people)
        for chosen in reader.chosen(leaf.match, window.start, window.end)
    ][::-1]
    slots = np.concatenate([reader.slots(chosen) for chosen in found])
    times = np.concatenate([chosen.group.instants(chosen.index) for chosen in found])
    starts, order = runs(slots, reader.space.size)
    ordered = times[order]
    kernels.settle(starts, ordered, np.zeros(ordered.size, np.uint64))
    begins = np.full(reader.space.size, MISSING, np.int64)
    kernels.burst(starts, ordered, measure.count, measure.span, begins)
    return packed(begins != MISSING, reader.space.words)


# -------------------------------------------------------------------------------------- picks


def outside(pick: Pick, as_of: int) -> Behaviour | None:
    """The leaf that asks for a match that would have been chosen instead; None if none could."""
    if pick.latest:
        end = pick.window.end
        return exists(pick.match, end, as_of) if end < as_of else None
    start = pick.window.start
    return exists(pick.match, None, start) if start is not None else None


def inside(pick: Pick) -> Behaviour:
    """The leaf that asks for a match in the window."""
    return exists(pick.match, pick.window.start, pick.window.end)


def candidates(pick: Pick, known: Known, as_of: int) -> Array:
    """Those whose latest (earliest) match lies in the window."""
    other = outside(pick, as_of)
    found = known[inside(pick)]
    return found if other is None else found & ~known[other]


def picks(reader: Reader, leaves: Sequence[Pick], known: Known, as_of: int) -> dict[Leaf, Array]:
    """Picks of the same matches and side."""
    answers: dict[Leaf, Array] = {}
    by_window: dict[Window, list[Pick]] = {}
    for leaf in leaves:
        by_window.setdefault(leaf.window, []).append(leaf)
    for asked in by_window.values():
        people = candidates(asked[0], known, as_of)
        if all(not leaf.having for leaf in asked) or not people.any():
            answers.update(dict.fromkeys(asked, people))
            continue
        chosen = _chosen(reader, asked[0], people)
        for leaf in asked:
            answers[leaf] = chosen.satisfying(leaf) if leaf.having else people
    return answers


def _chosen(reader: Reader, pick: Pick, people: Array) -> _Chosen:
    """The rows picked, those at the same instant included where another could be the one."""
    found = list(reader.chosen(pick.match, pick.window.start, pick.window.end))
    if _one_after_another(found):
        return _Chosen(reader, _firsts(reader, found, people, latest=pick.latest), pick.latest)
    taken = []
    for some in slices(reader, people, pick.match.events, pick.window.start, pick.window.end):
        rows = [mine for chosen in found if len(mine := of_people(reader, chosen, some))]
        taken += _nearest(reader, rows, latest=pick.latest)
    return _Chosen(reader, taken, pick.latest)


def _one_after_another(found: Sequence[Chosen]) -> bool:
    """Whether each group lies before the one before it: then the order of rows is all there is."""
    return all(later.group.first > earlier.group.last for later, earlier in pairwise(found))


def _firsts(
    reader: Reader, found: Sequence[Chosen], people: Array, *, latest: bool
) -> list[Chosen]:
    """The one row of each person: rows of a group lie in order of time and event id."""
    waiting = people.copy()
    taken = []
    for chosen in found if latest else reversed(found):
        persons = reader.space.slots(chosen.group)
        rows = chosen.each
        out = np.empty(rows.size, np.uint32)
        out = out[: kernels.take_one(rows, persons, waiting, latest, out)]
        if out.size:
            taken.append(Chosen(chosen.group, chosen.low, chosen.high, out))
    return taken


def _nearest(reader: Reader, taken: Sequence[Chosen], *, latest: bool) -> list[Chosen]:
    """The rows at the latest (earliest) instant of each person; ties are all among them."""
    slots = [reader.slots(chosen) for chosen in taken]
    times = [chosen.group.instants(chosen.index) for chosen in taken]
    sign = 1 if latest else -1
    best = np.full(reader.space.size, MISSING, np.int64)
    for each, ts in zip(slots, times, strict=True):
        kernels.largest(best, each, sign * ts)
    kept = []
    for chosen, each, ts in zip(taken, slots, times, strict=True):
        first = best[each] == sign * ts
        if first.any():
            kept.append(Chosen(chosen.group, chosen.low, chosen.high, chosen.each[first]))
    return kept


class _Chosen:
    """The latest (earliest) row of each person, or several where they share the instant."""

    def __init__(self, reader: Reader, taken: Sequence[Chosen], latest: bool) -> None:
        self.reader, self.taken, self.latest = reader, taken, latest

    def satisfying(self, leaf: Pick) -> Array:
        """Those for whose chosen row `having` holds; ties are broken by the event's id."""
        yes, no = self.reader.space.empty(), self.reader.space.empty()
        held = []
        for chosen in self.taken:
            flags = self.reader.flags(chosen, leaf.having)
            slots = self.reader.slots(chosen)
            kernels.mark(yes, slots[flags])
            kernels.mark(no, slots[~flags])
            held.append((chosen, slots, flags))
        undecided = yes & no
        if undecided.any():
            yes &= ~undecided
            kernels.mark(yes, self._by_id(undecided, held))
        return yes

    def _by_id(self, undecided: Array, held: Sequence[tuple[Chosen, Array, Array]]) -> Array:
        """Of those with several rows at the instant, the ones whose decisive row satisfies."""
        best: dict[int, tuple[bytes, bool]] = {}
        for chosen, slots, flags in held:
            mine = (undecided[slots >> 6] >> (slots & 63).astype(np.uint64)) & np.uint64(1)
            if not mine.any():
                continue
            ids = chosen.group.part.ids[chosen.group.number]
            for at in np.flatnonzero(mine):
                slot, row = int(slots[at]), int(chosen.each[at])
                found = (ids[row].as_py(), bool(flags[at]))
                held_now = best.get(slot)
                if held_now is None or (found[0] > held_now[0]) == self.latest:
                    best[slot] = found
        return np.array(sorted(s for s, (_, yes) in best.items() if yes), np.uint32)
