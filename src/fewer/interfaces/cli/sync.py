"""``fewer sync``: plan what changes at each destination, look, then apply exactly that."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from fewer.interfaces.cli.shell import Shell, common

if TYPE_CHECKING:
    from fewer.journey.activate.forecast import Forecast
    from fewer.journey.activate.plan import Line, Plan
    from fewer.project.syncing import Applied

EXIT_CHANGES: Final = 3
EXIT_PARTIAL: Final = 4


@click.group()
@common
def sync(_: Shell) -> None:
    """Deliver audiences: plan, explain, apply; nothing is sent that no plan showed."""


@sync.command("forecast")
@click.argument("destinations", nargs=-1, metavar="[DESTINATION]...")
@click.option("--segment", "segments", metavar="ID", multiple=True, help="Only it. Repeatable.")
@common
def forecast(shell: Shell, destinations: tuple[str, ...], segments: tuple[str, ...]) -> None:
    """Say whether each platform will be able to serve each audience, and what to do if not."""
    with shell.err.status("counting identifiers") as status:
        found = shell.project().sync.forecast(
            destinations, segments, tell=lambda words, *_: status.update(words)
        )
    shell.show(
        {"forecasts": [one.to_json() for one in found]}, lambda out: show_forecast(out, found)
    )


@sync.command("plan")
@click.argument("destinations", nargs=-1, metavar="[DESTINATION]...")
@click.option("--segment", "segments", metavar="ID", multiple=True, help="Only it. Repeatable.")
@click.option("--full", is_flag=True, help="Send every row again, whatever was acknowledged.")
@click.option("--verbose", is_flag=True, help="Who is not sent and why, line by line.")
@common
def plan(
    shell: Shell,
    destinations: tuple[str, ...],
    segments: tuple[str, ...],
    full: bool,
    verbose: bool,
) -> int:
    """Say what would change, and freeze it. Exit 3: there are changes; 0: none."""
    with shell.err.status("planning") as status:
        made = shell.project().sync.plan(
            destinations,
            segments,
            again=full,
            tell=lambda words, *_: status.update(words),
        )
    shell.show(made.to_json(), lambda out: show_plan(out, made, verbose=verbose))
    return EXIT_CHANGES if made.changes else 0


@sync.command("apply")
@click.argument("plan_id", metavar="PLAN")
@click.option("--allow-destroy", is_flag=True, help="Also where most of an audience is removed.")
@common
def apply(shell: Shell, plan_id: str, allow_destroy: bool) -> int:
    """Send exactly what PLAN says, or refuse if anything moved. Exit 4: part of it is waiting."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    from fewer.interfaces.cli.stopping import stopping

    bar = Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), console=shell.err
    )
    with stopping(shell) as should_stop, bar:
        task = bar.add_task("sending", total=None)
        found = shell.project().sync.apply(
            plan_id,
            allow_destroy=allow_destroy,
            tell=lambda words, done, total: bar.update(
                task, description=words, completed=done, total=total
            ),
            should_stop=should_stop,
        )
    shell.show(found.to_json(), lambda out: show_applied(out, found))
    return 0 if found.state == "done" and not _refused(found) else EXIT_PARTIAL


@sync.command("status")
@click.option("--ask", is_flag=True, help="Ask platforms what became of what they were sent.")
@common
def status(shell: Shell, ask: bool) -> None:
    """Show what each platform is known to hold, the plans, and what was refused."""
    project = shell.project()
    if ask:
        with shell.err.status("asking"):
            asked = project.sync.reconcile()
        for one in asked:
            if one.error:
                shell.err.print(Text(f"{one.segment} -> {one.destination}: {one.error}", "yellow"))
    found = project.sync.status()
    shell.show(found, lambda out: show_status(out, found))


def _refused(found: Applied) -> int:
    return sum(sum(one.refused.values()) for one in found.results)


def show_forecast(out: Console, found: tuple[Forecast, ...]) -> None:
    """The choice for each audience, then the reasons."""
    table = Table(box=None, pad_edge=False)
    for name in ("segment", "to", "people", "can be sent", "matched", "needed", "chance", "choice"):
        left = name in ("segment", "to", "choice")
        table.add_column(name, justify="left" if left else "right")
    for one in found:
        asked = one.asked
        table.add_row(
            Text(asked.segment),
            Text(asked.destination),
            f"{asked.members:,}",
            f"{asked.sendable:,}",
            f"{one.matched[0]:,}-{one.matched[1]:,}",
            f"{asked.minimum:,}",
            f"{one.chance:.0%}",
            Text(one.choice.value, style="green" if one.choice.value == "send" else "yellow"),
        )
    if not found:
        out.print("No segment is to be sent: approve some, or name them under the destination.")
        return
    out.print(table)
    for one in found:
        if one.choice.value != "send":
            out.print(Text(f"{one.asked.segment}: {one.why}"), soft_wrap=True)
        for finding in one.asked.findings:
            out.print(
                Text(f"{one.asked.segment}: {finding.words}: see the platform's policy", "yellow"),
                soft_wrap=True,
            )
    told = sorted({one.asked.share.source for one in found if not one.asked.share.learned})
    for source in told:
        out.print(Text(f"Shares matched are a guess until a platform says more: {source}", "dim"),
                  soft_wrap=True)  # fmt: skip


def show_plan(out: Console, made: Plan, *, verbose: bool) -> None:
    """A line for each audience, what needs a look, the next step."""
    table = Table(box=None, pad_edge=False)
    for name in ("segment", "to", "people", "can be sent", "add", "remove", "unchanged", ""):
        table.add_column(name, justify="left" if name in ("segment", "to", "") else "right")
    for line in made.lines:
        said, style = _said(line)
        table.add_row(
            Text(line.segment),
            Text(line.destination),
            f"{line.members:,}",
            f"{line.sendable:,}",
            "-" if line.blocked else f"{len(line.change.add):,}",
            "-" if line.blocked else f"{len(line.change.remove):,}",
            "-" if line.blocked else f"{line.change.unchanged:,}",
            Text(said, style=style),
        )
    if made.lines:
        out.print(table)
    for line in made.lines if verbose else ():
        _details(out, line)
    for note in made.notes:
        out.print(Text(note, style="yellow"), soft_wrap=True)
    if made.changes:
        more = " --allow-destroy" if made.destroys else ""
        out.print(Text(f"Nothing was sent. Send it: fewer sync apply {made.id}{more}"))
    elif made.lines:
        out.print("Nothing to send: every platform holds what it should.")


def _said(line: Line) -> tuple[str, str]:
    if line.blocked:
        return line.blocked, "yellow"
    if line.change.destroys:
        return "removes more than half", "red"
    return (line.warnings[0], "yellow") if line.warnings else ("", "")


def _details(out: Console, line: Line) -> None:
    out.print(Text(f"{line.segment} -> {line.destination}", style="bold"))
    for reason, many in line.removed.items():
        out.print(Text(f"  not sent: {reason}: {many:,} people"))
    for reason, many in line.change.removed_why.items():
        out.print(Text(f"  removed: {reason}: {many:,} rows"))
    for column, many in line.coverage.items():
        out.print(Text(f"  have {column}: {many:,} people"))
    for kind, reasons in line.unusable.items():
        for reason, many in reasons.items():
            out.print(Text(f"  unusable {kind}: {reason}: {many:,}"))


def show_applied(out: Console, found: Applied) -> None:
    """What came of it, audience by audience."""
    if found.data == "simulated":
        out.print(Text("Simulated data.", style="yellow"))
    for one in found.results:
        words = f"{one.segment} -> {one.destination}: {one.accepted:,} of {one.sent:,} rows taken"
        if one.waiting:
            words += f", {one.waiting:,} waiting"
        out.print(Text(words, style="red" if one.error else ""))
        for reason, many in one.refused.items():
            out.print(Text(f"  refused: {reason}: {many:,} rows", style="yellow"))
        if one.error:
            out.print(Text(f"  {one.error}", style="red"), soft_wrap=True)
    if found.state != "done":
        out.print(Text(f"Go on: fewer sync apply {found.plan}"))
    elif not found.results:
        out.print("It was applied before: nothing was sent.")


def show_status(out: Console, found: Any) -> None:
    """Audiences, then plans."""
    table = Table(box=None, pad_edge=False)
    for name in ("segment", "at", "rows", "uncertain", "matched"):
        table.add_column(name, justify="left" if name in ("segment", "at") else "right")
    for one in found["audiences"]:
        table.add_row(
            Text(one["segment"]),
            Text(one["destination"]),
            f"{one['rows']:,}",
            f"{one['uncertain']:,}" if one["uncertain"] else "",
            "" if one["matched"] is None else f"{one['matched']:,} of {one['of']:,}",
        )
    out.print(table if found["audiences"] else "Nothing was sent yet.")
    for one in found["plans"][:10]:
        out.print(Text(f"{one['plan']}  {one['created']}  {one['state']}"))
        for refused in one["refused"]:
            out.print(Text(
                f"  refused: {refused['reason']}: {refused['rows']:,} rows"
                f" ({refused['operation']})", style="yellow",
            ))  # fmt: skip
