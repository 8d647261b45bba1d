"""Loops over people and their features, compiled when first needed; each has a plain twin.

`row_start` and `row_features` are the rows of a sparse matrix of ones: person p has the features
``row_features[row_start[p]:row_start[p + 1]]``.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from fewer.journey.discover.matrix import Floats

THREADS: Final = 2


@cache
def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function as machine code, kept on disk where there is a folder for it."""
    import numba  # noqa: PLC0415  a fifth of a second, which not every command needs

    try:
        found: Callable[..., Any] = numba.njit(nogil=True, cache=True)(function)
    except RuntimeError:  # no folder that can be written to
        found = numba.njit(nogil=True)(function)
    return found


def together(rows: sparse.csr_array, weight: Floats) -> Floats:
    """For each two columns, the summed weight of the people who have both: ``X' W X``.

    Args:
        rows: (people, columns), ones.
        weight: (people,).

    Returns:
        (columns, columns), symmetric.
    """
    loop = compiled(_together)
    start, columns = rows.indptr.astype(np.int64), rows.indices.astype(np.int32)
    ends = np.linspace(0, rows.shape[0], THREADS + 1).astype(np.int64)

    def part(at: int) -> Floats:
        out = np.zeros((rows.shape[1], rows.shape[1]))
        loop(start, columns, weight, ends[at], ends[at + 1], out)
        return out

    with ThreadPoolExecutor(THREADS) as pool:
        upper = sum(pool.map(part, range(THREADS)), start=np.zeros((rows.shape[1],) * 2))
    diagonal = np.diag(np.diag(upper))
    return np.asarray(upper + upper.T - diagonal)


def together_plain(rows: sparse.csr_array, weight: Floats) -> Floats:
    """As `together`, by scipy."""
    return np.asarray((rows.T @ (sparse.diags_array(weight) @ rows)).toarray(), np.float64)


def _together(
    row_start: Any, row_columns: Any, weight: Any, first: int, last: int, out: Any
) -> None:
    for person in range(first, last):
        w = weight[person]
        for a in range(row_start[person], row_start[person + 1]):
            for b in range(a, row_start[person + 1]):
                out[row_columns[a], row_columns[b]] += w


def shared(
    rules: list[NDArray[np.int32]], rows: sparse.csr_array, dense: Floats, weight: Floats
) -> tuple[Floats, Floats]:
    """For each rule, the summed weight of its people, alone and by what else they have.

    Args:
        rules: Rows of the people of each rule.
        rows: (people, columns), ones.
        dense: (people, d), other columns.
        weight: (people,).

    Returns:
        (rules, d + columns) and (rules,).
    """
    loop = compiled(_shared)
    start = np.concatenate([[0], np.cumsum([len(r) for r in rules], dtype=np.int64)])
    who = np.concatenate([*rules, np.empty(0, np.int32)]).astype(np.int32)
    out = np.zeros((len(rules), dense.shape[1] + rows.shape[1]))
    alone = np.zeros(len(rules))
    indptr, indices = rows.indptr.astype(np.int64), rows.indices.astype(np.int32)
    full = np.ascontiguousarray(dense)
    ends = np.searchsorted(start, np.linspace(0, start[-1], THREADS + 1)).astype(np.int64)

    def part(at: int) -> None:
        loop(ends[at], ends[at + 1], start, who, indptr, indices, full, weight, out, alone)

    ends[-1] = len(rules)
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(part, range(THREADS)))
    return out, alone


def shared_plain(
    rules: list[NDArray[np.int32]], rows: sparse.csr_array, dense: Floats, weight: Floats
) -> tuple[Floats, Floats]:
    """As `shared`, rule by rule."""
    out = np.zeros((len(rules), dense.shape[1] + rows.shape[1]))
    alone = np.zeros(len(rules))
    for at, who in enumerate(rules):
        w = weight[who]
        alone[at] = w.sum()
        out[at] = np.concatenate([w @ dense[who], rows[who].T @ w])
    return out, alone


def _shared(  # noqa: PLR0917  called by position, as compiled functions are
    first: int,
    last: int,
    rule_start: Any,
    who: Any,
    row_start: Any,
    row_columns: Any,
    dense: Any,
    weight: Any,
    out: Any,
    alone: Any,
) -> None:
    d = dense.shape[1]
    for rule in range(first, last):
        for at in range(rule_start[rule], rule_start[rule + 1]):
            person = who[at]
            w = weight[person]
            alone[rule] += w
            for c in range(d):
                out[rule, c] += w * dense[person, c]
            for b in range(row_start[person], row_start[person + 1]):
                out[rule, d + row_columns[b]] += w
