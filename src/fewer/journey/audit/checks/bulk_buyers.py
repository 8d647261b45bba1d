"""People who buy far more than anyone else: resellers and companies among consumers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import sqlglot.expressions as exp

from fewer.journey.audit.base import Draft, Evidence, Figure, Gate, Table, check
from fewer.journey.audit.facts import PropertyFacts, percent, plain
from fewer.journey.audit.measures import OUTSIDE, UNDOES, amounts, fence
from fewer.journey.audit.sql import column, query, shown, sql, union
from fewer.journey.audit.survey import Survey

ENOUGH: Final = 100  # people with a positive total
FAR: Final = 10  # times the usual person
FEW: Final = 0.05  # share of people; more are no exception
NOTABLE: Final = 0.01  # share of the whole that makes it worth saying


@check("AU008", "Do a few people buy for many?")
def bulk_buyers(survey: Survey) -> Iterator[Draft]:
    """One finding for each amount of which very few people hold a notable share.

    Of events that goals name; of all, where there are no goals.
    """
    aims = {name for goal in survey.context.goals for name in goal.did}
    bought = [
        facts
        for facts in amounts(survey)
        if not UNDOES.search(facts.event) and (facts.event in aims or not aims)
    ]
    usual = _run(survey, bought, USUAL)
    limits = {
        key: max(fence(row["low"], row["middle"], row["high"], width=OUTSIDE), FAR * row["middle"])
        for key, row in usual.items()
        if row["people"] >= ENOUGH
    }
    wanted = [facts for facts in bought if _key(facts) in limits]
    found = _run(survey, wanted, BEYOND, limits)
    for facts in wanted:
        row, whole = found[_key(facts)], usual[_key(facts)]
        few = 0 < row["people"] <= FEW * whole["people"]
        if few and row["amount"] > NOTABLE * whole["amount"]:
            yield _finding(facts, whole, limits[_key(facts)], row)


USUAL: Final = """
    SELECT $event AS event, $name AS name, count(*) AS people, sum($c)::DOUBLE AS amount,
           quantile_disc($c, 0.25) AS low, quantile_disc($c, 0.5) AS middle,
           quantile_disc($c, 0.75) AS high
    FROM totals WHERE event = $event AND $c > $limit
"""
BEYOND: Final = """
    SELECT $event AS event, $name AS name, count(*) AS people,
           coalesce(sum($c), 0)::DOUBLE AS amount, max($c, 3) AS largest,
           coalesce(sum(n), 0)::BIGINT AS n
    FROM totals WHERE event = $event AND $c > $limit
"""


def _key(facts: PropertyFacts) -> tuple[str, str]:
    return facts.event, facts.name


def _run(
    survey: Survey,
    bought: list[PropertyFacts],
    text: str,
    limits: Mapping[tuple[str, str], int] | None = None,
) -> dict[tuple[str, str], dict[str, Any]]:
    """One row for each amount, from the totals of each person: one pass for all."""
    tree = union(
        query(
            text,
            event=facts.event,
            name=facts.name,
            c=column(facts.column),
            limit=(limits or {}).get(_key(facts), 0),
        )
        for facts in bought
    )
    if tree is None:
        return {}
    totals = exp.select("event", "person", "count(*) AS n").from_("events").group_by("ALL")
    for coded in sorted({facts.column for facts in bought}):
        total = sql("(sum(greatest($c, 0)))::BIGINT", c=column(coded))
        totals = totals.select(exp.alias_(total, coded, quoted=True), copy=False)
    rows = survey.rows(tree.with_("totals", as_=totals, materialized=True))
    return {(row["event"], row["name"]): row for row in rows}


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
