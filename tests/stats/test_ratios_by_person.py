import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fewer.stats.fieller import fieller, fieller_ratio, mean_ratio_fieller
from fewer.stats.sums import Sums, sums_of
from fewer.stats.user_ratio import user_ratio, user_ratio_difference, user_ratio_ratio


def shop(rng, worlds, n, *, orders=0.5, price=20.0, skew=0.5):
    """Orders and spend of `n` people in many worlds, as sums: rows are worlds."""
    d = rng.poisson(orders, (worlds, n)).astype(float)
    person = rng.lognormal(-(skew**2) / 2, skew, (worlds, n))
    x = d * price * person
    totals = np.stack([x.sum(1), d.sum(1)], -1)
    both = (x * d).sum(1)
    products = np.stack(
        [np.stack([(x * x).sum(1), both], -1), np.stack([both, (d * d).sum(1)], -1)], -2
    )
    valued = np.stack([(x > 0).sum(1), (d > 0).sum(1)], -1).astype(float)
    return Sums(("x", "d"), np.full(worlds, float(n)), totals, products, valued)


def held(found, truth):
    there = ~np.isnan(found.lower)
    inside = np.where(
        found.lower > found.upper,
        (truth <= found.upper) | (truth >= found.lower),
        (found.lower <= truth) & (truth <= found.upper),
    )
    return inside[there].mean() if there.any() else math.nan, int(there.sum())


def enough(share, offered, slack):
    return share >= 0.95 - slack - 3 * math.sqrt(0.0475 / offered)


def check_by_person(n, orders, skew, worlds, slack):
    rng = np.random.default_rng(n)
    first, second = (shop(rng, worlds, n, orders=orders, skew=skew) for _ in range(2))
    for found, truth in (
        (user_ratio(first, "x", "d"), 20.0),
        (fieller_ratio(first, "x", "d"), 20.0),
        (user_ratio_ratio(first, second, "x", "d"), 1.0),
        (user_ratio_difference(first, second, "x", "d"), 0.0),
    ):
        share, offered = held(found, truth)
        if offered > worlds / 4:
            assert enough(share, offered, slack), (n, orders, skew, share)


@pytest.mark.parametrize("n, orders, skew", [(250, 0.2, 0.3), (100, 0.5, 0.5), (1000, 0.05, 0.5)])
def test_ratios_by_person_cover(n, orders, skew):
    check_by_person(n, orders, skew, 1500, 0.012)


@pytest.mark.slow
@pytest.mark.parametrize("n", [100, 250, 1000, 2000])
@pytest.mark.parametrize("orders", [0.02, 0.1, 0.5, 2.0])
@pytest.mark.parametrize("skew, slack", [(0.3, 0.012), (0.8, 0.035)])
def test_ratios_by_person_cover_everywhere(n, orders, skew, slack, soak):
    check_by_person(n, orders, skew, 4000 * soak, slack)


def test_the_error_is_that_of_the_people():
    """Against the jackknife over people."""
    rng = np.random.default_rng(1)
    d = 1.0 + rng.poisson(2, 400)
    x = rng.binomial(d.astype(int), 0.3).astype(float)
    one = user_ratio(sums_of({"x": x, "d": d}, [0] * 400, 1), "x", "d").at(0)
    out = np.log((x.sum() - x) / (d.sum() - d))
    error = math.sqrt(399 * out.var())
    assert math.log(one.upper / one.value) == pytest.approx(1.966 * error, rel=0.02)


@given(scale=st.floats(0.01, 1000))
def test_another_currency_changes_the_unit_only(scale):
    rng = np.random.default_rng(2)
    first, second = shop(rng, 1, 300), shop(rng, 1, 300)

    def in_money(s):
        factor = np.array([scale, 1.0])
        products = s.products * factor[:, None] * factor
        return Sums(s.names, s.n, s.totals * factor, products, s.valued)

    plain = user_ratio_ratio(first, second, "x", "d").at(0)
    other = user_ratio_ratio(in_money(first), in_money(second), "x", "d").at(0)
    assert other.lower == pytest.approx(plain.lower, rel=1e-6)
    money = fieller_ratio(in_money(first), "x", "d").at(0)
    assert money.upper == pytest.approx(
        scale * fieller_ratio(first, "x", "d").at(0).upper, rel=1e-6
    )
    back = user_ratio_ratio(second, first, "x", "d").at(0)
    assert (back.lower, back.upper) == pytest.approx((1 / plain.upper, 1 / plain.lower))


def test_what_does_not_exist_says_so():
    silent = sums_of({"x": [0.0] * 50, "d": [0.0] * 50}, [0] * 50, 1)
    assert "nothing to divide by" in user_ratio(silent, "x", "d").at(0).why
    assert (
        "nothing above"
        in user_ratio(sums_of({"x": [0.0] * 50, "d": [1.0] * 50}, [0] * 50, 1), "x", "d").at(0).why
    )
    few = sums_of({"x": [5.0] * 9 + [0.0] * 90, "d": [1.0] * 99}, [0] * 99, 1)
    assert "too few people with a value" in user_ratio(few, "x", "d").at(0).why
    assert user_ratio_ratio(few, silent, "x", "d").at(0).value is None


@given(
    a=st.floats(-5, 5), b=st.floats(-5, 5), va=st.floats(0.01, 2), vb=st.floats(0.01, 2),
    tie=st.floats(-0.9, 0.9), r=st.floats(-20, 20),
)  # fmt: skip
def test_fieller_keeps_just_the_ratios_that_are_not_refuted(a, b, va, vb, tie, r):
    """By definition: r is kept exactly if a - r b is within 1.96 standard errors of zero."""
    c = tie * math.sqrt(va * vb)
    found = fieller(a, b, va, vb, c)
    lower, upper = float(found.lower), float(found.upper)
    score = (a - r * b) ** 2 - 3.8414588 * (va - 2 * r * c + r * r * vb)
    if abs(score) > 1e-3 and b != 0:
        kept = (r <= upper or r >= lower) if lower > upper else lower <= r <= upper
        assert kept == (score <= 0)


def test_fieller_in_words():
    three = fieller([2.0, 2.0, 0.2, 2.0], [1.0, 0.1, 0.1, 0.0], 0.04, 0.04)
    states = [one.state.value for one in three]
    assert states[:3] == ["bounded", "two rays", "unbounded"]
    assert three.at(3).value is None
    assert "any value is possible" in three.at(2).why
    rays = three.at(1)
    assert (rays.lower, rays.upper) == (None, None)
    assert "at most" in rays.why
    assert not rays.excludes(0)
    cost = fieller([2.0], [0.1], 0.04, 0.04, positive=True).at(0)
    assert (cost.state, cost.lower is not None, cost.upper) == ("unbounded above", True, None)
    assert "can't be told from zero" in cost.why
    with pytest.raises(ValueError, match="variances"):
        fieller(1, 1, -1, 1)


def test_fieller_holds_where_the_denominator_is_near_zero():
    """Where other intervals break down, its sets still hold the truth 95 times in 100."""
    rng = np.random.default_rng(4)
    a, b = 1.0 + rng.standard_normal(20_000), 0.5 + rng.standard_normal(20_000)
    found = fieller(a, b, 1.0, 1.0)
    share, offered = held(found, 2.0)
    assert offered == 20_000
    assert share == pytest.approx(0.95, abs=0.006)


def test_ratio_of_two_averages():
    rng = np.random.default_rng(5)
    first, second = (sums_of({"x": rng.gamma(2, 1, 500)}, [0] * 500, 1) for _ in range(2))
    one = mean_ratio_fieller(first, second, "x").at(0)
    assert one.lower < one.value < one.upper
    assert one.value == pytest.approx(float((first.mean("x") / second.mean("x"))[0]))
