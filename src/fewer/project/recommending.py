"""Recommending: what is known of every segment, gathered into facts, and verdicts as a diff."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from pyroaring import BitMap

from fewer.errors import FewerError, NotFoundError
from fewer.journey.define.guard import candidates, verdict
from fewer.journey.measure.recommend import values
from fewer.journey.measure.recommend.facts import (
    Change,
    Facts,
    Fault,
    Near,
    Past,
    Programme,
    Window,
)
from fewer.journey.measure.recommend.recommend import Verdicts, recommend
from fewer.model.condition import Condition, Did, DidNot, First, Last, SequenceOf, walk
from fewer.model.segment import Segment, SizeGuard
from fewer.model.window import DAY
from fewer.pictures.display import Displayed
from fewer.project import clock
from fewer.project.building import plan_of
from fewer.project.engines import need_store
from fewer.project.recommending_diff import Diff, diff
from fewer.project.recommending_names import renamed
from fewer.project.recommending_outcomes import Outcomes, outcomes
from fewer.project.recommending_windows import windows

if TYPE_CHECKING:
    from fewer.data.store.snapshots import Snapshot as Record
    from fewer.model.goal import Goal
    from fewer.project.guarding import Tell
    from fewer.project.project import Project
    from fewer.project.snapshot import Snapshot

_TRIED: Final = 6  # edits tried of each segment outside its size, the nearest


@dataclass(frozen=True, slots=True)
class Recommended(Displayed):
    """Verdicts on all segments as at one refresh, and the edits they ask for."""

    verdicts: Verdicts
    build: str
    as_of: str
    measured: str | None  # the refresh whose outcomes are used
    measured_as_of: str
    history: tuple[str, ...]  # refreshes looked at, the newest first
    data: str
    diff: Diff

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "data": self.data,
            "build": self.build,
            "as_of": self.as_of,
            "measured_build": self.measured,
            "history": list(self.history),
            **self.verdicts.to_json(),
            "diff": self.diff.text,
            "diff_left_out": dict(self.diff.left_out),
        }


def recommendations(
    project: Project,
    segments: Collection[str] = (),
    *,
    goal: str | None = None,
    since: str | None = None,
    compare_windows: bool = True,
    tell: Tell,
) -> Recommended:
    """What to do with each segment (or only `segments`), from the newest refresh and before it.

    Args:
        project: Which.
        segments: Ids to show; all are judged together all the same.
        goal: The goal that decides; the first one without.
        since: Oldest refresh to look at.
        compare_windows: Also compare lookback windows, which takes most of the time.
        tell: Told what is being done.

    Raises:
        NotFoundError: no such segment, goal or refresh, or no refresh at all.
        UnsupportedByEngineError: the project's tables are read in place.
    """
    need_store(project, "Recommending")
    snapshot = project.snapshot()
    known = project.definitions.segment_ids
    for name in segments:
        if name not in known:
            raise NotFoundError("segment", name, known)
    tell("reading refreshes")
    history = _history(project, snapshot, since)
    tell("measuring")
    known_of = outcomes(project, history, _goal(project, goal))
    gathered = _Gathered(project, snapshot, history, known_of, tell=tell, compare=compare_windows)
    found = recommend(gathered.programme())
    if segments:
        kept = tuple(one for one in found.recommendations if one.segment in segments)
        found = replace(found, recommendations=kept)
    measured = known_of.measured
    return Recommended(
        found,
        snapshot.id,
        snapshot.as_of_words,
        measured.snapshot if measured else None,
        project.snapshot(measured.snapshot).as_of_words if measured else "",
        tuple(record.id for record in history),
        project.settings.data,
        diff(project, found, max(snapshot.as_of_us, clock.now_us())),
    )


def _goal(project: Project, wanted: str | None) -> Goal | None:
    if wanted is not None:
        return project.definitions.goal(wanted)
    return next(iter(project.definitions.goals), None)


def _history(project: Project, snapshot: Snapshot, since: str | None) -> list[Record]:
    """This refresh and those before it in time, one for each moment, the newest first."""
    from fewer.data.store.snapshots import build

    infos = project.builds()
    known = [info.id for info in infos]
    if since is not None and since not in known:
        raise NotFoundError("refresh", since, known)
    oldest = next((i.as_of_us for i in infos if i.id == since), None)
    moments: dict[int, str] = {}
    for info in infos:  # the newest of one moment stands for it
        if info.as_of_us <= snapshot.as_of_us and (oldest is None or info.as_of_us >= oldest):
            moments.setdefault(info.as_of_us, info.id)
    chosen = sorted(moments, reverse=True)[: values.HISTORY]
    return [build(project.store, moments[at]) for at in chosen]


class _Gathered:
    """Everything known, segment by segment."""

    def __init__(
        self,
        project: Project,
        snapshot: Snapshot,
        history: Sequence[Record],
        known: Outcomes,
        *,
        tell: Tell,
        compare: bool,
    ) -> None:
        self.project, self.snapshot, self.history, self.known = project, snapshot, history, known
        self.segments = [
            s
            for s in project.definitions.segments
            if s.status != "archived" and s.id in snapshot.segments and not self._excludes(s)
        ]
        tell("auditing")
        self.faults = self._faults()
        tell("trying edits")
        self.changes = self._changes()
        self.near = self._near()
        self.first = self._first()
        self.costs = known.costs(snapshot.as_of_us)
        self.windows: dict[str, Window] = {}
        if compare and known.goal is not None:
            several = [s for s in self.segments if s.variants is not None]
            found = windows(project, several, known.goal.id, tell=tell)
            self.windows = {i: self._sized(i, window) for i, window in found.items()}

    def programme(self) -> Programme:
        """All facts."""
        goal = self.known.goal
        worth, error = self.known.worth
        return Programme(
            goal=goal.title if goal else "",
            goal_id=goal.id if goal else "",
            worth=worth,
            worth_error=error,
            currency=self.known.currency,
            pooled=self.known.pooled,
            facts=tuple(self._facts(segment) for segment in self.segments),
            notes=self._notes(),
        )

    def _notes(self) -> tuple[str, ...]:
        if not self.segments:
            none = (
                "The newest refresh holds no segment to reach people with: write one (`fewer"
                " suggest` shows what the data offers), then `fewer build`."
            )
            return (none,)
        return (self.known.why,) if self.known.why else ()

    def _excludes(self, segment: Segment) -> bool:
        view = self.snapshot.segments[segment.id]
        return segment.id in self.project.settings.exclude or view.is_exclusion

    def _facts(self, segment: Segment) -> Facts:
        view = self.snapshot.segments[segment.id]
        past = self._past(segment)
        return Facts(
            segment=segment,
            size=view.size,
            history=past,
            changes=self.changes.get(segment.id, ()),
            near=self.near.get(segment.id, ()),
            arms=self.known.arms(segment.id),
            seen=self.known.seen(segment.id),
            window=self.windows.get(segment.id),
            faults=tuple(f for f, events in self.faults if events & _events(segment.where)),
            spent=self.costs.spent(segment.id),
            cost_unknown=self.costs.unknown(segment.id),
            weekly=_weekly(past),
            first=self.first[segment.id],
            planned=self._planned(segment.id),
            changed_since=view.definition != segment,
        )

    # ------------------------------------------------------------------------------- history

    def _past(self, segment: Segment) -> tuple[Past, ...]:
        """Refreshes of the same definition, the newest first."""
        records = [r for r in self.history if segment.id in r.segments]
        definition = records[0].segments[segment.id].definition if records else ""
        same = [r for r in records if r.segments[segment.id].definition == definition]
        found = []
        for at, record in enumerate(same):
            members = record.segments[segment.id].members
            before = same[at + 1].segments[segment.id].members if at + 1 < len(same) else None
            found.append(
                Past(
                    record.id,
                    record.as_of_us,
                    len(members),
                    None if before is None else len(members - before),
                    None if not before else len(members & before) / len(before),
                )
            )
        return tuple(found)

    def _sized(self, segment: str, window: Window) -> Window:
        """Its size as at this refresh, where the refresh has that variant."""
        variant = f"{segment}@{window.words.removeprefix('within: ')}"
        if variant not in self.snapshot.segments:
            return window
        return replace(window, size=self.snapshot.segments[variant].size)

    def _first(self) -> dict[str, int]:
        """People of each segment who are in none before it on the priority list."""
        late = float("inf")
        order = sorted(self.segments, key=lambda s: late if s.priority is None else s.priority)
        seen, found = BitMap(), {}
        for segment in order:
            members = self.snapshot.segments[segment.id].members
            found[segment.id] = len(members - seen)
            seen |= members
        return found

    def _planned(self, segment: str) -> str:
        """An experiment of the project's files that holds people of a segment out."""
        for one in self.project.definitions.experiments:
            if one.tests == "holdout" and (not one.segments or segment in one.segments):
                return one.id
        return ""

    # --------------------------------------------------------------------------------- audit

    def _faults(self) -> list[tuple[Fault, frozenset[str]]]:
        """Findings of the audit that lower the trust in what segments read."""
        try:
            audit = self.project.audit(self.snapshot.as_of_us)
        except FewerError:
            return []
        found = []
        for finding in audit.findings:
            if finding.severity != "info" and finding.events:
                gates = any(g.kind in ("segments", "activation") for g in finding.gates)
                grave = finding.severity == "error" and (gates or not finding.gates)
                fault = Fault(finding.code, finding.title, finding.fix, grave)
                found.append((fault, frozenset(finding.events)))
        return found

    # --------------------------------------------------------------------------------- edits

    def _changes(self) -> dict[str, tuple[Change, ...]]:
        """Edits of segments outside their size or restless, tried in one plan."""
        tried = {
            s.id: sorted(candidates(s), key=lambda c: c.distance)[: _TRIED * 2]
            for s in self.segments
            if self._wants_edits(s)
        }
        tried = {i: found for i, found in tried.items() if found}
        if not tried:
            return {}
        edits = [c.segment for found in tried.values() for c in found]
        at = self.snapshot.as_of_us
        plan = plan_of(self.project, at, [*self.project.definitions.segments, *edits])
        with self.project.engine(at) as engine:
            members = engine.evaluate(plan.only([s.id for s in edits])).members
        made = {}
        for s in self.segments:
            if s.id in tried:
                own = self.snapshot.segments[s.id].members
                made[s.id] = tuple(
                    _changes(s, own, [(c, members[c.segment.id]) for c in tried[s.id]])
                )
        return made

    def _wants_edits(self, segment: Segment) -> bool:
        size = self.snapshot.segments[segment.id].size
        if verdict(size, segment.size) != "within":
            return True
        weekly = _weekly(self._past(segment))
        return weekly is not None and size * values.WEEK_DAYS < weekly * values.SHORTEST_STAY

    # ------------------------------------------------------------------------------- overlap

    def _near(self) -> dict[str, tuple[Near, ...]]:
        """Pairs of segments that are nearly equal."""
        found: dict[str, list[Near]] = {}
        for at, first in enumerate(self.segments):
            for second in self.segments[at + 1 :]:
                one, two = (self.snapshot.segments[s.id].members for s in (first, second))
                union = one.union_cardinality(two)
                if not union:
                    continue
                alike = one.intersection_cardinality(two) / union
                if alike >= values.SAME:
                    both = one.intersection_cardinality(two)
                    goes = _gives_way(first, second)
                    found.setdefault(first.id, []).append(
                        Near(second.id, second.title, both, alike, goes is first)
                    )
                    found.setdefault(second.id, []).append(
                        Near(first.id, first.title, both, alike, goes is second)
                    )
        return {i: tuple(pairs) for i, pairs in found.items()}


def _changes(segment: Segment, own: BitMap, tried: Sequence[tuple[Any, BitMap]]) -> list[Change]:
    """Edits that fit first, the nearest to what is written; then those that come nearer."""
    guard = segment.size
    found, sizes = [], set()
    for candidate, people in tried:
        size = len(people)
        if not size or size in sizes:
            continue
        sizes.add(size)
        edited = renamed(segment, segment.model_copy(update={"where": candidate.segment.where}))
        fits = verdict(size, guard) == "within"
        if fits or _miss(size, guard) < _miss(len(own), guard):
            inside = len(people & own)
            found.append(Change(edited, candidate.words, size, fits, inside))
    return sorted(found, key=lambda c: (not c.fits, 0 if c.fits else _miss(c.size, guard)))


def _miss(size: int, guard: SizeGuard) -> int:
    return max(guard.min - size, size - guard.max, 0)


def _gives_way(first: Segment, second: Segment) -> Segment:
    """Of two like segments the one that should go: the less far along, the later, the second."""
    rank = {"live": 0, "approved": 1, "draft": 2}

    def standing(segment: Segment) -> tuple[int, float]:
        late = float("inf") if segment.priority is None else segment.priority
        return rank.get(segment.status, 3), late

    return first if standing(first) > standing(second) else second


def _weekly(past: Sequence[Past]) -> float | None:
    """New people a week, on average over the refreshes looked at; None with one refresh."""
    if len(past) < 2:  # noqa: PLR2004  the first has none before it
        return None
    weeks = (past[0].as_of_us - past[-1].as_of_us) / (values.WEEK_DAYS * DAY)
    entered = sum(p.entered or 0 for p in past[:-1])
    return entered / weeks if weeks > 0 else None


def _events(condition: Condition) -> frozenset[str]:
    """Names of events that a condition reads."""
    found: set[str] = set()
    for part in walk(condition):
        match part:
            case Did():
                found |= set(part.did)
            case DidNot():
                found |= set(part.did_not)
            case Last():
                found |= set(part.last.did)
            case First():
                found |= set(part.first.did)
            case SequenceOf():
                for step in part.sequence:
                    found |= set(getattr(step, "did", None) or getattr(step, "did_not", None) or ())
            case _:
                pass
    return frozenset(found)
