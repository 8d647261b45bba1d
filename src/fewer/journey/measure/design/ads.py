"""What a test can show of a figure of ads, such as the cost of a click: by days, not by people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

Floats = NDArray[np.float64]

LEAST_DAYS: Final = 14
"""Days of ad reports below which nobody knows how far days lie apart."""


@dataclass(frozen=True, slots=True)
class AdBasis:
    """A ratio of ad reports before the test.

    Attributes:
        level: Sum over sum.
        apart: Standard deviation of the logarithm of one day's ratio, weighed by what it divides.
        days: It was seen of.
    """

    level: float
    apart: float
    days: int

    @classmethod
    def of_days(cls, above: ArrayLike, below: ArrayLike) -> AdBasis | None:
        """From daily sums; None with too few days or nothing to divide by.

        Source:
            Sandwich variance of a log ratio of sums, clustered by day, as in `stats.ratio`.
        """
        a, b = np.asarray(above, dtype=np.float64), np.asarray(below, dtype=np.float64)
        there = (a > 0) | (b > 0)
        a, b = a[there], b[there]
        if len(a) < LEAST_DAYS or a.sum() <= 0 or b.sum() <= 0:
            return None
        moved = a / a.sum() - b / b.sum()
        variance = len(a) / (len(a) - 1) * float((moved**2).sum())
        return cls(float(a.sum() / b.sum()), float(np.sqrt(variance * len(a))), len(a))

    def error(self, days: ArrayLike, shares: Sequence[float]) -> Floats:
        """Standard error of the log ratio of two arms that have these shares of the volume."""
        spread = sum(1 / share for share in shares)
        found: Floats = self.apart * np.sqrt(spread / np.maximum(days, 1))
        return found

    def smallest(
        self, days: ArrayLike, shares: Sequence[float], *, wanted: float, confidence: float
    ) -> Floats:
        """Smallest relative rise seen with chance `wanted` over so many days.

        >>> basis = AdBasis(0.5, 0.2, 28)
        >>> f"{float(basis.smallest(28, (0.5, 0.5), wanted=0.8, confidence=0.95)):.3f}"
        '0.236'
        """
        reach = special.ndtri(0.5 + confidence / 2) + special.ndtri(wanted)
        return np.asarray(np.expm1(reach * self.error(days, shares)), dtype=np.float64)

    def chance(
        self, change: float, days: ArrayLike, shares: Sequence[float], confidence: float
    ) -> Floats:
        """Chance to see a relative `change` over so many days."""
        far = abs(float(np.log1p(change))) / self.error(days, shares)
        found: Floats = special.ndtr(far - special.ndtri(0.5 + confidence / 2))
        return found
