"""Rows that were rejected when loading, by reason."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Final

from fewer.journey.audit.base import NO_PERSON, Draft, Evidence, Figure, Gate, Refused, Table, check
from fewer.journey.audit.facts import percent
from fewer.journey.audit.survey import Survey

FEW, MANY = 0.001, 0.1
SHOWN: Final = 10


@check("AU020", "Were rows rejected when loading?")
def rejected_rows(survey: Survey) -> Iterator[Draft]:
    """One finding per source; rows without a person have a check of their own."""
    by_source: dict[str, list[Refused]] = defaultdict(list)
    for refused in survey.context.refused:
        if refused.reason not in NO_PERSON:
            by_source[refused.source].append(refused)
    read = {facts.source: facts.rows_read for facts in survey.context.sources}
    for source, groups in sorted(by_source.items()):
        rows = sum(group.rows for group in groups)
        share = rows / read[source] if read.get(source) else 1.0
        yield Draft(
            severity="error" if share > MANY else "warning" if share > FEW else "info",
            title=f"{rows:,} rows of {source} were rejected",
            detail="They are kept with their reason, and are loaded once the cause is gone.",
            evidence=Evidence(
                figures=(
                    Figure(label="rejected rows", value=rows, unit="rows"),
                    Figure(label="rows read", value=read.get(source, rows), unit="rows"),
                    Figure(label="share", value=percent(share, 1), unit="%"),
                ),
                table=Table(
                    columns=("reason", "file", "rows"),
                    rows=tuple(
                        (g.reason.replace("_", " "), g.where, g.rows)
                        for g in sorted(groups, key=lambda g: -g.rows)[:SHOWN]
                    ),
                    total=len(groups),
                ),
            ),
            fix=(
                "Look at the first rows in the file. Correct the mapping in fewer.yaml or the file,"
                " and run `fewer ingest` again."
            ),
            gates=(Gate(kind="segments", text=f"what these rows of {source} say is not counted"),)
            if share > FEW
            else (),
        )
