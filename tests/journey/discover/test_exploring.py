"""Groups stay in the band and have honest rules; look-alikes rank members first."""

from __future__ import annotations

import numpy as np

from fewer.journey.discover.alike import rank
from fewer.journey.discover.clusters import clusters
from fewer.journey.discover.matrix import from_rows
from journey.discover.planted import world


def test_groups_are_of_the_wanted_size_and_say_how_good_their_rule_is():
    matrix = world(1, people=8_000, features=60, plants=0).first.matrix
    found = clusters(matrix, band=(100, 800))
    assert found
    assert all(100 <= len(group.rows) <= 800 for group in found)
    seen = np.concatenate([group.rows for group in found])
    assert len(np.unique(seen)) == len(seen)
    for group in found:
        rows = matrix.members(group.rule)
        both = len(np.intersect1d(rows, group.rows))
        assert len(rows) == group.rule_people
        assert group.precision == both / len(rows)
        assert group.recall == both / len(group.rows)


def test_members_rank_above_others():
    cohort = world(1, people=8_000, features=60, plants=0).first
    inside = np.zeros(cohort.matrix.people, bool)
    inside[cohort.matrix.column(30)] = True
    inside &= np.random.default_rng(0).random(len(inside)) < 0.7
    made = rank(cohort.matrix, inside, cohort.activity)
    assert made.auc > 0.8
    assert made.signals[0][0] == 30


def test_finds_the_hidden_half_of_a_kind_of_people_better_than_activity_does():
    rng = np.random.default_rng(4)
    people, things = 6_000, 40
    kind = rng.random(people) < 0.1
    likes = np.where(np.arange(things) < 8, 4.0, 1.0) / 12
    mean = np.where(kind[:, None], likes, likes.mean() / 2) * rng.lognormal(0, 0.7, (people, 1))
    did = rng.poisson(mean) > 0
    matrix = from_rows([np.flatnonzero(column).astype(np.int32) for column in did.T], people)
    known = kind & (rng.random(people) < 0.5)  # the segment; the others of the kind are hidden
    active = did.sum(axis=1).astype(float)
    outside = np.flatnonzero(~known)
    hidden = kind[outside]

    def recall(scores):
        best = np.argsort(-scores[outside], kind="stable")[: hidden.sum()]
        return hidden[best].mean()

    scores = rank(matrix, known, active).scores
    assert recall(scores) > 5 * hidden.mean()  # as many by chance
    assert recall(scores) > 2 * recall(active)
    assert (scores == rank(matrix, known, active).scores).all()


def test_groups_are_the_same_each_time():
    matrix = world(1, people=4_000, features=40, plants=0).first.matrix
    one, other = (clusters(matrix, band=(100, 800)) for _ in range(2))
    assert [group.rule for group in one] == [group.rule for group in other]
    assert all((a.rows == b.rows).all() for a, b in zip(one, other, strict=True))
