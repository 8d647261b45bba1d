"""E-mail addresses in properties: personal data where nobody expects and protects it."""

from __future__ import annotations

from collections.abc import Iterator

from fewer.journey.audit.base import Draft, Evidence, Figure, Gate, Table, check
from fewer.journey.audit.facts import percent
from fewer.journey.audit.survey import Survey


@check("AU025", "Is there personal data where it does not belong?")
def personal_data(survey: Survey) -> Iterator[Draft]:
    """One finding that lists properties, traits and attributes holding e-mail addresses."""
    facts = (*survey.properties, *survey.traits, *survey.attributes)
    holding = sorted((f for f in facts if f.emails), key=lambda f: -f.emails)
    if not holding:
        return
    rows = sum(f.emails for f in holding)
    yield Draft(
        severity="error",
        title=f"{rows:,} values hold an e-mail address",
        detail=(
            "Properties and traits are stored readable and shown in reports. Contact details"
            " belong under `people: contacts`, where they are encrypted."
        ),
        evidence=Evidence(
            figures=(Figure(label="values with an address", value=rows, unit="rows"),),
            table=Table(
                columns=("of", "property", "rows", "% of its rows"),
                rows=tuple(
                    (f.event or "people or items", f.name, f.emails, percent(f.emails, f.filled))
                    for f in holding
                ),
                total=len(holding),
            ),
        ),
        fix=(
            "Remove the column from the mapping, or cut the address out before loading. Map it"
            " under `contacts` if you want to reach people by it."
        ),
        gates=(Gate(kind="privacy", text="do not share the report or the store"),),
        events=tuple(sorted({f.event for f in holding if f.event})),
    )
