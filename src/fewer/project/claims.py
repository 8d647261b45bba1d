"""Claims of a project: the headline ones that everybody quotes and its own, on its data."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

import numpy as np
from pydantic import TypeAdapter
from pyroaring import BitMap

from fewer.errors import DefinitionError, NotFoundError, Problem
from fewer.journey.measure.ads import join
from fewer.journey.measure.claims.check import POOL, Told, check_people, check_reports
from fewer.journey.measure.claims.headlines import (
    CONVERSION,
    HEADLINES,
    INTERACTIONS,
    TITLES,
    conversion_claim,
    in_order,
    interactions_claim,
    report_claims,
)
from fewer.journey.measure.claims.leak import Leak, leaks
from fewer.journey.measure.claims.panel import Conversions, Look, Panel, Windows, panel
from fewer.journey.measure.claims.result import ClaimResult, ClaimTable
from fewer.journey.measure.claims.times import Times, index_times
from fewer.journey.measure.claims.verdict import Verdict, size_words
from fewer.journey.measure.cost import CostTable, cost_table
from fewer.journey.measure.evidence import EvidenceLabel
from fewer.journey.measure.population import reach_us
from fewer.journey.measure.query import Reader
from fewer.language.words import describe
from fewer.language.yaml import in_order as places_in_order
from fewer.language.yaml import load, validate
from fewer.model.ads import BROAD
from fewer.model.claim import AtRisk, Claim, PeopleClaim, ReportClaim, Says
from fewer.model.condition import (
    ANY_EVENT,
    AbsentStep,
    Condition,
    Did,
    DidNot,
    First,
    InSegment,
    Last,
    SequenceOf,
    walk,
)
from fewer.model.goal import Goal
from fewer.model.measure import Comparison
from fewer.model.segment import Segment
from fewer.model.window import DAY, MINUTE, Between, Duration
from fewer.project import clock
from fewer.project.claims_randomised import by_programme
from fewer.project.engines import need_store
from fewer.project.folder import CLAIMS
from fewer.project.rolling import engines, evaluate, free_id

if TYPE_CHECKING:
    from fewer.evaluate.engines.base import Engine
    from fewer.project.guarding import Tell
    from fewer.project.project import Project

_ACTIVE_DAYS: Final = (1, 2, 4, 8, 16, 32)
_ACTIVITY: Final = 90  # days before the lookback in which they are counted
_BEHAVIOUR: Final = (Did, DidNot, Last, First, SequenceOf)
_NO_WINDOW: Final = 30 * DAY  # lookback of groups over all history
_REPEAT: Final = 0.2  # share of conversions by people who had converted before


def read_claims(project: Project) -> tuple[Claim, ...]:
    """The project's own claims; none without a file of them.

    Raises:
        DefinitionError: Every mistake, with its place.
    """
    found: list[Claim] = []
    problems: list[Problem] = []
    for path in (project.folder.root / name for name in CLAIMS):
        if not path.is_file():
            continue
        try:
            node = load(path.read_bytes(), file=path.name)
            if node.value is not None:
                top = ("claims",) if isinstance(node.value, dict) and "claims" in node.value else ()
                found += validate(node, TypeAdapter(list[Claim]), at=top)
        except DefinitionError as error:
            problems += error.problems
    seen: set[str] = set()
    for claim in found:
        if claim.id in seen:
            problems.append(Problem("duplicate_id", f"The id {claim.id!r} is used twice."))
        seen.add(claim.id)
    if problems:
        raise DefinitionError(places_in_order(problems))
    return tuple(found)


def claims(
    project: Project, wanted: Collection[str] = (), *, goal: str | None = None, tell: Tell
) -> ClaimTable:
    """Check claims on the project's data.

    Args:
        project: With data.
        wanted: Ids; without any, the five headline claims and the project's own.
        goal: Outcome of the headline claims; without it, the first goal of the project.
        tell: Told what is being checked.

    Raises:
        NotFoundError: An id, goal or segment that there is not.
        DefinitionError: A claim is wrong.
    """
    need_store(project, "Checking claims")
    own = read_claims(project)
    known = [*HEADLINES, *(claim.id for claim in own if claim.id not in HEADLINES)]
    for name in wanted:
        if name not in known:
            raise NotFoundError("claim", name, known)
    with _checker(project, tell) as checker:
        found = tuple(checker.all(own, tuple(wanted) or tuple(known), goal))
    return ClaimTable(found, project.settings.data)


@contextmanager
def _checker(project: Project, tell: Tell) -> Iterator[Checker]:
    with project.engine(clock.now_us()) as engine:
        yield Checker(project, engine, tell)


@dataclass
class Checker:
    """A project with an engine open, and what claims have in common."""

    project: Project
    engine: Engine
    tell: Tell
    reader: Reader = field(init=False)
    data_from_us: int = field(init=False)
    data_end_us: int = field(init=False)
    _conversions: dict[str, Conversions] = field(default_factory=dict)
    _leaks: dict[tuple[str, str, tuple[str, ...]], tuple[Leak, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Look where the data begins and ends."""
        catalog = self.project.generation.catalog
        self.reader = Reader(self.engine, catalog, self.project.settings.timezone)
        now = clock.now_us()
        self.data_end_us = self.reader.data_end(not_after_us=now) or now
        self.data_from_us = self.data_end_us if catalog.first_ts is None else catalog.first_ts
        self.segments = {s.id: s for s in self.project.definitions.segments}

    def all(
        self, own: Sequence[Claim], wanted: Collection[str], goal: str | None
    ) -> Iterator[ClaimResult]:
        """Results of the claims of these ids, headlines first."""
        written = {claim.id for claim in own}
        headlines = [name for name in HEADLINES if name in wanted and name not in written]
        made, lacking = self._headlines(headlines, goal)
        costs = self._costs
        for claim in in_order([*made, *(one for one in own if one.id in wanted)]):
            self.tell(f"checking {claim.id}")
            headline = claim.id in HEADLINES
            if isinstance(claim, ReportClaim):
                yield check_reports(claim, costs(claim), headline=headline)
            else:
                yield self._best(claim, self.people(claim, headline=headline))
        yield from lacking

    def _best(self, claim: PeopleClaim, found: ClaimResult) -> ClaimResult:
        """By an experiment, where the project ran the one that the claim is about."""
        if claim.id != CONVERSION:
            return found
        goal = self.project.definitions.goal(claim.outcome)
        return by_programme(
            self.project, self.reader, claim, goal, found, data_end_us=self.data_end_us
        )

    # ----------------------------------------------------------------------- headline claims

    def _headlines(
        self, names: Sequence[str], goal_id: str | None
    ) -> tuple[list[Claim], list[ClaimResult]]:
        """Templates adapted to the project, and what the others need."""
        ads = [c for c in report_claims(self.project.definitions.segments) if c.id in names]
        made: list[Claim] = list(ads)
        about_people = [name for name in names if name in (CONVERSION, INTERACTIONS)]
        goals = self.project.definitions.goals
        if not goals:
            lacking = [_lacks(name, "there is no goal", "a goal in goals.yaml")
                       for name in about_people]  # fmt: skip
            return made, lacking
        goal = self.project.definitions.goal(goal_id) if goal_id else goals[0]
        lacking = []
        for name in about_people:
            claim = self._conversion(goal) if name == CONVERSION else self._interactions(goal)
            if isinstance(claim, ClaimResult):
                lacking.append(claim)
            else:
                made.append(claim)
        return made, lacking

    def _conversion(self, goal: Goal) -> PeopleClaim | ClaimResult:
        excluded = set(self.project.settings.exclude)
        excluded |= {e for s in self.segments.values() for e in s.exclude}
        tied = {leak.event for leak in self._leaking(goal, self._events(goal))}
        usable = [
            s.id
            for s in self.segments.values()
            if s.id not in excluded and s.status != "archived" and not (self._used(s.where) & tied)
        ]
        if not usable:
            needed = "segments that are not made of actions that are part of converting"
            return _lacks(CONVERSION, "there is no segment to look at", needed)
        return conversion_claim(goal, usable, self._at_risk(goal))

    def _interactions(self, goal: Goal) -> PeopleClaim | ClaimResult:
        events = self._events(goal)
        tied = {leak.event for leak in self._leaking(goal, events)}
        usable = sorted(set(events) - tied)
        if not usable:
            needed = "events other than the goal's, such as visits or views"
            return _lacks(INTERACTIONS, "there are no interactions to count", needed)
        return interactions_claim(goal, usable, self._at_risk(goal))

    def _events(self, goal: Goal) -> tuple[str, ...]:
        """Events that can be interactions: all but the goal's and those that undo it."""
        undone = goal.reversed_by.did if goal.reversed_by else ()
        known = self.project.generation.catalog.events
        if ANY_EVENT in goal.did:
            return ()
        return tuple(name for name in known if name not in (*goal.did, *undone))

    def _at_risk(self, goal: Goal) -> AtRisk:
        """Whoever converted is out, unless people usually convert again."""
        persons = self.conversions(goal).persons
        if not len(persons):
            return "everyone"
        again = 1 - len(np.unique(persons)) / len(persons)
        return "everyone" if again > _REPEAT else "not_before"

    # ------------------------------------------------------------------------- about reports

    def _costs(self, claim: ReportClaim) -> CostTable | None:
        rules, ids = self.project.settings.ads.names, set(self.segments)
        days = join(self.reader.ad_days(), rules, ids).days
        named = claim.segments or tuple(sorted({d.segment for d in days if d.segment} - {BROAD}))
        for name in claim.segments:
            self.project.definitions.segment(name.partition("@")[0])
        if not days:
            return None
        return cost_table(days, data=self.project.settings.data, pool={POOL: named})

    # -------------------------------------------------------------------------- about people

    def people(self, claim: PeopleClaim, *, headline: bool = False) -> ClaimResult:
        """Check a claim about people."""
        goal = self.project.definitions.goal(claim.outcome)
        windows, notes = self._windows(claim, goal)
        zone = ZoneInfo(claim.index.timezone or self.project.settings.timezone)
        at = index_times(
            claim.index,
            windows,
            zone,
            data_from_us=self.data_from_us,
            data_end_us=self.data_end_us,
        )
        used = self._used(claim.group) | (self._used(claim.against) if claim.against else set())
        if ANY_EVENT in used:
            used = set(self._events(goal))
        tied = self._leaking(goal, tuple(used - set(goal.did)), claim.part_of_converting)
        tied = tuple(leak for leak in tied if leak.event in used)
        seen = self._panel(claim, goal, windows, at) if at.index_us and not tied else _EMPTY
        if used & set(goal.did):
            notes.append("groups count earlier conversions too: this is about converting again")
        told = Told(
            _in_words(claim),
            describe(claim.against) if claim.against else "everyone else in the population",
            describe(claim.population) if claim.population else "everyone",
            goal.title,
        )
        return check_people(
            claim, seen, windows, at, told, zone, leaks=tied, headline=headline, notes=notes
        )

    def _windows(self, claim: PeopleClaim, goal: Goal) -> tuple[Windows, list[str]]:
        reaches = [self._reach(c) for c in (claim.group, claim.against) if c is not None]
        longest = None if None in reaches else max(r for r in reaches if r is not None)
        notes = []
        if claim.lookback is not None:
            lookback = claim.lookback.micros
            if longest is not None and longest > lookback:
                raise DefinitionError(
                    [
                        Problem(
                            "claim_lookback",
                            f"Claim {claim.id!r} says lookback: {claim.lookback}, and its groups"
                            f" look back {longest / DAY:g} days.",
                            hint="Take 'lookback' out, or make it as long as the longest window.",
                        )
                    ]
                )
        elif not longest:
            lookback = _NO_WINDOW
            notes.append("groups look at all history: prior activity is that of 31-120 days before")
        else:
            lookback = longest
        gap = claim.gap or goal.gap
        return Windows(
            lookback,
            gap.micros if gap else 0,
            (claim.outcome_window or goal.outcome_window).micros,
            claim.at_risk,
        ), notes

    def _reach(self, condition: Condition) -> int | None:
        """Longest window, those of its segments included; None: all history; 0: no behaviour."""
        inside = [self._named(p.in_segment).where for p in walk(condition)
                  if isinstance(p, InSegment)]  # fmt: skip
        own = [p for p in walk(condition) if isinstance(p, _BEHAVIOUR)]
        reaches = [self._reach(each) for each in inside]
        if own:
            reaches.append(reach_us(condition))
        return None if None in reaches else max((r for r in reaches if r is not None), default=0)

    def _named(self, segment_id: str) -> Segment:
        return self.project.definitions.segment(segment_id.partition("@")[0])

    def _used(self, condition: Condition) -> set[str]:
        """Names of events that a condition asks to have happened."""
        names: set[str] = set()
        for part in walk(condition):
            match part:
                case Did():
                    names |= set(part.did)
                case Last():
                    names |= set(part.last.did)
                case First():
                    names |= set(part.first.did)
                case SequenceOf():
                    steps = (s for s in part.sequence if not isinstance(s, AbsentStep))
                    names |= {name for step in steps for name in step.did}
                case InSegment():
                    names |= self._used(self._named(part.in_segment).where)
                case _:
                    pass
        return names

    def conversions(self, goal: Goal) -> Conversions:
        """All conversions of a goal, read once."""
        if goal.id not in self._conversions:
            found = self.reader.conversions(goal, until_us=self.data_end_us)
            self._conversions[goal.id] = Conversions(*found)
        return self._conversions[goal.id]

    def _leaking(
        self, goal: Goal, events: Sequence[str], declared: Sequence[str] = ()
    ) -> tuple[Leak, ...]:
        key = (goal.id, ",".join(sorted(events)), tuple(sorted(declared)))
        if key not in self._leaks:
            self._leaks[key] = leaks(
                self.reader,
                events,
                self.conversions(goal),
                declared=declared,
                from_us=self.data_from_us,
                to_us=self.data_end_us,
            )
        return self._leaks[key]

    def _panel(self, claim: PeopleClaim, goal: Goal, windows: Windows, at: Times) -> Panel:
        looks = Looks(self, claim, windows).at(at.index_us)
        reaches = [self._reach(c) for c in (claim.group, claim.against) if c is not None]
        # Groups over all history are made of what was done before the lookback too.
        start = self.data_end_us if None in reaches else self.data_from_us
        return panel(looks, self.conversions(goal), windows, data_from_us=start)


_EMPTY: Final = Panel(
    *(np.zeros(0, dtype) for dtype in (np.uint32, np.int64, bool, np.int64, bool, bool, bool))
)


class Looks:
    """Who is in a claim's groups at its index times: one plan each, two with `population_at`."""

    def __init__(self, checker: Checker, claim: PeopleClaim, windows: Windows) -> None:
        self.checker, self.claim = checker, claim
        self.project = checker.project
        far = {f"group_{n}": condition for n, condition in enumerate(claim.groups)}
        if claim.against is not None:
            far["against"] = claim.against
        self.population = {} if claim.population is None else {"population": claim.population}
        self.late = claim.population_at.micros if claim.population_at else 0
        if not self.late:
            far |= self.population
        self.conditions = far | _activity(windows.lookback_us)

    def at(self, moments: Sequence[int]) -> list[Look]:
        """Groups at each of the moments."""
        later: Iterator[tuple[int, Engine]] = iter(())
        if self.late:
            later = engines(self.project, [t + self.late for t in moments])
        looks = []
        for t, engine in engines(self.project, moments):
            found, everyone = self._matching(engine, self.conditions, t, self.claim.exclude)
            if self.late:
                then, one = next(later)
                found |= self._matching(one, self.population, then)[0]
            looks.append(self._look(t, found, everyone))
        return looks

    def _look(self, t: int, found: dict[str, BitMap], everyone: BitMap) -> Look:
        people = found.get("population", everyone) & everyone
        for name in self.claim.exclude:
            people -= found[name]
        groups = tuple(found[f"group_{n}"] & people for n in range(len(self.claim.groups)))
        # A comparison that is written may overlap the group: everyone, a broader segment.
        against = found.get("against", people) & people
        if "against" not in found:
            against -= BitMap.union(*groups)
        levels = tuple(found[f"active_{days}"] for days in _ACTIVE_DAYS)
        return Look(t, groups, against, levels)

    def _matching(
        self,
        engine: Engine,
        conditions: Mapping[str, Condition],
        t: int,
        also: Collection[str] = (),
    ) -> tuple[dict[str, BitMap], BitMap]:
        """People for whom each condition holds at `t`, members of segments, and everyone."""
        ids = {name: free_id(self.project, f"claim_{name}") for name in conditions}
        made = [
            Segment(id=ids[name], where=condition, exclude_defaults=False)
            for name, condition in conditions.items()
        ]
        for name in also:
            self.project.definitions.segment(name)
        seen = evaluate(self.project, engine, made, also, t)
        found = {name: seen.members[i] for name, i in ids.items()}
        return found | {name: seen.members[name] for name in also}, seen.universe


def _in_words(claim: PeopleClaim) -> str:
    if not claim.each:
        return describe(claim.group)
    ids = [c.in_segment for c in claim.groups if isinstance(c, InSegment)]
    if len(ids) < len(claim.groups):
        return f"once for each of these that holds: {describe(claim.group)}"
    return f"members of a segment, once for each they are in: {', '.join(ids)}"


def _activity(lookback_us: int) -> dict[str, Condition]:
    """People with at least so many active days in the 90 before the lookback."""
    to = Duration(-(-lookback_us // MINUTE), "m")
    window = Between(from_=Duration(to.amount + _ACTIVITY * DAY // MINUTE, "m"), to=to)
    return {
        f"active_{days}": Did(
            did=(ANY_EVENT,), between=window, days=Comparison.model_validate({"at_least": days})
        )
        for days in _ACTIVE_DAYS
    }


def _lacks(name: str, because: str, needed: str) -> ClaimResult:
    says = Says(ratio=Decimal("1.26" if name == CONVERSION else "2.4"))
    return ClaimResult(
        id=name,
        title=TITLES[name],
        size=size_words(says),
        headline=True,
        verdict=Verdict.CANNOT_TELL,
        because=because,
        label=EvidenceLabel.RAW_ASSOCIATION,
        needed=needed,
    )
