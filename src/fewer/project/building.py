"""Building: definitions and data at one moment become an immutable snapshot."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from fewer.errors import GuardError, NotFoundError
from fewer.evaluate.plan.plan import Plan
from fewer.evaluate.plan.plan import plan as make_plan
from fewer.journey.define.guard import (
    Candidate,
    Proposal,
    candidates,
    choose,
    is_exclusion,
    verdict,
)
from fewer.journey.exclude.funnel import funnel
from fewer.language.json import fingerprint, to_json
from fewer.model.segment import Segment
from fewer.project import clock

if TYPE_CHECKING:
    from pyroaring import BitMap

    from fewer.data.store.snapshots import SegmentResult
    from fewer.data.store.snapshots import Snapshot as Record
    from fewer.evaluate.engines.base import Engine, Evaluation
    from fewer.project.project import Project

Tell = Callable[[str], None]

_MOST_TRIED: Final = 240  # edits evaluated in one further plan; the nearest to what is written


def build(
    project: Project,
    as_of_us: int,
    *,
    engine_name: str | None,
    only: Collection[str],
    warnings: dict[str, list[str]],
    tell: Tell,
) -> tuple[Record, Evaluation]:
    """Evaluate, guard, compare with the build before, save.

    Raises:
        GuardError: a segment with ``size: {enforce: true}`` is outside its guard. Nothing is saved.
        NotFoundError: a name in `only` that is no segment.
    """
    from fewer.data.store.snapshots import SegmentResult, Snapshot, save_build

    generation = project.generation
    plan = _plan(project, as_of_us, project.definitions.segments)
    if only:
        plan = plan.only(_known(only, plan))
    tell(f"{len(plan.segments):,} segments, {len(plan.leaves):,} distinct questions of the data")
    with project.engine(as_of_us, engine_name) as engine:
        evaluation = engine.evaluate(plan, progress=_progress(tell))
        proposals = _proposals(project, plan, evaluation, engine, tell)
    _enforce(plan, evaluation, proposals)
    before = _members_before(project, plan.ids)
    results: dict[str, SegmentResult] = {}
    for segment_id in plan.ids:
        planned = plan.by_id[segment_id]
        members = evaluation.members[segment_id]
        steps = funnel(
            evaluation.matched[segment_id], [(e, evaluation.members[e]) for e in planned.exclude]
        )
        old = before.get(segment_id)
        results[segment_id] = SegmentResult(
            id=segment_id,
            definition=to_json(_nameable(planned.segment)),
            matched=evaluation.matched[segment_id],
            members=members,
            funnel=tuple(steps.rows()),
            entered=None if old is None else len(members - old),
            exited=None if old is None else len(old - members),
            warnings=tuple(warnings.get(segment_id.partition("@")[0], ())),
            proposals=tuple(map(str, proposals.get(segment_id, ()))),
        )
    definitions = _definitions_fingerprint(project, plan)
    data = generation.fingerprint
    record = Snapshot(
        id="",  # given by the store
        as_of_us=as_of_us,
        created_us=clock.now_us(),
        engine=engine.name,
        generation=generation.number,
        definitions_fingerprint=definitions,
        data_fingerprint=data,
        fingerprint=fingerprint({"as_of": as_of_us, "definitions": definitions, "data": data})[:16],
        universe=len(evaluation.universe),
        seconds=evaluation.seconds,
        segments=results,
    )
    tell("saving")
    return save_build(project.store, record), evaluation


def _members_before(project: Project, ids: Collection[str]) -> dict[str, BitMap]:
    """Members of each segment in the newest build that has it; builds can be of some only."""
    from fewer.data.store.snapshots import build as read

    missing, found = set(ids), {}
    for info in project.builds():
        if known := missing & info.sizes.keys():
            record = read(project.store, info.id)
            found.update({i: record.segments[i].members for i in known})
            missing -= known
        if not missing:
            break
    return found


def _progress(tell: Tell) -> Callable[[str, int, int], None]:
    return lambda name, done, total: tell(f"{done} of {total} steps: {name}")


def _plan(project: Project, as_of_us: int, segments: Sequence[Segment]) -> Plan:
    settings = project.settings
    return make_plan(
        segments,
        as_of_us=as_of_us,
        timezone=settings.timezone,
        session_gap=settings.identity.session_gap,
        catalog=project.generation.catalog,
        default_exclude=settings.exclude,
    )


def _known(only: Collection[str], plan: Plan) -> list[str]:
    wanted = []
    for name in only:
        found = [i for i in plan.ids if i == name or i.partition("@")[0] == name]
        if not found:
            raise NotFoundError("segment", name, plan.ids)
        wanted += found
    return wanted


def _proposals(
    project: Project, plan: Plan, evaluation: Evaluation, engine: Engine, tell: Tell
) -> dict[str, tuple[Proposal, ...]]:
    """Computed edits for every segment outside its guard, all in one further plan."""
    tried: dict[str, list[Candidate]] = {}
    for segment_id in plan.ids:
        segment = plan.by_id[segment_id].segment
        size = len(evaluation.members[segment_id])
        if "@" not in segment_id and verdict(size, segment.size) != "within":
            tried[segment_id] = sorted(candidates(segment), key=lambda c: c.distance)
    excluded = {e for planned in plan.segments for e in planned.exclude}
    for segment_id in excluded & set(tried):
        if is_exclusion(plan.by_id[segment_id].segment):
            del tried[segment_id]
    share = _MOST_TRIED // max(len(tried), 1)
    tried = {i: found[: max(share, 4)] for i, found in tried.items() if found}
    if not tried:
        return {}
    total = sum(map(len, tried.values()))
    tell(f"{len(tried)} segments outside their size: trying {total} edits")
    edits = [c.segment for found in tried.values() for c in found]
    originals = [planned.segment for planned in plan.segments if "@" not in planned.id]
    further = _plan(project, plan.as_of_us, [*originals, *edits]).only([s.id for s in edits])
    sizes = engine.evaluate(further).members
    return {
        segment_id: choose(
            plan.by_id[segment_id].segment.size,
            [(c, len(sizes[c.segment.id])) for c in found],
            now=len(evaluation.members[segment_id]),
        )
        for segment_id, found in tried.items()
    }


def _nameable(segment: Segment) -> Segment:
    """The definition under its parent's id, as only those can be written and read again."""
    return segment.model_copy(update={"id": segment.id.partition("@")[0]})


def _enforce(
    plan: Plan, evaluation: Evaluation, proposals: Mapping[str, Sequence[Proposal]]
) -> None:
    broken = []
    for planned in plan.segments:
        size, guard = len(evaluation.members[planned.id]), planned.segment.size
        if guard.enforce and verdict(size, guard) != "within":
            edits = proposals.get(planned.id, ())
            broken.append(
                f"{planned.id} has {size:,} people, wanted {guard.min:,} to {guard.max:,}"
                + (f" ({'; '.join(map(str, edits))})" if edits else "")
            )
    if broken:
        raise GuardError(
            f"Nothing was saved: {'; '.join(broken)}. Change the definition or the size."
        )


def _definitions_fingerprint(project: Project, plan: Plan) -> str:
    return fingerprint(
        {
            "segments": {i: fingerprint(_nameable(plan.by_id[i].segment)) for i in plan.ids},
            "exclude": list(project.settings.exclude),
            "timezone": plan.timezone,
            "session_gap": plan.session_gap_us,
        }
    )
