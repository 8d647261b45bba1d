"""Creatives of a project, and the messages they become for the members of a snapshot."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any, Final

from fewer.evaluate.plan.clock import Clock
from fewer.journey.tailor.library import Library, load_creatives
from fewer.journey.tailor.matrix import Message, Sheet, tailor_all

if TYPE_CHECKING:
    from fewer.project.project import Project
    from fewer.project.snapshot import Snapshot

_BODIES: Final = ("body", "primary_text", "description", "descriptions", "text")
_SHOWN: Final = 2  # messages of a segment shown in the report


def library(project: Project) -> Library:
    """All creatives of ``creatives/*.yaml``; raises with every mistake in all of them."""
    root = project.folder.root
    files = {p.relative_to(root).as_posix(): p.read_bytes() for p in project.folder.creatives}
    return load_creatives(files, project.definitions.segments)


def sheets(
    project: Project, snapshot: Snapshot, *, segments: Collection[str] = ()
) -> tuple[Sheet, ...]:
    """Messages for every member of every segment (or some) that has creatives."""
    found = library(project)
    if not found.creatives:
        return ()
    views = [snapshot.segment(i) for i in segments] or [
        view for view in snapshot.segments.values() if not view.is_variant
    ]
    moment = Clock(snapshot.as_of_us, project.zone)
    with project.engine(snapshot.as_of_us) as engine:
        return tailor_all(
            engine,
            found,
            [(view.definition, view.members) for view in views],
            catalog=project.generation.catalog,
            clock=moment,
        )


def cards(found: Sequence[Sheet], snapshot: Snapshot) -> list[dict[str, Any]]:
    """The commonest messages of each segment, as cards of the report."""
    return [
        {
            "segment": sheet.segment,
            "segment_title": snapshot.segment(sheet.segment).title,
            "format": sheet.format,
            "headline": _first(message, ("headline", "headlines", "title")),
            "body": _first(message, _BODIES),
            "call_to_action": _first(message, ("call_to_action",)),
            "people": message.people,
            "when": sheet.format.replace("_", " "),
            "fallback": message.is_fallback,
        }
        for sheet in found
        for message in sheet.preview(_SHOWN)
    ]


def _first(message: Message, fields: Sequence[str]) -> str:
    for name in fields:
        if message.texts.get(name):
            return message.texts[name][0]
    return ""
