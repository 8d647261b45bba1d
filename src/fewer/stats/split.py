"""Split check: whether groups came out in the sizes that the random assignment planned."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from fewer.stats.estimate import Flags, Floats

ALARM = 0.0005
"""Below this p-value the split is broken, and no result of it may be read."""

_LEAST_EXPECTED = 5.0


@dataclass(frozen=True, slots=True)
class Split:
    """Chi-squared statistics and p-values, one a row; NaN p where too few to check."""

    chi_squared: Floats
    p: Floats

    @property
    def broken(self) -> Flags:
        """Rows whose split can't be chance; False where it can't be checked."""
        return np.asarray(self.p < ALARM)


def split_check(observed: ArrayLike, shares: ArrayLike) -> Split:
    """Compare the sizes of randomised groups with their planned shares.

    Args:
        observed: People counted, shape ``(rows, groups)`` or ``(groups,)`` for one row.
        shares: Planned shares, positive; need not add up to 1. Shape ``(groups,)`` or as
            `observed`.

    Returns:
        One statistic and p-value a row. P is NaN where a group expects fewer than 5.

    Raises:
        ValueError: Fewer than two groups, a negative count, or a share that is not positive.

    Source:
        Pearson's chi-squared test of fit.

    Example:
        >>> split_check([502, 498], [1, 1]).p.round(3).tolist()
        [0.899]
    """
    seen = np.atleast_2d(np.asarray(observed, dtype=np.float64))
    planned = np.broadcast_to(np.asarray(shares, dtype=np.float64), seen.shape)
    if seen.shape[1] < 2 or (seen < 0).any() or not (planned > 0).all():  # noqa: PLR2004  two groups
        msg = "a split check needs two groups or more, counts from 0 and positive shares"
        raise ValueError(msg)
    expected = seen.sum(axis=1, keepdims=True) * planned / planned.sum(axis=1, keepdims=True)
    enough = expected.min(axis=1) >= _LEAST_EXPECTED
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(expected > 0, (seen - expected) ** 2 / expected, 0.0)
    statistic: Floats = terms.sum(axis=1)
    p = np.where(enough, special.chdtrc(seen.shape[1] - 1, statistic), np.nan)
    return Split(statistic, p)
