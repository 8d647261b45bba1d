"""The Bayesian view: how likely one group is better, by how much, and what a wrong choice costs.

Beta-binomial for rates, gamma-Poisson for counts, normal for anything with a standard error.
These figures answer another question than p-values and never share a column with them. With the
prior of a family (`shrinkage.fit_beta`) they are shrunk; with a flat one a table of many segments
shows as many false winners as plain figures do.
"""

from __future__ import annotations

from dataclasses import dataclass

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

Prior = tuple[float, float]
JEFFREYS: Prior = (0.5, 0.5)
"""Prior of a rate worth one person, half of them converted."""

VAGUE: Prior = (0.5, 0.0)
"""Prior of a count: half an event in no time."""

_NODES = 161
_WIDTH = 9.0  # posterior standard deviations on the logit scale, to either side
_TAIL = 20.0  # exp(-20) of the probability is left out


@dataclass(frozen=True, slots=True)
class View:
    """What the posterior says of two groups; arrays of one shape, NaN where nobody was seen."""

    better: Floats  # chance that the first is above the comparison
    clearly: Floats  # chance that it is above it by more than the smallest change that matters
    loss_if_chosen: Floats  # expected loss of choosing the first, in the unit of the rates
    loss_if_not: Floats  # expected loss of staying with the comparison


def rate_posterior(
    k: ArrayLike, n: ArrayLike, *, prior: Prior = JEFFREYS, confidence: float = 0.95
) -> Estimates:
    """One rate with the equal-tailed interval of its beta posterior.

    Args:
        k: People who converted.
        n: People; without any the interval is the prior's.
        prior: Parameters of the beta prior, positive.
        confidence: Posterior probability inside, a fraction.

    Returns:
        Posterior means, fractions.

    Raises:
        ValueError: `k` is not between 0 and `n`, or the prior not positive.

    Example:
        >>> one = rate_posterior([50], [100]).at(0)
        >>> f"{one.value} [{one.lower:.4f}, {one.upper:.4f}]"
        '0.5 [0.4032, 0.5968]'
    """
    some, of = counts(k, n)
    a, b = some + _positive(prior)[0], of - some + prior[1]
    half = _half(confidence)
    return estimates(
        a / (a + b),
        special.betaincinv(a, b, half),
        special.betaincinv(a, b, 1 - half),
        method=Method.BETA,
        confidence=confidence,
    )


def rates_view(
    k1: ArrayLike,
    n1: ArrayLike,
    k2: ArrayLike,
    n2: ArrayLike,
    *,
    smallest: float = 0.0,
    priors: tuple[Prior, Prior] = (JEFFREYS, JEFFREYS),
) -> View:
    """Two rates under beta posteriors.

    Args:
        k1: People who converted in the first group.
        n1: People in the first group.
        k2: People who converted in the comparison.
        n2: People in the comparison.
        smallest: The smallest relative change that matters: 0.05 is 5 % above the comparison.
        priors: Beta priors of the first group and of the comparison; a family's from
            `shrinkage.fit_beta`.

    Returns:
        `View`; losses are conversions a person, as fractions.

    Raises:
        ValueError: A count is not between 0 and its group, or a prior is not positive.

    Source:
        Integrals over the narrower posterior by the trapezoidal rule on the logit scale, where
        the integrand and all its derivatives vanish at both ends.

    Example:
        >>> found = rates_view([60], [1000], [45], [1000], smallest=0.1)
        >>> f"{found.better[0]:.3f} {found.clearly[0]:.3f} {found.loss_if_chosen[0]:.5f}"
        '0.934 0.842 0.00029'
    """
    (x1, m1), (x2, m2) = counts(k1, n1), counts(k2, n2)
    first, second = _positive(priors[0]), _positive(priors[1])
    a1, b1, a2, b2 = (
        np.atleast_1d(a)
        for a in np.broadcast_arrays(
            x1 + first[0], m1 - x1 + first[1], x2 + second[0], m2 - x2 + second[1]
        )
    )
    # Integrate over the narrower of the two: the other's distribution is then smooth on the grid.
    narrow_first = _logit_variance(a1, b1) < _logit_variance(a2, b2)
    rate, weight = _grid(np.where(narrow_first, a1, a2), np.where(narrow_first, b1, b2))
    a, b = (np.where(narrow_first, x, y)[..., None] for x, y in ((a2, a1), (b2, b1)))
    below = special.betainc(a, b, rate)
    # Expected shortfall of the wider below a given rate of the narrower, in closed form.
    short = rate * below - a / (a + b) * special.betainc(a + 1, b, rate)
    under, shortfall = (weight * below).sum(-1), (weight * short).sum(-1)
    better = np.where(narrow_first, under, 1 - under)
    gain = a1 / (a1 + b1) - a2 / (a2 + b2)
    loss = np.where(narrow_first, shortfall - gain, shortfall)
    clearly = better
    if smallest:
        times = np.where(narrow_first, 1 / (1 + smallest), 1 + smallest)[..., None]
        passed = (weight * special.betainc(a, b, np.minimum(rate * times, 1.0))).sum(-1)
        clearly = np.where(narrow_first, passed, 1 - passed)
    shape = np.shape(np.broadcast_arrays(x1, m1, x2, m2)[0])
    seen = np.broadcast_to((m1 > 0) & (m2 > 0), shape)
    return _view(better, clearly, loss, loss + gain, seen)


def counts_view(
    count1: ArrayLike,
    exposure1: ArrayLike,
    count2: ArrayLike,
    exposure2: ArrayLike,
    *,
    smallest: float = 0.0,
    priors: tuple[Prior, Prior] = (VAGUE, VAGUE),
) -> View:
    """Two rates of events (conversions per click, per day, per money) under gamma posteriors.

    Args:
        count1: Events of the first group, whole numbers from 0.
        exposure1: What they are divided by, positive.
        count2: Events of the comparison.
        exposure2: Its exposure, in the same unit.
        smallest: The smallest relative change that matters.
        priors: Shape (events, positive) and rate (exposure, 0 or more) of the gamma priors.

    Returns:
        `View` in closed form; losses are events per unit of exposure.

    Raises:
        ValueError: Counts are negative or not whole, or exposures negative.

    Example:
        >>> found = counts_view([60], [100.0], [45], [100.0])
        >>> f"{found.better[0]:.3f} {found.loss_if_chosen[0]:.5f}"
        '0.929 0.00327'
    """
    x1, e1, x2, e2 = np.broadcast_arrays(
        *(np.asarray(a, dtype=np.float64) for a in (count1, exposure1, count2, exposure2))
    )
    whole = all(np.isfinite(x).all() and (x >= 0).all() and not (x % 1).any() for x in (x1, x2))
    if not whole or not all(np.isfinite(e).all() and (e >= 0).all() for e in (e1, e2)):
        raise ValueError("counts are whole numbers from 0, exposures 0 or more")
    a1, b1 = x1 + priors[0][0], e1 + priors[0][1]
    a2, b2 = x2 + priors[1][0], e2 + priors[1][1]
    seen = (b1 > 0) & (b2 > 0)
    b1, b2 = np.where(seen, b1, 1.0), np.where(seen, b2, 1.0)

    def above(shape1: Floats, shape2: Floats, times: float) -> Floats:
        """Chance that a gamma of the first is above `times` one of the second."""
        cut = times * b1 / (b2 + times * b1)
        found: Floats = special.betaincc(shape1, shape2, cut)
        return found

    m1, m2 = a1 / b1, a2 / b2
    loss = m2 * (1 - above(a1, a2 + 1, 1.0)) - m1 * (1 - above(a1 + 1, a2, 1.0))
    better = above(a1, a2, 1.0)
    clearly = above(a1, a2, 1 + smallest)
    return _view(better, clearly, np.maximum(loss, 0.0), np.maximum(loss + m1 - m2, 0.0), seen)


def normal_view(
    effect: ArrayLike,
    error: ArrayLike,
    *,
    smallest: float = 0.0,
    prior: tuple[float, float] | None = None,
    confidence: float = 0.95,
) -> tuple[Estimates, View]:
    """Any effect with a standard error, under a normal posterior.

    Args:
        effect: Effects on an additive scale (differences, logarithms of ratios), any shape.
        error: Their standard errors, positive.
        smallest: The smallest effect that matters, on the same scale.
        prior: Average and standard deviation of effects before seeing these, from past
            programmes; flat when not given.
        confidence: Posterior probability inside the interval, a fraction.

    Returns:
        Posterior means with intervals, and the `View`; losses in units of the effect.

    Raises:
        ValueError: An error is not positive.

    Example:
        >>> found, view = normal_view([0.05], [0.03628], prior=(0.1, 0.1 ** 0.5))
        >>> one = found.at(0)
        >>> f"{one.value:.4f} [{one.lower:.4f}, {one.upper:.4f}], {view.better[0]:.2f}"
        '0.0506 [-0.0200, 0.1213], 0.92'
    """
    y, s = np.broadcast_arrays(np.asarray(effect, np.float64), np.asarray(error, np.float64))
    if not (s[np.isfinite(s)] > 0).all():
        raise ValueError("standard errors are positive; leave out (NaN) what has none")
    precision = 1 / s**2
    if prior is not None:
        average, spread = prior
        y = (y * precision + average / spread**2) / (precision + 1 / spread**2)
        precision = precision + 1 / spread**2
    s = 1 / np.sqrt(precision)
    z, reach = y / s, normal_quantile(confidence) * s
    known = np.isfinite(y) & np.isfinite(s)
    found = estimates(
        np.where(known, y, np.nan),
        y - reach,
        y + reach,
        method=Method.POSTERIOR,
        why=np.where(known, Why.FINE, Why.NONE_AT_ALL),
        confidence=confidence,
    )
    density = np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)
    loss = s * density - y * special.ndtr(-z)
    return found, _view(
        special.ndtr(z), special.ndtr((y - smallest) / s), loss, loss + y, np.asarray(known)
    )


def _logit_variance(a: Floats, b: Floats) -> Floats:
    found: Floats = special.polygamma(1, a) + special.polygamma(1, b)
    return found


def _grid(a: Floats, b: Floats) -> tuple[Floats, Floats]:
    """Rates across a beta distribution, last axis, and its probability at each."""
    centre = special.digamma(a) - special.digamma(b)
    width = np.sqrt(_logit_variance(a, b))
    # Tails fall off as exp(a t) and exp(-b t): slowly with less than one event on a side.
    left = centre - np.maximum(_WIDTH * width, _TAIL / a)
    right = centre + np.maximum(_WIDTH * width, _TAIL / b)
    at = np.linspace(left, right, _NODES, axis=-1)
    rate = special.expit(at)
    logs = -a[..., None] * np.logaddexp(0, -at) - b[..., None] * np.logaddexp(0, at)
    weight = np.exp(logs - logs.max(axis=-1, keepdims=True))
    return rate, weight / weight.sum(axis=-1, keepdims=True)


def _view(
    better: Floats,
    clearly: Floats,
    loss: Floats,
    loss_not: Floats,
    seen: np.ndarray[tuple[int, ...], np.dtype[np.bool_]],
) -> View:
    def shown(array: Floats) -> Floats:
        return np.where(seen, np.reshape(array, seen.shape), np.nan)

    return View(
        shown(np.clip(better, 0, 1)),
        shown(np.clip(clearly, 0, 1)),
        shown(np.maximum(loss, 0.0)),
        shown(np.maximum(loss_not, 0.0)),
    )


def _half(confidence: float) -> float:
    normal_quantile(confidence)  # refuses what is no confidence
    return (1 - confidence) / 2


def _positive(prior: Prior) -> Prior:
    if not (prior[0] > 0 and prior[1] > 0):
        raise ValueError(f"the parameters of a beta prior are positive, not {prior}")
    return prior
