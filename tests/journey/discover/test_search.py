"""The search finds what was planted, nothing that was not, and counts exactly."""

from __future__ import annotations

import os

import numpy as np
import pytest

from fewer.journey.discover.baseline import fit
from fewer.journey.discover.kernels import shared, shared_plain, together, together_plain
from fewer.journey.discover.matrix import affordable
from fewer.journey.discover.search import Cohort, halves, search
from fewer.journey.discover.tables import count
from journey.discover.planted import world

SOAK = int(os.environ.get("FEWER_SOAK", "1"))


@pytest.fixture(scope="module")
def small():
    return world(3, people=6_000, features=40, plants=3)


class TestCounting:
    def test_compiled_and_plain_agree_on_every_combination(self, small):
        cohort = small.first
        chances = np.random.default_rng(0).uniform(0.01, 0.2, cohort.matrix.people)
        block = np.equal.outer(small.groups, small.groups)
        given = (cohort.matrix, cohort.converted, chances, block, (20, 500))
        one, other = count(*given), count(*given, plainly=True)
        assert len(one) > 100
        assert (one.features == other.features).all()
        assert (one.people == other.people).all()
        assert (one.converted == other.converted).all()
        assert np.allclose(one.expected, other.expected)

    def test_sizes_are_those_of_the_members(self, small):
        cohort = small.first
        block = np.equal.outer(small.groups, small.groups)
        chances = np.full(cohort.matrix.people, 0.1)
        found = count(cohort.matrix, cohort.converted, chances, block, (20, 500))
        for at in range(0, len(found), max(len(found) // 50, 1)):
            rows = cohort.matrix.members(tuple(dict.fromkeys(found.features[at].tolist())))
            assert len(rows) == found.people[at]
            assert cohort.converted[rows].sum() == found.converted[at]

    def test_never_two_of_one_thing(self, small):
        block = np.equal.outer(small.groups, small.groups)
        cohort = small.first
        chances = np.full(cohort.matrix.people, 0.1)
        groups = np.asarray(small.groups)
        for rule in count(cohort.matrix, cohort.converted, chances, block, (20, 500)).features:
            distinct = {f if f >= 0 else ~f for f in rule.tolist()}
            assert len({int(groups[f]) for f in distinct}) == len(distinct)

    def test_sums_of_weights_have_twins(self, small):
        matrix = small.first.matrix
        weight = np.random.default_rng(1).random(matrix.people)
        dense = np.random.default_rng(2).random((matrix.people, 3))
        rules = [matrix.column(0), matrix.column(5)]
        csr = matrix.csr()
        assert np.allclose(together(csr, weight), together_plain(csr, weight), rtol=1e-4)
        one, other = (f(rules, csr, dense, weight) for f in (shared, shared_plain))
        assert np.allclose(one[0], other[0], rtol=1e-4)
        assert np.allclose(one[1], other[1])

    def test_a_bot_does_not_cost_more_than_everyone(self):
        counts = np.concatenate([np.full(1_000, 8), [5_000]])
        assert affordable(counts, budget=1_000_000) == 8


class TestBaseline:
    def test_adds_up_to_the_conversions_seen(self, small):
        cohort = small.first
        made = fit(cohort.matrix, cohort.converted, cohort.activity)
        assert made.expected.sum() == pytest.approx(cohort.converted.sum(), rel=0.02)

    def test_activity_alone_is_no_discovery(self):
        rng = np.random.default_rng(5)
        made = world(5, people=20_000, features=60, plants=0)
        cohort = made.first
        chance = np.minimum(0.01 * np.sqrt(1 + cohort.activity), 0.5)
        first, later = (
            Cohort(cohort.matrix, rng.random(len(chance)) < chance, cohort.activity)
            for _ in range(2)
        )
        assert search(first, later, made.groups, band=(100, 2_000)).found == ()


class TestSearch:
    def test_nothing_without_conversions(self, small):
        cohort = small.first
        none = Cohort(cohort.matrix, np.zeros(cohort.matrix.people, bool), cohort.activity)
        assert search(none, none, small.groups).found == ()

    def test_same_seed_same_answer(self, small):
        one, other = (search(small.first, small.later, small.groups) for _ in range(2))
        assert one == other

    @pytest.mark.slow
    @pytest.mark.timeout(3_600)
    def test_finds_nine_of_twelve_and_nothing_false(self):
        recovered, false = [], 0
        people = 1_000_000 if SOAK >= 10 else 100_000  # full size when there is time
        for seed in range(20):
            made = world(40 + seed, people=people)
            rules = [found.rule for found in search(made.first, made.later, made.groups).found]
            recovered.append(len(made.recovered(rules)))
            false += bool(made.false(rules))
        assert np.mean(recovered) >= 9
        assert false <= 0.05 * len(recovered) + 2 * np.sqrt(0.05 * len(recovered))

    @pytest.mark.slow
    def test_shuffled_outcomes_give_no_more_than_the_stated_rate(self):
        false, runs = 0, 4 * SOAK
        for seed in range(runs):
            made = world(100 + seed, people=50_000, features=120)
            rng = np.random.default_rng(seed)
            first, later = (shuffled(cohort, rng) for cohort in (made.first, made.later))
            false += bool(search(first, later, made.groups).found)
        assert false <= 0.05 * runs + 2 * np.sqrt(0.05 * runs)

    @pytest.mark.slow
    def test_a_random_half_confirms_for_want_of_a_later_time(self):
        made = world(2)
        one, other = halves(made.first)
        found = search(one, other, made.groups, band=(100, 1_000)).found
        rules = [each.rule for each in found]
        assert len(made.recovered(rules)) >= 4
        assert not made.false(rules)


def shuffled(cohort: Cohort, rng: np.random.Generator) -> Cohort:
    """Outcomes moved among people of equal risk: nothing is left to find."""
    risk = fit(cohort.matrix, cohort.converted, cohort.activity).expected
    order = np.argsort(risk, kind="stable")
    outcome = cohort.converted.copy()
    for at in range(0, len(order), 50):
        rows = order[at : at + 50]
        outcome[rows] = outcome[rng.permutation(rows)]
    return Cohort(cohort.matrix, outcome, cohort.activity)
