"""Properties that say nothing: always the same value, or almost never filled."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from fewer.journey.audit.base import Draft, Evidence, Figure, Table, check
from fewer.journey.audit.facts import PropertyFacts, percent
from fewer.journey.audit.survey import Survey

ENOUGH: Final = 100  # rows of the event
RARE: Final = 0.02
SAME: Final = 0.99


@check("AU019", "Which properties tell people apart?")
def empty_properties(survey: Survey) -> Iterator[Draft]:
    """One finding that lists properties with one value, or hardly any."""
    totals = {event: facts.rows for event, facts in survey.events.items()}
    totals[""] = 0
    dull = [
        (facts, reason)
        for facts in survey.properties
        if totals[facts.event] >= ENOUGH
        if (reason := _reason(facts, totals[facts.event]))
    ]
    if not dull:
        return
    yield Draft(
        severity="info",
        title=f"{len(dull)} {'property says' if len(dull) == 1 else 'properties say'} little",
        detail="A condition on one of them finds nearly everyone or nearly no one.",
        evidence=Evidence(
            figures=(Figure(label="properties", value=len(dull)),),
            table=Table(
                columns=("event", "property", "why", "% filled", "different values"),
                rows=tuple(
                    (f.event, f.name, reason, percent(f.filled, totals[f.event]), f.distinct)
                    for f, reason in dull
                ),
                total=len(dull),
            ),
        ),
        fix="Leave them out of the mapping, or check why the source does not fill them.",
    )


def _reason(facts: PropertyFacts, rows: int) -> str | None:
    if facts.distinct == 1 and facts.filled >= ENOUGH:
        return "always the same value"
    if facts.filled < RARE * rows:
        return "almost never filled"
    if facts.top and facts.top[0][1] >= SAME * facts.filled and facts.filled >= ENOUGH:
        return f"nearly always {_shown(facts)}"
    return None


def _shown(facts: PropertyFacts) -> str:
    if facts.type == "number":
        return f"{int(facts.top[0][0]) / 1e6:g}"
    return "the same value" if facts.masked else facts.top[0][0]
