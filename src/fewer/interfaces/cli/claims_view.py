"""How claims look in a terminal: a table of verdicts, and each one's reasons below."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from fewer.journey.measure.claims.verdict import Verdict

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from fewer.journey.measure.claims.result import ClaimResult, ClaimTable, Side
    from fewer.project.claims_file import Drafted

_STYLE: Final = {
    Verdict.SUPPORTED: "green",
    Verdict.CONTRADICTED: "red",
    Verdict.CANNOT_TELL: "yellow",
    Verdict.REFUSED: "bold red",
}

_SHORT: Final = {Verdict.CANNOT_TELL: "can't tell"}  # so that a row fits a terminal


def drafted(out: Console, made: Drafted) -> None:
    """What was written, and what to do next."""
    out.print(f"Wrote {made.path.name}: {', '.join(made.ids)}.")
    for one in made.lacking:
        out.print(Text(f"{one.id} is not in it: {one.because}. It would take {one.needed}."))
    out.print("Look through it, then check it: fewer claims")


def show(out: Console, table: ClaimTable, *, in_full: Collection[str] = ()) -> None:
    """A row a claim, then why; of those in `in_full` also how each was measured."""
    mark = " · SIMULATED DATA" if table.data == "simulated" else ""
    out.print(_verdicts(table, f"Claims, checked on this data{mark}"))
    for several in _alike(table.claims, in_full):
        out.print()
        for claim in several:
            title = f": {claim.title}" if claim.title != claim.id else ""
            out.print(Text.assemble((claim.id, "bold"), title))
        for line, style in _lines(several[0]):
            out.print(Padding(Text(line, style=style), (0, 0, 0, 2)))
        if several[0].id in in_full:
            out.print(Padding(_design(several[0]), (0, 0, 0, 2)))
    for test in dict.fromkeys(claim.test for claim in table.claims if claim.test):
        out.print()
        out.print(Text(test))


def _alike(
    claims: Sequence[ClaimResult], in_full: Collection[str]
) -> Iterator[Sequence[ClaimResult]]:
    """Claims one by one, but those together of which the same and nothing else is to be said."""
    together: dict[object, list[ClaimResult]] = {}
    for claim in claims:
        alone = claim.ratio is not None or claim.id in in_full
        together.setdefault(claim.id if alone else tuple(_lines(claim)), []).append(claim)
    yield from together.values()


def _verdicts(table: ClaimTable, title: str) -> Table:
    shown = Table(title=title, title_justify="left", box=None, pad_edge=False)
    for name in ("claim", "says", "group", "against", "naive", "ratio", "95 % interval", "verdict"):
        left = name in ("claim", "verdict")
        style = "dim" if name == "naive" else ""
        shown.add_column(name, justify="left" if left else "right", style=style, no_wrap=not left)
    for claim in table.claims:
        shown.add_row(
            Text(claim.id),
            claim.size,
            _rate(claim.group),
            _rate(claim.against),
            claim.naive.number if claim.naive else "-",
            claim.ratio.number if claim.ratio else "-",
            claim.ratio.interval.partition(":")[0] if claim.ratio else "-",
            Text(_SHORT.get(claim.verdict, claim.verdict.value), style=_STYLE[claim.verdict]),
        )
    return shown


def _rate(side: Side | None) -> str:
    return side.rate.number if side and side.rate else "-"


def _lines(claim: ClaimResult) -> list[tuple[str, str]]:
    lines = [(f"{claim.verdict.value}: {claim.because}.", _STYLE[claim.verdict])]
    if claim.needed:
        lines.append((f"It would take {claim.needed}.", ""))
    lines += [(sentence, "") for sentence in claim.further]
    lines += [(f"Note: {note}.", "dim") for note in claim.notes]
    return lines


def _design(claim: ClaimResult) -> Table:
    shown = Table(box=None, pad_edge=False, show_header=False)
    shown.add_column(style="dim")
    shown.add_column(overflow="fold")
    for what, words in claim.design:
        shown.add_row(what, Text(words))
    for name, side in (("group", claim.group), ("against", claim.against)):
        if side and side.people:
            counted = (
                f"{side.converted:,} conversions in {side.looked:,} looks at {side.people:,} people"
            )
            shown.add_row(f"counted, {name}", counted)
    if claim.ratio:
        shown.add_row("evidence", f"{claim.label.value}: {claim.label.meaning}")
    return shown
