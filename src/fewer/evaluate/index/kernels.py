"""Kernels: the loops that pass over rows. Each has a numpy or plain twin in the tests.

They release the interpreter's lock, take arrays as they lie in the index, and know nothing of
segments. `person` is a slot of the space of persons; bit sets are words of 64 persons.
"""

# ruff: noqa: PLR0917, PLR1730  they are called by position, as compiled functions are; and numba
#   makes less of max() than of a comparison.

from __future__ import annotations

from typing import Final

import numpy as np

from fewer.evaluate.index.kernel import Kernel
from fewer.evaluate.index.layout import Array

MISSING: Final = int(np.iinfo(np.int64).min)
_ONE: Final = np.uint64(1)
_SIX: Final = np.uint64(6)
_LOW: Final = np.uint64(63)
_TWOS: Final = np.uint64(0x5555555555555555)
_FOURS: Final = np.uint64(0x3333333333333333)
_EIGHTS: Final = np.uint64(0x0F0F0F0F0F0F0F0F)
_SUM: Final = np.uint64(0x0101010101010101)
_SIXTEEN: Final = np.uint64(0xFFFF)


# ---------------------------------------------------------------------------------- selecting


@Kernel
def select(codes: Array, wanted: Array, low: int, out: Array) -> int:
    """Rows (from `low`) whose code is wanted; returns how many were written to `out`."""
    found = 0
    for row in range(codes.size):
        out[found] = low + row
        found += wanted[codes[row]]
    return found


@Kernel
def refine(rows: Array, codes: Array, wanted: Array) -> int:
    """Of `rows` those whose code is wanted, moved to the front."""
    found = 0
    for place in range(rows.size):
        row = rows[place]
        rows[found] = row
        found += wanted[codes[row]]
    return found


@Kernel
def select_range(values: Array, least: int, most: int, low: int, out: Array) -> int:
    """Rows (from `low`) whose value is there and within [least, most]."""
    found = 0
    for row in range(values.size):
        value = values[row]
        out[found] = low + row
        found += (value >= least) & (value <= most) & (value != MISSING)
    return found


@Kernel
def refine_range(rows: Array, values: Array, least: int, most: int) -> int:
    """Of `rows` those whose value is there and within [least, most], moved to the front."""
    found = 0
    for place in range(rows.size):
        row = rows[place]
        value = values[row]
        rows[found] = row
        found += (value >= least) & (value <= most) & (value != MISSING)
    return found


@Kernel
def refine_in(rows: Array, values: Array, wanted: Array, negated: bool) -> int:
    """Of `rows` those whose value is (or, negated, is there and is not) among sorted `wanted`."""
    found = 0
    for place in range(rows.size):
        row = rows[place]
        value = values[row]
        at = np.searchsorted(wanted, value)
        among = at < wanted.size and wanted[at] == value
        rows[found] = row
        found += (among != negated) & (value != MISSING)
    return found


@Kernel
def select_people(persons: Array, bits: Array, low: int, out: Array) -> int:
    """Rows (from `low`) whose person's bit is set."""
    found = 0
    for row in range(persons.size):
        person = np.uint64(persons[row])
        out[found] = low + row
        found += (bits[person >> _SIX] >> (person & _LOW)) & _ONE
    return found


@Kernel
def refine_people(rows: Array, persons: Array, bits: Array) -> int:
    """Of `rows` those whose person's bit is set, moved to the front."""
    found = 0
    for place in range(rows.size):
        row = rows[place]
        person = np.uint64(persons[row])
        rows[found] = row
        found += (bits[person >> _SIX] >> (person & _LOW)) & _ONE
    return found


@Kernel
def take_one(rows: Array, persons: Array, bits: Array, latest: bool, out: Array) -> int:
    """The last (or first) row of each person whose bit is still set, and clear the bit."""
    found = 0
    for place in range(rows.size):
        row = rows[rows.size - 1 - place] if latest else rows[place]
        person = np.uint64(persons[row])
        bit = _ONE << (person & _LOW)
        if bits[person >> _SIX] & bit:
            bits[person >> _SIX] &= ~bit
            out[found] = row
            found += 1
    return found


# ---------------------------------------------------------------------------------- bit sets


@Kernel
def mark(bits: Array, persons: Array) -> None:
    """Set the bit of each person."""
    for at in range(persons.size):
        person = np.uint64(persons[at])
        bits[person >> _SIX] |= _ONE << (person & _LOW)


@Kernel
def mark_rows(bits: Array, persons: Array, rows: Array) -> None:
    """The same, of some rows."""
    for at in range(rows.size):
        person = np.uint64(persons[rows[at]])
        bits[person >> _SIX] |= _ONE << (person & _LOW)


@Kernel
def ones(word: int) -> int:
    """How many bits of a word are set: sums of two, four, and then eight bits side by side."""
    held = np.uint64(word)
    held -= (held >> _ONE) & _TWOS
    held = (held & _FOURS) + ((held >> np.uint64(2)) & _FOURS)
    held = (held + (held >> np.uint64(4))) & _EIGHTS
    return int((held * _SUM) >> np.uint64(56))


@Kernel
def expand(bits: Array, out: Array) -> int:
    """Slots of the bits that are set, in order."""
    found = 0
    for word in range(bits.size):
        held = bits[word]
        base = word * 64
        while held:
            lowest = held & (~held + _ONE)
            out[found] = base + ones(lowest - _ONE)
            found += 1
            held &= held - _ONE
    return found


@Kernel
def fill(
    bits: Array, keys: Array, sizes: Array, offsets: Array, most_listed: int, out: Array
) -> None:
    """Write chunks of 65,536 bits that are not empty, as lists of 16-bit numbers or as they are."""
    for chunk in range(keys.size):
        first = keys[chunk] * 1_024
        at = offsets[chunk]
        listed = sizes[keys[chunk]] <= most_listed
        for word in range(1_024):
            held = bits[first + word]
            if listed:
                while held:
                    out[at] = word * 64 + ones((held & (~held + _ONE)) - _ONE)
                    at += 1
                    held &= held - _ONE
            else:
                for part in range(4):
                    out[at + part] = (held >> np.uint64(16 * part)) & _SIXTEEN
                at += 4


@Kernel
def between(numbers: Array, least: int, most: int, bits: Array) -> None:
    """Bits of the persons whose number lies within [least, most]."""
    size = numbers.size
    for word in range(bits.size):
        held = np.uint64(0)
        base = word * 64
        for place in range(min(64, size - base)):
            number = numbers[base + place]
            held |= np.uint64((number >= least) & (number <= most)) << np.uint64(place)
        bits[word] = held


@Kernel
def sums_between(sums: Array, least: int, most: int, bits: Array) -> None:
    """Bits of the persons with a sum within [least, most]."""
    for word in range(bits.size):
        held = np.uint64(0)
        base = word * 64
        for place in range(min(64, sums.size - base)):
            value = sums[base + place]
            held |= np.uint64((value >= least) & (value <= most)) << np.uint64(place)
        bits[word] = held


@Kernel
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
    """Bits of the persons whose sum over number lies within bounds; an open end is not part.

    No bound leaves 64 bits when multiplied with a number.
    """
    for word in range(bits.size):
        held = np.uint64(0)
        base = word * 64
        for place in range(min(64, numbers.size - base)):
            number = np.int64(numbers[base + place])
            if number:
                value = np.int64(sums[base + place]) * scale
                low, high = least * number, most * number
                inside = (value > low if least_open else value >= low) and (
                    value < high if most_open else value <= high
                )
                held |= np.uint64(inside) << np.uint64(place)
        bits[word] = held


# ---------------------------------------------------------------------------------- counting


@Kernel
def count(numbers: Array, persons: Array, most: int) -> None:
    """One more for each person, up to `most`."""
    for at in range(persons.size):
        person = persons[at]
        number = numbers[person]
        if number < most:
            numbers[person] = number + 1


@Kernel
def count_rows(numbers: Array, persons: Array, rows: Array, most: int) -> None:
    """The same, of some rows."""
    for at in range(rows.size):
        person = persons[rows[at]]
        number = numbers[person]
        if number < most:
            numbers[person] = number + 1


@Kernel
def stamp(bits: Array, numbers: Array, persons: Array, most: int) -> None:
    """One more for each person whose bit was not set yet, and set it."""
    for at in range(persons.size):
        slot = np.uint64(persons[at])
        bit = _ONE << (slot & _LOW)
        word = slot >> _SIX
        if not bits[word] & bit:
            bits[word] |= bit
            number = numbers[slot]
            if number < most:
                numbers[slot] = number + 1


@Kernel
def stamp_rows(bits: Array, numbers: Array, persons: Array, rows: Array, most: int) -> None:
    """The same, of some rows."""
    for at in range(rows.size):
        slot = np.uint64(persons[rows[at]])
        bit = _ONE << (slot & _LOW)
        word = slot >> _SIX
        if not bits[word] & bit:
            bits[word] |= bit
            number = numbers[slot]
            if number < most:
                numbers[slot] = number + 1


@Kernel
def total(high: Array, low: Array, numbers: Array, persons: Array, values: Array) -> None:
    """Sums in two halves (high * 2**32 + low), exact for two billion values of a person."""
    for at in range(persons.size):
        value = values[at]
        if value != MISSING:
            person = persons[at]
            high[person] += value >> 32
            low[person] += value & 0xFFFFFFFF
            numbers[person] += 1


@Kernel
def total_small(sums: Array, numbers: Array, persons: Array, values: Array) -> None:
    """Sums where none can leave 64 bits."""
    for at in range(persons.size):
        value = values[at]
        if value != MISSING:
            person = persons[at]
            sums[person] += value
            numbers[person] += 1


@Kernel
def largest(most: Array, persons: Array, values: Array) -> None:
    """Largest value of each person; MISSING, which is the least, where there is none."""
    for at in range(persons.size):
        value = values[at]
        person = persons[at]
        if value > most[person]:
            most[person] = value


@Kernel
def smallest(least: Array, persons: Array, values: Array) -> None:
    """Smallest value of each person; `least` starts at the most there can be."""
    for at in range(persons.size):
        value = values[at]
        person = persons[at]
        if value != MISSING and value < least[person]:
            least[person] = value


@Kernel
def distinct(seen: Array, numbers: Array, persons: Array, codes: Array) -> None:
    """For each person the number of distinct codes, rows being ordered by code."""
    for at in range(persons.size):
        person = persons[at]
        if seen[person] != codes[at]:
            seen[person] = codes[at]
            numbers[person] += 1


@Kernel
def distinct_small(
    seen: Array, width: int, numbers: Array, persons: Array, codes: Array, recode: Array, most: int
) -> None:
    """One more for each person and code seen for the first time.

    `seen` has `width` bits a person. A row's code is `recode` of its own; 0 is none.
    """
    for at in range(persons.size):
        code = recode[codes[at]]
        if code:
            person = persons[at]
            place = np.uint64(person) * np.uint64(width) + np.uint64(code)
            bit = _ONE << (place & _LOW)
            if not seen[place >> _SIX] & bit:
                seen[place >> _SIX] |= bit
                number = numbers[person]
                if number < most:
                    numbers[person] = number + 1


# ---------------------------------------------------------------------------------- ordering


@Kernel
def tally(starts: Array, keys: Array) -> None:
    """Where the rows of each key begin, given zeroed `starts`, one longer than there are keys."""
    for at in range(keys.size):
        starts[keys[at] + 1] += 1
    for key in range(1, starts.size):
        starts[key] += starts[key - 1]


@Kernel
def scatter(places: Array, keys: Array, order: Array) -> None:
    """Order of rows by key that keeps the order within each; `places` is a copy of the starts."""
    for at in range(keys.size):
        key = keys[at]
        order[places[key]] = at
        places[key] += 1


@Kernel
def settle(starts: Array, times: Array, flags: Array) -> None:
    """Put each run of times in order (and what goes with them); most are in order already."""
    for key in range(starts.size - 1):
        low, high = starts[key], starts[key + 1]
        rises = True
        for at in range(low + 1, high):
            if times[at] < times[at - 1]:
                rises = False
                break
        if not rises:
            order = np.argsort(times[low:high])
            times[low:high] = times[low:high][order]
            flags[low:high] = flags[low:high][order]


@Kernel
def burst(starts: Array, times: Array, number: int, span: int, begins: Array) -> None:
    """For each key the latest begin of `number` matches within `span`; MISSING if none."""
    for key in range(starts.size - 1):
        best = MISSING
        for at in range(starts[key] + number - 1, starts[key + 1]):
            begin = times[at - number + 1]
            if times[at] - begin <= span and begin > best:
                best = begin
        begins[key] = best


@Kernel
def _next_match(times: Array, flags: Array, low: int, high: int, bit: int, after: Array) -> None:
    """For each row of a run the time of the first match strictly later, or the end of time."""
    following = np.iinfo(np.int64).max
    at = high - 1
    while at >= low:
        now = times[at]
        begin = at
        matched = False
        while begin >= low and times[begin] == now:
            after[begin - low] = following
            if (flags[begin] >> np.uint64(bit)) & _ONE:
                matched = True
            begin -= 1
        if matched:
            following = now
        at = begin


@Kernel
def _stays_away(gaps: Array, step: int, after: Array, row: int, now: int, as_of: int) -> bool:
    """Whether the absent steps after a present one hold: no match, and the span has passed."""
    for gap in range(gaps.shape[0]):
        if gaps[gap, 0] == step:
            length = gaps[gap, 2]
            if now >= as_of - length or after[gap, row] <= now + length:
                return False
    return True


@Kernel
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
    """Mark persons who completed a sequence in each window.

    runs: rows of key k are starts[k]:starts[k+1], in order of time; who[k] is its person.
    flags: bit b of a row says that it is the b-th kind of match.
    steps: (bit, most since the step before or -1) of each present step.
    gaps: (step before it, bit, length) of each absent step.
    windows: (start, end) of each leaf; out: bit sets, one for each leaf.
    """
    count_steps = steps.shape[0]
    reached = np.empty(count_steps, np.int64)
    began = np.empty(count_steps, np.int64)
    fresh = np.empty(count_steps, np.int64)
    longest = 0
    for key in range(starts.size - 1):
        longest = max(longest, starts[key + 1] - starts[key])
    after = np.empty((gaps.shape[0], longest), np.int64)
    for key in range(starts.size - 1):
        low, high = starts[key], starts[key + 1]
        for gap in range(gaps.shape[0]):
            _next_match(times, flags, low, high, gaps[gap, 1], after[gap])
        reached[:] = MISSING
        at = low
        while at < high:
            now = times[at]
            end = at
            fresh[:] = MISSING
            while end < high and times[end] == now:
                for step in range(count_steps):
                    if not (flags[end] >> np.uint64(steps[step, 0])) & _ONE:
                        continue
                    if step == 0:
                        begin = now
                    elif reached[step - 1] == MISSING or (
                        steps[step, 1] >= 0 and now - reached[step - 1] > steps[step, 1]
                    ):
                        continue
                    else:
                        begin = began[step - 1]
                    if _stays_away(gaps, step, after, end - low, now, as_of):
                        fresh[step] = max(fresh[step], begin)
                end += 1
            for step in range(count_steps):
                if fresh[step] != MISSING:
                    reached[step] = now
                    began[step] = fresh[step]
            if fresh[count_steps - 1] != MISSING:
                person = np.uint64(who[key])
                for window in range(windows.shape[0]):
                    if fresh[count_steps - 1] >= windows[window, 0] and now < windows[window, 1]:
                        out[window, person >> _SIX] |= _ONE << (person & _LOW)
            at = end
