"""Who has which feature, as a sparse matrix: people in rows, yes/no features in columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap
from scipy import sparse

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

_BUDGET: Final = 2_500_000_000
"""Triples of features counted in all: a few seconds. Beyond it the busiest people are left out."""


@dataclass(frozen=True, slots=True)
class Matrix:
    """Features by person, both ways round: the same facts by row and by column.

    Rows are positions in a sorted array of people; columns are features in their given order.
    """

    people: int
    features: int
    row_start: NDArray[np.int64]  # (people + 1,)
    row_features: NDArray[np.int32]  # ascending within a row
    column_start: NDArray[np.int64]  # (features + 1,)
    column_people: NDArray[np.int32]  # ascending within a column
    held: dict[int, BitMap] = field(default_factory=dict, repr=False, compare=False)
    """Columns as sets, made when first asked for: to bring them together is what is done most."""

    @property
    def counts(self) -> Ints:
        """Features of each person, (people,)."""
        return np.diff(self.row_start)

    @property
    def sizes(self) -> Ints:
        """People of each feature, (features,)."""
        return np.diff(self.column_start)

    def column(self, feature: int) -> NDArray[np.int32]:
        """Rows of the people who have a feature."""
        return self.column_people[self.column_start[feature] : self.column_start[feature + 1]]

    def members(self, rule: Sequence[int]) -> NDArray[np.int32]:
        """Rows of the people who fit a rule: all of some features, none of some others.

        Args:
            rule: Numbers of features, one at least; ``~f`` stands for those without feature f.
        """
        first, *others = sorted((f for f in rule if f >= 0), key=lambda f: int(self.sizes[f]))
        absent = [~f for f in rule if f < 0]
        if not others and not absent:
            return self.column(first)
        found = self._set(first)
        for other in others:
            found = found & self._set(other)
        for other in absent:
            found = found - self._set(other)
        return np.asarray(found.to_array(), np.uint32).astype(np.int32)

    def _set(self, feature: int) -> BitMap:
        known = self.held.get(feature)
        if known is None:
            known = self.held[feature] = BitMap(self.column(feature).astype(np.uint32))
        return known

    def csr(self) -> sparse.csr_array:
        """The same as a matrix of ones for arithmetic."""
        ones = np.ones(len(self.row_features), np.float32)
        return sparse.csr_array(
            (ones, self.row_features, self.row_start), shape=(self.people, self.features)
        )

    def rows(self, kept: Flags) -> Matrix:
        """Only some of the people."""
        return _of(self.csr()[np.flatnonzero(kept)])

    def columns(self, kept: Sequence[int] | Ints) -> Matrix:
        """Only some of the features, in the given order."""
        return from_rows([self.column(int(f)) for f in kept], self.people)


def from_rows(columns: Sequence[NDArray[np.int32]], people: int) -> Matrix:
    """A matrix from the rows of each feature, each ascending."""
    start = np.concatenate([[0], np.cumsum([len(c) for c in columns], dtype=np.int64)])
    rows = np.concatenate([*columns, np.empty(0, np.int32)]).astype(np.int32, copy=False)
    ones = np.ones(len(rows), np.int8)
    csr = sparse.csc_array((ones, rows, start), shape=(people, len(columns))).tocsr()
    return Matrix(
        people,
        len(columns),
        csr.indptr.astype(np.int64),
        csr.indices.astype(np.int32),
        start.astype(np.int64),
        rows,
    )


def from_bitmaps(columns: Sequence[BitMap], persons: NDArray[np.uint32]) -> Matrix:
    """A matrix from bitmaps of person numbers; people outside `persons` (ascending) are dropped."""
    top = int(persons[-1]) + 1 if len(persons) else 0
    place = np.full(top + 1, -1, np.int32)
    place[persons] = np.arange(len(persons), dtype=np.int32)
    found = []
    for bitmap in columns:
        numbers = np.asarray(bitmap.to_array(), dtype=np.int64)
        rows = place[np.minimum(numbers, top)]
        found.append(rows[rows >= 0])
    return from_rows(found, len(persons))


def _of(csr: sparse.csr_array) -> Matrix:
    csr.sort_indices()
    csc = csr.tocsc()
    return Matrix(
        csr.shape[0],
        csr.shape[1],
        csr.indptr.astype(np.int64),
        csr.indices.astype(np.int32),
        csc.indptr.astype(np.int64),
        csc.indices.astype(np.int32),
    )


def affordable(counts: Ints, budget: int = _BUDGET) -> int:
    """Most features that a person may have for the search to stay within its budget.

    A person with f features costs f(f-1)(f-2)/6. A few with hundreds (bots, shared devices) would
    cost more than everyone else together.

    >>> affordable(np.array([3, 10, 10, 2000]), budget=1000)
    10
    """
    most = int(counts.max(initial=0))
    many = np.bincount(counts, minlength=most + 1).astype(np.float64)
    each = np.arange(most + 1, dtype=np.float64)
    cost = np.cumsum(many * each * np.maximum(each - 1, 0) * np.maximum(each - 2, 0) / 6)
    inside = np.flatnonzero((cost <= budget) & (many > 0))
    return int(inside[-1]) if len(inside) else 0
