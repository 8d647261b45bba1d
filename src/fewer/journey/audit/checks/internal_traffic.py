"""Your own people among the visitors: test systems, tools, made-up addresses."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

import sqlglot.expressions as exp

from fewer.journey.audit.base import Draft, Evidence, Figure, Gate, Table, check
from fewer.journey.audit.facts import percent
from fewer.journey.audit.sql import column, query, shown, sql, union
from fewer.journey.audit.survey import Survey

PLACE: Final = re.compile(
    r"(^|[._])(url|host|hostname|domain|page|href|location|referrer|referer|env|environment|ip)$",
    re.IGNORECASE,
)
OURS: Final = (
    r"(^|//|@)(localhost|127\.0\.0\.1|0\.0\.0\.0|\[::1\])([:/]|$)"
    r"|(^|//)[^/?#]*\b(staging|stage|preprod|uat|qa|dev|test|sandbox)\b[^/?#]*\.[a-z]"
    r"|\.(local|test|internal|localhost|example)([:/]|$)"
    r"|^(staging|stage|preprod|uat|qa|dev|development|test|testing|sandbox|local)$"
    r"|^(10\.|192\.168\.|172\.(1[6-9]|2[0-9]|3[01])\.)[0-9.]+$"
)
MADE_UP: Final = r"(^|[^a-z])(test|tester|testing|qa|dummy|fake)([^a-z]|$)|@example\.(com|org|net)$"


@check("AU021", "Is your own team among the visitors?")
def internal_traffic(survey: Survey) -> Iterator[Draft]:
    """One finding for events from test systems, one for people with made-up ids."""
    rows = _from_test_systems(survey)
    if rows:
        total = sum(row["n"] for row in rows)
        yield Draft(
            severity="warning",
            title=f"{total:,} events come from test systems or your own network",
            detail="Their address is local, private, or that of a staging system.",
            evidence=Evidence(
                figures=(
                    Figure(label="internal events", value=total, unit="rows"),
                    Figure(label="of all events", value=percent(total, survey.total), unit="%"),
                ),
                table=Table(
                    columns=("event", "property", "rows", "people"),
                    rows=tuple((r["event"], r["name"], r["n"], r["people"]) for r in rows),
                    total=len(rows),
                ),
            ),
            fix="Leave them out when loading: `when:` on that column, with `not_in`.",
            gates=(Gate(kind="segments", text="engaged segments contain your own team"),),
            events=tuple(sorted({r["event"] for r in rows})),
        )
    made_up = survey.rows(_made_up("SELECT count(*) AS people FROM persons"))[0]["people"]
    if made_up:
        yield Draft(
            severity="info",
            title=f"{made_up:,} people have an id that says test",
            evidence=Evidence(
                figures=(Figure(label="people with such an id", value=made_up, unit="people"),),
                look=shown(_made_up("SELECT person, key FROM persons")),
            ),
            fix="Put them on a list, and name a segment `in_list` of it under `exclude`.",
            gates=(Gate(kind="segments", text="small segments may hold test accounts"),),
        )


def _made_up(select: str) -> exp.Query:
    says_test = sql("regexp_matches(lower(key), $pattern)", pattern=MADE_UP)
    return query(select).where(says_test)


def _from_test_systems(survey: Survey) -> list[dict[str, Any]]:
    columns = {
        name: types["text"]
        for name, types in survey.context.catalog.properties.items()
        if "text" in types and PLACE.search(name)
    }
    tree = union(_matching(name, coded) for name, coded in sorted(columns.items()))
    return survey.rows(tree) if tree else []


def _matching(name: str, coded: str) -> exp.Query:
    return query(
        """
        SELECT event, $name AS name, sum(n)::BIGINT AS n, max(people) AS people
        FROM (SELECT event, $c AS v, count(*) AS n, count(DISTINCT person) AS people FROM events
              WHERE $c IS NOT NULL GROUP BY ALL) AS v
        WHERE regexp_matches(lower(v), $pattern) GROUP BY event
        """,
        name=name,
        c=column(coded),
        pattern=OURS,
    )
