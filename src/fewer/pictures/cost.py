"""Cost against conversion: a bubble for each segment, crossed by the intervals of both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, sqrt
from typing import Final

from fewer.pictures.axis import Axis, LogAxis, around
from fewer.pictures.svg import (
    CHAR,
    NARROW,
    WIDE,
    circle,
    fill,
    label,
    line,
    outlined,
    picture,
    stroke,
    text,
)

_LARGEST: Final = 26.0
_SMALLEST: Final = 5.0
_PLACES: Final = ((1, -1), (-1, -1), (1, 1), (-1, 1))


@dataclass(frozen=True, slots=True)
class Bubble:
    """A segment: what it costs, how often it converts, both with limits; and its people."""

    label: str
    cost: float
    cost_low: float | None
    cost_high: float | None
    rate: float
    rate_low: float | None
    rate_high: float | None
    people: int | None  # None: nobody knows how many (the broad audience)


def bubbles(
    rows: Sequence[Bubble],
    *,
    simulated: bool,
    title: str,
    across: str,
    up: str,
    narrow: bool = False,
) -> str:
    """Cost across (ratios are equally far apart), conversion up; numbers lead to the names.

    Args:
        rows: Segments of one currency.
        simulated: Whether the picture is marked as such.
        title: Of the picture.
        across: What costs are, with their currency ("USD per click").
        up: What rates are.
        narrow: For a telephone.
    """
    if not rows:
        return ""
    width = float(NARROW if narrow else WIDE)
    top, bottom, left = 34.0, 34.0 + (250 if narrow else 380), 56.0
    right = width - 12 if narrow else width - 330
    costs = [v for r in rows for v in (r.cost, r.cost_low, r.cost_high) if v]
    middle = sorted(r.cost for r in rows)[len(rows) // 2]
    low, high = around(costs, least=middle / 6, most=middle * 6)
    x_axis = LogAxis(low, high, left, right)
    # A wide interval of a small segment must not press all others to the ground.
    seen = [v for r in rows for v in (r.rate, r.rate_high) if v is not None and v < inf]
    most = min(max(seen), 2.0 * max(r.rate for r in rows)) or 1.0
    y_axis = Axis(0, most * 1.08, bottom, top)
    parts = [_scales(x_axis, y_axis, across, up)]
    largest = max((r.people or 0 for r in rows), default=0)
    order = sorted(range(len(rows)), key=lambda i: -(rows[i].people or 0))
    radius = {i: _radius(rows[i].people, largest, narrow=narrow) for i in order}
    parts += [_cross(rows[i], x_axis, y_axis) for i in order]
    parts += [_bubble(rows[i], x_axis, y_axis, radius[i]) for i in order]
    parts += _numbers([(x_axis.at(rows[i].cost), y_axis.at(rows[i].rate), radius[i], i + 1)
                       for i in order], width)  # fmt: skip
    names, full = _names(rows, 10 if narrow else right + 24, bottom + 62 if narrow else top + 4,
                         width)  # fmt: skip
    words = "; ".join(f"{r.label}: {r.cost:,.2f} {across}, {r.rate * 100:.2f} % {up}" for r in rows)
    body = "".join(parts) + names
    return picture(width, max(full, bottom + 52), title, body, simulated=simulated, words=words)


def _scales(x_axis: LogAxis, y_axis: Axis, across: str, up: str) -> str:
    parts = []
    left, right, bottom, top = x_axis.start, x_axis.end, y_axis.start, y_axis.end
    for value in x_axis.ticks():
        x = x_axis.at(value)
        parts.append(line(x, top, x, bottom, stroke("line")))
        words = f"{value:,.2f}" if value < 10 else f"{value:,.0f}"  # noqa: PLR2004
        parts.append(text(x, bottom + 16, words, anchor="middle", size=10, colour="quiet"))
    for value in y_axis.ticks(5):
        y = y_axis.at(value)
        parts.append(line(left, y, right, y, stroke("grey" if value == 0 else "line")))
        words = f"{value * 100:.3g} %"
        parts.append(
            text(left - 8, y + 3.5, words, anchor="end", size=10, colour="quiet", room=left - 8)
        )
    parts.append(text((left + right) / 2, bottom + 36, f"{across} (cheaper to the left)",
                      anchor="middle", size=11, colour="quiet", room=right - left))  # fmt: skip
    parts.append(text(8, 16, up, size=11, colour="quiet", room=right - 8))
    return "".join(parts)


def _radius(people: int | None, largest: int, *, narrow: bool) -> float:
    """Areas are people."""
    if not people or not largest:
        return _SMALLEST
    return max(_SMALLEST, (0.7 if narrow else 1.0) * _LARGEST * sqrt(people / largest))


def _cross(row: Bubble, x_axis: LogAxis, y_axis: Axis) -> str:
    x, y = x_axis.at(row.cost), y_axis.at(row.rate)
    parts = []
    if row.cost_low is not None and row.cost_high is not None:
        parts.append(line(x_axis.at(row.cost_low), y, x_axis.at(row.cost_high), y,
                          stroke("quiet", 1.3)))  # fmt: skip
    if row.rate_low is not None and row.rate_high is not None:
        parts.append(line(x, y_axis.at(row.rate_low), x, y_axis.at(row.rate_high),
                          stroke("quiet", 1.3)))  # fmt: skip
    return "".join(parts)


def _bubble(row: Bubble, x_axis: LogAxis, y_axis: Axis, radius: float) -> str:
    people = "people unknown" if row.people is None else f"{row.people:,} people"
    told = f"{row.label}: {row.cost:,.2f}, {row.rate * 100:.2f} %, {people}"
    look = (
        outlined("paper", "orange", 2)
        if row.people is None
        else f'{fill("blue")} fill-opacity=".5" stroke="#ffffff"'
    )
    return circle(x_axis.at(row.cost), y_axis.at(row.rate), radius, look, title=told)


def _numbers(marks: Sequence[tuple[float, float, float, int]], width: float) -> list[str]:
    """A number beside each bubble, where no other number stands; the rest only in the list."""
    taken: list[tuple[float, float]] = []
    parts = []
    for x, y, radius, number in marks:
        away = radius * 0.72 + 6
        for right, down in _PLACES:
            at = (x + right * away, y + down * away + 4)
            inside = 8 < at[0] < width - 8  # noqa: PLR2004  half a number
            if inside and all(abs(at[0] - a) > 16 or abs(at[1] - b) > 12 for a, b in taken):  # noqa: PLR2004
                taken.append(at)
                parts.append(text(at[0], at[1], str(number), anchor="middle", size=11, bold=True))
                break
    return parts


def _names(rows: Sequence[Bubble], left: float, top: float, width: float) -> tuple[str, float]:
    parts = []
    step = 26.0
    for i, row in enumerate(rows):
        y = top + i * step + 10
        parts.append(text(left + 20, y, str(i + 1), anchor="end", size=11, bold=True))
        people = "" if row.people is None else f"{row.people:,}"
        room = width - left - 36 - CHAR * 11 * len(people) - 10
        parts.append(label(left + 28, y - 4, row.label, room, anchor="start"))
        parts.append(text(width - 8, y, people, anchor="end", size=11, colour="quiet"))
    return "".join(parts), top + len(rows) * step + 14
