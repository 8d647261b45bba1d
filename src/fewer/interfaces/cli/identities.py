"""``fewer identities``: say which ids are one person, and take it back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from rich.console import Console

from fewer.interfaces.cli.shell import Shell, common

_DRY_RUN = click.option("--dry-run", is_flag=True, help="Say what would change; change nothing.")


@click.group()
@common
def identities(_: Shell) -> None:
    """Merge the ids of one person, or split them: history follows, no event is rewritten."""


@identities.command("merge")
@click.argument("ids", nargs=-1)
@click.option(
    "-f",
    "--file",
    "path",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="CSV of two columns: id,same_as.",
)
@_DRY_RUN
@common
def merge(shell: Shell, ids: tuple[str, ...], path: Path | None, dry_run: bool) -> None:
    """Make ids one person: two or more on the command line, or pairs in a file.

    A known id stands for the person before an anonymous one, an older before a younger. Traits,
    consents, lists and events of all of them count as that person's from the next refresh on.
    """
    from fewer.project.identities import merge as merge_pairs
    from fewer.project.identities import pairs_in

    if (path is None) == (len(ids) < 2):  # noqa: PLR2004  a pair
        raise click.UsageError("Name two ids or more, or a file of pairs with --file.")
    pairs = pairs_in(path) if path is not None else [(ids[0], other) for other in ids[1:]]
    _show(shell, merge_pairs(shell.project(), pairs, dry_run=dry_run), dry_run=dry_run)


@identities.command("split")
@click.argument("ids", nargs=-1, required=True)
@_DRY_RUN
@common
def split(shell: Shell, ids: tuple[str, ...], dry_run: bool) -> None:
    """Make ids persons of their own again, and those that were merged into them."""
    from fewer.project.identities import split as split_ids

    _show(shell, split_ids(shell.project(), list(ids), dry_run=dry_run), dry_run=dry_run)


def _show(shell: Shell, found: Any, *, dry_run: bool) -> None:
    payload = {
        "dry_run": dry_run,
        "merged_before": found.before,
        "merged": found.after,
        "unknown_ids": found.unknown,
    }

    def view(out: Console) -> None:
        would = "would be" if dry_run else "are"
        out.print(f"{found.after:,} ids {would} part of another's person ({found.before:,} before)")
        if found.unknown:
            out.print(f"{found.unknown:,} of the ids given belong to nobody in the data: left out")

    shell.show(payload, view)
