"""Counts of every pair and triple of features in one pass over the people who have them.

For each first feature, everyone who has it adds 1 and their expected conversion to a table with
a cell for each two later features of theirs; a pair is the cell of one feature with itself. So
sizes, conversions and expectations of all combinations are exact, and the size band is a filter.
"Both but not the third" is the pair less the triple: it needs no counting of its own.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import combinations_with_replacement
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from fewer.journey.discover.kernels import THREADS, compiled, together
from fewer.journey.discover.matrix import Flags, Floats, Matrix

_OF_TWO: Final = 2
TELLING: Final = 0.2
"""Share of the people whom "but not" must take away from a rule for it to say something."""


@dataclass(frozen=True, slots=True)
class Combinations:
    """Pairs and triples within the size band; all arrays have one element a combination.

    A pair has its second feature twice: ``(i, j, j)``. The last may be ``~k``: without feature k.
    """

    features: NDArray[np.int32]  # (m, 3)
    people: NDArray[np.int64]
    converted: NDArray[np.int64]
    expected: Floats

    def __len__(self) -> int:
        return len(self.people)

    @property
    def without(self) -> Flags:
        """(m,) those that ask for someone not to have a feature."""
        return np.asarray(self.features[:, 2] < 0)


def count(
    matrix: Matrix,
    converted: Flags,
    expected: Floats,
    apart: Flags,
    band: tuple[int, int],
    *,
    plainly: bool = False,
) -> Combinations:
    """All pairs and triples of features that may stand together and have `band` people.

    Args:
        matrix: Who has which feature.
        converted: (people,) outcomes.
        expected: (people,) chances to convert.
        apart: (features, features) symmetric; true where two may not stand in one rule.
        band: Fewest and most people.
        plainly: With numpy instead of the compiled loop.
    """
    one = _plain if plainly else compiled(_loop)
    pairs = _pairs(matrix, converted, expected)
    arguments = (
        matrix.row_start,
        matrix.row_features,
        matrix.column_start,
        matrix.column_people,
        converted,
        expected,
        apart,
        pairs,
        band[0],
        band[1],
    )
    with ThreadPoolExecutor(THREADS) as pool:
        parts = list(pool.map(lambda i: one(i, *arguments), range(matrix.features)))
    return Combinations(
        np.concatenate([p[0] for p in parts] or [np.empty((0, 3), np.int32)]),
        np.concatenate([p[1] for p in parts] or [np.empty(0, np.int64)]),
        np.concatenate([p[2] for p in parts] or [np.empty(0, np.int64)]),
        np.concatenate([p[3] for p in parts] or [np.empty(0)]),
    )


def _pairs(matrix: Matrix, converted: Flags, expected: Floats) -> Floats:
    """People, conversions and expectation of each two features: (features, features, 3)."""
    rows = matrix.csr()
    hits = np.flatnonzero(converted)
    return np.stack(
        [
            together(rows, np.ones(matrix.people)),
            together(rows[hits], np.ones(len(hits))),
            together(rows, expected),
        ],
        axis=2,
    )


Part = tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.int64], Floats]


def _loop(  # noqa: PLR0913, PLR0915, PLR0917  called by position; one loop, compiled
    first: int,
    row_start: Any,
    row_features: Any,
    column_start: Any,
    column_people: Any,
    converted: Any,
    expected: Any,
    apart: Any,
    pairs: Any,
    least: int,
    most: int,
) -> Any:
    many = apart.shape[0]
    sums = np.zeros((many, many, 2))
    hits = np.zeros((many, many), np.int32)
    for at in range(column_start[first], column_start[first + 1]):
        person = column_people[at]
        chance = expected[person]
        end = row_start[person + 1]
        start = row_start[person]
        while row_features[start] <= first:
            start += 1
            if start == end:
                break
        for a in range(start, end):
            j = row_features[a]
            if apart[first, j]:
                continue
            for b in range(a, end):
                k = row_features[b]
                sums[j, k, 0] += 1.0
                sums[j, k, 1] += chance
            if converted[person]:
                for b in range(a, end):
                    hits[j, row_features[b]] += 1
    found = 0
    features = np.empty((0, 3), np.int32)
    people = np.empty(0, np.int64)
    conversions = np.empty(0, np.int64)
    chances = np.empty(0)
    for filling in range(2):
        if filling:
            features = np.empty((found, 3), np.int32)
            people = np.empty(found, np.int64)
            conversions = np.empty(found, np.int64)
            chances = np.empty(found)
        place = 0
        for j in range(first + 1, many):
            if apart[first, j]:
                continue
            for k in range(j, many):
                if j != k and (apart[j, k] or apart[first, k]):
                    continue
                n = sums[j, k, 0]
                a, b, c, parent = first, j, k, 0.0
                for less in range(4):  # none, or one of the three, taken away from the others
                    if less > 1:  # each in its turn is the one that is taken away
                        a, b, c = c, a, b
                    if less and j == k:  # of a pair: one without the other
                        if less > _OF_TWO:
                            continue
                        a, c = (first, j) if less == 1 else (j, first)
                        b = a
                    if less:
                        parent = pairs[a, b, 0]
                        if n < TELLING * parent:
                            continue
                    size = parent - n if less else n
                    if size < least or size > most:
                        continue
                    if filling:
                        mean = pairs[a, b, 2] - sums[j, k, 1] if less else sums[j, k, 1]
                        seen = pairs[a, b, 1] - hits[j, k] if less else hits[j, k]
                        features[place, 0] = a
                        features[place, 1] = b if b != a else (~c if less else b)
                        features[place, 2] = ~c if less else c
                        people[place] = int(size)
                        conversions[place] = int(seen)
                        chances[place] = max(mean, 0.0)
                    place += 1
        found = place
    return features, people, conversions, chances


def _plain(  # noqa: PLR0913, PLR0917  as the compiled one
    first: int,
    row_start: NDArray[np.int64],
    row_features: NDArray[np.int32],  # noqa: ARG001  the compiled one reads rows
    column_start: NDArray[np.int64],
    column_people: NDArray[np.int32],
    converted: Flags,
    expected: Floats,
    apart: Flags,
    pairs: Floats,  # noqa: ARG001  sets are taken from sets
    least: int,
    most: int,
) -> Part:
    """The same with sets of people, for tests and machines without a compiler."""
    many, people = len(apart), len(row_start) - 1

    def of(feature: int) -> Flags:
        flags = np.zeros(people, bool)
        flags[column_people[column_start[feature] : column_start[feature + 1]]] = True
        return flags

    own, rows = of(first), []
    later = [j for j in range(first + 1, many) if not apart[first, j]]
    sets = {j: own & of(j) for j in later}
    for j, k in combinations_with_replacement(later, 2):
        if j != k and apart[j, k]:
            continue
        both = sets[j] & sets[k]
        options: list[tuple[tuple[int, int, int], Flags, Flags | None]]
        options = [((first, j, k), both, None)]
        if j == k:
            options += [
                ((first, ~j, ~j), own & ~of(j), own),
                ((j, ~first, ~first), of(j) & ~own, of(j)),
            ]
        else:
            options += [
                ((first, j, ~k), sets[j] & ~of(k), sets[j]),
                ((k, first, ~j), sets[k] & ~of(j), sets[k]),
                ((j, k, ~first), of(j) & of(k) & ~own, of(j) & of(k)),
            ]
        for rule, who, parent in options:
            n = int(who.sum())
            tells = parent is None or both.sum() >= TELLING * parent.sum()
            if least <= n <= most and tells:
                rows.append((rule, n, int(converted[who].sum()), float(expected[who].sum())))
    return (
        np.array([r[0] for r in rows], np.int32).reshape(-1, 3),
        np.array([r[1] for r in rows], np.int64),
        np.array([r[2] for r in rows], np.int64),
        np.array([r[3] for r in rows], np.float64),
    )
