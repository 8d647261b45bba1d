"""How recommendations look in a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from pathlib import Path

    from fewer.journey.measure.recommend.verdict import Recommendation
    from fewer.project.recommending import Recommended

_STYLE = {
    "fix data": "bold red",
    "stop": "red",
    "scale": "green",
    "keep": "green",
    "test it": "cyan",
    "nothing to say yet": "dim",
}
_EDIT = "yellow"


def show(out: Console, found: Recommended, *, details: bool, diff_file: Path | None) -> None:
    """One line each, most valuable first; with `details` all that is behind it."""
    verdicts = found.verdicts
    out.print(Text(_title(found)))
    if verdicts.pooled is not None:
        out.print(Text(f"All {verdicts.comparisons} tested together: {verdicts.pooled.words}"))
    for note in verdicts.notes:
        out.print(Text(note, style=_EDIT))
    out.print()
    if details:
        for one in verdicts.recommendations:
            _whole(out, one, found)
    else:
        out.print(_table(verdicts.recommendations))
    _edits(out, found, details=details, diff_file=diff_file)


def _title(found: Recommended) -> str:
    mark = " · SIMULATED DATA" if found.data == "simulated" else ""
    goal = found.verdicts.programme.goal
    measured = f" measured from {found.measured_as_of}" if found.measured else " not measured"
    by = f", by {goal!r}{measured}" if goal else ""
    looked = "1 refresh" if len(found.history) == 1 else f"{len(found.history)} refreshes"
    return f"As at {found.as_of}{by}, {looked} looked at{mark}"


def _table(recommendations: tuple[Recommendation, ...]) -> Table:
    table = Table(box=None, pad_edge=False, expand=True)
    for name in ("verdict", "segment", "why", "expected gain"):
        if name == "why":  # cut where it is narrow; whole for one segment, or with --verbose
            table.add_column(name, no_wrap=True, overflow="ellipsis", ratio=1)
        else:
            table.add_column(name, no_wrap=True, width=_width(name, recommendations))
    for one in recommendations:
        verdict = Text(one.action.value, style=_STYLE.get(one.action.value, _EDIT))
        gain = one.gain.short if one.gain else ""
        table.add_row(verdict, Text(one.segment), Text(one.headline), Text(gain))
    return table


def _width(column: str, recommendations: tuple[Recommendation, ...]) -> int:
    texts = {
        "verdict": [one.action.value for one in recommendations],
        "segment": [one.segment for one in recommendations],
        "expected gain": [one.gain.short for one in recommendations if one.gain],
    }
    return max(map(len, [column, *texts[column]]))


def _whole(out: Console, one: Recommendation, found: Recommended) -> None:
    verdict = Text(one.action.value, style=_STYLE.get(one.action.value, _EDIT))
    out.print(Text.assemble((one.segment, "bold"), f" · {one.title}: ", verdict))
    lines = [
        ("", one.reason),
        ("expected gain: ", one.gain.words if one.gain else ""),
        ("cost: ", _cost(one)),
        ("at stake: ", f"{one.stake.size}, whatever causes them" if one.stake else ""),
        ("if it is wrong: ", one.wrong),
        ("it would take: ", one.takes),
        *(("also: ", f"{other.action.value}: {other.headline}") for other in one.also),
    ]
    for name, text in lines:
        if text:
            out.print(Padding(Text.assemble((name, "dim"), text), (0, 0, 0, 2)))
    text = found.diff.by_segment.get(one.segment, "")
    if text:
        out.print(Padding(Text(text.rstrip("\n")), (0, 0, 0, 2)))
    out.print()


def _cost(one: Recommendation) -> str:
    """What changes in spend a week, or why nobody can say."""
    if one.cost is None:
        return f"not known: {one.cost_note}" if one.cost_note else ""
    return f"{one.cost.words}, {one.cost_note}"


def _edits(out: Console, found: Recommended, *, details: bool, diff_file: Path | None) -> None:
    for segment, why in found.diff.left_out.items():
        out.print(Text(f"{segment}: {why}", style=_EDIT))
    test = found.diff.experiment
    many = len(found.diff.by_segment) + bool(test)
    if not many:
        return
    edits = "1 edit" if many == 1 else f"{many} edits"
    if test:
        if not details:
            out.print()
        segments = "1 segment" if found.diff.tested == 1 else f"{found.diff.tested} segments"
        out.print(
            Text(
                f"The edits write the test of {segments} as experiment {test!r}; then:"
                f" fewer experiment register {test}"
            )
        )
    if diff_file is not None:
        out.print(Text(f"Wrote {edits} to {diff_file}. Apply: git apply {diff_file}"))
    elif not details:
        out.print()
        out.print(Text(f"{edits}: fewer recommend --diff edits.diff, then git apply edits.diff"))
