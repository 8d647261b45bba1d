"""A priority list of segments: each person counts in the first one they are in, and no other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pyroaring import BitMap


@dataclass(frozen=True, slots=True)
class Kept:
    """What a segment keeps of its people, behind those before it on the list."""

    segment: str
    members: int
    people: BitMap

    @property
    def kept(self) -> int:
        """People who count in it."""
        return len(self.people)

    @property
    def share(self) -> float | None:
        """Of its members, 0 to 1; None of a segment without any."""
        return self.kept / self.members if self.members else None

    def to_json(self) -> dict[str, Any]:
        """Counts, never people."""
        return {
            "segment": self.segment,
            "members": self.members,
            "kept": self.kept,
            "taken_by_earlier": self.members - self.kept,
            "share_kept": None if self.share is None else round(self.share, 6),
        }


def waterfall(members: Mapping[str, BitMap], *, without: BitMap | None = None) -> tuple[Kept, ...]:
    """Segments in the order of priority, each with the people no earlier one has.

    `without` are people in no segment at all, such as those held out of everything: they are
    not counted as members either.
    """
    taken = BitMap(without or BitMap())
    made = []
    for segment, people in members.items():
        made.append(Kept(segment, len(people - (without or BitMap())), people - taken))
        taken |= people
    return tuple(made)
