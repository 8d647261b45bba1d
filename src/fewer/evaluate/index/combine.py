"""Segments from leaves: formulas over bit sets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import assert_never

import numpy as np

from fewer.evaluate.index.layout import Array
from fewer.evaluate.plan import formula as f
from fewer.evaluate.plan.leaf import Leaf, is_constant
from fewer.evaluate.plan.plan import Plan


@dataclass
class Combiner:
    """Combines answers to leaves to segments, each after those it refers to."""

    plan: Plan
    universe: Array
    known: Mapping[Leaf, Array]
    matched: dict[str, Array] = field(default_factory=dict)
    members: dict[str, Array] = field(default_factory=dict)

    def run(self) -> None:
        """Fill `matched` and `members`."""
        for planned in self.plan.segments:
            where = self._formula(planned.where) & self.universe
            kept = where
            for other in planned.exclude:
                kept = kept & ~self.members[other]
            self.matched[planned.id] = where
            self.members[planned.id] = kept

    def _formula(self, formula: f.Formula) -> Array:
        match formula:
            case f.Holds():
                leaf = self.plan.leaves[formula.leaf]
                if is_constant(leaf):
                    return self._constant(leaf.default)
                return self.known[leaf]
            case f.MemberOf():
                return self.members[formula.segment]
            case f.Every():
                return self._joined(np.bitwise_and, formula.members, empty=True)
            case f.Some():
                return self._joined(np.bitwise_or, formula.members, empty=False)
            case f.NoneOf():
                return ~self._joined(np.bitwise_or, formula.members, empty=False)
            case f.Opposite():
                return ~self._formula(formula.member)
            case _:
                assert_never(formula)

    def _joined(self, how: np.ufunc, members: tuple[f.Formula, ...], *, empty: bool) -> Array:
        if not members:
            return self._constant(empty)
        found = self._formula(members[0])
        for member in members[1:]:
            found = how(found, self._formula(member))
        return found

    def _constant(self, value: bool) -> Array:
        return self.universe if value else np.zeros_like(self.universe)
