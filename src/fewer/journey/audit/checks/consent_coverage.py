"""For how many people it is known whether they may be contacted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from fewer.journey.audit.base import Draft, Evidence, Figure, Gate, Severity, Table, check
from fewer.journey.audit.facts import percent
from fewer.journey.audit.survey import Survey

ENOUGH: Final = 0.9


@check("AU016", "Is it known who may be contacted?")
def consent_coverage(survey: Survey) -> Iterator[Draft]:
    """One finding when there is no consent at all, one per purpose known for too few people."""
    context, everyone = survey.context, survey.people.everyone
    if not everyone:
        return
    states = survey.consents
    if not states and context.consent_purpose is None:
        yield Draft(
            severity="info",
            title="No consents are recorded",
            detail="Nothing says who agreed to be contacted, and no export asks.",
            evidence=Evidence(figures=(Figure(label="everyone", value=everyone, unit="people"),)),
            fix=(
                "If the law where you work asks for consent, map it under `people: consents` and"
                " name the purpose under `consent` in fewer.yaml: exports then keep only those."
            ),
            gates=(Gate(kind="activation", text="nobody is held back for lack of consent"),),
        )
        return
    purposes = sorted({*states, *filter(None, [context.consent_purpose])})
    for purpose in purposes:
        counts = states.get(purpose, {})
        known = counts.get("granted", 0) + counts.get("denied", 0)
        asked = purpose == context.consent_purpose
        if known >= ENOUGH * everyone:
            continue
        yield Draft(
            severity=_severity(asked=asked, granted=counts.get("granted", 0)),
            title=f"Consent for {purpose} is known for {percent(known, everyone)} % of people",
            detail="Unknown counts as no: exports leave these people out.",
            evidence=Evidence(
                figures=(
                    Figure(label="granted", value=counts.get("granted", 0), unit="people"),
                    Figure(label="denied", value=counts.get("denied", 0), unit="people"),
                    Figure(label="unknown", value=everyone - known, unit="people"),
                    Figure(label="everyone", value=everyone, unit="people"),
                ),
                table=Table(
                    columns=("purpose", "granted", "denied", "everyone"),
                    rows=((purpose, counts.get("granted", 0), counts.get("denied", 0), everyone),),
                    total=1,
                ),
            ),
            fix="Load the consents of the rest, or ask: a segment with `not: {consent: "
            f"{purpose}}}` is who to ask.",
            gates=(
                Gate(
                    kind="activation",
                    text=f"at most {percent(counts.get('granted', 0), everyone)} % can be sent",
                ),
            ),
        )


def _severity(*, asked: bool, granted: int) -> Severity:
    if not asked:
        return "info"
    return "warning" if granted else "error"
