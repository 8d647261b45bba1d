"""Visitors that are programs: by how fast they act, and by what they call themselves."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from fewer.journey.audit.base import Draft, Evidence, Figure, Gate, Table, check
from fewer.journey.audit.facts import percent
from fewer.journey.audit.sql import column, query, shown
from fewer.journey.audit.survey import Survey
from fewer.model.window import DAY, HOUR

AN_HOUR: Final = 360  # moments of activity in one hour: one every ten seconds, without a pause
A_DAY: Final = 20  # different hours of one day with activity
AGENT: Final = re.compile(r"(^|[._])(user_?agent|ua)$", re.IGNORECASE)
AGENTS: Final = 5_000  # distinct user agents looked at, most frequent first
SHOWN: Final = 8


@check("AU009", "How much of the activity comes from bots?")
def bots(survey: Survey) -> Iterator[Draft]:
    """One finding for inhuman rates, one for crawlers that say so."""
    fast = survey.rows(_fast())[0] if survey.total else {"people": 0}
    if fast["people"]:
        yield _by_rate(survey, fast)
    for name in sorted(survey.context.catalog.properties):
        coded = survey.column(name)
        if coded is not None and AGENT.search(name):
            crawlers = _crawlers(survey, coded.name)
            if crawlers:
                yield _by_agent(survey, name, coded.name, crawlers)


def _fast() -> Any:
    return query(
        """
        WITH busy AS (
          SELECT person, ts // $hour AS hour, count(DISTINCT ts) AS moments, count(*) AS n
          FROM events WHERE ts >= 0 GROUP BY ALL
        ), daily AS (
          SELECT person, hour * $hour // $day AS day, max(moments) AS fastest,
                 count(*) AS hours, sum(n) AS n
          FROM busy GROUP BY ALL
        ), bots AS (
          SELECT person, max(fastest) AS fastest, max(hours) AS hours
          FROM daily WHERE fastest >= $rate OR hours >= $awake GROUP BY person
        )
        SELECT count(*) AS people, count(*) FILTER (WHERE fastest >= $rate) AS fast,
               count(*) FILTER (WHERE hours >= $awake) AS sleepless,
               coalesce(max(fastest), 0) AS fastest,
               (SELECT count(*) FROM events WHERE person IN (SELECT person FROM bots)) AS n
        FROM bots
        """,
        hour=HOUR,
        day=DAY,
        rate=AN_HOUR,
        awake=A_DAY,
    )


def _by_rate(survey: Survey, row: dict[str, Any]) -> Draft:
    return Draft(
        severity="warning",
        title=f"{row['people']:,} people act faster or longer than humans do",
        detail=(
            f"At least {AN_HOUR} separate moments within an hour, or activity in {A_DAY} or more"
            " hours of one day."
        ),
        evidence=Evidence(
            figures=(
                Figure(label="suspicious people", value=row["people"], unit="people"),
                Figure(label="too fast", value=row["fast"], unit="people"),
                Figure(label="never asleep", value=row["sleepless"], unit="people"),
                Figure(label="most moments in one hour", value=row["fastest"]),
                Figure(label="their events", value=row["n"], unit="rows"),
                Figure(label="of all events", value=percent(row["n"], survey.total), unit="%"),
            ),
            look=shown(
                query(
                    "SELECT person, ts // $hour AS hour, count(DISTINCT ts) AS moments FROM events"
                    " GROUP BY ALL HAVING count(DISTINCT ts) >= $rate ORDER BY moments DESC",
                    hour=HOUR,
                    rate=AN_HOUR,
                )
            ),
        ),
        fix=(
            f'Exclude them by default: a segment with `did: "*"` and `burst: {{count: {AN_HOUR},'
            " in: 1h}`, named under `exclude` in fewer.yaml."
        ),
        gates=(
            Gate(kind="segments", text="frequency segments fill with them"),
            Gate(kind="goals", text="conversion rates are divided by visitors that can't buy"),
        ),
    )


def _crawlers(survey: Survey, coded: str) -> list[dict[str, Any]]:
    """Distinct user agents that are crawlers, with rows and people."""
    import crawleruseragents  # noqa: PLC0415  compiles a thousand patterns when loaded

    tree = query(
        "SELECT $c AS agent, count(*) AS n, count(DISTINCT person) AS people FROM events"
        " WHERE $c IS NOT NULL GROUP BY ALL ORDER BY n DESC, agent LIMIT $agents",
        c=column(coded),
        agents=AGENTS,
    )
    return [row for row in survey.rows(tree) if crawleruseragents.is_crawler(row["agent"])]


def _by_agent(survey: Survey, name: str, coded: str, crawlers: list[dict[str, Any]]) -> Draft:
    rows = sum(row["n"] for row in crawlers)
    agents = [row["agent"] for row in crawlers]
    return Draft(
        severity="warning",
        title=f"{rows:,} events come from crawlers that say so",
        detail=f"Their {name} is that of a known crawler, monitor or script.",
        evidence=Evidence(
            figures=(
                Figure(label="events of crawlers", value=rows, unit="rows"),
                Figure(label="of all events", value=percent(rows, survey.total), unit="%"),
                Figure(label="different user agents", value=len(crawlers)),
            ),
            table=Table(
                columns=("user agent", "rows", "people"),
                rows=tuple((r["agent"][:120], r["n"], r["people"]) for r in crawlers[:SHOWN]),
                total=len(crawlers),
            ),
            look=shown(
                query(
                    "SELECT DISTINCT person FROM events WHERE $in",
                    **{"in": column(coded).isin(*agents[:SHOWN])},
                )
            ),
        ),
        fix=(
            f"Leave them out when loading, with `when: {{{name}: {{not_in: [...]}}}}`, or exclude"
            f" them with a segment that tests {name}."
        ),
        gates=(Gate(kind="segments", text="visits and views count programs as people"),),
        events=tuple(sorted({f.event for f in survey.properties if f.name == name})),
    )
