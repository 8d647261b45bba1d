"""``fewer build``: who is in each segment, as an immutable snapshot."""

from __future__ import annotations

import click

from fewer.interfaces.cli.shell import Shell, common


@click.command()
@click.option(
    "--as-of",
    metavar="WHEN",
    help="now (default), end (of the data), a date (its local midnight) or a time.",
)
@click.option("--engine", metavar="NAME", help="Engine to run on. Default: duckdb.")
@click.option("--only", metavar="ID", multiple=True, help="Only these segments; repeatable.")
@click.option("--explain", is_flag=True, help="Show the steps, their rows and seconds.")
@common
def build(
    shell: Shell, as_of: str | None, engine: str | None, only: tuple[str, ...], explain: bool
) -> None:
    """Refresh the segments: members, sizes, people removed by reason, changes, warnings."""
    from fewer.interfaces.cli import build_view

    project = shell.project()
    as_of = _offer_end(shell) if as_of is None else as_of
    with build_view.progress(shell) as tell:
        snapshot = project.build(as_of=as_of, engine=engine, only=only, tell=tell)
    shell.show(
        {"data": project.settings.data, **snapshot.to_json(explain=explain)},
        lambda out: build_view.show(out, snapshot, explain=explain),
    )


def _offer_end(shell: Shell) -> str:
    """The moment to build at when none was named: now, unless the data ended long before."""
    from rich.text import Text

    from fewer.project import clock

    project = shell.project()
    stale = project.staleness()
    if stale is None:
        return clock.NOW
    end = clock.words(stale.end_us, project.zone)
    shell.err.print(Text.assemble(("warning", "yellow"), f": {stale.words}"))
    if shell.may_ask():
        asked = f"Refresh as at the end of the data, {end}, instead?"
        return clock.END if click.confirm(asked, default=True, err=True) else clock.NOW
    shell.err.print(
        f"Refreshing as at now all the same. For the end of the data, {end}: --as-of end"
    )
    return clock.NOW
