"""Landmark design: everything known before a moment, everything counted after it.

Features are read ``[.., T)``, outcomes ``[T + gap, T + gap + window)``. Nothing is on both sides,
so an outcome can't be its own cause. A window that reaches past the end of the data is cut
there, and says so wherever it is shown.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fewer.errors import GuardError
from fewer.model.goal import Goal
from fewer.model.window import DAY, HOUR, Duration, from_utc_micros


@dataclass(frozen=True, slots=True)
class Landmark:
    """When one goal is measured from and to; all instants in UTC microseconds."""

    index_us: int
    start_us: int  # first instant at which an outcome counts
    end_us: int  # first instant at which it no longer does
    data_end_us: int  # nothing is known from here on

    @property
    def measured_until_us(self) -> int:
        """End of what was read: of the window, or of the data if that comes first."""
        return max(self.start_us, min(self.end_us, self.data_end_us))

    @property
    def complete(self) -> bool:
        """Whether the data covers the whole window."""
        return self.data_end_us >= self.end_us

    @property
    def note(self) -> str:
        """What a reader must know of an incomplete window; empty when it is complete."""
        if self.complete:
            return ""
        seen = _span(self.measured_until_us - self.start_us)
        return f"only {seen} of {_span(self.end_us - self.start_us, unit=True)} observed"

    def to_json(self) -> dict[str, Any]:
        """Instants as UTC texts."""
        return {
            "index": _text(self.index_us),
            "outcomes_from": _text(self.start_us),
            "outcomes_until": _text(self.end_us),
            "measured_until": _text(self.measured_until_us),
            "complete": self.complete,
            "note": self.note,
        }


def landmark(
    goal: Goal,
    *,
    index_us: int,
    data_end_us: int,
    as_of_us: int | None = None,
    gap: Duration | None = None,
    window: Duration | None = None,
) -> Landmark:
    """The design for a goal measured from `index_us`.

    Args:
        goal: Gives gap and outcome window unless they are given here.
        index_us: The moment T, UTC microseconds.
        data_end_us: First instant of which nothing is known.
        as_of_us: When the groups were computed, if they were computed: must be T.
        gap: Pause between T and the first outcome that counts.
        window: How long outcomes count.

    Raises:
        GuardError: The groups were computed at another moment, so that their members know
            the future or not the present; or no outcome of the window can be known yet.
    """
    if as_of_us is not None and as_of_us != index_us:
        msg = (
            f"These groups are as at {_text(as_of_us)}, but outcomes are measured from"
            f" {_text(index_us)}. Build them as at that moment, or measure from theirs."
        )
        raise GuardError(msg)
    start = index_us + _micros(gap or goal.gap)
    end = start + _micros(window or goal.outcome_window)
    found = Landmark(index_us, start, end, data_end_us)
    if data_end_us <= start:
        msg = (
            f"Outcomes of {goal.id!r} count from {_text(start)} on, and the data ends at"
            f" {_text(data_end_us)}: nothing can be known yet. Measure from an earlier moment"
            " (`fewer build --as-of DATE`, then measure), or ingest newer data."
        )
        raise GuardError(msg)
    return found


def _micros(span: Duration | None) -> int:
    return span.micros if span else 0


def _span(micros: int, *, unit: bool = False) -> str:
    amount, word = (micros / DAY, "days") if micros >= DAY else (micros / HOUR, "hours")
    return f"{amount:.3g} {word}" if unit or word == "hours" else f"{amount:.3g}"


def _text(micros: int) -> str:
    return from_utc_micros(micros).isoformat().replace("+00:00", "Z")
