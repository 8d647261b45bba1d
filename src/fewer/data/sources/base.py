"""What a source must do, how it tells its progress, and what an ingest reports."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from pydantic import Field

from fewer.data.sources.fields import Relation
from fewer.data.store.state import RowCounts
from fewer.data.store.writer import Writer
from fewer.model.base import Frozen


class Progress(Protocol):
    """Told how far an ingest is."""

    def start(self, source: str, file: str, *, size: int) -> None:
        """A file of `size` bytes is about to be read."""
        ...

    def advance(self, done: int) -> None:
        """`done` of the file's bytes are read."""
        ...

    def rows(self, done: int) -> None:
        """`done` rows of the file are staged."""
        ...

    def finish(self) -> None:
        """The file is done."""
        ...


class Quiet:
    """Progress that nobody watches."""

    def start(self, source: str, file: str, *, size: int) -> None:
        """Ignore."""

    def advance(self, done: int) -> None:
        """Ignore."""

    def rows(self, done: int) -> None:
        """Ignore."""

    def finish(self) -> None:
        """Ignore."""


@dataclass(frozen=True, slots=True)
class Part:
    """One unit that a source delivers: a file, a page, a time span.

    Attributes:
        name: What people know it by (a path relative to the project).
        content_hash: SHA-256 of the content; an equal one is not read again.
        size: Bytes.
        where: What the source needs to read it.
    """

    name: str
    content_hash: str
    size: int
    where: Any


@dataclass(frozen=True, slots=True)
class Read:
    """The rows of a part, staged or ready to be selected from.

    Attributes:
        relation: The rows that could be read.
        rows: How many there are, refused ones included.
        refused: Staging table (``line, reason, raw``) of rows that are no rows, or None.
        drop: Staging tables to drop when the part is done.
        warnings: Things to tell, with how often they were seen.
    """

    relation: Relation
    rows: int
    refused: str | None
    drop: tuple[str, ...] = ()
    warnings: tuple[tuple[str, int], ...] = ()


class Source(Protocol):
    """Something that delivers rows, part by part."""

    id: str

    def parts(self, progress: Progress) -> Iterator[Part]:
        """What there is to read, in a fixed order."""
        ...

    def read(self, writer: Writer, part: Part, *, seq: int, progress: Progress) -> Read:
        """Stage the rows of a part in the writer's database."""
        ...


class FileResult(Frozen):
    """What an ingest did with one file."""

    source: str
    file: str
    state: str = Field(description="read | unchanged")
    rows: RowCounts = RowCounts()
    notes: tuple[str, ...] = ()


class IngestResult(Frozen):
    """What an ingest did. `generation` is the number published, or the current one."""

    files: tuple[FileResult, ...]
    generation: int
    fingerprint: str
    dry_run: bool = False
    changed: bool = Field(description="Whether a new generation was published.")

    @property
    def rows(self) -> RowCounts:
        """Sums over all files."""
        total = RowCounts()
        for file in self.files:
            total = add(total, file.rows)
        return total

    def by_source(self) -> dict[str, RowCounts]:
        """Sums for each source, in the order read."""
        sums: dict[str, RowCounts] = {}
        for file in self.files:
            sums[file.source] = add(sums.get(file.source, RowCounts()), file.rows)
        return sums


def add(a: RowCounts, b: RowCounts) -> RowCounts:
    """Sum of two counts."""
    return RowCounts(
        read=a.read + b.read,
        stored=a.stored + b.stored,
        duplicate=a.duplicate + b.duplicate,
        refused=a.refused + b.refused,
        filtered=a.filtered + b.filtered,
        reasons=_sum(a.reasons, b.reasons),
        warnings=_sum(a.warnings, b.warnings),
        made=_sum(a.made, b.made),
    )


def _sum(a: dict[str, int], b: dict[str, int]) -> dict[str, int]:
    return {name: a.get(name, 0) + b.get(name, 0) for name in sorted({*a, *b})}
