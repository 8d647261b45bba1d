"""Evaluating conditions at many moments: one plan each, and as few engines as is right."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING

from fewer.evaluate.plan.plan import plan
from fewer.model.segment import Segment

if TYPE_CHECKING:
    from fewer.evaluate.engines.base import Engine, Evaluation
    from fewer.project.project import Project


def engines(project: Project, moments: Sequence[int]) -> Iterator[tuple[int, Engine]]:
    """Each moment with an engine over the data as it was known then.

    Where nothing but events depends on the moment, that is one engine for all: an evaluation
    reads no event at or after its own moment anyway.
    """
    if not moments:
        return
    if not _versioned(project, min(moments), max(moments)):
        with project.engine(max(moments)) as engine:
            yield from ((t, engine) for t in moments)
        return
    for t in moments:
        with project.engine(t) as engine:
            yield t, engine


def _versioned(project: Project, first_us: int, last_us: int) -> bool:
    """Whether people, items, lists or consents were different at the two moments."""
    generation = project.generation
    early, late = generation.relations(first_us), generation.relations(last_us)
    return any(early[name] != late[name] for name in early if name != "events")


def evaluate(
    project: Project, engine: Engine, made: Sequence[Segment], also: Collection[str], t: int
) -> Evaluation:
    """Members at `t` of segments that were made up, and of some of the project's (`also`)."""
    definitions = project.definitions.segments
    whole = plan(
        [*definitions, *made],
        as_of_us=t,
        timezone=project.settings.timezone,
        session_gap=project.settings.identity.session_gap,
        catalog=project.generation.catalog,
        default_exclude=project.settings.exclude,
    )
    return engine.evaluate(whole.only([*(segment.id for segment in made), *also]))


def free_id(project: Project, name: str) -> str:
    """The name, or one like it that no segment has."""
    taken = set(project.definitions.segment_ids)
    while name in taken:
        name += "_"
    return name
