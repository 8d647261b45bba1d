"""Where chance comes from: hypothesis, or a seed."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Protocol, TypeVar

from hypothesis import strategies as st

T = TypeVar("T")


class Dice:
    """Draws from a source of whole numbers; simple choices come first, for hypothesis."""

    def integer(self, low: int, high: int) -> int:
        """A whole number, both ends in."""
        raise NotImplementedError

    def chance(self, percent: int) -> bool:
        """True this often."""
        return self.integer(0, 99) >= 100 - percent

    def pick(self, options: Sequence[T]) -> T:
        """One of them."""
        return options[self.integer(0, len(options) - 1)]

    def weighted(self, **weights: int) -> str:
        """One of the names, as often as its weight says."""
        at = self.integer(0, sum(weights.values()) - 1)
        for name, weight in weights.items():
            at -= weight
            if at < 0:
                return name
        raise AssertionError

    def some(self, options: Sequence[T], low: int, high: int) -> list[T]:
        """Distinct ones, between `low` and `high` of them where there are so many."""
        left = list(options)
        count = min(self.integer(low, high), len(left))
        return [left.pop(self.integer(0, len(left) - 1)) for _ in range(count)]


class Seeded(Dice):
    """Reproducible from one number, at any length."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def integer(self, low: int, high: int) -> int:
        """See `Dice`."""
        return self._random.randint(low, high)


class _Draw(Protocol):
    def __call__(self, strategy: st.SearchStrategy[int], /) -> int: ...


class Drawn(Dice):
    """By hypothesis, which shrinks what fails."""

    def __init__(self, draw: _Draw) -> None:
        self._draw = draw

    def integer(self, low: int, high: int) -> int:
        """See `Dice`."""
        return self._draw(st.integers(low, high))
