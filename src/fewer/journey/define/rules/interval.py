"""Intervals of numbers: which values satisfy several bounds at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Interval:
    """Numbers between two ends; None is no end, and an open end does not belong to it."""

    low: Decimal | None = None
    high: Decimal | None = None
    low_open: bool = False
    high_open: bool = False

    @classmethod
    def of(cls, bounds: Mapping[str, Any]) -> Self:
        """The numbers that satisfy all bounds of a comparison or predicate.

        >>> Interval.of({"at_least": Decimal(3), "less_than": Decimal(5)}).is_empty()
        False
        """
        found = cls()
        for name, bound in bounds.items():
            match name:
                case "at_least":
                    found = found.meet(cls(low=bound))
                case "more_than":
                    found = found.meet(cls(low=bound, low_open=True))
                case "at_most":
                    found = found.meet(cls(high=bound))
                case "less_than":
                    found = found.meet(cls(high=bound, high_open=True))
                case "exactly":
                    found = found.meet(cls(bound, bound))
                case "between":
                    found = found.meet(cls(*bound))
                case _:
                    continue
        return found

    def meet(self, other: Self) -> Self:
        """Numbers in both."""
        low, low_open = self.low, self.low_open
        if low is None or (other.low is not None and other.low > low):
            low, low_open = other.low, other.low_open
        elif other.low == low:
            low_open = low_open or other.low_open
        high, high_open = self.high, self.high_open
        if high is None or (other.high is not None and other.high < high):
            high, high_open = other.high, other.high_open
        elif other.high == high:
            high_open = high_open or other.high_open
        return type(self)(low, high, low_open, high_open)

    def is_empty(self, *, whole: bool = False) -> bool:
        """Whether no number (with `whole`, no whole number) is in it."""
        if self.low is None or self.high is None:
            return False
        if not whole:
            open_end = self.low_open or self.high_open
            return self.low > self.high or (self.low == self.high and open_end)
        first = self.low.to_integral_value(ROUND_CEILING)
        last = self.high.to_integral_value(ROUND_FLOOR)
        first += self.low_open and first == self.low
        last -= self.high_open and last == self.high
        return first > last

    def holds(self, number: Decimal) -> bool:
        """Whether a number is in it."""
        return not self.meet(type(self)(number, number)).is_empty()

    def covers(self, other: Self) -> bool:
        """Whether every number of the other is in this one."""
        return self.meet(other) == other
