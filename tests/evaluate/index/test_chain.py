"""Sequences and bursts: the kernel against every choice of events, and one busy person."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import SOAK
from evaluate.index import twins
from evaluate.index.indexed import at, draw, indexed, moment
from evaluate.index.test_kernels import arrays, runs, same
from fewer.evaluate.index import kernels

MANY = 200_000
BITS = st.integers(0, 2)


@st.composite
def shapes(draw):
    """Present steps, and absent ones after any of them; spans that just reach and just do not."""
    count = draw(st.integers(1, 4))
    span = st.integers(1, 6)
    steps = [(draw(BITS), -1 if n == 0 else draw(st.just(-1) | span)) for n in range(count)]
    gaps = draw(st.lists(st.tuples(st.integers(0, count - 1), BITS, span), max_size=3))
    return np.array(steps, np.int64), np.array(gaps, np.int64).reshape(len(gaps), 3)


@st.composite
def questions(draw):
    starts, times, flags = draw(runs(longest=9, times=st.integers(-6, 8), flags=st.integers(0, 7)))
    twins.settle(starts, times, flags)
    steps, gaps = draw(shapes())
    edge = st.integers(-8, 12)
    windows = draw(st.lists(st.tuples(st.just(-(2**63) + 1) | edge, edge), min_size=1, max_size=4))
    persons = draw(st.sampled_from((1, 64, 65, 130)))
    who = draw(
        arrays(st.integers(0, persons - 1), size=starts.size - 1, dtypes=(np.uint32,), frozen=False)
    )
    as_of = draw(st.integers(9, 14))  # no row lies at or after it
    out = np.zeros((len(windows), -(-persons // 64)), np.uint64)
    return starts, who, times, flags, steps, gaps, np.array(windows, np.int64), as_of, out


@given(questions())
@settings(max_examples=300 * SOAK)
def test_every_choice_of_events(question):
    same("chain", *question)


def test_the_64th_kind_of_step():
    bit = np.array([1 << 63, 1 << 62], np.uint64)
    starts, times = np.array([0, 2]), np.array([1, 2])
    steps, gaps = np.array([[63, -1], [62, -1]]), np.zeros((0, 3), np.int64)
    out = np.zeros((1, 1), np.uint64)
    windows = np.array([[-10, 10]])
    kernels.chain(starts, np.zeros(1, np.uint32), times, bit, steps, gaps, windows, 10, out)
    assert out[0, 0] == 1


# ------------------------------------------------------------------------------ one busy person


class Counted(np.ndarray):
    """Times that count how often one of them is read."""

    reads = 0

    def __getitem__(self, place):
        if isinstance(place, int | np.integer):
            Counted.reads += 1
        return super().__getitem__(place)


def reads(kernel, starts, times, *rest):
    """How many times a kernel, run as plain Python, reads a time."""
    Counted.reads = 0
    kernel.py_func(starts, times.view(Counted), *rest)
    return Counted.reads


@pytest.mark.parametrize("ties", [False, True], ids=["apart", "tied"])
def test_work_grows_with_events_and_no_faster(ties):
    """Twice the events, twice the reads: of a sequence with an absent step, and of a burst."""

    def chained(starts, times, size):
        flags = np.full(size, 7, np.uint64)
        steps = np.array([[0, -1], [1, 5], [2, 9]])
        windows = np.array([[-1, size], [size // 2, size]])
        gaps, out = np.array([[1, 1, 3]]), np.zeros((2, 1), np.uint64)
        rest = (flags, steps, gaps, windows, size, out)
        Counted.reads = 0
        kernels.chain.py_func(starts, np.zeros(1, int), times.view(Counted), *rest)
        return Counted.reads

    costs = []
    for size in (500, 1_000, 2_000):
        starts = np.array([0, size])
        times = np.zeros(size, np.int64) if ties else np.arange(size)
        burst = reads(kernels.burst, starts, times, 5, 10, np.zeros(1, np.int64))
        costs.append((chained(starts, times, size), burst))
    for small, large in pairwise(costs):
        for before, after in zip(small, large, strict=True):
            assert after <= 2.1 * before


def killer(size: int) -> np.ndarray:
    """Times on which choosing the median of three for a pivot is the worst choice each time."""
    half = size // 2
    times = np.zeros(2 * half, np.int64)
    for place in range(1, half + 1):
        if place % 2:
            times[place - 1] = place
            times[place] = half + place
        times[half + place - 1] = 2 * place
    return times


PATTERNS = {
    "two files": lambda n: np.concatenate([np.arange(n // 2), np.arange(n - n // 2)]),
    "organ pipe": lambda n: np.concatenate([np.arange(n // 2), np.arange(n - n // 2)[::-1]]),
    "falling": lambda n: np.arange(n)[::-1].copy(),
    "few values": lambda n: np.arange(n) % 3,
    "saw": lambda n: np.arange(n) % 450,
    "last first": lambda n: np.roll(np.arange(n), 1),
    "many files": lambda n: np.concatenate([np.arange(n // 90)] * 90),
    "killer": killer,
}


@pytest.mark.parametrize("pattern", PATTERNS.values(), ids=PATTERNS)
@pytest.mark.timeout(60)
def test_times_of_one_person_in_the_worst_order(pattern):
    """It finishes: where sorting is quadratic, this takes hours."""
    times = pattern(MANY).astype(np.int64)
    flags = times.astype(np.uint64)
    starts = np.array([0, times.size])
    wanted = np.sort(times)
    kernels.settle(starts, times, flags)
    assert np.array_equal(times, wanted)
    assert np.array_equal(flags, wanted.astype(np.uint64))


@pytest.mark.timeout(300)
def test_one_person_with_200_000_events(tmp_path):
    """Through the whole engine; the answers are known from how the events were made."""
    world = draw(ann=[at("-160d", "view")], bob=[at("-160d", "view")])
    shop = indexed(world, tmp_path)
    many_events(shop, MANY)
    last = {"did": "buy", "within_next": "1m"}
    found = shop.evaluate(
        {"sequence": [{"did": "view"}, {"did": "cart", "within_next": "1m"}, last]},
        {"sequence": [{"did": "buy"}, {"did": "cart", "within_next": "1m"}, last]},
        {"sequence": [{"did": "buy"}, {"did_not": "view", "within_next": "1m"}]},
        {"sequence": [{"did": "cart"}, {"did_not": "cart", "within_next": "3m"}, last]},
        {"did": "*", "burst": {"count": 4, "in": "3m"}},
        {"did": "*", "burst": {"count": 5, "in": "3m"}},
        {"did": "*", "burst": {"count": MANY, "in": "200d"}},
        {"did": "*", "count": {"at_least": MANY}},
        {"did": "*", "count": {"more_than": MANY + 1}},
        {"did": "view", "count": {"exactly": MANY // 3 + 2}},
        {"sequence": [{"did": "view"}, last], "same": ["session_id"]},
        {"last": {"did": "*"}, "within": "200d", "having": {"page": {"missing": True}}},
    )
    ann = next(n for n, name in world.persons.items() if name == "ann")
    sets = [set(found.matched[f"c{n}"]) for n in range(12)]
    yes, no = {ann}, set()
    assert sets == [yes, no, no, no, yes, no, yes, yes, no, yes, no, {*world.persons}]


def many_events(shop, size):
    """Add view, cart, buy, view ... of ann, one a minute, to the one data file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    (file,) = shop.files
    table = pq.read_table(file, partitioning=None)
    ann = next(n for n, name in shop.world.persons.items() if name == "ann")
    names = ["view", "cart", "buy"]
    columns = {
        "event_id": [f"m{n:06}" for n in range(size)],
        "person": pa.array([ann] * size, pa.uint32()),
        "ts": pa.array(moment("-150d") + np.arange(size) * 60_000_000),
        "event": [names[n % 3] for n in range(size)],
        "source": ["made"] * size,
    }
    more = pa.table(columns).select([c for c in table.column_names if c in columns])
    pq.write_table(pa.concat_tables([more, table], promote_options="default"), file)
