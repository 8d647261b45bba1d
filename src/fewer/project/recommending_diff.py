"""The edits of all verdicts as one unified diff of the project's files, which git applies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fewer.journey.measure.recommend.patch import UnwritableError, patched, unified

if TYPE_CHECKING:
    from fewer.journey.measure.recommend.recommend import Verdicts
    from fewer.journey.measure.recommend.verdict import Recommendation
    from fewer.model.segment import Segment
    from fewer.project.project import Project


@dataclass(frozen=True, slots=True)
class Diff:
    """A unified diff from the project's folder, and the edits that it could not hold."""

    text: str = ""
    by_segment: Mapping[str, str] = field(default_factory=dict)
    left_out: Mapping[str, str] = field(default_factory=dict)  # segment -> why


def diff(project: Project, verdicts: Verdicts) -> Diff:
    """Every edit of every verdict, file by file; each was read again and says what it should."""
    texts = {
        path.relative_to(project.folder.root).as_posix(): path.read_bytes().decode("utf-8")
        for path in project.folder.segments
    }
    now, single, left = dict(texts), {}, {}
    for one in verdicts.recommendations:
        file = project.definitions.place(one.segment).file
        if not (one.changed or one.added) or file not in texts:
            continue
        before = project.definitions.segment(one.segment)
        try:
            single[one.segment] = unified(
                file, texts[file], _edited(texts[file], one, before, file)
            )
            now[file] = _edited(now[file], one, before, file)
        except UnwritableError as error:
            left[one.segment] = f"{error}: edit it by hand"
    text = "".join(unified(file, texts[file], now[file]) for file in texts)
    return Diff(text, single, left)


def _edited(text: str, one: Recommendation, before: Segment, file: str) -> str:
    changed = {s.id: (before, s) for s in one.changed if s.id == one.segment}
    return patched(text, changed, {one.segment: one.added}, file=file)
