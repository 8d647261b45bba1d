"""The picture of lookback windows: how the rate falls with age, and the table beside it."""

from __future__ import annotations

from html import escape
from typing import Any, Final

from fewer.interfaces.report.charts import BAND, BLUE, GREY, INK, LINE, QUIET, _svg, _text

_WIDE: Final = 760
_TALL: Final = 330
_LEFT: Final = 56
_RIGHT: Final = 20
_TOP: Final = 30
_BOTTOM: Final = 46


def picture(found: dict[str, Any]) -> str:
    """Rates by age of the action with their intervals, the fitted curve, and the windows.

    Takes what `fewer lookback --json` prints. Empty when there is nothing with an age.
    """
    fine = found["decay"]["bands"]
    if not fine:
        return ""
    days = fine[-1]["to_days"]
    most = max(band["upper"] or band["rate"] for band in fine) * 1.05 or 1.0
    axis = _Axes(days, most)
    parts = [_shade(axis, found["windows"]), _grid(axis)]
    parts += [_band(axis, band) for band in fine]
    parts.append(_curve(axis, found["decay"]))
    parts.append(
        _text(_WIDE / 2, _TALL - 8, "days since the action", anchor="middle", colour=QUIET)
    )
    title = f"{found['title']}: {found['goal_title']}, by days since the action"
    return _svg(_WIDE, _TALL, title, "".join(parts), simulated=found["data"] == "simulated")


def table(found: dict[str, Any]) -> str:
    """The same as a table, for those who can't see the picture."""
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in (
        "window", "adds", "people looked at", "rate of those it adds", "all together",
        "people now"))  # fmt: skip
    rows = "".join(
        f'<tr><th scope="row">{escape(w["window"])}</th><td>{escape(w["label"])}</td>'
        f"<td>{w['people_and_index_times']:,}</td><td>{escape(w['rate']['words'])}</td>"
        f"<td>{escape(w['total']['rate']['words'])}</td><td>{w['size']['people']:,}</td></tr>"
        for w in found["windows"]
    )
    caption = f"{found['title']}: lookback windows (association)"
    return (
        f"<table><caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead>"
        f"<tbody>{rows}</tbody></table>"
    )


def page(found: dict[str, Any]) -> str:
    """A self-contained page: picture, table, and the window to take with its reason."""
    advice = found["recommended"]
    window = advice["window"] or "no window"
    mark = "<p><strong>SIMULATED DATA</strong></p>" if found["data"] == "simulated" else ""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(found['title'])}: lookback windows</title><style>{_STYLE}</style></head>"
        f"<body><main><h1>{escape(found['title'])}</h1>{mark}"
        f"<p>{escape(found['words'])}. Outcome: {escape(found['goal_title'])}.</p>"
        f"<p><strong>Take {escape(window)}</strong>: {escape(advice['because'])}.</p>"
        f"<figure>{picture(found)}</figure>{table(found)}</main></body></html>\n"
    )


_STYLE: Final = (
    f"body{{font:16px/1.5 system-ui,sans-serif;color:{INK};margin:2rem}}"
    "main{max-width:60rem;margin:auto}svg{max-width:100%;height:auto}figure{margin:1rem 0}"
    f"table{{border-collapse:collapse;width:100%}}caption{{text-align:left;color:{QUIET}}}"
    f"th,td{{text-align:left;padding:.3rem .6rem;border-bottom:1px solid {LINE}}}"
)


class _Axes:
    """Days to the right, rate upwards."""

    def __init__(self, days: float, rate: float) -> None:
        self.days, self.rate = days, rate

    def x(self, days: float) -> float:
        return _LEFT + (_WIDE - _LEFT - _RIGHT) * days / self.days

    def y(self, rate: float) -> float:
        return _TALL - _BOTTOM - (_TALL - _TOP - _BOTTOM) * min(rate, self.rate) / self.rate


def _shade(axis: _Axes, windows: list[dict[str, Any]]) -> str:
    """Every other window's band shaded, its name on top."""
    parts, start = [], 0.0
    for n, window in enumerate(windows):
        end = min(_days(window["window"]), axis.days)
        x, wide = axis.x(start), axis.x(end) - axis.x(start)
        colour = BAND if n % 2 == 0 else "#ffffff"
        parts.append(
            f'<rect x="{x:.1f}" y="{_TOP}" width="{wide:.1f}" '
            f'height="{_TALL - _TOP - _BOTTOM}" fill="{colour}"/>'
        )
        words = f"{window['window']}: {window['total']['rate']['value'] or 0:.1%} in all"
        parts.append(_text(x + wide / 2, _TOP - 8, words, anchor="middle", size=11, colour=QUIET))
        start = end
    return "".join(parts)


def _grid(axis: _Axes) -> str:
    parts = []
    for step in range(5):
        rate = axis.rate * step / 4
        y = axis.y(rate)
        parts.append(
            f'<line x1="{_LEFT}" x2="{_WIDE - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="{LINE}"/>'
            + _text(_LEFT - 6, y + 4, f"{rate:.1%}", anchor="end", size=11, colour=QUIET)
        )
    ticks = sorted({0.0, *(round(axis.days * part / 6) for part in range(7))})
    parts += [
        _text(axis.x(day), _TALL - _BOTTOM + 16, f"{day:g}", anchor="middle", size=11, colour=QUIET)
        for day in ticks
    ]
    return "".join(parts)


def _band(axis: _Axes, band: dict[str, Any]) -> str:
    x1, x2 = axis.x(band["from_days"]), axis.x(band["to_days"])
    middle, y = (x1 + x2) / 2, axis.y(band["rate"])
    low, high = band["lower"], band["upper"]
    span = f" ({low:.2%} to {high:.2%})" if low is not None and high is not None else ""
    title = (
        f"{band['from_days']:g}-{band['to_days']:g} days: {band['rate']:.2%}{span},"
        f" {band['looked']:,} people and index times"
    )
    whisker = ""
    if span:
        whisker = (
            f'<line x1="{middle:.1f}" x2="{middle:.1f}" y1="{axis.y(low):.1f}" '
            f'y2="{axis.y(high):.1f}" stroke="{GREY}" stroke-width="2"/>'
        )
    return (
        f"<g><title>{escape(title)}</title>{whisker}"
        f'<line x1="{x1:.1f}" x2="{x2:.1f}" y1="{y:.1f}" y2="{y:.1f}" stroke="{BLUE}" '
        f'stroke-width="3"/><circle cx="{middle:.1f}" cy="{y:.1f}" r="3.5" fill="{BLUE}"/></g>'
    )


def _curve(axis: _Axes, decay: dict[str, Any]) -> str:
    half_life = decay["half_life_days"]
    if half_life is None:
        return ""
    floor, start = decay["rate_in_the_end"], decay["rate_at_once"]
    points = " ".join(
        f"{axis.x(day):.1f},{axis.y(floor + (start - floor) * 2 ** (-day / half_life)):.1f}"
        for day in (axis.days * n / 80 for n in range(81))
    )
    words = f"half-life {half_life:.1f} days"
    at = _text(_WIDE - _RIGHT - 4, _TOP + 16, words, anchor="end", colour=INK)
    return (
        f'<polyline points="{points}" fill="none" stroke="{INK}" stroke-width="1.5" '
        f'stroke-dasharray="5 4"/>{at}'
    )


def _days(window: str) -> float:
    return int(window[:-1]) * {"m": 1 / 1_440, "h": 1 / 24, "d": 1.0, "w": 7.0}[window[-1]]
