"""Other ways to find small groups that convert: subgroup search, leaves of trees, clusters.

Each takes a cohort and gives the rules it would show, as sets of features that are all there; a
way without rules gives the people of each group. Nothing is tuned to the worlds it is tried on.
"""

# ruff: noqa: PLC0415  packages that need not be installed

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from scipy import sparse

from fewer.journey.discover.search import Cohort

SHOWN: Final = 30
"""Rules of a list that somebody would read."""

BAND: Final = (200, 2_000)
Rules = list[tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class Way:
    """A way, the package it needs, and what it gives."""

    name: str
    needs: str
    run: Callable[[Cohort], tuple[Rules, list[np.ndarray]]]
    most_people: int = 10**9


def leaves_of_boosting(cohort: Cohort) -> tuple[Rules, list[np.ndarray]]:
    """LightGBM, a hundred trees of depth 4: the conditions of a leaf that ask for a feature."""
    import lightgbm

    x, y = _table(cohort), cohort.converted.astype(int)
    made = lightgbm.LGBMClassifier(
        n_estimators=100, max_depth=4, num_leaves=16, min_child_samples=BAND[0], n_jobs=2,
        verbose=-1, random_state=0,
    ).fit(x, y)  # fmt: skip
    found = {
        rule for tree in made.booster_.dump_model()["tree_info"]
        for rule in _leaves(tree["tree_structure"], ())
    }  # fmt: skip
    return _best(cohort, found), []


def _table(cohort: Cohort) -> sparse.csr_matrix:
    """Who has which feature, with the indices of 32 bits that the others take."""
    x = cohort.matrix.csr()
    parts = x.data.astype(np.float32), x.indices.astype(np.int32), x.indptr.astype(np.int32)
    return sparse.csr_matrix(parts, shape=x.shape)


def _leaves(node: dict[str, Any], asked: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    if "split_feature" not in node:
        yield tuple(sorted(set(asked)))
        return
    yield from _leaves(node["left_child"], asked)
    yield from _leaves(node["right_child"], (*asked, int(node["split_feature"])))


def leaves_of_a_tree(cohort: Cohort) -> tuple[Rules, list[np.ndarray]]:
    """One CART of 400 leaves: the same conditions."""
    from sklearn.tree import DecisionTreeClassifier

    made = DecisionTreeClassifier(
        max_leaf_nodes=400, min_samples_leaf=BAND[0], random_state=0
    ).fit(_table(cohort), cohort.converted)  # fmt: skip
    tree, found = made.tree_, set()
    stack: list[tuple[int, tuple[int, ...]]] = [(0, ())]
    while stack:
        node, asked = stack.pop()
        if tree.children_left[node] < 0:
            found.add(tuple(sorted(set(asked))))
            continue
        stack.append((tree.children_left[node], asked))
        stack.append((tree.children_right[node], (*asked, int(tree.feature[node]))))
    return _best(cohort, found), []


def clusters(cohort: Cohort) -> tuple[Rules, list[np.ndarray]]:
    """k-means in twenty dimensions, as many clusters as bring them to a thousand people."""
    from sklearn.cluster import MiniBatchKMeans
    from sklearn.decomposition import TruncatedSVD

    x = _table(cohort)
    near = TruncatedSVD(20, random_state=0).fit_transform(x)
    wanted = max(x.shape[0] // 1_000, 2)
    label = MiniBatchKMeans(wanted, random_state=0, n_init=1, batch_size=10_000).fit_predict(near)
    groups = [np.flatnonzero(label == n) for n in range(wanted)]
    rate = [cohort.converted[g].mean() if len(g) >= BAND[0] else 0.0 for g in groups]
    return [], [groups[n] for n in np.argsort(rate)[::-1][:SHOWN]]


def subgroups(cohort: Cohort) -> tuple[Rules, list[np.ndarray]]:
    """pysubgroup, beam search over up to three features, standard quality with exponent 0.5."""
    import pandas as pd
    import pysubgroup as ps

    x = cohort.matrix.csr().astype(bool).toarray()
    table = pd.DataFrame(x, columns=[f"f{n}" for n in range(x.shape[1])])
    table["converted"] = cohort.converted
    target = ps.BinaryTarget("converted", True)
    space = [ps.EqualitySelector(name, True) for name in table.columns[:-1]]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        task = ps.SubgroupDiscoveryTask(
            table, target, space, result_set_size=SHOWN, depth=3, qf=ps.StandardQF(0.5),
            constraints=[ps.MinSupportConstraint(BAND[0])],
        )  # fmt: skip
        found = ps.BeamSearch(beam_width=50).execute(task)
    rules = [
        tuple(sorted(int(s.attribute_name[1:]) for s in rule.selectors))
        for _, rule, _ in found.results
    ]
    return rules, []


def _best(cohort: Cohort, found: set[tuple[int, ...]]) -> Rules:
    """Rules in the band by the share that converts, the highest first."""
    rated = []
    for rule in found:
        people = cohort.matrix.members(rule) if rule else ()
        if BAND[0] <= len(people) <= BAND[1]:
            rated.append((float(cohort.converted[people].mean()), rule))
    return [rule for _, rule in sorted(rated, reverse=True)[:SHOWN]]


WAYS: Final = (
    Way("LightGBM, leaves of 100 trees", "lightgbm", leaves_of_boosting),
    Way("CART, 400 leaves", "sklearn", leaves_of_a_tree),
    Way("SVD and k-means", "sklearn", clusters),
    Way("pysubgroup, beam 50, depth 3", "pysubgroup", subgroups, 100_000),
)
