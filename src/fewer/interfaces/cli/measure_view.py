"""How outcomes look in a terminal: conclusions first, then experiments, associations and cost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from fewer.interfaces.cli.experiment_units_view import show_pairs
from fewer.journey.measure.gates import distinct
from fewer.journey.measure.table import Verdict

if TYPE_CHECKING:
    from fewer.journey.measure.figure import Figure
    from fewer.journey.measure.table import Row
    from fewer.project.measuring import Measured
    from fewer.project.measuring_experiments import Experimented

_STYLE = {
    Verdict.MORE: "green",
    Verdict.LESS: "red",
    Verdict.SPLIT_BROKEN: "bold red",
    Verdict.TOO_EARLY: "yellow",
}


def show(out: Console, measured: Measured) -> None:
    """Conclusions, then a table for each experiment, goal, lookback and cost."""
    mark = " · SIMULATED DATA" if measured.outcomes.data == "simulated" else ""
    _conclusions(out, measured, mark)
    _splits(out, measured)
    _randomised(out, measured, mark)
    for one in measured.experiments:
        if one.pairs is not None:
            show_pairs(out, one.id, one.pairs, mark)
        _metrics(out, one, mark)
    for goal, title in dict.fromkeys((r.goal, r.goal_title) for r in measured.outcomes.rows):
        rows = [row for row in measured.outcomes.rows if row.goal == goal]
        out.print(_table(f"{title}: against everyone else (association){mark}", rows))
        if rows[0].design.note:
            out.print(Text(f"  {rows[0].design.note}", style="yellow"))
    _lookback(out, measured, mark)
    for reason in measured.skipped:
        out.print(Text(reason, style="yellow"))
    _costs(out, measured, mark)
    _own_costs(out, measured, mark)


def _conclusions(out: Console, measured: Measured, mark: str) -> None:
    out.print(Text(f"What to conclude{mark}", style="bold"))
    for one in measured.conclusions:
        out.print(Text(f"  • {one.text}", style="" if one.label else "yellow"))
    for change in measured.changes[:5]:
        out.print(Text(f"  • Changed since: {change.words}", style="yellow"))
    if len(measured.changes) > 5:  # noqa: PLR2004  the first five
        out.print(Text(f"    and {len(measured.changes) - 5} more (--json)", style="yellow"))
    out.print()


def _splits(out: Console, measured: Measured) -> None:
    """Every check of whole experiments; of segments those that are not as planned."""
    if not measured.gates:
        return
    out.print(Text("Split checks", style="bold"))
    told = distinct(measured.gates)
    for one in told:
        if one.segment is None or one.broken or one.unusual:
            style = "bold red" if one.broken else "yellow" if one.unusual else ""
            out.print(Text(f"  {one.experiment}, {one.words}", style=style))
    sound = sum(g.segment is not None and g.state == "as planned" for g in told)
    if sound:
        out.print(Text(f"  as analysed: as planned in {sound:,} more", style="dim"))
    out.print()


def _randomised(out: Console, measured: Measured, mark: str) -> None:
    for experiment, goal, title, label in dict.fromkeys(
        (r.experiment, r.goal, r.goal_title, r.comparisons[0].label.value)
        for r in measured.randomised
    ):
        rows = [r for r in measured.randomised if (r.experiment, r.goal) == (experiment, goal)]
        head = f"{experiment}, {title}: {label}, may be called lift{mark}"
        out.print(_table(head, rows, random=True))
        if any(r.comparisons[0].causal and r.comparisons[0].causal.spend for r in rows):
            out.print(_gained(rows, label))


def _gained(rows: Sequence[Row], label: str) -> Table:
    table = _bare(f"  what was gained, and what it cost ({label})")
    table.add_column("segment")
    for name in ("incremental conversions", "interval", "iCPA", "interval", "iROAS", "interval"):
        table.add_column(name, justify="right")
    for row in rows:
        more = row.comparisons[0].causal
        if more is None or more.spend is None:
            continue
        table.add_row(
            Text(row.segment),
            *_pair(more.conversions),
            *_pair(more.icpa),
            *_pair(more.iroas),
        )
    return table


def _pair(figure: Figure | None) -> tuple[str, str]:
    return (_short(figure), figure.interval.partition(":")[0]) if figure else ("-", "")


def _short(figure: Figure) -> str:
    """The number without what the heading says already."""
    return figure.number.partition(" per ")[0].removesuffix(" conversions")


def _metrics(out: Console, one: Experimented, mark: str) -> None:
    if not one.metrics:
        return
    table = _bare(f"{one.id}: metrics over everyone assigned{mark}")
    for name in ("metric", "variant", "change", "interval", "against the margin", "evidence"):
        table.add_column(name)
    for found in one.metrics:
        table.add_row(
            Text(found.metric),
            Text(f"{found.arm} / {found.control}"),
            found.ratio.number if found.ratio else "-",
            found.ratio.interval.partition(":")[0] if found.ratio else Text(found.note),
            found.margin.words if found.margin else "",
            found.label.value,
        )
    out.print(table)


def _table(title: str, rows: Sequence[Row], *, random: bool = False) -> Table:
    table = _bare(title)
    names = ["segment", "converted", "rate", "others", "ratio", "interval", "verdict"]
    if random:
        names[3] = "control"
    for name in names:
        table.add_column(name, justify="left" if name in ("segment", "verdict") else "right")
    arms = len({row.group.name for row in rows}) > 1 and random
    for row in rows:
        found = row.comparisons[0]
        table.add_row(
            Text(f"{row.segment}{f' · {row.group.name}' if arms else ''}"),
            row.group.counts,
            row.group.rate.number,
            found.against.rate.number,
            found.ratio.number if found.ratio else "-",
            found.ratio.interval.partition(":")[0] if found.ratio else "-",
            Text(found.verdict.value, style=_STYLE.get(found.verdict, "dim")),
        )
    return table


def _bare(title: str) -> Table:
    return Table(title=title, title_justify="left", box=None, pad_edge=False)


def _lookback(out: Console, measured: Measured, mark: str) -> None:
    for chart in measured.bands:
        table = _bare(f"{chart.title} → {chart.goal_title} (association){mark}")
        for name in ("band", "people", "rate", "interval", "all together"):
            table.add_column(name, justify="left" if name == "band" else "right")
        for band in chart.bands:
            rate = band.added.rate
            people = f"{band.added.people:,}"
            table.add_row(band.label, people, rate.number, rate.interval, band.total.rate.number)
        out.print(table)


def _costs(out: Console, measured: Measured, mark: str) -> None:
    if measured.costs is None or not measured.costs.rows:
        return
    table = _bare(f"Cost, platform-reported: association with the broad audience{mark}")
    table.add_column("audience")
    for name in ("CTR", "to broad", "CPC", "to broad", "conversions", "CPA", "AOV", "ROAS"):
        table.add_column(name, justify="right")
    for row in measured.costs.rows:
        ctr, cpc, cpa = (row.cost(metric) for metric in ("ctr", "cpc", "cpa"))
        table.add_row(
            Text(f"{row.segment}{f' · {row.arm}' if row.arm else ''}"),
            ctr.figure.number,
            f"{ctr.to_broad.number} ({ctr.to_broad.interval})" if ctr.to_broad else "",
            _short(cpc.figure),
            f"{cpc.to_broad.number} ({cpc.to_broad.interval})" if cpc.to_broad else "",
            f"{row.totals['conversions']:,.0f}",
            _short(cpa.figure),
            _short(row.cost("aov").figure),
            row.cost("roas").figure.number,
        )
    out.print(table)
    out.print(Text(f"  intervals over {measured.costs.clusters}", style="dim"))


def _own_costs(out: Console, measured: Measured, mark: str) -> None:
    if not measured.own_costs:
        return
    table = _bare(f"Cost of own conversions, whoever caused them: association{mark}")
    for name in ("segment", "goal"):
        table.add_column(name)
    for name in ("spend", "conversions", "new", "CPA", "interval", "CAC", "ROAS", "AOV"):
        table.add_column(name, justify="right")
    for one in measured.own_costs:
        money = one.spend.one
        if not one.conversions:
            continue
        table.add_row(
            Text(one.segment),
            Text(one.goal),
            f"{money[0]:,.2f} {money[1]}" if money else "-",
            f"{one.conversions:,}",
            f"{one.new_customers:,}",
            *_pair(one.cpa),
            _short(one.cac),
            one.roas.number if one.roas else "-",
            _short(one.aov) if one.aov else "-",
        )
    out.print(table)
    for note in dict.fromkeys(n for one in measured.own_costs for n in one.notes):
        out.print(Text(f"  {note}", style="yellow"))
