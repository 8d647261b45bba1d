"""Records without a date from which they are valid: today's knowledge in yesterday's segments."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from fewer.journey.audit.base import Draft, Evidence, Figure, Gate, Table, check
from fewer.journey.audit.survey import Survey
from fewer.model.window import DAY

RECENT: Final = 7 * DAY  # an evaluation this close to now can't leak much
HOLDS: Final = {
    "people": "traits",
    "consents": "consents",
    "items": "item attributes",
    "lists": "lists",
}


@check("AU024", "Is it known since when each record is true?")
def undated_records(survey: Survey) -> Iterator[Draft]:
    """One finding that names the records without `valid_from`, if any are used."""
    context = survey.context
    used = {
        "people": bool(context.catalog.traits),
        "consents": bool(context.catalog.purposes),
        "items": bool(context.catalog.items),
        "lists": bool(context.catalog.lists),
    }
    undated = [name for name, there in used.items() if there and name not in context.dated]
    if not undated:
        return
    past = context.now_us is not None and context.now_us - context.as_of_us > RECENT
    words = [HOLDS[name] for name in undated]
    yield Draft(
        severity="warning" if past else "info",
        title=f"{_list(words)} have no date from which they are true".capitalize(),
        detail=(
            "They are read as if they had always been so. At a past date, a segment may use what"
            " nobody knew then, and its results look better than they were."
        ),
        evidence=Evidence(
            figures=(Figure(label="kinds of records without a date", value=len(undated)),),
            table=Table(
                columns=("records",), rows=tuple((word,) for word in words), total=len(words)
            ),
        ),
        fix="Map `valid_from` when the source knows it; otherwise judge past results without them.",
        gates=(Gate(kind="past dates", text=f"conditions on {_list(words)} may know the future"),),
    )


def _list(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
