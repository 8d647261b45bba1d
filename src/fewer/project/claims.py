"""Claims of a project: the headline ones that everybody quotes and its own, on its data."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

import numpy as np

from fewer.errors import DefinitionError, NotFoundError, Problem, did_you_mean
from fewer.journey.measure.ads import join
from fewer.journey.measure.claims.check import POOL, Naive, Told, check_people, check_reports
from fewer.journey.measure.claims.headlines import (
    CONVERSION,
    HEADLINES,
    in_order,
)
from fewer.journey.measure.claims.leak import Closeness, closeness, leaks
from fewer.journey.measure.claims.naive import mixed
from fewer.journey.measure.claims.panel import (
    Conversions,
    Look,
    Panel,
    Windows,
    panel,
    same_time,
)
from fewer.journey.measure.claims.result import ClaimResult, ClaimTable
from fewer.journey.measure.claims.times import index_times
from fewer.journey.measure.cost import CostTable, cost_table
from fewer.journey.measure.population import reach_us
from fewer.journey.measure.query import Reader
from fewer.language.words import describe
from fewer.language.write import inline
from fewer.model.ads import BROAD
from fewer.model.claim import Claim, PeopleClaim, ReportClaim
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
from fewer.model.segment import Segment
from fewer.model.window import DAY
from fewer.project import clock
from fewer.project.claims_headlines import Templates
from fewer.project.claims_looks import Looks
from fewer.project.claims_randomised import by_exclusions, by_programme
from fewer.project.claims_reading import read_claims
from fewer.project.engines import need_store

if TYPE_CHECKING:
    from fewer.evaluate.engines.base import Engine
    from fewer.project.guarding import Tell
    from fewer.project.project import Project

_BEHAVIOUR: Final = (Did, DidNot, Last, First, SequenceOf)
_ENOUGH: Final = 50  # rows of an event that is offered as a goal
_NO_WINDOW: Final = 30 * DAY  # lookback of groups over all history


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
    with checker(project, tell) as one:
        found = list(one.all(own, tuple(wanted) or tuple(known), goal))
    found.sort(key=lambda claim: known.index(claim.id))
    return ClaimTable(tuple(found), project.settings.data)


@contextmanager
def checker(project: Project, tell: Tell) -> Iterator[Checker]:
    """What checks claims, as long as its engine is open."""
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
    _close: dict[str, tuple[Closeness, ...]] = field(default_factory=dict)

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
        """Results of the claims of these ids."""
        written = {claim.id for claim in own}
        headlines = [name for name in HEADLINES if name in wanted and name not in written]
        made, lacking = Templates(self).made(headlines, goal)
        costs = self._costs
        for claim in in_order([*made, *(one for one in own if one.id in wanted)]):
            self.tell(f"checking {claim.id}")
            headline = claim.id in HEADLINES
            if isinstance(claim, ReportClaim):
                raw = check_reports(claim, costs(claim), headline=headline)
                yield by_exclusions(self.project, self.reader, claim, raw,
                                    data_end_us=self.data_end_us)  # fmt: skip
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
        used = self.used(claim.group) | (self.used(claim.against) if claim.against else set())
        if ANY_EVENT in used:
            used = set(self.project.generation.catalog.events)
        notes += self._unknown(used)
        own = used & set(goal.did)
        tied = leaks(self.close(goal), used - own, claim.part_of_converting)
        if own:
            notes.append(
                f"groups count earlier conversions too ({', '.join(sorted(own))}): this is about"
                " converting again"
            )
        seen, naive = _EMPTY, None
        if at.index_us and not tied:
            looks = Looks(self.project, claim, windows).at(at.index_us, self.tell)
            seen = self._panel(claim, goal, windows, looks)
            # Groups made of nothing but conversions all convert in that time: no figure at all.
            if used - own:
                there = same_time(looks, self.conversions(goal), windows.lookback_us)
                naive = Naive(there, mixed(used, goal.did, self.close(goal)))
        told = Told(
            _in_words(claim),
            describe(claim.against) if claim.against else "everyone else in the population",
            describe(claim.population) if claim.population else "everyone",
            goal.title,
        )
        return check_people(
            claim,
            seen,
            windows,
            at,
            told,
            zone,
            leaks=tied,
            naive=naive,
            headline=headline,
            notes=notes,
        )

    def _unknown(self, used: Collection[str]) -> list[str]:
        """What is to be said of events that the data does not have."""
        there = self.project.generation.catalog.events
        found = []
        for name in sorted(set(used) - set(there)):
            near = did_you_mean(name, there).strip()
            meant = f" ({near[0].lower()}{near[1:]})" if near else ""
            found.append(f"no event {name!r} is in the data{meant}")
        return found

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

    def used(self, condition: Condition) -> set[str]:
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
                    names |= self.used(self._named(part.in_segment).where)
                case _:
                    pass
        return names

    def conversions(self, goal: Goal) -> Conversions:
        """All conversions of a goal, read once."""
        if goal.id not in self._conversions:
            found = self.reader.conversions(goal, until_us=self.data_end_us)
            self._conversions[goal.id] = Conversions(*found)
        return self._conversions[goal.id]

    def events(self, goal: Goal) -> tuple[str, ...]:
        """Events that can be interactions: all but the goal's and those that undo it."""
        undone = goal.reversed_by.did if goal.reversed_by else ()
        known = self.project.generation.catalog.events
        if ANY_EVENT in goal.did:
            return ()
        return tuple(name for name in known if name not in (*goal.did, *undone))

    def a_goal(self) -> str:
        """What a goal could look like, with an event that is there but not common."""
        catalog = self.project.generation.catalog
        enough = [name for name, rows in catalog.events.items() if rows >= _ENOUGH]
        event = min(enough, key=lambda name: catalog.events[name], default="purchase")
        example = inline([{"id": "converts", "did": event, "outcome_window": "7d"}])[1:-1]
        return f"a goal in goals.yaml, such as - {example}"

    def close(self, goal: Goal) -> tuple[Closeness, ...]:
        """How close every event but the goal's own is to converting, read once."""
        if goal.id not in self._close:
            self._close[goal.id] = closeness(
                self.reader,
                self.events(goal),
                self.conversions(goal),
                from_us=self.data_from_us,
                to_us=self.data_end_us,
            )
        return self._close[goal.id]

    def _panel(
        self, claim: PeopleClaim, goal: Goal, windows: Windows, looks: Sequence[Look]
    ) -> Panel:
        reaches = [self._reach(c) for c in (claim.group, claim.against) if c is not None]
        # Groups over all history are made of what was done before the lookback too.
        start = self.data_end_us if None in reaches else self.data_from_us
        return panel(looks, self.conversions(goal), windows, data_from_us=start)


_EMPTY: Final = Panel(
    *(np.zeros(0, dtype) for dtype in (np.uint32, np.int64, bool, np.int64, bool, bool, bool))
)


def _in_words(claim: PeopleClaim) -> str:
    if not claim.each:
        return describe(claim.group)
    ids = [c.in_segment for c in claim.groups if isinstance(c, InSegment)]
    if len(ids) < len(claim.groups):
        return f"once for each of these that holds: {describe(claim.group)}"
    return f"members of a segment, once for each they are in: {', '.join(ids)}"
