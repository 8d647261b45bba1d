"""Pooled effect of a programme: many small segments together say what none can say alone.

Fixed effect: one true effect, estimates weighted by their precision. Random effects: true
effects differ with standard deviation tau; the interval is Hartung and Knapp's, never narrower
than the plain one, and the prediction interval is where the effect of a *new* segment would lie.
Estimates come on a scale where they add (logarithms of ratios, differences).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from fewer.stats.estimate import (
    Estimates,
    Floats,
    Method,
    Why,
    counts,
    estimates,
    normal_quantile,
)

Spread = Literal["paule-mandel", "dersimonian-laird"]
LEAST_EXPECTED = 5.0
"""Conversions expected in each group of a segment below which its log ratio isn't used: the
logarithm of a smaller count is far from normal, and how much segments differ can't be seen."""

_LEAST = 2  # segments for a random effect
_LEAST_PREDICTED = 3  # segments for the effect of a new one
_STEPS = 60
_CLOSE = 1e-10
_DRAWS = 30
_HALVINGS = 45


@dataclass(frozen=True, slots=True)
class Pooled:
    """Pooled effects, one an element; `fixed` and `random` on the scale of the input."""

    fixed: Estimates
    random: Estimates
    prediction: Estimates  # its limits: where a new segment's effect lies
    tau2: Floats  # variance of true effects between segments
    i2: Floats  # share of the variation that is true, 0 to 1; NaN with fewer than 2
    q: Floats  # Cochran's statistic
    p_same: Floats  # p-value of "all segments have one effect"
    segments: Floats  # how many have an estimate

    def as_ratios(self) -> Pooled:
        """The same, from logarithms to ratios; `tau2` stays on the log scale."""
        return Pooled(
            _exp(self.fixed),
            _exp(self.random),
            _exp(self.prediction),
            self.tau2,
            self.i2,
            self.q,
            self.p_same,
            self.segments,
        )


def pool(
    effects: ArrayLike,
    errors: ArrayLike,
    *,
    spread: Spread = "paule-mandel",
    confidence: float = 0.95,
) -> Pooled:
    """Effects of segments, pooled over the last axis.

    Args:
        effects: Estimates on an additive scale, shape ``(..., segments)``; NaN is "none".
        errors: Their standard errors, same shape, positive; NaN is "none".
        spread: How the variance between segments is estimated. Paule and Mandel's is the
            default; DerSimonian and Laird's is the one most tools print.
        confidence: Two-sided coverage, a fraction.

    Returns:
        `Pooled` with the last axis gone. `random` needs 2 segments, `prediction` 3.

    Raises:
        ValueError: Shapes differ, or an error is not positive.

    Source:
        DerSimonian & Laird (1986), Controlled Clinical Trials 7, 177-188; Paule & Mandel
        (1982), J. Res. NBS 87, 377-385; Hartung & Knapp (2001), Statistics in Medicine 20,
        3875-3889, with the floor of Roever, Knapp & Friede (2015), BMC Med. Res. Meth. 15;
        Nagashima, Noma & Furukawa (2019), Stat. Meth. Med. Res. 28, 1689-1702, for the
        prediction, with the exact distribution of the generalised Q in place of a bootstrap.

    Example:
        >>> found = pool([0.1, 0.3, 0.2, 0.6], [0.1, 0.12, 0.2, 0.15])
        >>> one = found.random.at()
        >>> f"{one.value:.3f} [{one.lower:.3f}, {one.upper:.3f}], I2 {found.i2:.2f}"
        '0.290 [-0.054, 0.635], I2 0.62'
    """
    y, v, there = _inputs(effects, errors)
    k = there.sum(axis=-1).astype(np.float64)
    z = normal_quantile(confidence)
    weight = np.where(there, 1 / v, 0.0)
    centre, q = _weighted(y, weight)
    tau2 = _spread(y, v, there, spread)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        one = np.where(k > 0, centre, np.nan)
        error = np.sqrt(1 / weight.sum(-1))
        i2 = np.where(k >= _LEAST, np.maximum(1 - (k - 1) / q, 0.0), np.nan)
        p_same = np.where(k >= _LEAST, special.chdtrc(np.maximum(k - 1, 1), q), np.nan)
        p = 2 * special.ndtr(-np.abs(one) / error)
    fixed = estimates(
        one,
        one - z * error,
        one + z * error,
        method=Method.FIXED_EFFECT,
        p=p,
        why=np.where(k > 0, Why.FINE, Why.TOO_FEW_SEGMENTS),
        confidence=confidence,
    )
    random, prediction = _random(y, v, there, tau2, confidence)
    return Pooled(fixed, random, prediction, tau2, i2, q, p_same, k)


def pool_rates(
    k1: ArrayLike,
    n1: ArrayLike,
    k2: ArrayLike,
    n2: ArrayLike,
    *,
    spread: Spread = "paule-mandel",
    confidence: float = 0.95,
) -> Pooled:
    """Ratio of two rates, pooled over segments (last axis), as ratios.

    Segments with too few conversions for a logarithm are left out (see `log_ratios`). For one
    common ratio that takes them in, prefer `stratified.mantel_haenszel_ratio`, and read this
    one for how much segments differ.

    Args:
        k1: Converted in the first group, shape ``(..., segments)``.
        n1: People in the first group.
        k2: Converted in the comparison.
        n2: People in the comparison.
        spread: As `pool`.
        confidence: Two-sided coverage, a fraction.

    Raises:
        ValueError: A count is not between 0 and its group.

    Example:
        >>> found = pool_rates([12, 20, 9], [100, 90, 80], [6, 10, 6], [100, 90, 80])
        >>> f"{found.fixed.at().value:.2f}, tau {found.tau2 ** 0.5:.2f}"
        '1.82, tau 0.00'
    """
    effects, errors = log_ratios(k1, n1, k2, n2)
    return pool(effects, errors, spread=spread, confidence=confidence).as_ratios()


def log_ratios(k1: ArrayLike, n1: ArrayLike, k2: ArrayLike, n2: ArrayLike) -> tuple[Floats, Floats]:
    """Log of the ratio of two rates in each segment, and its standard error.

    The error is the one a segment of this size would have at the ratio all have in common: a
    segment's own would be small where its ratio is large by luck, and weigh that luck double.

    Args:
        k1: Converted in the first group, shape ``(..., segments)``.
        n1: People in the first group.
        k2: Converted in the comparison.
        n2: People in the comparison.

    Returns:
        Logarithms of ratios and their errors; NaN where less than `LEAST_EXPECTED` are
        expected in either group.

    Raises:
        ValueError: A count is not between 0 and its group.

    Example:
        >>> effect, error = log_ratios([20, 1], [200, 200], [10, 1], [200, 200])
        >>> effect.round(2).tolist(), error.round(2).tolist()
        ([0.67, nan], [0.37, nan])
    """
    (x1, m1), (x2, m2) = counts(k1, n1), counts(k2, n2)
    with np.errstate(divide="ignore", invalid="ignore"):
        common = (x1 * m2 / (m1 + m2)).sum(-1, keepdims=True, where=m1 + m2 > 0)
        common = common / (x2 * m1 / (m1 + m2)).sum(-1, keepdims=True, where=m1 + m2 > 0)
        share = np.where(np.isfinite(common), m1 * common / (m1 * common + m2), 1.0)
        first, second = (x1 + x2) * share, (x1 + x2) * (1 - share)
        variance = 1 / first + 1 / second - 1 / m1 - 1 / m2
        effect = np.log((x1 + 0.5) / (m1 + 0.5)) - np.log((x2 + 0.5) / (m2 + 0.5))
        known = (np.minimum(first, second) >= LEAST_EXPECTED) & (variance > 0)
        error = np.sqrt(np.where(known, variance, np.nan))
    return np.where(known, effect, np.nan), error


def _inputs(effects: ArrayLike, errors: ArrayLike) -> tuple[Floats, Floats, Floats]:
    y, s = np.asarray(effects, dtype=np.float64), np.asarray(errors, dtype=np.float64)
    if y.shape != s.shape or y.ndim == 0:
        raise ValueError(f"effects and errors have different shapes: {y.shape} and {s.shape}")
    there = np.isfinite(y) & np.isfinite(s)
    if (s[there] <= 0).any():
        raise ValueError("standard errors are positive; leave out (NaN) what has none")
    return np.where(there, y, 0.0), np.where(there, s, 1.0) ** 2, there.astype(np.float64)


def _weighted(y: Floats, weight: Floats) -> tuple[Floats, Floats]:
    """Weighted mean over the last axis, and the weighted squares around it."""
    with np.errstate(divide="ignore", invalid="ignore"):
        centre = (weight * y).sum(-1) / weight.sum(-1)
    centre = np.nan_to_num(centre)
    squares: Floats = (weight * (y - centre[..., None]) ** 2).sum(-1)
    return centre, squares


def _spread(y: Floats, v: Floats, there: Floats, how: Spread) -> Floats:
    """Variance of true effects, 0 or more."""
    k = there.sum(axis=-1)
    weight = there / v
    _, q = _weighted(y, weight)
    if how == "dersimonian-laird":
        with np.errstate(divide="ignore", invalid="ignore"):
            scale = weight.sum(-1) - (weight**2).sum(-1) / weight.sum(-1)
            found = np.where(k >= _LEAST, (q - (k - 1)) / scale, 0.0)
        return np.asarray(np.maximum(np.nan_to_num(found), 0.0))
    return _meeting(y, v, there, np.asarray(k - 1.0))


def _meeting(y: Floats, v: Floats, there: Floats, target: Floats) -> Floats:
    """The tau2 at which the weighted squares are as large as `target`; 0 if they never are.

    Newton's steps on the reciprocal, which is a straight line if all errors are equal.
    """
    tau2 = np.zeros_like(target)
    many = there.sum(axis=-1) >= _LEAST
    for _ in range(_STEPS):
        weight = there / (v + tau2[..., None])
        centre, q = _weighted(y, weight)
        slope = (weight**2 * (y - centre[..., None]) ** 2).sum(-1)
        fine = many & (slope > 0)
        step = q * (q - target) / np.where(fine, target * slope, np.inf)
        moved = np.maximum(tau2 + step, 0.0)
        done = (np.abs(moved - tau2) <= _CLOSE * moved).all()
        tau2 = moved
        if done:
            break
    return tau2


def _random(
    y: Floats, v: Floats, there: Floats, tau2: Floats, confidence: float
) -> tuple[Estimates, Estimates]:
    k = there.sum(axis=-1)
    centre, error = _hartung_knapp(y, v, there, tau2)
    free = np.maximum(k - 1, 1)
    value = np.where(k > 0, centre, np.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        reach = special.stdtrit(free, 0.5 + confidence / 2) * error
        p = 2 * special.stdtr(free, -np.abs(value) / error)
    new = _new(y, v, there, confidence)

    def offered(lower: Floats, upper: Floats, p: Floats, least: int) -> Estimates:
        few = k < least
        return estimates(
            value,
            np.where(few, np.nan, lower),
            np.where(few, np.nan, upper),
            method=Method.RANDOM_EFFECTS,
            p=np.where(few, np.nan, p),
            why=np.where(few, Why.TOO_FEW_SEGMENTS, Why.FINE),
            confidence=confidence,
        )

    none = np.full_like(value, np.nan)
    pooled = offered(value - reach, value + reach, p, _LEAST)
    return pooled, offered(*new, none, _LEAST_PREDICTED)


def _hartung_knapp(y: Floats, v: Floats, there: Floats, tau2: Floats) -> tuple[Floats, Floats]:
    """Pooled effect at this spread, and its standard error, not below the plain one."""
    weight = there / (v + tau2[..., None])
    centre, q = _weighted(y, weight)
    free = np.maximum(there.sum(axis=-1) - 1, 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return centre, np.sqrt(np.maximum(q / free, 1.0) / weight.sum(-1))


def _new(y: Floats, v: Floats, there: Floats, confidence: float) -> tuple[Floats, Floats]:
    """Limits for the effect of a new segment, tau2 being as unsure as it is.

    The weighted squares at the true tau2 are chi-squared, so their quantiles give tau2 a
    confidence distribution; the limits are quantiles over it, over the pooled effect's error
    and over the new effect. Plugging in one tau2 covers 89 % for six segments.
    """
    at = (np.arange(_DRAWS) + 0.5) / _DRAWS
    free = np.maximum(there.sum(axis=-1) - 1, 1)[..., None]
    y, v, there = (a[..., None, :] for a in (y, v, there))
    tau2 = _meeting(y, v, there, special.chdtri(free, at))
    centre, error = _hartung_knapp(y, v, there, tau2)
    error = np.where(np.isfinite(error), error, 1.0)
    drawn = centre[..., None] + error[..., None] * special.stdtrit(free[..., None], at)
    spread = np.sqrt(tau2 + (_CLOSE**0.5 * error) ** 2)[..., None]
    drawn, spread = drawn.reshape(*drawn.shape[:-2], -1), np.repeat(spread[..., 0], _DRAWS, axis=-1)

    def quantile(share: float) -> Floats:
        low, high = (drawn - 40 * spread).min(-1), (drawn + 40 * spread).max(-1)
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            under = special.ndtr((middle[..., None] - drawn) / spread).mean(-1) < share
            low, high = np.where(under, middle, low), np.where(under, high, middle)
        found: Floats = (low + high) / 2
        return found

    return quantile((1 - confidence) / 2), quantile((1 + confidence) / 2)


def _exp(found: Estimates) -> Estimates:
    return Estimates(
        np.exp(found.value),
        np.exp(found.lower),
        np.exp(found.upper),
        found.p,
        found.why,
        found.method,
        found.confidence,
    )
