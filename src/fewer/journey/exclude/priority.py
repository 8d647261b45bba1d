"""When somebody is in several segments: who comes first, and what each segment loses to whom.

Segments are gone through in their order; each keeps those of its people who are not full yet, that
is, who are in fewer than the most audiences allowed at once and over the period. Sets only, so the
result depends on nothing but the order, and the order on nothing but priority and id.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pyroaring import BitMap

AT_ONCE: Final = "in as many audiences as allowed"
IN_PERIOD: Final = "reached as often as allowed lately"


@dataclass(frozen=True, slots=True)
class Kept:
    """What a segment keeps, and what it loses."""

    segment: str
    people: BitMap
    full: BitMap  # lost: in as many audiences as allowed at once
    tired: BitMap  # lost: in as many over the period
    to: Mapping[str, int]  # segment before it -> people lost to it, the first that has them

    @property
    def lost(self) -> int:
        """People lost."""
        return len(self.full | self.tired)


def order(segments: Iterable[tuple[str, int | None]]) -> list[str]:
    """Ids by priority, the lowest first, those without one last; equal ones by id.

    >>> order([("b", 2), ("c", None), ("a", 2), ("d", 1)])
    ['d', 'a', 'b', 'c']
    """
    last = float("inf")
    return [
        name for name, _ in sorted(segments, key=lambda s: (last if s[1] is None else s[1], s[0]))
    ]


def waterfall(
    segments: Sequence[tuple[str, BitMap]],
    *,
    at_once: int | None = None,
    per_period: int | None = None,
    lately: Mapping[str, BitMap] | None = None,
) -> list[Kept]:
    """Go through segments in their order.

    Args:
        segments: Id and people, the first to choose first.
        at_once: In how many audiences a person may be; None: any number.
        per_period: In how many different ones over the period; None: any number.
        lately: Segment -> people who were added to its audience in the period.

    >>> one, two = waterfall([("a", BitMap([1, 2])), ("b", BitMap([2, 3]))], at_once=1)
    >>> sorted(two.people), dict(two.to)
    ([3], {'a': 1})
    """
    now = _Levels(at_once)
    past = _Levels(per_period)
    for people in (lately or {}).values():
        past.add(people)
    found: list[Kept] = []
    for name, people in segments:
        full = people & now.full
        # Who is in this very audience already is not reached once more by staying.
        tired = (people - full) & past.full - (lately or {}).get(name, BitMap())
        kept = people - full - tired
        found.append(Kept(name, kept, full, tired, _to(full, found)))
        now.add(kept)
        past.add(kept - (lately or {}).get(name, BitMap()))
    return found


def _to(lost: BitMap, before: Sequence[Kept]) -> dict[str, int]:
    rest, told = lost.copy(), {}
    for one in before:
        here = rest & one.people
        if here:
            told[one.segment] = len(here)
            rest -= here
    return told


class _Levels:
    """People by how often they were counted, up to a limit."""

    def __init__(self, most: int | None) -> None:
        self._levels = [BitMap() for _ in range(most)] if most is not None else None

    @property
    def full(self) -> BitMap:
        """Counted as often as the limit."""
        return self._levels[-1] if self._levels else BitMap()

    def add(self, people: BitMap) -> None:
        """Count people once more."""
        if not self._levels:
            return
        for i in range(len(self._levels) - 1, 0, -1):
            self._levels[i] |= self._levels[i - 1] & people
        self._levels[0] |= people
