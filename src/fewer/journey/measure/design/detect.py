"""What a test can show before it starts, in words a plan can be changed by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, isfinite
from typing import Any, Final

import numpy as np

from fewer.journey.measure.design.group import Basis, Group
from fewer.stats.allocation import per_comparison

MOST_WEEKS: Final = 104
_WIDEST: Final = 20  # times its people: wider than that, a segment is another one
_FEWEST_HELD: Final = 0.5  # of all people: more are never held out to solve for a share


@dataclass(frozen=True, slots=True)
class Terms:
    """What is asked of a test.

    Attributes:
        change: Relative change that is worth seeing: 0.26 is 26 % more.
        wanted: Chance to see it.
        confidence: 1 minus the two-sided level, of one comparison.
        outcome_weeks: How long after the last person joins until all is known.
    """

    change: float = 0.26
    wanted: float = 0.8
    confidence: float = 0.95
    outcome_weeks: float = 1.0


@dataclass(frozen=True, slots=True)
class Row:
    """What one group can show.

    Attributes:
        smallest: Smallest change you could see in it alone, relative; None when nothing.
        among: The same, when every group of its level is read beside it.
        chance: To see the change that is worth seeing.
        shows: Whether that chance is enough, among the others.
        weeks: Until a verdict; None when no run of two years gives one.
        people_needed: In both arms together; None when not known.
        words: The verdict.
    """

    group: Group
    smallest: float | None
    among: float | None
    chance: float | None
    shows: bool
    weeks: int | None
    people_needed: int | None
    words: str = ""

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            **self.group.to_json(),
            "smallest_change": _round(self.smallest),
            "smallest_change_among_all": _round(self.among),
            "chance": _round(self.chance),
            "shows": self.shows,
            "weeks_to_verdict": self.weeks,
            "people_needed": self.people_needed,
            "verdict": self.words,
        }


def rows(groups: Sequence[Group], terms: Terms) -> list[Row]:
    """One row a group, with a verdict that names what would help."""
    many = {level: sum(g.level == level for g in groups) for level in ("segment", "family")}
    found = [_row(group, terms, many.get(group.level, 1)) for group in groups]
    return [_worded(row, found, terms) for row in found]


def _row(group: Group, terms: Terms, read_beside: int) -> Row:
    basis = group.basis
    if basis is None or not group.people:
        return Row(group, None, None, None, False, None, None)
    stricter = per_comparison(terms.confidence, max(read_beside, 1))
    n, m = group.sizes()
    alone, among = (
        float(basis.smallest(n, m, wanted=terms.wanted, confidence=c))
        for c in (terms.confidence, stricter)
    )
    chance = float(basis.chance(terms.change, n, m, stricter))
    needed = basis.needed(
        terms.change,
        per_first=group.shares[1] / group.shares[0],
        wanted=terms.wanted,
        confidence=stricter,
    ) / sum(group.shares)
    return Row(
        group,
        alone if isfinite(alone) else None,
        among if isfinite(among) else None,
        chance,
        chance >= terms.wanted,
        _weeks(group, basis, terms, stricter),
        ceil(needed) if isfinite(needed) else None,
    )


def _weeks(group: Group, basis: Basis, terms: Terms, confidence: float) -> int | None:
    """Weeks of joining until the change would be seen, and of outcomes after them."""
    weeks = np.arange(MOST_WEEKS + 1)
    seen = basis.chance(terms.change, *group.sizes(weeks), confidence) >= terms.wanted
    if not seen.any():
        return None
    return ceil(int(np.argmax(seen)) + terms.outcome_weeks)


def _worded(row: Row, every: Sequence[Row], terms: Terms) -> Row:
    group = row.group
    change = signed(terms.change)
    what = {"segment": "this segment alone", "family": "this family", "programme": "the programme"}
    name = what[group.level]
    if not group.people:
        words = "Nobody is in it now."
    elif group.basis is None:
        words = "Nothing is known of what its people do by themselves: no base to plan with."
    elif row.shows:
        words = f"{name.capitalize()} can show {change}, with a chance of {row.chance:.0%}."
    else:
        seen = (
            f"the smallest change you could see is {signed(row.among)}"
            if row.among is not None
            else "no change at all could be seen"
        )
        words = f"{name.capitalize()} can't show {change}: {seen}. {_help(row, every)}"
    if group.basis and group.basis.is_thin:
        words += f" Its base rests on {group.basis.converted} conversions: a guess."
    return Row(
        group, row.smallest, row.among, row.chance, row.shows, row.weeks, row.people_needed, words
    )


def _help(row: Row, every: Sequence[Row]) -> str:
    """Pool, lengthen or widen: those of the three that would do, with how much of each."""
    ways = []
    if row.group.level == "segment":
        wider = [
            r
            for r in every
            if r.group.level != "segment"
            and r.group.people > row.group.people
            and (r.shows or r.weeks)
        ]
        if wider:
            best = min(wider, key=lambda r: (not r.shows, r.weeks or 0, r.group.people))
            when = "" if best.shows else f" in {best.weeks} weeks"
            ways.append(f"pool it: {best.group.title} can{when}")
    if row.weeks is not None and row.group.entering:
        ways.append(f"lengthen it to {row.weeks} weeks")
    needed = row.people_needed
    times = needed / row.group.people if needed is not None else None
    if times is not None and times <= _WIDEST:
        ways.append(f"widen it to {needed:,} people ({times:.1f} times as many)")
    if not ways:
        more = f" It would take {needed:,} people{_when(row, needed)}." if needed else ""
        return f"Nothing near would do: choose a more common goal, or a larger change.{more}"
    start = ways[0][0].upper() + ways[0][1:]
    return ", or ".join([start, *ways[1:]]) + "."


def _when(row: Row, needed: int) -> str:
    """When so many will have joined, in weeks, if they go on joining as they do."""
    joining = row.group.entering
    if not joining:
        return ", and nobody joins"
    weeks = ceil((needed - row.group.people) / joining)
    return f", in {weeks:,} weeks at {joining:,.1f} joining a week"


def share_needed(group: Group, terms: Terms) -> float | None:
    """Smallest share to hold out that shows the change, at most a half; None when none does."""
    basis = group.basis
    if basis is None or not group.people:
        return None
    held = np.linspace(0.001, _FEWEST_HELD, 500)
    chance = basis.chance(
        terms.change, group.people * (1 - held), group.people * held, terms.confidence
    )
    enough = chance >= terms.wanted
    return float(held[np.argmax(enough)]) if enough.any() else None


def curve_by_share(group: Group, terms: Terms) -> list[tuple[float, float]]:
    """Smallest change by share held out, for a picture."""
    basis = group.basis
    if basis is None:
        return []
    held = np.linspace(0.02, 0.5, 25)
    change = basis.smallest(
        group.people * (1 - held),
        group.people * held,
        wanted=terms.wanted,
        confidence=terms.confidence,
    )
    pairs = zip(held.tolist(), change.tolist(), strict=True)
    return [(share, one) for share, one in pairs if isfinite(one)]


def curve_by_week(group: Group, terms: Terms, weeks: int = 26) -> list[tuple[float, float]]:
    """Smallest change by weeks of joining, for a picture."""
    basis = group.basis
    if basis is None:
        return []
    at = np.arange(weeks + 1)
    change = basis.smallest(*group.sizes(at), wanted=terms.wanted, confidence=terms.confidence)
    pairs = zip(at.tolist(), change.tolist(), strict=True)
    return [(float(week), one) for week, one in pairs if isfinite(one)]


def signed(change: float) -> str:
    """A relative change as people write it.

    >>> signed(0.26), signed(-0.3), signed(4.2)
    ('+26 %', '−30 %', '+420 %')
    """
    return f"{'−' if change < 0 else '+'}{abs(change) * 100:,.0f} %"


def _round(value: float | None) -> float | None:
    return None if value is None else round(value, 6)
