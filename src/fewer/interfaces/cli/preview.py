"""``fewer preview``: how many people a rule fits, before it is a segment."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from fewer.interfaces.cli.shell import Shell, common

_FROM_PIPE = "-"


@click.command()
@click.argument("segment", required=False, metavar="[SEGMENT | -]")
@click.option("--where", metavar="YAML", help="A condition: --where '{did: purchase, within: 7d}'.")
@click.option(
    "-f",
    "--file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A file with one condition or one segment.",
)
@click.option("--as-of", metavar="WHEN", help="As for `fewer build`.")
@click.option("--exclude", metavar="ID", multiple=True, help="Leave out its people; repeatable.")
@click.option("--no-exclude-defaults", is_flag=True, help="Without the project's own exclusions.")
@click.option(
    "--history",
    default=30,
    show_default=True,
    type=click.IntRange(0, 730),
    help="Sizes on so many days back; 0: none.",
)
@click.option(
    "--sample",
    default=5,
    show_default=True,
    type=click.IntRange(0, 1000),
    help="Ids of so many people.",
)
@click.option("--no-overlap", is_flag=True, help="Without people in common with other segments.")
@click.option("--engine", metavar="NAME", help="Engine to ask. Default: embedded.")
@common
def preview(  # noqa: PLR0913  one for each option
    shell: Shell,
    *,
    segment: str | None,
    where: str | None,
    file: Path | None,
    as_of: str | None,
    exclude: tuple[str, ...],
    no_exclude_defaults: bool,
    history: int,
    sample: int,
    no_overlap: bool,
    engine: str | None,
) -> None:
    """Count the people whom a rule fits, at once and exactly; nothing is saved.

    The rule is a segment of the project by its id, a condition given with --where, a file, or
    standard input (-). Shown are its size, who is removed by exclusions, its size on each of the
    last 30 days, people in common with other segments, and a few people's ids.
    """
    from fewer.interfaces.cli import preview_view
    from fewer.interfaces.cli.build import _offer_end
    from fewer.interfaces.cli.stopping import stopping

    project = shell.project()
    rule, place = _rule(segment, where, file)
    previewer = project.previewer(_offer_end(shell) if as_of is None else as_of, engine=engine)
    found = previewer.preview(
        rule if place else previewer.segment(str(rule)),
        exclude=exclude,
        exclude_defaults=not no_exclude_defaults,
        shown=preview_view.shown(history, sample, overlap=not no_overlap),
        file=place,
    )
    with stopping(shell) as should_stop, preview_view.progress(shell) as progress:
        found.history(progress=progress, should_stop=should_stop)
    shell.show(
        {"data": project.settings.data, **found.to_json()},
        lambda out: preview_view.show(out, found, project.zone),
    )


def _rule(
    segment: str | None, where: str | None, file: Path | None
) -> tuple[str | bytes, str | None]:
    """The rule as text and what errors call its place; the id of a segment has none."""
    given = [one for one in (segment, where, file) if one is not None]
    if len(given) != 1:
        raise click.UsageError(
            "Name one rule: a SEGMENT, --where YAML, -f FILE, or - for standard input."
        )
    if where is not None:
        return where, "--where"
    if file is not None:
        return file.read_bytes(), str(file)
    if segment == _FROM_PIPE:
        return sys.stdin.buffer.read(), "<stdin>"
    return str(segment), None
