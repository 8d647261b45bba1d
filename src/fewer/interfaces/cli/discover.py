"""``fewer discover``: segments found in the data for a goal, confirmed on later data."""

from __future__ import annotations

import click

from fewer.interfaces.cli.shell import Shell, common


@click.command()
@click.option("--goal", metavar="ID", help="What people should do. Default: the only goal.")
@click.option("--at", metavar="WHEN", help="Discover as at then. Default: the latest possible.")
@click.option("--min", "least", default=200, show_default=True, help="Fewest people of a segment.")
@click.option("--max", "most", default=2000, show_default=True, help="Most people of a segment.")
@click.option("--within", metavar="SPANS", help="Windows to look back. Default: 7d,14d,30d.")
@click.option("--allow", metavar="NAME", multiple=True, help="Use it although it was refused.")
@click.option(
    "--adopt",
    metavar="ID|N",
    multiple=True,
    help="Write it to segments/discovered.yaml. Repeatable.",
)
@click.option("--dry-run", is_flag=True, help="With --adopt: show the change, write nothing.")
@click.option("--clusters", is_flag=True, help="Groups of people who behave alike, to explore.")
@click.option(
    "--like", metavar="SEGMENT", help="How many people resemble a segment's, and how far."
)
@common
def discover(  # noqa: PLR0913  one for each option
    shell: Shell,
    *,
    goal: str | None,
    at: str | None,
    least: int,
    most: int,
    within: str | None,
    allow: tuple[str, ...],
    adopt: tuple[str, ...],
    dry_run: bool,
    clusters: bool,
    like: str | None,
) -> None:
    """Find small segments whose people reach a goal more often than their activity explains.

    Pairs and triples of actions are searched at one moment and confirmed on later outcomes;
    what no longer holds is shown as decayed. Actions that are part of converting are refused and
    named; --allow NAME uses one all the same. What is found is an association, not proof that
    addressing these people changes anything: test it with a holdout.
    """
    from fewer.interfaces.cli import discover_view as view

    if clusters and like:
        raise click.UsageError("Choose one: --clusters or --like SEGMENT.")
    if dry_run and not adopt:
        raise click.UsageError("--dry-run goes with --adopt ID.")
    if adopt and (clusters or like):
        raise click.UsageError("--adopt takes a discovered segment: leave --clusters, --like out.")
    project = shell.project()
    asked = {"goal": goal, "at": at, "least": least, "most": most, "within": within}
    if like:
        with shell.err.status("looking for people who are alike"):
            alike = project.look_alikes(like, **asked)
        shell.show(alike.to_json(), lambda out: view.show_alike(out, alike))
        return
    if clusters:
        with shell.err.status("looking for people who behave alike"):
            groups = project.clusters(**asked)
        shell.show(groups.to_json(), lambda out: view.show_clusters(out, groups, project.zone))
        return
    with shell.err.status("looking at what people did") as status:
        found = project.discover(**asked, allow=allow, tell=status.update)
    if not adopt:
        shell.show(found.to_json(), lambda out: view.show(out, found, project.zone))
        return
    chosen = [
        project.adopt(found.proposed, name, "discovered.yaml", dry_run=dry_run)
        for name in dict.fromkeys(adopt)
    ]
    shell.show(view.adopted_json(chosen), lambda out: view.show_adopted(out, chosen))
