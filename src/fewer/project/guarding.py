"""The size guard over a whole build: which edits would help, and what an enforced guard refuses."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final, Protocol

from fewer.errors import GuardError
from fewer.evaluate.plan.plan import Plan
from fewer.journey.define.guard import (
    Candidate,
    Proposal,
    candidates,
    choose,
    is_exclusion,
    verdict,
)
from fewer.model.segment import Segment

if TYPE_CHECKING:
    from pyroaring import BitMap

_MOST_TRIED: Final = 240  # edits evaluated in one further plan; the nearest to what is written


class Tell(Protocol):
    """Told what happens: in words, and how much of it is done."""

    def __call__(self, words: str, done: int = 0, total: int = 0) -> None:
        """Say it."""


def proposals(
    built: Plan,
    members: Mapping[str, BitMap],
    *,
    plan: Callable[[Sequence[Segment]], Plan],
    evaluate: Callable[[Plan], Mapping[str, BitMap]],
    tell: Tell,
) -> dict[str, tuple[Proposal, ...]]:
    """Computed edits for every segment outside its guard, all in one further plan.

    Args:
        built: The plan that gave `members`.
        members: Members of every segment of it.
        plan: Makes a plan of segments, as at the same moment.
        evaluate: Members of all segments of a plan.
        tell: Told how much is tried.
    """
    tried = _tried(built, members)
    if not tried:
        return {}
    total = sum(map(len, tried.values()))
    tell(f"{len(tried)} segments outside their size: trying {total} edits")
    edits = [c.segment for found in tried.values() for c in found]
    originals = [each.segment for each in built.segments if "@" not in each.id]
    sizes = evaluate(plan([*originals, *edits]).only([s.id for s in edits]))
    return {
        segment_id: choose(
            built.by_id[segment_id].segment.size,
            [(c, len(sizes[c.segment.id])) for c in found],
            now=len(members[segment_id]),
        )
        for segment_id, found in tried.items()
    }


def outside(built: Plan, members: Mapping[str, BitMap]) -> list[str]:
    """Segments whose size is outside their guard, variants left out."""
    return [
        i
        for i in built.ids
        if "@" not in i and verdict(len(members[i]), built.by_id[i].segment.size) != "within"
    ]


def _tried(built: Plan, members: Mapping[str, BitMap]) -> dict[str, list[Candidate]]:
    """Edits to try of each segment outside its guard, the nearest first."""
    tried: dict[str, list[Candidate]] = {
        i: sorted(candidates(built.by_id[i].segment), key=lambda c: c.distance)
        for i in outside(built, members)
    }
    excluded = {e for each in built.segments for e in each.exclude}
    for segment_id in excluded & set(tried):
        if is_exclusion(built.by_id[segment_id].segment):
            del tried[segment_id]
    share = _MOST_TRIED // max(len(tried), 1)
    return {i: found[: max(share, 4)] for i, found in tried.items() if found}


def enforce(
    built: Plan, members: Mapping[str, BitMap], proposed: Mapping[str, Sequence[Proposal]]
) -> None:
    """Raise `GuardError` when a segment with ``size: {enforce: true}`` is outside its guard."""
    broken = []
    for each in built.segments:
        size, guard = len(members[each.id]), each.segment.size
        if guard.enforce and verdict(size, guard) != "within":
            edits = proposed.get(each.id, ())
            broken.append(
                f"{each.id} has {size:,} people, wanted {guard.min:,} to {guard.max:,}"
                + (f" ({'; '.join(map(str, edits))})" if edits else "")
            )
    if broken:
        raise GuardError(
            f"Nothing was saved: {'; '.join(broken)}. Change the definition or the size."
        )
