"""Numbers that could not be kept: not finite, or too large."""

from __future__ import annotations

from collections.abc import Iterator

from fewer.journey.audit.base import Draft, Evidence, Figure, Gate, Table, check
from fewer.journey.audit.survey import Survey


@check("AU027", "Were values lost when loading?")
def lost_values(survey: Survey) -> Iterator[Draft]:
    """One finding when numbers became missing because no exact decimal can hold them."""
    losing = [facts for facts in survey.context.sources if facts.values_lost]
    if not losing:
        return
    total = sum(facts.values_lost for facts in losing)
    yield Draft(
        severity="warning",
        title=f"{total:,} values could not be read and count as missing",
        detail="Not a number, infinite, beyond ±9,200,000,000,000, or not of the type mapped.",
        evidence=Evidence(
            figures=(Figure(label="values lost", value=total, unit="values"),),
            table=Table(
                columns=("source", "values lost", "rows read"),
                rows=tuple((f.source, f.values_lost, f.rows_read) for f in losing),
                total=len(losing),
            ),
        ),
        fix="Correct them at the source, or map the column with the type and decimal mark it has.",
        gates=(Gate(kind="value goals", text="sums leave these rows out"),),
    )
