"""Counts of every pair and triple of features in one pass over the people who have them.

For each first feature, everyone who has it adds 1 and their expected conversion to a table with
a cell for each two later features of theirs; a pair is the cell of one feature with itself. So
sizes, conversions and expectations of all combinations are exact, and the size band is a filter.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import combinations_with_replacement
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fewer.journey.discover.kernels import THREADS, compiled
from fewer.journey.discover.matrix import Flags, Floats, Matrix


@dataclass(frozen=True, slots=True)
class Combinations:
    """Pairs and triples within the size band; all arrays have one element a combination.

    A pair has its second feature twice: ``(i, j, j)``.
    """

    features: NDArray[np.int32]  # (m, 3), ascending
    people: NDArray[np.int64]
    converted: NDArray[np.int64]
    expected: Floats

    def __len__(self) -> int:
        return len(self.people)


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
    arguments = (
        matrix.row_start,
        matrix.row_features,
        matrix.column_start,
        matrix.column_people,
        converted,
        expected,
        apart,
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


Part = tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.int64], Floats]


def _loop(  # noqa: PLR0917  called by position, as compiled functions are
    first: int,
    row_start: Any,
    row_features: Any,
    column_start: Any,
    column_people: Any,
    converted: Any,
    expected: Any,
    apart: Any,
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
    for j in range(first + 1, many):
        if apart[first, j]:
            continue
        for k in range(j, many):
            n = sums[j, k, 0]
            allowed = j == k or not (apart[j, k] or apart[first, k])
            found += allowed and least <= n <= most
    features = np.empty((found, 3), np.int32)
    people = np.empty(found, np.int64)
    conversions = np.empty(found, np.int64)
    chances = np.empty(found)
    place = 0
    for j in range(first + 1, many):
        if apart[first, j]:
            continue
        for k in range(j, many):
            n = sums[j, k, 0]
            allowed = j == k or not (apart[j, k] or apart[first, k])
            if allowed and least <= n <= most:
                features[place, 0] = first
                features[place, 1] = j
                features[place, 2] = k
                people[place] = int(n)
                conversions[place] = hits[j, k]
                chances[place] = sums[j, k, 1]
                place += 1
    return features, people, conversions, chances


def _plain(  # noqa: PLR0917  as the compiled one
    first: int,
    row_start: NDArray[np.int64],
    row_features: NDArray[np.int32],  # noqa: ARG001  the compiled one reads rows
    column_start: NDArray[np.int64],
    column_people: NDArray[np.int32],
    converted: Flags,
    expected: Floats,
    apart: Flags,
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
        n = int(both.sum())
        if least <= n <= most:
            rows.append(((first, j, k), n, int(converted[both].sum()), float(expected[both].sum())))
    return (
        np.array([r[0] for r in rows], np.int32).reshape(-1, 3),
        np.array([r[1] for r in rows], np.int64),
        np.array([r[2] for r in rows], np.int64),
        np.array([r[3] for r in rows], np.float64),
    )
