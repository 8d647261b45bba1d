"""Returns and cancellations: negative amounts among positive ones, and events that undo others."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from fewer.journey.audit.base import Draft, Evidence, Figure, Gate, Table, check
from fewer.journey.audit.facts import PropertyFacts, percent, plain
from fewer.journey.audit.measures import MONEY, UNDOES
from fewer.journey.audit.sql import column, query, shown
from fewer.journey.audit.survey import Survey

FREE: Final = 0.001  # share of rows with an amount of zero worth a word


@check("AU015", "Are cancellations, returns and zero amounts told apart from sales?")
def negative_values(survey: Survey) -> Iterator[Draft]:
    """One finding for events that undo others, one per event with negative or zero amounts."""
    undoing = [facts for event, facts in survey.events.items() if UNDOES.search(event)]
    if undoing:
        yield _cancelled(survey, [facts.event for facts in undoing])
    for event in survey.events:
        if UNDOES.search(event):
            continue
        amounts = [f for f in survey.of_event(event) if f.type == "number" and MONEY.search(f.name)]
        below = [f for f in amounts if f.negative]
        if below:
            yield _negative(event, below)
        free = [f for f in amounts if f.zero > FREE * f.filled]
        if free:
            yield _zero(event, free)


def _cancelled(survey: Survey, names: list[str]) -> Draft:
    rows = sum(survey.events[name].rows for name in names)
    goals = [
        goal
        for goal in survey.context.goals
        if not goal.reversed_by and not set(goal.did) & set(names)
        if any(MONEY.search(f.name) for event in goal.did for f in survey.of_event(event))
    ]
    amounts = [
        (f.event, f.name, plain(f.total))
        for name in names
        for f in survey.of_event(name)
        if f.type == "number" and MONEY.search(f.name)
    ]
    unaware = bool(goals)
    title = f"{rows:,} {' and '.join(names)} events take back what was counted before"
    return Draft(
        severity="warning" if unaware else "info",
        title=title,
        detail=(
            f"Goals that do not know of them: {', '.join(goal.id for goal in goals)}."
            if unaware
            else "Every goal that they could take back names them in `reversed_by`, or none is set."
        ),
        evidence=Evidence(
            figures=(
                Figure(label="events that undo", value=rows, unit="rows"),
                Figure(label="of all events", value=percent(rows, survey.total), unit="%"),
                *(
                    Figure(
                        label=f"people with {name}", value=survey.events[name].people, unit="people"
                    )
                    for name in names
                ),
            ),
            table=Table(columns=("event", "amount", "sum"), rows=tuple(amounts), total=len(amounts))
            if amounts
            else None,
        ),
        fix=(
            "Give these goals `reversed_by: {did: "
            f"{names[0]}, same: [...]}}` with the properties that tie it to the sale."
            if unaware
            else "Nothing to do."
        ),
        gates=(Gate(kind="value goals", text="revenue counts sales that were taken back"),)
        if unaware
        else (),
    )


def _negative(event: str, below: list[PropertyFacts]) -> Draft:
    most = max(below, key=lambda f: f.negative)
    return Draft(
        severity="warning",
        title=f"{most.negative:,} {event} rows have a negative {most.name}",
        detail="They look like returns or corrections stored as the same event as sales.",
        evidence=Evidence(
            figures=(
                Figure(label="rows below zero", value=most.negative, unit="rows"),
                Figure(label="share", value=percent(most.negative, most.filled), unit="%"),
            ),
            table=Table(
                columns=("property", "rows below zero", "smallest"),
                rows=tuple((f.name, f.negative, plain(int(f.low or 0))) for f in below),
                total=len(below),
            ),
            look=shown(
                query(
                    "SELECT event_id, source, ts, $c AS amount FROM events"
                    " WHERE event = $event AND $c < 0 ORDER BY amount",
                    event=event,
                    c=column(most.column),
                )
            ),
        ),
        fix=(
            f"Map them to an event of their own: `when: {{{most.name}: {{less_than: 0}}}}` on one"
            " mapping and `{at_least: 0}` on the other; then name it in the goal's `reversed_by`."
        ),
        gates=(
            Gate(kind="goals", text=f"a return counts as one more {event}"),
            Gate(kind="value goals", text="sums are net of returns, counts are not"),
        ),
        events=(event,),
    )


def _zero(event: str, free: list[PropertyFacts]) -> Draft:
    most = max(free, key=lambda f: f.zero / f.filled)
    return Draft(
        severity="info",
        title=f"{most.zero:,} {event} rows have a {most.name} of zero",
        detail="Gifts, samples, corrections, or amounts that were not recorded.",
        evidence=Evidence(
            figures=(
                Figure(label="rows at zero", value=most.zero, unit="rows"),
                Figure(label="share", value=percent(most.zero, most.filled), unit="%"),
            ),
            table=Table(
                columns=("property", "rows at zero", "% of rows"),
                rows=tuple((f.name, f.zero, percent(f.zero, f.filled)) for f in free),
                total=len(free),
            ),
        ),
        fix=f"To count paid ones only, add `where: {{{most.name}: {{more_than: 0}}}}` to the goal.",
    )
