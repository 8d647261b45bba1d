"""``fewer segments``: look at the newest refresh, or at an older one with ``--build``."""

from __future__ import annotations

from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from fewer.interfaces.cli.shell import Shell, common

_BUILD = click.option("--build", "build_id", metavar="ID", help="Another refresh: see `ls --all`.")


@click.group()
@common
def segments(_: Shell) -> None:
    """List, show, size, members, sample, overlap, why, sql: on the newest refresh."""


@segments.command("ls")
@click.option("--all", "everything", is_flag=True, help="List the refreshes instead.")
@_BUILD
@common
def list_segments(shell: Shell, everything: bool, build_id: str | None) -> None:
    """List segments with their sizes."""
    project = shell.project()
    if everything:
        from fewer.project import clock

        builds = project.builds()
        moments = [clock.words(b.as_of_us, project.zone) for b in builds]
        rows = [
            {
                "build": b.id,
                "as_of": moment,
                "segments": len(b.sizes),
                "universe": b.universe,
                "fingerprint": b.fingerprint,
                "seconds": round(b.seconds, 3),
            }
            for b, moment in zip(builds, moments, strict=True)
        ]

        def view(out: Console) -> None:
            table = Table("refresh", "as at", "segments", "fingerprint", box=None, pad_edge=False)
            for b, moment in zip(builds, moments, strict=True):
                table.add_row(b.id, moment, f"{len(b.sizes):,}", b.fingerprint)
            out.print(table)

        shell.show({"builds": rows}, view)
        return
    from fewer.interfaces.cli.build_view import show as show_build

    snapshot = project.snapshot(build_id)
    shell.show({"data": snapshot.data, **snapshot.to_json()}, lambda out: show_build(out, snapshot))


@segments.command("show")
@click.argument("segment")
@_BUILD
@common
def show(shell: Shell, segment: str, build_id: str | None) -> None:
    """Show a segment: its rule in words, size, people removed by reason."""
    snapshot = shell.project().snapshot(build_id)
    found = snapshot.segment(segment)

    def view(out: Console) -> None:
        out.print(Text(found.title, style="bold"), Text(f"({found.id}, {found.type})"))
        out.print(Text(found.tree))
        table = Table("", "removed", "people", box=None, pad_edge=False)
        table.add_row("matched", "", f"{found.matched_size:,}")
        for step in found.funnel:
            table.add_row(f"less {step.title}", f"-{step.removed:,}", f"{step.remaining:,}")
        out.print(table)
        cost = f"its share of the refresh: {found.seconds:.3f} s, {found.rows:,} rows"
        out.print(Text(cost, style="dim"))
        for line in (*found.warnings, *map(str, found.proposals)):
            out.print(Text(line, style="yellow"))

    shell.show({"data": snapshot.data, "as_of": snapshot.as_of, **found.to_json()}, view)


@segments.command("size")
@click.argument("segment")
@_BUILD
@common
def size(shell: Shell, segment: str, build_id: str | None) -> None:
    """Print how many people are in a segment."""
    snapshot = shell.project().snapshot(build_id)
    people = snapshot.size(segment)
    shell.show(
        {"data": snapshot.data, "segment": segment, "as_of": snapshot.as_of, "people": people},
        lambda _: click.echo(people),
    )


@segments.command("members")
@click.argument("segment")
@_BUILD
@common
def members(shell: Shell, segment: str, build_id: str | None) -> None:
    """Print every person's id in a segment, a line each."""
    snapshot = shell.project().snapshot(build_id)
    keys = snapshot.members(segment).to_pylist()
    shell.show(
        {"data": snapshot.data, "segment": segment, "as_of": snapshot.as_of, "members": keys},
        lambda _: click.echo("\n".join(keys)) if keys else None,
    )


@segments.command("sample")
@click.argument("segment")
@click.option("-n", "count", default=5, type=click.IntRange(1, 1000), help="How many people.")
@_BUILD
@common
def sample(shell: Shell, segment: str, count: int, build_id: str | None) -> None:
    """Print a few people of a segment: always the same ones for the same refresh."""
    snapshot = shell.project().snapshot(build_id)
    keys = snapshot.sample(segment, count)
    shell.show(
        {"data": snapshot.data, "segment": segment, "as_of": snapshot.as_of, "sample": keys},
        lambda _: click.echo("\n".join(keys)) if keys else None,
    )


@segments.command("overlap")
@click.argument("segment", nargs=-1)
@_BUILD
@common
def overlap(shell: Shell, segment: tuple[str, ...], build_id: str | None) -> None:
    """Count the people that segments have in common; all segments when none is named."""
    snapshot = shell.project().snapshot(build_id)
    found = snapshot.overlap(segment)

    def view(out: Console) -> None:
        table = Table("segment", "and", box=None, pad_edge=False)
        for heading in ("in both", "of the first", "of the second"):
            table.add_column(heading, justify="right")
        shown = [pair for pair in found if pair.both or segment]
        for pair in shown:
            shares = (f"{pair.of_first:.0%}", f"{pair.of_second:.0%}")
            table.add_row(pair.first, pair.second, f"{pair.both:,}", *shares)
        out.print(table)
        if len(shown) < len(found):
            out.print(Text(f"{len(found) - len(shown):,} pairs have no one in common", style="dim"))

    shell.show(
        {"data": snapshot.data, "as_of": snapshot.as_of, "overlap": [p.to_json() for p in found]},
        view,
    )


@segments.command("why")
@click.argument("names", nargs=-1, required=True, metavar="[SEGMENT] PERSON")
@_BUILD
@common
def why(shell: Shell, names: tuple[str, ...], build_id: str | None) -> None:
    """Say why PERSON is or isn't in SEGMENT: every condition, and the events that decided.

    Without SEGMENT: which segments the person is in, which rules fit, and who removed them.
    """
    if len(names) > 2:  # noqa: PLR2004  a segment and a person
        raise click.UsageError("Name one segment and one person, or one person.")
    *segments_named, person = names
    project = shell.project()
    if not segments_named:
        standings = project.standings(person, build_id=build_id)
        shell.show(
            {"data": project.settings.data, "segments": [s.to_json() for s in standings]},
            lambda out: _show_standings(out, standings),
        )
        return
    answer = project.why(segments_named[0], person, build_id=build_id)
    shell.show(
        {"data": project.settings.data, **answer.to_json()},
        lambda out: _show_why(out, answer),
    )


def _show_standings(out: Console, standings: Any) -> None:
    for standing in standings:
        mark = Text("yes ", style="green") if standing.member else Text("no  ", style="dim")
        out.print(mark.append(Text(f"{standing.segment}: {standing.words}", style="default")))
    out.print("Why exactly: `fewer segments why SEGMENT PERSON`.")


def _show_why(out: Console, answer: Any) -> None:
    verdict = "is" if answer.member else "is not"
    segment = (answer.segment, "bold")
    out.print(Text.assemble(f"This person {verdict} in ", segment, f" as at {answer.as_of_words}."))
    if answer.note:
        out.print(Text(answer.note, style="yellow"))
    out.print(Text(answer.tree()), soft_wrap=True)


@segments.command("sql")
@click.argument("segment")
@click.option("--as-of", metavar="WHEN", help="Default: that of the newest refresh, else end.")
@click.option("--dialect", default="duckdb", show_default=True, help="SQL dialect.")
@common
def sql(shell: Shell, segment: str, as_of: str | None, dialect: str) -> None:
    """Print one standalone query for the people of a segment."""
    project = shell.project()
    text = project.sql(segment, as_of=as_of, dialect=dialect)
    shell.show({"segment": segment, "dialect": dialect, "sql": text}, lambda _: click.echo(text))
