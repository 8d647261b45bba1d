"""Rows that name no person: actions that can never count for anyone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from fewer.journey.audit.base import NO_PERSON, Draft, Evidence, Figure, Gate, Refused, Table, check
from fewer.journey.audit.facts import percent
from fewer.journey.audit.survey import Survey

FEW, MANY = 0.001, 0.5


@check("AU004", "Can every action be attributed to a person?")
def identity_coverage(survey: Survey) -> Iterator[Draft]:
    """One finding for each source with rows that name no person."""
    nameless: dict[str, list[Refused]] = defaultdict(list)
    for refused in survey.context.refused:
        if refused.reason in NO_PERSON:
            nameless[refused.source].append(refused)
    read = {facts.source: facts.rows_read for facts in survey.context.sources}
    for source, files in sorted(nameless.items()):
        rows = sum(file.rows for file in files)
        share = rows / read[source] if read.get(source) else 1.0
        yield Draft(
            severity="error" if share > MANY else "warning" if share > FEW else "info",
            title=f"{percent(share, 1)} % of the rows of {source} name no person",
            detail="They were rejected: no segment, goal or outcome can count them for anyone.",
            evidence=Evidence(
                figures=(
                    Figure(label="rows without a person", value=rows, unit="rows"),
                    Figure(label="rows read", value=read.get(source, rows), unit="rows"),
                    Figure(label="share", value=percent(share, 1), unit="%"),
                ),
                table=Table(
                    columns=("file", "rows without a person"),
                    rows=tuple((file.where, file.rows) for file in files[:10]),
                    total=len(files),
                ),
            ),
            fix=(
                "Map a second identifier with `first_of` (a cookie, a loyalty card, an e-mail), or"
                " ask customers to identify themselves. Sums per person stay too low until then."
            ),
            gates=(
                Gate(kind="activation", text="these buyers can't be reached or excluded"),
                Gate(kind="goals", text="conversion rates miss conversions without a person"),
            ),
            events=tuple(sorted({f.event for f in survey.days if f.source == source})),
        )
