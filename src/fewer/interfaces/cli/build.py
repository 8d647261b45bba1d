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
@click.option("--engine", metavar="NAME", help="Engine to run on. Default: the project's.")
@click.option("--only", metavar="ID", multiple=True, help="Only these segments; repeatable.")
@click.option(
    "--explain", is_flag=True, help="Show the plan: questions, who asks them, rows and seconds."
)
@click.option("--sql", is_flag=True, help="With --explain: also the SQL of each step.")
@click.option("--dry-run", is_flag=True, help="With --explain: show the plan, evaluate nothing.")
@click.option("--resume", is_flag=True, help="Finish the newest build that was interrupted.")
@click.option(
    "--batch",
    metavar="N",
    type=click.IntRange(1),
    help="Most segments evaluated together, and lost when interrupted. Default: 600.",
)
@common
def build(
    shell: Shell,
    *,
    as_of: str | None,
    engine: str | None,
    only: tuple[str, ...],
    explain: bool,
    sql: bool,
    dry_run: bool,
    resume: bool,
    batch: int | None,
) -> None:
    """Refresh the segments: members, sizes, people removed by reason, changes, warnings.

    Ctrl-C stops it; segments that were done are kept, and --resume goes on from there.
    """
    from fewer.interfaces.cli import build_view
    from fewer.interfaces.cli.stopping import stopping

    if (sql or dry_run) and not explain:
        raise click.UsageError("--sql and --dry-run belong to --explain: give it too.")
    if resume and (as_of or engine or only or dry_run):
        raise click.UsageError(
            "--resume goes on with the moment, engine and segments of the interrupted build:"
            " leave out --as-of, --engine, --only and --dry-run."
        )
    project = shell.project()
    if dry_run:
        plan = project.explain(as_of=as_of or _offer_end(shell), engine=engine, only=only)
        shell.show(
            {"data": project.settings.data, "plan": plan.to_json()},
            lambda out: build_view.explain(out, plan),
        )
        return
    if not resume:
        build_view.mention_interrupted(shell, project)
        as_of = _offer_end(shell) if as_of is None else as_of
    with stopping(shell) as should_stop, build_view.progress(shell) as tell:
        snapshot = project.build(
            as_of=as_of,
            engine=engine,
            only=only,
            batch=batch,
            resume=resume,
            tell=tell,
            should_stop=should_stop,
        )
    shell.show(
        {"data": project.settings.data, **snapshot.to_json(explain=explain)},
        lambda out: build_view.show(out, snapshot, explained=explain, sql=sql),
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
