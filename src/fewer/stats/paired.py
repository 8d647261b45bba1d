"""Pairs drawn as a whole: a change from log ratios, one a pair of regions or of time slots.

Where a region or an hour is sent something as a whole, people in it share its weather, its fair
and its price war. Each pair gives one number, however many people live there, and the interval
comes from how far the numbers of the pairs lie apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from fewer.stats.estimate import Estimates, Floats, Method, Why, estimates

LEAST_PAIRS: Final = 4
"""Pairs that an interval needs. With fewer, t limits are so wide, and rest so much on a normal
spread that nobody can check, that nothing is said."""

MOST_DRAWN: Final = 12
"""Pairs up to which every way of drawing them is looked at; beyond it a sample of the ways."""

_SAMPLED: Final = 2**MOST_DRAWN


@dataclass(frozen=True, slots=True)
class Spread:
    """Standard error and degrees of freedom of weighted means; arrays of one shape."""

    mean: Floats
    error: Floats
    degrees: float

    def reach(self, confidence: float) -> Floats:
        """Half the width of the interval."""
        found: Floats = special.stdtrit(self.degrees, 0.5 + confidence / 2) * self.error
        return found


def spread(gaps: ArrayLike, weights: ArrayLike | None = None) -> Spread:
    """Weighted mean over the last axis, with the error that its own scatter gives.

    Args:
        gaps: One number a pair, shape ``(..., pairs)``.
        weights: Fixed before the gaps were seen, shape ``(pairs,)``; equal when None.

    Returns:
        Means, shape ``(...)``, in the unit of the gaps.

    Errors:
        HC2 variance, unbiased when the variance of a pair is one over its weight, and the degrees
        of freedom that such a quadratic form has; with equal weights s²/pairs and pairs − 1.

    Source:
        Bell & McCaffrey (2002), Survey Methodology 28, 169-181; Imbens & Kolesár (2016), Review
        of Economics and Statistics 98, 701-712.

    Example:
        >>> one = spread([0.1, 0.3, 0.2, 0.4])
        >>> f"{float(one.mean):.3f} {float(one.error):.4f} {one.degrees:.1f}"
        '0.250 0.0645 3.0'
    """
    values = np.asarray(gaps, dtype=np.float64)
    pairs = values.shape[-1]
    w = np.ones(pairs) if weights is None else np.asarray(weights, dtype=np.float64)
    if pairs < 2 or w.shape != (pairs,) or not (w > 0).all():  # noqa: PLR2004  a spread needs two
        msg = f"two pairs or more, each with a weight above 0, not {pairs}"
        raise ValueError(msg)
    share = w / w.sum()
    mean = values @ share
    scaled = share**2 / (1 - share)
    variance = ((values - mean[..., None]) ** 2) @ scaled
    centred = np.eye(pairs) - share[None, :]
    form = (centred.T * scaled) @ centred / w[None, :]
    degrees = float(np.trace(form) ** 2 / (form * form.T).sum())
    return Spread(mean, np.sqrt(variance), degrees)


def paired_ratio(
    gaps: ArrayLike, weights: ArrayLike | None = None, *, confidence: float = 0.95
) -> Estimates:
    """The change that all pairs share, as a ratio: exp of their mean log ratio, with t limits.

    Args:
        gaps: Log of the drawn unit's figure over the other's, less what was expected of the pair
            from before; shape ``(..., pairs)``. A figure that is no number leaves the row out.
        weights: Fixed before, shape ``(pairs,)``.
        confidence: Two-sided coverage, a fraction.

    Returns:
        Ratios without unit, the last axis gone. No interval with fewer than `LEAST_PAIRS`.

    Errors:
        See `spread`. Holds when the mean over pairs is about normal; `exact_ratio` holds always.

    Source:
        See `spread`; Vaver & Koehler (2011), Measuring ad effectiveness using geo experiments.

    Example:
        >>> one = paired_ratio([[0.10, 0.30, 0.20, 0.40, 0.25]]).at(0)
        >>> f"{one.value:.2f} [{one.lower:.2f}, {one.upper:.2f}]"
        '1.28 [1.12, 1.48]'
    """
    rows = np.atleast_2d(np.asarray(gaps, dtype=np.float64))
    known = np.asarray(np.isfinite(rows).all(axis=-1))
    pairs = rows.shape[-1]
    if pairs < LEAST_PAIRS:
        value = np.exp(rows.mean(axis=-1)) if pairs else np.full(rows.shape[:-1], np.nan)
        return estimates(
            np.where(known, value, np.nan), np.nan, np.nan,
            method=Method.PAIRED_T, why=Why.TOO_FEW_PAIRS, confidence=confidence,
        )  # fmt: skip
    found = spread(np.where(known[..., None], rows, 0.0), weights)
    reach = found.reach(confidence)
    still = known & (found.error == 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        p = 2 * special.stdtr(found.degrees, -np.abs(found.mean / found.error))
    made = estimates(
        np.where(known, np.exp(found.mean), np.nan),
        np.where(known, np.exp(found.mean - reach), np.nan),
        np.where(known, np.exp(found.mean + reach), np.nan),
        method=Method.PAIRED_T,
        p=np.where(known, p, np.nan),
        why=np.where(known, Why.FINE, Why.NOT_POSITIVE),
        confidence=confidence,
    )
    return made.without_interval(still, Why.NO_VARIATION)


def exact_ratio(
    gaps: ArrayLike, weights: ArrayLike | None = None, *, confidence: float = 0.95
) -> Estimates:
    """The same change with the interval that the draw itself gives, whatever the pairs are like.

    Had the coin of a pair fallen otherwise, its gap less the change would have had the other sign.
    The weighted means of all parts of the pairs therefore cut the line into pieces that hold the
    change with equal chance, and the interval leaves out as many pieces on each side.

    Args:
        gaps: As `paired_ratio`, one row: shape ``(pairs,)``.
        weights: As `paired_ratio`.
        confidence: At least this, a fraction.

    Returns:
        One ratio, shape ``(1,)``; no interval where the pairs can be drawn in too few ways
        (below 6 pairs at 95 %). p: share of the ways that give a mean as far from 0.

    Source:
        Hartigan (1969), JASA 64, 1303-1317 (typical values); Fisher (1935).

    Example:
        >>> one = exact_ratio([0.10, 0.30, 0.20, 0.40, 0.25, 0.15]).at(0)
        >>> f"{one.value:.2f} [{one.lower:.2f}, {one.upper:.2f}] {one.p:.3f}"
        '1.26 [1.11, 1.49] 0.031'
    """
    row = np.asarray(gaps, dtype=np.float64)
    pairs = len(row)
    w = np.ones(pairs) if weights is None else np.asarray(weights, dtype=np.float64)
    if not pairs or not np.isfinite(row).all():
        return estimates(
            [np.nan], np.nan, np.nan,
            method=Method.SIGN_FLIPS, why=Why.NOT_POSITIVE, confidence=confidence,
        )  # fmt: skip
    mean = float(row @ w / w.sum())
    flipped = _subsets(pairs)
    total, part = row @ w, flipped @ (row * w)
    p = float(np.mean(np.abs(total - 2 * part) >= abs(total) * (1 - 1e-12)))
    some = flipped.any(axis=1)
    typical = np.sort(part[some] / (flipped[some] @ w))
    outside = int(np.floor((1 - confidence) / 2 * (len(typical) + 1)))
    low, high = (typical[outside - 1], typical[-outside]) if outside else (np.nan, np.nan)
    return estimates(
        [np.exp(mean)], np.exp(low), np.exp(high),
        method=Method.SIGN_FLIPS,
        p=p,
        why=Why.FINE if outside else Why.TOO_FEW_PAIRS,
        confidence=confidence,
    )  # fmt: skip


def _subsets(pairs: int) -> Floats:
    """Parts of the pairs as rows of 0 and 1, the empty one first: all, or a fixed sample."""
    if pairs <= MOST_DRAWN:
        codes = np.arange(2**pairs)[:, None]
        return ((codes >> np.arange(pairs)) & 1).astype(np.float64)
    drawn = np.random.default_rng(pairs).integers(0, 2, (_SAMPLED, pairs)).astype(np.float64)
    drawn[0] = 0
    return drawn


def smallest_gap(
    error: float, degrees: float, *, wanted: float = 0.8, confidence: float = 0.95
) -> float:
    """Smallest mean log ratio seen with chance `wanted`, from its standard error.

    >>> f"{smallest_gap(0.05, 7):.3f}"
    '0.163'
    """
    reach = special.stdtrit(degrees, 0.5 + confidence / 2) + special.stdtrit(degrees, wanted)
    return float(reach * error)
