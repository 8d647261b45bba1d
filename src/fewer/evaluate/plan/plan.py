"""Plans: a set of segments made ready to be evaluated at one moment, by any engine. No I/O."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from zoneinfo import ZoneInfo

from fewer.evaluate.plan.clock import Clock, Offset, Window, offsets
from fewer.evaluate.plan.formula import Formula, Holds, MemberOf, parts
from fewer.evaluate.plan.leaf import Behaviour, Distinct, Leaf, LocalDay, is_constant
from fewer.evaluate.plan.lower import Lowering
from fewer.evaluate.plan.order import by_id, closure, dependency_order, exclusions, references
from fewer.evaluate.plan.passes import Names, Pass, matches_of, names_of, passes, since_of
from fewer.model.catalog import Catalog
from fewer.model.condition import Condition
from fewer.model.segment import Segment, expand
from fewer.model.window import Duration, Moment


@dataclass(frozen=True, slots=True)
class Planned:
    """A segment, its condition over the plan's leaves, and the segments it excludes."""

    segment: Segment
    where: Formula
    exclude: tuple[str, ...]

    @property
    def id(self) -> str:
        """Id of the segment or of its variant."""
        return self.segment.id


@dataclass(frozen=True, slots=True)
class Reads:
    """Names of events (None: any) and the earliest time (None: all history) that a plan reads.

    Sessions and the universe also ask at which times a person did anything at all.
    """

    events: Names
    since: int | None


@dataclass(frozen=True)
class Plan:
    """What to compute: distinct leaves, and segments as formulas over them.

    `segments` come in an order in which each follows those it refers to; `ids` is the order
    in which they were given, variants after their segment.
    """

    as_of_us: int
    timezone: str
    session_gap_us: int
    catalog: Catalog
    ids: tuple[str, ...]
    segments: tuple[Planned, ...]
    leaves: tuple[Leaf, ...]
    sources: tuple[Condition, ...]

    @cached_property
    def by_id(self) -> dict[str, Planned]:
        """Segments by id."""
        return {planned.id: planned for planned in self.segments}

    @cached_property
    def place(self) -> dict[str, int]:
        """Place of each segment in `segments`."""
        return {planned.id: n for n, planned in enumerate(self.segments)}

    @cached_property
    def needs(self) -> dict[str, tuple[str, ...]]:
        """For each segment, the segments it refers to directly."""
        return {planned.id: _references(planned) for planned in self.segments}

    @cached_property
    def passes(self) -> tuple[Pass, ...]:
        """Leaves grouped so that one scan answers as many as possible."""
        return passes(self.leaves, self.catalog.events)

    @cached_property
    def reads(self) -> Reads:
        """Events that a reader must have at hand; all others may be left unread."""
        reading = [leaf for leaf in self.leaves if matches_of(leaf) and not is_constant(leaf)]
        starts = [since_of(leaf) for leaf in reading]
        since = None if None in starts else min((s for s in starts if s is not None), default=None)
        return Reads(names_of(reading) if reading else (), since)

    @cached_property
    def offsets(self) -> tuple[Offset, ...]:
        """UTC offsets needed to know local days; empty when no leaf asks for days."""
        windows = [w for leaf in self.leaves if (w := _days_window(leaf)) is not None]
        if not windows:
            return ()
        first = self.catalog.first_ts
        if first is None:
            first = Moment.parse("1850-01-01").resolve(ZoneInfo("UTC"))
        starts = [first if w.start is None else max(w.start, first) for w in windows]
        return offsets(ZoneInfo(self.timezone), min(starts), self.as_of_us)

    def only(self, ids: Collection[str]) -> Plan:
        """The part of the plan that these segments need, their references included.

        Raises `NotFoundError` for an id that is not in the plan.
        """
        wanted = closure(ids, self.needs)
        return _plan(
            [planned.segment for planned in self.segments if planned.id in wanted],
            ids=tuple(i for i in self.ids if i in wanted),
            excludes={planned.id: planned.exclude for planned in self.segments},
            clock=Clock(self.as_of_us, ZoneInfo(self.timezone)),
            session_gap_us=self.session_gap_us,
            catalog=self.catalog,
        )


def plan(
    segments: Sequence[Segment],
    *,
    as_of_us: int,
    timezone: str,
    session_gap: Duration,
    catalog: Catalog,
    default_exclude: Sequence[str] = (),
) -> Plan:
    """Plan the segments and their lookback variants for one moment.

    Raises:
        CycleError: in_segment, exclude and the defaults form a circle.
        NotFoundError: a reference to a segment that is not among them.
        DefinitionError: an id that is used twice.
        LookbackError: variants that don't say which window they replace.
    """
    expanded = by_id(expand(segments))
    needs = {i: references(segment, default_exclude) for i, segment in expanded.items()}
    order = dependency_order(needs)
    return _plan(
        [expanded[i] for i in order],
        ids=tuple(expanded),
        excludes={i: exclusions(segment, default_exclude) for i, segment in expanded.items()},
        clock=Clock(as_of_us, ZoneInfo(timezone)),
        session_gap_us=session_gap.micros,
        catalog=catalog,
    )


def _plan(
    ordered: Sequence[Segment],
    *,
    ids: tuple[str, ...],
    excludes: dict[str, tuple[str, ...]],
    clock: Clock,
    session_gap_us: int,
    catalog: Catalog,
) -> Plan:
    lowering = Lowering(catalog, clock)
    planned = tuple(
        Planned(segment, lowering.formula(segment.where), excludes[segment.id])
        for segment in ordered
    )
    return Plan(
        as_of_us=clock.as_of_us,
        timezone=clock.zone.key,
        session_gap_us=session_gap_us,
        catalog=catalog,
        ids=ids,
        segments=planned,
        leaves=tuple(lowering.leaves),
        sources=tuple(lowering.sources),
    )


def _references(planned: Planned) -> tuple[str, ...]:
    inside = (p.segment for p in parts(planned.where) if isinstance(p, MemberOf))
    return tuple(dict.fromkeys((*inside, *planned.exclude)))


def leaf_numbers(planned: Planned) -> tuple[int, ...]:
    """Leaves that a segment's own condition asks, each once."""
    return tuple(dict.fromkeys(p.leaf for p in parts(planned.where) if isinstance(p, Holds)))


def _days_window(leaf: Leaf) -> Window | None:
    """Window of a leaf that asks for local days; None for any other leaf."""
    match leaf:
        case Behaviour(measure=Distinct(key=LocalDay())):
            return leaf.window
        case _:
            return None
