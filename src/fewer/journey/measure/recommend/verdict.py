"""A recommendation: the verdict, why, what it rests on, what it brings, and the edit."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from fewer.journey.measure.figure import Figure
from fewer.model.segment import Segment


class Action(StrEnum):
    """What to do, in the order in which it should be read."""

    FIX_DATA = "fix data"
    STOP = "stop"
    SCALE = "scale"
    NARROW = "narrow"
    WIDEN = "widen"
    SPLIT = "split"
    CHANGE_WINDOW = "change window"
    TEST = "test it"
    KEEP = "keep"
    NOTHING_YET = "nothing to say yet"


TIER: Final = {
    Action.FIX_DATA: 0,
    Action.STOP: 1,
    Action.SCALE: 1,
    Action.NARROW: 2,
    Action.WIDEN: 2,
    Action.SPLIT: 2,
    Action.CHANGE_WINDOW: 2,
    Action.TEST: 3,
    Action.KEEP: 4,
    Action.NOTHING_YET: 5,
}
"""What comes first: faults, then what is proven, then repairs, then what would prove something."""


@dataclass(frozen=True, slots=True)
class Amount:
    """A figure per week with its limits: what a verdict brings, or what it costs if wrong."""

    value: float
    unit: str  # ``USD a week``, ``conversions a week``, ``people``
    lower: float | None = None
    upper: float | None = None

    @property
    def words(self) -> str:
        """``+120 USD a week (40 to 210)``."""
        said = f"{_number(self.value, sign=True)} {self.unit}"
        if self.lower is None or self.upper is None:
            return said
        return f"{said} ({_number(self.lower)} to {_number(self.upper)})"

    @property
    def short(self) -> str:
        """For a column: ``+120 USD/week``."""
        unit = self.unit.replace("conversions", "conv.").replace(" a week", "/week")
        return f"{_number(self.value, sign=True)} {unit.partition(' who ')[0].partition(' in ')[0]}"

    @property
    def size(self) -> str:
        """The amount without sign or limits: ``12 USD a week``."""
        return f"{_number(abs(self.value))} {self.unit}"

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {"value": self.value, "lower": self.lower, "upper": self.upper, "unit": self.unit}


@dataclass(frozen=True, slots=True)
class Recommendation:
    """One verdict on one segment.

    `headline` is for a line of a table, `reason` a whole sentence. `changed` are segments as
    they should be written, `added` new ones to stand behind this one.
    """

    segment: str
    title: str
    action: Action
    headline: str
    reason: str
    rule: str
    figure: Figure | None = None
    gain: Amount | None = None
    stake: Amount | None = None  # what its people give now: what the verdict is about
    wrong: str = ""  # what it costs if the verdict is wrong
    risk: Amount | None = None
    reach: float = 0.0  # people reached more, or fewer
    cost: Amount | None = None  # spent more a week, or less
    cost_note: str = ""  # what `cost` rests on; without one, why it is not known and what to add
    takes: str = ""  # what would let more be said
    changed: tuple[Segment, ...] = ()
    added: tuple[Segment, ...] = ()
    holdout: int | None = None  # percent to hold out, for a test
    weeks: int | None = None
    worth: float = 0.0  # what orders verdicts of one tier; never shown
    also: tuple[Recommendation, ...] = ()

    @property
    def order(self) -> tuple[int, float, str]:
        """Most valuable first."""
        return (TIER[self.action], -self.worth, self.segment)

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "segment": self.segment,
            "title": self.title,
            "verdict": self.action.value,
            "headline": self.headline,
            "reason": self.reason,
            "rule": self.rule,
            "figure": self.figure.to_json() if self.figure else None,
            "label": self.figure.label.value if self.figure else None,
            "expected_gain": self.gain.to_json() if self.gain else None,
            "at_stake": self.stake.to_json() if self.stake else None,
            "cost_of_being_wrong": {
                "words": self.wrong,
                "expected": self.risk.to_json() if self.risk else None,
            },
            "people_reached": round(self.reach),
            "cost": self.cost.to_json() if self.cost else None,
            "cost_note": self.cost_note,
            "what_it_would_take": self.takes,
            "holdout_percent": self.holdout,
            "weeks": self.weeks,
            "edits": [s.id for s in (*self.changed, *self.added)],
            "also": [one.to_json() for one in self.also],
        }


def _number(value: float, *, sign: bool = False) -> str:
    digits = 0 if abs(value) >= 10 or value == round(value) else 1 if abs(value) >= 1 else 2  # noqa: PLR2004
    text = f"{value:{'+' if sign else ''},.{digits}f}"
    return text.replace("-", "\N{MINUS SIGN}")
