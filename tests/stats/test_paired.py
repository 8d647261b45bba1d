"""Pairs of regions or slots: published arithmetic, and how often the intervals hold."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from fewer.stats.paired import LEAST_PAIRS, exact_ratio, paired_ratio, smallest_gap, spread

DARWIN = [49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48]
"""Heights of 15 pairs of plants, in eighths of an inch (Fisher 1935, The Design of Experiments)."""


class TestArithmetic:
    def test_equal_weights_are_the_paired_t_test(self):
        gaps = np.random.default_rng(1).normal(0.1, 0.3, (5, 9))
        found = paired_ratio(gaps)
        for i, row in enumerate(gaps):
            one = stats.ttest_1samp(row, 0)
            limits = one.confidence_interval(0.95)
            assert found.p[i] == pytest.approx(one.pvalue)
            assert np.log([found.lower[i], found.upper[i]]) == pytest.approx(list(limits))

    def test_fishers_pairs(self):
        gaps = np.array(DARWIN) / 1000
        found = paired_ratio([gaps]).at(0)
        assert found.p == pytest.approx(0.04970, abs=5e-5)
        exact = exact_ratio(gaps).at(0)
        assert exact.p == pytest.approx(0.0526, abs=0.008)  # 15 pairs: a sample of the ways
        few = exact_ratio(gaps[:10]).at(0)
        signs = 1 - 2 * ((np.arange(1024)[:, None] >> np.arange(10)) & 1)
        assert few.p == np.mean(np.abs(signs @ gaps[:10]) >= abs(gaps[:10].sum()) - 1e-12)

    def test_weights_count(self):
        gaps = [0.1, 0.3, 0.2, 0.4]
        weighed = spread(gaps, [4, 1, 1, 1])
        assert weighed.mean == pytest.approx((0.4 + 0.9) / 7)
        assert 1 < weighed.degrees < 3
        assert spread(gaps, [2, 2, 2, 2]).degrees == pytest.approx(3)
        with pytest.raises(ValueError, match="weight above 0"):
            spread(gaps, [1, 0, 1, 1])

    def test_too_few_pairs_say_nothing(self):
        for pairs in range(1, LEAST_PAIRS):
            one = paired_ratio([[0.2] * pairs]).at(0)
            assert one.value == pytest.approx(np.exp(0.2))
            assert (one.lower, one.p) == (None, None)
            assert "too few pairs" in one.why
        assert exact_ratio([0.1, 0.2, 0.3, 0.1, 0.2]).at(0).lower is None
        assert exact_ratio([0.1, 0.2, 0.3, 0.1, 0.2, 0.2]).at(0).lower is not None

    def test_no_number_and_no_spread(self):
        rows = [[0.1, np.nan, 0.2, 0.3], [0.1, 0.1, 0.1, 0.1]]
        missing, still = paired_ratio(rows)
        assert (missing.value, missing.lower) == (None, None)
        assert still.value == pytest.approx(np.exp(0.1))
        assert "nothing varies" in still.why
        assert exact_ratio([np.nan] * 6).at(0).value is None


def holds(draw, pairs: int, times: int, weights=None) -> tuple[float, float]:
    """How often both intervals hold a change of +20 %."""
    rng = np.random.default_rng(pairs)
    truth = np.log(1.2)
    gaps = truth + draw(rng, (times, pairs)) * rng.choice([-1, 1], (times, pairs))
    found = paired_ratio(gaps, weights)
    t = np.mean((found.lower <= 1.2) & (found.upper >= 1.2))
    some = [exact_ratio(row, weights).at(0) for row in gaps[: times // 20]]
    exact = np.mean([(e.lower or 0) <= 1.2 <= (e.upper or np.inf) for e in some])
    return float(t), float(exact)


NORMAL = {"normal": lambda rng, size: rng.normal(0, 0.3, size)}
ODD = {
    "heavy tails": lambda rng, size: rng.standard_t(3, size) * 0.2,
    "skewed": lambda rng, size: rng.exponential(0.3, size),
    "sizes differ": lambda rng, size: rng.normal(0, 1, size) / np.sqrt(1 + np.arange(size[1])),
}


@pytest.mark.parametrize("name", NORMAL)
def test_intervals_hold(name):
    t, exact = holds(NORMAL[name], 8, 4_000)
    assert t == pytest.approx(0.95, abs=0.012)
    assert exact > 0.90


@pytest.mark.slow
@pytest.mark.parametrize("pairs", [4, 6, 12, 20])
@pytest.mark.parametrize("name", [*NORMAL, *ODD])
def test_intervals_hold_whatever_the_pairs_are_like(name, pairs):
    draw = (NORMAL | ODD)[name]
    weights = 1 + np.arange(pairs) if name == "sizes differ" else None
    t, exact = holds(draw, pairs, 20_000, weights)
    assert t > 0.94
    assert exact > 0.95 - 3 * np.sqrt(0.95 * 0.05 / 1_000)


def test_smallest_change_is_seen_as_often_as_said():
    rng = np.random.default_rng(4)
    gap = smallest_gap(0.3 / np.sqrt(8), 7)
    found = paired_ratio(gap + rng.normal(0, 0.3, (4_000, 8)))
    assert np.mean(found.lower > 1) == pytest.approx(0.8, abs=0.03)
