"""Single rows with an amount far beyond all others: typing errors, tests, wholesale orders."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import sqlglot.expressions as exp

from fewer.journey.audit.base import Draft, Evidence, Figure, Gate, Table, check
from fewer.journey.audit.facts import PropertyFacts, percent, plain
from fewer.journey.audit.measures import fence
from fewer.journey.audit.sql import column, query, shown, sql, union
from fewer.journey.audit.survey import Survey

ENOUGH: Final = 100  # rows with a positive amount, before "usual" means anything
VARIED: Final = 10  # distinct values; fewer are a scale or a code
FAR: Final = 10  # times the 99th percentile
FEW: Final = 0.005  # share of rows; more are no outliers but another kind of row
NOTABLE: Final = 0.01  # share of the whole amount
SHOWN: Final = 5


@check("AU007", "Are there single rows with impossible amounts?")
def outliers(survey: Survey) -> Iterator[Draft]:
    """One finding for each event and property with rows far above the 99th percentile."""
    measured = [
        (facts, limit)
        for facts in survey.properties
        if facts.type == "number" and facts.distinct >= VARIED and facts.filled >= ENOUGH
        if (limit := _limit(facts)) is not None and int(facts.high or 0) > limit
    ]
    if not measured:
        return
    found = {(r["event"], r["name"]): r for r in survey.rows(_beyond(measured))}
    for facts, limit in measured:
        row = found.get((facts.event, facts.name))
        if row and row["n"] <= FEW * facts.filled:
            yield _finding(facts, limit, row)


def _limit(facts: PropertyFacts) -> int | None:
    if not facts.positive:
        return None
    low, middle, high, nearly_all = facts.positive
    return max(FAR * nearly_all, fence(low, middle, high))


def _beyond(measured: list[tuple[PropertyFacts, int]]) -> exp.Query:
    """Rows and people beyond each limit, the amount they hold and the largest: one pass."""
    limits = [
        sql("event = $event AND $c > $limit", event=f.event, c=column(f.column), limit=limit)
        for f, limit in measured
    ]
    far = exp.select("*").from_("events").where(exp.or_(*limits))
    parts = [
        query(
            """
            SELECT $event AS event, $name AS name, count(*) AS n,
                   count(DISTINCT person) AS people, sum($c)::DOUBLE AS amount,
                   max($c, $top) AS largest
            FROM far WHERE $beyond HAVING count(*) > 0
            """,
            event=facts.event,
            name=facts.name,
            c=column(facts.column),
            top=SHOWN,
            beyond=beyond,
        )
        for (facts, _), beyond in zip(measured, limits, strict=True)
    ]
    whole = union(parts)
    assert whole is not None  # noqa: S101  something is measured
    return whole.with_("far", as_=far, materialized=True)


def _finding(facts: PropertyFacts, limit: int, row: dict[str, Any]) -> Draft:
    share = percent(row["amount"], facts.total) if facts.total > 0 else 0.0
    heavy = row["amount"] > NOTABLE * facts.total
    one = row["n"] == 1
    return Draft(
        severity="warning" if heavy else "info",
        title=(
            f"{row['n']:,} {'row' if one else 'rows'} of {facts.event}"
            f" {'has' if one else 'have'} an extreme {facts.name}"
        ),
        detail=f"{'It holds' if one else 'They hold'} {share} % of all {facts.name}"
        + (", enough to decide sums and means." if heavy else "."),
        evidence=Evidence(
            figures=(
                Figure(label="rows beyond the limit", value=row["n"], unit="rows"),
                Figure(label="people behind them", value=row["people"], unit="people"),
                Figure(label="limit", value=plain(limit)),
                Figure(
                    label="half of the rows above zero have at most", value=plain(facts.positive[1])
                ),
                Figure(label="99 % of them have at most", value=plain(facts.positive[-1])),
                Figure(label=f"share of all {facts.name}", value=share, unit="%"),
            ),
            table=Table(
                columns=(f"largest {facts.name}",),
                rows=tuple((plain(value),) for value in row["largest"]),
                total=row["n"],
            ),
            look=shown(
                query(
                    "SELECT event_id, person, ts, $c AS amount FROM events"
                    " WHERE event = $event AND $c > $limit ORDER BY amount DESC",
                    event=facts.event,
                    c=column(facts.column),
                    limit=limit,
                )
            ),
        ),
        fix=(
            f"Look at the rows. Errors: correct them at the source, or refuse them with"
            f" `when: {{{facts.name}: {{at_most: {plain(limit)}}}}}` on the raw column. Real ones:"
            " keep them, and use counts rather than sums to define segments."
        ),
        gates=(
            Gate(
                kind="value goals", text=f"sums and means of {facts.name} are decided by few rows"
            ),
        )
        if heavy
        else (),
        events=(facts.event,),
    )
