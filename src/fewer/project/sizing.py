"""Sizes of proposed segments: now, week by week, and against the segments of a project."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Final

from pyroaring import BitMap

from fewer.errors import GuardError
from fewer.evaluate.plan.order import closure, exclusions, references
from fewer.journey.discover.finding import Shared, Size
from fewer.journey.discover.look import Look
from fewer.journey.measure.query import Reader
from fewer.model.segment import Segment, expand
from fewer.model.window import WEEK
from fewer.project import clock

if TYPE_CHECKING:
    from fewer.evaluate.engines.base import Engine
    from fewer.project.project import Project

WEEKS: Final = 8
_MOST_OVERLAPS: Final = 3


def data_end(project: Project) -> int:
    """First instant of which nothing is known; raises `GuardError` without any event."""
    catalog = project.generation.catalog
    found = None
    if catalog.first_ts is not None:
        with project.engine(clock.now_us()) as engine:
            reader = Reader(engine, catalog, project.settings.timezone)
            found = reader.data_end(not_after_us=clock.now_us())
    if found is None:
        raise GuardError("There is no event before now. Run `fewer ingest` first.")
    return found


def look_at(project: Project, engine: Engine, as_of_us: int) -> Look:
    """A look at the project's data through an open engine."""
    settings = project.settings
    gap = settings.identity.session_gap
    return Look(engine, project.generation.catalog, settings.timezone, gap, as_of_us)


def left_out(project: Project, look: Look) -> BitMap:
    """People whom the project leaves out of every segment."""
    defaults = project.settings.exclude
    if not defaults:
        return BitMap()
    members, _ = look.segments(_needed(project, defaults), defaults)
    return BitMap.union(*(members[i] for i in defaults))


def named(project: Project, look: Look, segment_id: str) -> tuple[BitMap, BitMap]:
    """Members of a segment of the project, and everyone."""
    defaults = project.settings.exclude
    segment = project.definitions.segment(segment_id)
    roots = (segment_id, *exclusions(segment, defaults))
    members, everyone = look.segments(_needed(project, roots), defaults)
    return members[segment_id], everyone


def _needed(project: Project, roots: Sequence[str]) -> list[Segment]:
    """Segments of the project with all that they refer to."""
    defaults = project.settings.exclude
    known = {s.id: s for s in _of_project(project)}
    needs = {i: references(s, defaults) for i, s in known.items()}
    wanted = closure(roots, needs)
    return [s for i, s in known.items() if i in wanted]


def _of_project(project: Project) -> list[Segment]:
    return [s.model_copy(update={"variants": None}) for s in expand(project.definitions.segments)]


def _together(project: Project, segments: Sequence[Segment]) -> list[Segment]:
    """Proposed segments with those of the project that exclusions refer to."""
    defaults = project.settings.exclude
    roots = dict.fromkeys(i for s in segments for i in exclusions(s, defaults))
    return [*_needed(project, tuple(roots)), *segments]


def sizes_by_week(
    project: Project, segments: Sequence[Segment], end_us: int, weeks: int = WEEKS
) -> dict[str, tuple[Size, ...]]:
    """People of each segment, exclusions applied, at weekly moments up to the end."""
    first = project.generation.catalog.first_ts or 0
    moments = [end_us - back * WEEK for back in reversed(range(weeks))]
    moments = [moment for moment in moments if moment > first] or [end_us]
    found: dict[str, list[Size]] = {s.id: [] for s in segments}
    asked = _together(project, segments)
    settings = project.settings
    with ExitStack() as opened:
        engine = opened.enter_context(project.engine(end_us))
        for moment in moments:
            if _has_versions(project):  # each moment has its own people, lists and consents
                engine = opened.enter_context(project.engine(moment))
            look = look_at(project, engine, moment)
            members, _ = look.segments(asked, settings.exclude)
            for segment in segments:
                found[segment.id].append(Size(moment, len(members[segment.id])))
    return {i: tuple(sizes) for i, sizes in found.items()}


def _has_versions(project: Project) -> bool:
    """Whether people, items, consents or lists were otherwise known at earlier moments."""
    facts = getattr(project.generation, "facts", None)
    return facts is not None and bool(facts.versioned)


def members_now(
    project: Project, segments: Sequence[Segment], end_us: int
) -> tuple[dict[str, BitMap], dict[str, BitMap]]:
    """People of each segment at the end, and of each segment of the project."""
    settings = project.settings
    known = _of_project(project)
    with project.engine(end_us) as engine:
        look = look_at(project, engine, end_us)
        members, _ = look.segments([*known, *segments], settings.exclude)
    own = {s.id: members[s.id] for s in known if "@" not in s.id}
    return {s.id: members[s.id] for s in segments}, own


def overlaps(people: BitMap, own: Mapping[str, BitMap]) -> tuple[Shared, ...]:
    """The segments of the project with which most people are in common."""
    shared = [
        Shared(i, both, both / len(people))
        for i, members in own.items()
        if people and (both := people.intersection_cardinality(members))
    ]
    return tuple(sorted(shared, key=lambda s: (-s.both, s.segment))[:_MOST_OVERLAPS])
