"""A picture of a design: the smallest change you could see, by share held out and by weeks."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from math import floor, log10
from typing import TYPE_CHECKING, Final

from fewer.journey.measure.design.detect import signed

if TYPE_CHECKING:
    from fewer.project.designing import Design

_WIDE: Final = 340.0
_HIGH: Final = 200.0
_LEFT: Final = 70.0
_TOP: Final = 60.0
_INK: Final = "#1f2937"
_LINE: Final = "#2563eb"
_WANTED: Final = "#b45309"

Points = Sequence[tuple[float, float]]


def picture(found: Design, *, simulated: bool) -> str:
    """One SVG with two panels side by side; its title says in words what it shows."""
    change = found.terms.change
    by_share, by_week = found.curves["share"], found.curves["weeks"]
    now = found.programme.smallest
    least = "no change at all" if now is None else signed(now)
    title = (
        f"{found.metric.title}: with all segments together, the smallest change you could see is"
        f" {least}; wanted is {signed(change)}."
    )
    held = found.experiment.compared_with == "held_out" and found.experiment.tests != "window"
    panels = [(by_week, "weeks of people joining", False)]
    if held:
        panels.insert(0, (by_share, "share held out", True))
    body = [
        _panel(points, words, change, at=n * (_WIDE + 2 * _LEFT), percent=percent)
        for n, (points, words, percent) in enumerate(panels)
    ]
    width = len(panels) * (_WIDE + 2 * _LEFT)
    height = _HIGH + _TOP + 60
    mark = _text(width / 2, height - 6, "SIMULATED DATA", anchor="middle") if simulated else ""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" role="img"'
        f' font-family="system-ui, sans-serif" font-size="13"><title>{escape(title)}</title>'
        f"{_text(10, 22, title)}{''.join(body)}{mark}</svg>\n"
    )


def _panel(points: Points, words: str, change: float, *, at: float, percent: bool) -> str:
    if not points:
        return _text(at + _LEFT, _TOP + 40, "Nothing could be seen.")
    left, right = points[0][0], points[-1][0]
    tops = [y for _, y in points] + [abs(change)]
    low, high = log10(max(min(tops), 1e-3)), log10(max(tops))
    span = max(high - low, 0.1)

    def place(x: float, y: float) -> tuple[float, float]:
        across = (x - left) / (right - left) if right > left else 0.0
        up = (log10(max(y, 1e-3)) - low) / span
        return at + _LEFT + across * _WIDE, _TOP + (1 - up) * _HIGH

    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in (place(*point) for point in points))
    wanted = place(left, abs(change))[1]
    parts = [
        f'<polyline points="{path}" fill="none" stroke="{_LINE}" stroke-width="2"/>',
        (
            f'<line x1="{at + _LEFT:g}" x2="{at + _LEFT + _WIDE:g}" y1="{wanted:.1f}"'
            f' y2="{wanted:.1f}" stroke="{_WANTED}" stroke-dasharray="5 4"/>'
        ),
        _text(at + _LEFT + _WIDE, wanted - 5, f"wanted: {signed(change)}", anchor="end"),
        (
            f'<path d="M{at + _LEFT:g} {_TOP:g}V{_TOP + _HIGH:g}H{at + _LEFT + _WIDE:g}"'
            f' fill="none" stroke="{_INK}"/>'
        ),
        _text(at + _LEFT + _WIDE / 2, _TOP + _HIGH + 36, words, anchor="middle"),
    ]
    for x in (left, (left + right) / 2, right):
        label = f"{x:.0%}" if percent else f"{x:g}"
        parts.append(_text(place(x, 1)[0], _TOP + _HIGH + 18, label, anchor="middle"))
    parts += [
        _text(at + _LEFT - 6, place(left, y)[1] + 4, signed(y), anchor="end")
        for y in _ticks(low, high)
    ]
    return "".join(parts)


def _ticks(low: float, high: float) -> list[float]:
    """1, 2 and 5 times powers of ten inside the axis."""
    values = [m * 10.0**p for p in range(floor(low), floor(high) + 1) for m in (1, 2, 5)]
    return [v for v in values if low - 0.01 <= log10(v) <= high + 0.01]


def _text(x: float, y: float, words: str, *, anchor: str = "start") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{_INK}">{escape(words)}</text>'
    )
