"""Windows that reach beyond the data."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from fewer.journey.define.rules.base import Finding, Subject, visits
from fewer.language.node import Path
from fewer.model.condition import Condition, Did
from fewer.model.segment import LookbackError, Segment, lookback_targets
from fewer.model.window import DAY, Duration, Windowed, local_date

CODES: Final = {
    "window_beyond_data": "A window that begins before the first stored event.",
    "window_outside_data": "A window without any stored event: it ends before the first, or"
    " begins after the last.",
}


def check(subject: Subject) -> Iterator[Finding]:
    """Findings about windows; none without a catalog that knows the first and last event."""
    catalog = subject.catalog
    if catalog is None or catalog.first_ts is None or catalog.last_ts is None:
        return
    look = _Look(subject, catalog.first_ts, catalog.last_ts)
    for segment in subject.definitions.segments:
        for visit in visits(segment):
            yield from look.condition(segment, visit.condition, visit.path)
        yield from look.variants(segment)


class _Look:
    def __init__(self, subject: Subject, first: int, last: int) -> None:
        self.subject = subject
        self.first = first
        self.last = last
        self.as_of = last + 1 if subject.as_of_us is None else subject.as_of_us

    def condition(self, segment: Segment, condition: Condition, path: Path) -> Iterator[Finding]:
        if not isinstance(condition, Windowed):
            return
        if isinstance(condition, Did) and condition.periods:
            periods = condition.periods
            whole = Duration(periods.each.amount * periods.last, periods.each.unit)
            yield from self.reaches(segment, whole, (*path, "periods"))
        elif condition.has_window:
            yield from self.window(segment, condition, path)

    def window(self, segment: Segment, condition: Windowed, path: Path) -> Iterator[Finding]:
        start, end = condition.bounds(self.as_of, self.subject.zone)
        key = next(k for k in ("within", "between", "since", "until") if getattr(condition, k))
        if end <= self.first:
            message = f"This window ends before the first event ({self.day(self.first)})."
            yield self.tell(segment, (*path, key), "window_outside_data", message)
        elif start is not None and start > self.last:
            message = f"This window begins after the last event ({self.day(self.last)})."
            hint = "As at the data's end: `fewer build --as-of end`. Or bring in newer events."
            yield self.tell(segment, (*path, key), "window_outside_data", message, hint)
        elif condition.within or condition.between:
            reach = condition.within or (condition.between and condition.between.from_)
            if reach:
                yield from self.reaches(segment, reach, (*path, key))
        elif start is not None and start < self.first:
            message = f"This window begins before the first event ({self.day(self.first)})."
            yield self.tell(segment, (*path, key), "window_beyond_data", message)

    def variants(self, segment: Segment) -> Iterator[Finding]:
        if segment.variants is None:
            return
        try:
            lookback_targets(segment.where)
        except LookbackError:
            return  # told elsewhere
        for at, window in enumerate(segment.variants.lookback):
            yield from self.reaches(segment, window, ("variants", "lookback", at))

    def reaches(self, segment: Segment, reach: Duration, path: Path) -> Iterator[Finding]:
        have = self.as_of - self.first
        if have >= reach.micros:
            return
        unit = Duration(1, "d" if reach.micros >= DAY else "h")
        whole, covered = reach.micros / unit.micros, max(have, 0) // unit.micros
        message = (
            f"The data covers {covered:,} of {whole:,g} {unit.words.split()[1]}s:"
            f" it begins on {self.day(self.first)}."
        )
        hint = "People look less active than they are; build later, or shorten the window."
        yield self.tell(segment, path, "window_beyond_data", message, hint)

    def day(self, micros: int) -> str:
        return local_date(micros, self.subject.zone).isoformat()

    def tell(
        self, segment: Segment, path: Path, code: str, message: str, hint: str = ""
    ) -> Finding:
        return self.subject.warn(segment, path, code, message, hint)
