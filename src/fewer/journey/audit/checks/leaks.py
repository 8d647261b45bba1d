"""Events that happen at the same moment as a goal: they tell that it happened, not that it will."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from fewer.journey.audit.base import Draft, Evidence, Figure, Gate, Table, check
from fewer.journey.audit.sql import query
from fewer.journey.audit.survey import Survey, percent
from fewer.model.goal import Goal
from fewer.model.window import MINUTE

CLOSE: Final = 10 * MINUTE
MOST: Final = 0.5  # of those who reach the goal
TELLING: Final = 0.8  # of those who do the event reach the goal within CLOSE of it
ENOUGH: Final = 30  # people who reach the goal


@check("AU018", "Does an event give the goal away?")
def leaks(survey: Survey) -> Iterator[Draft]:
    """One finding per goal for which other events come minutes before it, for most people."""
    for goal in survey.context.goals:
        rows = survey.rows(_close(survey, goal))
        telling = [
            row
            for row in rows
            if row["converters"] >= ENOUGH
            and row["close"] > MOST * row["converters"]
            and row["close"] > TELLING * row["people"]
        ]
        if telling:
            yield _finding(goal, telling)


def _close(survey: Survey, goal: Goal) -> Any:
    return query(
        """
        WITH goal AS (
          SELECT person, min(ts) AS at FROM $reached AS reached
          WHERE ts < $as_of GROUP BY person
        )
        SELECT e.event, count(DISTINCT e.person) AS people,
               count(DISTINCT e.person) FILTER (WHERE e.ts <= goal.at AND e.ts >= goal.at - $close)
                 AS close,
               median(goal.at - e.ts) FILTER (WHERE e.ts <= goal.at AND e.ts >= goal.at - $close)
                 AS apart,
               (SELECT count(*) FROM goal) AS converters
        FROM events AS e LEFT JOIN goal ON goal.person = e.person
        WHERE e.ts < $as_of AND NOT $own
        GROUP BY e.event ORDER BY close DESC, e.event
        """,
        as_of=survey.context.as_of_us,
        close=CLOSE,
        reached=survey.reached(goal).subquery(),
        own=survey.named(goal.did, table="e"),
    )


def _finding(goal: Goal, telling: list[dict[str, Any]]) -> Draft:
    first = telling[0]
    names = [row["event"] for row in telling]
    return Draft(
        severity="warning",
        title=f"{' and '.join(names)} gives the goal {goal.title} away",
        detail=(
            f"{percent(first['close'], first['converters'])} % of the people who reach the goal"
            f" have {first['event']} in the ten minutes before it, and few have it otherwise. It"
            " is part of reaching the goal, not a sign that someone will."
        ),
        evidence=Evidence(
            figures=(
                Figure(label="reach the goal", value=first["converters"], unit="people"),
                Figure(
                    label=f"{first['event']} within 10 minutes before",
                    value=first["close"],
                    unit="people",
                ),
            ),
            table=Table(
                columns=(
                    "event",
                    "people with it",
                    "of these minutes before the goal",
                    "median seconds before",
                ),
                rows=tuple(
                    (r["event"], r["people"], r["close"], round((r["apart"] or 0) / 1e6, 1))
                    for r in telling
                ),
                total=len(telling),
            ),
        ),
        fix=(
            f"Do not define segments for {goal.id} by {' or '.join(names)}, or leave a gap:"
            f" `gap: 1d` on the goal."
        ),
        gates=(Gate(kind="goals", text=f"segments by {', '.join(names)} look too good"),),
    )
