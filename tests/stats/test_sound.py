"""Every estimate of the package on odd data: nothing is missing without a reason, limits hold the
value, groups can be swapped, and no figure depends on the unit that money is counted in."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from fewer.stats.bayes import counts_view, rate_posterior, rates_view
from fewer.stats.cluster import clustered_rate, clustered_ratio
from fewer.stats.count import cost_per_event, poisson, rate_ratio
from fewer.stats.cuped import cuped_means, cuped_ratios
from fewer.stats.estimate import Estimates, Why
from fewer.stats.fieller import fieller, fieller_ratio, mean_ratio_fieller
from fewer.stats.margin import means_within, rates_within
from fewer.stats.mean import mean, mean_difference, mean_ratio
from fewer.stats.pooled import pool_rates
from fewer.stats.proportion import difference, exact_p, log_ratio, rate, ratio, score_ratio
from fewer.stats.ratio import ratio_of_ratios, ratio_of_sums
from fewer.stats.score_difference import score_difference
from fewer.stats.sequential import (
    mean_difference_sequence,
    mean_ratio_sequence,
    rate_difference_sequence,
    rate_ratio_sequence,
)
from fewer.stats.shrinkage import shrink_rates, shrink_ratios
from fewer.stats.stratified import mantel_haenszel_difference, mantel_haenszel_ratio
from fewer.stats.sums import Sums, sums_of
from fewer.stats.user_ratio import user_ratio, user_ratio_difference, user_ratio_ratio

NEAR = 1e-9


def check(found: Estimates, *, shrunk: bool = False) -> None:
    """What holds of any estimates."""
    for i in np.ndindex(found.value.shape):
        one = found.at(*i)
        missing = one.value is None or one.lower is None or one.upper is None
        assert not missing or one.why, (i, one)
        if one.lower is not None and one.upper is not None:
            assert one.lower <= one.upper * (1 + NEAR) + NEAR, one
        if one.value is not None and not shrunk:
            scale = NEAR * max(1.0, abs(one.value))
            assert one.lower is None or one.lower <= one.value + scale, one
            assert one.upper is None or one.value <= one.upper + scale, one
        assert one.p is None or 0 <= one.p <= 1, one
        raw = (found.value[i], found.lower[i], found.upper[i])
        assert not np.isnan(raw).any() or found.why[i] != Why.FINE, (raw, one)


def same(a, b, near=NEAR):
    np.testing.assert_allclose(a, b, rtol=1e-6, atol=near, equal_nan=True)


def turned(one: Estimates, other: Estimates) -> None:
    """A ratio whose groups were swapped is the other one turned over."""
    with np.errstate(divide="ignore", invalid="ignore"):
        known = np.isfinite(one.value) & (one.value > 0) & np.isfinite(other.value)
        same(one.value[known], 1 / other.value[known])
        both = known & (one.lower > 0) & np.isfinite(other.upper)
        same(one.lower[both], 1 / other.upper[both])
    same(one.p[known], other.p[known])


def negated(one: Estimates, other: Estimates, near: float = NEAR) -> None:
    same(one.value, -other.value)
    same(one.lower, -other.upper, near)
    same(one.upper, -other.lower, near)
    same(one.p, other.p)


# ------------------------------------------------------------------------------------- shares


ODD = [(0, 0), (0, 1), (1, 1), (0, 1000), (1000, 1000), (1, 1000), (999, 1000), (0, 10**7),
       (1, 10**7), (10**7, 10**7), (500_000, 10**7)]  # fmt: skip
pairs = st.sampled_from(ODD) | st.integers(0, 3000).flatmap(
    lambda n: st.tuples(st.integers(0, n), st.just(n))
)
tables = st.lists(st.tuples(pairs, pairs), min_size=1, max_size=6).map(
    lambda rows: tuple(np.array(c) for c in zip(*((*a, *b) for a, b in rows), strict=True))
)
EVERY = tuple(np.array(c) for c in zip(*((*a, *b) for a in ODD for b in ODD), strict=True))

DIFFERENCES = {
    "Newcombe": difference,
    "score": score_difference,
    "sequence": lambda *t: rate_difference_sequence(*t, planned=1000),
}
RATIOS = {
    "chosen": ratio,
    "log": log_ratio,
    "Koopman": score_ratio,
    "sequence": lambda *t: rate_ratio_sequence(*t, planned=1000),
}


@pytest.mark.parametrize("of", DIFFERENCES.values(), ids=DIFFERENCES)
@given(table=tables)
@example(table=EVERY)
def test_differences_of_shares(of, table):
    found = of(*table)
    check(found)
    inside = np.isfinite(found.lower)
    assert (np.abs(found.lower[inside]) <= 1 + NEAR).all() or of is DIFFERENCES["sequence"]
    searched = of is DIFFERENCES["score"]  # its limits are found by search
    negated(found, of(*table[2:], *table[:2]), 1e-5 if searched else NEAR)


@pytest.mark.parametrize("of", RATIOS.values(), ids=RATIOS)
@given(table=tables)
@example(table=EVERY)
def test_ratios_of_shares(of, table):
    found = of(*table)
    check(found)
    turned(found, of(*table[2:], *table[:2]))


@given(table=tables)
@example(table=EVERY)
def test_shares_and_their_p(table):
    check(rate(*table[:2]))
    check(rate_posterior(*table[:2]))
    p = exact_p(*table)
    assert ((p >= 0) & (p <= 1)).all()
    same(p, exact_p(*table[2:], *table[:2]))


@given(table=tables)
@example(table=EVERY)
def test_strata_and_families(table):
    rows = tuple(a[None] for a in table)
    for of in (mantel_haenszel_difference, mantel_haenszel_ratio):
        check(of(*rows))
    negated(mantel_haenszel_difference(*rows), mantel_haenszel_difference(*rows[2:], *rows[:2]))
    turned(mantel_haenszel_ratio(*rows), mantel_haenszel_ratio(*rows[2:], *rows[:2]))
    pooled = pool_rates(*table)
    for part in (pooled.fixed, pooled.random, pooled.prediction):
        check(part)
    check(shrink_ratios(*table).found, shrunk=True)
    check(shrink_rates(*table[:2]).found, shrunk=True)


@given(table=tables)
@example(table=EVERY)
def test_chances_are_chances(table):
    view = rates_view(*table, smallest=0.05)
    for part in (view.better, view.clearly):
        known = ~np.isnan(part)
        assert ((part[known] >= 0) & (part[known] <= 1)).all()
    assert not np.isnan(view.better[(table[1] > 0) & (table[3] > 0)]).any()
    assert (view.loss_if_chosen[~np.isnan(view.loss_if_chosen)] >= 0).all()


@given(table=tables, margin=st.floats(0.01, 0.5), better=st.sampled_from(["higher", "lower"]),
       relative=st.booleans())  # fmt: skip
@example(table=EVERY, margin=0.05, better="higher", relative=True)
@example(table=EVERY, margin=0.05, better="lower", relative=False)
def test_margins_of_shares(table, margin, better, relative):
    found = rates_within(*table, margin=margin, better=better, relative=relative)
    check(found.estimates)
    for i in range(len(table[0])):
        p, worst = found.p[i], found.worst[i]
        assert np.isnan(p) or 0 <= p <= 1
        if found.verdict(i) == "within the margin":
            assert (
                worst >= found.limit - NEAR if better == "higher" else worst <= found.limit + NEAR
            )


# ------------------------------------------------------------------------------------- counts


exposures = st.sampled_from([0.0, 1e-3, 1.0, 1e9]) | st.floats(0.01, 1e6)
counted = st.lists(
    st.tuples(st.integers(0, 5000), exposures, st.integers(0, 5000), exposures),
    min_size=1, max_size=5,
).map(lambda rows: tuple(np.array(c) for c in zip(*rows, strict=True)))  # fmt: skip


@given(table=counted, money=st.sampled_from([1e-3, 100.0, 1e6]))
def test_counts(table, money):
    check(poisson(*table[:2]))
    found, other = rate_ratio(*table), rate_ratio(*table[2:], *table[:2])
    check(found)
    turned(found, other)
    scaled = rate_ratio(table[0], table[1] * money, table[2], table[3] * money)
    same(found.upper, scaled.upper)
    cost = cost_per_event(table[1], table[0])
    check(cost)
    same(cost.upper * money, cost_per_event(table[1] * money, table[0]).upper)
    view = counts_view(*table)
    known = ~np.isnan(view.better)
    assert ((view.better[known] >= 0) & (view.better[known] <= 1)).all()


# ------------------------------------------------------------------------------------- amounts

AMOUNTS = {
    "none": lambda _, n: np.zeros(n),
    "equal": lambda _, n: np.full(n, 7.5),
    "some equal": lambda rng, n: np.where(rng.random(n) < 0.3, 20.0, 0.0),
    "spent": lambda rng, n: np.where(rng.random(n) < 0.2, rng.lognormal(3, 1, n), 0.0),
    "returned": lambda rng, n: np.where(rng.random(n) < 0.4, rng.normal(-30, 5, n), 0.0),
    "both": lambda rng, n: rng.normal(0, 50, n),
    "huge": lambda rng, n: rng.lognormal(25, 1, n),
    "one whale": lambda _, n: np.where(np.arange(n) == 0, 1e9, 1.0),
    "tiny": lambda rng, n: rng.lognormal(-14, 1, n),
}
kinds = st.sampled_from(sorted(AMOUNTS))
sizes = st.sampled_from([0, 1, 2, 3, 25, 60, 400, 4000])
groups = st.tuples(kinds, sizes, st.integers(0, 3))


def people(kind: str, n: int, seed: int, unit: float = 1.0) -> Sums:
    """One group: an amount, what comes below the line, and both before."""
    rng = np.random.default_rng(seed)
    y = AMOUNTS[kind](rng, n)
    d = np.where(y != 0, 1.0 + rng.poisson(0.5, n), 0.0)
    x = np.abs(y) * rng.gamma(1.0, 1.0, n) + rng.gamma(1.0, 1.0, n)
    d0 = 1.0 + rng.poisson(0.5, n)
    values = {"y": y * unit, "d": d, "x": x * unit, "d0": d0}
    return sums_of(values, np.zeros(n, dtype=int), 1)


def check_amounts(one: Sums, two: Sums) -> dict[str, Estimates]:
    a, b = one.moments("y"), two.moments("y")
    found = {
        "mean": mean(a),
        "difference": mean_difference(a, b),
        "ratio": mean_ratio(a, b),
        "difference, daily": mean_difference_sequence(a, b, planned=5000),
        "ratio, daily": mean_ratio_sequence(a, b, planned=5000),
        "Fieller": mean_ratio_fieller(one, two, "y"),
        "adjusted": cuped_means(one, two, "y", "x").difference,
        "adjusted ratio": cuped_means(one, two, "y", "x").ratio,
        "of sums": user_ratio(one, "y", "d"),
        "of sums, ratio": user_ratio_ratio(one, two, "y", "d"),
        "of sums, difference": user_ratio_difference(one, two, "y", "d"),
        "of sums, Fieller": fieller_ratio(one, "y", "d"),
        "of sums, adjusted": cuped_ratios(one, two, "y", "d", "x", "d0").difference,
    }
    for name, each in found.items():
        try:
            check(each)
        except AssertionError as error:
            raise AssertionError(name) from error
    return found


IN_MONEY = {"mean", "difference", "difference, daily", "adjusted", "of sums",
            "of sums, difference", "of sums, Fieller", "of sums, adjusted"}  # fmt: skip
ROUGH = {"Fieller", "adjusted", "adjusted ratio"}  # where large numbers cancel
DIFFER = ("difference", "difference, daily", "adjusted", "of sums, difference")
DIVIDE = ("ratio", "ratio, daily", "of sums, ratio", "adjusted ratio")


@settings(deadline=None)
@example(first=("both", 25, 1), second=("both", 25, 1), unit=0.01)  # limits beyond all numbers
@given(first=groups, second=groups, unit=st.sampled_from([0.01, 1.0, 160.0]))
@example(first=("returned", 4000, 0), second=("spent", 400, 0), unit=100.0)
@example(first=("equal", 60, 0), second=("equal", 60, 1), unit=1.0)
@example(first=("spent", 1, 0), second=("spent", 4000, 0), unit=1.0)
@example(first=("returned", 400, 0), second=("returned", 25, 0), unit=1.0)
def test_amounts(first, second, unit):
    one, two = people(*first), people(*second)
    found, swapped = check_amounts(one, two), check_amounts(two, one)
    for name in DIFFER:
        negated(found[name], swapped[name])
    for name in DIVIDE:
        turned(found[name], swapped[name])
    elsewhere = check_amounts(people(*first, unit), people(*second, unit))
    cancels = {first[0], second[0]} & {"one whale", "huge"}  # what is left is rounding
    for name, each in found.items():
        if cancels and name in ROUGH:
            continue
        by = unit if name in IN_MONEY else 1.0
        for part in ("value", "lower", "upper"):
            here, there = getattr(each, part) * by, getattr(elsewhere[name], part)
            np.testing.assert_allclose(here, there, rtol=1e-3 if name in ROUGH else 1e-5,
                                       atol=1e-6 * unit, equal_nan=True, err_msg=name)  # fmt: skip


@settings(deadline=None)
@given(first=groups, second=groups, margin=st.floats(0.01, 0.5),
       better=st.sampled_from(["higher", "lower"]), relative=st.booleans())  # fmt: skip
def test_margins_of_amounts(first, second, margin, better, relative):
    a, b = people(*first).moments("y"), people(*second).moments("y")
    found = means_within(a, b, margin=margin, better=better, relative=relative)
    check(found.estimates)
    assert np.isnan(found.p[0]) or 0 <= found.p[0] <= 1
    assert found.verdict(0)


# ------------------------------------------------------------------------------------- sums by day


days = st.lists(
    st.tuples(*[st.sampled_from([0.0, 1.0, 1e9]) | st.floats(0.001, 1e5)] * 4),
    min_size=1, max_size=40,
)  # fmt: skip


@given(rows=days, unit=st.sampled_from([0.01, 1.1, 160.0]))
@example(rows=[(5.0, 2.0, 0.0, 0.0)] * 20, unit=1.1)
@example(rows=[(0.0, 2.0, 3.0, 1.0)] * 20, unit=1.1)
@example(rows=[(5.0, 2.0, 5.0, 2.0)] * 20, unit=1.1)
def test_sums_by_day(rows, unit):
    x1, y1, x2, y2 = (np.array(c)[None] for c in zip(*rows, strict=True))
    one = ratio_of_sums(x1, y1)
    check(one)
    same(one.value * unit, ratio_of_sums(x1 * unit, y1).value)
    found = ratio_of_ratios(x1, y1, x2, y2)
    check(found)
    turned(found, ratio_of_ratios(x2, y2, x1, y1))
    same(found.upper, ratio_of_ratios(x1 * unit, y1, x2 * unit, y2).upper)


@given(rows=st.lists(st.tuples(pairs, pairs), min_size=1, max_size=30))
def test_people_with_several_trials(rows):
    k1, n1, k2, n2 = (np.array(c)[None] for c in zip(*((*a, *b) for a, b in rows), strict=True))
    check(clustered_ratio(k1, n1, k2, n2))
    check(clustered_rate(k1, n1))


finite = st.sampled_from([0.0, 1e-12, -1e-12, 1.0, -1.0, 1e12]) | st.floats(-1e3, 1e3)
variances = st.sampled_from([0.0, 1e-18, 1.0, 1e12]) | st.floats(0, 1e3)


@given(a=finite, b=finite, va=variances, vb=variances, r=st.floats(-0.99, 0.99))
@example(a=0.0, b=0.0, va=0.0, vb=0.0, r=0.0)
@example(a=1.0, b=0.0, va=1.0, vb=1.0, r=0.0)
@example(a=1.0, b=1e-12, va=1.0, vb=0.0, r=0.0)
def test_fieller_says_what_it_cannot(a, b, va, vb, r):
    found = fieller([a], [b], va, vb, r * np.sqrt(va * vb))
    one = found.at(0)
    if one.state.value in ("two rays", "unbounded", "undefined"):
        assert one.why
        assert one.lower is None
        assert one.upper is None
    else:
        assume(max(abs(a), abs(b)) < 1e9)
        assert one.lower <= one.value + 1e-6 * max(1, abs(one.value))
        assert one.value <= one.upper + 1e-6 * max(1, abs(one.value))
