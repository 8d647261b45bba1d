"""Costs as a story tells them: ratios to the broad audience, and cost against conversion."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from fewer.journey.measure.cost import BROAD, LABEL
from fewer.journey.measure.figure import Figure
from fewer.stats.estimate import State

if TYPE_CHECKING:
    from fewer.journey.measure.cost import CostRow, CostTable
    from fewer.project.measuring import Measured


_OWN_WORDS: Final = (
    "Spend as the platforms report it, conversions from your own events, whoever caused them."
    " Association, no more."
)


def costs(measured: Measured) -> list[dict[str, Any]]:
    """Costs as blocks: ratios to the broad audience to draw, then tables of all there is."""
    titles = _titles(measured)
    found = _own(measured, titles)
    table = measured.costs
    if table is None or not table.rows:
        return found
    metrics = [(cost.metric, cost.title) for cost in table.rows[0].costs]
    # A unit that all rows share stands in the head, so that cells are numbers.
    units = {
        metric: _unit([row.cost(metric).figure for row in table.rows]) for metric, _ in metrics
    }
    heads = ["Audience", "Impressions", "Clicks", "Spend"]
    heads += [f"{title}, {units[metric]}" if units[metric] else title for metric, title in metrics]
    days = f"{table.first_day} to {table.last_day}" if table.first_day else ""
    block = {
        "id": "table",
        "sides": ("", ""),
        "label": LABEL.value,
        "title": "Cost per audience",
        "caption": f"Platform-reported, {days}; below each figure its 95 % interval."
        " Association with the broad audience, no more.",
        "heads": heads,
        "rows": [_cost_row(row, titles, units) for row in table.rows],
        "intervals": [],
    }
    compared = [
        {
            "id": metric,
            "label": LABEL.value,
            "sides": ("cheaper", "dearer") if metric == "cpc" else ("lower", "higher"),
            "title": f"{title} against the broad audience",
            "caption": f"{title}: ratio to the broad audience, clustered by day.",
            "heads": ["Audience", title, f"{title} interval", "Ratio to broad", "Interval"],
            "rows": [_ratio_row(row, metric, titles) for row in table.rows if row.arm is None],
            "intervals": [
                shown
                for row in table.rows
                if row.arm is None
                and (
                    shown := interval(
                        _name(row.segment, titles),
                        row.cost(metric).to_broad,
                        strong=(row.cost(metric).p_adjusted or 1.0) < 1 - table.confidence,
                        words="association",
                    )
                )
            ],
        }
        for metric, title in metrics
        if metric in ("ctr", "cpc")
    ]
    return [*compared, *found, block]


def bubbles(
    table: CostTable, sizes: Mapping[str, int], titles: Mapping[str, str]
) -> list[dict[str, Any]]:
    """Cost against conversion, one picture a currency; as platforms report both."""
    found = []
    for currency in dict.fromkeys(row.currency for row in table.rows):
        rows = []
        for row in table.rows:
            price, rate = (
                row.cost("cpc").figure.estimate,
                row.cost("conversion_rate").figure.estimate,
            )
            if row.arm or row.currency != currency or not price.value or rate.value is None:
                continue
            rows.append(
                {
                    "label": _name(row.segment, titles),
                    "cost": price.value,
                    "cost_low": price.lower,
                    "cost_high": price.upper,
                    "rate": rate.value,
                    "rate_low": rate.lower,
                    "rate_high": rate.upper,
                    "people": sizes.get(row.segment),
                }
            )
        if rows:
            found.append(
                {
                    "id": currency.lower() or "none",
                    "title": f"Cost of a click against conversions, in {currency}",
                    "across": f"{currency} per click",
                    "up": "conversions per click",
                    "caption": "As platforms report them. Association, no more.",
                    "rows": rows,
                }
            )
    return found


def own_bubbles(measured: Measured) -> list[dict[str, Any]]:
    """What a person's own conversions cost against how many convert, by goal and currency."""
    rows = {(row.segment, row.goal): row for row in measured.outcomes.rows}
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for one in measured.own_costs:
        row, price, money = rows.get((one.segment, one.goal)), one.cpa.estimate, one.spend.one
        if row is None or money is None or not price.value:
            continue
        rate, currency = row.group.rate.estimate, money[1]
        if rate.value is None or row.variant_of is not None:
            continue
        block = found.setdefault(
            (one.goal, currency),
            {
                "id": f"own:{one.goal}:{currency.lower() or 'none'}",
                "title": f"What a conversion costs against how many convert: {row.goal_title},"
                f" in {currency}",
                "across": f"{currency} per conversion",
                "up": "of people converted",
                "caption": _OWN_WORDS,
                "rows": [],
            },
        )
        block["rows"].append(
            {
                "label": row.title,
                "cost": price.value,
                "cost_low": price.lower,
                "cost_high": price.upper,
                "rate": rate.value,
                "rate_low": rate.lower,
                "rate_high": rate.upper,
                "people": row.group.people,
            }
        )
    return list(found.values())


def _own(measured: Measured, titles: Mapping[str, str]) -> list[dict[str, Any]]:
    """Costs of a person's own conversions as a table."""
    rows = [one for one in measured.own_costs if one.conversions]
    if not rows:
        return []
    goals = {row.goal: row.goal_title for row in measured.outcomes.rows}
    notes = dict.fromkeys(note for one in rows for note in one.notes)
    return [
        {
            "id": "own",
            "sides": ("", ""),
            "label": LABEL.value,
            "title": "Cost of your own conversions",
            "caption": " ".join(
                [_OWN_WORDS, *(f"{n.capitalize()}." for n in notes)]
            ),
            "heads": ["Audience", "Goal", "Spend", "Conversions", "New customers",
                      "CPA", "CAC", "ROAS", "AOV"],
            "rows": [
                [
                    _name(one.segment, titles),
                    goals.get(one.goal, one.goal),
                    f"{one.spend.one[0]:,.2f} {one.spend.one[1]}" if one.spend.one else "-",
                    f"{one.conversions:,}",
                    f"{one.new_customers:,}",
                    *(_cell(figure) for figure in (one.cpa, one.cac, one.roas, one.aov)),
                ]
                for one in rows
            ],
            "intervals": [],
        }
    ]  # fmt: skip


def _titles(measured: Measured) -> dict[str, str]:
    return {row.segment: row.title for row in measured.outcomes.rows}


def _name(segment: str, titles: Mapping[str, str]) -> str:
    """What an audience of ad reports is called: a segment, an experiment, or all others."""
    if segment == BROAD:
        return "Broad audience"
    return titles.get(segment, segment)


def _unit(figures: Sequence[Figure]) -> str:
    """The unit that all amounts share; empty without one."""
    units = {f.unit for f in figures if f.kind == "amount" and f.estimate.value is not None}
    return units.pop() if len(units) == 1 else ""


def _cell(figure: Figure | None, unit: str = "") -> str:
    """A figure, and on a line below it its interval."""
    if figure is None or figure.estimate.value is None:
        return "-"
    number = figure.number.removesuffix(f" {unit}") if unit else figure.number
    return f"{number}\n{figure.interval}"


def _cost_row(row: CostRow, titles: Mapping[str, str], units: Mapping[str, str]) -> list[str]:
    arm = f" · {row.arm}" if row.arm else ""
    return [
        f"{_name(row.segment, titles)}{arm}",
        f"{row.totals['impressions']:,.0f}",
        f"{row.totals['clicks']:,.0f}",
        f"{row.totals['spend']:,.2f} {row.currency}",
        *(_cell(cost.figure, units[cost.metric]) for cost in row.costs),
    ]


def _ratio_row(row: CostRow, metric: str, titles: Mapping[str, str]) -> list[str]:
    cost = row.cost(metric)
    return [
        _name(row.segment, titles),
        cost.figure.number,
        cost.figure.interval,
        cost.to_broad.number if cost.to_broad else "-",
        cost.to_broad.interval if cost.to_broad else "-",
    ]


def interval(
    label: str, figure: Figure | None, *, strong: bool, words: str
) -> dict[str, Any] | None:
    """A figure as a row of a forest plot; None without a value above 0."""
    e = figure.estimate if figure else None
    if figure is None or e is None or not e.value:
        return None
    return {
        "label": label,
        "estimate": e.value,
        "low": e.lower if e.lower is not None else 0.0,
        "high": e.upper if e.upper is not None else float("inf"),
        "words": f"{figure.number} ({figure.interval}) {words}".replace("raw ", ""),
        "strong": strong,
        "alone": e.state is State.NO_INTERVAL,
    }
