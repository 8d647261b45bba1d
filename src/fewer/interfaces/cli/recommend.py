"""``fewer recommend``: what to do next with each segment, and the edit that does it."""

from __future__ import annotations

from pathlib import Path

import click

from fewer.interfaces.cli.shell import Shell, common


@click.command()
@click.argument("segments", metavar="[SEGMENT]...", nargs=-1)
@click.option("--goal", metavar="ID", help="The goal that decides. Default: the first one.")
@click.option("--since", metavar="BUILD", help="Oldest refresh to look at. Default: the last 8.")
@click.option(
    "--diff",
    "diff_file",
    metavar="FILE",
    type=click.Path(dir_okay=False, allow_dash=True, path_type=Path),
    help="Write the edits as a diff for `git apply`; - is standard output.",
)
@click.option("--no-windows", is_flag=True, help="Compare no lookback windows: it takes longest.")
@click.option("--verbose", is_flag=True, help="All that is known behind each verdict.")
@click.option("--dry-run", is_flag=True, help="Change nothing. It never does: git applies diffs.")
@common
def recommend(  # noqa: PLR0917  click hands options over by name
    shell: Shell,
    segments: tuple[str, ...],
    goal: str | None,
    since: str | None,
    diff_file: Path | None,
    no_windows: bool,
    verbose: bool,
    dry_run: bool,  # noqa: ARG001  said for whoever looks for it
) -> None:
    """Keep, scale, stop, widen, narrow, split, change window, fix data or test: each with why.

    With a SEGMENT, everything behind its verdict and the edit.
    """
    from fewer.interfaces.cli import recommend_view

    project = shell.project()
    with shell.err.status("looking") as status:
        found = project.recommend(
            segments,
            goal=goal,
            since=since,
            compare_windows=not no_windows,
            tell=lambda words, *_: status.update(words),
        )
    to_stdout = str(diff_file) == "-"
    if diff_file is not None and not to_stdout:
        diff_file.write_bytes(found.diff.text.encode())
    if to_stdout and not shell.as_json:
        click.echo(found.diff.text, nl=False)
        return
    shell.show(
        found.to_json(),
        lambda out: recommend_view.show(
            out, found, details=verbose or bool(segments), diff_file=diff_file
        ),
    )
