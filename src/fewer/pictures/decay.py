"""Lookback: how a rate falls with the days since an action, and whom a longer window adds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from fewer.pictures.axis import Axis
from fewer.pictures.svg import (
    NARROW,
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

_WIDE: Final = 720
_LEFT: Final = 52
_FALLS: Final = 24  # characters of a band's name at full size


@dataclass(frozen=True, slots=True)
class Band:
    """People whose latest action lies in a band, and the share of them who reached the goal."""

    label: str
    people: int
    rate: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Age:
    """A band by its days, with the rate seen, the monotone one and that of the curve."""

    start: float
    end: float
    people: int
    rate: float
    low: float | None
    high: float | None
    monotone: float
    curve: float | None = None


def bands(rows: Sequence[Band], *, simulated: bool, title: str, narrow: bool = True) -> str:
    """Bands side by side, the newest first: rates with their intervals above, people below."""
    if not rows:
        return ""
    width: float = NARROW if narrow else _WIDE
    left, right, top, middle, base = _LEFT, width - 8, 14, 136, 214
    step = (right - left) / len(rows)
    highest = max(*(row.high for row in rows), *(row.rate for row in rows), 1e-6)
    rates = Axis(0, _round_up(highest), middle, top)
    people = max(*(row.people for row in rows), 1)
    parts = [_rates(rates, left, right)]
    parts.append(line(left, base, right, base, stroke("grey")))
    parts.append(text(left - 8, base - 4, "people", anchor="end", size=10, colour="quiet"))
    for i, row in enumerate(rows):
        x = left + step * (i + 0.5)
        parts.append(_band(row, x, step, rates, (middle, base, people)))
    words = "; ".join(
        f"{r.label}: {r.rate * 100:.1f} % ({r.low * 100:.1f} % to {r.high * 100:.1f} %)"
        f" of {r.people:,} people"
        for r in rows
    )
    return picture(width, base + 26, title, "".join(parts), simulated=simulated, words=words)


def _rates(rates: Axis, left: float, right: float) -> str:
    parts = []
    ticks = rates.ticks(4)
    places = max(0, next((n for n in range(5) if all(_whole(t * 100, n) for t in ticks)), 3))
    for value in ticks:
        y = rates.at(value)
        parts.append(line(left, y, right, y, stroke("grey" if value == 0 else "line")))
        words = f"{value * 100:.{places}f} %"
        parts.append(text(left - 8, y + 3.5, words, anchor="end", size=10, colour="quiet"))
    return "".join(parts)


def _whole(value: float, places: int) -> bool:
    return abs(round(value, places) - value) < 1e-9  # noqa: PLR2004  rounding of floats


def _round_up(value: float) -> float:
    """The smallest round number that holds a value with a little room above it."""
    ticks = Axis(0, value * 1.08, 0, 1).ticks(4)
    step = ticks[1] - ticks[0] if len(ticks) > 1 else value * 1.08
    return (int(value * 1.02 / step) + 1) * step


def _band(row: Band, x: float, step: float, rates: Axis, below: tuple[float, float, int]) -> str:
    middle, base, most = below
    told = f"{row.label}: {row.rate * 100:.2f} % ({row.low * 100:.2f} % to {row.high * 100:.2f} %)"
    low, dot, high = rates.at(row.low), rates.at(row.rate), rates.at(row.high)
    tall = (base - middle - 26) * row.people / most
    beside = f"{row.rate * 100:.1f} %"
    return "".join(
        [
            line(x, low, x, high, stroke("blue", 2)),
            line(x - 5, low, x + 5, low, stroke("blue", 2)),
            line(x - 5, high, x + 5, high, stroke("blue", 2)),
            circle(x, dot, 4.5, fill("blue"), title=told),
            text(x + 9, min(max(dot + 4, 20), middle - 5), beside, size=12, bold=True,
                 colour="blue"),
            rect(x - step * 0.3, base - tall, step * 0.6, tall, fill("grey"),
                 title=f"{row.label}: {row.people:,} people", round_=2),
            text(x, base - tall - 5, f"{row.people:,}", anchor="middle", size=11, colour="quiet"),
            text(x, base + 17, row.label, anchor="middle", size=11 if len(row.label) < _FALLS
                 else 10, room=step - 2),
        ]
    )  # fmt: skip


def decay(
    ages: Sequence[Age],
    *,
    simulated: bool,
    title: str,
    half_life: float | None = None,
    window: float | None = None,
    narrow: bool = False,
) -> str:
    """Rate by days since the action: dots with intervals, monotone steps, the curve if any.

    `window` is the recommended one, in days; it is shaded.
    """
    if not ages:
        return ""
    width: float = NARROW if narrow else _WIDE
    top, bottom, left, right = 30, 236, _LEFT, width - 14
    days = Axis(0, ages[-1].end, left, right)
    tops = [a.high for a in ages if a.high is not None] + [a.rate for a in ages]
    # The last, thin bands may have limits far above every rate: they end in an arrow.
    most = min(max(tops), 2.2 * max(max(a.rate, a.monotone) for a in ages) or 1.0)
    rates = Axis(0, _round_up(max(most, 1e-6)), bottom, top)
    parts = []
    if window is not None and window <= ages[-1].end:
        wide = days.at(window) - left
        parts.append(rect(left, top, wide, bottom - top, fill("wash"), title="recommended window"))
    parts.append(_rates(rates, left, right))
    parts += [
        text(days.at(v), bottom + 16, f"{v:g}", anchor="middle", size=10, colour="quiet")
        for v in days.ticks(5 if narrow else 8)
    ]
    parts.append(text((left + right) / 2, bottom + 32, "days since the action", anchor="middle",
                      size=11, colour="quiet"))  # fmt: skip
    steps = [(days.at(x), rates.at(a.monotone)) for a in ages for x in (a.start, a.end)]
    parts.append(path(steps, stroke("grey", 2)))
    curve = [(days.at((a.start + a.end) / 2), rates.at(a.curve)) for a in ages
             if a.curve is not None]  # fmt: skip
    if len(curve) > 1:
        parts.append(path(curve, stroke("orange", 2, "5 3")))
    parts += [_age(age, days, rates) for age in ages]
    if half_life is not None and half_life <= ages[-1].end:
        x = days.at(half_life)
        parts.append(line(x, top, x, bottom, stroke("orange", 1.2, "2 3")))
        parts.append(text(x, top - 8, f"half-life {half_life:.2g} days", size=11, colour="orange",
                          anchor="start" if x < width / 2 else "end"))  # fmt: skip
    keys = [
        (circle(0, 0, 4, fill("blue")), "rate seen, 95 % interval"),
        (line(-6, 0, 6, 0, stroke("grey", 2)), "never rising with age"),
    ]
    if len(curve) > 1:
        keys.append((line(-6, 0, 6, 0, stroke("orange", 2, "5 3")), "curve with a half-life"))
    if window is not None:
        keys.append((swatch(fill("wash")), f"recommended: {window:g} days"))
    marks, full = legend(keys, left, bottom + 54, right)
    words = "; ".join(f"{a.start:g} to {a.end:g} days: {a.rate * 100:.2f} %" for a in ages)
    body = "".join(parts) + marks
    return picture(width, full, title, body, simulated=simulated, words=words)


def _age(age: Age, days: Axis, rates: Axis) -> str:
    x = days.at((age.start + age.end) / 2)
    told = f"{age.start:g} to {age.end:g} days: {age.rate * 100:.2f} % of {age.people:,}"
    parts = []
    if age.low is not None and age.high is not None:
        parts.append(line(x, rates.at(age.low), x, rates.at(age.high), stroke("blue", 1.6)))
        if age.high > rates.high:
            y = rates.at(age.high)
            corners = [(x, y - 2), (x - 4, y + 6), (x + 4, y + 6)]
            parts.append(path(corners, fill("blue"), closed=True))
    parts.append(circle(x, rates.at(age.rate), 4, fill("blue"), title=told))
    return "".join(parts)
