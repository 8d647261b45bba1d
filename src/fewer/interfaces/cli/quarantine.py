"""``fewer quarantine``: rows that were rejected, with file, row and reason."""

from __future__ import annotations

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from fewer.interfaces.cli.shell import Shell, common


@click.command()
@click.option("--reason", metavar="CODE", multiple=True, help="Only this reason; repeatable.")
@click.option(
    "--rows", "count", type=click.IntRange(0, 1_000_000), default=0, help="Also print rows."
)
@common
def quarantine(shell: Shell, reason: tuple[str, ...], count: int) -> None:
    """Count rejected rows by reason; with --rows N print the rows themselves, as they were read.

    Rows are kept encrypted and may hold personal data: they are printed only when asked for.
    """
    project = shell.project()
    counts = [c for c in project.quarantine_counts() if not reason or c["reason"] in reason]
    rows = project.quarantined(reason, count) if count else []

    def view(out: Console) -> None:
        if not counts:
            out.print("No row was rejected.")
            return
        table = Table(box=None, pad_edge=False, header_style="bold")
        for name in ("source", "file", "reason", "rows"):
            table.add_column(name, justify="right" if name == "rows" else "left")
        for c in counts:
            table.add_row(Text(c["source"]), Text(c["file"]), c["reason"], f"{c['rows']:,}")
        out.print(table)
        for row in rows:
            out.print(Text(f"{row.file}:{row.row}: {row.reason}: {row.raw}"), soft_wrap=True)

    payload = {
        "data": project.settings.data,
        "counts": counts,
        "rows": [
            {"source": r.source, "file": r.file, "row": r.row, "reason": r.reason, "raw": r.raw}
            for r in rows
        ],
    }
    shell.show(payload, view)
