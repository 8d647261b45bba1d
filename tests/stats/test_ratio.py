import numpy as np
import pytest

from fewer.stats.count import cost_per_event, poisson
from fewer.stats.ratio import LEAST_CLUSTERS, ratio_of_ratios, ratio_of_sums


@pytest.fixture(name="days")
def _days():
    rng = np.random.default_rng(1)
    clicks = rng.poisson(80, (3, 28)).astype(float)
    return clicks * rng.lognormal(-0.4, 0.2, (3, 28)), clicks


def test_interval_is_the_jackknifes(days):
    """Leaving one day out at a time, done in full, gives nearly the same spread."""
    spend, clicks = days
    found = ratio_of_sums(spend, clicks)
    for row in range(3):
        out = [
            np.log(np.delete(spend[row], d).sum() / np.delete(clicks[row], d).sum())
            for d in range(28)
        ]
        error = np.sqrt(27 * np.var(out))
        one = found.at(row)
        half = np.log(one.upper / one.lower) / 2
        assert half == pytest.approx(2.0518 * error, rel=0.01)
        assert one.value == pytest.approx(spend[row].sum() / clicks[row].sum())


def test_it_is_a_ratio_of_sums_not_a_mean_of_ratios():
    x, y = np.tile([1.0, 100.0], 10), np.tile([1.0, 1000.0], 10)
    assert ratio_of_sums([x], [y]).at(0).value == pytest.approx(101 / 1001)


def test_shared_days_cancel():
    """Days that are dear for both sides move neither the comparison nor its interval."""
    rng = np.random.default_rng(2)
    clicks = rng.poisson(100, (2, 30)).astype(float)
    calm = clicks * rng.lognormal(0, 0.05, (2, 30)) * [[0.8], [1.0]]
    wild = calm * rng.lognormal(0, 0.8, 30)
    a = ratio_of_ratios([calm[0]], [clicks[0]], [calm[1]], [clicks[1]]).at(0)
    b = ratio_of_ratios([wild[0]], [clicks[0]], [wild[1]], [clicks[1]]).at(0)
    alone = ratio_of_sums([wild[0]], [clicks[0]]).at(0)
    assert b.upper / b.lower < 1.5 * (a.upper / a.lower)
    assert b.upper / b.lower < 0.7 * (alone.upper / alone.lower)
    assert a.p < 0.001


def test_empty_days_change_nothing(days):
    spend, clicks = days
    idle = np.zeros((3, 60))
    found = ratio_of_sums(np.hstack([spend, idle]), np.hstack([clicks, idle]))
    plain = ratio_of_sums(spend, clicks)
    np.testing.assert_allclose(found.lower, plain.lower, rtol=1e-12)


def test_what_does_not_exist_says_so():
    days = np.ones((1, 20))
    assert ratio_of_sums(days * 0, days).at(0).state == "no interval"
    assert ratio_of_sums(days, days * 0).at(0).state == "undefined"
    few = np.ones((1, LEAST_CLUSTERS - 1))
    assert "too few days" in ratio_of_sums(few, few).at(0).why
    assert ratio_of_ratios(days, days, days, days * 0).at(0).value is None


@pytest.mark.parametrize("bad", [([[1.0, -1.0]], [[1.0, 1.0]]), ([[1.0]], [[1.0, 2.0]])])
def test_impossible_sums_are_refused(bad):
    with pytest.raises(ValueError, match="sums"):
        ratio_of_sums(*bad)


def test_exact_count_agrees_with_statsmodels():
    from statsmodels.stats.rates import confint_poisson

    seen = np.array([0, 1, 3, 9, 250])
    found = poisson(seen, 12.5)
    low, high = confint_poisson(seen, 12.5, method="exact-c")
    np.testing.assert_allclose(found.lower, np.nan_to_num(low), rtol=1e-9)
    np.testing.assert_allclose(found.upper, high, rtol=1e-9)


def test_cost_per_event_turns_the_count_over():
    found, count = cost_per_event([500.0], [7]).at(0), poisson([7]).at(0)
    assert (found.lower, found.upper) == pytest.approx((500 / count.upper, 500 / count.lower))
    none = cost_per_event([500.0], [0]).at(0)
    assert (none.value, none.upper, none.state) == (None, None, "unbounded above")
    assert none.lower == pytest.approx(500 / 3.688879, rel=1e-6)
    free = poisson([1], 0).at(0)
    assert free.state == "undefined"


@pytest.mark.parametrize("bad", [(-1, 1), (1.5, 1), (1, -1), (float("nan"), 1)])
def test_impossible_counts_are_refused(bad):
    with pytest.raises(ValueError, match="count"):
        poisson([bad[0]], [bad[1]])
