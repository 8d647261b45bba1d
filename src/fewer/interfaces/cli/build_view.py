"""How a refresh looks in a terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from fewer.interfaces.cli.shell import Shell

if TYPE_CHECKING:
    from fewer.project.snapshot import SegmentView, Snapshot

_VERDICT = {
    "within": ("as wanted", "green"),
    "too_small": ("too few", "yellow"),
    "too_large": ("too many", "yellow"),
}


@contextmanager
def progress(shell: Shell) -> Iterator[Callable[[str], None]]:
    """A status line on standard error; the callable sets its words."""
    with shell.err.status("…") as status:
        yield lambda words: status.update(Text(words))


def show(out: Console, snapshot: Snapshot, *, explain: bool = False) -> None:
    """Sizes, people removed, changes and proposals, a line a segment."""
    head = Text.assemble(
        "Refresh ",
        (snapshot.id, "bold"),
        f" as at {snapshot.as_of_words}: {snapshot.universe:,} people in all",
    )
    if snapshot.data == "simulated":
        head.append("  SIMULATED", style="bold #c05621")
    out.print(head)
    out.print(sizes(snapshot))
    for segment in snapshot.segments.values():
        for warning in segment.warnings:
            out.print(Text(f"{segment.id}: {warning}", style="yellow"))
    out.print(Text(f"fingerprint {snapshot.fingerprint}", style="dim"))
    if explain:
        out.print(_steps(snapshot))


def sizes(snapshot: Snapshot) -> Table:
    """Table of segments with sizes."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name, right in (
        ("segment", False),
        ("matched", True),
        ("removed", True),
        ("people", True),
        ("in", True),
        ("out", True),
        ("size", False),
    ):
        table.add_column(name, justify="right" if right else "left", overflow="fold")
    for segment in snapshot.segments.values():
        table.add_row(*_row(segment))
    return table


def _row(segment: SegmentView) -> tuple[str | Text, ...]:
    words, style = ("left out of others", "dim") if segment.is_exclusion else ("", "")
    if not segment.is_exclusion or segment.verdict != "within":
        words, style = _VERDICT[segment.verdict]
    size = Text(words, style=style)
    for proposal in segment.proposals:
        size.append(f"\n{proposal}", style="default")
    changed = segment.entered is not None
    return (
        Text(segment.id),
        f"{segment.matched_size:,}",
        f"{segment.matched_size - segment.size:,}",
        Text(f"{segment.size:,}", style="bold"),
        f"+{segment.entered:,}" if changed else "",
        f"-{segment.exited:,}" if changed else "",
        size,
    )


def _steps(snapshot: Snapshot) -> Table:
    table = Table(title="Steps", title_justify="left", box=None, pad_edge=False)
    for name in ("step", "rows", "seconds"):
        table.add_column(name, justify="left" if name == "step" else "right")
    for step in snapshot.steps:
        table.add_row(step.name, f"{step.rows:,}", f"{step.seconds:.3f}")
    return table
