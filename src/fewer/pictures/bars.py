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
    legend,
    line,
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
_VISIBLE: Final = 0.4  # pixels


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
    width, left, right, row = _frame(narrow=narrow, right=84)
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
    parts += [_size(axis, bar, _TOP + i * row, narrow=narrow) for i, bar in enumerate(bars)]
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


def _frame(*, narrow: bool, right: float) -> tuple[float, float, float, float]:
    """Width, where bars start and end at most, and the height of a row."""
    if narrow:
        return NARROW, 10, NARROW - 64, 44
    return WIDE, _LABELS, WIDE - right, 28


def _label(bar: Bar, axis: LogAxis | Axis, y: float, *, narrow: bool) -> tuple[str, float]:
    """The name of a row, and the top of its bar."""
    if narrow:
        return text(10, y + 15, bar.label, bold=True, room=NARROW - 20), y + 22
    words = text(axis.start - 12, y + 18, bar.label, anchor="end", room=_LABELS - 22)
    return words, y + 6


def _size(axis: LogAxis, bar: Bar, y: float, *, narrow: bool) -> str:
    inside = bar.low <= bar.size <= bar.high
    label, top = _label(bar, axis, y, narrow=narrow)
    end = axis.at(bar.size) if bar.size else axis.start
    look = fill("blue") if inside else outlined("paper", "quiet", 1.2)
    told = f"{bar.label}: {bar.size:,} people, {bar.matched:,} matched"
    parts = [label, rect(axis.start, top, max(end - axis.start, 1), 16, look, title=told, round_=2)]
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
    width, left, right, row = _frame(narrow=narrow, right=180)
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
        parts.append(text(x, _TOP - 9, f"{value:.0%}", anchor=at, size=10, colour="quiet"))
    for i, bar in enumerate(shown):
        parts.append(_shares(axis, bar, _TOP + i * row, colours, narrow=narrow))
    keys = [(swatch(fill("blue")), "left")]
    keys += [(swatch(fill(colour)), f"removed: {name}") for name, colour in colours.items()]
    marks, full = legend(keys, 10, bottom + 22, width - 10)
    words = "; ".join(f"{b.label}: {b.size:,} of {b.matched:,} left" for b in shown)
    body = "".join(parts) + marks
    return picture(width, full, title, body, simulated=simulated, words=words)


def _shares(axis: Axis, bar: Bar, y: float, colours: dict[str, str], *, narrow: bool) -> str:
    label, top = _label(bar, axis, y, narrow=narrow)
    counts = f"{bar.matched:,} → {bar.size:,}"
    if narrow:
        label = text(10, y + 15, bar.label, bold=True, room=axis.end - 10 - 8 * len(counts))
        label += text(axis.end, y + 15, counts, anchor="end", size=11, colour="quiet")
    else:
        label += text(axis.end + 12, top + 12, counts, size=12)
    parts, reached = [label], 0
    pieces = [("left", bar.size, "blue"), *((n, k, colours[n]) for n, k in bar.removed if k)]
    for name, count, colour in pieces:
        start, end = axis.at(reached / bar.matched), axis.at((reached + count) / bar.matched)
        told = f"{bar.label}, {name}: {count:,} people"
        if end - start > _VISIBLE:
            parts.append(rect(start, top, max(end - start - 1, 0.6), 16, fill(colour), title=told))
        reached += count
    return "".join(parts)
