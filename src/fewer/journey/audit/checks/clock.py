"""Events from the future, events before there was a web, and many events in one instant."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from fewer.journey.audit.base import Draft, Evidence, Figure, Gate, Table, check
from fewer.journey.audit.facts import ANCIENT, percent
from fewer.journey.audit.sql import query, shown
from fewer.journey.audit.survey import Survey
from fewer.model.window import DAY, from_utc_micros

NOTABLE: Final = 0.001  # share of an event's rows that lowers trust in it


@check("AU010", "Do all clocks agree?")
def clock(survey: Survey) -> Iterator[Draft]:
    """One finding for events of the future, one for later ones, one for impossible old ones."""
    yield from _future(survey)
    yield from _later(survey)
    ancient = [facts for facts in survey.events.values() if facts.ancient]
    if ancient:
        rows = sum(facts.ancient for facts in ancient)
        yield Draft(
            severity="warning",
            title=f"{rows:,} events are dated before 1990",
            detail="A missing time became zero, or seconds were read as milliseconds.",
            evidence=Evidence(
                figures=(Figure(label="events before 1990", value=rows, unit="rows"),),
                table=Table(
                    columns=("event", "rows before 1990", "oldest"),
                    rows=tuple(
                        (f.event, f.ancient, f"{from_utc_micros(f.first_us):%Y-%m-%d}")
                        for f in ancient
                    ),
                    total=len(ancient),
                ),
                look=shown(
                    query(
                        "SELECT event_id, event, source, ts FROM events WHERE ts < $at",
                        at=ANCIENT,
                    )
                ),
            ),
            fix="Set `format` of the source's time: epoch_s, epoch_ms and epoch_us differ by 1000.",
            gates=(
                Gate(kind="lookback", text="first actions and all-history counts start too early"),
            ),
            events=tuple(f.event for f in ancient),
        )


def _future(survey: Survey) -> Iterator[Draft]:
    """Events that can't have happened yet."""
    ahead = [facts for facts in survey.events.values() if facts.future]
    if not ahead:
        return
    rows, newest = sum(f.future for f in ahead), max(f.last_us for f in ahead)
    yield Draft(
        severity="warning",
        title=f"{rows:,} events lie in the future",
        detail="A sender's clock is ahead, or a date was read in the wrong order or zone.",
        evidence=_evidence(
            rows, newest, survey.future_us, [(f.event, f.future, f.rows) for f in ahead]
        ),
        fix=(
            "Check `format` and `zone` of the source's times in fewer.yaml, and the clock of"
            " the sender."
        ),
        gates=(Gate(kind="segments", text="these actions count only when their time has come"),),
        events=tuple(f.event for f in ahead if f.future > NOTABLE * f.rows),
    )


def _later(survey: Survey) -> Iterator[Draft]:
    """Events between the date audited and now: no mistake, but not looked at."""
    later = [(f.event, f.late - f.future, f.rows) for f in survey.events.values()]
    later = [row for row in later if row[1]]
    if not later:
        return
    rows = sum(count for _, count, _ in later)
    newest = max(f.last_us for f in survey.events.values() if f.late > f.future)
    yield Draft(
        severity="info",
        title=f"{rows:,} events are later than the date audited and were not read",
        detail="They are used only as outcomes, never to decide who is in a segment.",
        evidence=_evidence(rows, min(newest, survey.future_us), survey.context.as_of_us, later),
        fix="Nothing to do. Audit without `--as-of` to judge all events.",
    )


def _evidence(
    rows: int, newest_us: int, from_us: int, by_event: list[tuple[str, int, int]]
) -> Evidence:
    return Evidence(
        figures=(
            Figure(label="later events", value=rows, unit="rows"),
            Figure(label="newest", value=f"{from_utc_micros(newest_us):%Y-%m-%d %H:%M} UTC"),
            Figure(label="ahead", value=round((newest_us - from_us) / DAY, 1), unit="days"),
        ),
        table=Table(
            columns=("event", "later rows", "% of its rows"),
            rows=tuple((event, late, percent(late, of)) for event, late, of in by_event),
            total=len(by_event),
        ),
        look=shown(
            query(
                "SELECT event_id, event, source, ts FROM events WHERE ts >= $at ORDER BY ts",
                at=from_us,
            )
        ),
    )
