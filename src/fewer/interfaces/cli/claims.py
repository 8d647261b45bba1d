"""``fewer claims``: statements such as "2.4x as likely", checked on the project's own data."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from fewer.interfaces.cli.shell import Shell, common

if TYPE_CHECKING:
    from fewer.project.project import Project


@click.command()
@click.argument("ids", metavar="[ID]...", nargs=-1)
@click.option("--goal", metavar="ID", help="Outcome of the headline claims. Default: the first.")
@click.option("--only", metavar="LIST", help="Only these, briefly, such as cac_30,ctr_20.")
@click.option("--init", "draft", is_flag=True, help="Write the headline claims to claims.yaml.")
@common
def claims(
    shell: Shell, ids: tuple[str, ...], goal: str | None, only: str | None, *, draft: bool
) -> None:
    """Check the headline claims, and those of claims.yaml; with IDs, some of them in full.

    Supported, contradicted, or what it would take to tell. Status 5 when all that were named are
    refused, as their groups are made of actions that are part of converting. With --init nothing is
    checked: claims.yaml is written, with this project's segments, events and goal filled in.
    """
    from fewer.interfaces.cli import claims_view

    project = shell.project()
    if draft:
        _init(shell, project, goal, stray=bool(ids or only))
        return
    named = tuple(name.strip() for name in only.split(",")) if only else ()
    wanted = tuple(dict.fromkeys((*ids, *named)))
    with shell.err.status("checking claims") as status:
        table = project.claims(wanted, goal=goal, tell=lambda words, *_: status.update(words))
    shell.show(table.to_json(), lambda out: claims_view.show(out, table, in_full=ids))
    if wanted and table.all_refused:
        click.get_current_context().exit(5)


def _init(shell: Shell, project: Project, goal: str | None, *, stray: bool) -> None:
    from fewer.interfaces.cli import claims_view

    if stray:
        raise click.UsageError("--init writes all headline claims: leave out IDs and --only.")
    with shell.err.status("writing claims.yaml") as status:
        made = project.draft_claims(goal=goal, tell=lambda words, *_: status.update(words))
    payload = {
        "path": str(made.path),
        "claims": list(made.ids),
        "lacking": {one.id: f"{one.because}; it would take {one.needed}" for one in made.lacking},
    }
    shell.show(payload, lambda out: claims_view.drafted(out, made))
