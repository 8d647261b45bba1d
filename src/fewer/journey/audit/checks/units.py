"""Amounts in two units: cents beside euros, litres beside pieces, a source of its own."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Final

import sqlglot.expressions as exp

from fewer.journey.audit.base import Draft, Evidence, Figure, Gate, Table, check
from fewer.journey.audit.facts import PropertyFacts, percent, plain
from fewer.journey.audit.sql import column, query, shown
from fewer.journey.audit.survey import Survey

ENOUGH: Final = 200  # positive values of a property
VARIED: Final = 10
APART: Final = 1.0  # orders of magnitude between two sources, or two halves of the time
EMPTY: Final = 0.1  # a magnitude with under a tenth of the next peak separates two clusters
NOTABLE: Final = 0.001  # share of rows in the higher cluster
FULL: Final = 20  # rows a day, to compare days
MANY: Final = 4  # categories too many to name
LASTING: Final = 3  # days on each side of a change
MICRO_DIGITS: Final = 6


@dataclass(frozen=True, slots=True)
class Cluster:
    """Values of one property that lie orders of magnitude above the others."""

    facts: PropertyFacts
    rows: int
    largest_below: int
    smallest: int


@check("AU013", "Is every amount in the same unit?")
def units(survey: Survey) -> Iterator[Draft]:
    """One finding per property: two clusters, sources that differ, or a jump between days."""
    measured = [
        facts
        for facts in survey.properties
        if facts.type == "number" and facts.positive
        if facts.filled >= ENOUGH and facts.distinct >= VARIED
    ]
    for facts in measured:
        key = facts.event, facts.name
        cluster = _cluster(facts)
        if cluster:
            yield _two_units(survey, cluster)
            continue
        levels = survey.levels.get(key, [])
        apart = _apart(levels)
        if apart:
            yield _other_unit(facts, "source", apart)
            continue
        jump = _jump(_daily(levels))
        if jump:
            yield _other_unit(facts, "time", jump)


def _cluster(facts: PropertyFacts) -> Cluster | None:
    """The values above the emptiest order of magnitude, when it lies between two full ones."""
    counts = {each.size: int(each.n) for each in facts.sizes}
    total = sum(counts.values())
    for valley in sorted(
        range(min(counts) + 1, max(counts)), key=lambda size: (counts.get(size, 0), size)
    ):
        above = [n for size, n in counts.items() if size > valley]
        below = [n for size, n in counts.items() if size < valley]
        if NOTABLE * total <= sum(above) < total / 2 and counts.get(valley, 0) < EMPTY * min(
            max(above), max(below)
        ):
            return Cluster(
                facts,
                rows=sum(above),
                largest_below=max(each.high for each in facts.sizes if each.size <= valley),
                smallest=min(each.low for each in facts.sizes if each.size > valley),
            )
    return None


def _apart(levels: list[tuple[str, date, int, float]]) -> list[tuple[str, int, float]]:
    """(source, rows, typical magnitude) of each source, when two differ by ten times or more."""
    counts: dict[str, int] = defaultdict(int)
    logs: dict[str, float] = defaultdict(float)
    for source, _, n, level in levels:
        counts[source] += n
        logs[source] += n * level
    typical = [(s, n, logs[s] / n) for s, n in counts.items() if n >= ENOUGH]
    heights = [level for _, _, level in typical]
    return sorted(typical) if len(heights) > 1 and max(heights) - min(heights) >= APART else []


def _daily(levels: list[tuple[str, date, int, float]]) -> list[tuple[str, int, float]]:
    """(day, rows, typical magnitude) of days with enough rows, all sources together."""
    counts: dict[date, int] = defaultdict(int)
    logs: dict[date, float] = defaultdict(float)
    for _, day, n, level in levels:
        counts[day] += n
        logs[day] += n * level
    return [(f"{day}", n, logs[day] / n) for day, n in sorted(counts.items()) if n >= FULL]


def _jump(days: list[tuple[str, int, float]]) -> list[tuple[str, int, float]]:
    """The two sides of the day from which on values are ten times larger or smaller."""
    cuts = range(LASTING, len(days) - LASTING + 1)
    at = max(cuts, key=lambda cut: abs(days[cut][2] - days[cut - 1][2]), default=0)
    if not at or abs(days[at][2] - days[at - 1][2]) < APART:
        return []
    sides = [
        (f"{side[0][0]} to {side[-1][0]}", sum(n for _, n, _ in side), _mean(side))
        for side in (days[:at], days[at:])
    ]
    return sides if abs(sides[0][2] - sides[1][2]) >= APART else []


def _mean(days: list[tuple[str, int, float]]) -> float:
    return sum(n * level for _, n, level in days) / sum(n for _, n, _ in days)


def _two_units(survey: Survey, cluster: Cluster) -> Draft:
    facts = cluster.facts
    where = _where(survey, cluster)
    return Draft(
        severity="warning",
        title=f"{facts.name} of {facts.event} seems to be in two units",
        detail=(
            f"Most values are at most {plain(cluster.largest_below):,}, then hardly any, then"
            f" {cluster.rows:,} rows from {plain(cluster.smallest):,} up."
            + (
                f" These are {' and '.join(name for name, _ in where)}."
                if 0 < len(where) < MANY
                else ""
            )
        ),
        evidence=Evidence(
            figures=(
                Figure(label="rows in the larger unit", value=cluster.rows, unit="rows"),
                Figure(label="share", value=percent(cluster.rows, facts.filled), unit="%"),
                Figure(label="largest of the others", value=plain(cluster.largest_below)),
                Figure(label="they begin at", value=plain(cluster.smallest)),
                Figure(label="largest", value=plain(int(facts.high or 0))),
            ),
            table=Table(
                columns=("category of the item", "rows in the larger unit"),
                rows=tuple((name, rows) for name, rows in where),
                total=len(where),
            )
            if where
            else None,
            look=shown(
                query(
                    "SELECT event_id, event, source, $c AS amount FROM events"
                    " WHERE event = $event AND $c >= $low",
                    event=facts.event,
                    c=column(facts.column),
                    low=cluster.smallest,
                )
            ),
        ),
        fix=(
            f"Do not sum {facts.name} over all of {facts.event}: add a `where` that keeps one kind,"
            " or convert the values before loading."
        ),
        gates=(Gate(kind="value goals", text=f"sums of {facts.name} mix the units"),),
        events=(facts.event,),
    )


def _where(survey: Survey, cluster: Cluster) -> list[tuple[str, int]]:
    """First level of the category of the rows in the higher cluster, most frequent first."""
    item = survey.item_id
    category = survey.context.catalog.items.get("category", {}).get("text")
    if item is None or category is None:
        return []
    tree = query(
        """
        SELECT split_part($category, ' > ', 1) AS name, count(*) AS n
        FROM events JOIN items ON items.item_id = $item
        WHERE event = $event AND $c >= $low GROUP BY ALL ORDER BY n DESC, name LIMIT 5
        """,
        category=column(category, table="items"),
        item=exp.column(item.name, table="events", quoted=True),
        event=cluster.facts.event,
        c=column(cluster.facts.column, table="events"),
        low=cluster.smallest,
    )
    return [(row["name"] or "(none)", row["n"]) for row in survey.rows(tree)]


def _names(where: list[tuple[str, int]]) -> str:
    return " and ".join(name for name, _ in where)


def _other_unit(facts: PropertyFacts, by: str, sides: list[tuple[str, int, float]]) -> Draft:
    low, high = sorted(level for _, _, level in sides)[:: len(sides) - 1]
    times = 10 ** (high - low)
    return Draft(
        severity="warning",
        title=(
            f"{facts.name} of {facts.event} differs about {times:,.0f}× between sources"
            if by == "source"
            else f"{facts.name} of {facts.event} changes about {times:,.0f}× from one day on"
        ),
        detail="That is what cents beside whole units, or another currency, look like.",
        evidence=Evidence(
            figures=(Figure(label="typical values differ", value=round(times, 1), unit="times"),),
            table=Table(
                columns=(by, "rows", f"typical {facts.name}"),
                rows=tuple(
                    (name, rows, float(f"{10 ** (level - MICRO_DIGITS):.3g}"))
                    for name, rows, level in sides
                ),
                total=len(sides),
            ),
        ),
        fix="Convert one side before loading, so that the whole history is in one unit.",
        gates=(Gate(kind="value goals", text=f"sums of {facts.name} mix the units"),),
        events=(facts.event,),
    )
