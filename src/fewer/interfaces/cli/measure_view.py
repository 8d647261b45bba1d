"""How outcomes look in a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from fewer.journey.measure.table import Verdict

if TYPE_CHECKING:
    from fewer.journey.measure.table import Row
    from fewer.project.measuring import Measured

_STYLE = {Verdict.MORE: "green", Verdict.LESS: "red", Verdict.SPLIT_BROKEN: "bold red"}


def show(out: Console, measured: Measured) -> None:
    """A table per goal, then lookback bands, randomised comparisons and cost."""
    mark = " · SIMULATED DATA" if measured.outcomes.data == "simulated" else ""
    for goal, title in dict.fromkeys((r.goal, r.goal_title) for r in measured.outcomes.rows):
        rows = [row for row in measured.outcomes.rows if row.goal == goal]
        out.print(_table(f"{title}: against everyone else (association){mark}", rows))
        if rows[0].design.note:
            out.print(Text(f"  {rows[0].design.note}", style="yellow"))
    for goal, title in dict.fromkeys((r.goal, r.goal_title) for r in measured.randomised):
        rows = [row for row in measured.randomised if row.goal == goal]
        out.print(_table(f"{title}: randomised holdout, may be called lift{mark}", rows))
    for chart in measured.bands:
        table = Table(title=f"{chart.title} → {chart.goal_title}{mark}", title_justify="left",
                      box=None, pad_edge=False)  # fmt: skip
        for name in ("band", "people", "rate", "interval", "all together"):
            table.add_column(name, justify="left" if name == "band" else "right")
        for band in chart.bands:
            rate = band.added.rate
            people = f"{band.added.people:,}"
            table.add_row(band.label, people, rate.number, rate.interval, band.total.rate.number)
        out.print(table)
    for reason in measured.skipped:
        out.print(Text(reason, style="yellow"))
    _costs(out, measured, mark)


def _table(title: str, rows: Sequence[Row]) -> Table:
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    for name in ("segment", "converted", "rate", "others", "ratio", "interval", "verdict"):
        table.add_column(name, justify="left" if name in ("segment", "verdict") else "right")
    for row in rows:
        found = row.comparisons[0]
        table.add_row(
            Text(row.segment),
            row.group.counts,
            row.group.rate.number,
            found.against.rate.number,
            found.ratio.number if found.ratio else "-",
            found.ratio.interval.partition(":")[0] if found.ratio else "-",
            Text(found.verdict.value, style=_STYLE.get(found.verdict, "dim")),
        )
    return table


def _costs(out: Console, measured: Measured, mark: str) -> None:
    if measured.costs is None or not measured.costs.rows:
        return
    table = Table(
        title=f"Cost, platform-reported: association with the broad audience{mark}",
        title_justify="left",
        box=None,
        pad_edge=False,
    )
    table.add_column("audience")
    for name in ("CTR", "to broad", "CPC", "to broad", "conversions", "CPA"):
        table.add_column(name, justify="right")
    for row in measured.costs.rows:
        ctr, cpc, cpa = (row.cost(metric) for metric in ("ctr", "cpc", "cpa"))
        table.add_row(
            Text(f"{row.segment}{f' · {row.arm}' if row.arm else ''}"),
            ctr.figure.number,
            f"{ctr.to_broad.number} ({ctr.to_broad.interval})" if ctr.to_broad else "",
            cpc.figure.number,
            f"{cpc.to_broad.number} ({cpc.to_broad.interval})" if cpc.to_broad else "",
            f"{row.totals['conversions']:,.0f}",
            cpa.figure.number,
        )
    out.print(table)
