"""Ratios of rates when one person is counted at many index times: intervals clustered by person.

A household that is looked at in 42 weeks is not 42 households. What it contributes to a sum moves
together, so the unit that varies is the person: each gives sums over the index times, and the
interval comes from how far one person's sums move the logarithm of the ratio.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
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

LEAST_CONVERTED: Final = 5
"""People with a conversion that each group needs for an interval. Simulated with 5 to 15 of them
(`tests/stats/test_cluster.py`) 95 % intervals cover 94 to 99 % of the time; with fewer the variance
rests on a handful of people and nobody can say."""

POWER: Final = 0.8


def clustered_ratio(
    k1: ArrayLike, n1: ArrayLike, k2: ArrayLike, n2: ArrayLike, *, confidence: float = 0.95
) -> Estimates:
    """``(sum k1 / sum n1) / (sum k2 / sum n2)``, with an interval clustered on the last axis.

    A person may be in the first group at some index times and in the second at others.

    Args:
        k1: Index times at which the person was in the first group and converted after, shape
            ``(..., people)``.
        n1: Index times at which the person was in the first group, same shape.
        k2: The first again, for the comparison.
        n2: The second again, for the comparison.
        confidence: Two-sided coverage, a fraction.

    Returns:
        Ratios without unit, the last axis gone. No interval where a group has fewer than
        `LEAST_CONVERTED` people with a conversion.

    Raises:
        ValueError: A count is not between 0 and its number of index times.

    Errors:
        Sandwich variance of the log ratio, ``G / (G - 1)`` times the sum over people of the
        squared influence ``k1/K1 - n1/N1 - (k2/K2 - n2/N2)``; t limits with the degrees of freedom
        that so uneven a sum of squares has, ``(sum s²)² / sum s⁴``.

    Source:
        Cameron & Miller (2015), J. Human Resources 50, 317-372; degrees of freedom after
        Satterthwaite (1946), Biometrics Bulletin 2, 110-114.

    Example:
        >>> bought = np.tile([1, 0, 0, 1, 1], 8)
        >>> one = clustered_ratio([bought], [np.full(40, 2)], [1 - bought], [np.full(40, 2)]).at(0)
        >>> f"{one.value:.2f} [{one.lower:.2f}, {one.upper:.2f}]"
        '1.50 [0.77, 2.91]'
    """
    (a, m1), (c, m2) = counts(k1, n1), counts(k2, n2)
    first, second = _rate(a, m1), _rate(c, m2)
    with np.errstate(divide="ignore", invalid="ignore"):
        value = np.where(second.value > 0, first.value / second.value, np.nan)
    why = np.select(
        [
            (first.units == 0) | (second.units == 0),
            (first.value == 0) & (second.value == 0),
            second.value == 0,
            first.value == 0,
        ],
        [Why.NO_PEOPLE, Why.NONE_AT_ALL, Why.NONE_IN_COMPARISON, Why.NO_NUMERATOR],
        Why.FINE,
    )
    there = ((m1 > 0) | (m2 > 0)).sum(axis=-1)
    found = _log_limits(value, first.moved - second.moved, there, confidence, why)
    few = np.minimum(first.converted, second.converted) < LEAST_CONVERTED
    return found.without_interval(few, Why.TOO_FEW_CLUSTERS)


def clustered_rate(k: ArrayLike, n: ArrayLike, *, confidence: float = 0.95) -> Estimates:
    """``sum k / sum n`` with an interval clustered on the last axis.

    Args:
        k: Index times at which the person was in the group and converted after, ``(..., people)``.
        n: Index times at which the person was in the group, same shape.
        confidence: Two-sided coverage, a fraction.

    Returns:
        Conversions per person and index time, from 0 to 1, the last axis gone.

    Raises:
        ValueError: As `clustered_ratio`.

    Example:
        >>> one = clustered_rate([np.tile([1, 0, 0, 0], 10)], [np.full(40, 2)]).at(0)
        >>> f"{one.value:.3f} [{one.lower:.3f}, {one.upper:.3f}]"
        '0.125 [0.068, 0.218]'
    """
    some, of = counts(k, n)
    rate = _rate(some, of)
    every = rate.value == 1  # an interval on the scale of odds stays between 0 and 1
    why = np.select(
        [rate.units == 0, rate.value == 0, every],
        [Why.NO_PEOPLE, Why.NONE_AT_ALL, Why.TOO_FEW_CLUSTERS],
        Why.FINE,
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        rest = np.where(every, np.nan, 1 - rate.value)
        odds = rate.value / rest
        moved = rate.moved / np.where(every, 1.0, rest)[..., None]
        found = _log_limits(odds, moved, (of > 0).sum(axis=-1), confidence, why)
        lower, upper = (limit / (1 + limit) for limit in (found.lower, found.upper))
    shown = estimates(
        rate.value, lower, upper, method=Method.CLUSTER_LOG, why=why, confidence=confidence
    )
    few = rate.converted < LEAST_CONVERTED
    return shown.without_interval(few, Why.TOO_FEW_CLUSTERS)


def stratified_ratio(
    person: ArrayLike,
    first: ArrayLike,
    converted: ArrayLike,
    stratum: ArrayLike,
    *,
    confidence: float = 0.95,
) -> Estimates:
    """Common ratio of two rates within strata (Mantel-Haenszel), clustered by person.

    Args:
        person: Number of the person of each unit (a person at one index time), shape ``(units,)``.
        first: Whether the unit is in the first group; else it is in the comparison.
        converted: Whether a conversion followed.
        stratum: Number of the unit's stratum, such as prior activity at that index time. A stratum
            with one group only adds nothing.
        confidence: Two-sided coverage, a fraction.

    Returns:
        One ratio, shape ``(1,)``. No interval where a group has fewer than `LEAST_CONVERTED`
        people with a conversion in strata that both groups share.

    Errors:
        The estimating function ``sum over strata of (k1 n2 - ratio k2 n1) / n`` is a sum over
        units once the sizes of groups are given; its terms are added up by person and squared. It
        stays right when strata are many and small.

    Source:
        Greenland & Robins (1985), Biometrics 41, 55-68; sandwich over clusters as in Cameron &
        Miller (2015).

    Example:
        >>> who, seen = np.arange(400), np.arange(400) % 2 == 0
        >>> bought = np.arange(400) % 5 == 0
        >>> one = stratified_ratio(who, seen, bought, np.arange(400) // 100).at(0)
        >>> f"{one.value:.2f} [{one.lower:.2f}, {one.upper:.2f}]"
        '1.00 [0.67, 1.49]'
    """
    where, codes = np.unique(np.asarray(stratum), return_inverse=True)
    inside = np.asarray(first, dtype=bool)
    y = np.asarray(converted, dtype=np.float64)
    strata = len(where)

    def per_stratum(weights: Floats) -> Floats:
        found: Floats = np.bincount(codes, weights, minlength=strata).astype(np.float64)
        return found

    m1, m2 = per_stratum(inside * 1.0), per_stratum(~inside * 1.0)
    a, c = per_stratum(y * inside), per_stratum(y * ~inside)
    both = (m1 > 0) & (m2 > 0)
    total = np.maximum(m1 + m2, 1.0)
    up, down = float((a * m2 / total)[both].sum()), float((c * m1 / total)[both].sum())
    why = _why(both.any(), up, down)
    if why is not Why.FINE:
        value = np.nan if down == 0 else up / down
        return estimates([value], [np.nan], [np.nan], method=Method.CLUSTER_LOG, why=[why],
                         confidence=confidence)  # fmt: skip
    value = up / down
    common = np.where(both, (a + c) / np.maximum(value * m1 + m2, 1e-300), 0.0)
    weight = np.where(both[codes], np.where(inside, m2[codes], value * m1[codes]), 0.0)
    expected = np.where(inside, value, 1.0) * common[codes]
    term = np.where(inside, 1.0, -1.0) * weight / total[codes] * (y - expected)
    people, of = np.unique(np.asarray(person), return_inverse=True)
    moved = np.bincount(of, term, minlength=len(people)) / up
    counted = (y > 0) & both[codes]
    few = min(len(np.unique(of[counted & inside])), len(np.unique(of[counted & ~inside])))
    found = _log_limits(
        np.array([value]), moved[None], np.array([len(people)]), confidence, np.array([why])
    )
    return found.without_interval(np.array([few < LEAST_CONVERTED]), Why.TOO_FEW_CLUSTERS)


def times_more(lower: float, upper: float, distance: float, *, confidence: float = 0.95) -> float:
    """How many times as many people a test would need to tell a ratio from another one.

    Args:
        lower: Lower limit of the ratio that was found.
        upper: Its upper limit.
        distance: Ratio of the two ratios that are to be told apart, such as 2.4 for "2.4x" and
            "no difference".
        confidence: That of the limits.

    Returns:
        People needed over people there are, for a power of 80 %; at least 1.

    Example:
        >>> round(times_more(0.8, 1.9, 1.26), 1)
        7.2
    """
    error = np.log(upper / lower) / (2 * normal_quantile(confidence))
    reach = normal_quantile(confidence) + float(special.ndtri(POWER))
    return max(1.0, float((reach * error / np.log(distance)) ** 2))


@dataclass(frozen=True, slots=True)
class _Rate:
    value: Floats  # (...)
    moved: Floats  # (..., people): influence of each on the logarithm of the rate
    units: Floats  # (...)
    converted: NDArray[Any]  # (...): people with a conversion


def _rate(k: Floats, n: Floats) -> _Rate:
    some, of = k.sum(axis=-1, keepdims=True), n.sum(axis=-1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        value = (some / of)[..., 0]
        moved = np.nan_to_num(k / some - n / of, nan=0.0, posinf=0.0, neginf=0.0)
    return _Rate(value, moved, of[..., 0], (k > 0).sum(axis=-1))


def _why(shared: Flags | np.bool_, up: float, down: float) -> Why:
    if not shared:
        return Why.NO_OVERLAP
    if up == 0 and down == 0:
        return Why.NONE_AT_ALL
    if down == 0:
        return Why.NONE_IN_COMPARISON
    return Why.NO_NUMERATOR if up == 0 else Why.FINE


def _log_limits(
    value: Floats, moved: Floats, clusters: ArrayLike, confidence: float, why: NDArray[Any]
) -> Estimates:
    """Limits on the log scale from each cluster's influence, shape ``(..., clusters)``."""
    normal_quantile(confidence)  # refuses what is no confidence
    many = np.maximum(np.asarray(clusters, dtype=np.float64), 2)
    squares = (moved**2).sum(axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        error = np.sqrt(many / (many - 1) * squares)
        free = np.clip(np.nan_to_num(squares**2 / (moved**4).sum(axis=-1)), 1, many - 1)
        reach = special.stdtrit(free, 0.5 + confidence / 2) * error
        p = 2 * special.stdtr(free, -np.abs(np.log(value)) / error)
        lower, upper = value * np.exp(-reach), value * np.exp(reach)
    fine = (np.asarray(why) == Why.FINE) & (error > 0)
    return estimates(
        value,
        np.where(fine, lower, np.nan),
        np.where(fine, upper, np.nan),
        method=Method.CLUSTER_LOG,
        p=np.where(fine, p, np.nan),
        why=why,
        confidence=confidence,
    )
