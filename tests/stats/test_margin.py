import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize

from fewer.stats.allocation import people_for_margin
from fewer.stats.estimate import Method, estimates
from fewer.stats.margin import Verdict, means_within, rate_inside, rates_within, within
from fewer.stats.mean import moments
from fewer.stats.score_difference import difference_score, score_difference

tables = st.tuples(st.integers(1, 400), st.integers(1, 400)).flatmap(
    lambda n: st.tuples(st.integers(0, n[0]), st.just(n[0]), st.integers(0, n[1]), st.just(n[1]))
)


def searched(null, k1, n1, k2, n2):
    """The score with the most likely rate found by search, from its definition.

    Not statsmodels 0.15: its cubic has the comparison's count where its size belongs, and its
    limits are off by up to 0.002 from those that solve this.
    """

    def surprise(p):
        logs = np.log([p + null, 1 - p - null, p, 1 - p])
        return -float(logs @ [k1, n1 - k1, k2, n2 - k2])

    edges = max(0, -null) + 1e-12, min(1, 1 - null) - 1e-12
    p = optimize.minimize_scalar(
        surprise, bounds=edges, method="bounded", options={"xatol": 1e-13}
    ).x
    high = p + null
    variance = (high * (1 - high) / n1 + p * (1 - p) / n2) * (n1 + n2) / (n1 + n2 - 1)
    return (k1 / n1 - k2 / n2 - null) / math.sqrt(variance)


@pytest.mark.parametrize(
    "table", [(7, 34, 1, 34), (48, 310, 216, 2159), (3, 200, 900, 6000), (120, 1000, 100, 1000)]
)
def test_score_and_limits_are_those_of_the_definition(table):
    for null in (-0.1, 0.02, 0.05, 0.3):
        assert difference_score(null, *table) == pytest.approx(searched(null, *table), rel=1e-5)
    found = score_difference(*([x] for x in table)).at(0)
    for limit, z in ((found.lower, 1.959964), (found.upper, -1.959964)):
        assert searched(limit, *table) == pytest.approx(z, abs=1e-5)


@given(table=tables, null=st.floats(-0.9, 0.9), more=st.floats(0.01, 0.09))
def test_the_score_falls_with_the_difference_and_mirrors(table, null, more):
    k1, n1, k2, n2 = table
    assert difference_score(null + more, *table) <= difference_score(null, *table) + 1e-6
    there, back = difference_score(null, *table), difference_score(-null, k2, n2, k1, n1)
    assert float(there) == pytest.approx(-float(back), rel=1e-5, abs=1e-6)


@given(table=tables)
def test_the_score_interval_mirrors_and_holds_its_value(table):
    k1, n1, k2, n2 = ([x] for x in table)
    there, back = score_difference(k1, n1, k2, n2).at(0), score_difference(k2, n2, k1, n1).at(0)
    assert (there.lower, there.upper) == pytest.approx((-back.upper, -back.lower), abs=1e-6)
    assert there.lower <= there.value + 1e-9
    assert there.value <= there.upper + 1e-9
    assert -1 <= there.lower <= there.upper <= 1


def test_nobody_has_no_difference():
    assert score_difference([0], [0], [1], [9]).at(0).state == "undefined"


@given(table=tables, margin=st.floats(0.02, 0.5), relative=st.booleans(), higher=st.booleans())
def test_verdict_and_p_value_never_disagree(table, margin, relative, higher):
    found = rates_within(
        *([x] for x in table),
        margin=margin,
        relative=relative,
        better="higher" if higher else "lower",
    )
    p, verdict = float(found.p[0]), found.verdict(0)
    if not math.isnan(p) and abs(p - 0.025) > 1e-6:
        assert (verdict is Verdict.WITHIN) == (p < 0.025)
        assert verdict is not Verdict.BEYOND or p > 0.9


@pytest.mark.parametrize("n, base", [(250, 0.05), (1000, 0.02), (2000, 0.1)])
@pytest.mark.parametrize("relative", [True, False])
@pytest.mark.parametrize("better", ["higher", "lower"])
def test_what_is_just_beyond_is_rarely_called_within(n, base, relative, better):
    """At the margin itself the chance of a wrong "within" is the level, whatever the size."""
    rng = np.random.default_rng(n)
    sign = -1 if better == "higher" else 1
    margin = 0.2 if relative else 0.2 * base
    rate = base * (1 + sign * margin) if relative else base + sign * margin
    k1, k2 = rng.binomial(n, rate, 20_000), rng.binomial(n, base, 20_000)
    size = np.full(20_000, n)
    found = rates_within(k1, size, k2, size, margin=margin, relative=relative, better=better)
    share = (found.verdicts == Verdict.WITHIN).mean()
    assert share <= 0.025 + 3 * math.sqrt(0.025 / 20_000) + 0.003


@pytest.mark.parametrize("relative", [True, False])
def test_the_planned_people_show_it_as_often_as_planned(relative):
    margin = 0.1 if relative else 0.005
    n = math.ceil(people_for_margin(0.05, margin, relative=relative))
    rng = np.random.default_rng(1)
    k1, k2 = rng.binomial(n, 0.05, (2, 4000))
    size = np.full(4000, n)
    found = rates_within(k1, size, k2, size, margin=margin, relative=relative)
    assert (found.verdicts == Verdict.WITHIN).mean() == pytest.approx(0.8, abs=0.03)


def test_means_and_any_other_estimates():
    a, b = moments([900.0], [1700.0], [5000.0]), moments([900.0], [1800.0], [5000.0])
    assert means_within(a, b, margin=0.01).verdict(0) is Verdict.UNCLEAR
    assert means_within(a, b, margin=0.3).verdict(0) is Verdict.WITHIN
    assert means_within(a, b, margin=0.6, relative=False).verdict(0) is Verdict.WITHIN
    worse = moments([900.0], [900.0], [2000.0])
    assert means_within(worse, b, margin=0.1).verdict(0) is Verdict.BEYOND
    none = estimates([np.nan], [np.nan], [np.nan], method=Method.WELCH)
    assert within(none, 0.0).verdict(0) is Verdict.UNCLEAR
    cost = estimates([0.86], [0.78], [0.95], method=Method.LOG_DELTA)
    assert within(cost, 0.9, better="lower", log=True).verdict(0) is Verdict.UNCLEAR


def test_one_rate_between_bounds():
    found = rate_inside([20, 228], [100, 762], 0.18, 0.38)
    assert found.inside.tolist() == [False, True]


@pytest.mark.parametrize("bad", [0, -0.1, 1.0])
def test_impossible_margins_are_refused(bad):
    with pytest.raises(ValueError, match="margin"):
        rates_within([1], [9], [1], [9], margin=bad)
    with pytest.raises(ValueError, match="bounds"):
        rate_inside([1], [9], 0.5, bad)
