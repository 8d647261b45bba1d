"""How reading files looks in a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from fewer.interfaces.cli.shell import Shell

if TYPE_CHECKING:
    from fewer.data.sources.base import IngestResult

_MOST_FILES = 12


class Bar:
    """Progress of an ingest as a bar per file on standard error."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task: TaskID | None = None
        self._size = 0

    def start(self, source: str, file: str, *, size: int) -> None:
        """A file of `size` bytes is about to be read."""
        self._size = size
        words = f"{source}: {file}"
        self._task = self._progress.add_task(words, total=size or 1, rows="")

    def advance(self, done: int) -> None:
        """`done` of the file's bytes are read."""
        if self._task is not None:
            self._progress.update(self._task, completed=done)

    def rows(self, done: int) -> None:
        """`done` rows of the file are staged."""
        if self._task is not None:
            self._progress.update(self._task, rows=f"{done:,} rows")

    def finish(self) -> None:
        """The file is done."""
        if self._task is not None:
            self._progress.remove_task(self._task)
            self._task = None


@contextmanager
def progress(shell: Shell) -> Iterator[Bar]:
    """A progress bar for one ingest."""
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[rows]}"),
    )
    with Progress(*columns, console=shell.err, transient=True, disable=shell.quiet) as shown:
        yield Bar(shown)


def show(out: Console, result: IngestResult) -> None:
    """Rows by source, then rejected rows by reason, then values lost."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("source", "files", "rows read", "stored", "seen before", "rejected", "left out"):
        table.add_column(name, justify="left" if name == "source" else "right")
    for source, rows in result.by_source().items():
        files = [f for f in result.files if f.source == source]
        same = sum(f.state == "unchanged" for f in files)
        count = f"{len(files):,}" + (f" ({same:,} unchanged)" if same else "")
        numbers = (rows.read, rows.stored, rows.duplicate, rows.refused, rows.filtered)
        table.add_row(Text(source), count, *(f"{n:,}" for n in numbers))
    out.print(table)
    for words, counts, style in (
        ("rejected", result.rows.reasons, "yellow"),
        ("value left out", result.rows.warnings, "dim"),
    ):
        for reason, number in sorted(counts.items(), key=lambda pair: -pair[1]):
            out.print(Text(f"  {words}: {reason}: {number:,}", style=style))
    if result.rows.reasons:
        out.print("  Rejected rows are kept: `fewer quarantine` shows them.")
    for file in result.files:
        for note in file.notes:
            out.print(Text(f"  {file.file}: {note}", style="yellow"))
    if result.dry_run:
        out.print("Dry run: nothing was stored.")
    elif not result.changed:
        out.print("Nothing new.")


def to_json(result: IngestResult) -> dict[str, Any]:
    """Plain data."""
    found: dict[str, Any] = result.model_dump(mode="json")
    found["rows"] = result.rows.model_dump(mode="json")
    found["by_source"] = {s: r.model_dump(mode="json") for s, r in result.by_source().items()}
    return found
