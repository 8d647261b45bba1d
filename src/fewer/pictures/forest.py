"""Forest plot: ratios with their intervals around the line of no difference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import inf
from typing import Final

from fewer.pictures.axis import LogAxis, around
from fewer.pictures.svg import (
    NARROW,
    WIDE,
    arrow,
    circle,
    fill,
    label,
    legend,
    line,
    needs_two,
    outlined,
    path,
    picture,
    rect,
    stroke,
    text,
    wide,
)

_LABELS: Final = 340
_WORDS: Final = 270
_TOP: Final = 48
_SECOND_LINE: Final = 13


@dataclass(frozen=True, slots=True)
class Interval:
    """A row: an estimate with its interval, and the words beside it.

    A `low` of 0 and a `high` of infinity mean that there is no such limit.
    """

    label: str
    estimate: float
    low: float
    high: float
    words: str = ""
    strong: bool = False  # interval clear of the reference after correction
    pooled: bool = False  # of the whole programme: drawn as a diamond
    alone: bool = False  # too little data for an interval: the estimate alone
    stated: tuple[float, ...] = ()  # what somebody claims: a value, or from one to another


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a row's parts stand."""

    width: float
    left: float
    right: float
    row: float
    narrow: bool


_ROOMY: Final = _Place(WIDE, _LABELS, WIDE - _WORDS, 28, narrow=False)
_TIGHT: Final = _Place(NARROW, 10, NARROW - 10, 58, narrow=True)


def forest(
    rows: Sequence[Interval],
    *,
    simulated: bool,
    title: str,
    sides: tuple[str, str] = ("less", "more"),
    clear: str = "clear of no difference, after correction",
    narrow: bool = False,
) -> str:
    """Ratios on a log axis around 1; limits beyond the axis, or none at all, are arrows.

    `clear` says in the legend what a filled mark stands for.
    """
    if not rows:
        return ""
    place = _TIGHT if narrow else _ROOMY
    if narrow and needs_two([r.label for r in rows], NARROW - 20):
        place = replace(place, row=place.row + _SECOND_LINE)
    ends = [v for r in rows for v in (r.low, r.high, r.estimate, *r.stated)]
    low, high = around([*ends, 1 / 1.5, 1.5], least=0.05, most=20.0)
    axis = LogAxis(low, high, place.left + 8, place.right - 8)
    bottom = _TOP + place.row * len(rows)
    parts = [_stripe(place, i) for i in range(1, len(rows), 2)]
    parts += [_scale(axis, bottom, sides, place)]
    parts += [_row(axis, row, _TOP + i * place.row, place) for i, row in enumerate(rows)]
    keys, full = legend(_keys(axis, rows, clear), 10, bottom + 24, place.width - 10)
    words = "; ".join(f"{row.label}: {row.words or f'{row.estimate:.2f}x'}" for row in rows)
    body = "".join(parts) + keys
    return picture(place.width, full, title, body, simulated=simulated, words=words)


def _stripe(place: _Place, row: int) -> str:
    return rect(0, _TOP + row * place.row, place.width, place.row, fill("stripe"))


def _scale(axis: LogAxis, bottom: float, sides: tuple[str, str], place: _Place) -> str:
    parts = []
    # On a telephone words stand above the marks: lines stay clear of them.
    spans = (
        [(y - 22, y - 5) for y in range(_TOP + int(place.row), int(bottom) + 1, int(place.row))]
        if place.narrow
        else [(_TOP - 6, bottom)]
    )
    for value in axis.ratios():
        x = axis.at(value)
        look = stroke("line") if value != 1.0 else stroke("quiet", 1.2, "3 3")
        parts += [line(x, start, x, end, look) for start, end in spans]
        parts.append(text(x, _TOP - 10, f"{value:g}x", anchor="middle", size=10, colour="quiet"))
    middle = axis.at(1.0)
    less, more = f"← {sides[0]}", f"{sides[1]} →"
    if wide(less, 11) > middle - 16:  # a word that is cut says less than the arrow
        less = "←"
    if wide(more, 11) > place.width - middle - 16:
        more = "→"
    parts.append(text(middle - 12, 18, less, anchor="end", size=11, colour="quiet"))
    parts.append(text(middle + 12, 18, more, size=11, colour="quiet"))
    return "".join(parts)


def _row(axis: LogAxis, row: Interval, y: float, place: _Place) -> str:
    if place.narrow:
        middle, room = y + place.row - 14, place.width - 20
        extra = place.row - _TIGHT.row
        said = label(10, y + 12 + extra / 2, row.label, room, anchor="start", bold=True)
        said += text(10, y + 31 + extra, row.words, colour="quiet", size=11, room=room)
    else:
        middle = y + place.row / 2
        said = label(place.left - 12, middle, row.label, place.left - 22, bold=row.pooled)
        said += label(place.right + 14, middle, row.words, place.width - place.right - 18,
                      anchor="start", size=11, colour="quiet")  # fmt: skip
    return said + _stated(axis, row.stated, middle) + _mark(axis, row, middle)


def _stated(axis: LogAxis, stated: Sequence[float], y: float) -> str:
    """What is claimed: an upright line, or a bracket from one value to another."""
    xs = sorted(axis.at(value) for value in stated)
    parts = [line(x, y - 10, x, y + 10, stroke("orange", 2.4)) for x in xs]
    if len(xs) > 1:
        parts.append(line(xs[0], y - 10, xs[-1], y - 10, stroke("orange", 2.4)))
    return "".join(parts)


def _mark(axis: LogAxis, row: Interval, y: float) -> str:
    colour = "blue" if row.strong else "quiet"
    low, high = axis.at(max(row.low, axis.low)), axis.at(min(row.high, axis.high))
    x = axis.at(row.estimate)
    told = f"{row.label}: {row.words or f'{row.estimate:.2f}x'}"
    bounded = row.low >= axis.low and row.high <= axis.high
    if row.pooled and bounded:
        corners = [(low, y), (x, y - 8), (high, y), (x, y + 8)]
        look = fill("blue") if row.strong else outlined("paper", "quiet")
        return path(corners, look, closed=True)
    if row.alone:
        return circle(x, y, 4.5, outlined("paper", "quiet", 1.8), title=told)
    parts = [line(low, y, high, y, stroke(colour, 2))]
    parts.append(arrow(low, y, right=False, colour=colour) if row.low < axis.low
                 else line(low, y - 4, low, y + 4, stroke(colour, 2)))  # fmt: skip
    parts.append(arrow(high, y, right=True, colour=colour) if row.high > axis.high
                 else line(high, y - 4, high, y + 4, stroke(colour, 2)))  # fmt: skip
    if axis.low <= row.estimate <= axis.high:
        look = fill("blue") if row.strong else outlined("paper", "quiet", 1.8)
        parts.append(rect(x - 4.5, y - 4.5, 9, 9, look, title=told, round_=1))
    return "".join(parts)


def _keys(axis: LogAxis, rows: Sequence[Interval], clear: str) -> list[tuple[str, str]]:
    strong = rect(-4.5, -4.5, 9, 9, fill("blue"), round_=1)
    weak = rect(-4.5, -4.5, 9, 9, outlined("paper", "quiet", 1.8), round_=1)
    keys = []
    if any(r.strong for r in rows):
        keys.append((strong, clear))
    if any(not (r.strong or r.alone) for r in rows):
        keys.append((weak, "not clear"))
    if any(r.alone for r in rows):
        dot = circle(0, 0, 4.5, outlined("paper", "quiet", 1.8))
        keys.append((dot, "too little data for an interval"))
    if any(r.pooled for r in rows):
        corners = [(-5.0, 0.0), (0.0, -5.0), (5.0, 0.0), (0.0, 5.0)]
        keys.append((path(corners, fill("quiet"), closed=True), "all segments together"))
    if any(r.stated for r in rows):
        keys.append((line(0, -7, 0, 7, stroke("orange", 2.4)), "claimed"))
    ranged = [r for r in rows if not r.alone]
    if any(r.low < axis.low or r.high > axis.high for r in ranged):
        none = any(r.low <= 0 or r.high == inf for r in ranged)
        words = "the interval goes on, or has no limit there" if none else "the interval goes on"
        keys.append((arrow(5, 0, right=True, colour="quiet"), words))
    return keys
