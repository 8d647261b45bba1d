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
@click.option("--events", type=int, help="Of the simulated shop: about so many (1 million).")
@click.option("--people", type=int, help="Of the simulated shop: so many (one for 20 events).")
@click.option("--seed", type=int, help="Of the simulated shop: another seed, another world.")
@common
def init(  # noqa: PLR0917  click hands options over by name
    shell: Shell,
    folder: Path,
    example: str | None,
    files: tuple[Path, ...],
    events: int | None,
    people: int | None,
    seed: int | None,
) -> None:
    """Make a project in FOLDER (default: here): fewer.yaml, segments, goals, creatives."""
    from fewer.project import start

    if example and files:
        raise click.UsageError("--example and --from don't go together.")
    if example != "shop" and (events, people, seed) != (None, None, None):
        raise click.UsageError("--events, --people and --seed go with --example shop.")
    if example:
        made = start.example(folder, example, events=events or 0, people=people or 0, seed=seed)
    else:
        made = start.fresh(folder, files)
    shell.show(
        {"folder": str(folder), "files": [str(path) for path in made.files], "next": made.next},
        lambda out: out.print(
            "\n".join([*(f"  {path}" for path in made.files), "", f"Next: {made.next}"])
        ),
    )
