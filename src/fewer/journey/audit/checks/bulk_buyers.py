"""People who buy far more than anyone else: resellers and companies among consumers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from fewer.journey.audit.base import Draft, Evidence, Figure, Gate, Table, check
from fewer.journey.audit.measures import amounts, fence
from fewer.journey.audit.sql import column, query, shown
from fewer.journey.audit.survey import PropertyFacts, Survey, percent, plain

ENOUGH: Final = 100  # people with a positive total
NOTABLE: Final = 0.01  # share of the whole that makes it worth saying


@check("AU008", "Do a few people buy for many?")
def bulk_buyers(survey: Survey) -> Iterator[Draft]:
    """One finding for each amount of which very few people hold a notable share."""
    for facts in amounts(survey):
        row = _totals(survey, facts)
        if row["people"] < ENOUGH:
            continue
        limit = fence(row["low"], row["middle"], row["high"])
        found = survey.rows(_bulk(facts, limit))[0]
        if found["people"] and found["amount"] > NOTABLE * row["amount"]:
            yield _finding(facts, row, limit, found)


def _totals(survey: Survey, facts: PropertyFacts) -> dict[str, Any]:
    tree = query(
        """
        SELECT count(*) AS people, sum(total)::DOUBLE AS amount,
               quantile_disc(total, 0.25) AS low, quantile_disc(total, 0.5) AS middle,
               quantile_disc(total, 0.75) AS high
        FROM (SELECT person, sum($c)::BIGINT AS total FROM events
              WHERE event = $event AND $c > 0 GROUP BY person) AS totals
        """,
        event=facts.event,
        c=column(facts.column),
    )
    return survey.rows(tree)[0]


def _bulk(facts: PropertyFacts, limit: int) -> Any:
    return query(
        """
        SELECT count(*) AS people, coalesce(sum(total), 0)::DOUBLE AS amount,
               max(total, 3) AS largest, coalesce(sum(n), 0)::BIGINT AS n
        FROM (SELECT person, sum($c)::BIGINT AS total, count(*) AS n FROM events
              WHERE event = $event AND $c > 0 GROUP BY person HAVING sum($c) > $limit) AS totals
        """,
        event=facts.event,
        c=column(facts.column),
        limit=limit,
    )


def _finding(facts: PropertyFacts, row: dict[str, Any], limit: int, found: dict[str, Any]) -> Draft:
    share = percent(found["amount"], row["amount"])
    return Draft(
        severity="warning",
        title=(
            f"{found['people']:,} bulk buyers hold {share} % of all {facts.name} of {facts.event}"
        ),
        detail="They behave like businesses. Segments by amount find them instead of customers.",
        evidence=Evidence(
            figures=(
                Figure(label="bulk buyers", value=found["people"], unit="people"),
                Figure(label="of people with this event", value=row["people"], unit="people"),
                Figure(label="their rows", value=found["n"], unit="rows"),
                Figure(label=f"share of all {facts.name}", value=share, unit="%"),
                Figure(label="a usual person's total", value=plain(row["middle"])),
                Figure(label="bulk begins above", value=plain(limit)),
            ),
            table=Table(
                columns=(f"largest totals of {facts.name}",),
                rows=tuple((plain(value),) for value in found["largest"]),
                total=found["people"],
            ),
            look=shown(
                query(
                    "SELECT person, sum($c) AS total FROM events WHERE event = $event AND $c > 0"
                    " GROUP BY person HAVING sum($c) > $limit ORDER BY total DESC",
                    event=facts.event,
                    c=column(facts.column),
                    limit=limit,
                )
            ),
        ),
        fix=(
            f"Exclude them: a segment with `did: {facts.event}` and `sum: {{of: {facts.name},"
            f" more_than: {plain(limit)}}}`, named under `exclude` in fewer.yaml."
        ),
        gates=(Gate(kind="value goals", text="value per person is theirs, not your customers'"),),
    )
