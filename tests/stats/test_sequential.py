import math

import numpy as np
import pytest

from fewer.stats.mean import Moments, moments
from fewer.stats.sequential import (
    LEAST_EVENTS,
    confidence_sequence,
    lower_sequence,
    mean_difference_sequence,
    mean_ratio_sequence,
    rate_difference_sequence,
    rate_ratio_sequence,
    sequential_split,
)


def daily(rng, worlds, looks, a_day, rates):
    """Cumulative conversions and people of two groups, shape (worlds, looks)."""
    n = np.cumsum(np.full((worlds, looks), a_day), axis=1)
    return [
        x for p in rates for x in (np.cumsum(rng.binomial(a_day, p, (worlds, looks)), axis=1), n)
    ]


def ever_wrong(found, truth):
    """Share of worlds in which some look's interval leaves out the truth."""
    out = (found.lower > truth) | (found.upper < truth)
    return out.any(axis=1).mean()


def check_looks(a_day, base, ratio, worlds):
    rng = np.random.default_rng(a_day)
    table = daily(rng, worlds, 28, a_day, (base * ratio, base))
    planned = 56 * a_day
    slack = 3 * math.sqrt(0.0475 / worlds)
    for found, truth in (
        (rate_difference_sequence(*table, planned=planned), base * ratio - base),
        (rate_ratio_sequence(*table, planned=planned), ratio),
    ):
        assert ever_wrong(found, truth) <= 0.05 + slack, (a_day, base)


@pytest.mark.parametrize("a_day, base, ratio", [(100, 0.02, 1.0), (50, 0.1, 1.5), (500, 0.005, 1)])
def test_all_looks_of_a_month_hold_together(a_day, base, ratio):
    check_looks(a_day, base, ratio, 1000)


@pytest.mark.parametrize("n, base", [(2000, 0.05), (20_000, 0.02)])
def test_outcomes_that_come_in_after_all_were_assigned(n, base):
    """The clock is then conversions, not people, who are all there from the first look on."""
    rng = np.random.default_rng(n)
    worlds, looks = 1500, 28
    daily_share = np.full(looks, base / looks)
    k1, k2 = (
        np.cumsum(rng.multinomial(n, [*daily_share, 1 - base], worlds)[:, :looks], axis=1)
        for _ in range(2)
    )
    table = k1, np.full_like(k1, n), k2, np.full_like(k2, n)
    planned = 2 * n * base
    for sequence, truth in ((rate_difference_sequence, 0.0), (rate_ratio_sequence, 1.0)):
        found = sequence(*table, planned=planned, so_far=k1 + k2)
        assert ever_wrong(found, truth) <= 0.05 + 3 * math.sqrt(0.0475 / worlds)


def test_each_row_may_have_its_own_plan():
    both = confidence_sequence([0.1, 0.1], 0.05, 500, planned=[500, 5000])
    alone = [confidence_sequence([0.1], 0.05, 500, planned=m).at(0) for m in (500, 5000)]
    assert [both.at(0), both.at(1)] == alone


@pytest.mark.slow
@pytest.mark.parametrize("a_day", [10, 50, 200, 1000])
@pytest.mark.parametrize("base", [0.005, 0.02, 0.1])
@pytest.mark.parametrize("ratio", [1.0, 1.5])
def test_all_looks_hold_together_everywhere(a_day, base, ratio, soak):
    check_looks(a_day, base, ratio, 4000 * soak)


def test_peeking_at_ordinary_intervals_is_wrong_one_time_in_four():
    rng = np.random.default_rng(1)
    k1, n1, k2, n2 = daily(rng, 2000, 28, 500, (0.02, 0.02))
    p1, p2 = k1 / n1, k2 / n2
    error = np.sqrt(p1 * (1 - p1) / n1 + p2 * (1 - p2) / n2)
    z = (p1 - p2) / error
    assert (np.abs(z) > 1.96).any(axis=1).mean() > 0.2
    found = rate_difference_sequence(k1, n1, k2, n2, planned=28_000)
    assert (found.p < 0.05).any(axis=1).mean() < 0.05
    wide = ((found.upper - found.lower) / (2 * 1.96 * error))[:, -1]
    assert np.nanmedian(wide) == pytest.approx(1.5, abs=0.1)


def test_p_and_interval_say_the_same():
    values = np.linspace(-4, 4, 81)
    found = confidence_sequence(values, np.ones(81), np.full(81, 500.0), planned=800)
    outside = (found.lower > 0) | (found.upper < 0)
    np.testing.assert_array_equal(outside, found.p < 0.05)


def test_the_interval_is_narrowest_where_it_was_planned():
    error = 0.1
    widths = [
        float(confidence_sequence([0.0], [error], [1000], planned=m).upper[0])
        for m in (100, 500, 1000, 2000, 10_000)
    ]
    assert min(widths) == pytest.approx(widths[2], rel=0.01)
    assert widths[0] > widths[2] < widths[4]


def test_a_one_sided_limit_is_nearer():
    both = confidence_sequence([0.5], [0.1], [500], planned=500, confidence=0.95)
    assert both.lower[0] < lower_sequence([0.5], [0.1], [500], planned=500)[0] < 0.5


def paid(rng, looks, a_day, worlds=400):
    shape = (worlds, looks, a_day)
    x = rng.lognormal(2, 0.7, shape) * (rng.random(shape) < 0.2)
    parts = (np.full((worlds, looks), float(a_day)), x.sum(2), (x**2).sum(2), (x > 0).sum(2))
    return Moments(*(np.cumsum(a, axis=1) for a in parts))


def test_amounts_hold_at_all_looks():
    rng = np.random.default_rng(3)
    first, second = paid(rng, 20, 60), paid(rng, 20, 60)
    slack = 3 * math.sqrt(0.0475 / 400)
    found = mean_difference_sequence(first, second, planned=2400)
    assert ever_wrong(found, 0.0) <= 0.05 + slack
    assert ever_wrong(mean_ratio_sequence(first, second, planned=2400), 1.0) <= 0.05 + slack


def test_before_there_is_enough_it_says_so():
    few = LEAST_EVENTS - 1
    found = rate_ratio_sequence([few], [500], [300], [500], planned=1000).at(0)
    assert (found.lower, found.p) == (None, None)
    assert "too few events" in found.why
    assert rate_ratio_sequence([0], [0], [0], [0], planned=10).at(0).value is None
    one = moments([9.0], [3.0], [5.0], [2.0])
    assert "too few people" in mean_difference_sequence(one, one, planned=10).at(0).why
    with pytest.raises(ValueError, match="planned"):
        confidence_sequence([0.1], [0.1], [10], planned=0)


@pytest.mark.parametrize("shares", [[1, 1], [0.9, 0.1], [1, 1, 2]])
def test_sound_splits_are_hardly_ever_called_broken(shares):
    rng = np.random.default_rng(len(shares))
    share = np.array(shares) / np.sum(shares)
    alarms = 0
    for _ in range(600):
        people = np.cumsum(rng.multinomial(200, share, size=40), axis=0)
        alarms += sequential_split(people, shares, level=0.05).broken.any()
    assert alarms / 600 <= 0.05 + 3 * math.sqrt(0.0475 / 600)


def test_a_broken_split_is_seen_and_stays_seen():
    rng = np.random.default_rng(1)
    people = np.cumsum(rng.multinomial(2000, [0.52, 0.48], size=30), axis=0)
    found = sequential_split(people, [1, 1])
    assert found.broken[-1]
    assert (np.diff(found.p) <= 0).all()
    real = sequential_split([[821_588, 815_482]], [1, 1])
    assert real.p[0] < 0.001


def test_order_of_the_groups_does_not_matter():
    one = sequential_split([[700, 300]], [0.7, 0.3]).p
    np.testing.assert_allclose(one, sequential_split([[300, 700]], [0.3, 0.7]).p)
    assert sequential_split([[0, 0]], [1, 1]).p[0] == 1.0


@pytest.mark.parametrize(
    "bad",
    [([[5]], [1]), ([[5, -1]], [1, 1]), ([[5, 5]], [1, 0]), ([[5, 5], [4, 6]], [1, 1]),
     ([[math.nan, 1]], [1, 1])],
)  # fmt: skip
def test_impossible_splits_are_refused(bad):
    with pytest.raises(ValueError, match=r"split check|counted"):
        sequential_split(*bad)
