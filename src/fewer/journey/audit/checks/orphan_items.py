"""Items that events refer to and the catalogue does not know."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Final

from fewer.journey.audit.base import Draft, Evidence, Figure, Gate, Table, check
from fewer.journey.audit.facts import percent
from fewer.journey.audit.sql import query, shown
from fewer.journey.audit.survey import Survey

MANY, MOST = 0.01, 0.2  # share of rows with an item
SHOWN: Final = 10


@check("AU011", "Does every item an event names exist in the catalogue?")
def orphan_items(survey: Survey) -> Iterator[Draft]:
    """One finding when events name items that are not in the catalogue."""
    item = survey.item_id
    if item is None:
        return
    joined = {row["event"]: row for row in survey.joins}
    rows = sum(row["named"] for row in joined.values())
    orphans = sum(row["orphans"] for row in joined.values())
    if not orphans:
        return
    share = orphans / rows
    counts: Counter[str] = Counter()
    for row in joined.values():
        for each in row["unknown"] or ():
            counts[each["item"]] += each["n"]
    worst = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[:SHOWN]
    empty = survey.items == 0
    yield Draft(
        severity="info" if share < MANY else "error" if share > MOST and not empty else "warning",
        title=(
            "Events name items, but there is no catalogue of items"
            if empty
            else f"{orphans:,} events name items the catalogue does not have"
        ),
        detail="Conditions on item.category, item.brand and so on are false for them.",
        evidence=Evidence(
            figures=(
                Figure(label="rows with an unknown item", value=orphans, unit="rows"),
                Figure(label="rows with an item", value=rows, unit="rows"),
                Figure(label="share", value=percent(orphans, rows), unit="%"),
                Figure(label="unknown items", value=len(counts), unit="items"),
                Figure(label="items in the catalogue", value=survey.items, unit="items"),
            ),
            table=Table(
                columns=("item", "rows"),
                rows=tuple(worst),
                total=len(counts),
            ),
            look=shown(
                query(
                    "SELECT $c AS item_id, event, count(*) AS n FROM events WHERE $c IS NOT NULL"
                    " AND $c NOT IN (SELECT item_id FROM items) GROUP BY ALL ORDER BY n DESC",
                    c=item,
                )
            ),
        ),
        fix=(
            "Add an `items` mapping to fewer.yaml for your product file."
            if empty
            else "Export the catalogue with discontinued items, and check that both sides write"
            " item ids alike (leading zeros, upper case, variants)."
        ),
        gates=(Gate(kind="interest", text="category segments miss the people behind these rows"),),
        events=tuple(
            event for event, row in joined.items() if row["orphans"] > MANY * row["named"]
        ),
    )
