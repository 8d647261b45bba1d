"""Events stored twice under different ids, events repeated within a second, and refused repeats."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import sqlglot.expressions as exp

from fewer.journey.audit.base import Draft, Evidence, Figure, Gate, SourceFacts, Table, check
from fewer.journey.audit.facts import percent
from fewer.journey.audit.sql import column, query, shown, sql
from fewer.journey.audit.survey import Survey
from fewer.model.window import SECOND

MANY: Final = 0.01  # share of an event's rows above which counts are misleading
NEAR: Final = 0.001


@check("AU003", "Does the same action appear more than once?")
def duplicates(survey: Survey) -> Iterator[Draft]:
    """Exact copies, repeats within the same second, and repeats that ingestion refused."""
    found = survey.rows(_equal(survey)) if survey.total else []
    copies = [row | {"extra": row["copies"]} for row in found if row["copies"]]
    if copies:
        yield _copies(survey, copies)
    repeats = [
        row | {"extra": row["repeats"]}
        for row in found
        if row["repeats"] > NEAR * survey.events[row["event"]].rows
    ]
    if repeats:
        yield _repeats(survey, repeats)
    refused = [facts for facts in survey.context.sources if facts.rows_repeated]
    if refused:
        yield _refused(refused)


def _copies(survey: Survey, copies: list[dict[str, Any]]) -> Draft:
    extra = sum(row["extra"] for row in copies)
    many = any(row["extra"] > MANY * survey.events[row["event"]].rows for row in copies)
    return Draft(
        severity="warning" if many else "info",
        title=f"{extra:,} events are exact copies of another one",
        detail=(
            "Same person, event, time and properties, yet stored as separate actions because the"
            " source gives no event id, or a different one each time."
        ),
        evidence=Evidence(
            figures=(
                Figure(label="copies beyond the first", value=extra, unit="rows"),
                Figure(label="of all events", value=percent(extra, survey.total), unit="%"),
            ),
            table=_table(survey, copies),
            look=shown(_copied_rows(survey)),
        ),
        fix=(
            "If one row is one action, give the mapping an `id:` that the source repeats (order and"
            " line number), so that copies are refused. If two equal lines are two sales, leave it."
        ),
        gates=(Gate(kind="value goals", text="counts and sums on these events are too high"),),
        events=tuple(row["event"] for row in copies) if many else (),
    )


def _repeats(survey: Survey, repeats: list[dict[str, Any]]) -> Draft:
    extra = sum(row["extra"] for row in repeats)
    return Draft(
        severity="info",
        title=f"{extra:,} events follow an equal one within the same second",
        detail="Same person, event and properties a moment later: a tag that fires twice.",
        evidence=Evidence(
            figures=(Figure(label="repeats", value=extra, unit="rows"),),
            table=_table(survey, repeats),
        ),
        fix="Fix the tag. Until then use `days` or `distinct` rather than `count` on these events.",
        gates=(Gate(kind="segments", text="frequency counts on these events are too high"),),
    )


def _refused(sources: list[SourceFacts]) -> Draft:
    total = sum(facts.rows_repeated for facts in sources)
    return Draft(
        severity="info",
        title=f"{total:,} repeated rows were left out when loading",
        detail="Their event id was stored before on the same day; each is kept once.",
        evidence=Evidence(
            figures=(Figure(label="repeated rows", value=total, unit="rows"),),
            table=Table(
                columns=("source", "repeated rows", "rows read"),
                rows=tuple((f.source, f.rows_repeated, f.rows_read) for f in sources),
                total=len(sources),
            ),
        ),
        fix="Nothing to do, if the source delivers rows more than once.",
    )


def _table(survey: Survey, rows: list[dict[str, Any]]) -> Table:
    return Table(
        columns=("event", "extra rows", "% of the event's rows"),
        rows=tuple(
            (row["event"], row["extra"], percent(row["extra"], survey.events[row["event"]].rows))
            for row in rows
        ),
        total=len(rows),
    )


def _same(survey: Survey) -> list[exp.Column]:
    """What makes two rows equal in every respect but their id."""
    coded = sorted(
        c for types in survey.context.catalog.properties.values() for c in types.values()
    )
    return [exp.column(name) for name in ("event", "person", "ts", "source")] + [
        column(name) for name in coded
    ]


def _equal(survey: Survey) -> exp.Query:
    """Rows beyond the first that equal another: at the same instant, or later in its second.

    Rows are grouped by a hash first and compared in full only where two hashes agree, which is
    several times faster than grouping all rows by all columns.
    """
    second = sql("ts // $second", second=SECOND)
    properties = [node for node in _same(survey) if node.name != "ts"]
    content = exp.func("hash", second, *properties, dialect="duckdb")
    groups = (
        sql(
            """
            SELECT event, count(*) AS n, len(list_distinct(list(ts))) AS instants
            FROM events
            WHERE ts >= 0 AND $content IN (
              SELECT $content FROM events WHERE ts >= 0 GROUP BY ALL HAVING count(*) > 1
            )
            """,
            content=content,
        )
        .group_by(second, *properties)
        .having(exp.Count(this=exp.Star()) > 1)
    )
    return query(
        """
        SELECT event, sum(n - instants)::BIGINT AS copies, sum(instants - 1)::BIGINT AS repeats
        FROM $groups AS twice GROUP BY event ORDER BY copies DESC, event
        """,
        groups=groups.subquery(),
    )


def _copied_rows(survey: Survey) -> exp.Query:
    same = _same(survey)
    return (
        exp.select(*same, exp.alias_(exp.Count(this=exp.Star()), "copies"))
        .from_("events")
        .group_by(*same)
        .having(exp.Count(this=exp.Star()) > 1)
        .order_by("copies DESC")
    )
