"""Groups stay in the band and have honest rules; look-alikes rank members first."""

from __future__ import annotations

import numpy as np

from fewer.journey.discover.alike import rank
from fewer.journey.discover.clusters import clusters
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
