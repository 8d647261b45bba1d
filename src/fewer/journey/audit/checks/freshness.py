"""Sources that ended long before the date audited, and events that stopped before their source."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from itertools import pairwise
from typing import Final

from fewer.journey.audit.base import Draft, Evidence, Figure, Gate, Table, check
from fewer.journey.audit.survey import Survey

STALE: Final = 2  # days behind the date audited
STOPPED: Final = 14  # days behind the end of the data, at least
PAUSES: Final = 5  # and this many times the event's longest usual pause


@check("AU002", "Is the data fresh, and does every event still arrive?")
def freshness(survey: Survey) -> Iterator[Draft]:
    """One finding for old data, one for events that no longer arrive."""
    past = [facts for facts in survey.days if facts.day <= survey.as_of_day]
    if not past:
        if survey.total:
            yield _all_later(survey)
        return
    newest = max(facts.day for facts in past)
    behind = (survey.as_of_day - newest).days
    if behind > STALE:
        yield _stale(survey, newest, behind)
    stopped = _stopped(survey, newest)
    if stopped:
        yield Draft(
            severity="warning",
            title=_stopped_title([event for event, _, _ in stopped]),
            detail="Other events go on after it, so collection of this one may be broken.",
            evidence=Evidence(
                figures=(Figure(label="events that stopped", value=len(stopped), unit="events"),),
                table=Table(
                    columns=("event", "last day", "days before the end of the data"),
                    rows=tuple((event, f"{last}", gap) for event, last, gap in stopped),
                    total=len(stopped),
                ),
            ),
            fix="Check the tag or export that sends it. A renamed event needs a `map`.",
            gates=(Gate(kind="segments", text="recent windows on these events are empty"),),
            events=tuple(event for event, _, _ in stopped),
        )


def _stale(survey: Survey, newest: date, behind: int) -> Draft:
    longest = max((window.micros for window in survey.context.windows), default=0)
    empty = bool(longest) and behind * 86_400_000_000 >= longest
    return Draft(
        severity="error" if empty else "warning",
        title=f"The newest event is {behind:,} days old",
        detail=(
            "Every window of your segments lies after the end of the data, so they are empty."
            if empty
            else "Recent windows are only partly filled."
        ),
        evidence=Evidence(
            figures=(
                Figure(label="newest event", value=f"{newest}"),
                Figure(label="audited as at", value=f"{survey.as_of_day}"),
                Figure(label="behind", value=behind, unit="days"),
            )
        ),
        fix=(
            "Load newer files with `fewer ingest`. To work with the data as it is, give its end:"
            f" `--as-of {newest}`."
        ),
        gates=(Gate(kind="segments", text=f"windows shorter than {behind:,} days are empty"),),
        events=tuple(survey.events) if empty else (),
    )


def _all_later(survey: Survey) -> Draft:
    first = min(facts.first_us for facts in survey.events.values())
    return Draft(
        severity="error",
        title=f"All events are later than the date audited, {survey.as_of_day}",
        evidence=Evidence(figures=(Figure(label="first event", value=f"{survey.day(first)}"),)),
        fix="Give a later `--as-of`, or check the format and zone of the times in fewer.yaml.",
        gates=(Gate(kind="segments", text="every condition on events is empty"),),
        events=tuple(survey.events),
    )


def _stopped(survey: Survey, newest: date) -> list[tuple[str, date, int]]:
    found = []
    for event, volumes in survey.days_by_event.items():
        days = sorted(day for day in volumes if day <= survey.as_of_day)
        if len(days) < 3:  # noqa: PLR2004  two pauses are the least that can be usual
            continue
        pauses = [(after - before).days for before, after in pairwise(days)]
        gap = (newest - days[-1]).days
        if gap >= STOPPED and gap > PAUSES * _usual(pauses) and gap > max(pauses):
            found.append((event, days[-1], gap))
    return sorted(found, key=lambda row: -row[2])


def _usual(pauses: list[int]) -> int:
    return sorted(pauses)[int(0.9 * (len(pauses) - 1))]


def _stopped_title(events: list[str]) -> str:
    if len(events) == 1:
        return f"{events[0]} has stopped arriving"
    return f"{len(events)} events have stopped arriving"
