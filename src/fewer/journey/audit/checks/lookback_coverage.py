"""From which date on the data is long enough for each lookback window."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from statistics import median
from typing import Final

from fewer.journey.audit.base import Cell, Draft, Evidence, Figure, Gate, Table, check
from fewer.journey.audit.survey import Survey
from fewer.model.window import DAY

WINDOWS: Final = (7, 14, 30, 60, 90)  # days, beside those that segments use
DAILY: Final = 0.5  # share of days with the event, for a usual day to mean anything
BEGUN: Final = 0.1  # of a usual day's rows: fewer are stragglers before collection began


@check("AU017", "How far back can a window look?")
def lookback_coverage(survey: Survey) -> Iterator[Draft]:
    """One finding, always: the first date on which each window is covered, by event."""
    starts = {event: begun(days) for event, days in survey.days_by_event.items() if days}
    if not starts:
        return
    used = {-(-window.micros // DAY) for window in survey.context.windows}
    windows = sorted({*WINDOWS, *used})
    short = {
        (event, days)
        for event, start in starts.items()
        for days in windows
        if start + timedelta(days=days) > survey.as_of_day
    }
    uncovered = sorted({days for _, days in short if days in used})
    main = max(starts, key=lambda event: survey.events[event].rows)
    thirty = starts[main] + timedelta(days=30)
    yield Draft(
        severity="warning" if uncovered else "info",
        title=(
            f"{uncovered[0]}-day windows reach back further than the data"
            if uncovered
            else f"30-day windows are covered from {thirty} on"
        ),
        detail=(
            f"{main} begins on {starts[main]}. Before the dates below, a window is only partly"
            " filled: counts are too low and 'has not done' is too often true."
        ),
        evidence=Evidence(
            figures=(
                Figure(label=f"{main} begins", value=f"{starts[main]}"),
                Figure(label="audited as at", value=f"{survey.as_of_day}"),
            ),
            table=Table(
                columns=("event", "begins", *(f"{days} days from" for days in windows)),
                rows=tuple(_row(event, start, windows) for event, start in sorted(starts.items())),
                total=len(starts),
            ),
        ),
        fix=(
            f"Use windows of at most {(survey.as_of_day - starts[main]).days} days, evaluate at a"
            " later date, or load older files."
            if uncovered
            else "Evaluate segments on or after these dates."
        ),
        gates=tuple(
            Gate(kind="lookback", text=f"{days}d windows before {starts[main] + timedelta(days)}")
            for days in windows
        ),
        events=tuple(sorted({event for event, days in short if days in used})),
    )


def begun(days: Mapping[date, int]) -> date:
    """First day of an event; of one that occurs on most days, without stragglers before it."""
    first, last = min(days), max(days)
    if len(days) < DAILY * ((last - first).days + 1):
        return first
    usual = median(days.values())
    return next(day for day in sorted(days) if days[day] >= BEGUN * usual)


def _row(event: str, start: date, windows: list[int]) -> tuple[Cell, ...]:
    return (event, f"{start}", *(f"{start + timedelta(days=days)}" for days in windows))
