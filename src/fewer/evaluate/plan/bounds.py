"""Comparisons in normal form: equal questions become equal values, so that they are shared."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from fewer.model.measure import Comparison
from fewer.model.number import MICRO


@dataclass(frozen=True, slots=True)
class Bounds:
    """An interval of integers; None is no bound. An open end is not part of it."""

    low: int | None = None
    high: int | None = None
    low_open: bool = False
    high_open: bool = False

    def holds(self, number: int, of: int = 1) -> bool:
        """Whether the fraction ``number / of`` lies in the interval; `of` is positive.

        >>> Bounds(low=500_000, low_open=True).holds(3 * MICRO, of=6)
        False
        """
        above = self.low is None or (
            number > self.low * of if self.low_open else number >= self.low * of
        )
        below = self.high is None or (
            number < self.high * of if self.high_open else number <= self.high * of
        )
        return above and below


def micros(number: Decimal) -> int:
    """Micro-units of a literal, exactly."""
    return int(number * MICRO)


def exact(comparison: Comparison) -> Bounds:
    """Bounds in micro-units, ends as written: for ratios, which fall between micro-units.

    >>> exact(Comparison(more_than=1, at_least=1, at_most=2))
    Bounds(low=1000000, high=2000000, low_open=True, high_open=False)
    """
    lows: list[tuple[int, bool]] = []
    highs: list[tuple[int, bool]] = []
    for name, bound in comparison.bounds.items():
        if name == "between":
            lows.append((micros(bound[0]), False))
            highs.append((micros(bound[1]), False))
        if name in ("at_least", "exactly"):
            lows.append((micros(bound), False))
        if name in ("at_most", "exactly"):
            highs.append((micros(bound), False))
        if name == "more_than":
            lows.append((micros(bound), True))
        if name == "less_than":
            highs.append((micros(bound), True))
    low, low_open = max(lows, default=(None, False), key=lambda b: (b[0], b[1]))
    high, high_open = min(highs, default=(None, False), key=lambda b: (b[0], not b[1]))
    return Bounds(low, high, low_open, high_open)


def closed(comparison: Comparison) -> Bounds:
    """Bounds in micro-units, both ends in: for sums and values, which are whole micro-units.

    >>> closed(Comparison(more_than=1)) == Bounds(low=1_000_001)
    True
    """
    bounds = exact(comparison)
    low = None if bounds.low is None else bounds.low + bounds.low_open
    high = None if bounds.high is None else bounds.high - bounds.high_open
    return Bounds(low, high)


def whole(comparison: Comparison) -> Bounds:
    """Bounds on a count, both ends in; a count is never negative.

    >>> whole(Comparison(at_least=2.5)), whole(Comparison(exactly=0))
    (Bounds(low=3, high=None, low_open=False, high_open=False),
     Bounds(low=None, high=0, low_open=False, high_open=False))
    """
    bounds = closed(comparison)
    low = None if bounds.low is None else -(-bounds.low // MICRO)
    high = None if bounds.high is None else bounds.high // MICRO
    return Bounds(low if low is not None and low > 0 else None, high)


ANYTHING: Final = Bounds()
