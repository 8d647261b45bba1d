import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from fewer.stats.mean import LEAST_VALUES, mean, mean_difference, mean_ratio, moments

amounts = st.lists(st.integers(1, 5000), min_size=LEAST_VALUES, max_size=60).filter(
    lambda v: len(set(v)) > 1
)


def sums(values):
    values = np.asarray(values, dtype=float)
    return moments([values.size], [values.sum()], [(values**2).sum()], [np.count_nonzero(values)])


@given(first=amounts, second=amounts)
def test_without_zeros_it_is_welchs_test(first, second):
    found = mean_difference(sums(first), sums(second)).at(0)
    expected = stats.ttest_ind(first, second, equal_var=False)
    assert found.p == pytest.approx(expected.pvalue, rel=1e-6, abs=1e-12)
    if max(len(first), len(second)) <= 4 * min(len(first), len(second)):
        interval = expected.confidence_interval(0.95)
        assert (found.lower, found.upper) == pytest.approx(
            (interval.low, interval.high), rel=1e-6, abs=1e-6
        )


@given(first=amounts, second=amounts)
def test_ratio_mirrors_and_holds_its_value(first, second):
    there, back = (
        mean_ratio(sums(first), sums(second)).at(0),
        mean_ratio(sums(second), sums(first)).at(0),
    )
    assert there.lower <= there.value <= there.upper
    assert (there.lower, there.upper) == pytest.approx((1 / back.upper, 1 / back.lower))


def test_sums_of_a_part_and_the_rest_are_those_of_everyone():
    rng = np.random.default_rng(3)
    values = rng.lognormal(0, 1, 500) * (rng.random(500) < 0.4)
    everyone, part = sums(values), sums(values[:120])
    rest = everyone - part
    assert rest.mean[0] == pytest.approx(values[120:].mean())
    assert rest.error[0] == pytest.approx(values[120:].var(ddof=1) / 380)
    assert (rest + part).mean[0] == pytest.approx(values.mean())


def test_few_people_with_a_value_have_an_average_but_no_interval():
    few = [5.0] * 4 + [7.0] * 15 + [0.0] * 400
    for found in (
        mean(sums(few)).at(0),
        mean_difference(sums(few), sums(few * 2)).at(0),
        mean_ratio(sums(few), sums(few * 2)).at(0),
    ):
        assert found.value is not None
        assert (found.lower, found.upper, found.p, found.state) == (None, None, None, "no interval")
        assert "too few people with a value" in found.why


def test_an_average_of_nothing_is_undefined():
    none = moments([0.0], [0.0], [0.0], [0.0])
    assert mean(none).at(0).state == "undefined"
    assert mean_ratio(sums([1.0] * 30), moments([50.0], [0.0], [0.0], [0.0])).at(0).value is None


def test_a_small_group_beside_a_large_rest_gets_the_skewed_interval():
    rng = np.random.default_rng(5)
    small, large = (rng.lognormal(0, 1, n) * (rng.random(n) < 0.2) for n in (300, 9000))
    found = mean_difference(sums(small), sums(large)).at(0)
    assert found.upper - found.value > found.value - found.lower > 0


@pytest.mark.parametrize(
    "bad", [(-1, 0, 0, 0), (5, 10, 1, 5), (5, 1, 1, 6), (5, float("nan"), 1, 1), (5, 1, np.inf, 1)]
)
def test_sums_that_no_amounts_have_are_refused(bad):
    with pytest.raises(ValueError, match=r"people|squares|finite"):
        moments(*([x] for x in bad))
