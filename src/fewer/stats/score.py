"""Koopman's score interval for a ratio of two rates, for whole arrays at once.

The limits are the two ratios at which the score statistic of "the rates have this ratio"
equals the normal quantile. A cubic gives them almost exactly; Newton steps on the statistic
remove what the cubic loses to rounding when one group is a thousand times the other.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from fewer.stats.estimate import Floats

_STEPS = 4
_CLOSE = 1e-7  # of the statistic, in standard errors
_HALVINGS = 60
_FARTHEST = 40.0  # of the log ratio; exp(40) is beyond any two counts


def score_limits(
    k1: Floats, n1: Floats, k2: Floats, n2: Floats, *, z: float
) -> tuple[Floats, Floats]:
    """Lower and upper limit of ``(k1/n1) / (k2/n2)``: 0 without a `k1`, inf without a `k2`.

    Args:
        k1: Converted in the first group, whole numbers.
        n1: People in the first group.
        k2: Converted in the comparison.
        n2: People in the comparison.
        z: Normal quantile of the confidence.

    Source:
        Koopman (1984), Biometrics 40, 513-517; start values: Nam (1995), Biometrics 51.
    """
    table = tuple(np.atleast_1d(a).astype(np.float64) for a in (k1, n1, k2, n2))
    below, above = _cubic(*table, z=z)
    lower = np.where(table[0] == 0, 0.0, _polish(below, z, table))
    upper = np.where(table[2] == 0, np.inf, _polish(above, -z, table))
    shape = np.shape(k1)
    return lower.reshape(shape), upper.reshape(shape)


def ratio_score(ratio: ArrayLike, k1: Floats, n1: Floats, k2: Floats, n2: Floats) -> Floats:
    """Standard normal score of "the first rate is `ratio` times the second"; falls with `ratio`.

    Args:
        ratio: Ratios above 0.
        k1: Converted in the first group, whole numbers.
        n1: People in the first group.
        k2: Converted in the comparison.
        n2: People in the comparison.
    """
    return _statistic(np.log(np.asarray(ratio, dtype=np.float64)), k1, n1, k2, n2)


def _statistic(log_ratio: Floats, k1: Floats, n1: Floats, k2: Floats, n2: Floats) -> Floats:
    """Score statistic at a ratio, decreasing in it; 0 where nothing can vary."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.exp(log_ratio)
        # The comparison's rate that is most likely if the rates have this ratio.
        a, b, c = (n1 + n2) * ratio, n1 * ratio + k1 + n2 + k2 * ratio, k1 + k2
        rate = 2 * c / (b + np.sqrt(np.maximum(b * b - 4 * a * c, 0.0)))
        first = np.minimum(ratio * rate, 1.0)
        variance = first * (1 - first) / n1 + ratio**2 * rate * (1 - rate) / n2
        found = (k1 / n1 - ratio * (k2 / n2)) / np.sqrt(np.maximum(variance, 0.0))
    known: Floats = np.nan_to_num(found, nan=0.0, posinf=1e9, neginf=-1e9)
    return known


def _cubic(k1: Floats, n1: Floats, k2: Floats, n2: Floats, *, z: float) -> tuple[Floats, Floats]:
    """Logs of the two limits by Nam's cubic, solved by cosines; NaN where it has no roots."""
    zz, k, n = z * z, k1 + k2, n1 + n2
    with np.errstate(divide="ignore", invalid="ignore"):
        a = n2 * (n2 * n * k1 + n1 * (n2 + k1) * zz)
        b = -n2 * (n2 * n1 * k + 2 * n * k2 * k1 + n1 * (n2 + k2 + 2 * k1) * zz) / a
        c = (2 * n2 * n1 * k2 * k + n * k2**2 * k1 + n2 * n1 * k * zz) / a
        d = -n1 * k2**2 * k / a
        q, r = (b * b - 3 * c) / 9, (2 * b**3 - 9 * b * c + 27 * d) / 54
        angle = np.arccos(np.clip(r / np.sqrt(q**3), -1, 1)) / 3
        turns = np.array([-2 * np.pi / 3, 0.0, 2 * np.pi / 3])[:, None]
        roots = np.sort(-2 * np.sqrt(q) * np.cos(angle + turns) - b / 3, axis=0)[:2]
        limits = np.log((1 - (n1 - k1) * (1 - roots) / (k2 + n1 - n * roots)) / roots)
    return np.min(limits, axis=0), np.max(limits, axis=0)


def _polish(start: Floats, target: float, table: tuple[Floats, ...]) -> Floats:
    """Ratio at which the statistic equals `target`, from a start value for its log."""
    at, width = np.clip(np.nan_to_num(start), -_FARTHEST, _FARTHEST), 1e-4
    for _ in range(_STEPS):
        off = _statistic(at, *table) - target
        slope = (_statistic(at + width, *table) - target - off) / width
        at = at - np.where(slope < 0, off / np.where(slope < 0, slope, -1.0), 0.0).clip(-1, 1)
    astray = np.abs(_statistic(at, *table) - target) > _CLOSE
    if astray.any():
        at[astray] = _bisect(target, tuple(a[astray] for a in table))
    ratio: Floats = np.exp(at)
    return ratio


def _bisect(target: float, table: tuple[Floats, ...]) -> Floats:
    low = np.full(table[0].shape, -_FARTHEST)
    high = -low
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        over = _statistic(middle, *table) > target
        low, high = np.where(over, middle, low), np.where(over, high, middle)
    found: Floats = (low + high) / 2
    return found
