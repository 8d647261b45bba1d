"""How a preview looks in a terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

from fewer.interfaces.cli.build_view import VERDICT
from fewer.interfaces.cli.shell import Shell

if TYPE_CHECKING:
    from fewer.project.preview import Point, Preview, Shown

_BARS: Final = "▁▂▃▄▅▆▇█"
_PLAIN_BARS: Final = "_.-~=+*#"
_MOST_OVERLAPS: Final = 8


def shown(history: int, sample: int, *, overlap: bool) -> Shown:
    """What of a preview is shown."""
    from fewer.project.preview import Shown

    return Shown(history, sample, overlap)


@contextmanager
def progress(shell: Shell) -> Iterator[Callable[[int, int], None]]:
    """A bar on standard error for the days of a history."""
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
    )
    off = shell.quiet or not shell.err.is_terminal
    with Progress(*columns, console=shell.err, transient=True, disable=off) as bar:
        task = bar.add_task("sizes by day", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def show(out: Console, found: Preview, zone: ZoneInfo) -> None:
    """Size first, then what it is made of."""
    from fewer.project import clock

    words, style = VERDICT[found.verdict]
    guard = found.segment.size
    out.print(
        Text.assemble(
            (f"{found.size:,}", "bold"),
            f" of {found.universe:,} people as at {clock.words(found.as_of_us, zone)}: ",
            (words, style),
            f" ({guard.min:,} to {guard.max:,})",
        )
    )
    out.print(Text(found.tree), soft_wrap=True)
    for finding in found.findings():
        place = f"{finding.place}: " if str(finding.place) else ""
        told = f"{place}warning[{finding.code}]: {finding.message} {finding.hint}".rstrip()
        out.print(Text(told, style="yellow"), soft_wrap=True)
    for proposal in found.proposals():
        out.print(Text(f"to fit: {proposal}"))
    out.print(_funnel(found))
    if found.shown.history > 1:
        _history(out, found.history(), zone)
    if found.shown.overlap:
        out.print(_overlap(found))
    if found.shown.sample and found.size:
        out.print(Text.assemble(("some of them", "bold"), f": {', '.join(found.sample())}"))


def _funnel(found: Preview) -> Table:
    table = Table("", "removed", "people", box=None, pad_edge=False, header_style="bold")
    for at in (1, 2):
        table.columns[at].justify = "right"
    table.add_row("matched", "", f"{found.matched_size:,}")
    for step in found.funnel.steps:
        table.add_row(Text(f"less {step.why}"), f"-{step.removed:,}", f"{step.remaining:,}")
    return table


def _history(out: Console, points: Sequence[Point], zone: ZoneInfo) -> None:
    from fewer.project import clock

    sizes = [point.size for point in points]
    first, last = (clock.day_words(point.as_of_us, zone) for point in (points[0], points[-1]))
    bars = _BARS if "utf" in out.encoding.lower() else _PLAIN_BARS
    out.print(
        Text.assemble(
            (f"{len(points)} days", "bold"),
            f": {first} {sparkline(sizes, bars)} {last}, {min(sizes):,} to {max(sizes):,}"
            f", then {sizes[0]:,}, now {sizes[-1]:,}",
        ),
        soft_wrap=True,
    )


def sparkline(sizes: Sequence[int], bars: str = _BARS) -> str:
    """Sizes as bars that begin at zero.

    >>> sparkline([0, 50, 100])
    '▁▅█'
    """
    top = max(sizes, default=0) or 1
    return "".join(bars[round(size / top * (len(bars) - 1))] for size in sizes)


def _overlap(found: Preview) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("in common with")
    for heading in ("people", "in both", "of these", "of those"):
        table.add_column(heading, justify="right")
    shared = [one for one in found.overlap() if one.both]
    for one in shared[:_MOST_OVERLAPS]:
        shares = (f"{one.of_this:.0%}", f"{one.of_other:.0%}")
        table.add_row(Text(one.segment), f"{one.people:,}", f"{one.both:,}", *shares)
    if len(shared) > _MOST_OVERLAPS:
        more = f"and {len(shared) - _MOST_OVERLAPS:,} more: --json shows all"
        table.add_row(Text(more, style="dim"))
    if not shared:
        table.add_row(Text("no segment of the project", style="dim"))
    return table
