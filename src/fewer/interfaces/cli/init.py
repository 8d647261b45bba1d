"""``fewer init``: a project folder to start from."""

from __future__ import annotations

from pathlib import Path

import click

from fewer.interfaces.cli.shell import Shell, common


@click.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path), default=".")
@click.option(
    "--example",
    type=click.Choice(["grocer", "shop", "retailer"]),
    help="Start from a worked example with its data.",
)
@click.option(
    "--from",
    "files",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Read this file and draft the mapping for it; repeatable.",
)
@common
def init(shell: Shell, folder: Path, example: str | None, files: tuple[Path, ...]) -> None:
    """Make a project in FOLDER (default: here): fewer.yaml, segments, goals, creatives."""
    from fewer.project import start

    if example and files:
        raise click.UsageError("--example and --from don't go together.")
    made = start.example(folder, example) if example else start.fresh(folder, files)
    shell.show(
        {"folder": str(folder), "files": [str(path) for path in made.files], "next": made.next},
        lambda out: out.print(
            "\n".join([*(f"  {path}" for path in made.files), "", f"Next: {made.next}"])
        ),
    )
