"""Days on which an event is missing, far too rare or far too frequent."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from statistics import median
from typing import Final, Literal

from fewer.journey.audit.base import Draft, Evidence, Figure, Gate, Table, check
from fewer.journey.audit.facts import span
from fewer.journey.audit.survey import Survey

USUAL: Final = 0.8  # an event that occurs on this share of Mondays is expected every Monday
TYPICAL: Final = 20  # rows on a usual day; below it, chance alone makes days look odd
DIP, SPIKE = 0.25, 4.0  # times the usual of that weekday
SHORTEST: Final = 14  # days of history before "usual" means anything
SHOWN: Final = 10
NAMED: Final = 3  # events listed in a title

Oddity = Literal["no rows", "far fewer", "far more"]


@dataclass(frozen=True, slots=True)
class OddDay:
    """One day of one event whose volume is not what that weekday usually has."""

    event: str
    day: date
    rows: int
    usual: int
    oddity: Oddity


@check("AU001", "Is the volume of each event complete, day by day?")
def volume_by_day(survey: Survey) -> Iterator[Draft]:
    """One finding for missing days, one for days that are far from usual."""
    odd = [
        day
        for event, days in survey.days_by_event.items()
        for day in odd_days(event, days)
        if day.day != survey.as_of_day  # it is not over
    ]
    gaps = [day for day in odd if day.oddity == "no rows"]
    uneven = [day for day in odd if day.oddity != "no rows"]
    if gaps:
        runs = _runs(gaps)
        longest = max(len(run) for run in runs)
        events = tuple(sorted({day.event for day in gaps}))
        yield Draft(
            severity="warning",
            title=f"{_days(gaps)} without any {_names(events)}",
            detail=(
                "These events occur on nearly every such weekday, and on these days not once."
                " Either the business was closed, or collection was."
            ),
            evidence=Evidence(
                figures=(
                    Figure(label="days without rows", value=_distinct(gaps), unit="days"),
                    Figure(label="longest run", value=longest, unit="days"),
                ),
                table=Table(
                    columns=("event", "from", "to", "days", "usual rows a day"),
                    rows=tuple(
                        (r[0].event, f"{r[0].day}", f"{r[-1].day}", len(r), r[0].usual)
                        for r in sorted(runs, key=len, reverse=True)[:SHOWN]
                    ),
                    total=len(runs),
                ),
            ),
            fix=(
                "Ask whoever owns the source whether these days were closed. If not, load the"
                " missing files and run `fewer ingest` again: rows already stored are not repeated."
            ),
            gates=(
                Gate(
                    kind="lookback",
                    text="windows that cover these days count too little; 'has not done' is wrong",
                ),
            ),
            events=events,
        )
    if uneven:
        events = tuple(sorted({day.event for day in uneven}))
        worst = sorted(uneven, key=lambda d: min(d.rows / d.usual, d.usual / d.rows))
        yield Draft(
            severity="info",
            title=f"{_days(uneven)} with far more or fewer {_names(events)} than usual",
            detail="Under a quarter, or over four times, of what that weekday usually has.",
            evidence=Evidence(
                figures=(Figure(label="unusual days", value=_distinct(uneven), unit="days"),),
                table=Table(
                    columns=("event", "day", "rows", "usual rows", "what"),
                    rows=tuple(
                        (d.event, f"{d.day}", d.rows, d.usual, d.oddity) for d in worst[:SHOWN]
                    ),
                    total=len(uneven),
                ),
            ),
            fix=(
                "Compare with your calendar: sales, holidays and outages are fine to keep, but do"
                " not choose a lookback window or judge a test on these days alone."
            ),
            events=(),
        )


def odd_days(event: str, days: Mapping[date, int]) -> list[OddDay]:
    """Days between the event's first and last whose volume is not usual for that weekday.

    Stragglers are left out. The first and the last day may be incomplete and are never odd.
    """
    first, last = span(days)
    every = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    if len(every) < SHORTEST:
        return []
    by_weekday: dict[int, list[int]] = defaultdict(list)
    for day in every:
        by_weekday[day.weekday()].append(days.get(day, 0))
    found = []
    for day in every[1:-1]:
        volumes = by_weekday[day.weekday()]
        filled = [rows for rows in volumes if rows]
        usual = int(median(filled)) if filled else 0
        if usual < TYPICAL or len(filled) < USUAL * len(volumes):
            continue
        oddity = _oddity(days.get(day, 0), usual)
        if oddity:
            found.append(OddDay(event, day, days.get(day, 0), usual, oddity))
    return found


def _oddity(rows: int, usual: int) -> Oddity | None:
    if not rows:
        return "no rows"
    if rows < DIP * usual:
        return "far fewer"
    return "far more" if rows > SPIKE * usual else None


def _runs(gaps: list[OddDay]) -> list[list[OddDay]]:
    """Consecutive missing days of the same event, together."""
    runs: list[list[OddDay]] = []
    for day in gaps:
        before = runs[-1][-1] if runs else None
        if before and before.event == day.event and day.day - before.day == timedelta(days=1):
            runs[-1].append(day)
        else:
            runs.append([day])
    return runs


def _distinct(days: list[OddDay]) -> int:
    return len({day.day for day in days})


def _days(days: list[OddDay]) -> str:
    count = _distinct(days)
    return "1 day" if count == 1 else f"{count:,} days"


def _names(events: tuple[str, ...]) -> str:
    return " or ".join(events) if len(events) <= NAMED else f"of {len(events)} events"
