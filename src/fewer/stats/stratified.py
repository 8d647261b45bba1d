"""Two rates compared within strata and pooled: like compared with like."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from fewer.stats.estimate import Estimates, Method, Why, counts, estimates, normal_quantile


def mantel_haenszel_ratio(
    k1: ArrayLike, n1: ArrayLike, k2: ArrayLike, n2: ArrayLike, *, confidence: float = 0.95
) -> Estimates:
    """Common ratio of two rates over strata, one a segment.

    A stratum that holds people of one group only adds nothing; it is not an error. Strata
    may be sparse, the variance stays right.

    Args:
        k1: Converted in the first group, shape ``(..., strata)``.
        n1: People in the first group, same shape.
        k2: Converted in the comparison, same shape.
        n2: People in the comparison, same shape.
        confidence: Two-sided coverage, a fraction.

    Returns:
        Ratios with the last axis gone. No interval where a group has no conversions in the
        strata that both share: the variance is of a logarithm.

    Raises:
        ValueError: A count is not between 0 and its group.

    Source:
        Greenland & Robins (1985), Biometrics 41, 55-68.

    Example:
        >>> one = mantel_haenszel_ratio([[8, 20]], [[100, 50]], [[4, 10]], [[100, 50]]).at(0)
        >>> f"{one.value:.2f} [{one.lower:.2f}, {one.upper:.2f}]"
        '2.00 [1.13, 3.54]'
    """
    (a, m1), (c, m2) = counts(k1, n1), counts(k2, n2)
    both = (m1 > 0) & (m2 > 0)
    total = np.where(both, m1 + m2, 1.0)
    first = np.where(both, a * m2 / total, 0.0).sum(axis=-1)
    second = np.where(both, c * m1 / total, 0.0).sum(axis=-1)
    spread = np.where(both, (m1 * m2 * (a + c) - a * c * total) / total**2, 0.0).sum(axis=-1)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        value = np.where(second > 0, first / second, np.nan)
        reach = normal_quantile(confidence) * np.sqrt(spread / (first * second))
        lower, upper = value * np.exp(-reach), value * np.exp(reach)
    why = np.select(
        [
            ~both.any(axis=-1),
            (first == 0) & (second == 0),
            second == 0,
            first == 0,
            spread <= 0,  # everybody converted
            np.isinf(upper),
        ],
        [
            Why.NO_OVERLAP,
            Why.NONE_AT_ALL,
            Why.NONE_IN_COMPARISON,
            Why.NO_NUMERATOR,
            Why.NO_VARIATION,
            Why.ANY_VALUE,
        ],
        Why.FINE,
    )
    fine = (why == Why.FINE) | (why == Why.ANY_VALUE)
    return estimates(
        np.where(first + second > 0, value, np.nan),
        np.where(fine, lower, np.nan),
        np.where(fine, upper, np.nan),
        method=Method.MANTEL_HAENSZEL,
        why=why,
        confidence=confidence,
    )


def mantel_haenszel_difference(
    k1: ArrayLike, n1: ArrayLike, k2: ArrayLike, n2: ArrayLike, *, confidence: float = 0.95
) -> Estimates:
    """Common difference of two rates over strata, one a segment.

    Args:
        k1: Converted in the first group, shape ``(..., strata)``.
        n1: People in the first group, same shape.
        k2: Converted in the comparison, same shape.
        n2: People in the comparison, same shape.
        confidence: Two-sided coverage, a fraction.

    Returns:
        Fractions with the last axis gone, with a two-sided p-value; no interval where nobody
        converted at all.

    Raises:
        ValueError: A count is not between 0 and its group.

    Source:
        Mantel & Haenszel's weights; variance of Sato (1989), Biometrics 45, 1323-1324, which
        holds for few large and for many small strata.

    Example:
        >>> one = mantel_haenszel_difference([[8, 20]], [[100, 50]], [[4, 10]], [[100, 50]]).at(0)
        >>> f"{one.value:.3f} [{one.lower:.3f}, {one.upper:.3f}]"
        '0.093 [0.019, 0.167]'
    """
    (a, m1), (c, m2) = counts(k1, n1), counts(k2, n2)
    both = (m1 > 0) & (m2 > 0)
    total = np.where(both, m1 + m2, 1.0)
    weight = np.where(both, m1 * m2 / total, 0.0).sum(axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        value = np.where(both, (a * m2 - c * m1) / total, 0.0).sum(axis=-1) / weight
        first = np.where(both, (m1**2 * c - m2**2 * a + m1 * m2 * (m2 - m1) / 2) / total**2, 0.0)
        second = np.where(both, (a * (m2 - c) + c * (m1 - a)) / (2 * total), 0.0)
        variance = (value * first.sum(axis=-1) + second.sum(axis=-1)) / weight**2
        error = np.sqrt(np.maximum(variance, 0.0))
        z = normal_quantile(confidence)
        p = 2 * special.ndtr(-np.abs(value) / error)
    silent = np.where(both, a + c, 0.0).sum(axis=-1) == 0
    found = estimates(
        value,
        value - z * error,
        value + z * error,
        method=Method.MANTEL_HAENSZEL_DIFFERENCE,
        p=p,
        why=np.where(both.any(axis=-1), Why.FINE, Why.NO_OVERLAP),
        confidence=confidence,
    )
    found = found.without_interval(silent, Why.NONE_AT_ALL)
    return found.without_interval(error == 0, Why.NO_VARIATION)
