"""``fewer ingest``: read what is new in the sources' files."""

from __future__ import annotations

import click

from fewer.interfaces.cli.shell import Shell, common


@click.command()
@click.option("--only", metavar="SOURCE", multiple=True, help="Only this source; repeatable.")
@click.option("--dry-run", is_flag=True, help="Read and count everything, store nothing.")
@click.option(
    "--rebuild",
    is_flag=True,
    help="Forget what the sources (those of --only) gave before, and read them again.",
)
@click.option(
    "--preview",
    metavar="SOURCE",
    help="Show the first rows of a source and what the mapping makes of them; store nothing.",
)
@click.option("-n", "count", default=5, type=click.IntRange(1, 1000), help="Rows of --preview.")
@common
def ingest(
    shell: Shell,
    only: tuple[str, ...],
    dry_run: bool,
    rebuild: bool,
    preview: str | None,
    count: int,
) -> None:
    """Read the sources of fewer.yaml into the store. Doing it twice adds nothing."""
    from fewer.interfaces.cli import ingest_view

    project = shell.project()
    if preview is not None:
        from fewer.interfaces.cli import source_view

        found = project.preview_source(preview, count)
        shell.show(
            {"data": project.settings.data, **source_view.to_json(found)},
            lambda out: source_view.show(out, found),
        )
        return
    with ingest_view.progress(shell) as bar:
        result = project.ingest(only=only, dry_run=dry_run, rebuild=rebuild, progress=bar)
    shell.show(
        {"data": project.settings.data, **ingest_view.to_json(result)},
        lambda out: ingest_view.show(out, result),
    )
