"""Segments: conditions with names, lookback variants and exclusions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from fewer.model.condition import AllOf, AnyOf, Condition, Did, DidNot, NoneOf, Not, SequenceOf
from fewer.model.segment import Segment
from fewer.model.window import Duration
from oracle.clock import MINUTE
from oracle.conditions import true
from oracle.moment import Moment
from oracle.world import World

Windowed = Did | DidNot | SequenceOf


@dataclass(frozen=True, slots=True)
class Answer:
    """Who is in each segment, its lookback variants (``id@7d``) among them."""

    universe: frozenset[int]
    matched: dict[str, frozenset[int]]  # `where` alone
    members: dict[str, frozenset[int]]  # less every exclusion


def answer(
    segments: Sequence[Segment],
    world: World,
    *,
    as_of_us: int,
    timezone: str = "UTC",
    session_gap_us: int = 30 * MINUTE,
    default_exclude: Sequence[str] = (),
) -> Answer:
    """Ask every segment of a world at one instant."""
    moment = Moment(world, as_of_us, ZoneInfo(timezone), session_gap_us)
    asked = {each.id: each for segment in segments for each in with_variants(segment)}
    asking = _Asking(moment, asked, tuple(default_exclude))
    return Answer(
        universe=moment.universe,
        matched={id_: asking.matched(id_) for id_ in asked},
        members={id_: asking.members(id_) for id_ in asked},
    )


@dataclass(slots=True)
class _Asking:
    moment: Moment
    segments: dict[str, Segment]
    default_exclude: tuple[str, ...]
    known: dict[str, frozenset[int]] = field(default_factory=dict)

    def matched(self, id_: str) -> frozenset[int]:
        where, moment = self.segments[id_].where, self.moment
        return frozenset(p for p in moment.universe if true(where, p, moment, self.members))

    def members(self, id_: str) -> frozenset[int]:
        if id_ not in self.known:
            removed = frozenset[int]().union(*map(self.members, self.exclusions(id_)))
            self.known[id_] = self.matched(id_) - removed
        return self.known[id_]

    def exclusions(self, id_: str) -> tuple[str, ...]:
        """Its own; and the project's, unless it refuses them or is one of them."""
        segment = self.segments[id_]
        defaults = segment.exclude_defaults and id_ not in self.default_exclude
        return segment.exclude + (self.default_exclude if defaults else ())


def with_variants(segment: Segment) -> list[Segment]:
    """The segment, and it again with each lookback window in place of `within`."""
    windows = segment.variants.lookback if segment.variants else ()
    marked = any(found.lookback for found in windowed(segment.where))
    return [segment] + [
        segment.model_copy(
            update={
                "id": f"{segment.id}@{window.amount}{window.unit}",
                "where": looking_back(segment.where, window, marked=marked),
            }
        )
        for window in windows
    ]


def windowed(asked: Condition) -> list[Windowed]:
    """Behaviours and sequences of a condition that have a `within`."""
    match asked:
        case AllOf(all=members) | AnyOf(any=members) | NoneOf(none=members):
            return [found for member in members for found in windowed(member)]
        case Not(not_=inner):
            return windowed(inner)
        case Did() | DidNot() | SequenceOf():
            return [asked] if asked.within else []
        case _:
            return []


def looking_back(asked: Condition, window: Duration, *, marked: bool) -> Condition:
    """The condition with `within` replaced where it is marked, or where there is one."""

    def each(members: tuple[Condition, ...]) -> tuple[Condition, ...]:
        return tuple(looking_back(member, window, marked=marked) for member in members)

    match asked:
        case AllOf():
            return AllOf(all=each(asked.all))
        case AnyOf():
            return AnyOf(any=each(asked.any))
        case NoneOf():
            return NoneOf(none=each(asked.none))
        case Not():
            return Not(not_=looking_back(asked.not_, window, marked=marked))
        case Did() | DidNot() | SequenceOf() if asked.lookback if marked else asked.within:
            return asked.model_copy(update={"within": window})
        case _:
            return asked
