"""Events that happen at the same moment as a goal: they tell that it happened, not that it will."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import sqlglot.expressions as exp

from fewer.journey.audit.base import Draft, Evidence, Figure, Gate, Table, check
from fewer.journey.audit.facts import percent
from fewer.journey.audit.sql import sql
from fewer.journey.audit.survey import Survey
from fewer.model.catalog import ITEM_PREFIX
from fewer.model.goal import Goal
from fewer.model.window import MINUTE, SECOND

CLOSE: Final = 10 * MINUTE
MOST: Final = 0.5  # of those who reach the goal
TELLING: Final = 0.8  # of those who do the event reach the goal within CLOSE of it
ENOUGH: Final = 30  # people who reach the goal


@check("AU018", "Does an event give the goal away?")
def leaks(survey: Survey) -> Iterator[Draft]:
    """One finding per goal for which other events come minutes before it, for most people."""
    goals = survey.context.goals
    if not goals:
        return
    rows = survey.rows(_close(survey, goals))
    for place, goal in enumerate(goals):
        close = [Close.read(row, place) for row in rows]
        telling = [each for each in close if each.tells(survey)]
        if telling:
            yield _finding(survey, goal, sorted(telling, key=lambda each: -each.people))


@dataclass(frozen=True, slots=True)
class Close:
    """An event that some people have minutes before their first conversion."""

    event: str
    people: int
    apart_us: float  # median
    converters: int  # with or without it

    @classmethod
    def read(cls, row: dict[str, Any], place: int) -> Close:
        """What a row of `_close` says of the goal at `place`."""
        people, apart = row[f"close{place}"], row[f"apart{place}"]
        return cls(row["event"], people, apart or 0.0, row[f"converters{place}"])

    def tells(self, survey: Survey) -> bool:
        """Whether most who convert have the event, and few others do."""
        return (
            self.converters >= ENOUGH
            and self.people > MOST * self.converters
            and self.people > TELLING * survey.events[self.event].people_before
        )


def _close(survey: Survey, goals: Sequence[Goal]) -> exp.Query:
    """By event: people who have it within minutes before each goal. Two passes for all goals."""
    firsts = exp.select("e.person").from_("events AS e").group_by("e.person")
    if any(name.startswith(ITEM_PREFIX) for goal in goals for name in goal.where or ()):
        firsts = survey.with_items(firsts)
    firsts = firsts.where(sql("e.ts < $as_of", as_of=survey.context.as_of_us))
    counted, near = [], []
    for place, goal in enumerate(goals):
        first = sql("min(e.ts) FILTER (WHERE $test)", test=survey.reaches(goal))
        firsts = firsts.select(exp.alias_(first, f"first{place}"), copy=False)
        at = exp.column(f"first{place}", table="f")
        test = sql(
            "e.ts BETWEEN $at - $minutes AND $at AND NOT $own",
            at=at,
            minutes=CLOSE,
            own=survey.named(goal.did, table="e"),
        )
        near.append(test)
        counted += [
            sql("count(DISTINCT e.person) FILTER (WHERE $test)", test=test).as_(f"close{place}"),
            sql("median($at - e.ts) FILTER (WHERE $test)", at=at, test=test).as_(f"apart{place}"),
            sql("(SELECT count($first) FROM f)", first=exp.column(f"first{place}")).as_(
                f"converters{place}"
            ),
        ]
    return (
        exp.select("e.event", *counted)
        .from_("events AS e")
        .join("f", on="f.person = e.person")
        .where(exp.or_(*near))
        .group_by("e.event")
        .order_by("e.event")
        .with_("f", as_=firsts, materialized=True)
    )


def _finding(survey: Survey, goal: Goal, telling: list[Close]) -> Draft:
    first = telling[0]
    names = [each.event for each in telling]
    verb = "gives" if len(names) == 1 else "give"
    return Draft(
        severity="warning",
        title=f"{' and '.join(names)} {verb} the goal {goal.title} away",
        detail=(
            f"{percent(first.people, first.converters)} % of the people who reach the goal"
            f" have {first.event} in the ten minutes before it, and few have it otherwise. It"
            " is part of reaching the goal, not a sign that someone will."
        ),
        evidence=Evidence(
            figures=(
                Figure(label="reach the goal", value=first.converters, unit="people"),
                Figure(
                    label=f"{first.event} within 10 minutes before",
                    value=first.people,
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
                        each.event,
                        survey.events[each.event].people_before,
                        each.people,
                        round(each.apart_us / SECOND, 1),
                    )
                    for each in telling
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
