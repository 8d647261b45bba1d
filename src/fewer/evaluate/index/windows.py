"""Windows of one behaviour that share a pass.

Windows with the same end lie inside one another. Read from the latest begin to the earliest, each
adds to the one before it only the rows between the two begins.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from fewer.evaluate.plan.clock import Offset, Window
from fewer.model.window import DAY

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Ring(Generic[T]):
    """What a window adds to those inside it: ``[start, end)``; then `asked` can be answered."""

    start: int | None
    end: int
    asked: tuple[T, ...]


def rings(asked: Sequence[tuple[Window, T]]) -> Iterator[Ring[T]]:
    """Rings of windows that have one end, from the latest begin to the earliest.

    >>> [(r.start, r.end, r.asked) for r in rings([(Window(2, 9), "a"), (Window(5, 9), "b")])]
    [(5, 9, ('b',)), (2, 5, ('a',))]
    """
    by_start: dict[int | None, list[T]] = {}
    for window, each in asked:
        by_start.setdefault(window.start, []).append(each)
    end = asked[0][0].end
    for start in sorted(by_start, key=lambda s: (s is not None, s or 0), reverse=True):
        yield Ring(start, end, tuple(by_start[start]))
        end = start if start is not None else end


@dataclass(frozen=True, slots=True)
class Piece:
    """``[start, end)``, all of it in the period of this number."""

    period: int
    start: int
    end: int


def periods(each: int, as_of: int, start: int, end: int) -> list[Piece]:
    """Spans ``[as_of - i * each, as_of - (i - 1) * each)`` in ``[start, end)``, latest first."""
    pieces = []
    number = (as_of - end) // each
    while (high := as_of - number * each) > start:
        low = high - each
        pieces.append(Piece(number, max(low, start), min(high, end)))
        number += 1
    return [piece for piece in pieces if piece.start < piece.end]


def local_days(known: Sequence[Offset], start: int, end: int) -> list[Piece]:
    """Local calendar days within ``[start, end)``, latest first.

    Where clocks go back over midnight a day has two pieces, with one of another day between.
    """
    pieces: list[Piece] = []
    for number, offset in enumerate(known):
        low = start if number == 0 else max(start, offset.since)
        high = end if number + 1 == len(known) else min(end, known[number + 1].since)
        while low < high:
            day = (low + offset.micros) // DAY
            following = min((day + 1) * DAY - offset.micros, high)
            pieces.append(Piece(day, low, following))
            low = following
    return pieces[::-1]


def in_order(pieces: Sequence[Piece]) -> bool:
    """Whether no period comes back after another one began."""
    numbers = [piece.period for piece in pieces]
    return numbers in (sorted(numbers), sorted(numbers, reverse=True))
