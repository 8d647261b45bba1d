"""Look-alikes: people outside a segment, ranked by how much they do what its people do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fewer.journey.discover.baseline import fit
from fewer.journey.discover.matrix import Flags, Floats, Matrix

SIZES: Final = (200, 500, 1_000, 2_000, 5_000, 10_000)
_SIGNALS: Final = 5


@dataclass(frozen=True, slots=True)
class Ranking:
    """Scores of everyone, and how well they tell members from others."""

    scores: Floats  # (people,), the chance to be a member by what a person does
    auc: float  # a member above a non-member, on people kept aside
    signals: tuple[tuple[int, float], ...]  # features, and how much commoner among members


def rank(matrix: Matrix, inside: Flags, activity: Floats, *, seed: int = 0) -> Ranking:
    """Scores from a logistic model of membership on features and activity.

    A third of the people is kept aside to say how well it does.
    """
    aside = np.random.default_rng(seed).random(matrix.people) < 1 / 3
    learnt = fit(matrix.rows(~aside), inside[~aside], activity[~aside], bends=False, seed=seed)
    whole = fit(matrix, inside, activity, bends=False, seed=seed)
    weights = learnt.rules
    line = matrix.csr()[np.flatnonzero(aside)] @ weights
    base = whole.expected
    return Ranking(base, area(line, inside[aside]), _signals(matrix, inside, whole.rules))


def area(scores: Floats, member: Flags) -> float:
    """How often a member scores above a non-member; ties count half.

    >>> area(np.array([0.1, 0.4, 0.35, 0.8]), np.array([False, False, True, True]))
    0.75
    """
    yes, no = int(member.sum()), int((~member).sum())
    if not yes or not no:
        return 0.5
    _, place, many = np.unique(scores, return_inverse=True, return_counts=True)
    ends = np.cumsum(many)
    ranks = (ends - (many - 1) / 2)[place]
    return float((ranks[member].sum() - yes * (yes + 1) / 2) / (yes * no))


def _signals(matrix: Matrix, inside: Flags, weights: Floats) -> tuple[tuple[int, float], ...]:
    within = np.bincount(
        np.repeat(np.arange(matrix.features), matrix.sizes),
        weights=inside[matrix.column_people].astype(np.float64),
        minlength=matrix.features,
    )
    share = within / max(inside.sum(), 1)
    other = (matrix.sizes - within) / max((~inside).sum(), 1)
    ratio = share / np.maximum(other, 1 / max(matrix.people, 1))
    worth = np.where((share >= 0.1) & (weights > 0), ratio, 0.0)  # noqa: PLR2004  a tenth of them
    best: NDArray[np.intp] = np.argsort(-worth, kind="stable")[:_SIGNALS]
    return tuple((int(f), float(ratio[f])) for f in best if worth[f] > 1)
