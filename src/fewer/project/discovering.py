"""Discovering segments for a goal: features at a moment, outcomes after it, confirmation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from pyroaring import BitMap
from sqlglot import exp

from fewer.errors import DefinitionError, GuardError, Problem
from fewer.evaluate.plan.clock import Clock
from fewer.evaluate.plan.lower import Lowering
from fewer.evaluate.sql.functions.duckdb import DUCKDB
from fewer.evaluate.sql.predicate import match_condition
from fewer.journey.discover.facts import Facts, Survey
from fewer.journey.discover.features import Feature, catalogue
from fewer.journey.discover.finding import (
    Detectable,
    Discovered,
    Discovery,
    Rate,
)
from fewer.journey.discover.leaks import Leak, leaks, of_traits
from fewer.journey.discover.look import LOOKS_BACK_DAYS, Chosen, Look, choose
from fewer.journey.discover.matrix import Flags, Floats, from_bitmaps
from fewer.journey.discover.naming import slug, type_of, unused
from fewer.journey.discover.search import Cohort, Found, Searched, Status, halves, search
from fewer.journey.measure.landmark import landmark
from fewer.journey.measure.query import Reader
from fewer.model.condition import AllOf, Condition, Did, DidNot, Not
from fewer.model.goal import Goal
from fewer.model.segment import MAX_SIZE, MIN_SIZE, Segment, SizeGuard
from fewer.model.window import DAY, Duration
from fewer.project.engines import need_store
from fewer.project.sizing import (
    data_end,
    left_out,
    look_at,
    members_now,
    named,
    overlaps,
    sizes_by_week,
)

if TYPE_CHECKING:
    from fewer.project.project import Project

WINDOWS: Final = (Duration(7, "d"), Duration(14, "d"), Duration(30, "d"))
_MOST_FEATURES: Final = 250
_FEWEST_CONVERSIONS: Final = 30
_DOUBTFUL: Final = ("decayed", "unconfirmed")


@dataclass(frozen=True, slots=True)
class Ask:
    """What a discovery was asked for."""

    goal: str | None = None
    at_us: int | None = None
    least: int = MIN_SIZE
    most: int = MAX_SIZE
    windows: tuple[Duration, ...] = WINDOWS
    allow: tuple[str, ...] = ()
    level: float = 0.05
    features: int = _MOST_FEATURES
    seed: int = 0

    def __post_init__(self) -> None:
        if self.least < 1 or self.least > self.most:
            raise DefinitionError(
                [
                    Problem(
                        "size_backwards",
                        f"The size band {self.least:,} to {self.most:,} holds no segment.",
                        hint="Give --min at least 1 and --max at least --min.",
                    )
                ]
            )


def asked(
    project: Project, *, at: str | int | None = None, within: str | None = None, **more: Any
) -> Ask:
    """An `Ask` from what a command or notebook writes: a moment and windows as text."""
    moment = None if at is None else project.as_of(at)
    if "allow" in more:
        more["allow"] = tuple(more["allow"])
    return Ask(at_us=moment, windows=spans(within, WINDOWS), **more)


def spans(text: str | None, default: tuple[Duration, ...]) -> tuple[Duration, ...]:
    """Durations as written on a command line, such as ``7d,14d,30d``."""
    if text is None:
        return default
    try:
        found = tuple(Duration.parse(part.strip()) for part in text.split(",") if part.strip())
    except ValueError as error:
        raise DefinitionError([Problem("bad_duration", f"{text!r}: expected {error}.")]) from error
    if not found:
        raise DefinitionError(
            [Problem("bad_duration", "No window is given.", hint="Write --within 7d,14d,30d.")]
        )
    return tuple(sorted(dict.fromkeys(found), key=lambda d: d.micros))


def discover(project: Project, ask: Ask, tell: Callable[[str], None] = lambda _: None) -> Discovery:
    """Segments whose people convert beyond what activity and single actions lead one to expect.

    Args:
        project: Whose data.
        ask: What for, and within which bounds.
        tell: Called with a few words before each step that takes a while.

    Raises:
        GuardError: no goal, too little data before or after the moment, or too few conversions.
        NotFoundError: no goal of that id.
    """
    need_store(project, "Discovery")
    return _Discovering(project, ask, _goal(project, ask.goal), tell).run()


def _goal(project: Project, wanted: str | None) -> Goal:
    goals = project.definitions.goals
    if not goals:
        raise GuardError("There is no goal to discover segments for. Write one in goals.yaml.")
    if wanted is not None:
        return project.definitions.goal(wanted)
    if len(goals) > 1:
        names = ", ".join(goal.id for goal in goals)
        raise GuardError(f"Name the goal: --goal, one of {names}.")
    return goals[0]


@dataclass(slots=True)
class _Discovering:
    """One discovery, step by step."""

    project: Project
    ask: Ask
    goal: Goal
    tell: Callable[[str], None] = field(default=lambda _: None)

    def run(self) -> Discovery:
        """Look, search, confirm, describe."""
        first_us, later_us, end_us, notes = self._moments()
        with self.project.engine(first_us) as engine:
            look = look_at(self.project, engine, first_us)
            self.tell("looking at what people did")
            facts = self._facts(look, first_us)
            refused = self._leaks(look, facts, first_us)
            chosen, first = self._first(look, facts, refused, end_us)
        self._enough(first)
        later, band = None, (self.ask.least, self.ask.most)
        if later_us is not None:
            self.tell("asking who did it again at the later time")
            with self.project.engine(later_us) as engine:
                again = look_at(self.project, engine, later_us)
                later = self._later(again, chosen, end_us)
        else:
            first, later = halves(first, seed=self.ask.seed)
            band = (max(band[0] // 2, 1), max(band[1] // 2, 1))
        self.tell(f"searching all pairs and triples of {len(chosen.features)} conditions")
        found = self._searched(first, later, chosen, band)
        self.tell("counting the weeks of what was found")
        told, dropped, singles = self._told(found, chosen, end_us)
        return Discovery(
            goal=self.goal.id,
            discovered_at_us=first_us,
            confirmed_at_us=later_us,
            sized_at_us=end_us,
            window_words=self.goal.outcome_window.words,
            people=first.matrix.people,
            base_rate=float(first.converted.mean()),
            features=len(chosen.features),
            tested=found.tested,
            listed=found.listed,
            level=found.level,
            segments=told,
            unconfirmed=dropped,
            leaks=tuple(refused),
            allowed=self.ask.allow,
            notes=tuple(notes),
            left_out=found.left_out,
            singles=singles,
            singles_tested=found.singles_tested,
            data=self.project.settings.data,
        )

    def _first(
        self, look: Look, facts: Facts, refused: list[Leak], end_us: int
    ) -> tuple[Chosen, Cohort]:
        """Features and outcomes of the first moment; traits written on converting are refused."""
        offered = catalogue(facts, self.ask.windows, {leak.name for leak in refused})
        self.tell(f"asking for whom each of {len(offered)} conditions holds")
        chosen = self._choose(look, offered)
        first = self.cohort(look, chosen, end_us)
        written = of_traits(
            look.engine,
            look.catalog,
            [trait.trait for trait in facts.traits],
            converted=chosen.persons[first.converted],
            others=chosen.persons[~first.converted],
        )
        fresh = [leak for leak in written if leak.name not in self.ask.allow]
        if not fresh:
            return chosen, first
        refused += fresh
        chosen = chosen.without({leak.name for leak in fresh})
        return chosen, replace(first, matrix=chosen.matrix)

    def _enough(self, first: Cohort) -> None:
        reached = int(first.converted.sum())
        if reached >= _FEWEST_CONVERSIONS:
            return
        rate = reached / max(first.matrix.people, 1)
        more = (
            f" At this rate ({rate:.2%} of {first.matrix.people:,} people) it would take"
            f" {int(np.ceil(_FEWEST_CONVERSIONS / rate)):,} people, or an outcome_window"
            f" {_FEWEST_CONVERSIONS / reached:.0f} times as long or longer."
            if reached
            else ""
        )
        raise GuardError(
            f"Only {reached:,} people reach {self.goal.id!r} in the window after the moment:"
            f" discovery needs {_FEWEST_CONVERSIONS} at least, and finds little below a few"
            f" hundred.{more} Or choose a goal that is reached more often."
        )

    # ----------------------------------------------------------------------------------- moments

    def _moments(self) -> tuple[int, int | None, int, list[str]]:
        """When to discover and to confirm, when the data ends, and what a reader must know."""
        catalog = self.project.generation.catalog
        first_ts = catalog.first_ts or 0
        end = data_end(self.project)
        gap = self.goal.gap.micros if self.goal.gap else 0
        span = self.goal.outcome_window.micros
        notes: list[str] = []
        earliest = first_ts + self.ask.windows[0].micros
        if self.ask.at_us is not None:
            first = self.ask.at_us
            later = first + span if first + 2 * span + gap <= end else None
        else:
            later = end - gap - span
            first = later - span
            if first < earliest:
                first, later = end - gap - span, None
        if first < earliest or first + gap + span > end:
            raise GuardError(
                f"Discovery needs {self.ask.windows[0].words} of history and then"
                f" {self.goal.outcome_window.words} of outcomes of {self.goal.id!r}, which the data"
                " does not hold"
                + (" around that moment. Leave --at out, or choose another." if self.ask.at_us
                   else ". Ingest more data, or shorten the goal's outcome_window.")
            )  # fmt: skip
        if later is None:
            notes.append(
                "There is no later time to confirm on: half of the people, chosen at random, were"
                " kept for that."
            )
        if first - first_ts < self.ask.windows[-1].micros:
            notes.append(
                f"The data does not reach {self.ask.windows[-1].words} back from the moment of"
                " discovery: long windows hold less than they say."
            )
        return first, later, end, notes

    # ---------------------------------------------------------------------------------- features

    def _facts(self, look: Look, first_us: int) -> Facts:
        start = first_us - self.ask.windows[-1].micros
        return Survey(look.engine, look.catalog, start, first_us, self.ask.least).take()

    def _leaks(self, look: Look, facts: Facts, first_us: int) -> list[Leak]:
        """What is part of converting, less what the user allows."""
        lowering = Lowering(look.catalog, Clock(first_us, self.project.zone))
        where = self.goal.where
        if where and any(name.startswith("item.") for name in where):
            where = None  # judged by name: the items are not joined
        match = lowering.match(self.goal.did, where)
        test = match_condition(
            match,
            lambda stored: exp.column(stored.name, table="g", quoted=True),
            DUCKDB,
            event=exp.column("event", table="g"),
        )
        found = leaks(
            look.engine,
            look.catalog,
            facts,
            goal=test if test is not None else exp.true(),
            own=self.goal.did,
            start_us=first_us - max(self.ask.windows[-1].micros, LOOKS_BACK_DAYS * DAY),
            end_us=first_us,
        )
        return [leak for leak in found if leak.name not in self.ask.allow]

    def _choose(self, look: Look, offered: Sequence[Feature]) -> Chosen:
        members, everyone = look.conditions([f.condition for f in offered])
        people = everyone - left_out(self.project, look)
        return choose(offered, members, people, least=self.ask.least, most=self.ask.features)

    def cohort(self, look: Look, chosen: Chosen, end_us: int) -> Cohort:
        reader = Reader(look.engine, look.catalog, look.timezone)
        at = landmark(self.goal, index_us=look.as_of_us, data_end_us=end_us)
        outcomes = reader.outcomes(self.goal, at, BitMap(chosen.persons))
        converted = np.isin(chosen.persons, outcomes.persons, assume_unique=True)
        return Cohort(chosen.matrix, converted, look.activity(chosen.persons))

    def _later(self, look: Look, chosen: Chosen, end_us: int) -> Cohort:
        members, everyone = look.conditions([f.condition for f in chosen.features])
        persons = np.asarray((everyone - left_out(self.project, look)).to_array(), dtype=np.uint32)
        matrix = from_bitmaps(members, persons)
        return self.cohort(look, replace(chosen, matrix=matrix, persons=persons), end_us)

    def _searched(
        self, first: Cohort, later: Cohort | None, chosen: Chosen, band: tuple[int, int]
    ) -> Searched:
        ask = self.ask
        return search(first, later, chosen.groups, band=band, level=ask.level, seed=ask.seed)

    # -------------------------------------------------------------------------------- describing

    def _told(
        self, found: Searched, chosen: Chosen, end_us: int
    ) -> tuple[tuple[Discovered, ...], tuple[Discovered, ...], tuple[Discovered, ...]]:
        """Combinations that passed, those that did not, and single conditions that passed."""
        order = {"confirmed": 0, "weaker": 1, "decayed": 2, "unconfirmed": 3}

        def ranked(some: Sequence[Found]) -> list[Found]:
            return sorted(some, key=lambda f: (order[f.status], f.discovery.p))

        taken = set(self.project.definitions.segment_ids)
        segments: list[tuple[Found, Segment]] = []
        for each in [*ranked(found.found), *found.dropped, *ranked(found.singles)]:
            parts = [
                *(chosen.features[f].condition for f in each.features),
                *(_lacking(chosen.features[f].condition) for f in each.without),
            ]
            where = parts[0] if len(parts) == 1 else AllOf(all=tuple(parts))
            name = unused(slug(where), taken)
            taken.add(name)
            segments.append((each, self._segment(name, where, each.status)))
        told = describe_all(self.project, segments, end_us)
        passed, dropped = len(found.found), len(found.found) + len(found.dropped)
        return told[:passed], told[passed:dropped], told[dropped:]

    def _segment(self, name: str, where: Condition, status: Status) -> Segment:
        return Segment(
            id=name,
            type=type_of(where),
            where=where,
            size=SizeGuard(min=self.ask.least, max=self.ask.most),
            tags=("discovered", self.goal.id, *((status,) if status in _DOUBTFUL else ())),
        )


def _lacking(condition: Condition) -> Condition:
    """People for whom a condition does not hold."""
    if isinstance(condition, Did) and condition.measure[0] == "count" and condition.count is None:
        return DidNot(did_not=condition.did, where=condition.where, within=condition.within)
    return Not(**{"not": condition})


def describe_all(
    project: Project, segments: Sequence[tuple[Found, Segment]], end_us: int
) -> tuple[Discovered, ...]:
    """Sizes, history, overlap and detectability of what was found."""
    if not segments:
        return ()
    bare = [segment for _, segment in segments]
    history = sizes_by_week(project, bare, end_us)
    now, own = members_now(project, bare, end_us)
    told = []
    for found, segment in segments:
        people = now[segment.id]
        second = found.confirmation
        latest = Rate.of(second or found.discovery)
        told.append(
            Discovered(
                segment=segment,
                status=found.status,
                discovery=Rate.of(found.discovery),
                confirmation=Rate.of(second) if second else None,
                size=len(people),
                sizes=history[segment.id],
                overlap=overlaps(people, own),
                detectable=Detectable.of(len(people), latest.share),
                p=found.discovery.p,
                adjusted_p=found.adjusted_p,
            )
        )
    return tuple(told)


# ------------------------------------------------------------------------------------- exploring


@dataclass(frozen=True, slots=True)
class Scene:
    """People and what they did up to one moment, for exploring."""

    look: Look
    chosen: Chosen
    activity: Floats
    goal: str | None
    converted: Flags | None  # after the moment; None without a goal
    members: BitMap | None


def scene(project: Project, ask: Ask, *, members_of: str | None = None) -> Scene:
    """Features as at a moment: with a goal, the latest whose outcomes are known; else the end."""
    need_store(project, "Exploring")
    made = _Discovering(project, ask, _goal(project, ask.goal)) if ask.goal else None
    end = data_end(project)
    moment = ask.at_us
    if moment is None:
        moment = end
        if made and members_of is None:
            gap = made.goal.gap.micros if made.goal.gap else 0
            moment = end - gap - made.goal.outcome_window.micros
    with project.engine(moment) as engine:
        look = look_at(project, engine, moment)
        start = moment - ask.windows[-1].micros
        facts = Survey(engine, look.catalog, start, moment, ask.least).take()
        offered = catalogue(facts, ask.windows)
        members, everyone = look.conditions([f.condition for f in offered])
        people = everyone - left_out(project, look)
        chosen = choose(offered, members, people, least=ask.least, most=ask.features)
        if not chosen.features:
            raise GuardError(
                f"No action of the last {ask.windows[-1].words} has {ask.least:,} people or more:"
                " there is nothing to explore by. Lower --min, widen --within, or choose --at."
            )
        converted = None
        if made and moment + made.goal.outcome_window.micros <= end:
            converted = made.cohort(look, chosen, end).converted
        who = None
        if members_of is not None:
            who, _ = named(project, look, members_of)
        return Scene(look, chosen, look.activity(chosen.persons), ask.goal, converted, who)
