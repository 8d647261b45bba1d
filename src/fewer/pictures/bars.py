"""Bars of segments: people against the size that is wanted, and who was removed, by reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from fewer.pictures.axis import Axis, LogAxis
from fewer.pictures.svg import (
    NARROW,
    REASONS,
    WIDE,
    Anchor,
    fill,
    label,
    legend,
    line,
    needs_two,
    outlined,
    picture,
    rect,
    stroke,
    swatch,
    text,
    wide,
)

_LABELS: Final = 340
_TOP: Final = 30
_TIGHT: Final = 44  # height of a row on a telephone
_SECOND_LINE: Final = 13
_VISIBLE: Final = 0.4  # pixels
_ROOM_FOR_LETTER: Final = 14
LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True, slots=True)
class Bar:
    """A segment: people in, and people removed by reason."""

    label: str
    size: int
    removed: tuple[tuple[str, int], ...] = ()
    low: int = 200
    high: int = 2_000

    @property
    def matched(self) -> int:
        """People before anyone was removed."""
        return self.size + sum(n for _, n in self.removed)


def sizes(
    bars: Sequence[Bar],
    *,
    simulated: bool,
    title: str = "People per segment",
    narrow: bool = False,
) -> str:
    """Bars on a log axis; behind each, shaded, the size that is wanted of it."""
    if not bars:
        return ""
    width, left, right, row = _frame(bars, narrow=narrow, right=84)
    most = max(*(b.size for b in bars), *(b.matched for b in bars), 3_000)
    axis = LogAxis(10, most * 1.15, left, right)
    bottom = _TOP + row * len(bars)
    parts = [
        rect(
            axis.at(bar.low), _TOP + i * row, axis.at(bar.high) - axis.at(bar.low), row,
            fill("wash"), title=f"{bar.label}: wanted {bar.low:,} to {bar.high:,}",
        )
        for i, bar in enumerate(bars)
    ]  # fmt: skip
    for value in axis.ticks():
        x = axis.at(value)
        parts.append(line(x, _TOP - 5, x, bottom, stroke("line")))
        parts.append(text(x, _TOP - 9, f"{value:,.0f}", anchor="middle", size=10, colour="quiet"))
    parts += [_size(axis, bar, _TOP + i * row, row, narrow=narrow) for i, bar in enumerate(bars)]
    keys = [
        (swatch(fill("blue")), "people, size as wanted"),
        (swatch(outlined("paper", "quiet")), "people, outside of it"),
        (swatch(fill("wash")), "size wanted"),
        (line(0, -6, 0, 6, stroke("orange", 2)), "matched, before exclusions"),
    ]
    marks, full = legend(keys, 10, bottom + 22, width - 10)
    words = "; ".join(f"{bar.label}: {bar.size:,} people" for bar in bars)
    body = "".join(parts) + marks
    return picture(width, full, title, body, simulated=simulated, words=words)


def _frame(
    bars: Sequence[Bar], *, narrow: bool, right: float, beside: float = 0
) -> tuple[float, float, float, float]:
    """Width, where bars start and end at most, and the height of a row."""
    if narrow:
        two = needs_two([bar.label for bar in bars], NARROW - 20 - beside)
        return NARROW, 10, NARROW - 64, _TIGHT + (_SECOND_LINE if two else 0)
    return WIDE, _LABELS, WIDE - right, 28


def _named(
    bar: Bar, start: float, y: float, row: float, *, narrow: bool, beside: float = 0
) -> tuple[str, float]:
    """The name of a row, with room for what stands `beside` it, and the top of its bar."""
    if narrow:
        middle = y + 11 + (row - _TIGHT) / 2
        words = label(10, middle, bar.label, NARROW - 20 - beside, anchor="start", bold=True)
        return words, y + row - 22
    return label(start - 12, y + row / 2, bar.label, _LABELS - 22), y + 6


def _size(axis: LogAxis, bar: Bar, y: float, row: float, *, narrow: bool) -> str:
    inside = bar.low <= bar.size <= bar.high
    words, top = _named(bar, axis.start, y, row, narrow=narrow)
    end = axis.at(bar.size) if bar.size else axis.start
    look = fill("blue") if inside else outlined("paper", "quiet", 1.2)
    told = f"{bar.label}: {bar.size:,} people, {bar.matched:,} matched"
    parts = [words, rect(axis.start, top, max(end - axis.start, 1), 16, look, title=told, round_=2)]
    if bar.matched > bar.size:
        at = axis.at(bar.matched)
        parts.append(line(at, top - 2, at, top + 18, stroke("orange", 2)))
        if at - end < wide(f"{bar.size:,}") + 14:  # no room for the number before the mark
            end = max(end, at)
    parts.append(text(end + 7, top + 12, f"{bar.size:,}", bold=inside))
    return "".join(parts)


def funnel(
    bars: Sequence[Bar],
    *,
    simulated: bool,
    title: str = "People removed, by reason",
    narrow: bool = False,
) -> str:
    """Of everyone a rule matches: who is left, and who was removed for which reason."""
    shown = [bar for bar in bars if bar.matched]
    if not any(n for bar in shown for _, n in bar.removed):
        return ""
    beside = max(wide(_counts(bar), 11) for bar in shown) + 10
    width, left, right, row = _frame(shown, narrow=narrow, right=180, beside=beside)
    if narrow:
        right = width - 10
    axis = Axis(0, 1, left, right)
    bottom = _TOP + row * len(shown)
    names = list(dict.fromkeys(name for bar in shown for name, n in bar.removed if n))
    colours = {name: REASONS[i % len(REASONS)] for i, name in enumerate(names)}
    parts = []
    for value in (0, 0.25, 0.5, 0.75, 1):
        x = axis.at(value)
        parts.append(line(x, _TOP - 5, x, bottom, stroke("line")))
        at: Anchor = "middle"
        if narrow and value in (0, 1):
            at = "start" if value == 0 else "end"
        parts.append(text(x, _TOP - 9, f"{value * 100:.0f} %", anchor=at, size=10, colour="quiet"))
    for i, bar in enumerate(shown):
        parts.append(_shares(axis, bar, (_TOP + i * row, row, beside), colours, narrow=narrow))
    keys = [(swatch(fill("blue")), "left")]
    keys += [
        (swatch(fill(colour)) + _letter(0, 3.5, LETTERS[i % len(LETTERS)]), f"removed: {name}")
        for i, (name, colour) in enumerate(colours.items())
    ]
    marks, full = legend(keys, 10, bottom + 22, width - 10)
    words = "; ".join(f"{b.label}: {b.size:,} of {b.matched:,} left" for b in shown)
    body = "".join(parts) + marks
    return picture(width, full, title, body, simulated=simulated, words=words)


def _letter(x: float, y: float, letter: str) -> str:
    """A reason is told by its letter too, not by its colour alone."""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="10" font-weight="600" text-anchor="middle" '
        f'fill="#000000">{letter}</text>'
    )


def _counts(bar: Bar) -> str:
    return f"{bar.matched:,} → {bar.size:,}"


def _shares(
    axis: Axis,
    bar: Bar,
    place: tuple[float, float, float],
    colours: dict[str, str],
    *,
    narrow: bool,
) -> str:
    y, row, beside = place
    words, top = _named(bar, axis.start, y, row, narrow=narrow, beside=beside)
    if narrow:
        words += text(axis.end, y + 15, _counts(bar), anchor="end", size=11, colour="quiet")
    else:
        words += text(axis.end + 12, top + 12, _counts(bar), size=12)
    parts, reached, names = [words], 0, list(colours)
    pieces = [("left", bar.size, "blue"), *((n, k, colours[n]) for n, k in bar.removed if k)]
    for name, count, colour in pieces:
        start, end = axis.at(reached / bar.matched), axis.at((reached + count) / bar.matched)
        told = f"{bar.label}, {name}: {count:,} people"
        if end - start > _VISIBLE:
            parts.append(rect(start, top, max(end - start - 1, 0.6), 16, fill(colour), title=told))
        if name in names and end - start > _ROOM_FOR_LETTER:
            at = names.index(name) % len(LETTERS)
            parts.append(_letter((start + end - 1) / 2, top + 12, LETTERS[at]))
        reached += count
    return "".join(parts)
