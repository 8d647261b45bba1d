"""Recommending: what is known of every segment, gathered into facts, and verdicts as a diff."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from fewer.errors import FewerError, GuardError, NotFoundError
from fewer.journey.define.guard import candidates, verdict
from fewer.journey.measure.recommend import values
from fewer.journey.measure.recommend.facts import (
    Arms,
    Change,
    Facts,
    Fault,
    Near,
    Past,
    Programme,
    Seen,
)
from fewer.journey.measure.recommend.recommend import Verdicts, recommend
from fewer.journey.measure.table import Comparison, Row, Verdict
from fewer.model.condition import Condition, Did, DidNot, First, Last, SequenceOf, walk
from fewer.model.segment import Segment, SizeGuard
from fewer.model.window import DAY
from fewer.pictures.display import Displayed
from fewer.project.building import plan_of
from fewer.project.recommending_diff import Diff, diff

if TYPE_CHECKING:
    from pyroaring import BitMap

    from fewer.data.store.snapshots import Snapshot as Record
    from fewer.model.goal import Goal
    from fewer.project.guarding import Tell
    from fewer.project.measuring import Measured
    from fewer.project.project import Project
    from fewer.project.snapshot import Snapshot

_TRIED: Final = 6  # edits tried of each segment outside its size, the nearest
_MEASURED: Final = 12  # refreshes tried until one is old enough to be measured


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
    tell: Tell,
) -> Recommended:
    """What to do with each segment (or only `segments`), from the newest refresh and before it.

    Args:
        project: Which.
        segments: Ids to show; all are judged together all the same.
        goal: The goal that decides; the first one without.
        since: Oldest refresh to look at.
        tell: Told what is being done.

    Raises:
        NotFoundError: no such segment, goal or refresh, or no refresh at all.
    """
    snapshot = project.snapshot()
    known = project.definitions.segment_ids
    for name in segments:
        if name not in known:
            raise NotFoundError("segment", name, known)
    tell("reading refreshes")
    history = _history(project, snapshot, since)
    tell("measuring")
    decided = _goal(project, goal)
    measured, why = _measured(project, history, decided)
    tell("auditing")
    gathered = _Gathered(project, snapshot, history, measured, decided)
    tell("trying edits")
    programme = gathered.programme(why)
    found = recommend(programme)
    if segments:
        kept = tuple(one for one in found.recommendations if one.segment in segments)
        found = replace(found, recommendations=kept)
    return Recommended(
        found,
        snapshot.id,
        snapshot.as_of_words,
        measured.snapshot if measured else None,
        project.snapshot(measured.snapshot).as_of_words if measured else "",
        tuple(record.id for record in history),
        project.settings.data,
        diff(project, found),
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


def _measured(
    project: Project, history: Sequence[Record], goal: Goal | None
) -> tuple[Measured | None, str]:
    """The newest refresh that is old enough to be measured, or why there is none."""
    if goal is None:
        return None, "There is no goal to measure by: write one in goals.yaml."
    why = ""
    for record in history[:_MEASURED]:
        try:
            return project.measure(goals=(goal.id,), build_id=record.id), ""
        except GuardError as error:
            why = why or str(error)
    return None, why


class _Gathered:
    """Everything known, segment by segment."""

    def __init__(
        self,
        project: Project,
        snapshot: Snapshot,
        history: Sequence[Record],
        measured: Measured | None,
        goal: Goal | None,
    ) -> None:
        self.project, self.snapshot, self.history = project, snapshot, history
        self.measured, self.goal = measured, goal
        self.segments = [
            s
            for s in project.definitions.segments
            if s.status != "archived" and s.id in snapshot.segments and not self._excludes(s)
        ]
        self.faults = self._faults()
        self.changes = self._changes()
        self.near = self._near()

    def programme(self, why: str) -> Programme:
        """All facts."""
        facts = tuple(self._facts(segment) for segment in self.segments)
        worth, currency = self._worth()
        return Programme(
            goal=self.goal.title if self.goal else "",
            goal_id=self.goal.id if self.goal else "",
            worth=worth,
            currency=currency,
            facts=facts,
            notes=(why,) if why else (),
        )

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
            arms=tuple(self._arms(segment.id)),
            seen=self._seen(segment.id),
            faults=tuple(f for f, events in self.faults if events & _events(segment.where)),
            weekly=_weekly(past),
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

    # ------------------------------------------------------------------------------ outcomes

    def _arms(self, segment: str) -> list[Arms]:
        if self.measured is None:
            return []
        rows = [
            row
            for row in self.measured.randomised
            if row.segment == segment and self.goal is not None and row.goal == self.goal.id
        ]
        return [_arms(row) for row in rows]

    def _seen(self, segment: str) -> Seen | None:
        if self.measured is None or self.goal is None:
            return None
        try:
            row = self.measured.outcomes.row(segment, self.goal.id)
        except KeyError:
            return None
        found = row.comparisons[0]
        return Seen(
            row.group.people,
            row.group.converted,
            _days(row),
            found.ratio,
            row.group.rate,
            found.adjusted,
        )

    def _worth(self) -> tuple[float | None, str]:
        """Average value of one converted person of all segments together."""
        if self.measured is None or self.goal is None or self.goal.value is None:
            return None, ""
        total = converted = 0.0
        for row in self.measured.outcomes.rows:
            value = row.group.value.estimate.value if row.group.value else None
            if row.goal == self.goal.id and row.variant_of is None and value is not None:
                total += value * row.group.people
                converted += row.group.converted
        currency = self.goal.value.currency or self.project.settings.currency or ""
        return (total / converted if converted else None), currency

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
        kept = [p.kept for p in self._past(segment) if p.kept is not None]
        return bool(kept) and sum(kept) / len(kept) < values.RESTLESS

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
        edited = segment.model_copy(update={"where": candidate.segment.where})
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


def _arms(row: Row) -> Arms:
    found: Comparison = row.comparisons[0]
    broken = found.note if found.verdict is Verdict.SPLIT_BROKEN else ""
    spend = found.causal.spend if found.causal else None
    return Arms(
        row.experiment or found.against.name,
        row.group.name,
        found.against.name,
        found.label,
        row.group.people,
        row.group.converted,
        found.against.people,
        found.against.converted,
        _days(row),
        spend.one[0] if spend and spend.one else None,
        found.ratio,
        broken,
        found.note if found.verdict is Verdict.TOO_EARLY else "",
    )


def _days(row: Row) -> float:
    """Days in which outcomes counted."""
    at = row.design
    return max((min(at.end_us, at.measured_until_us) - at.start_us) / DAY, 1 / 24)


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
