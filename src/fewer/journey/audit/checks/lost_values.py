"""Values that could not be kept: of another type than mapped, not finite, or too large."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from fewer.journey.audit.base import Draft, Evidence, Figure, Gate, Table, check
from fewer.journey.audit.survey import Survey

SHOWN: Final = 10


@check("AU027", "Were values lost when loading?")
def lost_values(survey: Survey) -> Iterator[Draft]:
    """One finding when values became missing while their rows were kept."""
    losing = [facts for facts in survey.context.sources if facts.values_lost]
    if not losing:
        return
    rows = tuple(
        (facts.source, what.replace("_", " "), count, facts.rows_read)
        for facts in losing
        for what, count in (facts.lost or {"any": facts.values_lost}).items()
    )
    total = sum(facts.values_lost for facts in losing)
    yield Draft(
        severity="warning",
        title=f"{total:,} values could not be read and count as missing",
        detail="Not a number, infinite, beyond ±9,200,000,000,000, or not of the type mapped.",
        evidence=Evidence(
            figures=(Figure(label="values lost", value=total, unit="values"),),
            table=Table(
                columns=("source", "what", "values lost", "rows read"),
                rows=rows[:SHOWN],
                total=len(rows),
            ),
        ),
        fix="Correct them at the source, or map the column with the type and decimal mark it has.",
        gates=(Gate(kind="value goals", text="sums leave these rows out"),),
    )
