"""Ratios clustered by person: against a bootstrap of people, against sizes, and their coverage."""

import os

import numpy as np
import pytest

from fewer.stats.cluster import (
    LEAST_CONVERTED,
    clustered_rate,
    clustered_ratio,
    stratified_ratio,
    times_more,
)

SOAK = int(os.environ.get("FEWER_SOAK", "1"))


def drawn(rng, shape, *, base, ratio, weeks):
    """People of very different habits: weeks in two groups, and conversions after them."""
    often = rng.gamma(1.0, 1.0, shape)
    propensity = rng.gamma(1.0, 1.0, shape)
    n1 = rng.binomial(weeks, np.clip(often / (1 + often), 0.02, 0.95) * 0.5)
    n2 = rng.binomial(weeks - n1, 0.4)
    k1 = rng.binomial(n1, np.minimum(base * ratio * propensity, 1))
    return k1, n1, rng.binomial(n2, np.minimum(base * propensity, 1)), n2


def bootstrap(rng, k1, n1, k2, n2, draws):
    """Percentile limits of the ratio over people drawn with replacement."""
    drawn = rng.multinomial(len(k1), np.full(len(k1), 1 / len(k1)), size=draws)
    ratio = (drawn @ k1 / (drawn @ n1)) / (drawn @ k2 / (drawn @ n2))
    return np.quantile(ratio, [0.025, 0.975])


def test_a_bootstrap_of_people_agrees():
    rng = np.random.default_rng(5)
    sums = drawn(rng, 3_000, base=0.03, ratio=1.4, weeks=20)
    found = clustered_ratio(*sums).at()
    low, high = bootstrap(rng, *sums, draws=2_000)
    assert found.lower == pytest.approx(low, rel=0.03)
    assert found.upper == pytest.approx(high, rel=0.03)


def test_weeks_of_one_person_are_not_people():
    """Counting each week as a person of its own would make the interval far too narrow."""
    rng = np.random.default_rng(6)
    loyal = rng.random(400) < 0.1
    n1 = n2 = np.full(400, 20)
    k1, k2 = (rng.binomial(20, np.where(loyal, 0.5, 0.01)) for _ in range(2))
    rows = np.repeat(np.arange(400), 20)
    apart = [(np.arange(20)[None] < k[:, None]).ravel() for k in (k1, k2)]
    ones = np.ones(len(rows))
    wide = clustered_rate([k1], [n1]).at(0)
    narrow = clustered_rate([apart[0]], [ones]).at(0)
    assert wide.upper - wide.lower > 1.8 * (narrow.upper - narrow.lower)
    # The same people on both sides: what is theirs cancels.
    paired = clustered_ratio([k1], [n1], [k2], [n2]).at(0)
    unpaired = clustered_ratio(
        [np.r_[k1, np.zeros(400)]], [np.r_[n1, np.zeros(400)]],
        [np.r_[np.zeros(400), k2]], [np.r_[np.zeros(400), n2]],
    ).at(0)  # fmt: skip
    assert paired.upper - paired.lower < 0.8 * (unpaired.upper - unpaired.lower)


def test_what_is_not_there_is_said():
    two = np.array([2.0] * 20)
    none = np.zeros(20)
    some = np.r_[np.ones(10), none[:10]]
    few = np.r_[np.ones(4), none[:16]]
    assert clustered_ratio([some], [two], [none], [two]).at(0).why.startswith("none in the compar")
    assert clustered_ratio([none], [two], [none], [two]).at(0).value is None
    assert clustered_ratio([none], [none], [some], [two]).at(0).why.startswith("no people")
    sparse = clustered_ratio([few], [two], [some], [two]).at(0)
    assert (sparse.value, sparse.lower, sparse.p) == (0.4, None, None)
    assert clustered_ratio([none], [two], [some], [two]).at(0).value == 0.0
    assert clustered_rate([none], [two]).at(0).value == 0.0
    with pytest.raises(ValueError, match="whole numbers"):
        clustered_ratio([two + 1], [two], [some], [two])


@pytest.mark.parametrize("strata", [1, 5])
def test_one_stratum_is_the_plain_ratio(strata):
    """And strata that say nothing about the outcome change next to nothing."""
    rng = np.random.default_rng(7)
    k1, n1, k2, n2 = drawn(rng, 2_000, base=0.05, ratio=1.5, weeks=10)
    plain = clustered_ratio(k1, n1, k2, n2).at()
    rows = []
    for first, k, n in ((True, k1, n1), (False, k2, n2)):
        who = np.repeat(np.arange(2_000), n)
        nth = np.arange(len(who)) - np.repeat(np.cumsum(n) - n, n)
        rows.append((who, np.full(len(who), first), nth < np.repeat(k, n)))
    who, first, bought = (np.concatenate(parts) for parts in zip(*rows, strict=True))
    found = stratified_ratio(who, first, bought, rng.integers(0, strata, len(who))).at(0)
    tolerance = 1e-9 if strata == 1 else 0.02
    assert found.value == pytest.approx(plain.value, rel=tolerance)
    assert found.lower == pytest.approx(plain.lower, rel=0.02)
    assert found.upper == pytest.approx(plain.upper, rel=0.02)


def test_strata_take_away_what_they_make():
    """Active people are in the first group more often and buy more often: no more than that."""
    rng = np.random.default_rng(8)
    active = rng.integers(0, 4, 20_000)
    first = rng.random(20_000) < 0.1 + 0.2 * active
    bought = rng.random(20_000) < 0.01 + 0.03 * active
    who = np.arange(20_000)
    raw = stratified_ratio(who, first, bought, np.zeros(20_000)).at(0)
    adjusted = stratified_ratio(who, first, bought, active).at(0)
    assert raw.lower > 1.4
    assert adjusted.lower < 1 < adjusted.upper
    none = stratified_ratio(who, first, bought, np.where(first, 0, 1)).at(0)
    assert none.why == "no stratum holds people of both groups"


def test_people_needed():
    assert times_more(0.8, 1.25, 2.4) == 1.0
    assert times_more(0.8, 1.9, 1.26) > times_more(0.8, 1.9, 1.5) > 1


CASES = [
    pytest.param(people, base, ratio, weeks, marks=() if quick else pytest.mark.slow)
    for people in (100, 250, 1_000, 2_000)
    for base in (0.005, 0.02, 0.1)
    for ratio in (1.0, 2.4)
    for weeks in (1, 12)
    for quick in [(people, base, weeks) in ((250, 0.02, 12), (1_000, 0.1, 1))]
]


@pytest.mark.parametrize("people,base,ratio,weeks", CASES)
def test_coverage(people, base, ratio, weeks):
    """Intervals hold the truth as often as promised wherever they are offered."""
    rng = np.random.default_rng([people, weeks, round(base * 1000), round(ratio * 10)])
    reps = (1_000 if people <= 250 else 400) * SOAK
    found = clustered_ratio(*drawn(rng, (reps, people), base=base, ratio=ratio, weeks=weeks))
    offered = ~np.isnan(found.lower)
    if offered.sum() < 100:  # too few conversions: withheld, which is what is promised
        return
    inside = ((found.lower <= ratio) & (ratio <= found.upper))[offered]
    error = 3 * np.sqrt(0.95 * 0.05 / offered.sum())
    assert inside.mean() > 0.95 - error


@pytest.mark.parametrize(
    "people,base", [(250, 0.05), pytest.param(1_000, 0.02, marks=pytest.mark.slow)]
)
def test_coverage_within_strata(people, base):
    """The same where activity decides both, and is stratified on; the truth is 1.6 in each."""
    rng = np.random.default_rng([people, 3])
    weeks, reps = 8, 300 * SOAK
    inside = offered = 0
    for _ in range(reps):
        active = rng.integers(0, 3, people)
        propensity = rng.gamma(2.0, 0.5, people)
        first = rng.random((weeks, people)) < 0.15 + 0.2 * active
        rate = base * (0.5 + active) * propensity * np.where(first, 1.6, 1.0)
        bought = rng.random((weeks, people)) < np.minimum(rate, 1)
        strata = (np.arange(weeks)[:, None] * 3 + active).ravel()
        who = np.tile(np.arange(people), weeks)
        found = stratified_ratio(who, first.ravel(), bought.ravel(), strata).at(0)
        if found.lower is not None:
            offered += 1
            inside += found.lower <= 1.6 <= found.upper
    assert offered > reps / 2
    assert inside / offered > 0.95 - 3 * np.sqrt(0.95 * 0.05 / offered)


def test_least_converted_is_what_the_simulation_was_made_with():
    assert LEAST_CONVERTED == 5
