"""``fewer claims``: statements such as "2.4x as likely", checked on the project's own data."""

from __future__ import annotations

import click

from fewer.interfaces.cli.shell import Shell, common


@click.command()
@click.argument("ids", metavar="[ID]...", nargs=-1)
@click.option("--goal", metavar="ID", help="Outcome of the headline claims. Default: the first.")
@common
def claims(shell: Shell, ids: tuple[str, ...], goal: str | None) -> None:
    """Check the headline claims, and those of claims.yaml; with IDs, some of them in full.

    Supported, contradicted, or what it would take to tell. Status 5 when all that were named are
    refused, as their groups are made of actions that are part of converting.
    """
    from fewer.interfaces.cli import claims_view

    project = shell.project()
    with shell.err.status("checking claims") as status:
        table = project.claims(ids, goal=goal, tell=lambda words, *_: status.update(words))
    shell.show(table.to_json(), lambda out: claims_view.show(out, table, in_full=bool(ids)))
    if ids and table.all_refused:
        click.get_current_context().exit(5)
