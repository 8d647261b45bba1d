"""Rates of people who did something, and how two of them compare.

Which interval is offered was decided by simulated coverage (``tests/stats/test_coverage.py``):

* groups of similar size (at most 1 to 4): Newcombe for the difference, the log of the ratio
  with 0.5 added for the ratio; both cover 95 % or more from 100 people and 0.5 % on;
* a small group against a large rest: adding 0.5 moves the small group only, and the log
  ratio then covers as little as 87 %. There the ratio has the score interval instead, which
  covers 94-97 % while counts are small and jumpy, then 95 %;
* less than one expected in the smaller of two unequal groups: no interval at all.
"""

from __future__ import annotations

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
from fewer.stats.score import score_limits

SIMILAR = 4.0
"""Groups differ in size by at most this factor: the log ratio keeps its promise."""

LEAST_EXPECTED = 1.0
"""Expected number, at the pooled rate, in the smaller group below which nothing is offered."""


_HALF = 0.5  # a tail beyond this doubles to 1
_MIDDLE = 0.3
_NEGLIGIBLE = 1e-16


def rate(k: ArrayLike, n: ArrayLike, *, confidence: float = 0.95) -> Estimates:
    """Share of `n` people who converted, with Wilson's score interval.

    Args:
        k: People who converted, whole numbers; any shape.
        n: People at risk; broadcasts against `k`.
        confidence: Two-sided coverage, a fraction.

    Returns:
        Fractions from 0 to 1. Undefined where `n` is 0.

    Raises:
        ValueError: `k` is not between 0 and `n`.

    Source:
        Wilson (1927), JASA 22, 209-212; R 4.3.3 DescTools BinomCI agrees.

    Example:
        >>> one = rate([100], [200]).at(0)
        >>> f"{one.value} [{one.lower:.4f}, {one.upper:.4f}]"
        '0.5 [0.4314, 0.5686]'
    """
    some, of = counts(k, n)
    share, lower, upper = _wilson(some, of, normal_quantile(confidence))
    why = np.where(of > 0, Why.FINE, Why.NO_PEOPLE)
    return estimates(share, lower, upper, method=Method.WILSON, why=why, confidence=confidence)


def difference(
    k1: ArrayLike, n1: ArrayLike, k2: ArrayLike, n2: ArrayLike, *, confidence: float = 0.95
) -> Estimates:
    """First rate minus second, with Newcombe's hybrid score interval.

    Args:
        k1: People who converted in the first group.
        n1: People in the first group.
        k2: People who converted in the comparison.
        n2: People in the comparison.
        confidence: Two-sided coverage, a fraction.

    Returns:
        Fractions from -1 to 1. No interval where the groups are very unequal and less than
        one conversion is expected in the smaller.

    Raises:
        ValueError: A count is not between 0 and its group.

    Source:
        Newcombe (1998), Statistics in Medicine 17, 873-890, method 10.

    Example:
        >>> one = difference([7], [34], [1], [34]).at(0)
        >>> f"{one.value:.3f} [{one.lower:.3f}, {one.upper:.3f}]"
        '0.176 [0.019, 0.340]'
    """
    (x1, m1), (x2, m2) = counts(k1, n1), counts(k2, n2)
    z = normal_quantile(confidence)
    p1, l1, u1 = _wilson(x1, m1, z)
    p2, l2, u2 = _wilson(x2, m2, z)
    gap = p1 - p2
    found = estimates(
        gap,
        gap - np.hypot(p1 - l1, u2 - p2),
        gap + np.hypot(u1 - p1, p2 - l2),
        method=Method.NEWCOMBE,
        why=np.where((m1 > 0) & (m2 > 0), Why.FINE, Why.NO_PEOPLE),
        confidence=confidence,
    )
    return found.without_interval(_too_rare(x1, m1, x2, m2), Why.TOO_FEW_EXPECTED)


def ratio(
    k1: ArrayLike, n1: ArrayLike, k2: ArrayLike, n2: ArrayLike, *, confidence: float = 0.95
) -> Estimates:
    """First rate divided by second, by the interval that keeps its promise for these sizes.

    Args:
        k1: People who converted in the first group.
        n1: People in the first group.
        k2: People who converted in the comparison.
        n2: People in the comparison.
        confidence: Two-sided coverage, a fraction.

    Returns:
        Ratios from 0: 1.26 means 26 % more. The value is the plain ratio of the two rates;
        each element names its method. Unbounded above where the comparison has none.

    Raises:
        ValueError: A count is not between 0 and its group.

    Example:
        >>> [one.method for one in ratio([7, 7], [34, 34], [1, 90], [34, 9000])]
        ['log ratio, 0.5 added', 'score (Koopman)']
    """
    (x1, m1), (x2, m2) = counts(k1, n1), counts(k2, n2)
    similar = np.maximum(m1, m2) <= SIMILAR * np.minimum(m1, m2)
    found = log_ratio(x1, m1, x2, m2, confidence=confidence)
    if not similar.all():
        apart = (a[~similar] for a in (x1, m1, x2, m2))
        found = found.placed(~similar, score_ratio(*apart, confidence=confidence))
    return found.without_interval(_too_rare(x1, m1, x2, m2), Why.TOO_FEW_EXPECTED)


def log_ratio(
    k1: ArrayLike, n1: ArrayLike, k2: ArrayLike, n2: ArrayLike, *, confidence: float = 0.95
) -> Estimates:
    """Ratio of two rates with the adjusted log interval, for groups of similar size.

    Half a conversion and half a person are added to each group, for the interval only. Where
    a group has no conversions the limit on its side is dropped to 0 or taken away, which
    can only widen.

    Source:
        Walter (1975), Biometrika 62, 371-372. Undercovers for unequal groups: see `ratio`.

    Example:
        >>> one = log_ratio([7], [34], [1], [34]).at(0)
        >>> f"{one.value:.1f} [{one.lower:.2f}, {one.upper:.0f}]"
        '7.0 [0.92, 27]'
    """
    (x1, m1), (x2, m2) = counts(k1, n1), counts(k2, n2)
    a, b, c, d = x1 + 0.5, m1 + 0.5, x2 + 0.5, m2 + 0.5
    centre = np.log(a / b) - np.log(c / d)
    reach = normal_quantile(confidence) * np.sqrt(1 / a - 1 / b + 1 / c - 1 / d)
    lower = np.where(x1 == 0, 0.0, np.exp(centre - reach))
    upper = np.where(x2 == 0, np.inf, np.exp(centre + reach))
    return _ratio((x1, m1, x2, m2), lower, upper, Method.LOG_RATIO, confidence)


def score_ratio(
    k1: ArrayLike, n1: ArrayLike, k2: ArrayLike, n2: ArrayLike, *, confidence: float = 0.95
) -> Estimates:
    """Ratio of two rates with the score interval, for groups of any two sizes.

    Source:
        Koopman (1984), Biometrics 40, 513-517; closed form of Nam (1995).

    Example:
        >>> one = score_ratio([36], [40], [16], [80]).at(0)
        >>> f"{one.value:.1f} [{one.lower:.2f}, {one.upper:.3f}]"
        '4.5 [2.94, 7.152]'
    """
    (x1, m1), (x2, m2) = counts(k1, n1), counts(k2, n2)
    lower, upper = score_limits(x1, m1, x2, m2, z=normal_quantile(confidence))
    return _ratio((x1, m1, x2, m2), lower, upper, Method.SCORE_RATIO, confidence)


def exact_p(k1: ArrayLike, n1: ArrayLike, k2: ArrayLike, n2: ArrayLike) -> Floats:
    """Two-sided p-value that two rates are equal: Fisher's exact test, smaller tail doubled.

    Never rejects more often than it says, however unequal and rare, which a table of a
    hundred segments needs and a chi-squared test does not give. 1 where a group is empty.

    Source:
        Fisher (1935); doubling as in Fay (2010), The R Journal 2(1), "central" test.

    Example:
        >>> f"{exact_p([7], [34], [1], [34])[0]:.4f}"
        '0.0544'
    """
    (x1, m1), (x2, m2) = counts(k1, n1), counts(k2, n2)
    # The smaller group is walked: its count has the shorter tail.
    flip = m1 > m2
    k, n = np.where(flip, x2, x1).ravel(), np.where(flip, m2, m1).ravel()
    total, hits = (m1 + m2).ravel(), (x1 + x2).ravel()
    above = k * total >= n * hits
    tail = _tail(k, n, hits, total, upward=above)
    # Beside the middle, the other tail can be the smaller one.
    near = tail > _MIDDLE
    other = _tail(k[near], n[near], hits[near], total[near], upward=~above[near])
    tail[near] = np.minimum(tail[near], other)
    return np.minimum(1.0, 2 * tail).reshape(x1.shape)


def _wilson(k: Floats, n: Floats, z: float) -> tuple[Floats, Floats, Floats]:
    with np.errstate(divide="ignore", invalid="ignore"):
        share = k / n
        centre = (share + z * z / (2 * n)) / (1 + z * z / n)
        reach = z / (1 + z * z / n) * np.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    # At the ends the formula gives 0 and 1 but for rounding.
    lower = np.where((k == 0) & (n > 0), 0.0, centre - reach)
    return share, lower, np.where((k == n) & (n > 0), 1.0, centre + reach)


def _too_rare(x1: Floats, m1: Floats, x2: Floats, m2: Floats) -> Flags:
    small, large = np.minimum(m1, m2), np.maximum(m1, m2)
    expected = small * (x1 + x2) / np.maximum(m1 + m2, 1)
    return np.asarray((large > SIMILAR * small) & (expected < LEAST_EXPECTED))


def _ratio(
    table: tuple[Floats, Floats, Floats, Floats],
    lower: Floats,
    upper: Floats,
    method: Method,
    confidence: float,
) -> Estimates:
    x1, m1, x2, m2 = table
    with np.errstate(divide="ignore", invalid="ignore"):
        value = (x1 / m1) / (x2 / m2)
    empty, silent = (m1 == 0) | (m2 == 0), (x1 == 0) & (x2 == 0)
    value = np.where(empty | silent, np.nan, value)
    why = np.select(
        [empty, silent, x2 == 0],
        [Why.NO_PEOPLE, Why.NONE_AT_ALL, Why.NONE_IN_COMPARISON],
        Why.FINE,
    )
    lower = np.where(empty | silent, np.nan, lower)
    upper = np.where(empty | silent, np.nan, upper)
    return estimates(value, lower, upper, method=method, why=why, confidence=confidence)


def _tail(k: Floats, n: Floats, hits: Floats, total: Floats, *, upward: Flags) -> Floats:
    """``P(K >= k)`` where `upward`, else ``P(K <= k)``: `n` of `total` drawn, `hits` of them hits.

    Sums the probabilities outward from `k` by their ratio, all elements at once, until none
    adds anything. From a `k` on the near side of the mode the terms first grow: that tail is
    then above one half, and doubles to 1 whatever its exact value.
    """
    misses = total - hits
    term = np.exp(_log_choose(hits, k) + _log_choose(misses, n - k) - _log_choose(total, n))
    # Downwards, misses among the drawn are counted up: the same walk with the roles exchanged.
    at = np.where(upward, k, n - k)
    up, down = np.where(upward, hits, misses), np.where(upward, misses, hits)
    summed, found = term.copy(), np.empty_like(term)
    where: NDArray[np.intp] = np.arange(term.size)
    while where.size:
        at += 1
        term *= (n - at + 1) * (up - at + 1) / (at * (down - n + at))
        summed += term
        going = (term > summed * _NEGLIGIBLE) & (summed < _HALF)
        if going.sum() * 2 < where.size:  # carry on with those that still add something
            found[where[~going]] = summed[~going]
            where = where[going]
            at, n, up, down, term, summed = (a[going] for a in (at, n, up, down, term, summed))
    return np.minimum(found, 1.0)


def _log_choose(n: Floats, k: Floats) -> Floats:
    logs: Floats = special.gammaln(n + 1) - special.gammaln(k + 1) - special.gammaln(n - k + 1)
    return logs
