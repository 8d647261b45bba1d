import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fewer.stats.compare import Metric, compare_table
from fewer.stats.sums import sums, sums_of

people = st.integers(2, 60).flatmap(
    lambda n: st.tuples(
        st.lists(st.integers(0, 400), min_size=n, max_size=n),
        st.lists(st.integers(0, 9), min_size=n, max_size=n),
        st.integers(1, n - 1),
    )
)
METRICS = [
    Metric("conversion", "rate", "did"),
    Metric("revenue", "mean", "x"),
    Metric("per visit", "ratio", "x", "d"),
]


def whole(x, d):
    return sums_of({"x": x, "d": d}, np.zeros(len(x), int), 1)


@given(drawn=people)
def test_sums_of_parts_are_the_sums_of_all(drawn):
    x, d, cut = drawn
    parts = whole(x[:cut], d[:cut]) + whole(x[cut:], d[cut:])
    everyone = whole(x, d)
    for name in ("n", "totals", "products", "valued"):
        np.testing.assert_array_equal(getattr(parts, name), getattr(everyone, name))
    back = everyone - whole(x[:cut], d[:cut])
    np.testing.assert_array_equal(back.products, whole(x[cut:], d[cut:]).products)


@given(drawn=people)
def test_moments_are_numpys(drawn):
    x, d, _ = drawn
    found = whole(x, d)
    both = np.cov(x, d)
    assert found.covariance("x", "d")[0] == pytest.approx(both[0, 1], abs=1e-6)
    assert found.covariance("x", "x")[0] == pytest.approx(both[0, 0], abs=1e-6)
    assert found.mean("d")[0] == pytest.approx(np.mean(d))
    assert found.moments("x").valued[0] == np.count_nonzero(x)


def test_days_and_segments_merge_along_their_axis():
    rng = np.random.default_rng(1)
    x, row = rng.poisson(2, 600), rng.integers(0, 6, 600)
    by_day = sums_of({"x": x}, row, 6)
    table = sums([[1]], {"x": [[2.0]]}, {("x", "x"): [[4.0]]})
    assert table.merged(1).n.tolist() == [1.0]
    np.testing.assert_array_equal(by_day.merged().totals, sums_of({"x": x}, row * 0, 1)[0].totals)


def table_of(seed, segments, people):
    rng = np.random.default_rng(seed)
    rows = rng.integers(0, segments * 2, people)
    did = (rng.random(people) < 0.1).astype(float)
    x = did * rng.lognormal(3, 1, people)
    flat = sums_of({"did": did, "x": x, "d": 1.0 + rng.poisson(2, people)}, rows, segments * 2)
    return flat[np.arange(segments * 2).reshape(segments, 2)]


def test_a_table_is_its_rows_compared_one_by_one():
    table = table_of(2, 5, 8000)
    everything = compare_table(table, METRICS)
    for i in range(5):
        alone = compare_table(table[[i]], METRICS)
        for metric in METRICS:
            there, here = everything[metric.name], alone[metric.name]
            assert there.ratio.at(i, 0) == here.ratio.at(0, 0)
            assert there.difference.at(i, 0) == here.difference.at(0, 0)
            assert there.level.at(i, 1) == here.level.at(0, 1)


def test_money_in_another_unit_changes_no_ratio():
    table = table_of(3, 2, 4000)
    cents = sums(
        table.n,
        {k: table.total(k) * (100 if k == "x" else 1) for k in table.names},
        {
            (a, b): table.products[..., i, j] * 100 ** ((a == "x") + (b == "x"))
            for i, a in enumerate(table.names)
            for j, b in enumerate(table.names)
        },
        {k: table.moments(k).valued for k in table.names},
    )
    for name in ("revenue", "per visit"):
        one, other = (compare_table(t, METRICS)[name] for t in (table, cents))
        assert other.ratio.lower == pytest.approx(one.ratio.lower, rel=1e-9)
        assert other.difference.upper == pytest.approx(100 * one.difference.upper, rel=1e-9)


def test_three_arms_are_held_against_the_one_named():
    arms = sums_of({"did": [1, 0, 1, 1, 0, 1] * 50}, [0, 0, 1, 1, 2, 2] * 50, 3)[None]
    found = compare_table(arms, METRICS[:1], comparison=2)["conversion"]
    assert found.ratio.value.shape == (1, 2)
    assert found.ratio.value[0].tolist() == [1.0, 2.0]
    with pytest.raises(ValueError, match="two arms"):
        compare_table(arms[:, :1], METRICS[:1])


@pytest.mark.parametrize("n", [0, 1])
def test_nobody_and_one_person_have_no_interval(n):
    few = sums_of({"did": [1.0] * n, "x": [5.0] * n, "d": [1.0] * n}, [0] * n, 2)[None]
    for found in compare_table(few, METRICS).values():
        for one in (found.ratio.at(0, 0), found.difference.at(0, 0)):
            assert (one.lower, one.upper) == (None, None)
            assert one.why


@pytest.mark.parametrize("value", [0.0, 1.0, 1e12])
def test_constant_and_huge_amounts_give_plain_numbers(value):
    same = sums_of({"did": [1.0] * 200, "x": [value] * 200, "d": [2.0] * 200}, [0, 1] * 100, 2)[
        None
    ]
    for found in compare_table(same, METRICS).values():
        for one in (found.level.at(0, 0), found.ratio.at(0, 0), found.difference.at(0, 0)):
            assert all(x is None or np.isfinite(x) for x in (one.value, one.lower, one.upper))


@pytest.mark.parametrize(
    "bad",
    [
        ([np.nan], [1], [1]),
        ([-1], [0], [0]),
        ([10], [np.nan], [1]),
        ([10], [10], [1]),
        ([10], [1], [np.inf]),
    ],
)
def test_sums_that_no_people_have_are_refused(bad):
    n, total, squares = bad
    with pytest.raises(ValueError, match=r"finite|count|squares"):
        sums(n, {"x": total}, {("x", "x"): squares})


def test_what_was_not_measured_is_named():
    one = sums([5], {"x": [3], "d": [4]}, {("x", "x"): [3], ("d", "d"): [4]})
    with pytest.raises(ValueError, match=r"'spend'.* there are x, d"):
        one.mean("spend")
    with pytest.raises(ValueError, match="'x' and 'd' is missing"):
        one.covariance("x", "d")
    with pytest.raises(ValueError, match="different amounts"):
        one + sums([5], {"x": [3]}, {("x", "x"): [3]})
