"""A day whose quiet hours are not at night: times read in the wrong zone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from fewer.journey.audit.base import Draft, Evidence, Figure, Gate, Table, check
from fewer.journey.audit.facts import percent
from fewer.journey.audit.survey import Survey

ENOUGH: Final = 1_000  # rows with a time of day
QUIET: Final = 6  # hours in a row
CALM: Final = 0.12  # share of rows in the quiet hours: above it there is no night to see
NIGHT: Final = 3.5  # middle of the usual night: 3:30 local time
ALLOWED: Final = 3.0  # hours off; shops and bars differ by this much


@check("AU022", "Do people sleep at night?")
def time_zone(survey: Survey) -> Iterator[Draft]:
    """One finding when the quietest hours of the day are not at night."""
    hours = [sum(each) for each in zip(*survey.hours.values(), strict=True)]
    if sum(hours) < ENOUGH:
        return
    start, share = quietest(hours)
    middle = (start + QUIET / 2) % 24
    off = (middle - NIGHT + 12) % 24 - 12
    if share > CALM or abs(off) <= ALLOWED:
        return
    peak = max(range(24), key=hours.__getitem__)
    yield Draft(
        severity="warning",
        title=f"Everyone seems to be asleep from {start:02}:00 to {(start + QUIET) % 24:02}:00",
        detail=(
            f"Read in {survey.context.timezone}, the busiest hour is {peak:02}:00. The times look"
            f" about {abs(off):.0f} hours {'ahead of' if off > 0 else 'behind'} the customers'"
            " clocks: their zone may be another one than fewer.yaml says."
        ),
        evidence=Evidence(
            figures=(
                Figure(label="quietest six hours begin", value=f"{start:02}:00"),
                Figure(label="share of events in them", value=percent(share, 1), unit="%"),
                Figure(label="busiest hour", value=f"{peak:02}:00"),
                Figure(label="likely shift", value=round(off), unit="hours"),
            ),
            table=Table(
                columns=("hour of the day", "events"),
                rows=tuple((f"{hour:02}:00", count) for hour, count in enumerate(hours)),
                total=24,
            ),
        ),
        fix=(
            "Ask in which zone the source writes its times. Set `zone` on the mapping's `ts` when"
            " they are local, or the project's `timezone` when they are UTC."
        ),
        gates=(Gate(kind="segments", text="`days`, `calendar` and hours of the day are off"),),
    )


def quietest(hours: Sequence[int]) -> tuple[int, float]:
    """First hour of the quietest six in a row, and their share of the day.

    >>> quietest([0] * 6 + [10] * 18)
    (0, 0.0)
    """
    volumes = {start: sum(hours[(start + n) % 24] for n in range(QUIET)) for start in range(24)}
    start = min(volumes, key=lambda hour: (volumes[hour], hour))
    return start, volumes[start] / sum(hours)
