"""Sizes over past refreshes: a small line in a table, and a panel for each segment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

from fewer.pictures.axis import Axis
from fewer.pictures.svg import (
    NARROW,
    WIDE,
    circle,
    fill,
    legend,
    line,
    path,
    picture,
    rect,
    stroke,
    swatch,
    text,
)

_FEWEST: Final = 2  # refreshes that make a history


@dataclass(frozen=True, slots=True)
class History:
    """People of a segment at past moments, the oldest first."""

    label: str
    days: tuple[str, ...]  # "2017-09-25"
    people: tuple[int, ...]
    low: int = 200
    high: int = 2_000

    @property
    def words(self) -> str:
        """``310 on 2017-09-11 to 298 on 2017-10-02``."""
        return (
            f"{self.people[0]:,} on {self.days[0]} to {self.people[-1]:,} on {self.days[-1]},"
            f" between {min(self.people):,} and {max(self.people):,}"
        )


def spark(one: History, *, simulated: bool = False) -> str:
    """A line as small as a word, with its words for those who can't see it."""
    if len(one.people) < _FEWEST:
        return ""
    wide, tall = 84.0, 22.0
    words = f"{one.label}: {one.words}{' (simulated)' if simulated else ''}"
    points = _points(one.people, Axis(0, len(one.people) - 1, 3, wide - 4), tall - 4, 4)
    end = points[-1]
    return (
        f'<svg class="pic tiny" viewBox="0 0 {wide:.0f} {tall:.0f}" width="{wide:.0f}" role="img" '
        f'aria-label="{escape(words, quote=True)}"><title>{escape(words)}</title>'
        f"{path(points, stroke('blue', 1.5))}{circle(end[0], end[1], 2.5, fill('blue'))}</svg>"
    )


def _points(
    people: Sequence[int], along: Axis, bottom: float, top: float
) -> list[tuple[float, float]]:
    """A line from 0 people up, so that small changes look small."""
    up = Axis(0, max(*people, 1), bottom, top)
    return [(along.at(i), up.at(n)) for i, n in enumerate(people)]


def histories(
    rows: Sequence[History],
    *,
    simulated: bool,
    title: str = "People at past refreshes",
    narrow: bool = False,
) -> str:
    """A panel for each segment, all from 0 up, with the size that is wanted shaded."""
    shown = [row for row in rows if len(row.people) >= _FEWEST]
    if not shown:
        return ""
    columns, width = (2, float(NARROW)) if narrow else (5, float(WIDE))
    gap, tall = 14, 118
    panel = (width - gap * (columns - 1)) / columns
    parts = [
        _panel(row, (i % columns) * (panel + gap), (i // columns) * tall, panel)
        for i, row in enumerate(shown)
    ]
    bottom = -(-len(shown) // columns) * tall
    keys = [
        (swatch(fill("wash")), "size wanted"),
        (circle(0, 0, 3, fill("blue")), "newest"),
    ]
    marks, full = legend(keys, 2, bottom + 12, width)
    words = "; ".join(f"{row.label}: {row.words}" for row in shown)
    body = "".join(parts) + marks
    return picture(width, full, title, body, simulated=simulated, words=words)


def _panel(row: History, x: float, y: float, width: float) -> str:
    top, bottom = y + 22, y + 88
    most = max(*row.people, 1) * 1.12
    up = Axis(0, most, bottom, top)
    along = Axis(0, len(row.people) - 1, x + 4, x + width - 6)
    points = [(along.at(i), up.at(n)) for i, n in enumerate(row.people)]
    parts = [text(x, y + 13, row.label, size=12, bold=True, room=width)]
    if row.low < most:
        high = up.at(row.high)
        parts.append(rect(x, high, width, up.at(row.low) - high, fill("wash")))
    parts.append(line(x, bottom, x + width, bottom, stroke("grey")))
    parts.append(path(points, stroke("blue", 1.8)))
    title = f"{row.label}: {row.words}"
    parts.append(circle(points[-1][0], points[-1][1], 3.2, fill("blue"), title=title))
    first, last = f"{row.people[0]:,}", f"{row.people[-1]:,}"
    parts.append(text(x, bottom + 14, first, size=10, colour="quiet"))
    parts.append(text(x + width, bottom + 14, last, anchor="end", size=11, bold=True))
    return "".join(parts)
