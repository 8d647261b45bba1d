"""Ready segments from what the data holds, without any goal: ideas of five types, then a choice.

Names of events decide nothing: what is rare or common, what carries paths, values or numbers,
how often people come back are facts of the data.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from math import exp, log, sqrt
from typing import Final

import numpy as np
from pyroaring import BitMap

from fewer.journey.discover.facts import EventFact, Facts, ValueFact
from fewer.journey.discover.kernels import together
from fewer.journey.discover.matrix import from_bitmaps
from fewer.journey.discover.sayable import Rank
from fewer.model.condition import AllOf, Condition, Did, DidNot, First, Last, Occurrence, Trait
from fewer.model.measure import Comparison, Share
from fewer.model.predicate import Test
from fewer.model.segment import SegmentType
from fewer.model.window import Between, Duration

TYPES: Final[tuple[SegmentType, ...]] = (
    "engagement",
    "content",
    "recency_frequency",
    "interest",
    "lookback",
)
_MOST_EVENTS: Final = 12
_MOST_VALUES: Final = 40
_MOST_JOINED: Final = 220
_OFTEN: Final = (2, 3, 5, 8)
ALIKE: Final = 0.35
"""People in both over people in either, at most, of any two that are shown."""
KNOWN: Final = 0.6
"""The same, of one that is shown and a segment that there is already."""


@dataclass(frozen=True, slots=True)
class Idea:
    """A condition that may become a segment."""

    condition: Condition
    type: SegmentType
    thing: str  # what it speaks of: of one thing few are shown
    variants: tuple[Duration, ...] = ()
    plain: int = 0  # smaller is easier to say


def ideas(
    facts: Facts, windows: Sequence[Duration], ranks: Mapping[str, Rank] | None = None
) -> list[Idea]:
    """Ideas of all five types, from the shortest to say to the longest.

    Args:
        facts: What the data holds, without what nobody could speak of.
        windows: How far to look back, the shortest first.
        ranks: How much each property says of what people want.
    """
    ranks = ranks or {}
    short, middle, long = windows[0], windows[len(windows) // 2], windows[-1]
    found: list[Idea] = []
    events = facts.events[:_MOST_EVENTS]
    for fact in events:
        found += _engaged(fact, events, windows)
        found += _repeated(fact, windows)
        looked = Did(did=(fact.event,), within=middle)
        found.append(Idea(looked, "lookback", f"{fact.event} lookback", tuple(windows)))
        often = Did(did=(fact.event,), within=middle, count=_at_least(2))
        found.append(Idea(often, "lookback", f"{fact.event} lookback", tuple(windows), 1))
    taken: Counter[tuple[str, str]] = Counter()
    for value in facts.values:
        key = (value.event, value.property)
        if taken[key] >= _MOST_VALUES:
            continue
        taken[key] += 1
        rank = ranks.get(value.property, Rank.KIND)
        found += _valued(value, rank, (short, middle, long), windows)
    for trait in facts.traits:
        if trait.value is not None:
            is_it = Trait(trait=trait.trait, equals=trait.value)
            for fact in events[:3]:
                both = AllOf(all=(is_it, Did(did=(fact.event,), within=short)))
                found.append(Idea(both, "engagement", f"trait {trait.trait}", plain=2))
    return found


def _at_least(number: int) -> Comparison:
    return Comparison(at_least=Decimal(number))


def _engaged(
    fact: EventFact, events: Sequence[EventFact], windows: Sequence[Duration]
) -> Iterator[Idea]:
    """Did it lately; did it and not yet what fewer people do."""
    for window in windows:
        yield Idea(Did(did=(fact.event,), within=window), "engagement", fact.event)
    for rarer in events:
        if rarer.people * 1.2 < fact.people:
            for window in windows[:2]:
                both = AllOf(
                    all=(
                        Did(did=(fact.event,), within=window),
                        DidNot(did_not=(rarer.event,), within=windows[-1]),
                    )
                )
                yield Idea(both, "engagement", f"{fact.event} {rarer.event}", plain=1)


def _repeated(fact: EventFact, windows: Sequence[Duration]) -> Iterator[Idea]:
    """How often, on how many days, how long ago, and for the first time."""
    name, kind = (fact.event,), "recency_frequency"
    for window in windows:
        for times in (*_OFTEN, 12, 20):
            did = Did(did=name, within=window, count=_at_least(times))
            yield Idea(did, kind, f"{fact.event} often")  # type: ignore[arg-type]
        for days in (2, 3, 5, 8):
            on = Did(did=name, within=window, days=_at_least(days))
            yield Idea(on, kind, f"{fact.event} days", plain=1)  # type: ignore[arg-type]
        new = First(first=Occurrence(did=name), within=window)
        yield Idea(new, kind, f"{fact.event} first")  # type: ignore[arg-type]
    for newer, older in _bands(windows):
        between = Between(from_=older, to=newer)
        last = Last(last=Occurrence(did=name), between=between)
        yield Idea(last, kind, f"{fact.event} last")  # type: ignore[arg-type]


def _bands(windows: Sequence[Duration]) -> list[tuple[Duration, Duration]]:
    longer = [*windows, Duration(windows[-1].amount * 2, windows[-1].unit)]
    return list(pairwise(longer))


def _valued(
    fact: ValueFact,
    rank: Rank,
    spans: tuple[Duration, Duration, Duration],
    windows: Sequence[Duration],
) -> Iterator[Idea]:
    """People whom one path, category or kind of content interests."""
    if rank is Rank.PERSON:
        yield from _of_person(fact, spans)
        return
    is_item = fact.property.startswith("item.") or fact.is_path
    kind: SegmentType = "interest" if is_item else "content"
    test = Test(under=str(fact.value)) if fact.is_path else Test(equals=fact.value)
    where = {fact.property: test}
    thing = f"{fact.property}={fact.value}"
    for window, times in (
        (spans[1], 1),
        (spans[2], 1),
        (spans[0], 1),
        (spans[2], 2),
        (spans[2], 3),
    ):
        count = _at_least(times) if times > 1 else None
        did = Did(did=(fact.event,), where=where, within=window, count=count)
        yield Idea(did, kind, thing)
    share = Did(
        did=(fact.event,), within=spans[2], share=Share(where=where, at_least=Decimal("0.5"))
    )
    enough = Did(did=(fact.event,), within=spans[2], count=_at_least(3))
    yield Idea(AllOf(all=(enough, share)), kind, thing, plain=1)
    looked = Did(did=(fact.event,), where=where, within=spans[1])
    yield Idea(looked, "lookback", f"{thing} lookback", tuple(windows), 1)


def _of_person(fact: ValueFact, spans: tuple[Duration, Duration, Duration]) -> Iterator[Idea]:
    """What is so at all events of a person, such as a device or country: active people of it.

    It is no content and no interest, and of one property one segment is enough.
    """
    for window in spans:
        did = Did(did=(fact.event,), where={fact.property: Test(equals=fact.value)}, within=window)
        yield Idea(did, "engagement", f"who {fact.property}", plain=int(Rank.PERSON))


def joined(
    made: Sequence[Idea], members: Sequence[BitMap], people: BitMap, band: tuple[int, int]
) -> list[Idea]:
    """Ideas of two conditions whose people fit the band, where single ones are too large.

    All pairs are counted at once.
    """
    usable = [
        at
        for at, idea in enumerate(made)
        if isinstance(idea.condition, Did)
        and idea.type != "lookback"
        and band[1] < len(members[at]) <= len(people) // 2
    ]
    usable = _spread(usable, made, _MOST_JOINED)
    if len(usable) < 2:  # noqa: PLR2004
        return []
    persons = np.asarray(people.to_array(), dtype=np.uint32)
    matrix = from_bitmaps([members[at] for at in usable], persons)
    both = together(matrix.csr(), np.ones(matrix.people))
    found = []
    for a, b in zip(*np.nonzero(np.triu((both >= band[0]) & (both <= band[1]), 1)), strict=True):
        one, other = made[usable[a]], made[usable[b]]
        if one.thing.split(" ")[0] == other.thing.split(" ")[0]:
            continue
        kind = one.type if one.type in ("interest", "content") else other.type
        both_of = AllOf(all=(one.condition, other.condition))
        found.append(Idea(both_of, kind, f"{one.thing} + {other.thing}", plain=2))
    return found


def _spread(usable: Sequence[int], made: Sequence[Idea], most: int) -> list[int]:
    """Some of each thing, in turns."""
    by_thing: dict[str, list[int]] = {}
    for at in usable:
        by_thing.setdefault(made[at].thing, []).append(at)
    found: list[int] = []
    turn = 0
    while len(found) < most and any(turn < len(v) for v in by_thing.values()):
        found += [v[turn] for v in by_thing.values() if turn < len(v)]
        turn += 1
    return found[:most]


@dataclass(frozen=True, slots=True)
class Choice:
    """What a choice keeps to."""

    wanted: int = 12
    band: tuple[int, int] = (200, 2_000)
    alike: float = ALIKE


def choose(
    made: Sequence[Idea],
    members: Sequence[BitMap],
    steadiness: Mapping[int, float],
    rule: Choice | None = None,
    known: Sequence[BitMap] = (),
) -> list[int]:
    """Places of the ideas to show: every type in turn, the best first, none like another.

    Args:
        made: Ideas.
        members: People of each.
        steadiness: Place -> 0..1, how little its size moved over the weeks; 0.5 when not known.
        rule: How many, which sizes, how much in common.
        known: People of segments that there are already: their like is not shown again.
    """
    rule = rule or Choice()
    fitting = [
        at
        for at, people in enumerate(members)
        if rule.band[0] <= len(people) <= rule.band[1]
        and all(people.jaccard_index(other) <= KNOWN for other in known)
    ]
    ranked = sorted(
        fitting,
        key=lambda at: (-_worth(made[at], len(members[at]), steadiness.get(at, 0.5), rule), at),
    )
    queues = {kind: [at for at in ranked if made[at].type == kind] for kind in TYPES}
    chosen: list[int] = []
    things: Counter[str] = Counter()
    scarcest = sorted(TYPES, key=lambda kind: len(queues[kind]))
    while len(chosen) < rule.wanted and any(queues.values()):
        for kind in scarcest:
            at = _next(queues[kind], made, members, chosen, things, rule)
            if at is None or len(chosen) >= rule.wanted:
                continue
            chosen.append(at)
            things[made[at].thing] += 1
    return sorted(chosen, key=lambda at: (TYPES.index(made[at].type), ranked.index(at)))


def _next(
    queue: list[int],
    made: Sequence[Idea],
    members: Sequence[BitMap],
    chosen: Sequence[int],
    things: Counter[str],
    rule: Choice,
) -> int | None:
    while queue:
        at = queue.pop(0)
        if things[made[at].thing] >= 1:
            continue
        if all(members[at].jaccard_index(members[other]) <= rule.alike for other in chosen):
            return at
    return None


def _worth(idea: Idea, size: int, steady: float, rule: Choice) -> float:
    """Well inside the band, steady, and easy to say."""
    low, high = rule.band
    middle = sqrt(low * high)
    spread = max(log(high / low) / 2, 0.1)
    inside = exp(-0.5 * (log(max(size, 1) / middle) / spread) ** 2)
    return inside + steady - 0.15 * idea.plain
