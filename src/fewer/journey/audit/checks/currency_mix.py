"""Money in several currencies that would be added up as one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import sqlglot.expressions as exp

from fewer.journey.audit.base import Draft, Evidence, Figure, Gate, Table, check
from fewer.journey.audit.facts import PropertyFacts, percent
from fewer.journey.audit.sql import query
from fewer.journey.audit.survey import Survey

CURRENCY: Final = re.compile(r"(^|[_.])currency(_?code)?$", re.IGNORECASE)


@check("AU014", "Is all money in one currency?")
def currency_mix(survey: Survey) -> Iterator[Draft]:
    """One finding per currency property, one for goals, one for ad reports."""
    expected = survey.context.currency
    for facts in survey.properties:
        if facts.type == "text" and CURRENCY.search(facts.name):
            yield from _property(facts, expected)
    for goal in survey.context.goals:
        stated = goal.value.currency if goal.value else None
        if stated and expected and stated != expected:
            yield Draft(
                severity="warning",
                title=f"Goal {goal.title} is valued in {stated}, the project in {expected}",
                evidence=Evidence(figures=(Figure(label="goal", value=goal.id),)),
                fix=f"Value the goal in {expected}, or change `currency` in fewer.yaml.",
                gates=(Gate(kind="value goals", text="return on ad spend divides two currencies"),),
            )
    reports = {row["currency"]: row["n"] for row in survey.rows(_reports())}
    seen = sorted(currency for currency in reports if currency)
    if len(seen) > 1 or (expected and seen and seen != [expected]):
        yield Draft(
            severity="warning",
            title=f"Ad reports are in {' and '.join(seen)}",
            detail=f"The project is in {expected}." if expected else "",
            evidence=Evidence(
                table=Table(
                    columns=("currency", "report rows"),
                    rows=tuple(sorted(((c or "(none)", n) for c, n in reports.items()))),
                    total=len(reports),
                )
            ),
            fix="Import each account in one currency, or compare costs per account only.",
            gates=(Gate(kind="value goals", text="cost per action adds different currencies"),),
        )


def _reports() -> exp.Query:
    return query("SELECT currency, count(*) AS n FROM ad_reports GROUP BY currency")


def _property(facts: PropertyFacts, expected: str | None) -> Iterator[Draft]:
    main, rows = facts.top[0]
    if facts.distinct == 1 and (expected is None or main == expected):
        return
    several = facts.distinct > 1
    yield Draft(
        severity="warning",
        title=(
            f"{facts.event} is paid in {facts.distinct} currencies"
            if several
            else f"{facts.event} is in {main}, the project in {expected}"
        ),
        detail="A sum over them adds unlike things." if several else "",
        evidence=Evidence(
            figures=(
                Figure(label="currencies", value=facts.distinct),
                Figure(label=f"in {main}", value=percent(rows, facts.filled), unit="%"),
            ),
            table=Table(columns=("currency", "rows"), rows=tuple(facts.top), total=facts.distinct),
        ),
        fix=(
            f"Add `where: {{{facts.name}: {expected or main}}}` to goals and sums, or convert"
            " amounts to one currency before loading."
        ),
        gates=(Gate(kind="value goals", text="money must not be summed across currencies"),),
        events=(facts.event,),
    )
