"""Shrunk estimates: each segment's figure drawn towards what segments of this family do on average.

In a table of many small segments the best ones are best partly by luck, so their plain figures
promise too much. Empirical Bayes learns from the whole table how much segments truly differ,
and keeps of each departure the share that is likely real. The intervals are the robust ones of
Armstrong, Kolesár and Plagborg-Møller: on average over segments they hold as often as promised
whatever the distribution of true effects, which intervals of a posterior do not. They are no
promise for the best few of a table: those are confirmed on other people.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import optimize, special

from fewer.stats.estimate import Estimates, Floats, Method, Why, counts, estimates, normal_quantile
from fewer.stats.pooled import log_ratios
from fewer.stats.robust import cva_all

LEAST_SEGMENTS = 10
"""Segments with an estimate below which nothing is shrunk: their spread can't be learnt."""

_FAR = 12.0  # of the logit of a mean rate and the log of a precision
_QUADRATURE = 40


@dataclass(frozen=True, slots=True)
class Shrunk:
    """Shrunk estimates of one family, and what they were shrunk by."""

    found: Estimates  # shrunk values with robust intervals
    posterior: Estimates  # the same values with the interval of a normal (or beta) posterior
    kept: Floats  # share kept of each segment's departure from the average, 0 to 1
    average: float  # what they are drawn to, on the scale of the estimates
    spread: float  # standard deviation of true effects (log scale where ratios are shrunk)
    kurtosis: float  # of true effects: 3 if they are normal
    segments: int  # how many had an estimate

    def as_ratios(self) -> Shrunk:
        """The same, from logarithms to ratios; `spread` stays on the log scale."""
        return Shrunk(
            _exp(self.found),
            _exp(self.posterior),
            self.kept,
            float(np.exp(self.average)),
            self.spread,
            self.kurtosis,
            self.segments,
        )


def shrink(effects: ArrayLike, errors: ArrayLike, *, confidence: float = 0.95) -> Shrunk:
    """Estimates of one family on an additive scale, shrunk towards their weighted average.

    Args:
        effects: Estimates (differences, logarithms of ratios), shape ``(segments,)``; NaN is
            "none" and stays so.
        errors: Their standard errors, same shape, positive; NaN is "none".
        confidence: Coverage on average over the segments, a fraction.

    Returns:
        `Shrunk`, in the order given. Fewer than `LEAST_SEGMENTS` estimates: nothing is shrunk.

    Raises:
        ValueError: Shapes differ, or an error is not positive.

    Source:
        Armstrong, Kolesár & Plagborg-Møller (2022), Econometrica 90, 2567-2602, section 4 with
        their finite-sample corrections and precision weights.

    Example:
        >>> spread, noise = np.linspace(-1, 1, 21), np.full(21, 0.5)
        >>> found = shrink(spread, noise)
        >>> one = found.found.at(20)
        >>> f"{one.value:.2f} [{one.lower:.2f}, {one.upper:.2f}], kept {found.kept[20]:.2f}"
        '0.32 [-0.38, 1.02], kept 0.32'
    """
    y, s = np.asarray(effects, dtype=np.float64), np.asarray(errors, dtype=np.float64)
    if y.shape != s.shape or y.ndim != 1:
        raise ValueError(
            f"effects and errors are two lists of one length, not {y.shape}, {s.shape}"
        )
    there = np.isfinite(y) & np.isfinite(s)
    if (s[there] <= 0).any():
        raise ValueError("standard errors are positive; leave out (NaN) what has none")
    if there.sum() < LEAST_SEGMENTS:
        return _unshrunk(y, int(there.sum()), confidence)
    known, v = y[there], s[there] ** 2
    average, mu2, kurtosis = moments_of_effects(known, v)
    kept = mu2 / (mu2 + v)
    value = average + kept * (known - average)
    error = kept * np.sqrt(v)
    robust = cva_all(v / mu2, kurtosis, confidence=confidence) * error
    normal = normal_quantile(confidence) * np.sqrt(kept * v)
    return Shrunk(
        _spread_out(there, value, robust, Method.EMPIRICAL_BAYES, confidence),
        _spread_out(there, value, normal, Method.POSTERIOR, confidence),
        _put(there, kept),
        average,
        float(np.sqrt(mu2)),
        kurtosis,
        int(there.sum()),
    )


def shrink_ratios(
    k1: ArrayLike, n1: ArrayLike, k2: ArrayLike, n2: ArrayLike, *, confidence: float = 0.95
) -> Shrunk:
    """Ratios of two rates, shrunk on the log scale and given back as ratios.

    Args:
        k1: Converted in the first group, shape ``(segments,)``.
        n1: People in the first group.
        k2: Converted in the comparison.
        n2: People in the comparison.
        confidence: Coverage on average over the segments, a fraction.

    Raises:
        ValueError: A count is not between 0 and its group.

    Example:
        >>> k1 = [30, 24, 41, 18, 25, 33, 60, 22, 27, 35, 29, 31]
        >>> found = shrink_ratios(k1, [1000] * 12, [25] * 12, [1000] * 12)
        >>> f"{found.found.at(6).value:.2f} instead of {60 / 25}"
        '1.61 instead of 2.4'
    """
    return shrink(*log_ratios(k1, n1, k2, n2), confidence=confidence).as_ratios()


def shrink_rates(k: ArrayLike, n: ArrayLike, *, confidence: float = 0.95) -> Shrunk:
    """Rates of one family, shrunk with a beta-binomial model fitted by maximum likelihood.

    Args:
        k: People who converted, shape ``(segments,)``.
        n: People; segments without any stay without an estimate.
        confidence: Coverage on average over the segments, a fraction.

    Returns:
        `Shrunk` with rates as fractions. The robust interval uses the variance of true rates
        and of sampling at the shrunk rate; it is cut at 0 and 1.

    Raises:
        ValueError: A count is not between 0 and its group.

    Source:
        Efron & Morris (1977), Scientific American 236, 119-127, for the idea; the interval as
        `shrink`.

    Example:
        >>> hits = [18, 17, 16, 15, 14, 14, 13, 12, 11, 11, 10, 10, 10, 10, 10, 9, 8, 7]
        >>> found = shrink_rates(hits, [45] * 18)
        >>> f"{found.average:.3f}, first {found.found.at(0).value:.3f} of {18 / 45}"
        '0.265, first 0.272 of 0.4'
    """
    some, of = counts(k, n)
    if some.ndim != 1:
        raise ValueError(f"counts are lists of segments, not {some.shape}")
    there = of > 0
    with np.errstate(divide="ignore", invalid="ignore"):
        plain = np.where(there, some / of, np.nan)
    if there.sum() < LEAST_SEGMENTS:
        return _unshrunk(plain, int(there.sum()), confidence)
    x, m = some[there], of[there]
    a, b = fit_beta(x, m)
    average = a / (a + b)
    kept = m / (m + a + b)
    value = (x + a) / (m + a + b)
    mu2 = average * (1 - average) / (a + b + 1)
    v = value * (1 - value) / m
    kurtosis = _beta_kurtosis(x / m, v, average, mu2)
    # The bias of what is kept, against its sampling error: as for `shrink`, but the weight is
    # the model's, not the ratio of the two variances.
    bias = ((1 - kept) / kept) ** 2 * mu2 / v
    reach = cva_all(bias, kurtosis, confidence=confidence) * kept * np.sqrt(v)
    found = _spread_out(there, value, reach, Method.EMPIRICAL_BAYES, confidence)
    half = (1 - confidence) / 2
    posterior = estimates(
        _put(there, value),
        _put(there, special.betaincinv(x + a, m - x + b, half)),
        _put(there, special.betainccinv(x + a, m - x + b, half)),
        method=Method.BETA,
        why=np.where(there, Why.FINE, Why.NO_PEOPLE),
        confidence=confidence,
    )
    cut = Estimates(
        found.value,
        np.maximum(found.lower, 0.0),
        np.minimum(found.upper, 1.0),
        found.p,
        np.where(there, Why.FINE, Why.NO_PEOPLE).astype(np.uint8),
        found.method,
        confidence,
    )
    return Shrunk(
        cut, posterior, _put(there, kept), average, float(np.sqrt(mu2)), kurtosis, int(there.sum())
    )


def fit_beta(k: ArrayLike, n: ArrayLike) -> tuple[float, float]:
    """The beta distribution of rates that makes these counts most likely.

    Args:
        k: People who converted, one element a segment.
        n: People, positive.

    Returns:
        Its two parameters; their sum is how many people the family's average weighs as much as.

    Example:
        >>> a, b = fit_beta([10, 30, 20, 15], [100, 100, 100, 100])
        >>> round(a / (a + b), 2)
        0.19
    """
    some, of = counts(k, n)
    # Equal pairs count once: a family of thousands of small segments has few distinct ones.
    pairs, times = np.unique(np.stack([some, of]), axis=1, return_counts=True)
    x, m = pairs

    def surprise(at: Floats) -> float:
        mean, size = special.expit(at[0]), np.exp(at[1])
        a, b = np.maximum(mean * size, 1e-12), np.maximum((1 - mean) * size, 1e-12)
        likely = special.betaln(x + a, m - x + b) - special.betaln(a, b)
        return float(-(times * likely).sum())

    start = special.logit(np.clip(some.sum() / of.sum(), 1e-6, 1 - 1e-6))
    best = optimize.minimize(
        surprise,
        np.array([start, np.log(np.median(of))]),
        method="L-BFGS-B",
        bounds=[(-_FAR, _FAR), (-_FAR, 2 * _FAR)],
    )
    mean, size = float(special.expit(best.x[0])), float(np.exp(best.x[1]))
    return mean * size, (1 - mean) * size


def james_stein(effects: ArrayLike, error: float) -> Floats:
    """Estimates with one common standard error, shrunk by the classical positive-part rule.

    The textbook form, without intervals; `shrink` is the one to use.

    Args:
        effects: Estimates, shape ``(segments,)``, 4 or more.
        error: Their common standard error.

    Source:
        Efron & Morris (1977), Scientific American 236, 119-127.

    Example:
        >>> james_stein([1.0, 2.0, 3.0, 6.0], 1.0).round(2).tolist()
        [1.14, 2.07, 3.0, 5.79]
    """
    y = np.asarray(effects, dtype=np.float64)
    off = y - y.mean()
    kept = 1 - (y.size - 3) * error**2 / float((off**2).sum())
    found: Floats = y.mean() + max(kept, 0.0) * off
    return found


def moments_of_effects(y: Floats, v: Floats) -> tuple[float, float, float]:
    """Average, variance and kurtosis of true effects, from estimates and sampling variances.

    Weighted by precision; never below what their own noise could hide (the authors' "PMT"
    correction), so the variance is positive.
    """
    weight = 1 / v
    total = weight.sum()
    average = float((weight * y).sum() / total)
    e = y - average
    mu2 = float((weight * (e**2 - v)).sum() / total)
    mu2 = max(mu2, float(2 * (weight**2 * v**2).sum() / (total * (weight * v).sum())))
    fourth = float((weight * (e**4 - 6 * v * e**2 + 3 * v**2)).sum() / total)
    floor = 1 + float(32 * (weight**2 * v**4).sum() / (mu2**2 * total * (weight * v**2).sum()))
    return average, mu2, max(fourth / mu2**2, floor)


def _beta_kurtosis(rate: Floats, v: Floats, average: float, mu2: float) -> float:
    e = rate - average
    weight = 1 / v
    fourth = float((weight * (e**4 - 6 * v * e**2 + 3 * v**2)).sum() / weight.sum())
    return max(fourth / mu2**2, 3.0)


def _unshrunk(y: Floats, many: int, confidence: float) -> Shrunk:
    none = estimates(
        np.full(y.shape, np.nan),
        np.nan,
        np.nan,
        method=Method.EMPIRICAL_BAYES,
        why=Why.TOO_FEW_SEGMENTS,
        confidence=confidence,
    )
    return Shrunk(none, none, np.full(y.shape, np.nan), np.nan, np.nan, np.nan, many)


def _spread_out(
    there: np.ndarray[tuple[int, ...], np.dtype[np.bool_]],
    value: Floats,
    reach: Floats,
    method: Method,
    confidence: float,
) -> Estimates:
    return estimates(
        _put(there, value),
        _put(there, value - reach),
        _put(there, value + reach),
        method=method,
        why=np.where(there, Why.FINE, Why.NONE_AT_ALL),
        confidence=confidence,
    )


def _put(there: np.ndarray[tuple[int, ...], np.dtype[np.bool_]], values: Floats) -> Floats:
    out = np.full(there.shape, np.nan)
    out[there] = values
    return out


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
