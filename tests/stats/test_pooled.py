import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.meta_analysis import combine_effects

from fewer.stats.pooled import log_ratios, pool, pool_rates
from fewer.stats.stratified import mantel_haenszel_difference

studies = st.lists(st.tuples(st.floats(-2, 2), st.floats(0.05, 1.0)), min_size=3, max_size=25).map(
    lambda rows: tuple(np.array(c) for c in zip(*rows, strict=True))
)


@pytest.mark.parametrize("seed", range(12))
def test_pooling_agrees_with_statsmodels(seed):
    rng = np.random.default_rng(seed)
    errors = rng.uniform(0.1, 0.6, 4 + seed)
    effects = rng.normal(0.2, 0.9, errors.size)
    for ours, theirs in (("dersimonian-laird", "chi2"), ("paule-mandel", "iterated")):
        found = pool(effects, errors, spread=ours)
        other = combine_effects(effects, errors**2, method_re=theirs, use_t=True)
        assert found.fixed.at().value == pytest.approx(other.mean_effect_fe, abs=1e-9)
        assert float(found.q) == pytest.approx(other.q, rel=1e-6)
        if other.tau2 > 0:  # theirs may be negative
            assert float(found.tau2) == pytest.approx(other.tau2, rel=1e-3)
            assert found.random.at().value == pytest.approx(other.mean_effect_re, rel=1e-3)


def test_interval_is_hartung_and_knapps_but_never_below_the_plain_one():
    effects, errors = np.array([0.0, 1.0, -1.0, 2.0]), np.full(4, 0.1)
    found = pool(effects, errors).random.at()
    assert found.upper - found.value == pytest.approx(3.1824 * effects.std(ddof=1) / 2, rel=1e-3)
    same = pool([0.5, 0.5, 0.5, 0.5], errors)
    assert same.random.at().upper - 0.5 == pytest.approx(3.1824 * 0.05, rel=1e-3)
    assert (float(same.tau2), float(same.i2)) == (0.0, 0.0)


@given(study=studies, shift=st.floats(-3, 3), scale=st.floats(0.1, 10))
def test_pooling_moves_and_stretches_with_its_input(study, shift, scale):
    effects, errors = study
    plain, moved = pool(effects, errors), pool(scale * effects + shift, scale * errors)
    for name in ("value", "lower", "upper"):
        before = float(getattr(plain.random, name))
        after = float(getattr(moved.random, name))
        assert after == pytest.approx(scale * before + shift, rel=1e-5, abs=1e-5)
    assert float(moved.i2) == pytest.approx(float(plain.i2), abs=1e-6)


def test_missing_segments_are_left_out():
    holes = pool([[0.1, np.nan, 0.3, 0.2]], [[0.1, 0.1, 0.2, 0.1]])
    plain = pool([[0.1, 0.3, 0.2]], [[0.1, 0.2, 0.1]])
    assert holes.random.at(0) == plain.random.at(0)
    assert holes.segments.tolist() == [3.0]


def test_one_segment_has_a_fixed_effect_only():
    found = pool([0.2], [0.1])
    assert found.fixed.at().lower is not None
    assert (found.random.at().lower, found.prediction.at().lower) == (None, None)
    assert "too few segments" in found.random.at().why
    none = pool([np.nan], [0.1])
    assert none.fixed.at().state == "undefined"


@pytest.mark.parametrize("bad", [([0.1, 0.2], [0.1]), ([0.1], [0.0]), ([0.1], [-1.0])])
def test_impossible_errors_are_refused(bad):
    with pytest.raises(ValueError, match="errors"):
        pool(*bad)


def segments(rng, worlds, many, base, ratio, tau, n):
    true = np.exp(np.log(ratio) + tau * rng.standard_normal((worlds, many)))
    k1 = rng.binomial(n, np.minimum(base * true, 1.0))
    return k1, np.full_like(k1, n), rng.binomial(n, base, (worlds, many)), np.full_like(k1, n)


@pytest.mark.slow
@pytest.mark.parametrize("tau, many", [(0.0, 20), (0.2, 20), (0.2, 6), (0.5, 3)])
@pytest.mark.parametrize("spread", ["paule-mandel", "dersimonian-laird"])
def test_random_effects_cover(tau, many, spread):
    rng = np.random.default_rng(many)
    truth = np.log(1.3)
    errors = rng.uniform(0.1, 0.4, (600, many))
    effects = (
        truth + tau * rng.standard_normal(errors.shape) + errors * rng.standard_normal(errors.shape)
    )
    found = pool(effects, errors, spread=spread)
    held = (found.random.lower <= truth) & (truth <= found.random.upper)
    assert held.mean() >= 0.92
    new = truth + tau * rng.standard_normal(600)
    inside = (found.prediction.lower <= new) & (new <= found.prediction.upper)
    assert inside.mean() >= 0.92


@pytest.mark.parametrize("tau", [0.0, 0.25])
def test_programme_ratio_covers(tau):
    rng = np.random.default_rng(3)
    found = pool_rates(*segments(rng, 300, 40, 0.03, 1.26, tau, 500))
    held = (found.random.lower <= 1.26) & (found.random.upper >= 1.26)
    assert held.mean() >= 0.91
    if tau:
        fixed = (found.fixed.lower <= 1.26) & (found.fixed.upper >= 1.26)
        assert fixed.mean() < held.mean()  # one common effect is the wrong model here


def test_segments_without_enough_conversions_have_no_log_ratio():
    effect, error = log_ratios([20, 2, 0, 5], [200, 200, 0, 5], [10, 2, 3, 5], [200, 200, 9, 5])
    assert np.isfinite(effect).tolist() == [True, False, False, False]
    assert np.isfinite(error).tolist() == [True, False, False, False]
    assert np.isnan(log_ratios([0], [9], [0], [9])[0]).all()


@pytest.mark.parametrize("many, n", [(5, 400), (60, 30)])
def test_difference_within_strata_covers(many, n):
    rng = np.random.default_rng(n)
    base = rng.uniform(0.02, 0.2, many)
    k1, k2 = rng.binomial(n, base + 0.03, (4000, many)), rng.binomial(2 * n, base, (4000, many))
    found = mantel_haenszel_difference(k1, np.full_like(k1, n), k2, np.full_like(k2, 2 * n))
    held = (found.lower <= 0.03) & (found.upper >= 0.03)
    assert abs(held.mean() - 0.95) < 0.012


def test_differences_within_strata_say_what_is_missing():
    assert "none in either" in mantel_haenszel_difference([[0]], [[9]], [[0]], [[9]]).at(0).why
    assert (
        "no stratum" in mantel_haenszel_difference([[1, 0]], [[9, 0]], [[0, 1]], [[0, 9]]).at(0).why
    )
