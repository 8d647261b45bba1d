"""Events that happen at the same moment as a goal: they tell that it happened, not that it will."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import sqlglot.expressions as exp

from fewer.journey.audit.base import Draft, Evidence, Figure, Gate, Table, check
from fewer.journey.audit.facts import percent
from fewer.journey.audit.sql import query, union
from fewer.journey.audit.survey import Survey
from fewer.model.goal import Goal
from fewer.model.window import MINUTE

CLOSE: Final = 10 * MINUTE
MOST: Final = 0.5  # of those who reach the goal
TELLING: Final = 0.8  # of those who do the event reach the goal within CLOSE of it
ENOUGH: Final = 30  # people who reach the goal


@check("AU018", "Does an event give the goal away?")
def leaks(survey: Survey) -> Iterator[Draft]:
    """One finding per goal for which other events come minutes before it, for most people."""
    tree = union(_close(survey, goal) for goal in survey.context.goals)
    rows = survey.rows(tree) if tree else []
    for goal in survey.context.goals:
        telling = [row for row in rows if row["goal"] == goal.id and _tells(survey, row)]
        if telling:
            yield _finding(survey, goal, telling)


def _tells(survey: Survey, row: dict[str, Any]) -> bool:
    return bool(
        row["converters"] >= ENOUGH
        and row["close"] > MOST * row["converters"]
        and row["close"] > TELLING * survey.events[row["event"]].people_before
    )


def _close(survey: Survey, goal: Goal) -> exp.Query:
    """Other events within minutes before each person's first conversion."""
    return query(
        """
        SELECT $goal AS goal, e.event, count(DISTINCT e.person) AS close,
               median(reached.at - e.ts) AS apart, min(reached.converters) AS converters
        FROM (
          SELECT person, min(ts) AS at, count(*) OVER () AS converters FROM $reached AS each
          WHERE ts < $as_of GROUP BY person
        ) AS reached
        JOIN events AS e
          ON e.person = reached.person AND e.ts BETWEEN reached.at - $minutes AND reached.at
        WHERE NOT $own GROUP BY e.event
        """,
        goal=goal.id,
        as_of=survey.context.as_of_us,
        minutes=CLOSE,
        reached=survey.reached(goal).subquery(),
        own=survey.named(goal.did, table="e"),
    )


def _finding(survey: Survey, goal: Goal, telling: list[dict[str, Any]]) -> Draft:
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
                    (
                        r["event"],
                        survey.events[r["event"]].people_before,
                        r["close"],
                        round((r["apart"] or 0) / 1e6, 1),
                    )
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
