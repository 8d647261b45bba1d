import math

import numpy as np
import pytest

from fewer.stats.cuped import cuped_means, cuped_ratios
from fewer.stats.sums import sums_of


def experiment(rng, n, *, effect=0.0, tie=0.8, share=0.5):
    arm = (rng.random(n) < share).astype(int)
    before = rng.gamma(1.5, 2.0, n)
    after = tie * before + rng.gamma(1.5, 2.0, n) + effect * arm
    return arm, before, after


def arms(arm, **amounts):
    table = sums_of(amounts, arm, 2)
    return table[[1]], table[[0]]


def test_the_slope_is_that_of_the_regression_on_both():
    rng = np.random.default_rng(1)
    arm, before, after = experiment(rng, 3000, effect=0.3)
    found = cuped_means(*arms(arm, y=after, x=before), "y", "x")
    design = np.column_stack([np.ones(3000), arm, before])
    solved = np.linalg.lstsq(design, after, rcond=None)[0]
    assert found.slope[0] == pytest.approx(solved[2], rel=1e-9)
    assert found.difference.value[0] == pytest.approx(solved[1], rel=1e-9)
    left = after - design @ solved
    error = math.sqrt(left.var(ddof=3) * np.linalg.inv(design.T @ design)[1, 1])
    half = (found.difference.upper - found.difference.lower)[0] / 2
    assert half == pytest.approx(1.96 * error, rel=0.03)


def test_it_takes_away_the_share_that_is_explained():
    rng = np.random.default_rng(2)
    arm, before, after = experiment(rng, 20_000)
    found = cuped_means(*arms(arm, y=after, x=before), "y", "x")
    assert found.removed[0] == pytest.approx(np.corrcoef(before, after)[0, 1] ** 2, abs=0.01)


def test_nothing_known_before_changes_nothing():
    rng = np.random.default_rng(3)
    arm, _, after = experiment(rng, 500)
    found = cuped_means(*arms(arm, y=after, x=np.zeros(500)), "y", "x")
    gap = after[arm == 1].mean() - after[arm == 0].mean()
    assert found.difference.value[0] == pytest.approx(gap)
    assert (found.slope[0], found.removed[0]) == (0.0, 0.0)


def test_units_and_shifts_of_the_time_before_do_not_matter():
    rng = np.random.default_rng(4)
    arm, before, after = experiment(rng, 800, effect=0.2)
    plain = cuped_means(*arms(arm, y=after, x=before), "y", "x").difference.at(0)
    moved = cuped_means(*arms(arm, y=after, x=100 * before + 7), "y", "x").difference.at(0)
    assert moved.lower == pytest.approx(plain.lower, rel=1e-6)
    swapped = cuped_means(*arms(1 - arm, y=after, x=before), "y", "x").difference.at(0)
    assert (swapped.lower, swapped.upper) == pytest.approx((-plain.upper, -plain.lower))


@pytest.mark.parametrize("n, effect", [(100, 0.0), (250, 0.5), (2000, 0.2)])
def test_adjusted_intervals_cover(n, effect):
    rng = np.random.default_rng(n)
    worlds = 400
    rows = []
    for _ in range(worlds):
        arm, before, after = experiment(rng, 2 * n, effect=effect)
        rows.append(sums_of({"y": after, "x": before}, arm, 2))
    held = {"difference": 0, "ratio": 0}
    base = 0.8 * 3.0 + 3.0
    for table in rows:
        found = cuped_means(table[[1]], table[[0]], "y", "x")
        for name, truth in (("difference", effect), ("ratio", 1 + effect / base)):
            one = getattr(found, name).at(0)
            held[name] += one.lower <= truth <= one.upper
    assert min(held.values()) / worlds >= 0.95 - 3 * math.sqrt(0.0475 / worlds)


@pytest.mark.slow
def test_adjusted_ratios_cover(soak):
    rng = np.random.default_rng(9)
    worlds, held, narrower = 1500 * soak, 0, 0
    for _ in range(worlds):
        n, arm = 600, rng.integers(0, 2, 600)
        habit = rng.beta(4, 8, n)
        views0, views = 1 + rng.poisson(4, n), 1 + rng.poisson(4, n)
        clicks0 = rng.binomial(views0, habit)
        clicks = rng.binomial(views, np.minimum(habit * (1 + 0.1 * arm), 1))
        first, second = arms(arm, c=clicks, v=views, c0=clicks0, v0=views0)
        found = cuped_ratios(first, second, "c", "v", "c0", "v0")
        one = found.ratio.at(0)
        held += one.lower <= 1.1 <= one.upper
        narrower += found.removed[0] > 0.05
    assert held / worlds >= 0.95 - 3 * math.sqrt(0.0475 / worlds) - 0.003
    assert narrower > 0.9 * worlds


def test_without_people_or_values_it_says_why():
    few = sums_of({"y": [1.0, 2.0, 3.0], "x": [1.0, 1.0, 2.0]}, [0, 0, 1], 2)
    found = cuped_means(few[[1]], few[[0]], "y", "x")
    assert "too few people with a value" in found.difference.at(0).why
    none = sums_of({"y": [1.0], "x": [1.0]}, [0], 2)
    assert "no people" in cuped_means(none[[1]], none[[0]], "y", "x").ratio.at(0).why
