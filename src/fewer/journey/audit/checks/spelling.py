"""The same value written in several ways."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import sqlglot.expressions as exp

from fewer.journey.audit.base import Draft, Evidence, Figure, Gate, Table, check
from fewer.journey.audit.facts import PropertyFacts
from fewer.journey.audit.sql import column, query, union
from fewer.journey.audit.survey import Survey

LARGEST: Final = 2_000  # distinct values; more are free text or ids, where variants mean little
SHOWN: Final = 10


@check("AU026", "Is each value written in one way?")
def spelling(survey: Survey) -> Iterator[Draft]:
    """One finding that lists values which differ in case, spacing or hyphens only."""
    groups = (
        ("events", survey.properties),
        ("people", survey.traits),
        ("items", survey.attributes),
    )
    suspects = [
        (relation, facts)
        for relation, group in groups
        for facts in group
        if facts.type == "text" and not facts.masked
        if facts.folded < facts.distinct <= LARGEST or facts.padded
    ]
    tree = union(_variants(relation, facts) for relation, facts in suspects)
    found = survey.rows(tree) if tree else []
    if not found:
        return
    names = sorted({row["name"] for row in found})
    yield Draft(
        severity="warning",
        title=f"{len(found):,} values of {', '.join(names[:3])} are written in several ways",
        detail="They differ in upper case, spaces or hyphens only, and conditions tell them apart.",
        evidence=Evidence(
            figures=(Figure(label="values with variants", value=len(found)),),
            table=Table(
                columns=("property", "written as", "rows"),
                rows=tuple(
                    (row["name"], " | ".join(row["ways"]), row["n"]) for row in found[:SHOWN]
                ),
                total=len(found),
            ),
        ),
        fix="Use `ignore_case: true` in conditions, or unify them with `map:` in the mapping.",
        gates=(Gate(kind="segments", text="a condition on one spelling misses the others"),),
    )


def _variants(relation: str, facts: PropertyFacts) -> exp.Query:
    event = _of_event(relation, facts)
    return query(
        """
        SELECT $name AS name, sum(n)::BIGINT AS n, list_slice(list_sort(list(v)), 1, 4) AS ways
        FROM (SELECT $c AS v, count(*) AS n FROM $relation WHERE $event AND $c IS NOT NULL
              GROUP BY ALL) AS v
        GROUP BY lower(regexp_replace(trim(v), '[\\s_-]+', ' ', 'g'))
        HAVING count(*) > 1 ORDER BY n DESC, ways
        """,
        name=facts.name,
        c=column(facts.column),
        relation=exp.to_identifier(relation),
        event=event,
    )


def _of_event(relation: str, facts: PropertyFacts) -> exp.Expr:
    return exp.column("event").eq(facts.event) if relation == "events" else exp.true()
