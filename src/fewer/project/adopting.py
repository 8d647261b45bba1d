"""Adopting a proposed segment: its YAML is added to a file of definitions, nothing else changes."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fewer.errors import GuardError, NotFoundError

if TYPE_CHECKING:
    from fewer.model.segment import Segment
    from fewer.project.project import Project


@dataclass(frozen=True, slots=True)
class Adopted:
    """A segment written to a file, or the change that would be made."""

    segment: Segment
    file: str  # relative to the project
    diff: str
    written: bool

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "adopted": self.segment.id,
            "file": self.file,
            "diff": self.diff,
            "written": self.written,
        }


def pick(segments: Sequence[Segment], wanted: str) -> Segment:
    """The segment of that id, or at that place of the list (from 1)."""
    if wanted.isdigit() and 1 <= int(wanted) <= len(segments):
        return segments[int(wanted) - 1]
    for segment in segments:
        if segment.id == wanted:
            return segment
    hint = f"Name one by its id, or by its place: 1 to {len(segments)}." if segments else ""
    raise NotFoundError("proposed segment", wanted, [s.id for s in segments], hint=hint)


def adopt(project: Project, segment: Segment, file: str, *, dry_run: bool = False) -> Adopted:
    """Add a segment to ``segments/FILE``; comments and other definitions stay as they are.

    Raises:
        GuardError: a segment of that id is there already.
        DefinitionError: the file could not be read with the segment in it; nothing is written.
    """
    from fewer.language.files import load_segments
    from fewer.language.write import to_yaml

    if segment.id in project.definitions.segment_ids:
        raise GuardError(
            f"There is a segment {segment.id!r} already: nothing was written. Change that one, or"
            " rename it first."
        )
    path = project.folder.root / "segments" / file
    name = path.relative_to(project.folder.root).as_posix()
    before = path.read_text(encoding="utf-8") if path.is_file() else ""
    after = _added(before, to_yaml([segment]))
    load_segments({name: after})
    if not dry_run:
        _write(path, after)
        project.__dict__.pop("definitions", None)
    lines = difflib.unified_diff(
        before.splitlines(keepends=True),
        after.splitlines(keepends=True),
        f"a/{name}" if before else "/dev/null",
        f"b/{name}",
    )
    return Adopted(segment, name, "".join(lines), written=not dry_run)


def _added(before: str, item: str) -> str:
    """The file with one more definition at its end, below its own key if it has one."""
    if before and not before.endswith("\n"):
        before += "\n"
    lines = [line for line in before.splitlines() if line.strip() and not line.startswith("#")]
    if lines and lines[0].startswith("segments:"):
        first = next((line for line in lines[1:] if line.lstrip().startswith("-")), "  -")
        indent = " " * (len(first) - len(first.lstrip()))
        item = "".join(f"{indent}{line}" for line in item.splitlines(keepends=True))
    gap = "\n" if lines else ""
    return f"{before}{gap}{item}"


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(exist_ok=True)
    beside = path.with_name(f".{path.name}.new")
    beside.write_text(text, encoding="utf-8")
    beside.replace(path)
