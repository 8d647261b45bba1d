import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from fewer.stats.robust import cva, cva_all, miss
from fewer.stats.shrinkage import (
    LEAST_SEGMENTS,
    fit_beta,
    moments_of_effects,
    shrink,
    shrink_rates,
    shrink_ratios,
)


@pytest.mark.parametrize(
    "bias, kurtosis, confidence, published",
    [
        (25, 3, 0.95, 11.88358367),
        (1, 3, 0.80, 1.8494683),
        (100, 3, 0.95, 24.86172217),
        (2.8**2, 8, 0.90, 7.0779747158),
        (4, math.inf, 0.95, 7.216351),
        (4, 3, 0.95, 4.619513),
        (0, math.inf, 0.80, 1.2815516),
        (0, 4, 0.95, 1.9599640),
    ],
)
def test_critical_values_are_the_authors(bias, kurtosis, confidence, published):
    """From the tests and the manual of R ebci 1.0.0 (github.com/kolesarm/ebci, d5f02ed)."""
    assert cva(bias, kurtosis, confidence=confidence) == pytest.approx(published, abs=2e-6)


def test_chances_of_a_miss_are_the_authors():
    assert miss(1, 3, 11.9699639845401) == pytest.approx(6.0216e-05, abs=1e-8)
    assert miss(2.8**2, 8, 7.1324290147839279896) == pytest.approx(0.09805099, abs=1e-7)


def test_critical_values_at_the_edges():
    """Against the folded normal for kurtosis 1, Chebyshev for much bias, and 1.96 for none."""
    for b in (0.5, 1.0, 5.0):
        chi = cva(b * b, 1)
        assert stats.norm.cdf(-chi - b) + stats.norm.cdf(b - chi) == pytest.approx(0.05, abs=1e-9)
        assert cva(b * b, 1.000001) == pytest.approx(chi, abs=1e-5)
    assert cva(1e5) == pytest.approx(math.sqrt((1 + 1e5) / 0.05), rel=3e-3)
    assert cva(1e9) == pytest.approx(math.sqrt(1e9 / 0.05), rel=1e-6)
    assert cva(1, 10_000, confidence=0.8) == pytest.approx(cva(1, confidence=0.8), abs=1e-9)
    assert cva(1e-4, 15) == pytest.approx(cva(1e-4, 1), abs=1e-5)
    assert cva(0.25, 15) < cva(0.25)
    for bad in ((-1, 3), (1, 0.5), (math.nan, 3)):
        with pytest.raises(ValueError, match="bias"):
            cva(*bad)


@given(bias=st.floats(0.01, 50), kurtosis=st.floats(1, 20))
def test_no_distribution_is_missed_more_often(bias, kurtosis):
    """Two-point distributions of this variance and at most this kurtosis, at random."""
    chi = cva(bias, kurtosis)
    rng = np.random.default_rng(int(bias * 1e6))
    low = rng.uniform(0, bias, 200)
    spread = (kurtosis - 1) * bias**2 * rng.uniform(0, 1, 200)
    high = bias + spread / np.maximum(bias - low, 1e-12)
    share = (bias - low) ** 2 / np.maximum((bias - low) ** 2 + spread, 1e-300)
    r = [stats.norm.cdf(-chi - np.sqrt(t)) + stats.norm.cdf(np.sqrt(t) - chi) for t in (low, high)]
    assert ((1 - share) * r[0] + share * r[1]).max() <= 0.05 + 1e-5


def test_many_critical_values_are_close_to_each():
    bias = np.random.default_rng(0).lognormal(0, 1.5, 300)
    found = cva_all(bias, 5.0)
    some = np.argsort(bias)[::37]
    assert found[some] == pytest.approx([cva(float(x), 5.0) for x in bias[some]], rel=1e-3)


def test_moments_are_the_authors():
    """Their estimator written out; and its floor where segments differ by noise alone."""
    rng = np.random.default_rng(1)
    v = rng.uniform(0.05, 0.2, 400)
    y = 0.3 + rng.standard_t(5, 400) * 0.5 + rng.standard_normal(400) * np.sqrt(v)
    average, mu2, kurtosis = moments_of_effects(y, v)
    w = 1 / v
    e = y - np.average(y, weights=w)
    assert average == pytest.approx(np.average(y, weights=w))
    assert mu2 == pytest.approx(np.average(e**2 - v, weights=w))
    assert kurtosis == pytest.approx(np.average(e**4 - 6 * v * e**2 + 3 * v**2, weights=w) / mu2**2)
    null = moments_of_effects(np.zeros(400), v)
    assert null[1] == pytest.approx(2 * 400 / (w.sum() * 400))


def cover(found, truth):
    there = ~np.isnan(found.lower)
    return ((found.lower <= truth) & (truth <= found.upper))[there].mean()


def truths(rng, kind, many):
    if kind == "normal":
        return rng.normal(0.1, 0.25, many)
    if kind == "heavy":
        return 0.1 + 0.15 * rng.standard_t(3, many)
    return np.where(rng.random(many) < 0.1, 0.8, 0.0)


def check_shrunk_ratios(kind, n, base, rounds):
    rng = np.random.default_rng(n)
    shares = []
    for _ in range(rounds):
        true = truths(rng, kind, 600)
        k1, k2 = rng.binomial(n, np.minimum(base * np.exp(true), 1)), rng.binomial(n, base, 600)
        found = shrink_ratios(k1, np.full(600, n), k2, np.full(600, n))
        shares.append(cover(found.found, np.exp(true)))
    assert np.mean(shares) >= 0.95 - 3 * math.sqrt(0.0475 / (600 * rounds)) - 0.005, shares


@pytest.mark.parametrize("kind", ["normal", "heavy", "few large"])
def test_robust_intervals_cover_whatever_the_effects(kind):
    check_shrunk_ratios(kind, 1000, 0.02, 1)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["normal", "heavy", "few large"])
@pytest.mark.parametrize("n, base", [(200, 0.05), (500, 0.02), (500, 0.05), (2000, 0.05)])
def test_robust_intervals_cover_everywhere(kind, n, base, soak):
    check_shrunk_ratios(kind, n, base, 8 * soak)


def test_the_best_of_a_table_keep_what_they_promise():
    """Plain figures of the top thirty promise more than is true; shrunk ones do not."""
    rng = np.random.default_rng(11)
    true = rng.normal(0.0, 0.25, 1000)
    k1, k2 = rng.binomial(1000, 0.03 * np.exp(true)), rng.binomial(1000, 0.03, 1000)
    n = np.full(1000, 1000)
    found = shrink_ratios(k1, n, k2, n).found
    plain = np.log((k1 + 0.5) / (k2 + 0.5))
    best = np.argsort(plain)[-30:]
    promised = plain[best].mean() - true[best].mean()
    assert promised > 0.3
    assert abs(np.log(found.value[best]).mean() - true[best].mean()) < 0.3 * promised
    assert np.mean((np.log(found.value) - true) ** 2) < 0.7 * np.mean((plain - true) ** 2)


@pytest.mark.parametrize("n, base, size", [(100, 0.02, 100), (1000, 0.02, 50), (100, 0.1, 20)])
def test_shrunk_rates_cover(n, base, size):
    rng = np.random.default_rng(size)
    rates = rng.beta(base * size, (1 - base) * size, 1500)
    found = shrink_rates(rng.binomial(n, rates), np.full(1500, n))
    assert cover(found.found, rates) >= 0.935
    assert cover(found.posterior, rates) >= 0.93
    assert found.average == pytest.approx(base, rel=0.2)


def test_the_fitted_prior_is_the_most_likely():
    rng = np.random.default_rng(2)
    n = rng.integers(200, 2000, 2000)
    k = rng.binomial(n, rng.beta(2, 98, 2000))
    a, b = fit_beta(k, n)
    assert (a, b) == (pytest.approx(2, rel=0.15), pytest.approx(98, rel=0.15))

    def likely(a, b):
        return stats.betabinom.logpmf(k, n, a, b).sum()

    best = likely(a, b)
    assert all(likely(a * x, b * y) <= best for x in (0.97, 1, 1.03) for y in (0.97, 1, 1.03))


def test_equal_rates_are_drawn_together():
    rng = np.random.default_rng(5)
    found = shrink_rates(rng.binomial(500, 0.02, 300), np.full(300, 500))
    assert found.found.value.std() < 0.002
    assert (found.kept < 0.3).all()


def test_edges_of_rates():
    for k in ([0] * 12, [50] * 12):
        found = shrink_rates(k, [50] * 12)
        assert np.isfinite(found.found.lower).all()
        assert (found.found.lower >= 0).all()
        assert (found.found.upper <= 1).all()
    one = shrink_rates([1, 0] * 10, [1, 0] * 10)
    assert one.found.at(1).state == "undefined"
    assert one.segments == 10


@pytest.mark.parametrize("scale, shift", [(0.01, 3.0), (7.0, -2.0)])
def test_shrinking_moves_and_stretches_with_its_input(scale, shift):
    rng = np.random.default_rng(7)
    y, s = rng.normal(0, 1, 15), rng.choice([0.3, 0.6], 15)
    plain, moved = shrink(y, s), shrink(scale * y + shift, scale * s)
    assert moved.found.value == pytest.approx(scale * plain.found.value + shift, rel=1e-6)
    assert moved.found.lower == pytest.approx(
        scale * plain.found.lower + shift, rel=1e-4, abs=1e-3 * scale
    )


def test_few_segments_are_not_shrunk():
    found = shrink(np.arange(LEAST_SEGMENTS - 1.0), np.ones(LEAST_SEGMENTS - 1))
    assert found.found.at(0).state == "undefined"
    assert "too few segments" in found.found.at(0).why
    assert shrink_rates([1] * 5, [9] * 5).segments == 5


@pytest.mark.parametrize("bad", [([0.1, 0.2], [0.1]), ([0.1] * 12, [0.0] * 12)])
def test_impossible_errors_are_refused(bad):
    with pytest.raises(ValueError, match="errors"):
        shrink(*(np.array(x) for x in bad))
