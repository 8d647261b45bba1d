"""Building: definitions and data at one moment become an immutable snapshot."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

from fewer.errors import FewerError, GuardError, NotFoundError, StoppedError, StoreError
from fewer.evaluate.engines.base import Capabilities, StepRun, load
from fewer.evaluate.plan.plan import Plan
from fewer.evaluate.plan.plan import plan as make_plan
from fewer.journey.exclude.funnel import funnel
from fewer.language.json import fingerprint, to_json
from fewer.model.segment import Segment
from fewer.project import clock
from fewer.project.checking import refuse_errors
from fewer.project.checkpoint import Batch, Checkpoint, Head, alive, interrupted, tidy
from fewer.project.costs import segment_costs
from fewer.project.explaining import Explanation, merged, peak_bytes, refuse_lacking
from fewer.project.guarding import Tell, enforce, outside, proposals

if TYPE_CHECKING:
    from pyroaring import BitMap

    from fewer.data.store.runs import Run
    from fewer.data.store.snapshots import SegmentResult
    from fewer.data.store.snapshots import Snapshot as Record
    from fewer.evaluate.engines.base import Evaluation, Stop
    from fewer.journey.define.guard import Proposal
    from fewer.project.project import Project

BATCH: Final = 600
"""Most segments in one batch. A batch is evaluated as one plan, which is what makes many segments
cost little more than one, and it is what an interrupted build keeps or loses."""


@dataclass(frozen=True, slots=True)
class Ask:
    """What to build, and how."""

    as_of_us: int
    engine: str
    only: tuple[str, ...]
    warnings: Mapping[str, Sequence[str]]
    tell: Tell
    should_stop: Stop | None = None
    batch: int = BATCH
    resume: Head | None = None


def asked(
    project: Project,
    as_of_us: int | None,
    *,
    engine: str | None,
    only: tuple[str, ...],
    batch: int | None,
    resume: bool,
    tell: Tell,
    should_stop: Stop | None,
) -> Ask:
    """What a caller asks for, made complete; definitions are checked.

    Raises:
        DefinitionError: a definition is wrong.
        NotFoundError: there is nothing to resume.
    """
    head = resumable(project) if resume else None
    if resume:
        if head is None:
            raise NotFoundError("interrupted build", "newest", hint="Run `fewer build`.")
        if as_of_us is not None or engine is not None or only:
            raise TypeError("resume goes on with the moment, engine and segments of that build")
        as_of_us, engine, only = head.as_of_us, head.engine, head.only
    elif as_of_us is None:
        as_of_us = clock.now_us()
    return Ask(
        as_of_us=as_of_us,
        engine=engine or project.engine_name,
        only=only,
        warnings=refuse_errors(project, as_of_us),
        tell=tell,
        should_stop=should_stop,
        batch=batch or BATCH,
        resume=head,
    )


@dataclass(slots=True)
class _Work:
    """What is known so far: batches that are done, those of an interrupted build first."""

    plan: Plan
    kept: int = 0  # segments that were done before this process began
    fresh: int = 0  # batches evaluated by this process
    universe: int = 0
    matched: dict[str, BitMap] = field(default_factory=dict)
    members: dict[str, BitMap] = field(default_factory=dict)
    steps: list[StepRun] = field(default_factory=list)
    figures: list[Mapping[str, int | float]] = field(default_factory=list)
    proposals: Mapping[str, tuple[Proposal, ...]] = field(default_factory=dict)

    def add(self, batch: Batch) -> None:
        self.universe = batch.universe
        self.matched.update(batch.matched)
        self.members.update(batch.members)
        self.steps += batch.steps
        self.figures.append(batch.figures)

    def left(self) -> list[str]:
        """Segments not done, each after those it refers to."""
        return [planned.id for planned in self.plan.segments if planned.id not in self.members]


def build(project: Project, ask: Ask) -> tuple[Record, Explanation]:
    """Evaluate, guard, compare with the build before, save.

    Raises:
        GuardError: a segment with ``size: {enforce: true}`` is outside its guard. Nothing is saved.
        NotFoundError: a name in `only` that is no segment.
        StoppedError: `should_stop` said so. Batches that were done are kept for a resume.
        UnsupportedByEngineError: the engine lacks something that a segment uses.
    """
    from fewer.data.store.snapshots import save_build

    plan = planned(project, ask.as_of_us, ask.only)
    capabilities = capabilities_of(ask.engine)
    refuse_lacking([p.segment for p in plan.segments], capabilities, ask.engine)
    work = _Work(plan)
    with _checkpointed(project, ask, work) as checkpoint:
        ask.tell(
            f"{len(plan.segments):,} segments, {len(plan.leaves):,} distinct questions of the data"
        )
        if work.kept:
            ask.tell(f"{work.kept:,} segments were done before")
        _evaluate(project, ask, work, checkpoint)
        enforce(plan, work.members, work.proposals)
        ask.tell("saving")
        record = save_build(project.store, _record(project, ask, work))
    explanation = Explanation(
        plan,
        ask.engine,
        capabilities,
        tuple(work.steps),
        merged(work.figures),
        batches=work.fresh,
        kept=work.kept,
    )
    return record, explanation


def planned(project: Project, as_of_us: int, only: Collection[str] = ()) -> Plan:
    """The plan of a project's segments, or of `only` some and what they need."""
    plan = plan_of(project, as_of_us, project.definitions.segments)
    return plan.only(_known(only, plan)) if only else plan


def capabilities_of(engine: str) -> Capabilities:
    """What an engine says about itself; nothing is opened for it."""
    found: Capabilities = load(engine).capabilities
    return found


# ------------------------------------------------------------------------------- interrupted


def resumable(project: Project) -> Head | None:
    """The newest build that was interrupted, if possible one of which something is kept."""
    return next((head for head, _ in interrupted(project.folder.store)), None)


def worth_resuming(project: Project) -> Head | None:
    """The newest interrupted build of which something is kept; None when there is none."""
    return next((head for head, kept in interrupted(project.folder.store) if kept), None)


def runs(project: Project, limit: int) -> list[Run]:
    """Builds that ran or run, newest first; one whose process died counts as stopped."""
    from fewer.data.store.runs import runs as read

    return [
        replace(run, state="stopped")
        if run.state == "running"
        and run.facts.get("store") == _here(project)
        and not alive(project.folder.store, run.id)
        else run
        for run in read(project.store, limit=limit)
    ]


def _here(project: Project) -> str:
    """Where a run's checkpoint lies: the control database may serve several machines."""
    import socket

    return f"{socket.gethostname()}:{project.folder.store}"


@contextmanager
def _checkpointed(project: Project, ask: Ask, work: _Work) -> Iterator[Checkpoint]:
    """The checkpoint of this build, what it keeps already put in `work`; and the build as a run."""
    from fewer.data.store.runs import Run, end_run, start_run

    store, total = project.folder.store, len(work.plan.segments)
    checkpoint = _claimed(project, ask, work.plan)
    for batch in checkpoint.batches():
        work.add(batch)
    work.kept = len(work.members)
    facts: dict[str, Any] = {
        "as_of_us": ask.as_of_us,
        "engine": ask.engine,
        "segments": total,
        "store": _here(project),
    }
    run = checkpoint.head.run
    if ask.resume is None:
        start_run(
            project.store, Run(run, "build", "running", checkpoint.head.started_us, None, facts)
        )
    else:
        end_run(project.store, run, "running", at_us=None, facts=facts)

    def ended(state: Any, **more: Any) -> None:
        told = {**facts, "done": len(work.members), **more}
        with suppress(StoreError):  # a snapshot is worth more than the note that it was made
            end_run(project.store, run, state, at_us=clock.now_us(), facts=told)

    try:
        yield checkpoint
    except (StoppedError, KeyboardInterrupt) as error:
        ended("stopped")
        checkpoint.close()
        if ask.should_stop is None:
            raise
        raise StoppedError(_stopped(work)) from error
    except BaseException as error:
        ended("failed", error=error.code if isinstance(error, FewerError) else "unexpected")
        if isinstance(error, GuardError) or not work.members:
            checkpoint.remove()
        checkpoint.close()
        raise
    ended("done")
    checkpoint.remove()
    tidy(store, project.generation.fingerprint)


def _claimed(project: Project, ask: Ask, plan: Plan) -> Checkpoint:
    store, key = project.folder.store, _key(project, ask, plan)
    if ask.resume is None:
        head = Head(
            run=uuid4().hex[:12],
            key=key,
            as_of_us=ask.as_of_us,
            engine=ask.engine,
            only=ask.only,
            segments=len(plan.segments),
            started_us=clock.now_us(),
            data=project.generation.fingerprint,
        )
        return Checkpoint.begin(store, head)
    checkpoint = Checkpoint.claim(store, ask.resume)
    if checkpoint is None:
        raise NotFoundError("interrupted build", ask.resume.run, hint="It is being resumed.")
    if checkpoint.head.key != key:
        ask.tell("definitions or data have changed since: beginning again")
        checkpoint.rekey(key, segments=len(plan.segments), data=project.generation.fingerprint)
    return checkpoint


def _key(project: Project, ask: Ask, plan: Plan) -> str:
    """All that members depend on, in one text."""
    return fingerprint(
        {
            "as_of": ask.as_of_us,
            "definitions": _definitions_fingerprint(project, plan),
            "data": project.generation.fingerprint,
            "engine": ask.engine,
            "version": version("fewer"),
        }
    )


def _stopped(work: _Work) -> str:
    done, total = len(work.members), len(work.plan.segments)
    next_step = "`fewer build --resume` finishes it, as at the same moment."
    if not done:
        return f"Stopped before any of {total:,} segments was done: nothing was saved. {next_step}"
    return f"Stopped. {done:,} of {total:,} segments are kept. {next_step}"


# -------------------------------------------------------------------------------- evaluating


def _evaluate(project: Project, ask: Ask, work: _Work, checkpoint: Checkpoint) -> None:
    with project.engine(ask.as_of_us, ask.engine) as engine:
        batches = list(_batches(work.left(), ask.batch))
        for number, ids in enumerate(batches):
            _check(ask)
            whole = len(ids) == len(work.plan.segments)
            part = work.plan if whole else work.plan.only(ids)
            progress = _progress(ask.tell, number, len(batches))
            found = engine.evaluate(part, progress=progress, should_stop=ask.should_stop)
            prefix = f"{number + 1}/" if len(batches) > 1 else ""
            batch = _batch(ids, part, work.plan, found, prefix)
            work.add(batch)
            work.fresh += 1
            if number + 1 < len(batches) or outside(work.plan, work.members):
                checkpoint.keep(batch)  # there is more to lose
        _check(ask)
        work.proposals = proposals(
            work.plan,
            work.members,
            plan=lambda segments: plan_of(project, ask.as_of_us, segments),
            evaluate=lambda plan: engine.evaluate(plan, should_stop=ask.should_stop).members,
            tell=ask.tell,
        )
        _check(ask)


def _check(ask: Ask) -> None:
    if ask.should_stop and ask.should_stop():
        raise StoppedError("Stopped on request.")


def _batches(ids: Sequence[str], most: int) -> Iterator[list[str]]:
    """The ids in batches of about the same size, none larger than `most`."""
    count = -(-len(ids) // most)
    for number in range(count):
        yield list(ids[len(ids) * number // count : len(ids) * (number + 1) // count])


def _batch(ids: Iterable[str], part: Plan, plan: Plan, found: Evaluation, prefix: str) -> Batch:
    """What was found of `ids`, steps in the numbers that the whole plan gives to leaves."""
    numbers = {leaf: n for n, leaf in enumerate(plan.leaves)}
    steps = tuple(
        replace(
            step,
            name=f"{prefix}{step.name}",
            leaves=tuple(numbers[part.leaves[n]] for n in step.leaves),
        )
        for step in found.steps
    )
    return Batch(
        matched={i: _canonical(found.matched[i]) for i in ids},
        members={i: _canonical(found.members[i]) for i in ids},
        universe=len(found.universe),
        steps=steps,
        figures=found.facts,
    )


def _canonical(people: BitMap) -> BitMap:
    """The same people in the one form that does not depend on how they were found."""
    made = people.copy()
    made.run_optimize()
    made.shrink_to_fit()
    return made


def _progress(tell: Tell, batch: int, batches: int) -> Callable[[str, int, int], None]:
    def progress(name: str, done: int, total: int) -> None:
        of = f"batch {batch + 1} of {batches}, " if batches > 1 else ""
        tell(f"{of}{done} of {total} steps: {name}", batch * total + done, batches * total)

    return progress


def plan_of(project: Project, as_of_us: int, segments: Sequence[Segment]) -> Plan:
    """The plan of any segments, with the settings of a project."""
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


# ------------------------------------------------------------------------------------ saving


def _record(project: Project, ask: Ask, work: _Work) -> Record:
    from fewer.data.store.snapshots import Snapshot

    plan, data = work.plan, project.generation.fingerprint
    definitions = _definitions_fingerprint(project, plan)
    return Snapshot(
        id="",  # given by the store
        as_of_us=ask.as_of_us,
        created_us=clock.now_us(),
        engine=ask.engine,
        generation=project.generation.number,
        definitions_fingerprint=definitions,
        data_fingerprint=data,
        fingerprint=snapshot_fingerprint(ask.as_of_us, definitions, data),
        universe=work.universe,
        seconds=sum(step.seconds for step in work.steps),
        facts={
            "batches": work.fresh,
            "kept": work.kept,
            "leaves": len(plan.leaves),
            "rows": sum(step.rows for step in work.steps),
            "peak_bytes": peak_bytes(),
            "figures": merged(work.figures),
        },
        segments=dict(_results(project, ask, work)),
    )


def _results(project: Project, ask: Ask, work: _Work) -> Iterator[tuple[str, SegmentResult]]:
    from fewer.data.store.snapshots import SegmentResult

    plan, members = work.plan, work.members
    before, costs = _members_before(project, plan.ids), segment_costs(plan, work.steps)
    for segment_id in plan.ids:
        each, old, people = plan.by_id[segment_id], before.get(segment_id), members[segment_id]
        removed = funnel(work.matched[segment_id], [(e, members[e]) for e in each.exclude])
        yield (
            segment_id,
            SegmentResult(
                id=segment_id,
                definition=to_json(_nameable(each.segment)),
                matched=work.matched[segment_id],
                members=people,
                funnel=tuple(removed.rows()),
                entered=None if old is None else len(people - old),
                exited=None if old is None else len(old - people),
                warnings=tuple(ask.warnings.get(segment_id.partition("@")[0], ())),
                proposals=tuple(map(str, work.proposals.get(segment_id, ()))),
                seconds=costs[segment_id].seconds,
                rows=round(costs[segment_id].rows),
            ),
        )


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


def snapshot_fingerprint(as_of_us: int, definitions: str, data: str) -> str:
    """The text that names all that a snapshot's members depend on."""
    return fingerprint({"as_of": as_of_us, "definitions": definitions, "data": data})[:16]


def _nameable(segment: Segment) -> Segment:
    """The definition under its parent's id, as only those can be written and read again."""
    return segment.model_copy(update={"id": segment.id.partition("@")[0]})


def _definitions_fingerprint(project: Project, plan: Plan) -> str:
    segments = {i: plan.by_id[i].segment for i in plan.ids}
    return definitions_fingerprint(project, segments)


def definitions_fingerprint(project: Project, segments: Mapping[str, Segment]) -> str:
    """The version of these segments (variants among them) and of what else is in the project."""
    settings = project.settings
    return fingerprint(
        {
            "segments": {i: fingerprint(_nameable(segment)) for i, segment in segments.items()},
            "exclude": list(settings.exclude),
            "timezone": settings.timezone,
            "session_gap": settings.identity.session_gap.micros,
        }
    )
