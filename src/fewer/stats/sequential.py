"""Results that may be read every day: intervals and split checks that hold at all looks together.

An ordinary 95 % interval holds at one look that was fixed before. Read daily until it excludes
zero, it does so by chance in one test of four within a month. A confidence sequence holds at
every look at once; the price is a wider interval (half as wide again at the planned end).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from fewer.stats.estimate import (
    Estimates,
    Flags,
    Floats,
    Method,
    Why,
    counts,
    estimates,
    normal_quantile,
)
from fewer.stats.mean import LEAST_VALUES, Moments

LEAST_EVENTS = 20
"""Conversions (or people with a value) in each group before which no sequence is shown: it
rests on averages being nearly normal from its first look on."""

CONCENTRATION = 1000.0
"""How near the planned shares the split check expects broken ones; the higher, the better it
sees small departures in large tests, and the later large ones in small tests."""


def confidence_sequence(
    value: ArrayLike,
    error: ArrayLike,
    n: ArrayLike,
    *,
    planned: ArrayLike,
    confidence: float = 0.95,
    log: bool = False,
) -> Estimates:
    """Any estimate with its standard error, as an interval that holds at every look.

    Args:
        value: Estimates at this look, any shape.
        error: Their standard errors on the additive scale (of the logarithm if `log`).
        n: How far it has come: people so far, of both groups together. Where all were assigned at
            once and their outcomes come in, the conversions so far.
        planned: The same at the planned end, where the interval is narrowest for its kind. Fix
            it before the start: the promise is lost if it is chosen after a look.
        confidence: Chance that *all* looks hold the truth, a fraction.
        log: Whether `value` is a ratio.

    Returns:
        Estimates with always-valid limits and p-values: a p below 5 % may be acted on whenever
        it is seen first.

    Raises:
        ValueError: `planned` is not positive.

    Source:
        Waudby-Smith, Arbour, Sinha, Kennedy & Ramdas (2024), Annals of Statistics 52,
        arXiv 2103.06476, equation 9 (rho as in their appendix B.2).

    Example:
        >>> one = confidence_sequence([0.50336], [0.33341], [6461], planned=1000).at(0)
        >>> f"{one.value:.3f} [{one.lower:.3f}, {one.upper:.3f}]"
        '0.503 [-0.558, 1.565]'
    """
    centre, s, many = (np.asarray(a, dtype=np.float64) for a in (value, error, n))
    level = 1 - confidence
    normal_quantile(confidence)  # refuses what is no confidence
    squared = _rho_squared(level, planned)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        at = np.log(centre) if log else centre
        known = np.isfinite(at) & (s > 0) & (many > 0)
        grown = many * squared + 1
        reach = s * np.sqrt(2 * grown / (many * squared) * np.log(np.sqrt(grown) / level))
        evidence = (at / s) ** 2 * many * squared / (2 * grown) - 0.5 * np.log(grown)
        p = np.minimum(1.0, np.exp(-np.maximum(evidence, 0.0)))
        lower, upper = at - reach, at + reach
        if log:
            lower, upper = np.exp(lower), np.exp(upper)
    bounded = np.where(np.isinf(upper), Why.ANY_VALUE, Why.FINE)  # beyond the largest number
    return estimates(
        centre,
        np.where(known, lower, np.nan),
        np.where(known, upper, np.nan),
        method=Method.SEQUENCE,
        p=np.where(known, p, np.nan),
        why=np.where(known, bounded, Why.NO_VARIATION),
        confidence=confidence,
    )


def lower_sequence(
    value: ArrayLike,
    error: ArrayLike,
    n: ArrayLike,
    *,
    planned: ArrayLike,
    level: float = 0.05,
) -> Floats:
    """Lower limit, one-sided, that holds at every look; for margins that are watched daily.

    Arguments as `confidence_sequence`; `level` is the one-sided chance of ever being wrong. For
    an upper limit give the negative of `value` and take the negative of the result.

    Source:
        Waudby-Smith et al., arXiv 2103.06476, one-sided form (equation 134).

    Example:
        >>> lower_sequence([0.50336], [0.33341], [6461], planned=5000).round(3).tolist()
        [-0.424]
    """
    centre, s, many = (np.asarray(a, dtype=np.float64) for a in (value, error, n))
    squared = _rho_squared(2 * level, planned)
    with np.errstate(divide="ignore", invalid="ignore"):
        grown = many * squared + 1
        inner = np.log(1 + np.sqrt(grown) / (2 * level))
        reach = s * np.sqrt(2 * grown / (many * squared) * inner)
    return np.asarray(np.where((s > 0) & (many > 0), centre - reach, np.nan))


def information(converted: ArrayLike, people: ArrayLike) -> Floats:
    """How far a comparison of people who were all assigned before the first look has come.

    While their conversions come in, errors of the rates at two looks are correlated as those of
    a random walk whose time is the odds of having converted: hardly more than the conversions
    where few convert. This is the `so_far` of the sequences.

    Args:
        converted: People of both groups who have converted, any shape.
        people: People of both groups.

    Returns:
        People times odds; infinity where all have converted.

    Source:
        Covariance of an empirical distribution function, F(s)(1 - F(t)) for s < t, which is that
        of (1 - F) W(F / (1 - F)); Doob (1949), Annals of Mathematical Statistics 20, 393-403.

    Example:
        >>> information([200, 5000], [10000, 10000]).round(1).tolist()
        [204.1, 10000.0]
    """
    k, n = np.asarray(converted, dtype=np.float64), np.asarray(people, dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(k < n, k / (1 - k / n), np.inf))


def rate_difference_sequence(
    k1: ArrayLike,
    n1: ArrayLike,
    k2: ArrayLike,
    n2: ArrayLike,
    *,
    planned: ArrayLike,
    so_far: ArrayLike | None = None,
    confidence: float = 0.95,
) -> Estimates:
    """First rate minus second, readable every day; arguments as `confidence_sequence`.

    `so_far` is its `n`: people of both groups when not given, as they join; `information` where
    all were assigned before the first look. No interval before `LEAST_EVENTS` conversions in each
    group.

    Example:
        >>> one = rate_difference_sequence([300], [5000], [200], [5000], planned=20000).at(0)
        >>> f"{one.value:.3f} [{one.lower:.3f}, {one.upper:.3f}]"
        '0.020 [0.007, 0.033]'
    """
    (x1, m1), (x2, m2) = counts(k1, n1), counts(k2, n2)
    with np.errstate(divide="ignore", invalid="ignore"):
        p1, p2 = x1 / m1, x2 / m2
        error = np.sqrt(p1 * (1 - p1) / m1 + p2 * (1 - p2) / m2)
    n = m1 + m2 if so_far is None else so_far
    found = confidence_sequence(p1 - p2, error, n, planned=planned, confidence=confidence)
    return found.without_interval(np.minimum(x1, x2) < LEAST_EVENTS, Why.TOO_FEW_EVENTS)


def rate_ratio_sequence(
    k1: ArrayLike,
    n1: ArrayLike,
    k2: ArrayLike,
    n2: ArrayLike,
    *,
    planned: ArrayLike,
    so_far: ArrayLike | None = None,
    confidence: float = 0.95,
) -> Estimates:
    """First rate divided by second, readable every day; arguments as `confidence_sequence`.

    `so_far` is its `n`: people of both groups when not given, as they join; `information` where
    all were assigned before the first look. No interval before `LEAST_EVENTS` conversions in each
    group.

    Example:
        >>> one = rate_ratio_sequence([300], [5000], [200], [5000], planned=20000).at(0)
        >>> f"{one.value:.2f} [{one.lower:.2f}, {one.upper:.2f}]"
        '1.50 [1.14, 1.97]'
    """
    (x1, m1), (x2, m2) = counts(k1, n1), counts(k2, n2)
    with np.errstate(divide="ignore", invalid="ignore"):
        value = (x1 / m1) / (x2 / m2)
        error = np.sqrt(np.maximum(1 / x1 - 1 / m1 + 1 / x2 - 1 / m2, 0.0))
    n = m1 + m2 if so_far is None else so_far
    found = confidence_sequence(value, error, n, planned=planned, confidence=confidence, log=True)
    return found.without_interval(np.minimum(x1, x2) < LEAST_EVENTS, Why.TOO_FEW_EVENTS)


def mean_difference_sequence(
    first: Moments,
    second: Moments,
    *,
    planned: ArrayLike,
    so_far: ArrayLike | None = None,
    confidence: float = 0.95,
) -> Estimates:
    """First amount per person minus second, readable every day; `so_far` as for rates.

    No interval before `mean.LEAST_VALUES` people with a value in each group.
    """
    error = np.sqrt(first.error + second.error)
    n = first.n + second.n if so_far is None else so_far
    found = confidence_sequence(
        first.mean - second.mean, error, n, planned=planned, confidence=confidence
    )
    few = np.minimum(first.valued, second.valued) < LEAST_VALUES
    return found.without_interval(few, Why.TOO_FEW_VALUES)


def mean_ratio_sequence(
    first: Moments,
    second: Moments,
    *,
    planned: ArrayLike,
    so_far: ArrayLike | None = None,
    confidence: float = 0.95,
) -> Estimates:
    """First amount per person divided by second, readable every day; as the difference."""
    with np.errstate(divide="ignore", invalid="ignore"):
        value = np.where((first.mean > 0) & (second.mean > 0), first.mean / second.mean, np.nan)
        error = np.sqrt(first.error / first.mean**2 + second.error / second.mean**2)
    n = first.n + second.n if so_far is None else so_far
    found = confidence_sequence(value, error, n, planned=planned, confidence=confidence, log=True)
    few = np.minimum(first.valued, second.valued) < LEAST_VALUES
    return found.without_interval(few, Why.TOO_FEW_VALUES)


@dataclass(frozen=True, slots=True)
class SequentialSplit:
    """Always-valid p-values of a split, at each look; and whether it is broken by then."""

    p: Floats  # lowest so far; shape (looks,)
    level: float

    @property
    def broken(self) -> Flags:
        """Looks at which the split can't be chance."""
        return np.asarray(self.p < self.level)


def sequential_split(
    observed: ArrayLike,
    shares: ArrayLike,
    *,
    concentration: float = CONCENTRATION,
    level: float = 0.0005,
) -> SequentialSplit:
    """Group sizes against planned shares, at every look, for any number of groups.

    Args:
        observed: People assigned so far, cumulative, shape ``(looks, groups)``.
        shares: Planned shares, positive, shape ``(groups,)``; need not add up to 1.
        concentration: Weight of the planned shares in the mixture, in people.
        level: Chance of ever calling a sound split broken, over all looks.

    Returns:
        `SequentialSplit`. Unlike `split.split_check` it may be run daily.

    Raises:
        ValueError: Fewer than two groups, a negative count, counts that fall, or a share that
            is not positive.

    Source:
        Lindon & Malek (2022), Anytime-valid inference for multinomial count data, NeurIPS 35.

    Example:
        >>> sequential_split([[500, 500], [1300, 1100], [2700, 2300]], [1, 1]).p.round(6).tolist()
        [1.0, 0.005116, 4e-06]
    """
    seen = np.atleast_2d(np.asarray(observed, dtype=np.float64))
    planned = np.asarray(shares, dtype=np.float64)
    if seen.shape[1] < 2 or planned.shape != seen.shape[1:] or not (planned > 0).all():  # noqa: PLR2004
        raise ValueError("a split check needs two groups or more, and one positive share for each")
    if not np.isfinite(seen).all() or (seen < 0).any() or (np.diff(seen, axis=0) < 0).any():
        raise ValueError("people are counted from 0 on and added up from look to look")
    planned = planned / planned.sum()
    prior = concentration * planned
    evidence = (
        special.gammaln(concentration)
        - special.gammaln(concentration + seen.sum(axis=1))
        + (special.gammaln(prior + seen) - special.gammaln(prior)).sum(axis=1)
        - (seen * np.log(planned)).sum(axis=1)
    )
    p = np.minimum.accumulate(np.exp(-np.maximum(evidence, 0.0)))
    return SequentialSplit(p, level)


def _rho_squared(level: float, planned: ArrayLike) -> Floats:
    """The mixture's variance that makes the interval narrowest at `planned`."""
    end = np.asarray(planned, dtype=np.float64)
    if not (end > 0).all():
        raise ValueError(f"what is planned is positive, not {end}")
    two = -2 * np.log(level)
    return np.asarray((two + np.log(two + 1)) / end)
