"""How lookback windows look in a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fewer.journey.measure.table import Group
    from fewer.journey.measure.window_advice import Money, Worth
    from fewer.journey.measure.window_trial import BandTrial
    from fewer.project.lookback import Lookback


def show(out: Console, found: Lookback) -> None:
    """Bands and totals, then what they are worth, the decay, and the window to take."""
    mark = " · SIMULATED DATA" if found.data == "simulated" else ""
    out.print(_bands(found, f"{found.title} → {found.goal_title} (association){mark}"))
    out.print()
    if found.money.value is not None or found.money.cost is not None:
        share = f"{found.money.caused:.0%}"
        out.print(
            Text(
                f"Worth of a person each window adds, if {share} of conversions are caused"
                " (assumed)",
                style="italic",
            )
        )
        out.print(_money(found))
        out.print()
    out.print(Text(_decay(found)))
    for size in found.sizes:
        if size.left_out and not size.problem.endswith("ask for"):
            few = f"{size.window}: {size.people:,} people are too few for {size.left_out}."
            out.print(Text(few, style="dim"))
    window = found.advice.window or "no window"
    out.print(Text.assemble(("Take ", ""), (window, "bold green"), f": {found.advice.because}."))
    if found.randomised:
        out.print()
        out.print(_tested(found.randomised))
        out.print()
    for note in found.notes:
        out.print(Text(f"Note: {note}.", style="dim"))
    times = len(found.index_us)
    moments = f"{times} weekly index times" if times > 1 else "one index time"
    out.print(
        Text(
            f"From {moments}; intervals are clustered by person. Sizes are as of the newest data.",
            style="dim",
        )
    )


def _bands(found: Lookback, title: str) -> Table:
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    for name in ("window", "adds", "rate of those", "95 % interval", "to the band before",
                 "all together", "people now", ""):  # fmt: skip
        left = name in ("window", "adds", "")
        table.add_column(name, justify="left" if left else "right")
    for band, size in zip(found.bands, found.sizes, strict=True):
        step = ""
        if band.step is not None:
            step = f"{band.step.number} ({band.step.interval.partition(':')[0]})"
        table.add_row(
            Text(band.window),
            band.label,
            band.rate.number,
            band.rate.interval.partition(":")[0],
            Text(step, style="red" if band.clearly_lower else ""),
            band.total_rate.number,
            f"{size.people:,}",
            Text(size.problem.partition(", ")[2], style="yellow"),
        )
    return table


def _tested(trials: Sequence[BandTrial]) -> Table:
    """Bands in which people were sent something or held out at random."""
    label = trials[0].row.comparisons[0].label.value
    table = Table(title=f"Windows given at random ({label})", title_justify="left", box=None,
                  pad_edge=False)  # fmt: skip
    for name in ("experiment", "acted", "sent", "held out", "change", "95 % interval", "verdict"):
        left = name in ("experiment", "acted", "verdict")
        table.add_column(name, justify="left" if left else "right")
    for one in trials:
        seen = one.row.comparisons[0]
        table.add_row(
            Text(one.experiment),
            f"{one.label} ago",
            _counted(one.row.group),
            _counted(seen.against),
            seen.difference.number if seen.difference else "-",
            seen.difference.interval.partition(":")[0] if seen.difference else "-",
            seen.verdict.value if one.over else "not over yet",
        )
    return table


def _counted(group: Group) -> str:
    return f"{group.rate.number} of {group.people:,}"


def _money(found: Lookback) -> Table:
    money = found.money
    table = Table(box=None, pad_edge=False)
    for name in ("adds", "worth", "at least", "costs", "pays from", ""):
        table.add_column(name, justify="left" if name in ("adds", "") else "right")
    for band, one in zip(found.bands, found.worths, strict=True):
        table.add_row(
            band.label,
            _amount(one.value, money),
            _amount(one.least_value, money),
            _amount(one.cost, money),
            _even(one),
            _verdict(one),
        )
    table.caption = _sources(money)
    table.caption_justify = "left"
    return table


def _verdict(one: Worth) -> Text:
    if one.pays is None:
        return Text("")
    return Text("pays", "green") if one.pays else Text("not shown to pay", "red")


def _sources(money: Money) -> str:
    if money.cost is None:
        return "No cost is known: name one with --cost."
    return f"Cost of reaching a person: {money.source}."


def _even(one: Worth) -> str:
    if one.measured:
        return "measured"
    if one.break_even is None:
        return "-"
    return f"{one.break_even:.0%} caused" if one.break_even <= 1 else "never"


def _amount(value: float | None, money: Money) -> str:
    return "-" if value is None else f"{value:,.2f} {money.currency}".rstrip()


def _decay(found: Lookback) -> str:
    d = found.decay
    if d.half_life is None:
        return f"Half-life: none to show, {d.why}."
    low = f"{d.lower:.1f}" if d.lower is not None else "less than a day"
    high = f"to {d.upper:.1f}" if d.upper is not None else "or more"
    told = f"Half-life: {d.half_life:.1f} days (95 % interval {low} {high})"
    return f"{told}; the rate starts at {d.start or 0:.2%} and falls towards {d.floor or 0:.2%}."
