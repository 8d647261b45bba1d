"""``fewer experiment``: plan, register, assign and bring in randomised comparisons."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from fewer.interfaces.cli.experiment_read import read
from fewer.interfaces.cli.shell import Shell, common

_FILE = click.Path(exists=False, dir_okay=False, path_type=Path)


@click.group()
@common
def experiment(_: Shell) -> None:
    """Plan, register and assign experiments, before anything is sent."""


experiment.add_command(read)


def _planned(command: Any) -> Any:
    """Options by which a test that is not written yet is described."""
    for option in (
        click.option("--goal", metavar="ID", help="Try a goal or metric out, without a file."),
        click.option("--segment", "segments", metavar="ID", multiple=True, help="Repeatable."),
        click.option("--holdout", default=20.0, show_default=True, type=click.FloatRange(0.1, 99),
                     help="Percent held out, with --goal."),
        click.option("--region", metavar="NAME", help="By region, with --goal: trait or property."),
        click.option("--slot", metavar="SPAN", help="By time slots of this length, with --goal."),
        click.option("--weeks", default=4, show_default=True, type=click.IntRange(1, 26),
                     help="Length of a run by region or by time, with --goal."),
        click.option("--change", type=float, metavar="PERCENT",
                     help="Change that is worth seeing. Default: what the experiment expects, 26."),
        click.option("--as-of", default="end", show_default=True, metavar="WHEN",
                     help="When people are counted."),
    ):  # fmt: skip
        command = option(command)
    return command


def _design(shell: Shell, experiment_id: str | None, asked: dict[str, Any]) -> Any:
    from fewer.model.experiment import BY_UNIT

    project = shell.project()
    if (experiment_id is None) == (asked["goal"] is None):
        raise click.UsageError(
            "Name an experiment of experiments.yaml, or try one out with --goal."
        )
    if experiment_id is None:
        from fewer.project.designing import draft

        names = ("goal", "segments", "holdout", "region", "slot", "weeks", "as_of")
        one = draft(project, **{name: asked[name] for name in names})
    else:
        one = project.definitions.experiment(experiment_id)
    plans = project.experiments
    by_person = one.tests not in BY_UNIT
    with shell.err.status("looking at the last weeks"):
        found = plans.design if by_person else plans.design_units
        return found(one, as_of=asked["as_of"], change=asked["change"])


@experiment.command("design")
@click.argument("experiment_id", metavar="[ID]", required=False)
@_planned
@click.option("--picture", type=_FILE, metavar="FILE.svg", help="Also draw it.")
@common
def design(shell: Shell, experiment_id: str | None, picture: Path | None, **asked: Any) -> None:
    """Say what can be seen: per segment, per family and for all; or by region, or by time."""
    from fewer.interfaces.cli import experiment_units_view, experiment_view
    from fewer.project.designing_units import UnitDesign

    found = _design(shell, experiment_id, asked)
    if isinstance(found, UnitDesign):
        if picture is not None:
            raise click.UsageError("--picture draws designs by person; take --json for others.")
        shell.show(found.to_json(), lambda out: experiment_units_view.show_unit_design(out, found))
        return
    if picture is not None:
        from fewer.interfaces.cli.experiment_picture import picture as drawn

        _write(picture, drawn(found, simulated=shell.project().settings.data == "simulated"))
        shell.err.print(f"Wrote {picture}")
    shell.show(found.to_json(), lambda out: experiment_view.show_design(out, found))


@experiment.command("plan")
@click.argument("experiment_id", metavar="[ID]", required=False)
@_planned
@click.option("--cpm", type=click.FloatRange(0, min_open=True), help="Per 1,000 impressions.")
@click.option("--ctr", type=click.FloatRange(0, 100, min_open=True), help="Clicks, in percent.")
@click.option("--conversion-rate", type=click.FloatRange(0, 100, min_open=True),
              help="Conversions of clicks, in percent.")  # fmt: skip
@click.option("--match-rate", type=click.FloatRange(0, 100), help="In percent. Default: 50.")
@click.option("--frequency", type=click.FloatRange(0, min_open=True),
              help="Impressions a person a week. Default: 3.")  # fmt: skip
@click.option("--platform", default="meta", show_default=True, help="Whose learning phase counts.")
@common
def plan(shell: Shell, experiment_id: str | None, platform: str, **asked: Any) -> None:
    """The media plan: people, price and conversions a week, and what to do with each segment."""
    from fewer.interfaces.cli import experiment_view
    from fewer.project.designing import media_plan
    from fewer.project.designing_units import UnitDesign

    percents = {name: asked.pop(name) for name in ("ctr", "conversion_rate", "match_rate")}
    given = {name: asked.pop(name) for name in ("cpm", "frequency")}
    given |= {name: None if value is None else value / 100 for name, value in percents.items()}
    prices = {name: value for name, value in given.items() if value is not None}
    found = _design(shell, experiment_id, asked)
    if isinstance(found, UnitDesign):
        raise click.UsageError(
            "A media plan counts people of segments, and this test is by region or time: try"
            " fewer experiment plan --goal GOAL --segment SEGMENT."
        )
    lines = media_plan(shell.project(), found, prices=prices, platform=platform)
    shell.show(
        experiment_view.plan_json(found, lines, platform),
        lambda out: experiment_view.show_plan(out, found, lines, platform),
    )


@experiment.command("register")
@click.argument("experiment_id", metavar="ID")
@click.option("--change", default="", metavar="REASON", help="Why it replaces the one before.")
@common
def register(shell: Shell, experiment_id: str, change: str) -> None:
    """Write down what is to be shown, for good: metric, arms, shares, end, margin, definitions."""
    from fewer.interfaces.cli import experiment_view

    found, new = shell.project().experiments.register(experiment_id, change=change)
    shell.show(
        {"written": new, **found.to_json()},
        lambda out: experiment_view.show_registered(out, found, new=new),
    )


@experiment.command("ls")
@common
def ls(shell: Shell) -> None:
    """List experiments: written, registered, with people."""
    from fewer.interfaces.cli import experiment_view

    listed = shell.project().experiments.listed()
    shell.show({"experiments": listed}, lambda out: experiment_view.show_list(out, listed))


@experiment.command("show")
@click.argument("experiment_id", metavar="ID")
@common
def show(shell: Shell, experiment_id: str) -> None:
    """Show what was registered, checked against its hash, and who was assigned."""
    from fewer.interfaces.cli import experiment_view

    experiments = shell.project().experiments
    found = experiments.get(experiment_id)
    sizes = experiments.sizes(experiment_id)
    shell.show(
        {**found.to_json(), "people": sizes},
        lambda out: experiment_view.show_one(out, found, sizes),
    )


@experiment.command("assign")
@click.argument("experiment_id", metavar="ID")
@click.option("--build", "build_id", metavar="ID", help="Another refresh than the newest.")
@click.option("--add-new", is_flag=True, help="Add people who came since; nobody changes arm.")
@common
def assign(shell: Shell, experiment_id: str, build_id: str | None, add_new: bool) -> None:
    """Put people into arms by the registered rule, once, and show how alike the arms are."""
    from fewer.interfaces.cli import experiment_view

    project = shell.project()
    with shell.err.status("assigning"):
        made = project.experiments.assign(experiment_id, build_id=build_id, add_new=add_new)
    shell.show(made.to_json(), lambda out: experiment_view.show_assigned(out, made, project.zone))


@experiment.command("export")
@click.argument("experiment_id", metavar="ID")
@click.argument("out", type=_FILE)
@click.option("--regions", is_flag=True, help="Regions with their arms, in place of people.")
@common
def export(shell: Shell, experiment_id: str, out: Path, regions: bool) -> None:
    """Write who is in which arm: person, arm, segment, assigned_at; CSV or Parquet.

    Of a test by time its schedule: slot, from, to, arm.
    """
    from fewer.project.experiment_files import write_table
    from fewer.project.unit_files import exported

    project = shell.project()
    table, what = exported(project, project.experiments.assigned(experiment_id), regions=regions)
    write_table(table, out)
    shell.show(
        {"experiment": experiment_id, "file": out.name, what: table.num_rows},
        lambda console: console.print(f"Wrote {table.num_rows:,} {what} to {out}"),
    )


@experiment.command("audience")
@click.argument("experiment_id", metavar="ID")
@click.argument("arm", metavar="ARM")
@click.option("--to", "path", required=True, type=_FILE, help="File to write: .csv or .parquet.")
@click.option("--segment", metavar="ID", help="Only people who count in this segment.")
@click.option(
    "--keys",
    type=click.Choice(["contacts", "person"]),
    help="By e-mail and phone (default when there are any), or the project's own id.",
)
@click.option("--platform", default="plain", show_default=True, help="Whose rules to follow.")
@click.option("--allow-small", is_flag=True, help="Write it even when platforms would refuse it.")
@click.option("--build", "build_id", metavar="ID", help="Another refresh than the newest.")
@common
def audience(shell: Shell, experiment_id: str, arm: str, path: Path, **how: Any) -> None:
    """Write the people of one arm for a platform: hashed, consent and other holdouts respected."""
    from fewer.interfaces.cli.export import sent

    made = shell.project().experiments.export(experiment_id, arm, path, **how)

    def view(out: Any) -> None:
        out.print(f"{made.path}: {sent(made)}")
        for reason, count in made.prepared.removed.items():
            out.print(f"  left out: {reason}: {count:,}")
        out.print(f"  manifest: {made.manifest_path}")

    shell.show(made.manifest, view)


@experiment.command("import")
@click.argument("experiment_id", metavar="ID")
@click.argument("file", type=_FILE)
@click.option("--person", metavar="COLUMN", help="Column with the person's id.")
@click.option("--arm", metavar="COLUMN", help="Column with the arm, by id or name.")
@click.option("--time", metavar="COLUMN", help="Column with the time of assignment, if any.")
@click.option("--at", metavar="WHEN", help="From when outcomes count, without such a column.")
@click.option(
    "--saw",
    metavar="COLUMN",
    help="Column with what was shown: who saw another arm's version is left out.",
)
@common
def import_(shell: Shell, experiment_id: str, file: Path, at: str | None, **columns: Any) -> None:
    """Bring an assignment made elsewhere, once; rows that can't be taken are told by number."""
    from fewer.interfaces.cli import experiment_view
    from fewer.project.experiment_files import import_arms

    with shell.err.status("reading"):
        found = import_arms(shell.project(), experiment_id, file, columns=columns, at=at)
    shell.show(found.to_json(), lambda out: experiment_view.show_imported(out, found))


@experiment.command("import-results")
@click.argument("file", type=_FILE)
@common
def import_results(shell: Shell, file: Path) -> None:
    """Bring results of randomised studies made elsewhere: estimates or counts, by study."""
    from fewer.interfaces.cli import experiment_view
    from fewer.project.experiment_files import import_lifts

    found = import_lifts(shell.project(), file)
    shell.show(
        {"studies": [one.to_json() for one in found]},
        lambda out: experiment_view.show_studies(out, found),
    )


def _write(path: Path, text: str) -> None:
    from fewer.destinations.file import write_atomically

    write_atomically(path, lambda file: file.write(text.encode()))
