import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats

from fewer.stats.bayes import counts_view, normal_view, rate_posterior, rates_view
from fewer.stats.shrinkage import fit_beta

tables = st.tuples(st.integers(1, 3000), st.integers(1, 3000)).flatmap(
    lambda n: st.tuples(st.integers(0, n[0]), st.just(n[0]), st.integers(0, n[1]), st.just(n[1]))
)


@pytest.mark.parametrize(
    "table", [(60, 1000, 45, 1000), (5, 100, 3, 90), (20, 400, 90, 2000), (3, 9, 8, 9)]
)
def test_rates_agree_with_direct_integration(table):
    k1, n1, k2, n2 = table
    a, b = stats.beta(k1 + 0.5, n1 - k1 + 0.5), stats.beta(k2 + 0.5, n2 - k2 + 0.5)
    found = rates_view(*([x] for x in table), smallest=0.2)

    def over(f):
        low, high = b.ppf([1e-13, 1 - 1e-13])
        return integrate.quad(f, low, high, epsabs=1e-13, epsrel=1e-11, limit=300)[0]

    assert found.better[0] == pytest.approx(over(lambda r: b.pdf(r) * a.sf(r)), abs=1e-7)
    clearly = over(lambda r: b.pdf(r) * a.sf(min(1.2 * r, 1)))
    assert found.clearly[0] == pytest.approx(clearly, abs=1e-6)
    first = np.quantile(a.rvs(10, random_state=1), 0.5)  # any rate: the closed inner integral
    inner = integrate.quad(lambda r: (first - r) * a.pdf(r), 0, first, epsabs=1e-12, limit=300)[0]
    mean = (k1 + 0.5) / (n1 + 1)
    closed = first * a.cdf(first) - mean * stats.beta(k1 + 1.5, n1 - k1 + 0.5).cdf(first)
    assert closed == pytest.approx(inner, abs=1e-9)


def test_expected_losses_agree_with_draws():
    rng = np.random.default_rng(1)
    for k1, n1, k2, n2 in ((60, 1000, 45, 1000), (1, 50, 4, 60), (0, 100, 0, 100)):
        found = rates_view([k1], [n1], [k2], [n2])
        a = rng.beta(k1 + 0.5, n1 - k1 + 0.5, 400_000)
        b = rng.beta(k2 + 0.5, n2 - k2 + 0.5, 400_000)
        assert found.loss_if_chosen[0] == pytest.approx(np.maximum(b - a, 0).mean(), rel=0.02)
        assert found.loss_if_not[0] == pytest.approx(np.maximum(a - b, 0).mean(), rel=0.02)
        counted = counts_view([k1], [n1], [k2], [n2])
        a, b = rng.gamma(k1 + 0.5, 1 / n1, 400_000), rng.gamma(k2 + 0.5, 1 / n2, 400_000)
        assert counted.better[0] == pytest.approx((a > b).mean(), abs=0.004)
        assert counted.loss_if_chosen[0] == pytest.approx(np.maximum(b - a, 0).mean(), rel=0.02)


@given(table=tables)
def test_swapping_the_groups_swaps_the_view(table):
    k1, n1, k2, n2 = ([x] for x in table)
    for view in (rates_view, counts_view):
        there, back = view(k1, n1, k2, n2), view(k2, n2, k1, n1)
        assert there.better[0] + back.better[0] == pytest.approx(1, abs=1e-5)
        assert there.loss_if_chosen[0] == pytest.approx(back.loss_if_not[0], rel=1e-3, abs=1e-7)
        assert 0 <= there.better[0] <= 1
        assert there.clearly[0] == pytest.approx(there.better[0])


def test_a_change_that_matters_is_less_likely_than_any():
    found = rates_view([60, 60], [1000, 1000], [45, 45], [1000, 1000], smallest=0.1)
    assert (found.clearly < found.better).all()
    assert (counts_view([60], [1.0], [45], [1.0], smallest=0.1).clearly < 0.9).all()


def test_the_familys_prior_takes_luck_away():
    rng = np.random.default_rng(2)
    k1, k2 = rng.binomial(300, 0.03, (2, 500))
    n = np.full(500, 300)
    flat = rates_view(k1, n, k2, n)
    prior = fit_beta(np.concatenate([k1, k2]), np.concatenate([n, n]))
    family = rates_view(k1, n, k2, n, priors=(prior, prior))
    assert (flat.better > 0.95).sum() > 10
    assert (family.better > 0.95).sum() == 0


def test_nobody_has_no_view():
    found = rates_view([0, 1], [0, 9], [0, 1], [9, 9])
    assert np.isnan(found.better).tolist() == [True, False]
    assert np.isnan(counts_view([0], [0.0], [3], [5.0]).better[0])
    assert rate_posterior([0], [0]).at(0).value == 0.5


def test_posteriors_are_calibrated():
    """Of the cases that are called 90 % likely to be better, nine in ten are."""
    rng = np.random.default_rng(3)
    p1, p2 = rng.beta(2, 60, (2, 6000))
    n = np.full(6000, 400)
    k1, k2 = rng.binomial(400, p1), rng.binomial(400, p2)
    found = rates_view(k1, n, k2, n, priors=((2, 60), (2, 60))).better
    for low in (0.1, 0.5, 0.9):
        some = (found >= low) & (found < low + 0.08)
        assert (p1 > p2)[some].mean() == pytest.approx(found[some].mean(), abs=0.07)


def test_a_normal_view_with_a_prior_lies_between():
    found, view = normal_view([0.4, np.nan], [0.2, 0.2], prior=(0.0, 0.1), smallest=0.05)
    assert 0 < found.value[0] < 0.4
    assert view.clearly[0] < view.better[0]
    assert np.isnan(view.better[1])
    flat, _ = normal_view([0.4], [0.2])
    assert flat.at(0).value == 0.4


@pytest.mark.parametrize(
    "call",
    [
        lambda: rates_view([1], [9], [1], [9], priors=((0, 1), (1, 1))),
        lambda: rates_view([10], [9], [1], [9]),
        lambda: counts_view([-1], [1.0], [1], [1.0]),
        lambda: counts_view([1.5], [1.0], [1], [1.0]),
        lambda: normal_view([1.0], [0.0]),
        lambda: rate_posterior([1], [9], confidence=95),
    ],
)
def test_impossible_inputs_are_refused(call):
    with pytest.raises(ValueError, match=r"prior|whole|errors|fraction"):
        call()
