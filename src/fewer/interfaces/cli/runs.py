"""``fewer runs``: builds that ran, and how they ended."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from fewer.interfaces.cli.shell import Shell, common

_STYLES = {"done": "green", "failed": "red", "stopped": "yellow", "running": "bold"}


@click.command()
@click.option(
    "-n", "count", default=20, show_default=True, type=click.IntRange(1, 10_000), help="How many."
)
@common
def runs(shell: Shell, count: int) -> None:
    """List builds that ran or run: when, how they ended, how many segments were done."""
    project = shell.project()
    found = project.runs(count)
    shell.show(
        {"data": project.settings.data, "runs": [_json(run) for run in found]},
        lambda out: _show(out, shell, found),
    )


def _json(run: Any) -> dict[str, Any]:
    facts = {name: value for name, value in run.facts.items() if name != "store"}
    seconds = None if run.finished_us is None else (run.finished_us - run.started_us) / 1e6
    return {
        "run": run.id,
        "kind": run.kind,
        "state": run.state,
        "started_us": run.started_us,
        "finished_us": run.finished_us,
        "seconds": seconds,
        **facts,
    }


def _show(out: Console, shell: Shell, found: Sequence[Any]) -> None:
    from fewer.project import clock

    zone = shell.project().zone
    table = Table("run", "state", "started", "as at", box=None, pad_edge=False)
    for heading in ("segments", "done", "seconds"):
        table.add_column(heading, justify="right")
    for run in found:
        said = _json(run)
        done = said.get("done")
        table.add_row(
            run.id,
            Text(run.state, style=_STYLES[run.state]),
            clock.words(run.started_us, zone),
            clock.words(said["as_of_us"], zone) if "as_of_us" in said else "",
            f"{said.get('segments', 0):,}",
            "" if done is None else f"{done:,}",
            "" if said["seconds"] is None else f"{said['seconds']:.1f}",
        )
    out.print(table)
