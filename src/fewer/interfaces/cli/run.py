"""``fewer run``: the whole journey, from files to a report."""

from __future__ import annotations

from pathlib import Path

import click

from fewer.interfaces.cli.shell import Shell, common


@click.command()
@click.option("--as-of", metavar="WHEN", help="As for `fewer build`.")
@click.option(
    "--report",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where to write the HTML report. Default: report.html in the project.",
)
@click.option(
    "--exports",
    type=click.Path(file_okay=False, path_type=Path),
    help="Also write every segment inside its size guard here, with hashed identifiers.",
)
@common
def run(shell: Shell, as_of: str | None, report: Path | None, exports: Path | None) -> None:
    """Ingest, audit, build, exclude, tailor, measure and report, in one go."""
    from fewer.interfaces.cli import run_view
    from fewer.interfaces.cli.build import _offer_end

    story = run_view.journey(
        shell,
        shell.project(),
        as_of=(lambda: _offer_end(shell)) if as_of is None else as_of,
        exports=exports,
    )
    path = report or shell.project().folder.root / "report.html"
    run_view.write_report([story], path, title=story["name"])
    shell.show(
        {"data": story["data"], "report": str(path), "story": run_view.without_html(story)},
        lambda out: run_view.summary(out, [story], path),
    )
