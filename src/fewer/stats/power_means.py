"""Before a test of an amount or of a ratio of sums: people needed, and the smallest visible change.

Changes are in the unit of the amount. For relative changes give the coefficient of variation as
the spread, and for ratios of sums `ratio_spread`: then they are shares (0.1 is 10 %).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from fewer.stats.estimate import Floats, normal_quantile
from fewer.stats.sums import Sums


def mean_power(
    change: ArrayLike,
    spread: ArrayLike,
    n: ArrayLike,
    *,
    n_comparison: ArrayLike | None = None,
    spread_comparison: ArrayLike | None = None,
    confidence: float = 0.95,
) -> Floats:
    """Chance to see that averages differ by `change`, by the two-sided z test.

    Args:
        change: Difference of the averages, in the unit of the amount.
        spread: Standard deviation of one person's amount in the first group, positive.
        n: People in the first group.
        n_comparison: People in the comparison; as many as `n` when not given.
        spread_comparison: Standard deviation there; as `spread` when not given.
        confidence: 1 minus the two-sided level.

    Returns:
        Fractions from 0 to 1.

    Example:
        >>> round(float(mean_power(0.2, 1.0, 400)), 3)
        0.807
    """
    error = _error(spread, n, n_comparison, spread_comparison)
    gap, z = np.asarray(change, np.float64) / error, normal_quantile(confidence)
    return np.asarray(special.ndtr(gap - z) + special.ndtr(-gap - z))


def mean_people_needed(
    change: ArrayLike,
    spread: ArrayLike,
    *,
    comparison_share: float = 1.0,
    spread_comparison: ArrayLike | None = None,
    wanted: float = 0.8,
    confidence: float = 0.95,
) -> Floats:
    """People the first group needs to see a difference of `change` with chance `wanted`.

    Args:
        change: Difference of the averages, in the unit of the amount.
        spread: Standard deviation of one person's amount in the first group.
        comparison_share: People in the comparison for each person of the first group.
        spread_comparison: Standard deviation there; as `spread` when not given.
        wanted: Chance to see the change.
        confidence: 1 minus the two-sided level.

    Returns:
        People, not rounded; infinite for no change.

    Example:
        >>> int(np.ceil(mean_people_needed(0.2, 1.0)))
        393
    """
    error = _error(spread, 1.0, comparison_share, spread_comparison)
    with np.errstate(divide="ignore"):
        return np.asarray((_reach(wanted, confidence) * error / np.asarray(change)) ** 2)


def smallest_difference(
    spread: ArrayLike,
    n: ArrayLike,
    *,
    n_comparison: ArrayLike | None = None,
    spread_comparison: ArrayLike | None = None,
    wanted: float = 0.8,
    confidence: float = 0.95,
) -> Floats:
    """Smallest difference of averages that would be seen with chance `wanted`.

    Args:
        spread: Standard deviation of one person's amount in the first group.
        n: People in the first group.
        n_comparison: People in the comparison; as many as `n` when not given.
        spread_comparison: Standard deviation there; as `spread` when not given.
        wanted: Chance to see the change.
        confidence: 1 minus the two-sided level.

    Returns:
        Differences above 0, in the unit of the amount.

    Example:
        >>> round(float(smallest_difference(1.0, 393)), 2)
        0.2
    """
    return _reach(wanted, confidence) * _error(spread, n, n_comparison, spread_comparison)


def ratio_spread(sums: Sums, over: str, under: str) -> Floats:
    """Spread of one person's share in a ratio of sums, relative to the ratio.

    Give it to the functions of this module as `spread`; changes are then relative.

    Args:
        sums: Sums of people such as will be in the test, any shape.
        over: Name of what is above the line.
        under: Name of what is below the line.

    Returns:
        Standard deviations without unit; NaN where either sums to 0.

    Example:
        >>> from fewer.stats.sums import sums_of
        >>> one = sums_of({"x": [1, 0, 2, 1], "d": [4, 1, 4, 3]}, [0] * 4, 1)
        >>> ratio_spread(one, "x", "d").round(2).tolist()
        [0.47]
    """
    x, d = sums.mean(over), sums.mean(under)
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = (
            sums.covariance(over, over) / x**2
            - 2 * sums.covariance(over, under) / (x * d)
            + sums.covariance(under, under) / d**2
        )
        return np.where((x != 0) & (d != 0), np.sqrt(np.maximum(variance, 0.0)), np.nan)


def _error(
    spread: ArrayLike,
    n: ArrayLike,
    n_comparison: ArrayLike | None,
    spread_comparison: ArrayLike | None,
) -> Floats:
    one, many = np.asarray(spread, np.float64), np.asarray(n, np.float64)
    other = one if spread_comparison is None else np.asarray(spread_comparison, np.float64)
    rest = many if n_comparison is None else np.asarray(n_comparison, np.float64)
    if (one <= 0).any() or (other <= 0).any() or (many <= 0).any() or (rest <= 0).any():
        raise ValueError("spreads and numbers of people must be above 0")
    return np.asarray(np.sqrt(one**2 / many + other**2 / rest))


def _reach(wanted: float, confidence: float) -> float:
    if not 0 < wanted < 1:
        raise ValueError(f"the chance to see a change is between 0 and 1, not {wanted}")
    return normal_quantile(confidence) + float(special.ndtri(wanted))
