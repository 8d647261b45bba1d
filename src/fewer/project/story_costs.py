"""Costs as a story tells them: ratios to the broad audience, and cost against conversion."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from fewer.journey.measure.cost import LABEL
from fewer.journey.measure.figure import Figure
from fewer.stats.estimate import State

if TYPE_CHECKING:
    from fewer.journey.measure.cost import CostRow, CostTable
    from fewer.project.measuring import Measured


def costs(measured: Measured) -> list[dict[str, Any]]:
    """Costs as blocks: ratios to the broad audience to draw, and the table of all."""
    table = measured.costs
    titles = {row.segment: row.title for row in measured.outcomes.rows}
    if table is None or not table.rows:
        return []
    metrics = [(cost.metric, cost.title) for cost in table.rows[0].costs]
    heads = ["Audience", "Impressions", "Clicks", "Spend", *(title for _, title in metrics)]
    days = f"{table.first_day} to {table.last_day}" if table.first_day else ""
    block = {
        "id": "table",
        "sides": ("", ""),
        "label": LABEL.value,
        "title": "Cost per audience",
        "caption": f"Platform-reported, {days}. Association with the broad audience, no more.",
        "heads": heads,
        "rows": [_cost_row(row, titles) for row in table.rows],
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
                        titles.get(row.segment, row.segment),
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
    return [*compared, block]


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
                    "label": titles.get(row.segment, row.segment),
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


def _cost_row(row: CostRow, titles: Mapping[str, str]) -> list[str]:
    arm = f" · {row.arm}" if row.arm else ""
    return [
        f"{titles.get(row.segment, row.segment)}{arm}",
        f"{row.totals['impressions']:,.0f}",
        f"{row.totals['clicks']:,.0f}",
        f"{row.totals['spend']:,.2f} {row.currency}",
        *(f"{cost.figure.number} ({cost.figure.interval})" for cost in row.costs),
    ]


def _ratio_row(row: CostRow, metric: str, titles: Mapping[str, str]) -> list[str]:
    cost = row.cost(metric)
    return [
        titles.get(row.segment, row.segment),
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
