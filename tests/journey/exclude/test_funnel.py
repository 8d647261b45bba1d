import random
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyroaring import BitMap

from fewer.journey.exclude.funnel import Funnel, funnel

people = st.frozensets(st.integers(0, 60), max_size=40)
named = st.lists(st.tuples(st.sampled_from("abcdef"), people), max_size=6).map(
    lambda pairs: [(name, BitMap(who)) for name, who in dict(pairs).items()]
)


def test_a_funnel_by_hand():
    matched = BitMap(range(10))
    found = funnel(
        matched,
        [("buyers", BitMap([0, 1, 2, 50])), ("bots", BitMap([2, 3])), ("gone", BitMap([1, 2]))],
        why={"buyers": "Bought lately"},
        cost_micros=500_000,
    )
    assert found.rows() == [("buyers", 3, 7), ("bots", 1, 6), ("gone", 0, 6)]
    assert [step.alone for step in found.steps] == [3, 2, 2]
    assert [step.only for step in found.steps] == [1, 1, 0]
    assert [step.why for step in found.steps] == ["Bought lately", "bots", "gone"]
    assert [step.saved_micros for step in found.steps] == [1_500_000, 500_000, 0]
    assert found.saved_micros == 2_000_000
    assert (found.matched, found.removed, set(found.members)) == (10, 4, set(range(4, 10)))
    assert matched == BitMap(range(10))  # the caller's set is left alone


def test_no_exclusions():
    assert funnel(BitMap([1]), []) == Funnel(1, (), BitMap([1]))
    assert funnel(BitMap(), [("a", BitMap([1]))]).rows() == [("a", 0, 0)]


def test_without_a_cost_nothing_is_said_about_money():
    assert funnel(BitMap([1, 2]), [("a", BitMap([1]))]).saved_micros is None


@given(matched=people, exclusions=named, seed=st.integers(0, 99))
def test_order_changes_counts_never_the_result(matched, exclusions, seed):
    shuffled = exclusions[:]
    random.Random(seed).shuffle(shuffled)
    one, other = funnel(BitMap(matched), exclusions), funnel(BitMap(matched), shuffled)
    assert one.members == other.members
    assert one.removed == other.removed
    for measure in ("alone", "only"):
        assert {s.exclusion: getattr(s, measure) for s in one.steps} == {
            s.exclusion: getattr(s, measure) for s in other.steps
        }


@given(matched=people, exclusions=named)
def test_counts_agree_with_plain_sets(matched, exclusions):
    found = funnel(BitMap(matched), exclusions, cost_micros=3)
    sets = {name: set(who) & matched for name, who in exclusions}
    left = set(matched)
    for step in found.steps:
        gone = left & sets[step.exclusion]
        left -= gone
        others = set().union(*(who for name, who in sets.items() if name != step.exclusion))
        assert (step.removed, step.remaining) == (len(gone), len(left))
        assert (step.alone, step.only) == (
            len(sets[step.exclusion]),
            len(sets[step.exclusion] - others),
        )
    assert set(found.members) == left
    assert sum(step.removed for step in found.steps) == found.removed == len(matched) - len(left)


def test_every_order_of_three():
    sets = [("a", BitMap([1, 2])), ("b", BitMap([2, 3])), ("c", BitMap([3, 4]))]
    results = {tuple(funnel(BitMap(range(6)), list(p)).members) for p in permutations(sets)}
    assert results == {(0, 5)}


def test_a_repeated_id_counts_once_and_a_contradiction_is_refused():
    bots = BitMap([1])
    assert len(funnel(BitMap([1, 2]), [("bots", bots), ("bots", BitMap([1]))]).steps) == 1
    with pytest.raises(ValueError, match="'bots' is given twice"):
        funnel(BitMap([1, 2]), [("bots", bots), ("bots", BitMap([2]))])
