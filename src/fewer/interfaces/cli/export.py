"""``fewer export``: an audience as a file with hashed identifiers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console

from fewer.interfaces.cli.shell import Shell, common

if TYPE_CHECKING:
    from fewer.destinations.file import Export


@click.command()
@click.argument("segment")
@click.option(
    "--to",
    "path",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="File to write: .csv or .parquet.",
)
@click.option(
    "--keys",
    type=click.Choice(["contacts", "person"]),
    help="Identify people by e-mail and phone (default when there are any), or by the project's"
    " own id; always hashed.",
)
@click.option("--platform", default="plain", show_default=True, help="Whose rules to follow.")
@click.option("--allow-small", is_flag=True, help="Write it even when platforms would refuse it.")
@click.option("--build", "build_id", metavar="ID", help="Another refresh than the newest.")
@common
def export(  # noqa: PLR0917  click hands options over by name
    shell: Shell,
    segment: str,
    path: Path,
    keys: str | None,
    platform: str,
    allow_small: bool,
    build_id: str | None,
) -> None:
    """Write the people of a segment, consent checked, identifiers hashed; a manifest beside it."""
    project = shell.project()
    made = project.export(
        segment,
        path,
        keys=keys,
        platform=platform,
        allow_small=allow_small,
        build_id=build_id,
    )

    def view(out: Console) -> None:
        out.print(f"{made.path}: {sent(made)}")
        for reason, count in made.prepared.removed.items():
            out.print(f"  left out: {reason}: {count:,}")
        out.print(f"  manifest: {made.manifest_path}")

    shell.show(made.manifest, view)


def sent(made: Export) -> str:
    """People, and rows where it takes more or fewer of them.

    People who share an address share a row; a person with two addresses has two.
    """
    people, rows = made.prepared.sendable, made.receipt.accepted
    noun = "person" if people == 1 else "people"
    return f"{people:,} {noun}" + (f" in {rows:,} rows" if rows != people else "")
