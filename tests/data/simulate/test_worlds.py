"""Labelled worlds: what is planted is there, and what is not planted is not."""

import numpy as np
import pytest

from fewer.data.simulate.worlds import Mechanism, Setting, Term, world, worlds

SMALL = Setting(people=20_000, features=80, size=(80, 1_500), planted=6, triples=2, decayed=2)


@pytest.fixture(scope="module")
def small():
    return world(3, SMALL)


def test_the_same_seed_is_the_same_world(small):
    again = world(3, SMALL)
    other = world(4, SMALL)
    for name in ("start", "features", "numeric", "events", "day", "converted", "chance"):
        assert np.array_equal(getattr(again.discovery, name), getattr(small.discovery, name)), name
        assert np.array_equal(getattr(again.later, name), getattr(small.later, name)), name
    assert again.planted == small.planted
    assert not np.array_equal(other.discovery.converted, small.discovery.converted)


def test_worlds_are_those_of_consecutive_seeds():
    tiny = Setting(people=2_000, features=30, planted=0)
    assert [made.seed for made in worlds(5, count=3, setting=tiny)] == [5, 6, 7]


def test_rows_and_the_dense_matrix_are_the_same_table(small):
    cohort = small.discovery
    dense = cohort.matrix(SMALL.features)
    assert dense.sum() == len(cohort.features)
    assert np.array_equal(dense[:, 7], cohort.members((Term(7),)))
    assert (np.diff(cohort.start) <= cohort.events).all()


def test_plants_are_as_many_and_as_large_as_asked_for(small):
    assert len(small.planted) == SMALL.planted
    assert sum(planted.decays for planted in small.planted) == SMALL.decayed
    assert sum(len(planted.terms) == 3 for planted in small.planted) == SMALL.triples
    numeric = [p for p in small.planted if any(t.at_least is not None for t in p.terms)]
    assert len(numeric) == SMALL.with_numeric
    for planted in small.planted:
        assert SMALL.size[0] <= planted.size <= SMALL.size[1]
        assert planted.size == small.discovery.members(planted.terms).sum()


def test_members_convert_as_often_as_the_truth_says(small):
    for planted in small.planted:
        inside = small.discovery.members(planted.terms)
        spread = np.sqrt(planted.expected)
        assert abs(small.discovery.converted[inside].sum() - planted.expected) < 4 * spread


@pytest.mark.parametrize("mechanism", Mechanism)
def test_without_plants_only_the_mechanism_is_left(mechanism):
    setting = Setting(people=8_000, features=60, planted=0, mechanism=mechanism)
    cohort = world(1, setting).discovery
    busy = np.diff(cohort.start) >= 12
    assert cohort.chance[busy].mean() > 1.3 * cohort.chance[~busy].mean()  # the naive ratio
    assert 0.6 < cohort.chance.mean() / setting.base_rate < 1.7
    off = Setting(people=8_000, features=60, planted=0, mechanism=mechanism, strength=0)
    chance = world(1, off).discovery.chance
    assert chance.std() < 0.6 * cohort.chance.std()  # main effects of single features only


def test_shuffled_outcomes_belong_to_nobody(small):
    null = small.discovery.shuffled(1)
    assert null.converted.sum() == small.discovery.converted.sum()
    inside = small.discovery.members(small.planted[0].terms)
    assert null.chance[inside].mean() < 1.5 * null.chance.mean()


def test_a_size_that_does_not_exist_is_refused():
    with pytest.raises(ValueError, match="widen `size`"):
        world(1, Setting(people=1_000, features=20, size=(990, 1_000), planted=1, decayed=0))
