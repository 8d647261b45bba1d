"""How much of the activity belongs to people known only by a cookie or a device."""

from __future__ import annotations

from collections.abc import Iterator

from fewer.journey.audit.base import Draft, Evidence, Figure, Gate, check
from fewer.journey.audit.facts import percent
from fewer.journey.audit.sql import query, shown
from fewer.journey.audit.survey import Survey

SOME, MOST = 0.05, 0.5


@check("AU006", "How much activity belongs to people nobody can name?")
def anonymous_share(survey: Survey) -> Iterator[Draft]:
    """One finding when a notable share of events belongs to anonymous people."""
    people, events = survey.anonymous
    share = events / survey.people.events if survey.people.events else 0.0
    if share < SOME:
        return
    yield Draft(
        severity="warning" if share > MOST else "info",
        title=f"{percent(share, 1)} % of events belong to anonymous people",
        detail=(
            "They are known by a cookie or device only. One human may count as several, and none"
            " has an e-mail or phone to be reached by."
        ),
        evidence=Evidence(
            figures=(
                Figure(label="anonymous people", value=people, unit="people"),
                Figure(label="everyone", value=survey.people.everyone, unit="people"),
                Figure(label="their events", value=events, unit="rows"),
                Figure(label="share of events", value=percent(share, 1), unit="%"),
            ),
            look=shown(query("SELECT person FROM persons WHERE kind = 'anonymous'")),
        ),
        fix=(
            "Map both identifiers with `first_of`, so that a login joins the visits before it."
            " For exports, expect at most the known people to be delivered."
        ),
        gates=(
            Gate(kind="activation", text="anonymous people can't be matched by e-mail or phone"),
        ),
    )
