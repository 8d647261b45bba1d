"""``fewer suggest``: ready segments from what the data holds, without any goal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from fewer.interfaces.cli.shell import Shell, common

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from rich.console import Console

    from fewer.project.suggesting import Suggestions


@click.command()
@click.option("--at", metavar="WHEN", help="As at then. Default: the end of the data.")
@click.option("--min", "least", default=200, show_default=True, help="Fewest people of a segment.")
@click.option("--max", "most", default=2000, show_default=True, help="Most people of a segment.")
@click.option("--within", metavar="SPANS", help="Windows to look back. Default: by the data.")
@click.option("--count", "wanted", default=12, show_default=True, help="How many to show.")
@click.option(
    "--adopt",
    metavar="ID|N",
    multiple=True,
    help="Write it to segments/suggested.yaml. Repeatable.",
)
@click.option("--verbose", is_flag=True, help="Also properties that nothing is made of, and why.")
@click.option("--dry-run", is_flag=True, help="With --adopt: show the change, write nothing.")
@common
def suggest(
    shell: Shell,
    *,
    at: str | None,
    least: int,
    most: int,
    within: str | None,
    wanted: int,
    adopt: tuple[str, ...],
    verbose: bool,
    dry_run: bool,
) -> None:
    """Propose ready segments of five types, from what people did; no goal is needed.

    Each has a size in the band, a history of sizes, and little in common with the others. They
    are a beginning, not a finding: nothing is said about who converts. For that, see discover.
    """
    from fewer.interfaces.cli.discover_view import adopted_json, show_adopted

    if dry_run and not adopt:
        raise click.UsageError("--dry-run goes with --adopt ID.")
    project = shell.project()
    with shell.err.status("looking at what people did"):
        found = project.suggest(at=at, least=least, most=most, within=within, wanted=wanted)
    if not adopt:
        shell.show(found.to_json(), lambda out: _show(out, found, project.zone, verbose=verbose))
        return
    chosen = [
        project.adopt(found.segments, name, "suggested.yaml", dry_run=dry_run)
        for name in dict.fromkeys(adopt)
    ]
    shell.show(adopted_json(chosen), lambda out: show_adopted(out, chosen))


def _show(out: Console, found: Suggestions, zone: ZoneInfo, *, verbose: bool) -> None:
    from rich.text import Text

    from fewer.interfaces.cli.discover_view import weeks
    from fewer.project import clock

    out.print(
        Text.assemble(
            (f"{len(found.segments)} ready segments", "bold"),
            f" of {found.least:,} to {found.most:,} people, as at"
            f" {clock.day_words(found.as_of_us, zone)}, of {found.people:,} people in all;"
            f" {found.tried:,} ideas were tried.",
        ),
        soft_wrap=True,
    )
    for number, one in enumerate(found.segments, 1):
        out.print()
        kind = one.segment.type.replace("_", " and ")
        out.print(
            Text.assemble((f"{number}. {one.segment.id}", "bold"), f"  {kind}"), soft_wrap=True
        )
        out.print(Text(f"   {one.segment.title}"), soft_wrap=True)
        out.print(Text(f"   {one.words}", style="dim"), soft_wrap=True)
        line = f"   {one.size:,} people"
        if len(one.sizes) > 1:
            line += f"; {len(one.sizes)} weeks {weeks(out, one.sizes)}"
        if one.segment.variants:
            spans = ", ".join(map(str, one.segment.variants.lookback))
            line += f"; side by side over {spans}"
        out.print(Text(line), soft_wrap=True)
        for shared in one.overlap[:1]:
            text = f"   {shared.of_this:.0%} of them are in {shared.segment} too"
            out.print(Text(text, style="dim"), soft_wrap=True)
    out.print()
    if len(found.segments) > 1:
        line = f"No two have more than {found.alike:.0%} of the people of both in common."
        out.print(Text(line), soft_wrap=True)
    if found.hint:
        out.print(Text(found.hint), soft_wrap=True)
    _refused(out, found, verbose=verbose)
    if found.segments:
        first = found.segments[0].segment.id
        out.print(Text(f"Save one as a segment: fewer suggest --adopt {first}"), soft_wrap=True)


def _refused(out: Console, found: Suggestions, *, verbose: bool) -> None:
    """Properties that nothing was made of: how many, or with `verbose` which and why."""
    from rich.text import Text

    if not found.refused:
        return
    many = len(found.refused)
    if not verbose:
        names = ", ".join(one.property for one in found.refused[:3])
        more = ", ..." if many > 3 else ""  # noqa: PLR2004
        count = "1 property was" if many == 1 else f"{many} properties were"
        line = f"{count} left out ({names}{more}): --verbose says why."
        out.print(Text(line, style="dim"), soft_wrap=True)
        return
    out.print(Text("Left out, as nobody could speak of them:"), soft_wrap=True)
    for one in found.refused:
        out.print(Text(f"  {one.property}: {one.reason}"), soft_wrap=True)
