"""``fewer schema``: the JSON Schema of the files a user writes."""

from __future__ import annotations

import json
from pathlib import Path

import click

from fewer.interfaces.cli.shell import Shell, common

KINDS = ("segments", "goals", "metrics", "experiments", "claims", "creatives", "project")


@click.command()
@click.argument("kind", type=click.Choice(KINDS), default="segments")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write to a file; name it in `# yaml-language-server: $schema=FILE`.",
)
@common
def schema(shell: Shell, kind: str, out: Path | None) -> None:
    """Print the JSON Schema of a kind of file: segments, goals, claims, ... or fewer.yaml."""
    from fewer.project.schemas import json_schema

    text = json.dumps(json_schema(kind), ensure_ascii=False, indent=2)
    if out is None:
        click.echo(text)
    else:
        from fewer.destinations.file import write_atomically

        write_atomically(out, lambda file: file.write(f"{text}\n".encode()))
        shell.err.print(f"Wrote {out}")
