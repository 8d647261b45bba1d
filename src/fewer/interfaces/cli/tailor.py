"""``fewer tailor``: the message for each person's last action."""

from __future__ import annotations

from typing import Any

import click
from rich.console import Console
from rich.text import Text

from fewer.interfaces.cli.shell import Shell, common


@click.group()
@common
def tailor(_: Shell) -> None:
    """Messages made from creatives and each person's last action."""


@tailor.command("preview")
@click.argument("segment", nargs=-1)
@click.option("-n", "count", default=5, type=click.IntRange(1, 100), help="Messages to show.")
@click.option("--build", "build_id", metavar="ID", help="Another refresh than the newest.")
@common
def preview(shell: Shell, segment: tuple[str, ...], count: int, build_id: str | None) -> None:
    """Show who gets which message; every member is checked against the platform's limits."""
    project = shell.project()
    with shell.err.status("writing every member's message"):
        sheets = project.tailor(segments=segment, build_id=build_id)

    def view(out: Console) -> None:
        if not sheets:
            out.print("No creative is for these segments. Write one in creatives/.")
        for sheet in sheets:
            _show(out, sheet, count)

    payload = {
        "data": project.settings.data,
        "sheets": [{**s.summary(), "messages": s.summary()["messages"][:count]} for s in sheets],
    }
    shell.show(payload, view)


def _show(out: Console, sheet: Any, count: int) -> None:
    out.print(
        Text(f"{sheet.segment}", style="bold"),
        Text(
            f"{sheet.format}: {sheet.told:,} of {sheet.members:,} people get a message,"
            f" {sheet.fallbacks:,} of them the fallback"
        ),
    )
    for message in sheet.preview(count):
        kind = f"{message.creative}{' (fallback)' if message.is_fallback else ''}"
        out.print(Text(f"  {message.people:,} people, {kind}", style="dim"))
        for name, lines in message.texts.items():
            for line in lines:
                out.print(Text(f"    {name}: {line}"), soft_wrap=True)
    for trouble in sheet.troubles:
        out.print(
            Text(
                f"  {trouble.place}: {trouble.reason}: {trouble.people:,} people"
                f" ({'fallback' if trouble.has_fallback else 'no message'})",
                style="yellow",
            )
        )
    for reason, people in sheet.without.items():
        out.print(Text(f"  no message: {reason}: {people:,} people", style="yellow"))
