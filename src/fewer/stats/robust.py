"""Critical value of an interval around a shrunk estimate that holds whatever the true effects are.

A shrunk estimate is biased towards the average, and by how much depends on the unknown effect.
Knowing only the variance of the effects (and, if given, their kurtosis), the least favourable
distribution puts them on two or three points; the critical value is the one at which even
that distribution is covered as often as promised, on average over segments.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike
from scipy import interpolate, optimize, special

from fewer.stats.estimate import Floats

_CONCAVE = math.sqrt(3.0)  # up to here the chance of a miss is concave in the squared bias
_POINTS = 400
_CENTRES = 24
_ZOOMS = 5
_NODES = 24
_FLAT = 1e-12
_LARGE = 1e6  # bias variance from which Chebyshev's bound is exact to a thousandth


def cva(bias: float, kurtosis: float = math.inf, *, confidence: float = 0.95) -> float:
    """Critical value, in standard errors of the shrunk estimate.

    Args:
        bias: Variance of the bias over that of the shrunk estimate; 0 or more. For the usual
            shrinkage it is the sampling variance over the variance of true effects.
        kurtosis: Fourth moment of the effects over their squared variance, 1 or more.
        confidence: Coverage on average over segments, a fraction.

    Returns:
        1.96 without bias and for 95 %, more otherwise.

    Raises:
        ValueError: `bias` is negative or `kurtosis` below 1.

    Source:
        Armstrong, Kolesár & Plagborg-Møller (2022), Econometrica 90, 2567-2602, section 3;
        the values of their R package `ebci` 1.0.0 are tests.

    Example:
        >>> f"{cva(0):.3f} {cva(4):.3f} {cva(4, 3):.3f}"
        '1.960 7.216 4.620'
    """
    if not (bias >= 0 and kurtosis >= 1):
        raise ValueError("the bias is 0 or more and the kurtosis 1 or more")
    level = 1 - confidence
    if bias > _LARGE:
        return math.sqrt((1 + bias) / level)
    low = float(special.ndtri(1 - level / 2))
    high = math.sqrt((1 + bias) / level) + 1  # Chebyshev
    if miss(bias, kurtosis, low) <= level:
        return low
    found = optimize.brentq(lambda chi: miss(bias, kurtosis, chi) - level, low, high, xtol=1e-8)
    return float(found)


def cva_all(bias: ArrayLike, kurtosis: float = math.inf, *, confidence: float = 0.95) -> Floats:
    """`cva` for many segments that share a kurtosis; interpolated, within 0.1 %.

    Example:
        >>> cva_all([0.0, 4.0], 3).round(3).tolist()
        [1.96, 4.62]
    """
    wanted = np.asarray(bias, dtype=np.float64)
    distinct = np.unique(wanted[wanted > 0])
    if distinct.size > _NODES:
        logs = np.log(distinct)
        nodes = np.linspace(logs[0], logs[-1], _NODES)
        values = [cva(math.exp(x), kurtosis, confidence=confidence) for x in nodes]
        curve = interpolate.PchipInterpolator(nodes, np.log(values))
        distinct_values = np.exp(curve(logs))
    else:
        distinct_values = np.array(
            [cva(float(x), kurtosis, confidence=confidence) for x in distinct]
        )
    out = np.full(wanted.shape, cva(0.0, confidence=confidence))
    out[wanted > 0] = distinct_values[np.searchsorted(distinct, wanted[wanted > 0])]
    return out


def miss(bias: float, kurtosis: float, chi: float) -> float:
    """Largest chance that an interval of `chi` standard errors misses, over all distributions.

    Example:
        >>> round(miss(2.8**2, 8, 7.13242901478984), 6)
        0.098051
    """
    tangent = _tangent(chi)
    if bias >= tangent or kurtosis == 1:
        return float(_r(np.array(bias), chi))
    if bias == 0:
        return float(_r(np.array(0.0), chi))
    if kurtosis * bias >= tangent:  # two points, 0 and the tangent's, do not break the kurtosis
        at = _r(np.array([0.0, tangent]), chi)
        return float(at[0] + bias / tangent * (at[1] - at[0]))
    return _constrained(bias, kurtosis, chi, tangent)


def _r(squared: Floats, chi: float) -> Floats:
    """Chance of a miss with this squared bias, in standard errors."""
    b = np.sqrt(squared)
    found: Floats = special.ndtr(-chi - b) + special.ndtr(b - chi)
    return found


def _slope(squared: Floats, chi: float) -> Floats:
    """Derivative of `_r`; at 0 its limit."""
    b = np.sqrt(np.maximum(squared, _FLAT))
    found: Floats = (_phi(b - chi) - _phi(b + chi)) / (2 * b)
    return found


def _bend(squared: Floats, chi: float) -> Floats:
    """Second derivative of `_r`; at 0 its limit."""
    small = squared < 1e-4  # noqa: PLR2004  below it the quotient loses its digits
    b = np.sqrt(np.where(small, 1.0, squared))
    up, down = _phi(b - chi), _phi(b + chi)
    exact = (down * (b * b + b * chi + 1) - up * (b * b - b * chi + 1)) / (4 * b**3)
    limit = _phi(np.array(chi)) * chi * (chi * chi - 3) / 6
    return np.where(small, limit, exact)


def _phi(x: Floats) -> Floats:
    found: Floats = np.exp(-x * x / 2) / math.sqrt(2 * math.pi)
    return found


def _tangent(chi: float) -> float:
    """Where a line from the point at 0 touches `_r`; beyond it `_r` is its own concave hull."""
    if chi <= _CONCAVE:
        return 0.0

    def above(t: float) -> float:
        at = np.array([0.0, t])
        r = _r(at, chi)
        return float(r[1] - r[0] - t * _slope(at[1:], chi)[0])

    # Convex up to an inflection, concave after: the sign changes once. Far out everything
    # before the last few standard errors is 0 to the last digit, which shows no sign.
    low, high = max(chi - 3, 0.03) ** 2, (chi + 10) ** 2
    if above(low) >= 0:
        return 0.0
    return float(optimize.brentq(above, low, high, xtol=1e-9))


def _constrained(bias: float, kurtosis: float, chi: float, tangent: float) -> float:
    """By duality: the lowest parabola that lies above `_r`, tangent at some centre."""
    x = np.linspace(0, math.sqrt(tangent), _POINTS) ** 2
    r = _r(x, chi)
    low, high = 0.0, math.sqrt(tangent)
    best = math.inf
    for _ in range(_ZOOMS):
        root = np.linspace(low, high, _CENTRES)
        value = _above(root**2, x, r, (bias, kurtosis, chi))
        i = int(np.argmin(value))
        best = min(best, float(value[i]))
        low, high = root[max(i - 1, 0)], root[min(i + 1, _CENTRES - 1)]
    return best


def _above(centre: Floats, x: Floats, r: Floats, at: tuple[float, float, float]) -> Floats:
    bias, kurtosis, chi = at
    start, slope = _r(centre, chi), _slope(centre, chi)
    gap = x - centre[:, None]
    close = np.abs(gap) < 1e-3 * (1 + centre[:, None])
    with np.errstate(divide="ignore", invalid="ignore"):
        curve = (r - start[:, None] - gap * slope[:, None]) / gap**2
    curve = np.where(close, _bend(centre, chi)[:, None] / 2, curve)
    steepest = _peak(curve)
    found: Floats = (
        start
        + (bias - centre) * slope
        + ((centre - bias) ** 2 + (kurtosis - 1) * bias**2) * steepest
    )
    return found


def _peak(curve: Floats) -> Floats:
    """Largest value of each row, a parabola through the three points around it."""
    i = np.clip(np.argmax(curve, axis=1), 1, curve.shape[1] - 2)
    rows = np.arange(len(curve))
    a, b, c = curve[rows, i - 1], curve[rows, i], curve[rows, i + 1]
    bend = a - 2 * b + c
    with np.errstate(divide="ignore", invalid="ignore"):
        top = b - (a - c) ** 2 / (8 * bend)
    ends = np.maximum(np.maximum(a, b), c)
    return np.asarray(np.where((bend < 0) & (b >= np.maximum(a, c)), top, ends))
