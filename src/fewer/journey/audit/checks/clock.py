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
    """One finding for events after the date audited, one for impossible old ones."""
    context = survey.context
    late = [facts for facts in survey.events.values() if facts.late]
    if late:
        rows = sum(facts.late for facts in late)
        newest = max(facts.last_us for facts in late)
        ahead = newest - context.as_of_us
        future = newest > context.now_us if context.now_us is not None else False
        yield Draft(
            severity="warning" if future else "info",
            title=(
                f"{rows:,} events lie in the future"
                if future
                else f"{rows:,} events are later than the date audited and were not read"
            ),
            detail=(
                "A sender's clock is ahead, or a date was read in the wrong order or zone."
                if future
                else "They are used only as outcomes, never to decide who is in a segment."
            ),
            evidence=Evidence(
                figures=(
                    Figure(label="later events", value=rows, unit="rows"),
                    Figure(label="newest", value=f"{from_utc_micros(newest):%Y-%m-%d %H:%M} UTC"),
                    Figure(label="ahead", value=round(ahead / DAY, 1), unit="days"),
                ),
                table=Table(
                    columns=("event", "later rows", "% of its rows"),
                    rows=tuple((f.event, f.late, percent(f.late, f.rows)) for f in late),
                    total=len(late),
                ),
                look=shown(
                    query(
                        "SELECT event_id, event, source, ts FROM events WHERE ts >= $at"
                        " ORDER BY ts",
                        at=context.as_of_us,
                    )
                ),
            ),
            fix=(
                "Check `format` and `zone` of the source's times in fewer.yaml, and the clock of"
                " the sender."
                if future
                else "Nothing to do. Audit without `--as-of` to judge all events."
            ),
            gates=(
                (Gate(kind="segments", text="these actions count only when their time has come"),)
                if future
                else ()
            ),
            events=tuple(f.event for f in late if f.late > NOTABLE * f.rows) if future else (),
        )
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
