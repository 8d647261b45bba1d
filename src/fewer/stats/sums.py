"""Sufficient sums: what is kept of people, one row a segment and arm; days and segments add up.

A row holds how many people there are and, for each amount measured on them (orders, spend, the
same before the start), the sum, the sums of products with every other amount, and how many have
one at all. Every estimate of this package is made from such rows, never from people.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import EllipsisType

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fewer.stats.estimate import Flags, Floats
from fewer.stats.mean import Moments

Index = int | slice | EllipsisType | list[int] | NDArray[np.intp] | Flags
_SLACK = 1e-9


@dataclass(frozen=True, slots=True)
class Sums:
    """Sums over people, of any shape of rows; ``a + b`` is everyone of both.

    >>> day1 = sums([100], {"orders": [7]}, {("orders", "orders"): [9]})
    >>> day2 = sums([50], {"orders": [3]}, {("orders", "orders"): [3]})
    >>> (day1 + day2).mean("orders").round(3).tolist()
    [0.067]
    """

    names: tuple[str, ...]
    n: Floats  # people, shape (...)
    totals: Floats  # sums, shape (..., amounts)
    products: Floats  # sums of products, shape (..., amounts, amounts)
    valued: Floats  # people whose amount is not zero, shape (..., amounts)

    def __add__(self, other: Sums) -> Sums:
        """Everyone of both; people must not be in both, or they count twice."""
        self._same(other)
        return Sums(
            self.names,
            self.n + other.n,
            self.totals + other.totals,
            self.products + other.products,
            self.valued + other.valued,
        )

    def __sub__(self, part: Sums) -> Sums:
        """Everyone but `part`, which must be among them."""
        self._same(part)
        return Sums(
            self.names,
            self.n - part.n,
            self.totals - part.totals,
            self.products - part.products,
            self.valued - part.valued,
        )

    def __getitem__(self, index: Index | tuple[Index, ...]) -> Sums:
        """Some of the rows; an index addresses the shape of `n`."""
        at = index if isinstance(index, tuple) else (index,)
        if not any(part is Ellipsis for part in at):
            at = (*at, Ellipsis)
        spread = (*at, slice(None)), (*at, slice(None), slice(None))
        return Sums(
            self.names,
            np.asarray(self.n[at]),
            self.totals[spread[0]],
            self.products[spread[1]],
            self.valued[spread[0]],
        )

    def merged(self, axis: int = 0) -> Sums:
        """Rows added up along one axis of `n` (segments, days), counted from 0."""
        return Sums(
            self.names,
            self.n.sum(axis=axis),
            self.totals.sum(axis=axis),
            self.products.sum(axis=axis),
            self.valued.sum(axis=axis),
        )

    def total(self, name: str) -> Floats:
        """Sum of one amount."""
        return np.asarray(self.totals[..., self._at(name)])

    def mean(self, name: str) -> Floats:
        """Average of one amount per person; NaN without people."""
        with np.errstate(divide="ignore", invalid="ignore"):
            found: Floats = self.total(name) / self.n
        return found

    def covariance(self, first: str, second: str) -> Floats:
        """Covariance of two amounts over people (divisor ``n - 1``); NaN with fewer than 2.

        Never below 0 for a variance: what rounding leaves of a constant is 0.

        Raises:
            ValueError: The sum of products of this pair was never given.
        """
        i, j = self._at(first), self._at(second)
        if np.isnan(self.products[..., i, j]).any():
            raise ValueError(f"the sum of products of {first!r} and {second!r} is missing")
        with np.errstate(divide="ignore", invalid="ignore"):
            shared = self.totals[..., i] * self.totals[..., j] / self.n
            found = np.where(self.n > 1, (self.products[..., i, j] - shared) / (self.n - 1), np.nan)
        return np.maximum(found, 0.0) if i == j else np.asarray(found)

    def moments(self, name: str) -> Moments:
        """One amount as `Moments`, for the functions of means."""
        i = self._at(name)
        return Moments(self.n, self.totals[..., i], self.products[..., i, i], self.valued[..., i])

    def has(self, name: str) -> bool:
        """Whether an amount of this name was measured."""
        return name in self.names

    def _at(self, name: str) -> int:
        if name not in self.names:
            raise ValueError(f"no amount is named {name!r}; there are {', '.join(self.names)}")
        return self.names.index(name)

    def _same(self, other: Sums) -> None:
        if self.names != other.names:
            raise ValueError(f"sums of different amounts: {self.names} and {other.names}")


def sums(
    n: ArrayLike,
    totals: Mapping[str, ArrayLike],
    products: Mapping[tuple[str, str], ArrayLike],
    valued: Mapping[str, ArrayLike] | None = None,
) -> Sums:
    """Rows of sums, as a query returns them.

    Args:
        n: People, any shape; those without a value included.
        totals: Name of an amount -> its sum, in its own unit; shapes broadcast to `n`.
        products: Two names -> sum of the product, either way round; squares must be there,
            and every pair that is used together.
        valued: Name -> people whose amount is not zero; all of them when not given.

    Raises:
        ValueError: A number is missing (NaN), people are negative, more have a value than
            there are people, or the sums are such as no amounts can have. A pair that was not
            given is refused where it is used.

    Example:
        >>> two = sums([[80, 20]], {"x": [[9.0, 4.0]]}, {("x", "x"): [[20.0, 8.0]]})
        >>> two.n.shape, two.mean("x").tolist()
        ((1, 2), [[0.1125, 0.2]])
    """
    people = np.asarray(n, dtype=np.float64)
    names = tuple(totals)
    shape = (*people.shape, len(names))
    added, squared, have = np.zeros(shape), np.zeros((*shape, len(names))), np.empty(shape)
    for i, name in enumerate(names):
        added[..., i] = totals[name]
        have[..., i] = people if valued is None or name not in valued else valued[name]
    squared[:] = np.nan
    for (first, second), value in products.items():
        i, j = names.index(first), names.index(second)
        squared[..., i, j] = squared[..., j, i] = value
    return _checked(Sums(names, people, added, squared, have))


def sums_of(values: Mapping[str, ArrayLike], row: ArrayLike, rows: int) -> Sums:
    """Rows of sums from people in memory.

    Args:
        values: Name of an amount -> one number a person.
        row: Row of each person, from 0.
        rows: How many rows there are.

    Example:
        >>> sums_of({"x": [1, 0, 5]}, [0, 0, 1], 2).total("x").tolist()
        [1.0, 5.0]
    """
    at = np.asarray(row, dtype=np.intp)
    columns = {name: np.asarray(v, dtype=np.float64) for name, v in values.items()}

    def added(weights: Floats) -> Floats:
        return np.asarray(np.bincount(at, weights, minlength=rows), dtype=np.float64)

    pairs = [(a, b) for i, a in enumerate(columns) for b in list(columns)[i:]]
    return sums(
        np.bincount(at, minlength=rows),
        {name: added(v) for name, v in columns.items()},
        {(a, b): added(columns[a] * columns[b]) for a, b in pairs},
        {name: added((v != 0).astype(np.float64)) for name, v in columns.items()},
    )


def _checked(found: Sums) -> Sums:
    squares = np.diagonal(found.products, axis1=-2, axis2=-1)
    arrays = (found.n, found.totals, squares, found.valued)
    if np.isinf(found.products).any() or not all(np.isfinite(a).all() for a in arrays):
        raise ValueError("sums must be finite numbers, and the square of every amount is needed")
    n = found.n[..., None]
    if (n < 0).any() or (found.valued < 0).any() or (found.valued > n).any():
        raise ValueError("people and people with a value count from 0, the second within the first")
    if (found.totals**2 > squares * np.maximum(n, 1) * (1 + _SLACK) + _SLACK).any():
        raise ValueError("the sum of squares is too small for this sum and number of people")
    return found
