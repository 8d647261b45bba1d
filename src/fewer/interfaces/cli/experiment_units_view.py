"""How tests by region and by time look in a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from fewer.journey.measure.design.detect import signed
from fewer.model.window import DAY, HOUR, from_utc_micros

if TYPE_CHECKING:
    from collections.abc import Sequence
    from zoneinfo import ZoneInfo

    from fewer.journey.measure.units.plan import Length
    from fewer.journey.measure.units.read import PairTable
    from fewer.journey.measure.units.regions import Regions
    from fewer.journey.measure.units.slots import Schedule
    from fewer.project.designing_units import UnitDesign

_MOST: Final = 20


def show_unit_design(out: Console, found: UnitDesign) -> None:
    """What runs of several lengths can show, the pairs, then the verdict."""
    of = found.kind
    title = f"{found.metric.title}, by {of}: what can be seen, as at {found.as_of[:10]}"
    out.print(_lengths(title, found.lengths, found.planned))
    if len(found.slots) > 1:
        out.print(_lengths(f"Other slots, over {found.planned.words}", found.slots, None))
    if found.regions is not None:
        show_regions(out, found.regions)
    out.print(Text(found.verdict, style="green" if found.shows else "yellow"), soft_wrap=True)
    for note in found.notes:
        out.print(Text(note, style="dim"), soft_wrap=True)


def _lengths(title: str, lengths: Sequence[Length], planned: Length | None) -> Table:
    table = _table(
        title, "run", "slot", "pairs", "past runs", "smallest change", "chance", "alarms"
    )
    for one in lengths:
        past = one.placebo
        mark = " (planned)" if planned is not None and one.run_us == planned.run_us else ""
        table.add_row(
            f"{one.words}{mark}",
            "-" if one.slot_us is None else _slot(one.slot_us),
            f"{one.pairs:,}",
            str(past.windows) if past else "none",
            "-" if one.smallest is None else signed(one.smallest),
            "-" if one.chance is None else f"{one.chance:.0%}",
            "-" if past is None else f"{past.false_alarms:.1%}",
        )
    return table


def _slot(micros: int) -> str:
    return f"{micros / HOUR:g} h" if micros < DAY else f"{micros / DAY:g} d"


def show_regions(out: Console, found: Regions) -> None:
    """Pairs, the heaviest first, and who is in none."""
    table = _table("Pairs of regions", "sent", "held out", "people", "before", "weight")
    total = sum(pair.weight for pair in found.pairs) or 1.0
    for pair in sorted(found.pairs, key=lambda p: -p.weight)[:_MOST]:
        table.add_row(
            Text(pair.sent), Text(pair.held_out), f"{pair.people[0]:,} / {pair.people[1]:,}",
            f"{pair.before[0]:.4g} / {pair.before[1]:.4g}", f"{pair.weight / total:.0%}",
        )  # fmt: skip
    out.print(table)
    if len(found.pairs) > _MOST:
        out.print(f"and {len(found.pairs) - _MOST} more pairs (--json)")


def show_assigned_regions(out: Console, found: Regions) -> None:
    """Pairs as drawn, what they could show, and people of none."""
    show_regions(out, found)
    least = "not known yet" if found.smallest is None else signed(found.smallest)
    aside = ", ".join(found.left_aside[:_MOST]) or "none"
    if len(found.left_aside) > _MOST:
        aside += f" and {len(found.left_aside) - _MOST} more (--json)"
    out.print(f"Smallest change these pairs could show: {least}. Left aside: {aside}.")
    out.print(
        f"Region: {found.taken_from}. {found.nowhere:,} people have none,"
        f" {found.several:,} have several; neither are in an arm."
    )


def show_schedule(out: Console, found: Schedule, zone: ZoneInfo) -> None:
    """The first slots of a schedule."""
    table = _table("Time slots", "slot", "from", "to", "arm", "pair")
    for i, slot in enumerate(found.slots[:_MOST], 1):
        begins, ends = (
            f"{from_utc_micros(us).astimezone(zone):%Y-%m-%d %H:%M}"
            for us in (slot.from_us, slot.to_us)
        )
        table.add_row(str(i), begins, ends, slot.arm.replace("_", " "), str(slot.pair + 1))
    out.print(table)
    if len(found.slots) > _MOST:
        out.print(f"and {len(found.slots) - _MOST:,} more: fewer experiment export ID FILE.csv")
    if found.washout_us:
        hours = found.washout_us / HOUR
        out.print(f"Outcomes of the first {hours:.3g} hours of each slot don't count.")


def show_pairs(out: Console, experiment: str, found: PairTable, mark: str = "") -> None:
    """A measured metric pair by pair, and what the draw itself says."""
    table = _table(
        f"{experiment}, {found.title}, by {found.kind}: geo or switchback,"
        f" may be called lift{mark}",
        "sent", "held out", "levels", "ratio", "weight",
    )  # fmt: skip
    for row in sorted(found.rows, key=lambda r: -r.weight)[:_MOST]:
        levels = " / ".join("-" if v is None else f"{v:.4g}" for v in row.levels)
        ratio = "-" if row.ratio is None else f"{row.ratio:.2f}"
        table.add_row(Text(row.sent), Text(row.held_out), levels, ratio, f"{row.weight:.0%}")
    out.print(table)
    if len(found.rows) > _MOST:
        out.print(f"and {len(found.rows) - _MOST} more pairs (--json)")
    if found.words:
        out.print(Text(f"  {found.words}"), soft_wrap=True)


def _table(title: str, *names: str) -> Table:
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    for at, name in enumerate(names):
        table.add_column(name, justify="left" if at == 0 else "right")
    return table
