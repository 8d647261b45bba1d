"""Further published examples, and limits found again by plain search: none was used to build."""

import math

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, special, stats

from fewer.stats.count import poisson, rate_ratio
from fewer.stats.cuped import cuped_means
from fewer.stats.fieller import fieller
from fewer.stats.mean import mean_difference
from fewer.stats.multiplicity import benjamini_hochberg, holm
from fewer.stats.pooled import pool
from fewer.stats.proportion import difference, score_ratio
from fewer.stats.score_difference import score_difference
from fewer.stats.split import split_check
from fewer.stats.stratified import mantel_haenszel_ratio
from fewer.stats.sums import sums_of

Z = special.ndtri(0.975)

NEWCOMBE = [  # (1998), Statistics in Medicine 17, 873-890, table II, method 10
    (56, 70, 48, 80, 0.0524, 0.3339),
    (9, 10, 3, 10, 0.1705, 0.8090),
    (6, 7, 2, 7, 0.0582, 0.8062),
    (5, 56, 0, 29, -0.0381, 0.1926),
    (0, 10, 0, 20, -0.1611, 0.2775),
    (0, 10, 0, 10, -0.2775, 0.2775),
    (10, 10, 0, 20, 0.6791, 1.0),
    (10, 10, 0, 10, 0.6075, 1.0),
]


@pytest.mark.parametrize("case", NEWCOMBE)
def test_newcombe_of_his_table(case):
    found = difference(*([x] for x in case[:4])).at(0)
    assert (found.lower, found.upper) == pytest.approx(case[4:], abs=6e-5)


@pytest.mark.parametrize("case", [(56, 70, 48, 80, 0.0528, 0.3382), (9, 10, 3, 10, 0.1700, 0.8406)])
def test_miettinen_nurminen_of_the_same_table(case):
    found = score_difference(*([x] for x in case[:4])).at(0)
    assert (found.lower, found.upper) == pytest.approx(case[4:], abs=6e-5)


def likelihood(k1, n1, k2, n2, p1, p2):
    return stats.binom.logpmf(k1, n1, p1) + stats.binom.logpmf(k2, n2, p2)


def restricted(k1, n1, k2, n2, first):
    """The second rate that is most likely when the first is `first` of it, by search."""
    top = optimize.brentq(lambda p: first(p) - 1, 0, 1) if first(1) > 1 else 1.0
    bottom = optimize.brentq(first, 0, 1) if first(0) < 0 else 0.0
    low, high = bottom + 1e-12, top - 1e-12
    found = optimize.minimize_scalar(
        lambda p: -likelihood(k1, n1, k2, n2, first(p), p),
        bounds=(low, high), method="bounded", options={"xatol": 1e-13},
    )  # fmt: skip
    return found.x


TABLES = st.tuples(st.integers(5, 300), st.integers(5, 300)).flatmap(
    lambda n: st.tuples(
        st.integers(1, n[0] - 1), st.just(n[0]), st.integers(1, n[1] - 1), st.just(n[1])
    )
)


@settings(max_examples=25)
@given(table=TABLES)
def test_miettinen_nurminen_by_search(table):
    k1, n1, k2, n2 = table
    found = score_difference(*([x] for x in table)).at(0)
    for gap in (found.lower, found.upper):
        p2 = restricted(*table, lambda p, gap=gap: p + gap)
        p1 = p2 + gap
        variance = (p1 * (1 - p1) / n1 + p2 * (1 - p2) / n2) * (n1 + n2) / (n1 + n2 - 1)
        score = (k1 / n1 - k2 / n2 - gap) / math.sqrt(variance)
        assert abs(score) == pytest.approx(Z, rel=2e-3)


@settings(max_examples=25)
@given(table=TABLES)
def test_koopman_by_search(table):
    k1, n1, k2, n2 = table
    found = score_ratio(*([x] for x in table)).at(0)
    for times in (found.lower, found.upper):
        p2 = restricted(*table, lambda p, times=times: p * times)
        p1 = p2 * times
        squares = (k1 - n1 * p1) ** 2 / (n1 * p1 * (1 - p1))
        squares += (k2 - n2 * p2) ** 2 / (n2 * p2 * (1 - p2))
        assert math.sqrt(squares) == pytest.approx(Z, rel=2e-3)


def test_koopman_of_his_paper():
    """Koopman (1984), Biometrics 40, 513-517: 36 of 40 against 16 of 80."""
    found = score_ratio([36], [40], [16], [80]).at(0)
    assert (found.value, found.lower, found.upper) == pytest.approx((4.5, 2.94, 7.15), abs=6e-3)


@pytest.mark.parametrize(
    "count, low, high",
    [
        (0, 0.0, 3.689),
        (1, 0.025, 5.572),
        (5, 1.623, 11.668),
        (10, 4.795, 18.390),
        (100, 81.36, 121.63),
    ],
)
def test_garwoods_table(count, low, high):
    found = poisson([count]).at(0)
    assert (found.lower, found.upper) == pytest.approx((low, high), abs=6e-3)


def test_rate_ratio_of_breast_cancer_after_x_rays():
    """Boice & Monson (1977), as in Rothman's textbook and the Stata manual: exact limits."""
    found = rate_ratio([41], [28_010], [15], [19_017]).at(0)
    assert found.value == pytest.approx(1.855759, abs=1e-6)
    assert (found.lower, found.upper) == pytest.approx((1.005684, 3.60942), abs=2e-4)


@settings(max_examples=25)
@given(k1=st.integers(1, 60), e1=st.floats(0.5, 50), k2=st.integers(1, 60), e2=st.floats(0.5, 50))
def test_rate_ratio_by_its_binomial(k1, e1, k2, e2):
    found = rate_ratio([k1], [e1], [k2], [e2]).at(0)
    exact = stats.binomtest(k1, k1 + k2, e1 / (e1 + e2)).proportion_ci(method="exact")
    for share, limit in ((exact.low, found.lower), (exact.high, found.upper)):
        assert share / (1 - share) * e2 / e1 == pytest.approx(limit, rel=1e-6)


P = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719,
     0.6528, 0.7590, 1.0]  # fmt: skip


def test_fifteen_hypotheses_of_benjamini_and_hochberg():
    """(1995), JRSS B 57, 289-300: their procedure rejects four, Bonferroni's and Holm's three."""
    assert (benjamini_hochberg(P) <= 0.05).sum() == 4
    assert (holm(P) <= 0.05).sum() == 3
    assert benjamini_hochberg(P)[3] == pytest.approx(0.0095 * 15 / 4)
    np.testing.assert_allclose(benjamini_hochberg(P), stats.false_discovery_control(P))


BCG = np.array(  # Colditz et al. (1994), JAMA 271, 698-702: thirteen trials of a vaccine
    [(4, 119, 11, 128), (6, 300, 29, 274), (3, 228, 11, 209), (62, 13536, 248, 12619),
     (33, 5036, 47, 5761), (180, 1361, 372, 1079), (8, 2537, 10, 619), (505, 87886, 499, 87892),
     (29, 7470, 45, 7232), (17, 1699, 65, 1600), (186, 50448, 141, 27197), (5, 2493, 3, 2338),
     (27, 16886, 29, 17825)]
)  # fmt: skip


def test_thirteen_trials_pooled():
    """As the R package metafor documents them: Paule-Mandel and DerSimonian-Laird spreads."""
    a, b, c, d = BCG.T.astype(float)
    effects = np.log(a / (a + b)) - np.log(c / (c + d))
    errors = np.sqrt(1 / a - 1 / (a + b) + 1 / c - 1 / (c + d))
    assert pool(effects, errors).tau2 == pytest.approx(0.3181, abs=6e-5)
    simple = pool(effects, errors, spread="dersimonian-laird")
    assert simple.tau2 == pytest.approx(0.3088, abs=6e-5)
    assert simple.random.at().value == pytest.approx(-0.7141, abs=6e-5)
    assert simple.i2 == pytest.approx(0.9212, abs=6e-5)


def test_thirteen_trials_by_mantel_and_haenszel():
    a, b, c, d = BCG.T
    found = mantel_haenszel_ratio(a[None], (a + b)[None], c[None], (c + d)[None]).at(0)
    said = np.log([found.value, found.lower, found.upper])
    assert said == pytest.approx([-0.4537, -0.5308, -0.3766], abs=2e-4)


@settings(max_examples=25)
@given(st.floats(-5, 5), st.floats(0.5, 5), st.floats(0.01, 1), st.floats(0.01, 0.05),
       st.floats(-0.9, 0.9))  # fmt: skip
def test_fieller_solves_its_equation(a, b, va, vb, r):
    c = r * math.sqrt(va * vb)
    found = fieller([a], [b], va, vb, c).at(0)
    for limit in (found.lower, found.upper):
        if limit is not None:
            gap = (a - limit * b) ** 2
            assert gap == pytest.approx(Z**2 * (va - 2 * limit * c + limit**2 * vb), rel=1e-6)


def test_adjusting_for_the_time_before_is_regression():
    """One slope in both groups: least squares on the group and on what was before."""
    rng = np.random.default_rng(8)
    before, arm = rng.gamma(2, 1, 3_000), np.arange(3_000) % 3 == 0
    after = 0.7 * before + rng.gamma(1, 1, 3_000) + 0.2 * arm
    table = sums_of({"y": after, "x": before}, arm.astype(int), 2)
    found = cuped_means(table[[1]], table[[0]], "y", "x")
    fit = sm.OLS(after, sm.add_constant(np.column_stack([arm, before]))).fit()
    assert found.difference.at(0).value == pytest.approx(fit.params[1], rel=1e-9)
    assert found.slope[0] == pytest.approx(fit.params[2], rel=1e-9)
    unrelated = sums_of({"y": after, "x": np.ones(3_000)}, arm.astype(int), 2)
    same = cuped_means(unrelated[[1]], unrelated[[0]], "y", "x").difference.at(0)
    plain = mean_difference(table[[1]].moments("y"), table[[0]].moments("y")).at(0)
    assert same.value == pytest.approx(plain.value)


@pytest.mark.parametrize(
    "sizes, p",
    [((821_588, 815_482), 1.8e-6), ((44_700, 45_489), 0.0086), ((145_274, 145_310), 0.947),
     ((600, 400), 2.54e-10)],
)  # fmt: skip
def test_splits_that_were_published(sizes, p):
    """Kohavi, Tang & Xu (2020), chapter 21; two public A/B files; an encyclopedia's example."""
    found = split_check(sizes, [1, 1]).p[0]
    assert found == pytest.approx(p, rel=0.02)
