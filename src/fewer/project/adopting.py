"""Adopting a proposed segment: its YAML is added to a file of definitions, nothing else changes."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

from fewer.errors import GuardError, NotFoundError

if TYPE_CHECKING:
    from fewer.model.segment import Segment
    from fewer.project.project import Project

_WIDE: Final = 96


class _HasSegment(Protocol):
    @property
    def segment(self) -> Segment: ...


_Proposed = TypeVar("_Proposed", bound=_HasSegment)


@dataclass(frozen=True, slots=True)
class Adopted:
    """A segment written to a file, or the change that would be made."""

    segment: Segment
    file: str  # relative to the project
    diff: str
    written: bool
    note: str = ""  # how sure one may be of it: a comment above the definition

    @property
    def undo(self) -> str:
        """How to take it back."""
        return f"delete {self.segment.id!r} from {self.file} (nothing else was changed)"

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "adopted": self.segment.id,
            "file": self.file,
            "diff": self.diff,
            "written": self.written,
            "status": self.segment.status,
            "note": self.note,
            "undo": self.undo,
        }


def pick(proposed: Sequence[_Proposed], wanted: str) -> _Proposed:
    """The proposal of that id, or at that place of the list (from 1)."""
    if wanted.isdigit() and 1 <= int(wanted) <= len(proposed):
        return proposed[int(wanted) - 1]
    ids = [one.segment.id for one in proposed]
    if wanted in ids:
        return proposed[ids.index(wanted)]
    hint = f"Name one by its id, or by its place: 1 to {len(ids)}." if ids else ""
    raise NotFoundError("proposed segment", wanted, ids, hint=hint)


def note_of(proposed: Any) -> str:
    """What a reader of the file must know of a proposal: how sure it is; empty if none says."""
    found: str = getattr(proposed, "note", "")
    return found


def adopt(
    project: Project, segment: Segment, file: str, *, note: str = "", dry_run: bool = False
) -> Adopted:
    """Add a segment to ``segments/FILE``; comments and other definitions stay as they are.

    Args:
        project: Whose definitions.
        segment: What is added.
        file: Below ``segments``.
        note: A comment above it.
        dry_run: Show the change, write nothing.

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
    comment = "".join(f"# {line}\n" for line in wrap(note, _WIDE))
    after = _added(before, comment + to_yaml([segment]))
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
    return Adopted(segment, name, "".join(lines), written=not dry_run, note=note)


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
