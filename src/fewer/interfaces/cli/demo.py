"""``fewer demo``: the whole journey on two worked examples, one real and one simulated."""

from __future__ import annotations

import time
from pathlib import Path

import click
from rich.console import Console
from rich.text import Text

from fewer.interfaces.cli.shell import Shell, common

_MOMENTS = {"grocer": "2017-10-02", "shop": "2026-06-16T00:00Z"}  # the launch of its campaigns


_NEXT = """
Open the report first. Then ask on, from any of the two folders:
  fewer lookback frozen_meals --project {grocer}    which window is worth its people
  fewer discover --project {shop}                   segments nobody thought of, confirmed later
  fewer recommend --diff next.diff --project {shop}   edits for `git apply`
Your own data: fewer init --from FILE"""


@click.command()
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default="demo",
    show_default=True,
    help="Folder for the two projects and the report; earlier ones are used again.",
)
@click.option("--fresh", is_flag=True, help="Delete what an earlier demo left in that folder.")
@common
def demo(shell: Shell, out: Path, fresh: bool) -> None:
    """Run the journey on a real grocer and a simulated shop; end with a report to look at.

    Ingest, audit, build, measure, check claims, and propose segments and next steps.
    """
    from fewer.interfaces.cli import run_view
    from fewer.project import start
    from fewer.project.project import Project

    began = time.monotonic()
    if fresh:
        start.clear_example(out / "grocer")
        start.clear_example(out / "shop")
    stories = []
    for name, moment in _MOMENTS.items():
        shell.err.rule(f"{name}: {'REAL' if name == 'grocer' else 'SIMULATED'} data")
        if not (out / name / "fewer.yaml").exists():
            with shell.err.status(Text(f"making {out / name}")):
                start.example(out / name, name)
        with Project.open(out / name) as project:
            stories.append(run_view.journey(shell, project, as_of=moment, answers=True))
    path = out / "report.html"
    run_view.write_report(stories, path, title="Reach fewer people, the right ones")
    seconds = time.monotonic() - began

    def view(console: Console) -> None:
        run_view.summary(console, stories, path)
        click.echo(_NEXT.format(grocer=out / "grocer", shop=out / "shop"))
        click.echo(f"\n{seconds:.0f} seconds.")

    shell.show(
        {
            "report": str(path),
            "seconds": round(seconds, 1),
            "stories": [run_view.without_html(story) for story in stories],
        },
        view,
    )
