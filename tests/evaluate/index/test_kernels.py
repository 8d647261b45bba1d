"""Every kernel does what its twin does, over arrays of every width, written once or mapped."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import SOAK
from evaluate.index import twins
from evaluate.index.twins import END, MISSING
from fewer.evaluate.index import kernels, plain
from fewer.evaluate.index.kernel import plainly
from fewer.evaluate.index.space import Space

plain.know()

EXAMPLES = 40 * SOAK
WIDTHS = (np.uint8, np.uint16, np.uint32)
PERSONS = st.sampled_from((1, 2, 63, 64, 65, 127, 128, 129, 300))
EXTREMES = (MISSING, MISSING + 1, -(2**62), -(2**32), -1, 0, 1, 2**32 - 1, 2**32, 2**62, END)
NUMBERS = st.one_of(st.sampled_from(EXTREMES), st.integers(-50, 50), st.integers(MISSING, END))


def forms(name: str) -> list[Callable[..., Any]]:
    """The kernel compiled, and in numpy where there is such a form."""
    kernel = getattr(kernels, name)
    return [kernel.compiled(), *([kernel.plain] if kernel.plain else [])]


def copied(given_: Sequence[Any]) -> list[Any]:
    return [a.copy() if isinstance(a, np.ndarray) and a.flags.writeable else a for a in given_]


def same(name: str, *given_: Any) -> None:
    """Run kernel and twin on copies of the arguments: same result, same changes."""
    wanted_arguments = copied(given_)
    wanted = getattr(twins, name)(*wanted_arguments)
    for form in forms(name):
        arguments = copied(given_)
        assert form(*arguments) == wanted
        for one, two in zip(arguments, wanted_arguments, strict=True):
            assert np.array_equal(one, two), (form, one, two)


@st.composite
def arrays(draw, elements, *, size=None, dtypes=(np.int64,), frozen=None):
    """An array of any of the types, written to or (as a mapped one) not."""
    size = draw(st.integers(0, 40)) if size is None else size
    values = draw(st.lists(elements, min_size=size, max_size=size))
    made = np.array(values, draw(st.sampled_from(dtypes)))
    if draw(st.booleans()) if frozen is None else frozen:
        made.flags.writeable = False
    return made


def people(size, **shape):
    """Slots of persons, many of one person as often as not."""
    some = st.one_of(st.integers(0, size - 1), st.sampled_from((0, size - 1)))
    return arrays(some, dtypes=(np.uint32,), **shape)


def bit_sets(size, frozen=False):
    words = st.one_of(st.sampled_from((0, 1, 2**63, 2**64 - 1)), st.integers(0, 2**64 - 1))
    return arrays(words, size=-(-size // 64), dtypes=(np.uint64,), frozen=frozen)


@st.composite
def rows_of(draw, size):
    """Some rows, in order, as kernels that refine them get them: they may be written to."""
    picked = draw(st.lists(st.booleans(), min_size=size, max_size=size))
    return np.flatnonzero(picked).astype(np.uint32)


def room(size):
    return np.zeros(size + 1, np.uint32)


def compared(*strategies):
    return lambda test: settings(max_examples=EXAMPLES)(given(*strategies)(test))


# ---------------------------------------------------------------------------------- the twins


def test_every_kernel_has_a_twin():
    tree = ast.parse(Path(kernels.__file__).read_text())
    names = {
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")
    }
    assert names
    assert {name for name in names if not hasattr(twins, name)} == set()
    tests = [Path(__file__), Path(__file__).with_name("test_chain.py")]
    compared = {
        node.args[0].value
        for path in tests
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant)
    } | {"settle"}  # of which equal times have no order
    assert names - compared == set()


# ---------------------------------------------------------------------------------- selecting


@compared(st.data())
def test_codes(data):
    codes = data.draw(arrays(st.integers(0, 5), dtypes=WIDTHS))
    wanted = data.draw(arrays(st.booleans(), size=6, dtypes=(np.bool_,), frozen=False))
    low = data.draw(st.sampled_from((0, 1, 1_000)))
    _selected("select", codes, wanted, low, size=codes.size)
    rows = data.draw(rows_of(codes.size))
    _refined("refine", rows, codes, wanted)


def _refined(name, rows, *rest):
    """Kernels that move rows to the front leave anything behind them."""
    other = rows.copy()
    wanted = getattr(twins, name)(other, *rest)
    for form in forms(name):
        mine = rows.copy()
        assert form(mine, *rest) == wanted
        assert mine[:wanted].tolist() == other[:wanted].tolist()


def _selected(name, *given_, size):
    """Kernels that write rows leave anything behind the last."""
    other = room(size)
    wanted = getattr(twins, name)(*given_, other)
    for form in forms(name):
        mine = room(size)
        assert form(*given_, mine) == wanted
        assert mine[:wanted].tolist() == other[:wanted].tolist()


@pytest.mark.parametrize("width", WIDTHS)
def test_codes_at_the_end_of_their_width(width):
    top = min(int(np.iinfo(width).max), 70_000)
    codes = np.array([0, top, 1, top, top - 1], width)
    wanted = np.zeros(top + 1, bool)
    wanted[[0, top]] = True
    _selected("select", codes, wanted, 7, size=5)
    _refined("refine", np.arange(5, dtype=np.uint32), codes, wanted)


@compared(st.data())
def test_ranges(data):
    values = data.draw(arrays(NUMBERS))
    least, most = data.draw(NUMBERS), data.draw(NUMBERS)
    _selected("select_range", values, least, most, 3, size=values.size)
    _refined("refine_range", data.draw(rows_of(values.size)), values, least, most)


@compared(st.data())
def test_values_among_some(data):
    values = data.draw(arrays(NUMBERS))
    some = data.draw(st.sets(st.one_of(NUMBERS, st.sampled_from([*values.tolist(), 0]))))
    wanted = np.array(sorted(some - {MISSING}), np.int64)
    _refined("refine_in", data.draw(rows_of(values.size)), values, wanted, data.draw(st.booleans()))


@compared(st.data())
def test_rows_of_people(data):
    size = data.draw(PERSONS)
    persons, bits = data.draw(people(size)), data.draw(bit_sets(size, frozen=None))
    _selected("select_people", persons, bits, 5, size=persons.size)
    rows = data.draw(rows_of(persons.size))
    _refined("refine_people", rows, persons, bits)


@compared(st.data())
def test_one_row_of_each_person(data):
    size = data.draw(PERSONS)
    persons, bits = data.draw(people(size)), data.draw(bit_sets(size))
    rows = data.draw(rows_of(persons.size))
    same("take_one", rows, persons, bits, data.draw(st.booleans()), room(rows.size))


# ---------------------------------------------------------------------------------- bit sets


@compared(st.data())
def test_marks(data):
    size = data.draw(PERSONS)
    persons, bits = data.draw(people(size)), data.draw(bit_sets(size))
    same("mark", bits, persons)
    same("mark_rows", bits, persons, data.draw(rows_of(persons.size)))
    same("expand", bits, np.zeros(64 * bits.size, np.uint32))


@compared(st.integers(0, 2**64 - 1))
def test_ones(word):
    same("ones", np.uint64(word))


@pytest.mark.parametrize("count", [0, 1, 4_095, 4_096, 4_097, 65_536])
def test_a_bit_set_becomes_a_bitmap(count):
    dice = np.random.default_rng(count)
    wanted = {7, *dice.choice(65_536, count, replace=False).tolist(), 131_072 + 3, 200_001}
    bits = np.zeros(3_200, np.uint64)
    kernels.mark(bits, np.array(sorted(wanted), np.uint32))
    assert set(Space(3_200 * 64).persons(bits)) == wanted
    with plainly():
        assert set(Space(3_200 * 64).persons(bits)) == wanted


def test_chunks_of_a_bit_set():
    bits = np.zeros(2 * 1_024, np.uint64)
    bits[5], bits[1_024:] = 9, 2**63 + 1
    keys, sizes = np.array([0, 1]), np.array([2, 2_048])
    for most_listed in (4_096, 1_000):
        offsets = np.array([0, 2])
        same("fill", bits, keys, sizes, offsets, most_listed, np.zeros(4_098, np.uint16))


@pytest.mark.parametrize("place", range(0, 65, 1))
def test_every_bit_of_a_word_is_found(place):
    bits = np.zeros(2, np.uint64)
    kernels.mark(bits, np.array([place], np.uint32))
    out = np.zeros(1, np.uint32)
    assert (kernels.expand(bits, out), out.tolist()) == (1, [place])


@compared(st.data())
def test_numbers_within_bounds(data):
    size = data.draw(st.one_of(PERSONS, st.just(0)))
    bits = data.draw(bit_sets(size))  # what was there before is of no matter
    bound = st.one_of(st.sampled_from((-1, 0, 1, 254, 255, 256, 65_535, 2**32 - 1, END)), NUMBERS)
    least, most = data.draw(bound), data.draw(bound)
    small = st.sampled_from((0, 1, 2, 254, 255))
    numbers = data.draw(arrays(small, size=size, dtypes=(np.uint8, np.uint32)))
    same("between", numbers, least, most, bits)
    sums = data.draw(arrays(NUMBERS, size=size))
    same("sums_between", sums, least, most, bits)


@compared(st.data())
def test_ratios_within_bounds(data):
    """The bounds and sums that callers let through: no product leaves 64 bits."""
    size = data.draw(st.one_of(PERSONS, st.just(0)))
    numbers = data.draw(arrays(st.integers(0, 300), size=size, dtypes=(np.uint32,)))
    safe = 2**62 // 300
    near = st.one_of(st.sampled_from((-safe, safe, 0, 1, -1)), st.integers(-safe, safe))
    scale = data.draw(st.sampled_from((1, 1_000_000)))
    part = st.integers(-(2**62) // scale, 2**62 // scale)
    low, high, open_, shut = (data.draw(s) for s in (near, near, st.booleans(), st.booleans()))
    multiple = st.builds(lambda n, k: low * n + k, st.integers(0, 300), st.integers(-1, 1))
    sums = data.draw(arrays(part | multiple if scale == 1 else part, size=size))
    bits = data.draw(bit_sets(size))
    same("ratios_between", sums, scale, numbers, low, high, open_, shut, bits)


# ---------------------------------------------------------------------------------- counting


@compared(st.data())
def test_counts(data):
    size = data.draw(PERSONS)
    persons = data.draw(people(size))
    kind, most = data.draw(st.sampled_from([(np.uint8, 255), (np.uint32, 2**32 - 1)]))
    held = st.sampled_from((0, 1, 252, 253, 254, 255, 2**32 - 2, 2**32 - 1))
    numbers = data.draw(
        arrays(held.map(lambda n: min(n, most)), size=size, dtypes=(kind,), frozen=False)
    )
    rows = data.draw(rows_of(persons.size))
    same("count", numbers, persons, most)
    same("count_rows", numbers, persons, rows, most)
    bits = data.draw(bit_sets(size))
    same("stamp", bits, numbers, persons, most)
    same("stamp_rows", bits, numbers, persons, rows, most)


@pytest.mark.parametrize("times", [254, 255, 256, 257, 65_535, 65_536, 65_537, 70_000])
def test_counts_of_one_person_past_every_width(times):
    """A narrow counter stops; a wide one goes on."""
    persons = np.zeros(times, np.uint32)
    narrow, wide = np.zeros(1, np.uint8), np.zeros(1, np.uint32)
    kernels.count(narrow, persons, 255)
    kernels.count(wide, persons, 2**32 - 1)
    assert (narrow[0], wide[0]) == (min(times, 255), times)
    rows = np.arange(times, dtype=np.uint32)
    kernels.count_rows(wide, persons, rows, 2**32 - 1)
    assert wide[0] == 2 * times


@compared(st.data())
def test_totals(data):
    """Also where a sum leaves 64 bits."""
    size = data.draw(PERSONS)
    persons = data.draw(people(size))
    values = data.draw(arrays(NUMBERS, size=persons.size))
    high, low = np.zeros(size, np.int64), np.zeros(size, np.int64)
    same("total", high, low, np.zeros(size, np.uint32), persons, values)
    kernels.total(high, low, np.zeros(size, np.uint32), persons, values)
    exact = [0] * size
    for person, value in zip(persons.tolist(), values.tolist(), strict=True):
        exact[person] += value if value != MISSING else 0
    assert [int(h) * 2**32 + int(part) for h, part in zip(high, low, strict=True)] == exact


@compared(st.data())
def test_small_totals(data):
    size = data.draw(PERSONS)
    persons = data.draw(people(size))
    small = st.one_of(st.just(MISSING), st.integers(-(2**56), 2**56))
    values = data.draw(arrays(small, size=persons.size))
    sums = data.draw(arrays(st.integers(-(2**56), 2**56), size=size, frozen=False))
    same("total_small", sums, np.zeros(size, np.uint32), persons, values)


@compared(st.data())
def test_extremes(data):
    size = data.draw(PERSONS)
    persons = data.draw(people(size))
    values = data.draw(arrays(NUMBERS, size=persons.size))
    same("largest", np.full(size, MISSING), persons, values)
    same("smallest", np.full(size, END), persons, values)


@compared(st.data())
def test_distinct_values(data):
    size = data.draw(PERSONS)
    persons = data.draw(people(size, frozen=False))
    codes = np.sort(data.draw(arrays(st.integers(1, 6), size=persons.size, frozen=False)))
    same("distinct", np.zeros(size, np.int64), np.zeros(size, np.uint32), persons, codes)


@compared(st.data())
def test_few_distinct_values(data):
    size = data.draw(PERSONS)
    persons = data.draw(people(size))
    codes = data.draw(arrays(st.integers(0, 5), size=persons.size, dtypes=WIDTHS))
    recode = data.draw(arrays(st.integers(0, 4), size=6, frozen=False))
    kind, most = data.draw(st.sampled_from([(np.uint8, 255), (np.uint8, 2), (np.uint32, 99)]))
    seen = np.zeros(-(-size * 5 // 64), np.uint64)
    same("distinct_small", seen, 5, np.zeros(size, kind), persons, codes, recode, most)


# ---------------------------------------------------------------------------------- ordering


@compared(st.data())
def test_rows_by_key(data):
    size = data.draw(st.integers(1, 70))
    keys = data.draw(arrays(st.integers(0, size - 1), dtypes=(np.int64, np.uint32)))
    starts = np.zeros(size + 1, np.int64)
    same("tally", starts, keys)
    kernels.tally(starts, keys)
    same("scatter", starts[:-1].copy(), keys, np.zeros(keys.size, np.int64))


TIMES = st.one_of(st.integers(-5, 5), st.integers(-(2**60), 2**60))
FLAGS = st.integers(1, 7)


@st.composite
def runs(draw, *, longest=12, times=TIMES, flags=FLAGS):
    """Runs of rows of some keys, some of them empty: starts, times and flags."""
    lengths = draw(st.lists(st.integers(0, longest), max_size=5))
    starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    size = int(starts[-1])
    return (
        starts,
        draw(arrays(times, size=size, frozen=False)),
        draw(arrays(flags, size=size, dtypes=(np.uint64,), frozen=False)),
    )


@pytest.mark.slow
@compared(runs())
def test_times_in_order(given_):
    starts, times, flags = given_
    mine, other = (times.copy(), flags.copy()), (times.copy(), flags.copy())
    kernels.settle(starts, *mine)
    twins.settle(starts, *other)
    assert mine[0].tolist() == other[0].tolist()
    twins.settle(starts, *mine)  # ties have no order
    assert mine[1].tolist() == other[1].tolist()


@compared(runs(longest=7), st.integers(1, 5), st.one_of(st.integers(0, 6), st.integers(0, 2**61)))
def test_bursts(given_, number, span):
    starts, times, flags = given_
    twins.settle(starts, times, flags)
    same("burst", starts, times, number, span, np.full(starts.size - 1, MISSING))
