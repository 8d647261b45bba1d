"""``fewer report``: the HTML page of the newest refresh."""

from __future__ import annotations

from pathlib import Path

import click

from fewer.interfaces.cli.shell import Shell, common


@click.command()
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where to write the page. Default: report.html in the project.",
)
@click.option("--build", "build_id", metavar="ID", help="Another refresh than the newest.")
@common
def report(shell: Shell, out: Path | None, build_id: str | None) -> None:
    """Write the report: inventory, findings, segments, overlap, creatives, outcomes, cost."""
    from fewer.interfaces.cli import run_view

    project = shell.project()
    story = run_view.story(project, build_id)
    path = out or project.folder.root / "report.html"
    run_view.write_report([story], path, title=story["name"])
    shell.show(
        {"data": story["data"], "report": str(path), "story": run_view.without_html(story)},
        lambda console: console.print(f"Wrote {path}"),
    )
