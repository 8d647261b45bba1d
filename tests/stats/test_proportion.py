import json
import math
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

from fewer.stats.proportion import difference, exact_p, log_ratio, rate, ratio, score_ratio

tables = st.tuples(st.integers(1, 5000), st.integers(1, 5000)).flatmap(
    lambda n: st.tuples(st.integers(0, n[0]), st.just(n[0]), st.integers(0, n[1]), st.just(n[1]))
)


def columns(*rows):
    return tuple(np.array(c) for c in zip(*rows, strict=True))


TABLES = columns(
    (7, 34, 1, 34),
    (36, 40, 16, 80),
    (48, 310, 2160, 2159 * 10),
    (3, 200, 900, 60_000),
    (120, 1000, 100, 1000),
    (1, 250, 2, 250),
    (40, 40, 10, 80),
    (5, 2000, 12_000, 1_000_000),
)


@pytest.mark.parametrize("confidence", [0.8, 0.95, 0.99])
def test_rate_agrees_with_statsmodels(confidence):
    k, n, _, _ = TABLES
    found = rate(k, n, confidence=confidence)
    low, high = proportion_confint(k, n, alpha=1 - confidence, method="wilson")
    np.testing.assert_allclose(found.lower, low, rtol=1e-12)
    np.testing.assert_allclose(found.upper, high, rtol=1e-12)


def other(table, compare, method):
    return confint_proportions_2indep(*table, compare=compare, method=method)


def test_difference_agrees_with_statsmodels():
    found = difference(*TABLES)
    expected = np.array([other(t, "diff", "newcomb") for t in zip(*TABLES, strict=True)])
    np.testing.assert_allclose(found.lower, expected[:, 0], atol=1e-12)
    np.testing.assert_allclose(found.upper, expected[:, 1], atol=1e-12)


def test_log_ratio_agrees_with_statsmodels():
    found = log_ratio(*TABLES)
    expected = np.array([other(t, "ratio", "log-adjusted") for t in zip(*TABLES, strict=True)])
    np.testing.assert_allclose(found.lower, expected[:, 0], rtol=1e-9)
    np.testing.assert_allclose(found.upper, expected[:, 1], rtol=1e-9)


def test_score_ratio_agrees_with_statsmodels_root_finding():
    """Their score interval has the n/(n-1) factor by default; without it, it is Koopman's."""
    for table in zip(*TABLES, strict=True):
        found = score_ratio(*([x] for x in table)).at(0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            expected = confint_proportions_2indep(
                *table, compare="ratio", method="score", correction=False
            )
        assert (found.lower, found.upper) == pytest.approx(expected, rel=1e-5), table


@given(table=tables)
def test_score_limits_solve_the_score_equation(table):
    k1, n1, k2, n2 = table
    found = score_ratio([k1], [n1], [k2], [n2]).at(0)
    for limit, sign in ((found.lower, 1), (found.upper, -1)):
        if limit:
            assert score(limit, *table) == pytest.approx(sign * 1.959964, abs=1e-4)
    assert (found.lower == 0) == (k1 == 0 and k2 > 0)


def score(theta, k1, n1, k2, n2):
    """The statistic written from its definition, the nuisance rate found by search."""
    a, b, c = theta * (n1 + n2), -(theta * (n1 + k2) + n2 + k1), k1 + k2
    p2 = min(((-b) - math.sqrt(max(b * b - 4 * a * c, 0.0))) / (2 * a), 1.0)
    p1 = min(theta * p2, 1.0)
    spread = p1 * (1 - p1) / n1 + theta**2 * p2 * (1 - p2) / n2
    return (k1 / n1 - theta * k2 / n2) / math.sqrt(spread)


@given(table=tables)
def test_exact_p_is_the_doubled_smaller_tail(table):
    k1, n1, k2, n2 = table
    law = stats.hypergeom(n1 + n2, k1 + k2, n1)
    expected = min(1.0, 2 * min(law.cdf(k1), law.sf(k1 - 1)))
    assert exact_p([k1], [n1], [k2], [n2])[0] == pytest.approx(expected, rel=1e-6, abs=1e-12)


@given(table=tables)
def test_swapping_the_groups_mirrors_the_figures(table):
    k1, n1, k2, n2 = ([x] for x in table)
    there, back = difference(k1, n1, k2, n2).at(0), difference(k2, n2, k1, n1).at(0)
    assert there.value == pytest.approx(-back.value)
    if there.lower is not None:
        assert (there.lower, there.upper) == pytest.approx((-back.upper, -back.lower))
    r, s = ratio(k1, n1, k2, n2).at(0), ratio(k2, n2, k1, n1).at(0)
    if r.lower and r.upper:
        assert (r.lower, r.upper) == pytest.approx((1 / s.upper, 1 / s.lower), rel=1e-5)


@given(table=tables)
def test_the_figure_lies_inside_its_interval_and_is_plain_json(table):
    k1, n1, k2, n2 = ([x] for x in table)
    for found in (
        rate(k1, n1).at(0),
        difference(k1, n1, k2, n2).at(0),
        ratio(k1, n1, k2, n2).at(0),
    ):
        text = json.dumps(found.to_json(), allow_nan=False)
        assert "NaN" not in text
        if found.value is not None and found.lower is not None:
            assert found.lower <= found.value + 1e-12
        if found.value is not None and found.upper is not None:
            assert found.value <= found.upper + 1e-12


@pytest.mark.parametrize(
    "table, state, why",
    [
        ((0, 0, 5, 50), "undefined", "no people"),
        ((0, 50, 0, 50), "undefined", "none in either"),
        ((5, 50, 0, 50), "unbounded above", "none in the comparison"),
        ((0, 50, 5, 50), "bounded", ""),
        ((0, 50, 5, 5000), "no interval", "less than one expected"),
        ((1, 50, 0, 5000), "undefined", "less than one expected"),
    ],
)
def test_what_does_not_exist_says_so(table, state, why):
    found = ratio(*([x] for x in table)).at(0)
    assert (found.state, why in found.why) == (state, True)
    assert (found.why == "") == (state == "bounded")


def test_nobody_at_risk_has_no_rate():
    found = rate([0], [0]).at(0)
    assert (found.value, found.lower, found.upper, found.state) == (None, None, None, "undefined")


def test_unequal_groups_have_the_score_interval():
    found = ratio([7, 7], [34, 34], [1, 900], [34, 9000])
    assert [one.method for one in found] == ["log ratio, 0.5 added", "score (Koopman)"]


@pytest.mark.parametrize("bad", [(-1, 5), (6, 5), (1.5, 5), (math.nan, 5), (1, math.inf)])
def test_impossible_counts_are_refused(bad):
    with pytest.raises(ValueError, match="converted"):
        rate([bad[0]], [bad[1]])


def test_impossible_confidence_is_refused():
    with pytest.raises(ValueError, match="fraction"):
        rate([1], [2], confidence=95)
