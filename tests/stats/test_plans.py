"""Plans before a test: against statsmodels, and by running the planned test."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.power import NormalIndPower

from fewer.stats.allocation import (
    best_comparison_share,
    holdout_share,
    people_for_margin,
    people_needed_for_arms,
    per_comparison,
    smallest_pooled_ratio,
)
from fewer.stats.count import rate_ratio
from fewer.stats.pooled import pool_rates
from fewer.stats.power import people_needed, power
from fewer.stats.power_means import (
    mean_people_needed,
    mean_power,
    ratio_spread,
    smallest_difference,
)
from fewer.stats.proportion import exact_p
from fewer.stats.sums import sums_of
from fewer.stats.user_ratio import user_ratio_ratio


@given(
    change=st.floats(0.01, 1), spread=st.floats(0.2, 4), n=st.integers(5, 5000),
    share=st.floats(0.1, 9),
)  # fmt: skip
def test_power_of_means_agrees_with_statsmodels(change, spread, n, share):
    found = mean_power(change, spread, n, n_comparison=n * share)
    other = NormalIndPower().power(change / spread, n, 0.05, ratio=share)
    assert float(found) == pytest.approx(other, abs=1e-9)


@given(spread=st.floats(0.2, 4), n=st.integers(5, 5000), share=st.floats(0.1, 9))
def test_smallest_difference_and_people_turn_each_other_over(spread, n, share):
    change = smallest_difference(spread, n, n_comparison=n * share)
    needed = mean_people_needed(change, spread, comparison_share=share)
    assert float(needed) == pytest.approx(n, rel=1e-9)
    assert float(mean_power(change, spread, n, n_comparison=n * share)) >= 0.8 - 1e-9


def test_a_planned_ratio_of_sums_is_seen_as_often_as_planned():
    rng = np.random.default_rng(1)

    def people(n, lift):
        d = 1.0 + rng.poisson(3, n)
        return {"x": rng.binomial(d.astype(int), 0.2 * lift).astype(float), "d": d}

    spread = float(ratio_spread(sums_of(people(50_000, 1.0), [0] * 50_000, 1), "x", "d")[0])
    n = math.ceil(mean_people_needed(math.log(1.15), spread))
    seen = 0
    for _ in range(300):
        a, b = (sums_of(people(n, lift), [0] * n, 1) for lift in (1.15, 1.0))
        seen += user_ratio_ratio(a, b, "x", "d").p[0] < 0.05
    assert seen / 300 == pytest.approx(0.8, abs=0.08)


def test_arms_share_one_chance_of_error():
    assert per_comparison(0.95, 1) == 0.95
    arm, comparison = people_needed_for_arms(0.05, 1.3, arms=4)
    assert float(comparison) == pytest.approx(2 * float(arm))
    even, _ = people_needed_for_arms(0.05, 1.3, arms=4, comparison_share=1.0)
    assert 4 * float(arm) + float(comparison) < 5 * float(even)
    rng = np.random.default_rng(2)
    n, rest = math.ceil(arm), math.ceil(comparison)
    k2 = rng.binomial(rest, 0.05, 4000)
    wrong = [exact_p(rng.binomial(n, 0.05, 4000), n, k2, rest) < 0.05 / 4 for _ in range(4)]
    assert np.any(wrong, axis=0).mean() <= 0.05
    for bad in (best_comparison_share, lambda arms: per_comparison(0.95, arms)):
        with pytest.raises(ValueError, match="at least one"):
            bad(0)


@given(base=st.floats(0.005, 0.2), ratio=st.floats(1.05, 2.5), people=st.integers(1000, 500_000))
def test_the_holdout_is_just_enough(base, ratio, people):
    share = float(holdout_share(base, ratio, people))
    if math.isnan(share):
        assert float(power(base, ratio, people / 2)) < 0.8
    elif share > 1e-5:
        held = people * share
        found = power(base, ratio, people - held, n_comparison=held)
        assert float(found) == pytest.approx(0.8, abs=1e-4)


def test_a_pooled_programme_is_seen_as_often_as_planned():
    rng = np.random.default_rng(3)
    n = np.full(40, 600)
    lift = float(smallest_pooled_ratio([0.04] * 40, n, n))
    k1, k2 = rng.binomial(600, 0.04 * lift, (250, 40)), rng.binomial(600, 0.04, (250, 40))
    size = np.full((250, 40), 600)
    found = pool_rates(k1, size, k2, size).fixed
    assert (found.lower > 1).mean() == pytest.approx(0.8, abs=0.09)
    assert float(smallest_pooled_ratio([0.04] * 40, n, n, tau=0.3)) > lift
    alone = float(smallest_pooled_ratio([0.04], [600], [600]))
    assert float(people_needed(0.04, alone)) == pytest.approx(600, rel=0.15)
    assert np.isnan(smallest_pooled_ratio([0.5], [2], [2]))


@pytest.mark.parametrize(
    "call",
    [
        lambda: mean_power(0.1, 0.0, 10),
        lambda: smallest_difference(1.0, 0),
        lambda: mean_people_needed(0.1, 1.0, wanted=1.0),
        lambda: people_for_margin(0.0, 0.1),
        lambda: people_for_margin(0.1, 1.0),
        lambda: smallest_pooled_ratio([1.0], [5], [5]),
        lambda: holdout_share(0.5, 3.0, 100),
    ],
)
def test_impossible_plans_are_refused(call):
    with pytest.raises(ValueError, match=r"above 0|between|inside"):
        call()


def test_exact_rate_ratios_never_fall_short():
    rng = np.random.default_rng(4)
    for mean, ratio in ((3, 1.0), (10, 2.0), (60, 0.7)):
        found = rate_ratio(rng.poisson(mean * ratio, 6000), 1.0, rng.poisson(3 * mean, 6000), 3.0)
        there = ~np.isnan(found.lower)
        held = (found.lower <= ratio) & (ratio <= found.upper)
        assert held[there].mean() >= 0.945
        assert (found.p[there] < 0.05).mean() <= 0.05 or ratio != 1.0
    mirrored = (
        rate_ratio([5], [10.0], [9], [30.0]).at(0),
        rate_ratio([9], [30.0], [5], [10.0]).at(0),
    )
    assert mirrored[0].lower == pytest.approx(1 / mirrored[1].upper)
    assert mirrored[0].p == pytest.approx(mirrored[1].p)
    assert rate_ratio([5], [10.0], [0], [30.0]).at(0).state == "unbounded above"
    assert rate_ratio([0], [10.0], [0], [30.0]).at(0).state == "undefined"
    assert rate_ratio([0], [10.0], [4], [30.0]).at(0).lower == 0.0
