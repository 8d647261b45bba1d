"""Twins of the kernels: the same in plain Python, one row at a time, with integers of any size.

A twin has the name and the arguments of its kernel, changes the same arrays, and returns the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

MISSING = -(2**63)
END = 2**63 - 1


# ---------------------------------------------------------------------------------- bit sets


def has(bits: Array, place: int) -> bool:
    """Whether the bit is set."""
    return bool(int(bits[place // 64]) >> (place % 64) & 1)


def put(bits: Array, place: int, value: bool) -> None:
    """Set or clear the bit."""
    word = int(bits[place // 64]) & ~(1 << (place % 64))
    bits[place // 64] = word | (int(value) << (place % 64))


def packed(flags: Iterable[bool], bits: Array) -> None:
    """Bits of the flags, and none after them."""
    bits[:] = 0
    for place, flag in enumerate(flags):
        put(bits, place, flag)


def mark(bits: Array, persons: Array) -> None:
    """See the kernel."""
    for person in persons.tolist():
        put(bits, person, value=True)


def mark_rows(bits: Array, persons: Array, rows: Array) -> None:
    """See the kernel."""
    mark(bits, persons[rows])


def expand(bits: Array, out: Array) -> int:
    """See the kernel."""
    found = [place for place in range(64 * bits.size) if has(bits, place)]
    out[: len(found)] = found
    return len(found)


def ones(word: int) -> int:
    """See the kernel."""
    return int(word).bit_count()


def fill(
    bits: Array, keys: Array, sizes: Array, offsets: Array, most_listed: int, out: Array
) -> None:
    """See the kernel."""
    for key, at in zip(keys.tolist(), offsets.tolist(), strict=True):
        chunk = bits[key * 1_024 : (key + 1) * 1_024]
        if sizes[key] <= most_listed:
            found = [place for place in range(64 * 1_024) if has(chunk, place)]
        else:
            found = [int(w) >> 16 * part & 0xFFFF for w in chunk for part in range(4)]
        out[at : at + len(found)] = found


def between(numbers: Array, least: int, most: int, bits: Array) -> None:
    """See the kernel."""
    packed((least <= number <= most for number in numbers.tolist()), bits)


sums_between = between


def ratios_between(
    sums: Array,
    scale: int,
    numbers: Array,
    least: int,
    most: int,
    least_open: bool,
    most_open: bool,
    bits: Array,
) -> None:
    """See the kernel."""

    def inside(total: int, number: int) -> bool:
        value, low, high = total * scale, least * number, most * number
        above = value > low if least_open else value >= low
        below = value < high if most_open else value <= high
        return number > 0 and above and below

    packed(map(inside, sums.tolist(), numbers.tolist()), bits)


# ---------------------------------------------------------------------------------- selecting


def _written(found: Sequence[int], out: Array) -> int:
    out[: len(found)] = found
    return len(found)


def select(codes: Array, wanted: Array, low: int, out: Array) -> int:
    """See the kernel."""
    return _written([low + row for row, code in enumerate(codes.tolist()) if wanted[code]], out)


def refine(rows: Array, codes: Array, wanted: Array) -> int:
    """See the kernel."""
    return _written([row for row in rows.tolist() if wanted[int(codes[row])]], rows)


def _inside(value: int, least: int, most: int) -> bool:
    return value != MISSING and least <= value <= most


def select_range(values: Array, least: int, most: int, low: int, out: Array) -> int:
    """See the kernel."""
    found = [low + row for row, v in enumerate(values.tolist()) if _inside(v, least, most)]
    return _written(found, out)


def refine_range(rows: Array, values: Array, least: int, most: int) -> int:
    """See the kernel."""
    return _written([r for r in rows.tolist() if _inside(int(values[r]), least, most)], rows)


def refine_in(rows: Array, values: Array, wanted: Array, negated: bool) -> int:
    """See the kernel."""
    among = set(wanted.tolist())

    def kept(value: int) -> bool:
        return value != MISSING and (value in among) != negated

    return _written([row for row in rows.tolist() if kept(int(values[row]))], rows)


def select_people(persons: Array, bits: Array, low: int, out: Array) -> int:
    """See the kernel."""
    return _written([low + row for row, p in enumerate(persons.tolist()) if has(bits, p)], out)


def refine_people(rows: Array, persons: Array, bits: Array) -> int:
    """See the kernel."""
    return _written([row for row in rows.tolist() if has(bits, int(persons[row]))], rows)


def take_one(rows: Array, persons: Array, bits: Array, latest: bool, out: Array) -> int:
    """See the kernel."""
    found = []
    for row in reversed(rows.tolist()) if latest else rows.tolist():
        if has(bits, int(persons[row])):
            put(bits, int(persons[row]), value=False)
            found.append(row)
    return _written(found, out)


# ---------------------------------------------------------------------------------- counting


def count(numbers: Array, persons: Array, most: int) -> None:
    """See the kernel."""
    for person in persons.tolist():
        numbers[person] = max(int(numbers[person]), min(int(numbers[person]) + 1, most))


def count_rows(numbers: Array, persons: Array, rows: Array, most: int) -> None:
    """See the kernel."""
    count(numbers, persons[rows], most)


def stamp(bits: Array, numbers: Array, persons: Array, most: int) -> None:
    """See the kernel."""
    for person in persons.tolist():
        if not has(bits, person):
            put(bits, person, value=True)
            count(numbers, np.array([person]), most)


def stamp_rows(bits: Array, numbers: Array, persons: Array, rows: Array, most: int) -> None:
    """See the kernel."""
    stamp(bits, numbers, persons[rows], most)


def _given(persons: Array, values: Array) -> Iterator[tuple[int, int]]:
    for person, value in zip(persons.tolist(), values.tolist(), strict=True):
        if value != MISSING:
            yield person, value


def total(high: Array, low: Array, numbers: Array, persons: Array, values: Array) -> None:
    """See the kernel: the two halves are those of each value, added up."""
    for person, value in _given(persons, values):
        high[person] = int(high[person]) + value // 2**32
        low[person] = int(low[person]) + value % 2**32
        numbers[person] += 1


def total_small(sums: Array, numbers: Array, persons: Array, values: Array) -> None:
    """See the kernel."""
    for person, value in _given(persons, values):
        sums[person] = int(sums[person]) + value
        numbers[person] += 1


def largest(most: Array, persons: Array, values: Array) -> None:
    """See the kernel."""
    for person, value in _given(persons, values):
        most[person] = max(int(most[person]), value)


def smallest(least: Array, persons: Array, values: Array) -> None:
    """See the kernel."""
    for person, value in _given(persons, values):
        least[person] = min(int(least[person]), value)


def distinct(seen: Array, numbers: Array, persons: Array, codes: Array) -> None:
    """See the kernel: rows come in the order of codes."""
    held: dict[int, set[int]] = {}
    for person, code in zip(persons.tolist(), codes.tolist(), strict=True):
        held.setdefault(person, set()).add(code)
        seen[person] = code
    for person, found in held.items():
        numbers[person] += len(found)


def distinct_small(
    seen: Array, width: int, numbers: Array, persons: Array, codes: Array, recode: Array, most: int
) -> None:
    """See the kernel."""
    for person, code in zip(persons.tolist(), codes.tolist(), strict=True):
        place = person * width + int(recode[code])
        if recode[code] and not has(seen, place):
            put(seen, place, value=True)
            count(numbers, np.array([person]), most)


# ---------------------------------------------------------------------------------- ordering


def tally(starts: Array, keys: Array) -> None:
    """See the kernel."""
    for key in range(starts.size):
        starts[key] = sum(each < key for each in keys.tolist())


def scatter(places: Array, keys: Array, order: Array) -> None:
    """See the kernel: a stable sort; places move to the ends of their keys."""
    order[:] = np.argsort(keys, kind="stable")
    places += np.bincount(keys, minlength=places.size)[: places.size]


def settle(starts: Array, times: Array, flags: Array) -> None:
    """See the kernel; among equal times any order will do, so flags are put in order too."""
    for low, high in zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True):
        rows = sorted(zip(times[low:high].tolist(), flags[low:high].tolist(), strict=True))
        times[low:high] = [time for time, _ in rows]
        flags[low:high] = [flag for _, flag in rows]


def burst(starts: Array, times: Array, number: int, span: int, begins: Array) -> None:
    """See the kernel: of every choice of `number` matches of a person."""
    for key, (low, high) in enumerate(zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True)):
        chosen = combinations(times[low:high].tolist(), number)
        found = [min(each) for each in chosen if max(each) - min(each) <= span]
        begins[key] = max(found, default=MISSING)


def chain(
    starts: Array,
    who: Array,
    times: Array,
    flags: Array,
    steps: Array,
    gaps: Array,
    windows: Array,
    as_of: int,
    out: Array,
) -> None:
    """See the kernel: every choice of events is tried, for each window."""
    for key, (low, high) in enumerate(zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True)):
        rows = list(zip(times[low:high].tolist(), flags[low:high].tolist(), strict=True))
        for number, (begin, end) in enumerate(windows.tolist()):
            inside = [row for row in rows if begin <= row[0] < end]
            if _completed(inside, rows, steps.tolist(), gaps.tolist(), as_of):
                put(out[number], int(who[key]), value=True)


Row = tuple[int, int]


def _completed(
    inside: Sequence[Row],
    rows: Sequence[Row],
    steps: Sequence[Sequence[int]],
    gaps: Sequence[Sequence[int]],
    as_of: int,
) -> bool:
    """Whether some events within the window are the steps, in turn."""

    def away(step: int, now: int) -> bool:
        mine = [(bit, length) for after, bit, length in gaps if after == step]
        return all(
            now + length < as_of
            and not any(flag >> bit & 1 and now < time <= now + length for time, flag in rows)
            for bit, length in mine
        )

    def onwards(step: int, before: int | None) -> bool:
        if step == len(steps):
            return True
        bit, within = steps[step]
        for time, flag in inside:
            if not flag >> bit & 1 or not away(step, time):
                continue
            if before is not None and (time <= before or 0 <= within < time - before):
                continue
            if onwards(step + 1, time):
                return True
        return False

    return onwards(0, None)


Twin = Callable[..., Any]
