"""How a refresh looks in a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from fewer.interfaces.cli.shell import Shell

if TYPE_CHECKING:
    from fewer.project.explaining import Explanation, LeafUse
    from fewer.project.project import Project
    from fewer.project.snapshot import SegmentView, Snapshot

_MOST_ROWS: Final = 40
_MOST_NAMES: Final = 3
VERDICT: Final = {
    "within": ("as wanted", "green"),
    "too_small": ("too few", "yellow"),
    "too_large": ("too many", "yellow"),
}
"""Where a size lies against its guard -> words and style."""


class _Bar:
    """What is going on, and how much of it is done, as a bar on standard error."""

    def __init__(self, shown: Progress) -> None:
        self._shown = shown
        self._task = shown.add_task("…", total=None)

    def __call__(self, words: str, done: int = 0, total: int = 0) -> None:
        """Say it."""
        self._shown.update(self._task, description=words, completed=done, total=total or None)


@contextmanager
def progress(shell: Shell) -> Iterator[_Bar]:
    """A bar on standard error; calling it sets its words, and how much is done."""
    columns = (
        SpinnerColumn(),
        BarColumn(bar_width=24),
        TimeElapsedColumn(),
        TextColumn("{task.description}", markup=False),
    )
    off = shell.quiet or not shell.err.is_terminal
    with Progress(*columns, console=shell.err, transient=True, disable=off) as shown:
        yield _Bar(shown)


def mention_interrupted(shell: Shell, project: Project) -> None:
    """Say on standard error that a build was interrupted and can be finished."""
    from fewer.project import clock

    head = project.interrupted
    if head is not None:
        moment = clock.words(head.as_of_us, project.zone)
        shell.err.print(
            Text(
                f"A refresh as at {moment} was interrupted. `fewer build --resume` finishes it;"
                " this one begins anew."
            )
        )


def show(out: Console, snapshot: Snapshot, *, explained: bool = False, sql: bool = False) -> None:
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
    if explained and snapshot.explanation:
        explain(out, snapshot.explanation, sql=sql)


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
        words, style = VERDICT[segment.verdict]
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


# ----------------------------------------------------------------------------------- explain


def explain(out: Console, plan: Explanation, *, sql: bool = False) -> None:
    """The plan: questions with who asks them, what is read, steps, figures of the engine."""
    ran = bool(plan.steps)
    batches = f", {plan.batches} batches" if plan.batches > 1 else ""
    out.print()
    out.print(
        Text.assemble(
            ("Plan", "bold"),
            f" on {plan.engine}: {len(plan.plan.segments):,} segments ask {len(plan.leaves):,}"
            f" different questions, {len(plan.passes):,} passes over the data{batches}",
        )
    )
    if plan.kept:
        out.print(Text(f"{plan.kept:,} segments were done before it was interrupted", style="dim"))
    for lack in plan.lacks:
        out.print(Text(f"can't: {lack}", style="red"))
    for what, instead in plan.limits.items():
        out.print(Text(f"{plan.engine} lacks {what}. {instead}", style="dim"))
    out.print(_leaves(plan, ran=ran))
    if not ran:
        out.print(_passes(plan))
        return
    out.print(_steps(plan))
    out.print(_figures(plan))
    for step in plan.steps if sql else ():
        if step.sql:
            out.print(Text(f"-- {step.name}", style="bold"))
            out.print(Text(step.sql), soft_wrap=True)
    if not sql and any(step.query is not None for step in plan.steps):
        out.print(Text("The SQL of each step: --explain --sql", style="dim"))


def _table(title: str, *columns: str, right: tuple[str, ...] = ()) -> Table:
    made = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for name in columns:
        made.add_column(name, justify="right" if name in right else "left", overflow="fold")
    return made


def _leaves(plan: Explanation, *, ran: bool) -> Table:
    cost = ("rows", "seconds") if ran else ()
    table = _table("Questions", "nr", "question", "asked by", *cost, right=("nr", *cost))
    ordered = sorted(plan.leaves, key=lambda leaf: (-leaf.cost.seconds, -len(leaf.segments)))
    for leaf in ordered[:_MOST_ROWS]:
        spent = (f"{leaf.cost.rows:,.0f}", f"{leaf.cost.seconds:.3f}") if ran else ()
        table.add_row(f"{leaf.number}", Text(_question(leaf)), Text(_asking(leaf)), *spent)
    if len(ordered) > _MOST_ROWS:
        rest = f"and {len(ordered) - _MOST_ROWS:,} more: --json shows all"
        table.add_row("", Text(rest, style="dim"))
    return table


def _question(leaf: LeafUse) -> str:
    return leaf.words if leaf.reads else f"{leaf.words} (no data can answer it)"


def _asking(leaf: LeafUse) -> str:
    names = ", ".join(leaf.segments[:_MOST_NAMES])
    more = len(leaf.segments) - _MOST_NAMES
    return f"{names} and {more:,} more" if more > 0 else names


def _passes(plan: Explanation) -> Table:
    table = _table("Passes", "what", "questions", "reads", "events", right=("questions", "events"))
    for each in plan.passes[:_MOST_ROWS]:
        rows = f"{each.rows:,}" if each.rows else ""
        table.add_row(each.words, f"{len(each.leaves):,}", Text(each.reads), rows)
    if len(plan.passes) > _MOST_ROWS:
        table.add_row(Text(f"and {len(plan.passes) - _MOST_ROWS:,} more", style="dim"))
    return table


def _steps(plan: Explanation) -> Table:
    numbers = ("questions", "rows", "seconds")
    table = _table("Steps", "step", *numbers, "", right=numbers)
    for step in plan.steps[:_MOST_ROWS]:
        answers = f"{len(step.leaves):,}" if step.leaves else ""
        spent = (f"{step.rows:,}", f"{step.seconds:.3f}")
        table.add_row(Text(step.name), answers, *spent, Text(step.note, style="dim"))
    if len(plan.steps) > _MOST_ROWS:
        table.add_row(Text(f"and {len(plan.steps) - _MOST_ROWS:,} more", style="dim"))
    return table


def _figures(plan: Explanation) -> Table:
    table = _table("Figures", "what", "how much", right=("how much",))
    for words, value in plan.named_figures():
        table.add_row(Text(words), value)
    return table
