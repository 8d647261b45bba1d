"""Simulated coverage: an interval that says 95 % holds the truth 95 times in 100, or more.

Where a method falls short it is not offered for those sizes, which is tested here too. The
default run covers corners of the grid with a few thousand worlds each; `slow` covers all
of it with many.
"""

import itertools
import math

import numpy as np
import pytest

from fewer.stats.count import cost_per_event, poisson
from fewer.stats.mean import mean_difference, mean_ratio, moments
from fewer.stats.proportion import difference, exact_p, log_ratio, rate, ratio
from fewer.stats.ratio import ratio_of_ratios, ratio_of_sums
from fewer.stats.stratified import mantel_haenszel_ratio

SIZES, RATES = (100, 250, 1000, 2000), (0.005, 0.01, 0.02, 0.05, 0.1)
TRUE_RATIOS, REST = (0.6, 1.0, 1.5, 2.5), (1, 4, 20, 100)
FEW, MANY = 10_000, 40_000

CORNERS = [
    (100, 0.005, 1.0, 1),
    (100, 0.02, 1.5, 1),
    (100, 0.02, 1.0, 100),
    (250, 0.005, 1.5, 4),
    (250, 0.02, 2.5, 20),
    (1000, 0.005, 0.6, 20),
    (1000, 0.1, 1.0, 1),
    (2000, 0.02, 1.5, 100),
]


def share_covered(found, truth):
    """Share of the intervals offered that hold the truth, and how many were offered."""
    offered = ~np.isnan(found.lower)
    held = (found.lower <= truth) & (truth <= found.upper)
    return held[offered].mean() if offered.any() else math.nan, int(offered.sum())


def at_least(share, offered, *, slack=0.0):
    """95 % less three Monte-Carlo standard errors, less what discreteness takes (`slack`)."""
    return share >= 0.95 - slack - 3 * math.sqrt(0.95 * 0.05 / max(offered, 1))


def two_groups(n, base, true_ratio, rest, worlds):
    rng = np.random.default_rng(hash((n, base, true_ratio, rest)) % 2**32)
    k1 = rng.binomial(n, base * true_ratio, worlds)
    k2 = rng.binomial(n * rest, base, worlds)
    return k1, np.full(worlds, n), k2, np.full(worlds, n * rest)


def check_rates(case, worlds):
    n, base, true_ratio, _ = case
    table = two_groups(*case, worlds)
    for found, truth in (
        (difference(*table), base * true_ratio - base),
        (ratio(*table), true_ratio),
    ):
        share, offered = share_covered(found, truth)
        # Counts of 1 to 5 jump: coverage of any interval that isn't wastefully wide swings by 1 %.
        slack = 0.01 if n * base * min(true_ratio, 1) < 5 else 0.003
        assert offered < worlds / 50 or at_least(share, offered, slack=slack), (case, share)


@pytest.mark.parametrize("case", CORNERS)
def test_difference_and_ratio_keep_their_promise(case):
    check_rates(case, FEW)


@pytest.mark.slow
@pytest.mark.parametrize("case", list(itertools.product(SIZES, RATES, TRUE_RATIOS, REST)))
def test_difference_and_ratio_keep_their_promise_everywhere(case, soak):
    check_rates(case, MANY * soak)


def test_the_log_ratio_fails_beside_a_large_rest_so_it_is_not_offered_there():
    table = two_groups(250, 0.005, 1.0, 100, FEW)
    share, offered = share_covered(log_ratio(*table), 1.0)
    assert offered == FEW
    assert share < 0.94
    assert {found.method for found in ratio(*(a[:50] for a in table))} == {"score (Koopman)"}


def test_nothing_is_offered_where_nothing_holds():
    table = two_groups(100, 0.002, 1.0, 100, FEW)
    assert share_covered(ratio(*table), 1.0)[1] == 0
    assert share_covered(difference(*table), 0.0)[1] == 0


@pytest.mark.parametrize("n, p", [(100, 0.05), (250, 0.02), (1000, 0.01), (2000, 0.1)])
def test_one_rate(n, p):
    k = np.random.default_rng(n).binomial(n, p, FEW)
    share, offered = share_covered(rate(k, n), p)
    assert at_least(share, offered, slack=0.01)


@pytest.mark.parametrize("case", CORNERS)
def test_exact_p_rejects_no_more_than_it_says(case):
    n, base, _, rest = case
    p = exact_p(*two_groups(n, base, 1.0, rest, FEW))
    for level in (0.05, 0.01, 0.001):
        assert (p <= level).mean() <= level + 3 * math.sqrt(level / FEW), (case, level)


def amounts(rng, worlds, n, p, skew):
    """Sums of `n` people of whom a share `p` spend a log-normal amount with mean 1."""
    buyers = rng.binomial(n, p, worlds)
    draws = rng.lognormal(-(skew**2) / 2, skew, (worlds, buyers.max()))
    draws *= np.arange(buyers.max()) < buyers[:, None]
    return moments(np.full(worlds, n), draws.sum(1), (draws**2).sum(1), buyers)


@pytest.mark.parametrize("n, p, rest", [(250, 0.1, 1), (1000, 0.03, 1), (1000, 0.03, 20)])
@pytest.mark.parametrize("skew, slack", [(0.5, 0.003), (1.0, 0.02)])
def test_amounts_per_person(n, p, rest, skew, slack):
    """Strong skew (log standard deviation 1) costs up to two points, as the module says."""
    rng = np.random.default_rng(n)
    first, second = (amounts(rng, FEW, m, p, skew) for m in (n, n * rest))
    for found, truth in ((mean_difference(first, second), 0.0), (mean_ratio(first, second), 1.0)):
        share, offered = share_covered(found, truth)
        assert offered > FEW / 2
        assert at_least(share, offered, slack=slack), share


def days(rng, worlds, many, wanted, swing):
    """Clicks by day and conversions from them, days differing by `swing` (log)."""
    clicks = rng.poisson(800 * rng.lognormal(0, 0.4, (worlds, many))) + 1.0
    odds = rng.lognormal(-(swing**2) / 2, swing, (worlds, many))
    return rng.poisson(clicks * odds * wanted / many / 800) + 0.0, clicks


@pytest.mark.parametrize("many, wanted, swing", [(14, 20, 0.0), (14, 200, 0.3), (28, 20, 0.3)])
def test_ratio_of_sums_over_days(many, wanted, swing):
    rng = np.random.default_rng(many)
    x, y = days(rng, FEW, many, wanted, swing)
    share, offered = share_covered(ratio_of_sums(x, y), wanted / many / 800)
    assert at_least(share, offered, slack=0.006), share


def test_two_ratios_over_shared_days():
    rng = np.random.default_rng(7)
    x1, y1 = days(rng, FEW, 21, 60, 0.2)
    x2, y2 = days(rng, FEW, 21, 600, 0.2)
    share, offered = share_covered(ratio_of_ratios(x1, y1, x2, y2), 0.1)
    assert at_least(share, offered, slack=0.006), share


@pytest.mark.parametrize("truth", [0.5, 3.0, 9.0])
def test_exact_counts_never_fall_short(truth):
    seen = np.random.default_rng(1).poisson(truth, FEW)
    assert at_least(*share_covered(poisson(seen), truth))
    assert at_least(*share_covered(cost_per_event(100.0, seen), 100 / truth))


@pytest.mark.parametrize(
    "rest, wanted, truth", [(1, 5, 1.0), (1, 20, 2.0), (20, 5, 1.0), (20, 15, 2.0)]
)
def test_ratio_within_strata(rest, wanted, truth):
    """Active people convert more and fill the segment: pooled within strata the ratio is right."""
    rng = np.random.default_rng(wanted)
    n1 = np.array([50, 100, 150, 300, 400])
    n2 = np.array([300, 250, 200, 150, 100]) * rest
    base = np.array([0.1, 0.3, 1.0, 2.0, 5.0])
    base = base * wanted / (base * n1).sum()
    k1, k2 = rng.binomial(n1, base * truth, (FEW, 5)), rng.binomial(n2, base, (FEW, 5))
    wide = np.broadcast_to(n1, k1.shape), np.broadcast_to(n2, k2.shape)
    share, offered = share_covered(mantel_haenszel_ratio(k1, wide[0], k2, wide[1]), truth)
    assert at_least(share, offered)
    crude = ratio(k1.sum(1), n1.sum(), k2.sum(1), n2.sum())
    assert share_covered(crude, truth)[0] < share


@pytest.mark.slow
@pytest.mark.parametrize(
    "many, wanted, swing", list(itertools.product((14, 21, 60), (15, 50, 400), (0.0, 0.2)))
)
def test_ratio_of_sums_over_days_everywhere(many, wanted, swing, soak):
    rng = np.random.default_rng(many)
    x, y = days(rng, 10_000 * soak, many, wanted, swing)
    share, offered = share_covered(ratio_of_sums(x, y), wanted / many / 800)
    assert at_least(share, offered, slack=0.006), share
