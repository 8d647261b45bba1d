"""Adjusted p-values, split checks, strata and power, against scipy and statsmodels."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as nps
from scipy import stats
from statsmodels.stats.contingency_tables import StratifiedTable
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import power_proportions_2indep

from fewer.stats.multiplicity import benjamini_hochberg, holm
from fewer.stats.power import people_needed, power, smallest_ratio
from fewer.stats.split import split_check
from fewer.stats.stratified import mantel_haenszel_ratio

p_values = nps.arrays(float, st.integers(1, 40), elements=st.floats(0, 1))


@pytest.mark.parametrize("seed", range(10))
def test_adjusted_p_values_agree_with_statsmodels(seed):
    rng = np.random.default_rng(seed)
    p = rng.choice([0.0, 0.01, 0.04, 1.0, *rng.random(20)], 1 + 4 * seed)  # ties among them
    for ours, theirs in ((benjamini_hochberg, "fdr_bh"), (holm, "holm")):
        np.testing.assert_allclose(ours(p), multipletests(p, method=theirs)[1], atol=1e-12)


@given(p=p_values)
def test_untested_rows_are_not_in_the_family(p):
    holes = np.insert(p, 0, np.nan)
    adjusted = benjamini_hochberg(holes)
    assert np.isnan(adjusted[0])
    np.testing.assert_array_equal(adjusted[1:], benjamini_hochberg(p))


def test_family_of_a_table_is_the_whole_table():
    table = np.array([[0.01, 0.2], [0.02, np.nan]])
    flat = benjamini_hochberg([0.01, 0.2, 0.02])
    np.testing.assert_array_equal(benjamini_hochberg(table)[[0, 0, 1], [0, 1, 0]], flat)
    assert benjamini_hochberg([]).size == 0


@pytest.mark.parametrize("adjust", [benjamini_hochberg, holm])
def test_what_is_no_p_value_is_refused(adjust):
    with pytest.raises(ValueError, match="between 0 and 1"):
        adjust([0.5, 1.5])


def test_split_check_agrees_with_scipy():
    observed = np.array([[821_588, 815_482], [600, 400], [95, 105]])
    found = split_check(observed, [1, 1])
    for row, p in zip(observed, found.p, strict=True):
        assert p == pytest.approx(stats.chisquare(row).pvalue, rel=1e-9)
    assert found.broken.tolist() == [True, True, False]


def test_split_check_takes_any_shares():
    assert split_check([880, 120], [0.9, 0.1]).p[0] == pytest.approx(
        stats.chisquare([880, 120], [900, 100]).pvalue
    )
    assert np.isnan(split_check([8, 0], [0.9, 0.1]).p[0])
    assert not split_check([8, 0], [0.9, 0.1]).broken[0]


@pytest.mark.parametrize("bad", [([5], [1]), ([5, -1], [1, 1]), ([5, 5], [1, 0])])
def test_impossible_splits_are_refused(bad):
    with pytest.raises(ValueError, match="split check"):
        split_check(*bad)


def test_strata_agree_with_statsmodels_and_hand():
    k1, n1 = np.array([8, 20, 3]), np.array([100, 50, 40])
    k2, n2 = np.array([40, 100, 30]), np.array([1000, 400, 700])
    found = mantel_haenszel_ratio([k1], [n1], [k2], [n2]).at(0)
    tables = np.array([[k1, n1 - k1], [k2, n2 - k2]])
    assert found.value == pytest.approx(StratifiedTable(tables).riskratio_pooled, rel=1e-9)
    n = n1 + n2
    spread = ((n1 * n2 * (k1 + k2) - k1 * k2 * n) / n**2).sum()
    error = np.sqrt(spread / ((k1 * n2 / n).sum() * (k2 * n1 / n).sum()))
    assert np.log(found.upper / found.value) == pytest.approx(1.959964 * error, rel=1e-6)


def test_one_group_strata_add_nothing():
    plain = mantel_haenszel_ratio([[8, 20]], [[100, 50]], [[40, 100]], [[1000, 400]]).at(0)
    more = mantel_haenszel_ratio([[8, 20, 5]], [[100, 50, 9]], [[40, 100, 0]], [[1000, 400, 0]])
    assert more.at(0) == plain


@pytest.mark.parametrize(
    "table, why",
    [
        (([[5, 0]], [[9, 0]], [[0, 5]], [[0, 9]]), "no stratum"),
        (([[0]], [[9]], [[0]], [[9]]), "none in either"),
        (([[2]], [[9]], [[0]], [[9]]), "none in the comparison"),
        (([[0]], [[9]], [[2]], [[9]]), "nothing above"),
    ],
)
def test_strata_without_an_interval_say_why(table, why):
    found = mantel_haenszel_ratio(*table).at(0)
    assert why in found.why
    assert found.lower is None


@given(
    base=st.floats(0.001, 0.4),
    ratio=st.floats(0.2, 2.4),
    n=st.integers(20, 5000),
    share=st.floats(0.1, 10),
)
def test_power_agrees_with_statsmodels(base, ratio, n, share):
    found = power(base, ratio, n, n_comparison=n * share)
    gap = base * ratio - base
    expected = power_proportions_2indep(gap, base, n, ratio=share, return_results=False)
    assert float(found) == pytest.approx(float(expected), abs=1e-3)


@given(base=st.floats(0.005, 0.2), ratio=st.floats(1.1, 3))
def test_needed_people_have_the_wanted_power(base, ratio):
    n = float(people_needed(base, ratio, comparison_share=0.25))
    assert float(power(base, ratio, n, n_comparison=n / 4)) == pytest.approx(0.8, abs=1e-6)


@given(base=st.floats(0.005, 0.2), n=st.integers(100, 20_000))
def test_the_smallest_ratio_needs_just_these_people(base, n):
    ratio = float(smallest_ratio(base, n))
    if not np.isnan(ratio):
        assert float(people_needed(base, ratio)) == pytest.approx(n, rel=1e-3)


def test_what_a_handful_can_never_show_is_missing():
    assert np.isnan(smallest_ratio(0.5, 2))


@pytest.mark.parametrize("base", [0, 1, 0.9])
def test_impossible_rates_are_refused(base):
    with pytest.raises(ValueError, match="rates"):
        power(base, 1.26, 100)
