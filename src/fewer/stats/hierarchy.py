"""Families within families: programme, family, segment; a leaf is tested only if its parent passes.

A programme of hundreds of segments has one first question: does it work at all? Then: in which
families? Then: in which segments? Testing downwards spends the chance of error where the answer
above gave reason to look, and says of the others that they were not tested, not that they failed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from fewer.stats.estimate import Floats
from fewer.stats.multiplicity import benjamini_hochberg


class Outcome(StrEnum):
    """What became of one node."""

    PASSED = "passed"
    FAILED = "not shown"
    UNTESTED = "not tested, what it belongs to did not pass"
    NO_FIGURE = "no p-value"


@dataclass(frozen=True, slots=True)
class Node:
    """One hypothesis after testing."""

    outcome: Outcome
    adjusted: float | None  # p-value adjusted among those of the same parent, then for the path


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """A p-value and what it belongs to; None at the top."""

    p: float | None
    parent: str | None = None


def downwards(
    tree: Mapping[str, Hypothesis],
    *,
    level: float = 0.05,
    adjust: Callable[[Floats], Floats] = benjamini_hochberg,
) -> dict[str, Node]:
    """Test a tree of hypotheses from its top.

    Args:
        tree: Name -> its p-value and its parent's name.
        level: Chance of error spent at each level, a fraction.
        adjust: Adjustment among the children of one parent: a function of `multiplicity`.

    Returns:
        Name -> outcome, in the order given. The adjusted p-value of a node is never below its
        parent's, so "at most the level" means "passed" wherever it is read.

    Raises:
        ValueError: A parent is not in the tree, a node is its own ancestor, or a p-value is not
            between 0 and 1.

    Source:
        Yekutieli (2008), JASA 103, 309-316: within each family the false discovery rate is at
        most the level; over the whole tree it is bounded by about twice that.

    Example:
        >>> tree = {
        ...     "programme": Hypothesis(0.001),
        ...     "carts": Hypothesis(0.004, "programme"),
        ...     "content": Hypothesis(0.4, "programme"),
        ...     "carts-7d": Hypothesis(0.01, "carts"),
        ...     "guides": Hypothesis(0.001, "content"),
        ... }
        >>> for name, node in downwards(tree).items():
        ...     print(name, node.outcome.value, node.adjusted, sep=": ")
        programme: passed: 0.001
        carts: passed: 0.008
        content: not shown: 0.4
        carts-7d: passed: 0.01
        guides: not tested, what it belongs to did not pass: None
    """
    _check(tree)
    children: dict[str | None, list[str]] = {}
    for name, node in tree.items():
        children.setdefault(node.parent, []).append(name)
    found: dict[str, Node] = {}
    open_parents: list[tuple[str | None, float]] = [(None, 0.0)]
    while open_parents:
        parent, least = open_parents.pop()
        names = children.get(parent, [])
        values = np.array([np.nan if (p := tree[n].p) is None else p for n in names])
        for name, value in zip(names, adjust(values).tolist(), strict=True):
            if np.isnan(value):
                found[name] = Node(Outcome.NO_FIGURE, None)
                continue
            raised = max(value, least)
            passed = raised <= level
            found[name] = Node(Outcome.PASSED if passed else Outcome.FAILED, raised)
            if passed:
                open_parents.append((name, raised))
    return {name: found.get(name, Node(Outcome.UNTESTED, None)) for name in tree}


def _check(tree: Mapping[str, Hypothesis]) -> None:
    for name, node in tree.items():
        above, seen = node.parent, {name}
        while above is not None:
            if above not in tree:
                raise ValueError(f"{above!r}, the parent of {name!r}, is not in the tree")
            if above in seen:
                raise ValueError(f"{name!r} is its own ancestor")
            seen.add(above)
            above = tree[above].parent
