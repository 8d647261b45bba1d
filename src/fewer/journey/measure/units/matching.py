"""Units alike before: nearest pairs on a history of levels and on size."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from fewer.journey.measure.units.happened import Floats, Totals

LEAST_CONVERTED: Final = 5
"""People of a region who converted before; with fewer its level is a guess: it is left aside."""

_SIZE: Final = 0.25
"""Weight of a difference in size beside one in level: level is what the outcome follows."""

_PASSES: Final = 50

Pairs = NDArray[np.int64]
"""Places of two units in each row."""


def match(history: Totals, people: NDArray[np.int64]) -> tuple[Pairs, list[int]]:
    """Pairs of units, and those left aside: too few conversions before, or the odd one out.

    Args:
        history: Windows, oldest first, by unit.
        people: Of each unit.
    """
    enough = history.converted.sum(axis=0) >= LEAST_CONVERTED
    places = np.flatnonzero(enough & (people > 0))
    if len(places) < 2:  # noqa: PLR2004  a pair
        return np.empty((0, 2), dtype=np.int64), list(range(len(people)))
    apart = _distances(history, people, places)
    alone = _odd_one(apart) if len(places) % 2 else None
    left = [i for i in range(len(places)) if i != alone]
    pairs = _improved(_greedy(apart, left), apart)
    aside = sorted(set(range(len(people))) - set(places[np.array(left)].tolist()))
    return places[np.array(pairs, dtype=np.int64).reshape(-1, 2)], aside


def _distances(history: Totals, people: NDArray[np.int64], places: NDArray[np.intp]) -> Floats:
    """Mean squared difference of levels over the windows, plus a part for size; (units, units)."""
    levels = history.levels[:, places]
    levels = np.where(np.isfinite(levels), levels, np.nanmin(levels) if levels.size else 0.0)
    size = np.log(people[places])
    scale = max(float(levels.var(axis=1).mean()), 1e-12)
    spread = max(float(size.var()), 1e-12)
    apart = ((levels[:, :, None] - levels[:, None, :]) ** 2).mean(axis=0) / scale
    apart = apart + _SIZE * (size[:, None] - size[None, :]) ** 2 / spread
    np.fill_diagonal(apart, np.inf)
    return np.asarray(apart, dtype=np.float64)


def _odd_one(apart: Floats) -> int:
    """The unit farthest from its nearest neighbour."""
    return int(apart.min(axis=1).argmax())


def _greedy(apart: Floats, left: list[int]) -> list[tuple[int, int]]:
    """Pairs, the most isolated unit choosing first."""
    free, pairs = set(left), []
    among = apart[np.ix_(left, left)]
    for i in np.argsort(-among.min(axis=1), kind="stable").tolist():
        first = left[i]
        if first not in free:
            continue
        free.discard(first)
        second = min(free, key=lambda j: (apart[first, j], j))
        free.discard(second)
        pairs.append((first, second))
    return pairs


def _improved(pairs: list[tuple[int, int]], apart: Floats) -> list[tuple[int, int]]:
    """Pairs after every exchange between two of them that brings all nearer."""
    found = list(pairs)
    for _ in range(_PASSES):
        changed = False
        for one in range(len(found)):
            for two in range(one + 1, len(found)):
                (a, b), (c, d) = found[one], found[two]
                ways = [((a, b), (c, d)), ((a, c), (b, d)), ((a, d), (b, c))]
                best = min(ways, key=lambda way: apart[way[0]] + apart[way[1]])
                if apart[best[0]] + apart[best[1]] < apart[a, b] + apart[c, d] - 1e-12:
                    found[one], found[two] = best
                    changed = True
        if not changed:
            break
    return found
