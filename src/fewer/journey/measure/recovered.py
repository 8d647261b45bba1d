"""Checking the tool against a simulated world, where the true answer is known.

A simulation can show that an analysis finds what was put in. It can't show that a claim holds
anywhere else, so it is never said to bear one out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from fewer.journey.measure.figure import Figure

YES: Final = "recovered the planted effect: yes"
NO: Final = "recovered the planted effect: no"


def recovered(
    estimate: float | None, lower: float | None, upper: float | None, truth: float
) -> bool:
    """Whether an estimate has an interval, and the interval holds the truth.

    A limit that does not exist on one side is no limit; without an estimate and without any
    limit, nothing was recovered.

    >>> recovered(1.8, 1.2, 2.7, 2.0), recovered(None, None, None, 2.0)
    (True, False)
    """
    if lower is None and upper is None:
        return False
    if estimate is None and (lower is None or upper is None):
        return False
    return (lower is None or lower <= truth) and (upper is None or truth <= upper)


@dataclass(frozen=True, slots=True)
class Recovery:
    """A planted effect beside what was measured of it."""

    id: str
    title: str
    truth: float
    found: Figure

    @property
    def yes(self) -> bool:
        """Whether the interval holds the truth."""
        e = self.found.estimate
        return recovered(e.value, e.lower, e.upper, self.truth)

    @property
    def words(self) -> str:
        """Yes or no, in the only words allowed for it, and where the truth lies."""
        return f"{YES if self.yes else NO}, {self.place}"

    @property
    def holds(self) -> bool | None:
        """Whether the truth is within what limits there are, one being enough; None without any."""
        e = self.found.estimate
        if e.lower is None and e.upper is None:
            return None
        low = e.lower is None or e.lower <= self.truth
        return low and (e.upper is None or self.truth <= e.upper)

    @property
    def place(self) -> str:
        """``the truth lies inside the interval``, above it, below it; or there is none."""
        e = self.found.estimate
        if self.holds is None:
            return "there is no interval"
        if self.yes:
            return "the truth lies inside the interval"
        if self.holds:
            return (
                "the truth lies inside the interval, which has no estimate and is open to one side"
            )
        below = e.lower is not None and self.truth < e.lower
        return f"the truth lies {'below' if below else 'above'} the interval"

    @property
    def true(self) -> str:
        """The true value, as its figure is written, with two decimals."""
        if self.found.kind == "points":
            return f"{self.truth * 100:+.2f} points".replace("-", "\N{MINUS SIGN}")
        return f"{self.truth:.2f}x"

    def to_json(self) -> dict[str, Any]:
        """Plain values; always of simulated data."""
        return {
            "data": "simulated",
            "id": self.id,
            "title": self.title,
            "truth": self.truth,
            "found": self.found.to_json(),
            "recovered": self.yes,
            "words": self.words,
        }
