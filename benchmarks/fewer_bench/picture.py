"""Lines on log-log axes as SVG text: no library, no script, readable in light and in print."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from math import ceil, floor, log10
from typing import Final

INK: Final = "#1a202c"
QUIET: Final = "#718096"
RULE: Final = "#e2e8f0"
COLOURS: Final = ("#2b6cb0", "#dd6b20", "#718096", "#38a169")
_WIDE: Final = 330
_TALL: Final = 250
_LEFT: Final = 58
_TOP: Final = 40
_BETWEEN: Final = 22


@dataclass(frozen=True, slots=True)
class Line:
    """Points ``(x, y)`` under a name; all numbers positive."""

    name: str
    points: Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Panel:
    """One axis to the right, and lines over it."""

    across: str
    lines: Sequence[Line]


@dataclass(frozen=True, slots=True)
class _Axis:
    low: int  # powers of ten
    high: int
    start: float  # pixels
    end: float

    def at(self, value: float) -> float:
        """Pixel of a value."""
        share = (log10(value) - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)

    def decades(self) -> range:
        """Powers on the axis."""
        return range(self.low, self.high + 1)


def picture(panels: Sequence[Panel], title: str) -> str:
    """Panels side by side with one axis of seconds, and a legend below."""
    heights = [y for panel in panels for line in panel.lines for _, y in line.points]
    low, high = _decades(heights)
    bottom = _TOP + _TALL
    up = _Axis(low, high, bottom, _TOP)
    parts = [_text(_LEFT, 20, title, bold=True)]
    for n, panel in enumerate(panels):
        left = _LEFT + n * (_WIDE + _BETWEEN)
        parts += _panel(panel, up, left, first=n == 0)
    width = _LEFT + len(panels) * (_WIDE + _BETWEEN)
    parts += _legend([line.name for line in panels[0].lines], bottom + 62)
    height = bottom + 80
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" viewBox="0 0 {width} {height}" '
        f'width="{width}" aria-label="{escape(title, quote=True)}" '
        f'font-family="system-ui, sans-serif"><title>{escape(title)}</title>'
        f'<rect x="0" y="0" width="{width}" height="{height}" fill="#fff"/>{"".join(parts)}</svg>\n'
    )


def _panel(panel: Panel, up: _Axis, left: float, *, first: bool) -> list[str]:
    right, bottom, top = left + _WIDE, up.start, up.end
    across = _Axis(*_decades([x for line in panel.lines for x, _ in line.points]), left, right)
    parts = []
    for power in across.decades():
        x = across.at(10**power)
        # At the right edge the label would meet the first one of the next panel.
        anchor = "end" if x > right - 20 else "middle"
        parts.append(_rule(x, x, top, bottom) + _text(x, bottom + 16, _short(power), anchor))
    for power in up.decades():
        y = up.at(10**power)
        parts.append(_rule(left, right, y, y))
        if first:
            parts.append(_text(left - 8, y + 4, f"{_short(power)} s", "end"))
    parts.append(_text((left + right) / 2, bottom + 36, panel.across, "middle", colour=INK))
    for n, line in enumerate(panel.lines):
        colour = COLOURS[n % len(COLOURS)]
        places = [(across.at(x), up.at(y)) for x, y in line.points]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        for (x, y), (number, seconds) in zip(places, line.points, strict=True):
            words = f"{escape(line.name)}: {number:,.0f} {escape(panel.across)}, {seconds:.3g} s"
            dot = f'cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}"'
            parts.append(f"<circle {dot}><title>{words}</title></circle>")
    return parts


def _legend(names: Sequence[str], y: float) -> list[str]:
    parts, x = [], float(_LEFT)
    for n, name in enumerate(names):
        colour = COLOURS[n % len(COLOURS)]
        parts.append(f'<rect x="{x:.0f}" y="{y - 9}" width="18" height="4" fill="{colour}"/>')
        parts.append(_text(x + 24, y - 2, name))
        x += 60 + 7 * len(name)
    return parts


def _decades(values: Sequence[float]) -> tuple[int, int]:
    low, high = floor(log10(min(values))), ceil(log10(max(values)))
    return low, max(high, low + 1)


def _short(power: int) -> str:
    """A power of ten as people say it.

    >>> [_short(power) for power in (-2, 0, 4, 7)]
    ['0.01', '1', '10 k', '10 M']
    """
    if power < 0:
        return f"{10.0**power:g}"
    unit = ("", " k", " M", " G")[power // 3]
    return f"{10 ** (power % 3)}{unit}"


def _rule(x1: float, x2: float, y1: float, y2: float) -> str:
    return f'<line x1="{x1:.1f}" x2="{x2:.1f}" y1="{y1:.1f}" y2="{y2:.1f}" stroke="{RULE}"/>'


def _text(
    x: float,
    y: float,
    words: str,
    anchor: str = "start",
    *,
    colour: str = QUIET,
    bold: bool = False,
) -> str:
    weight = ' font-weight="600"' if bold else ""
    ink = INK if bold else colour
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="12" fill="{ink}" text-anchor="{anchor}"'
        f"{weight}>{escape(words)}</text>"
    )
