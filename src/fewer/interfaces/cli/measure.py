"""``fewer measure``: what segments did after the moment they were computed at."""

from __future__ import annotations

import click

from fewer.interfaces.cli.shell import Shell, common


@click.command()
@click.option("--goal", metavar="ID", multiple=True, help="Only this goal; repeatable.")
@click.option("--gap", metavar="SPAN", help="Pause before outcomes count, such as 1d.")
@click.option(
    "--sequential",
    is_flag=True,
    help="Read experiments every day: wider intervals that hold at all looks together.",
)
@click.option("--build", "build_id", metavar="ID", help="Another refresh than the newest.")
@common
def measure(
    shell: Shell, goal: tuple[str, ...], gap: str | None, build_id: str | None, *, sequential: bool
) -> None:
    """What came of each segment, and what it cost: intervals and evidence on every figure.

    Conclusions first, then tables. Only randomised comparisons are called lift.
    """
    from fewer.interfaces.cli import measure_view

    project = shell.project()
    with shell.err.status("measuring"):
        measured = project.measure(goals=goal, gap=gap, build_id=build_id, sequential=sequential)
    shell.show(measured.to_json(), lambda out: measure_view.show(out, measured))
