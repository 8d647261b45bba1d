"""Events that have a date and no time of day."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from fewer.journey.audit.base import Draft, Evidence, Figure, Gate, Table, check
from fewer.journey.audit.facts import percent
from fewer.journey.audit.survey import Survey

ENOUGH: Final = 20
NEARLY_ALL: Final = 0.95


@check("AU023", "Do events have a time of day?")
def time_precision(survey: Survey) -> Iterator[Draft]:
    """One finding that lists events which all lie exactly at midnight."""
    dated = [
        facts
        for facts in survey.events.values()
        if facts.rows >= ENOUGH and facts.midnights >= NEARLY_ALL * facts.rows
    ]
    if not dated:
        return
    names = [facts.event for facts in dated]
    yield Draft(
        severity="info",
        title=f"{' and '.join(names)} {'has' if len(names) == 1 else 'have'} a date but no time",
        detail=(
            "They count as happening at midnight, before everything else of that day: even before"
            " the purchase in which a coupon was used."
        ),
        evidence=Evidence(
            figures=(Figure(label="events without a time", value=len(dated), unit="events"),),
            table=Table(
                columns=("event", "rows", "% exactly at midnight"),
                rows=tuple((f.event, f.rows, percent(f.midnights, f.rows)) for f in dated),
                total=len(dated),
            ),
        ),
        fix=(
            "Use windows of whole days on them, do not put them in a sequence with other events of"
            " the same day, and measure goals with `gap: 1d`."
        ),
        gates=(Gate(kind="goals", text="what came first on the same day is unknown"),),
    )
