"""What a test by region or by time can show, in words a plan can be changed by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fewer.journey.measure.design.detect import Terms, signed
from fewer.journey.measure.units.placebo import Placebo
from fewer.journey.measure.units.read import Kind
from fewer.model.window import DAY, WEEK


@dataclass(frozen=True, slots=True)
class Length:
    """One length of the run, judged by drawing pairs again over past stretches of that length.

    `smallest`, `chance` and `false_alarms` are None where the past is too short to say.
    """

    run_us: int
    pairs: int
    placebo: Placebo | None
    smallest: float | None
    chance: float | None
    slot_us: int | None = None

    @property
    def weeks(self) -> float:
        """Length in weeks."""
        return self.run_us / WEEK

    @property
    def words(self) -> str:
        """``4 weeks``, ``10 days``."""
        if self.run_us % WEEK == 0:
            weeks = self.run_us // WEEK
            return f"{weeks} {'week' if weeks == 1 else 'weeks'}"
        return f"{self.run_us / DAY:.3g} days"

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        past = self.placebo
        return {
            "weeks": round(self.weeks, 3),
            "slot_hours": None if self.slot_us is None else self.slot_us / (DAY // 24),
            "pairs": self.pairs,
            "past_windows": past.windows if past else 0,
            "drawn_again": past.draws if past else 0,
            "false_alarms": round(past.false_alarms, 4) if past else None,
            "smallest_change": None if self.smallest is None else round(self.smallest, 6),
            "chance": None if self.chance is None else round(self.chance, 4),
        }


def length(
    run_us: int, pairs: int, past: Placebo | None, terms: Terms, slot_us: int | None = None
) -> Length:
    """Judge a length by its placebo."""
    smallest = past.smallest(terms.wanted) if past else None
    chance = past.chance(terms.change) if past else None
    return Length(run_us, pairs, past, smallest, chance, slot_us)


def shortest(lengths: Sequence[Length], terms: Terms) -> Length | None:
    """The shortest run that shows the change; None when none of them does."""
    enough = [one for one in lengths if one.chance is not None and one.chance >= terms.wanted]
    return min(enough, key=lambda one: one.run_us, default=None)


def verdict(
    planned: Length,
    lengths: Sequence[Length],
    terms: Terms,
    kind: Kind,
    *,
    people_each: float | None = None,
) -> str:
    """What the planned run can show; where it can't, what it would take."""
    change, units = signed(terms.change), f"{planned.pairs:,} pairs of {kind}"
    if planned.placebo is None or planned.smallest is None:
        known = [one for one in lengths if one.smallest is not None]
        longest = max(known, key=lambda one: one.run_us, default=None)
        shorter = (
            f" Over {longest.words} the smallest change you could see is"
            f" {signed(longest.smallest)}."
            if longest is not None and longest.smallest is not None
            else ""
        )
        stretches = "two such stretches" if kind == "regions" else "one such stretch"
        return (
            f"Not enough data yet: the past is too short to draw {units} again over"
            f" {planned.words}. It takes {stretches} of data before the start.{shorter}"
        )
    if planned.chance is not None and planned.chance >= terms.wanted:
        return (
            f"{units.capitalize()} can show {change} in {planned.words}, with a chance of"
            f" {planned.chance:.0%}."
        )
    ways = []
    if (found := shortest(lengths, terms)) is not None and found.run_us > planned.run_us:
        ways.append(f"lengthen it to {found.words}")
    needed = planned.placebo.pairs_needed(
        terms.change, wanted=terms.wanted, confidence=terms.confidence
    )
    if needed is not None and needed > planned.pairs:
        ways.append(_more(needed, planned, kind, people_each))
    if not ways:  # a change this large is not seen, and neither time nor units help
        ways.append("choose a more common goal, or look for a larger change")
    start = ways[0][0].upper() + ways[0][1:]
    return (
        f"{units.capitalize()} can't show {change} in {planned.words}: the smallest change you"
        f" could see is {signed(planned.smallest)}. {', or '.join([start, *ways[1:]])}."
    )


def _more(needed: int, planned: Length, kind: Kind, people_each: float | None) -> str:
    """Units it would take, with what they come to in people or weeks."""
    if kind == "regions":
        of = f", about {2 * needed * people_each:,.0f} people" if people_each else ""
        return f"use {2 * needed:,} regions as alike as these{of}"
    weeks = planned.weeks * needed / max(planned.pairs, 1)
    return f"use {2 * needed:,} slots as alike as these, about {weeks:,.0f} weeks"
