"""How experiments look in a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from fewer.interfaces.cli.experiment_units_view import show_assigned_regions, show_schedule
from fewer.journey.measure.design.detect import signed
from fewer.journey.measure.design.platforms import LEARNING
from fewer.model.window import from_utc_micros

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from fewer.journey.measure.assign_balance import Balance
    from fewer.journey.measure.design.media import Line
    from fewer.project.assigning import Made
    from fewer.project.designing import Design
    from fewer.project.experiment_files import Imported
    from fewer.project.experiments import Registered

_MOST_LINES: Final = 12


def _table(title: str, *names: str) -> Table:
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    for at, name in enumerate(names):
        table.add_column(name, justify="left" if at == 0 else "right")
    return table


def show_design(out: Console, found: Design) -> None:
    """What each group can show, the verdicts, then the share to hold out."""
    unit = "base rate" if found.metric.kind == "rate" else "base"
    table = _table(
        f"{found.metric.title}: what can be seen, as at {found.as_of[:10]}",
        "group", "people", "join a week", unit, "smallest change", "among all", "weeks",
    )  # fmt: skip
    for row in found.rows:
        group, basis = row.group, row.group.basis
        base = "-" if basis is None else f"{basis.level:.2%}" if basis.kind == "rate" else (
            f"{basis.level:,.2f}"
        )  # fmt: skip
        table.add_row(
            Text(group.title if group.level != "segment" else group.id),
            f"{group.people:,}",
            "-" if group.entering is None else f"{group.entering:,.1f}",
            base,
            "none" if row.smallest is None else signed(row.smallest),
            "none" if row.among is None else signed(row.among),
            "-" if row.weeks is None else f"{row.weeks}",
        )
    out.print(table)
    for row in found.rows:
        style = "green" if row.shows else "yellow"
        name = row.group.title if row.group.level != "segment" else row.group.id
        out.print(Text.assemble((f"{name}: ", "bold"), (row.words, style)), soft_wrap=True)
    if found.share is not None:
        out.print(
            f"Smallest share to hold out for {signed(found.terms.change)} in all together:"
            f" {found.share:.1%}"
        )
    elif found.experiment.compared_with == "held_out" and found.experiment.tests != "window":
        out.print(
            f"No share to hold out shows {signed(found.terms.change)} with the people of now,"
            " not even one half."
        )
    if len(found.metrics) > 1 and found.hardest is not None:
        out.print("Every metric by itself, over all segments together:")
        for one in found.metrics:
            mark = " (the plan goes by it)" if one is found.hardest else ""
            out.print(Text(f"  {one.words}{mark}"), soft_wrap=True)
    for note in found.notes:
        out.print(Text(note, style="dim"), soft_wrap=True)


def plan_json(found: Design, lines: Sequence[Line], platform: str) -> dict[str, Any]:
    """The media plan as plain data."""
    learning = LEARNING[platform]
    return {
        "experiment": found.experiment.id,
        "as_of": found.as_of,
        "platform": platform,
        "learning": {
            "conversions": learning.conversions,
            "days": learning.days,
            "per": learning.unit,
            "least_matched": learning.least,
            "source": learning.source,
            "verified": learning.verified,
            "assumed": learning.assumed,
        },
        "lines": [one.to_json() for one in lines],
        "total": {
            "people": sum(one.people for one in lines),
            "spend_a_week": round(sum(one.spend for one in lines), 2),
            "clicks_a_week": round(sum(one.clicks for one in lines), 2),
            "conversions_a_week": round(sum(one.conversions for one in lines), 2),
        },
        "weeks_to_verdict": found.programme.weeks,
    }


def show_plan(out: Console, found: Design, lines: Sequence[Line], platform: str) -> None:
    """Money and conversions a week, then advice."""
    money = next((one.prices.currency for one in lines), "") or "spend"
    table = _table(
        f"Media plan, a week, as at {found.as_of[:10]}",
        "segment", "people", "matched", money, "clicks", "conversions", "weeks", "do",
    )  # fmt: skip
    for one in lines:
        table.add_row(
            Text(one.segment), f"{one.people:,}", f"{one.matched:,.0f}", f"{one.spend:,.2f}",
            f"{one.clicks:,.1f}", f"{one.conversions:,.2f}",
            "-" if one.weeks_to_verdict is None else str(one.weeks_to_verdict), one.action,
        )  # fmt: skip
    total = plan_json(found, lines, platform)["total"]
    weeks = found.programme.weeks
    table.add_row(
        Text("all", style="bold"), f"{total['people']:,}", "", f"{total['spend_a_week']:,.2f}",
        f"{total['clicks_a_week']:,.1f}", f"{total['conversions_a_week']:,.2f}",
        "-" if weeks is None else str(weeks), "",
    )  # fmt: skip
    out.print(table)
    for one in lines:
        out.print(Text.assemble((f"{one.segment}: ", "bold"), one.advice), soft_wrap=True)
    origins = ", ".join(dict.fromkeys(one.prices.origin for one in lines))
    out.print(Text(f"Prices: {origins}. {LEARNING[platform].told}", style="dim"), soft_wrap=True)


def show_registered(out: Console, found: Registered, *, new: bool) -> None:
    """What was written, and the hash to keep."""
    verb = "Registered" if new else "Already registered, unchanged:"
    out.print(Text.assemble(f"{verb} ", (found.id, "bold"), f" as record {found.record.seq}."))
    if found.earlier:
        out.print(f"It replaces record {found.earlier[-1].seq}: {found.record.body.get('reason')}.")
    _plan(out, found)


def _plan(out: Console, found: Registered) -> None:
    body = found.record.body
    one = found.experiment
    arms = ", ".join(f"{arm.title} {arm.percent} %" for arm in one.groups)
    control = next((arm.title for arm in one.groups if arm.id == one.compared_with), "")
    lines = [
        ("decides", found.metrics[0].title),
        ("also read", ", ".join(metric.title for metric in found.metrics[1:])),
        ("arms", f"{arms}; compared with {control}"),
        ("segments", ", ".join(found.segment_ids)),
        ("read not before", body["ends"]),
        ("margin", f"{body['margin_percent']:g} %" if body["margin_percent"] else ""),
        ("salt", body["salt"]),
        ("registered", from_utc_micros(found.record.created_us).isoformat()[:19] + "Z"),
        ("definitions", body["definitions"]),
        ("hash", found.hash),
    ]
    for name, words in lines:
        if words:
            out.print(Text.assemble((f"  {name}: ", "dim"), words), soft_wrap=True)
    if body.get("late"):
        words = "It was registered after its own end date: not a plan made beforehand."
        out.print(Text(words, style="yellow"))


def show_list(out: Console, listed: Sequence[Mapping[str, Any]]) -> None:
    """One line an experiment."""
    if not listed:
        out.print("No experiments yet. Write one in experiments.yaml; see docs/experiments.md.")
        return
    table = _table("Experiments", "id", "tests", "state", "people", "ends", "hash")
    for one in listed:
        people = f"{one['people']:,}" if one["people"] else "-"
        digest = one["hash"][:12] if one["hash"] else "-"
        table.add_row(Text(one["id"]), one["tests"], one["state"], people, one["ends"], digest)
    out.print(table)


def show_one(out: Console, found: Registered, sizes: Mapping[str, int]) -> None:
    """A registration, those it replaced, and its arms."""
    out.print(Text.assemble((found.experiment.title, "bold"), f", record {found.record.seq}"))
    if found.experiment.question:
        out.print(Text(found.experiment.question), soft_wrap=True)
    _plan(out, found)
    for old in found.earlier:
        out.print(Text(f"  replaces record {old.seq}: {old.hash}", style="dim"), soft_wrap=True)
    if found.record.body.get("reason"):
        out.print(f"  because: {found.record.body['reason']}")
    people = ", ".join(f"{arm}: {n:,}" for arm, n in sizes.items())
    if found.experiment.tests == "switchback" and sizes:
        people = f"{sum(sizes.values()):,}, read by time slot"
    out.print(f"People: {people}" if sizes else "Nobody is assigned yet.")


def show_assigned(out: Console, made: Made, zone: ZoneInfo) -> None:
    """Arms, what each segment keeps, comparisons, and balance."""
    experiment = made.assigned.experiment
    verb = f"Assigned {made.written:,} people" if made.written else "Assigned before, unchanged"
    if made.written and made.schedule:
        verb = f"Drew {len(made.schedule.slots):,} time slots for {made.written:,} people"
    out.print(Text.assemble(f"{verb}: ", (experiment.id, "bold"), "."))
    if made.held_out_of_all:
        out.print(
            f"{made.held_out_of_all:,} more people of these segments are held out of everything."
        )
    if made.schedule is None:
        _arms(out, made)
    if len(made.kept) > 1:
        table = _table("Priority list", "segment", "people", "keeps", "share")
        for kept in made.kept:
            share = "-" if kept.share is None else f"{kept.share:.0%}"
            table.add_row(Text(kept.segment), f"{kept.members:,}", f"{kept.kept:,}", share)
        out.print(table)
    if experiment.tests == "window":
        for one in made.assigned.contrasts:
            sizes_ = ", ".join(f"{a.replace('_', ' ')} {len(w):,}" for a, w in one.arms.items())
            out.print(f"{one.id}: {sizes_}")
    if made.regions:
        show_assigned_regions(out, made.regions)
    if made.schedule:
        show_schedule(out, made.schedule, zone)
    else:
        _balance(out, made.balance, by_region=made.regions is not None)
    for note in made.notes:
        out.print(Text(note, style="yellow"), soft_wrap=True)


def _arms(out: Console, made: Made) -> None:
    arms = _table("Arms", "variant", "planned", "people", "share")
    sizes = {a: len(who) for a, who in made.assigned.assignment.arms.items()}
    everyone = sum(sizes.values())
    for arm in made.assigned.experiment.groups:
        share = f"{sizes[arm.id] / everyone:.1%}" if everyone else "-"
        arms.add_row(Text(arm.title), f"{arm.percent:g} %", f"{sizes[arm.id]:,}", share)
    out.print(arms)


def _balance(out: Console, found: Balance, *, by_region: bool = False) -> None:
    if by_region:
        out.print("Balance by region, each counting once, however large.")
    word = "passed" if found.sizes_hold else "FAILED: the sizes are not those planned"
    p = "too few to tell" if found.p_value is None else f"p {found.p_value:.3f}"
    if not by_region:
        out.print(f"Split check: {word} ({p}).")
    lines = sorted(found.lines, key=lambda one: -abs(one.difference or 0))
    table = _table("Balance, the most unlike first", "known before", *found.sizes, "difference")
    for one in lines[:_MOST_LINES]:
        shares = [("-" if s is None else f"{s:.1%}") for s in one.shares.values()]
        mark = "" if one.by_chance else " !"
        table.add_row(Text(one.name), *shares, f"{one.difference or 0:+.2f} sd{mark}")
    if lines:
        out.print(table)
    off = [one.name for one in lines if not one.by_chance]
    if off:
        out.print(Text(f"Hardly chance: {', '.join(off)}.", style="red"), soft_wrap=True)


def show_imported(out: Console, found: Imported) -> None:
    """Rows taken and refused."""
    if found.experiment:
        arms = ", ".join(f"{arm} {n:,}" for arm, n in found.sizes.items())
        out.print(
            Text.assemble(
                f"{found.taken:,} of {found.rows:,} rows taken for ",
                (found.experiment, "bold"),
                f": {arms}." if arms else ".",
            )
        )
    for reason, by_arm in found.left_out.items():
        arms = ", ".join(f"{n:,} of {arm}" for arm, n in sorted(by_arm.items()))
        text = f"  {sum(by_arm.values()):,} people left out of every arm: {reason} ({arms})"
        out.print(Text(text, style="yellow"))
    for reason, rows in found.refused.counts.items():
        first = ", ".join(map(str, found.refused.rows[reason][:5]))
        out.print(Text(f"  {rows:,} rows refused: {reason} (rows {first})", style="yellow"))
    if found.balance is not None:
        _balance(out, found.balance)


def show_studies(out: Console, found: Sequence[Imported]) -> None:
    """Rows taken and refused, study by study."""
    for one in found:
        show_imported(out, one)
