"""How discovered segments, clusters and look-alikes look in a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.table import Table
from rich.text import Text

from fewer.interfaces.cli.preview_view import _BARS, _PLAIN_BARS, sparkline

if TYPE_CHECKING:
    from fewer.journey.discover.finding import Discovered, Discovery, Rate, Size
    from fewer.project.adopting import Adopted
    from fewer.project.exploring import Alike, Clusters

_STYLE: Final = {"confirmed": "green", "weaker": "green", "decayed": "yellow"}


def show(out: Console, found: Discovery, zone: ZoneInfo) -> None:
    """The list, each with its words, sizes, rates and what a test would need."""
    from fewer.project import clock

    when = clock.day_words(found.discovered_at_us, zone)
    later = found.confirmed_at_us
    confirmed = (
        f"confirmed on {clock.day_words(later, zone)}" if later else "confirmed on half the people"
    )
    out.print(
        Text.assemble(
            (f"{len(found.segments)} segments", "bold"),
            f" for {found.goal} (within {found.window_words}): discovered as at {when},"
            f" {confirmed}.",
        ),
    )
    out.print(
        Text(
            f"{found.tested:,} combinations of {found.features} conditions were tried on"
            f" {found.people:,} people, of whom {found.base_rate:.2%} reach the goal. Expected"
            " is what activity and single actions lead one to expect. The chance that any segment"
            f" listed is a false one is at most {found.level:.0%}.",
            style="dim",
        ),
    )
    for number, one in enumerate(found.segments, 1):
        out.print()
        _one(out, number, one)
    if not found.segments:
        out.print(_nothing(), soft_wrap=True)
    if found.singles:
        out.print()
        out.print(
            Text.assemble(
                ("Single conditions", "bold"),
                f" of that size whose people reach {found.goal} beyond activity and everything"
                " else:",
            )
        )
        for number, one in enumerate(found.singles, len(found.segments) + 1):
            out.print()
            _one(out, number, one)
    _rest(out, found)


def _nothing() -> Text:
    return Text(
        "Nothing goes beyond what activity and single actions explain. That is a finding: for this"
        " goal, choose people by recency and frequency. More people or conversions, another"
        " goal, other windows (--within) or sizes (--min, --max) may show more.",
    )


def _one(out: Console, number: int, one: Discovered) -> None:
    from fewer.journey.discover.finding import WORDS

    style = _STYLE.get(one.status, "")
    out.print(
        Text.assemble((f"{number}. {one.segment.id}", "bold"), "  ", (WORDS[one.status], style)),
        soft_wrap=True,
    )
    out.print(Text(f"   {one.words}"), soft_wrap=True)
    sizes = f"   {one.size:,} people now"
    if len(one.sizes) > 1:
        stable = {True: "steady", False: "unsteady", None: "too few weeks to tell"}[one.stable]
        sizes += f"; {len(one.sizes)} weeks {weeks(out, one.sizes)} ({stable})"
    out.print(Text(sizes), soft_wrap=True)
    out.print(Text(f"   discovery     {_rate(one.discovery)}"), soft_wrap=True)
    if one.confirmation:
        out.print(Text(f"   confirmation  {_rate(one.confirmation)}"), soft_wrap=True)
    for shared in one.overlap:
        out.print(
            Text(f"   {shared.of_this:.0%} of them are in {shared.segment} too"), soft_wrap=True
        )
    out.print(Text(f"   {one.detectable.words}"), soft_wrap=True)


def _rate(rate: Rate) -> str:
    low, high = rate.interval or (0.0, 0.0)
    if rate.share is None:
        return "no one fits the rule"
    return (
        f"{rate.converted:,} of {rate.people:,} reach the goal: {rate.share:.1%}"
        f" ({low:.1%} to {high:.1%}); expected {rate.expected_share or 0:.1%}"
    )


def _rest(out: Console, found: Discovery) -> None:
    out.print()
    for leak in found.leaks:
        out.print(
            Text(
                f"refused: {leak.name}. {leak.words}: part of converting, no sign that someone"
                f" will. --allow '{leak.name}' uses it all the same.",
                style="yellow",
            ),
        )
    for note in found.notes:
        out.print(Text(f"note: {note}", style="yellow"))
    if found.left_out:
        text = f"note: {found.left_out:,} people with very many actions were not searched."
        out.print(Text(text, style="dim"), soft_wrap=True)
    if found.unconfirmed:
        text = f"{len(found.unconfirmed)} more did not hold on later data: --json shows them."
        out.print(Text(text, style="dim"), soft_wrap=True)
    if found.segments or found.singles:
        first = (*found.segments, *found.singles)[0].segment.id
        out.print(
            Text(
                "Adjusted association: these people chose themselves. Whether a campaign changes"
                " what they do, only a holdout tells.\n"
                f"Save one as a segment: fewer discover --goal {found.goal} --adopt {first}"
            ),
            soft_wrap=True,
        )


def weeks(out: Console, sizes: Sequence[Size]) -> str:
    """Sizes as bars, with the first and the last."""
    known = [size.people for size in sizes]
    bars = _BARS if "utf" in out.encoding.lower() else _PLAIN_BARS
    return f"{known[0]:,} {sparkline(known, bars)} {known[-1]:,}"


def adopted_json(several: Sequence[Adopted]) -> dict[str, Any]:
    """The one that was adopted; several as a list."""
    if len(several) == 1:
        return several[0].to_json()
    return {"segments": [one.to_json() for one in several]}


def show_adopted(out: Console, several: Sequence[Adopted]) -> None:
    """What was written, or would be."""
    for one in several:
        _show_adopted(out, one)


def _show_adopted(out: Console, adopted: Adopted) -> None:
    if adopted.written:
        out.print(Text(f"Saved {adopted.segment.id} in {adopted.file}."))
        out.print(
            Text(f"It is a {adopted.segment.status}. Undo: {adopted.undo}.", style="dim"),
            soft_wrap=True,
        )
        out.print(Text(f"See it: fewer preview {adopted.segment.id}", style="dim"))
    else:
        out.print(Text(adopted.diff.rstrip("\n")), soft_wrap=True)


def show_clusters(out: Console, found: Clusters, zone: ZoneInfo) -> None:
    """Groups with their best rule, its precision and recall."""
    from fewer.project import clock

    out.print(
        Text.assemble(
            ("1 group" if len(found.groups) == 1 else f"{len(found.groups)} groups", "bold"),
            f" of {found.people:,} people who behave alike, as at"
            f" {clock.day_words(found.as_of_us, zone)}. A group is no rule: beside each is the rule"
            " that comes nearest to it.",
        ),
        soft_wrap=True,
    )
    for number, group in enumerate(found.groups, 1):
        out.print()
        out.print(
            Text.assemble((f"{number}. {group.people:,} people", "bold"), f": {group.words}"),
            soft_wrap=True,
        )
        out.print(
            Text(
                f"   {group.rule_people:,} people fit the rule; {group.precision:.0%} of them are"
                f" in the group, and {group.recall:.0%} of the group fit it"
                + ("" if group.rate is None else f"; {group.rate:.1%} reach {found.goal}")
            ),
            soft_wrap=True,
        )


def show_alike(out: Console, found: Alike) -> None:
    """People outside a segment by how much they resemble its people."""
    out.print(
        Text.assemble(
            (f"{found.outside:,} people", "bold"),
            f" outside {found.segment} ({found.inside:,} people) were ranked by what its people"
            f" do. A member is ranked above a non-member {found.auc:.0%} of the time, on people"
            " kept aside.",
        ),
        soft_wrap=True,
    )
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("people", "score at least", "times as likely as anyone"):
        table.add_column(heading, justify="right")
    for step in found.steps:
        table.add_row(f"{step.people:,}", f"{step.score:.4f}", f"{step.ratio:.1f}")
    out.print(table)
    out.print(Text("What sets them apart:", style="bold"))
    for words, ratio in found.signals:
        out.print(Text(f"  {words} ({ratio:.1f}x as common among members)"), soft_wrap=True)
