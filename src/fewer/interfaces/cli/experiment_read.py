"""``fewer experiment read``: a finished test in one file, no project needed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from fewer.interfaces.cli.shell import Shell, common

if TYPE_CHECKING:
    from fewer.journey.measure.figure import Figure
    from fewer.journey.measure.trial.trial import Result, Trial

_SHARE = "ARM=SHARE"


@click.command("read")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--arm", metavar="COLUMN", help="Column with the arm.")
@click.option("--control", metavar="VALUE", help="Arm that the others are held against.")
@click.option("--person", metavar="COLUMN", help="Column that says who.")
@click.option("--metric", "metrics", metavar="COLUMN", multiple=True,
              help="Column with an outcome: yes or no, or an amount. Repeatable.")  # fmt: skip
@click.option("--before", metavar="COLUMN", multiple=True,
              help="Column known before the test: checks arms, takes away noise.")  # fmt: skip
@click.option("--split", "split", metavar=_SHARE, multiple=True,
              help="Planned shares, such as control=1 test=9. Default: equal.")  # fmt: skip
@click.option("--saw", metavar="COLUMN",
              help="Column with what was shown: who saw another's is left out.")  # fmt: skip
@click.option("--cap", type=click.FloatRange(50, 100, max_open=True), metavar="PERCENT",
              help="Cut amounts down to this percentile, such as 99.9.")  # fmt: skip
@click.option("--not-random", is_flag=True, help="Chance did not make the arms: associations.")
@click.option("--picture", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE.svg",
              help="Also draw the ratios.")  # fmt: skip
@common
def read(
    shell: Shell,
    file: Path,
    split: tuple[str, ...],
    cap: float | None,
    not_random: bool,
    picture: Path | None,
    **columns: Any,
) -> None:
    """Judge a finished test in FILE (CSV, Parquet): its split first, then what each arm changed."""
    from fewer.journey.measure.trial.roles import Asked
    from fewer.project.reading_trial import read_trial

    asked = Asked(split=_shares(split), **columns)
    with shell.err.status("reading"):
        found = read_trial(
            file, asked, random=not not_random, cap=None if cap is None else cap / 100
        )
    if picture is not None:
        from fewer.destinations.file import write_atomically

        drawn = _forest(found).encode()
        write_atomically(picture, lambda out: out.write(drawn))
        shell.err.print(f"Wrote {picture}")
    shell.show(found.to_json(), lambda out: show(out, found))


def _shares(given: tuple[str, ...]) -> dict[str, float]:
    found = {}
    for one in given:
        name, equals, share = one.rpartition("=")
        try:
            found[name] = float(share)
        except ValueError:
            equals = ""
        if not equals or not 0 < found[name] < float("inf"):
            raise click.UsageError(f"--split takes {_SHARE} with a share above 0, not {one!r}.")
    return found


def show(out: Console, found: Trial) -> None:
    """What it was read as, the split, the figures, and a sentence for each."""
    people = len(found.read.people.arm)
    out.print(
        Text.assemble(
            (found.read.file, "bold"),
            f": {found.read.rows:,} rows, {people:,} people in {len(found.roles.arms)} arms of"
            f" {found.roles.arm!r}.",
        ),
        soft_wrap=True,
    )
    for reason, number in found.read.left_out.items():
        out.print(Text(f"  left out: {number:,} {reason}"))
    if found.read.several_rows:
        out.print(
            Text(
                f"  {found.read.several_rows:,} people have several rows: amounts were added up,"
                " yes counts once"
            ),
            soft_wrap=True,
        )
    for gate in found.gates:
        style = "red" if gate.broken else ""
        out.print(Text(f"Split {gate.words}", style=style), soft_wrap=True)
    for warning in found.warnings:
        out.print(Text(f"! {warning}", style="red" if found.broken else "yellow"), soft_wrap=True)
    out.print()
    if found.broken:
        out.print(Text("No figure is shown: repair the split first.", style="red"))
    else:
        out.print(_table(found))
        for one in found.results:
            style = "bold" if one.said in ("more", "less") else ""
            out.print(Text(one.sentence, style=style), soft_wrap=True)
            for note in one.notes if one.said != "withheld" else ():
                out.print(Text(f"  {note}", style="dim"), soft_wrap=True)
    _footnotes(out, found)


def _footnotes(out: Console, found: Trial) -> None:
    many = len(found.results)
    told = [f"Taken: {'; '.join(found.roles.guessed)}."] if found.roles.guessed else []
    if found.roles.unused:
        told.append(
            "Not used: " + "; ".join(f"{k!r} {why}" for k, why in found.roles.unused.items()) + "."
        )
    if many > 1 and not found.broken:
        told.append(f"Verdicts are corrected for {many} comparisons (Benjamini-Hochberg, 5 %).")
    told.append(found.label.meaning + _word(found))
    for line in told:
        out.print(Text(line, style="dim"), soft_wrap=True)


def _word(found: Trial) -> str:
    if not found.label.may_say_lift:
        return ""
    return " That chance made the arms is your word: no file can show it (--not-random)."


def _table(found: Trial) -> Table:
    table = Table(box=None, pad_edge=False)
    for name in ("outcome", "arm", "arm's level", "comparison's", "difference", "ratio", "verdict"):
        table.add_column(name, justify="left" if name in ("outcome", "arm") else "right")
    for one in found.results:
        kept = one.said != "withheld"
        ratio = f"{one.ratio.number} ({one.ratio.interval})"
        table.add_row(
            Text(one.metric),
            Text(one.arm),
            _bare(one.level.number) if kept else "-",
            _bare(one.level_control.number) if kept else "-",
            _difference(one.difference) if kept else "-",
            ratio if kept else "-",
            one.said,
        )
        if kept and one.adjusted is not None and one.removed:
            table.add_row(
                "", "  adjusted", "", "", _difference(one.adjusted), "",
                f"{one.removed:.1%} less noise",
            )  # fmt: skip
    return table


def _difference(figure: Figure) -> str:
    return f"{_bare(figure.number)} ({_bare(figure.interval)})"


def _bare(words: str) -> str:
    """Without the unit, which the heading or the outcome says."""
    return words.removesuffix(" points").removesuffix(" a person")


def _forest(found: Trial) -> str:
    from fewer.pictures.forest import forest

    rows = [_interval(one) for one in found.results if one.said != "withheld"]
    drawn = forest([row for row in rows if row], simulated=False, title=found.read.file)
    if not drawn:
        raise click.UsageError("There is nothing to draw: every figure is withheld.")
    return drawn


def _interval(one: Result) -> Any:
    from fewer.pictures.forest import Interval

    e = one.ratio.estimate
    if e.value is None:
        return None
    alone = e.lower is None and e.upper is None
    return Interval(
        f"{one.metric}: {one.arm}",
        e.value,
        e.lower or 0.0,
        float("inf") if e.upper is None else e.upper,
        f"{one.ratio.number} ({one.ratio.interval})",
        strong=one.said in ("more", "less"),
        alone=alone,
    )
