import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from fewer.stats.hierarchy import Hypothesis, Outcome, downwards
from fewer.stats.multiplicity import benjamini_hochberg, benjamini_yekutieli, holm


def programme(p_top, families):
    tree = {"all": Hypothesis(p_top)}
    for i, (p, leaves) in enumerate(families):
        tree[f"f{i}"] = Hypothesis(p, "all")
        tree |= {f"f{i}-{j}": Hypothesis(leaf, f"f{i}") for j, leaf in enumerate(leaves)}
    return tree


@given(p=st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_yekutieli_agrees_with_statsmodels(p):
    np.testing.assert_allclose(
        benjamini_yekutieli(p), multipletests(p, method="fdr_by")[1], atol=1e-12
    )
    assert (benjamini_yekutieli(p) >= benjamini_hochberg(p) - 1e-12).all()


def test_a_leaf_is_tested_only_if_its_parent_passes():
    found = downwards(programme(0.01, [(0.02, [0.001, 0.5]), (0.4, [0.0001])]))
    assert [n.outcome.value[:10] for n in found.values()] == [
        "passed", "passed", "passed", "not shown", "not shown", "not tested",
    ]  # fmt: skip
    silent = downwards(programme(0.3, [(0.0001, [0.0001])]))
    assert silent["f0"].outcome is Outcome.UNTESTED
    assert silent["f0"].adjusted is None


def test_a_branch_without_p_values_is_closed():
    found = downwards(programme(None, [(0.001, [0.001])]))
    assert [n.outcome for n in found.values()] == [
        Outcome.NO_FIGURE, Outcome.UNTESTED, Outcome.UNTESTED,
    ]  # fmt: skip
    part = downwards(programme(0.01, [(0.001, [0.02, None])]), adjust=holm)
    assert part["f0-0"].outcome is Outcome.PASSED
    assert part["f0-0"].adjusted == 0.02


def test_adjusted_values_never_fall_on_the_way_down():
    found = downwards(programme(0.04, [(0.01, [0.001])]))
    assert [n.adjusted for n in found.values()] == [0.04, 0.04, 0.04]


def test_null_programmes_hardly_ever_show_a_segment():
    rng = np.random.default_rng(1)
    shown = 0
    for _ in range(600):
        families = [(rng.random(), rng.random(20).tolist()) for _ in range(8)]
        found = downwards(programme(rng.random(), families))
        shown += any(n.outcome is Outcome.PASSED for n in found.values())
    assert shown / 600 <= 0.05 + 3 * (0.0475 / 600) ** 0.5


@pytest.mark.parametrize(
    "tree, match",
    [
        ({"a": Hypothesis(0.1, "b")}, "not in the tree"),
        ({"a": Hypothesis(0.1, "b"), "b": Hypothesis(0.1, "a")}, "ancestor"),
        ({"a": Hypothesis(1.5)}, "between 0 and 1"),
    ],
)
def test_impossible_trees_are_refused(tree, match):
    with pytest.raises(ValueError, match=match):
        downwards(tree)
