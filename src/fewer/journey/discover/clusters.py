"""People who behave alike: groups of bounded size, each with the rule that comes nearest to it.

Groups are for exploring. They are found by splitting people in two, again and again, on a few
directions in which they differ most, until no group is larger than wanted; what is too small is
given to its neighbour. A group is no rule; the best conjunction of one to three conditions is
searched for, and its precision and recall say how good it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from fewer.journey.discover.matrix import Flags, Floats, Matrix

_DIRECTIONS: Final = 20
_TURNS: Final = 12
_TRIED: Final = 14  # conditions from which a rule is made
_DEEPEST: Final = 14
_LEARNT_FROM: Final = 100_000  # people who give the directions, when there are many more


@dataclass(frozen=True, slots=True)
class Group:
    """Rows of alike people, and the rule nearest to them as numbers of features."""

    rows: NDArray[np.int64]
    rule: tuple[int, ...]
    rule_people: int
    precision: float  # of those who fit the rule, the share in the group
    recall: float  # of the group, the share who fit the rule

    @property
    def f1(self) -> float:
        """Harmonic mean of the two."""
        both = self.precision + self.recall
        return 2 * self.precision * self.recall / both if both else 0.0


def clusters(matrix: Matrix, *, band: tuple[int, int] = (200, 2_000), seed: int = 0) -> list[Group]:
    """Groups of people within the size band, those with the best rules first.

    People without a feature are in no group.
    """
    active = np.flatnonzero(matrix.counts > 0)
    if len(active) < band[0] or not matrix.features:
        return []
    part = matrix.rows(matrix.counts > 0)
    rng = np.random.default_rng(seed)
    points = directions(part, min(_DIRECTIONS, part.features), rng)
    parts = _split(points, np.arange(len(points)), band, rng, 0)
    found = [_with_rule(part, rows, active) for rows in parts if band[0] <= len(rows) <= band[1]]
    return sorted(found, key=lambda g: (-g.f1, -len(g.rows)))


def directions(matrix: Matrix, wanted: int, rng: np.random.Generator) -> Floats:
    """People in the directions in which they differ most: (people, wanted), of length 1.

    Rare features weigh more (idf), active people no more than others (rows of length 1); then a
    randomised singular value decomposition (Halko, Martinsson & Tropp 2011, SIAM Review 53).
    """
    step = max(matrix.people // _LEARNT_FROM, 1)
    idf = np.log((1 + matrix.people) / (1 + matrix.sizes)).astype(np.float32)
    csr = matrix.csr()
    rows = _weighted(csr[::step] if step > 1 else csr, idf)
    wide = min(wanted + 8, matrix.features)
    basis = rng.normal(size=(matrix.features, wide)).astype(np.float32)
    for _ in range(3):
        basis, _ = np.linalg.qr(rows.T @ (rows @ basis))
    small, _, _ = np.linalg.svd((rows @ basis).T @ (rows @ basis))
    axes = basis @ small[:, :wanted]
    found = (_weighted(csr, idf) if step > 1 else rows) @ axes
    norms = np.linalg.norm(found, axis=1, keepdims=True)
    return np.asarray(found / np.maximum(norms, 1e-9), np.float64)


def _weighted(csr: sparse.csr_array, idf: NDArray[np.float32]) -> sparse.csr_array:
    """Rows of length 1 in which rare features weigh more."""
    data = idf[csr.indices]
    people = np.diff(csr.indptr)
    ends = np.concatenate([[0.0], np.cumsum(data.astype(np.float64) ** 2)])
    lengths = np.sqrt(ends[csr.indptr[1:]] - ends[csr.indptr[:-1]])
    scaled = data / np.repeat(np.maximum(lengths, 1e-9), people).astype(np.float32)
    return sparse.csr_array((scaled, csr.indices, csr.indptr), shape=csr.shape)


def _split(
    points: Floats,
    rows: NDArray[np.int64],
    band: tuple[int, int],
    rng: np.random.Generator,
    depth: int,
) -> list[NDArray[np.int64]]:
    """Halves of halves, until each fits the band; a half that is too small stays with the other."""
    if len(rows) <= band[1] or depth >= _DEEPEST:
        return [rows]
    second = _two_means(points[rows], rng)
    one, other = rows[~second], rows[second]
    if min(len(one), len(other)) < band[0]:
        # Cut at the size that the smaller must have, along the line between the two.
        return [rows] if len(rows) < 2 * band[0] else _cut(points, rows, second, band, rng, depth)
    return [
        *_split(points, one, band, rng, depth + 1),
        *_split(points, other, band, rng, depth + 1),
    ]


def _cut(
    points: Floats,
    rows: NDArray[np.int64],
    second: Flags,
    band: tuple[int, int],
    rng: np.random.Generator,
    depth: int,
) -> list[NDArray[np.int64]]:
    centre = points[rows].mean(axis=0)
    smaller = second if second.sum() <= len(rows) / 2 else ~second
    line = points[rows][smaller].mean(axis=0) - centre if smaller.any() else points[rows[0]]
    order = np.argsort(-(points[rows] @ line), kind="stable")
    size = band[0]
    return [
        rows[order[:size]],
        *_split(points, rows[order[size:]], band, rng, depth + 1),
    ]


def _two_means(points: Floats, rng: np.random.Generator) -> Flags:
    """Which of the points belong to the second of two means."""
    one = points[rng.integers(len(points))]
    far = np.argmin(points @ one)
    means = np.stack([one, points[far]])
    side = np.zeros(len(points), bool)
    for _ in range(_TURNS):
        score = points @ means.T
        new = score[:, 1] > score[:, 0]
        if (new == side).all():
            break
        side = new
        if side.all() or not side.any():
            break
        means = np.stack([points[~side].mean(axis=0), points[side].mean(axis=0)])
        means /= np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-9)
    return side


def _with_rule(matrix: Matrix, rows: NDArray[np.int64], active: NDArray[np.int64]) -> Group:
    inside = np.zeros(matrix.people, bool)
    inside[rows] = True
    rule, fits = best_rule(matrix, inside)
    people = int(fits.sum())
    both = int((fits & inside).sum())
    precision = both / people if people else 0.0
    return Group(active[rows], rule, people, precision, both / max(len(rows), 1))


def best_rule(matrix: Matrix, inside: Flags) -> tuple[tuple[int, ...], Flags]:
    """The conjunction of one to three features nearest to a group, and who fits it."""
    within = np.bincount(
        np.repeat(np.arange(matrix.features), matrix.sizes),
        weights=inside[matrix.column_people].astype(np.float64),
        minlength=matrix.features,
    )
    total = float(inside.sum())
    harmonic = 2 * within / np.maximum(matrix.sizes + total, 1)
    useful = np.argsort(-(harmonic * (within >= 0.3 * total)), kind="stable")[:_TRIED]
    flags = {int(f): np.zeros(matrix.people, bool) for f in useful}
    for feature, mask in flags.items():
        mask[matrix.column(feature)] = True
    packed = {f: np.packbits(mask) for f, mask in flags.items()}
    group = np.packbits(inside)
    best: tuple[float, tuple[int, ...]] = (-1.0, (int(useful[0]),))
    for length in (1, 2, 3):
        for rule in combinations(flags, length):
            bits = packed[rule[0]]
            for other in rule[1:]:
                bits = bits & packed[other]
            people = int(np.bitwise_count(bits).sum())
            both = int(np.bitwise_count(bits & group).sum())
            score = 2 * both / max(people + total, 1) - 0.01 * (length - 1)
            if score > best[0]:
                best = (score, rule)
    fits = np.logical_and.reduce([flags[f] for f in best[1]])
    return best[1], fits
