"""Many comparisons at once: p-values adjusted so that a table of nulls shows no winners."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from fewer.stats.estimate import Floats


def benjamini_hochberg(p: ArrayLike) -> Floats:
    """Adjusted p-values that control the expected share of false ones among those declared.

    Args:
        p: P-values of one family; any shape. NaN is "not tested": it stays NaN and is not
            counted in the family.

    Returns:
        Array of the same shape, from 0 to 1; declare those at most the chosen level.

    Raises:
        ValueError: A p-value is below 0 or above 1.

    Source:
        Benjamini & Hochberg (1995), JRSS B 57, 289-300.

    Example:
        >>> benjamini_hochberg([0.01, 0.04, 0.03, float("nan")]).round(3).tolist()
        [0.03, 0.04, 0.04, nan]
    """
    known, order, shape = _sorted(p)
    size = order.size
    raised = known[order] * size / np.arange(1, size + 1)
    running = np.minimum.accumulate(raised[::-1])[::-1]
    return _back(known, order, np.minimum(running, 1.0), shape)


def benjamini_yekutieli(p: ArrayLike) -> Floats:
    """As `benjamini_hochberg`, but right however the comparisons depend on one another.

    The price is a factor of about ``log(n)``: 7.5 for a thousand. Comparisons of one family
    that share their control group depend positively, for which Benjamini and Hochberg's holds;
    this is for those who can't rule out the rest.

    Source:
        Benjamini & Yekutieli (2001), Annals of Statistics 29, 1165-1188.

    Example:
        >>> benjamini_yekutieli([0.01, 0.04, 0.03]).round(3).tolist()
        [0.055, 0.073, 0.073]
    """
    known, order, shape = _sorted(p)
    size = order.size
    ranks = np.arange(1, size + 1)
    raised = known[order] * size * (1 / ranks).sum() / ranks
    running = np.minimum.accumulate(raised[::-1])[::-1]
    return _back(known, order, np.minimum(running, 1.0), shape)


def holm(p: ArrayLike) -> Floats:
    """Adjusted p-values that control the chance of even one false one among those declared.

    Arguments, result and errors are those of `benjamini_hochberg`.

    Source:
        Holm (1979), Scandinavian Journal of Statistics 6, 65-70.

    Example:
        >>> holm([0.01, 0.04, 0.03]).round(3).tolist()
        [0.03, 0.06, 0.06]
    """
    known, order, shape = _sorted(p)
    size = order.size
    running = np.maximum.accumulate(known[order] * (size - np.arange(size)))
    return _back(known, order, np.minimum(running, 1.0), shape)


def _sorted(
    p: ArrayLike,
) -> tuple[Floats, np.ndarray[tuple[int], np.dtype[np.intp]], tuple[int, ...]]:
    given = np.asarray(p, dtype=np.float64)
    known = given.ravel()
    if ((known < 0) | (known > 1)).any():
        msg = "a p-value lies between 0 and 1"
        raise ValueError(msg)
    order = np.argsort(known, kind="stable")  # NaN sorts last
    return known, order[: int(np.isfinite(known).sum())], given.shape


def _back(
    known: Floats,
    order: np.ndarray[tuple[int], np.dtype[np.intp]],
    adjusted: Floats,
    shape: tuple[int, ...],
) -> Floats:
    out = np.full(known.shape, np.nan)
    out[order] = adjusted
    return out.reshape(shape)
