"""The exclusion funnel: who is removed from a segment, by which reason, and what that saves.

Sets of person numbers only. Every exclusion is intersected with the segment once, so the result
does not depend on the order of exclusions; only the counts per step do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pyroaring import BitMap

Named = tuple[str, BitMap]
"""Id of an exclusion (a segment id) and the people it names."""


@dataclass(frozen=True, slots=True)
class Step:
    """One exclusion in its place.

    `removed` counts people that no step before it had removed; `alone` those it would remove
    by itself; `only` those that no other exclusion removes, which is what dropping it would
    give back.
    """

    exclusion: str
    why: str
    removed: int
    remaining: int
    alone: int
    only: int
    saved_micros: int | None  # money not spent on the removed, in micro-units

    def sentence(self) -> str:
        """The step as people read it.

        >>> Step("bots", "Machines", 3, 97, 4, 1, None).sentence()
        'Machines: 3 people removed, 97 left (4 by itself, 1 by nothing else)'
        """
        people = "person" if self.removed == 1 else "people"
        return (
            f"{self.why}: {self.removed:,} {people} removed, {self.remaining:,} left"
            f" ({self.alone:,} by itself, {self.only:,} by nothing else)"
        )


@dataclass(frozen=True, slots=True)
class Funnel:
    """From everyone whom the condition matched to the members."""

    matched: int
    steps: tuple[Step, ...]
    members: BitMap

    @property
    def removed(self) -> int:
        """People removed by all exclusions together."""
        return self.matched - len(self.members)

    @property
    def saved_micros(self) -> int | None:
        """Money not spent on all the removed, in micro-units; None when no cost is known."""
        known = [step.saved_micros for step in self.steps if step.saved_micros is not None]
        return sum(known) if known else None

    def rows(self) -> list[tuple[str, int, int]]:
        """(exclusion, removed, remaining) per step, as snapshots keep them."""
        return [(step.exclusion, step.removed, step.remaining) for step in self.steps]


def funnel(
    matched: BitMap,
    exclusions: Sequence[Named],
    *,
    why: Mapping[str, str] | None = None,
    cost_micros: int | None = None,
) -> Funnel:
    """Remove each exclusion from `matched`, in order.

    Args:
        matched: People for whom the segment's condition is true.
        exclusions: Ids with their people. An id that is repeated with the same people counts
            once.
        why: Reason per id, as people read it; the id itself where it is missing.
        cost_micros: What reaching one person costs, in micro-units of the project's currency.

    Raises:
        ValueError: When an id comes twice with different people.
    """
    inside = _distinct(matched, exclusions)
    others = _all_but_each([people for _, people in inside])
    remaining = matched.copy()
    steps = []
    for (exclusion, people), rest in zip(inside, others, strict=True):
        removed = len(remaining & people)
        remaining -= people
        steps.append(
            Step(
                exclusion=exclusion,
                why=(why or {}).get(exclusion, exclusion),
                removed=removed,
                remaining=len(remaining),
                alone=len(people),
                only=len(people - rest),
                saved_micros=None if cost_micros is None else removed * cost_micros,
            )
        )
    return Funnel(len(matched), tuple(steps), remaining)


def _distinct(matched: BitMap, exclusions: Sequence[Named]) -> list[Named]:
    found: dict[str, BitMap] = {}
    for exclusion, people in exclusions:
        if exclusion in found and found[exclusion] != people:
            msg = f"exclusion {exclusion!r} is given twice, with different people"
            raise ValueError(msg)
        found[exclusion] = people
    return [(exclusion, people & matched) for exclusion, people in found.items()]


def _all_but_each(sets: Sequence[BitMap]) -> list[BitMap]:
    """For each set, the union of all the others; two passes instead of one per pair."""
    before, after = [BitMap()], [BitMap()]
    for people in sets[:-1]:
        before.append(before[-1] | people)
    for people in reversed(sets[1:]):
        after.append(after[-1] | people)
    return [left | right for left, right in zip(before, reversed(after), strict=True)][: len(sets)]
