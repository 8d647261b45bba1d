"""People on record who never did anything, and people who act but are not on record."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from fewer.journey.audit.base import Draft, Evidence, Figure, Gate, check
from fewer.journey.audit.facts import percent
from fewer.journey.audit.sql import query, shown
from fewer.journey.audit.survey import Survey

FEW: Final = 0.005
MANY: Final = 0.3


@check("AU005", "Do records of people and their actions belong together?")
def people_and_events(survey: Survey) -> Iterator[Draft]:
    """One finding for each direction; none where no record of people was loaded."""
    facts, as_of = survey.people, survey.context.as_of_us
    if not facts.with_record:
        return
    if facts.silent > FEW * facts.with_record:
        yield Draft(
            severity="warning" if facts.silent > MANY * facts.with_record else "info",
            title=f"{facts.silent:,} people on record have done nothing yet",
            detail="They count in everyone, and among those who have not done something.",
            evidence=Evidence(
                figures=(
                    Figure(label="people without events", value=facts.silent, unit="people"),
                    Figure(label="people on record", value=facts.with_record, unit="people"),
                    Figure(label="share", value=percent(facts.silent, facts.with_record), unit="%"),
                ),
                look=shown(
                    query(
                        "SELECT person FROM people WHERE person NOT IN"
                        " (SELECT person FROM events WHERE ts < $as_of)",
                        as_of=as_of,
                    )
                ),
            ),
            fix=(
                "Decide whether they are customers: if not, leave them out with an exclusion such"
                ' as `did_not: "*"`. If they should have events, check that both sources use the'
                " same person ids."
            ),
            gates=(Gate(kind="segments", text="'has not done' conditions include them"),),
        )
    if facts.unrecorded > FEW * facts.active:
        yield Draft(
            severity="info",
            title=f"{facts.unrecorded:,} people act but have no record with traits",
            detail="A condition on a trait is false for them, whatever it asks.",
            evidence=Evidence(
                figures=(
                    Figure(label="people without a record", value=facts.unrecorded, unit="people"),
                    Figure(label="people with events", value=facts.active, unit="people"),
                    Figure(label="share", value=percent(facts.unrecorded, facts.active), unit="%"),
                    Figure(label="their events", value=facts.unrecorded_events, unit="rows"),
                ),
                look=shown(
                    query(
                        "SELECT person, count(*) AS events FROM events WHERE ts < $as_of AND person"
                        " NOT IN (SELECT person FROM people) GROUP BY person ORDER BY events DESC",
                        as_of=as_of,
                    )
                ),
            ),
            fix=(
                "Use traits to add to a segment, not to define it, or load records for the rest."
                " A test with `missing: true` finds those without."
            ),
            gates=(Gate(kind="segments", text="trait conditions reach only people with a record"),),
        )
