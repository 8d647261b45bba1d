"""Pictures of the report, drawn as SVG text: no script, no request, readable when printed.

Every chart takes plain numbers and returns one ``<svg>`` with a title for screen readers. A
chart of simulated data carries its watermark inside the picture, so that a screenshot or a
copy keeps it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from math import ceil, floor, log, log10
from typing import Final

INK: Final = "#1a202c"
QUIET: Final = "#718096"
LINE: Final = "#e2e8f0"
BLUE: Final = "#2b6cb0"
BAND: Final = "#ebf4ff"
GREY: Final = "#cbd5e0"
REMOVED: Final = ("#dd6b20", "#d69e2e", "#805ad5", "#38a169", "#e53e3e", "#319795", "#718096")
_WIDE: Final = 1_060  # as wide as the page's text, so that letters keep their size
_CHAR: Final = 7.2  # pixels a character of the 12 px label font takes at most, on average
_ROW: Final = 26
_LABELS: Final = 360
_LONGEST: Final = int((_LABELS - 16) / _CHAR)


@dataclass(frozen=True, slots=True)
class Bar:
    """A row of a size chart: people in, and people removed by reason."""

    label: str
    size: int
    removed: tuple[tuple[str, int], ...] = ()
    low: int = 200
    high: int = 2_000


@dataclass(frozen=True, slots=True)
class Interval:
    """A row of a forest plot: an estimate with its interval, and the words beside it."""

    label: str
    estimate: float
    low: float
    high: float
    words: str = ""
    strong: bool = False  # interval clear of the reference after correction


def sizes(bars: Sequence[Bar], *, simulated: bool, title: str = "People per segment") -> str:
    """Horizontal bars on a log axis; behind each, shaded, the size that its guard wants."""
    if not bars:
        return ""
    left, right = _LABELS, 90
    top, height = 34, 34 + _ROW * len(bars) + 6
    most = max(*(b.size + sum(n for _, n in b.removed) for b in bars), 3_000)
    axis = _LogAxis(10, most * 1.15, left, _WIDE - right)
    parts = [_wanted(axis, bar, top + row * _ROW) for row, bar in enumerate(bars)]
    parts += [_tick(axis.at(v), top, height, f"{v:,}") for v in axis.decades()]
    reasons = _reasons(bars)
    parts += [_size_row(axis, bar, top + row * _ROW, reasons) for row, bar in enumerate(bars)]
    keys = [("size wanted", BAND, 1.0), ("size outside it", GREY, 1.0)]
    keys += [(f"removed: {name}", colour, 0.55) for name, colour in reasons.items()]
    legend, full = _legend(keys, left, height + 22, _WIDE - left)
    return _svg(_WIDE, full, title, "".join(parts) + legend, simulated=simulated)


def _reasons(bars: Sequence[Bar]) -> dict[str, str]:
    names = list(dict.fromkeys(name for bar in bars for name, n in bar.removed if n))
    return {name: REMOVED[i % len(REMOVED)] for i, name in enumerate(names)}


def _wanted(axis: _LogAxis, bar: Bar, y: int) -> str:
    x, end = axis.at(bar.low), axis.at(bar.high)
    return (
        f'<rect x="{x:.1f}" y="{y - 2}" width="{end - x:.1f}" height="{_ROW}" fill="{BAND}">'
        f"<title>{escape(bar.label)}: wanted {bar.low:,} to {bar.high:,}</title></rect>"
    )


def _size_row(axis: _LogAxis, bar: Bar, y: int, colours: dict[str, str]) -> str:
    inside = bar.low <= bar.size <= bar.high
    start, end = axis.start, axis.at(bar.size)
    parts = [_text(axis.start - 10, y + 15, _short(bar.label), anchor="end")]
    parts.append(
        f'<rect x="{start}" y="{y + 3}" width="{max(end - start, 1):.1f}" height="16" rx="2" '
        f'fill="{BLUE if inside else GREY}"><title>{escape(bar.label)}: {bar.size:,} people'
        f"</title></rect>"
    )
    reached, people = end, bar.size
    for name, count in bar.removed:
        if count:
            people += count
            to = axis.at(people)
            parts.append(
                f'<rect x="{reached:.1f}" y="{y + 3}" width="{max(to - reached, 0.5):.1f}" '
                f'height="16" fill="{colours[name]}" fill-opacity=".55"><title>removed: '
                f"{escape(name)}, {count:,} people</title></rect>"
            )
            reached = to
    parts.append(_text(max(reached, end) + 6, y + 15, f"{bar.size:,}", bold=inside))
    return "".join(parts)


def heatmap(
    labels: Sequence[str], shares: Sequence[Sequence[float]], *, simulated: bool, title: str
) -> str:
    """Square of overlaps: row segment, share of its people who are also in the column segment."""
    count = len(labels)
    if count < 2:  # noqa: PLR2004  an overlap needs two
        return ""
    cell, left, top = 36, _LABELS, 150
    width, height = left + cell * count + 110, top + cell * count + 10
    parts = []
    for i, label in enumerate(labels):
        parts.append(_text(left - 8, top + i * cell + 21, _short(label), anchor="end"))
        x = left + i * cell + cell / 2
        parts.append(
            f'<text x="{x}" y="{top - 8}" font-size="12" fill="{INK}" '
            f'transform="rotate(-40 {x} {top - 8})">{escape(_short(label, 24))}</text>'
        )
        parts += [
            _cell(left + j * cell, top + i * cell, cell, shares[i][j], f"{label} / {labels[j]}")
            for j in range(count)
            if i != j
        ]
    return _svg(width, height, title, "".join(parts), simulated=simulated)


def _cell(x: float, y: float, size: int, share: float, words: str) -> str:
    percent = f"{share:.0%}" if share >= 0.005 else ""  # noqa: PLR2004  rounds to 0 %
    ink = "#fff" if share > 0.55 else INK  # noqa: PLR2004  contrast on the darker half
    return (
        f'<rect x="{x}" y="{y}" width="{size - 2}" height="{size - 2}" rx="3" fill="{BLUE}" '
        f'fill-opacity="{0.06 + 0.94 * share:.3f}"><title>{escape(words)}: {share:.1%}</title>'
        f'</rect><text x="{x + size / 2 - 1}" y="{y + size / 2 + 3}" font-size="10" '
        f'text-anchor="middle" fill="{ink}">{percent}</text>'
    )


def forest(rows: Sequence[Interval], *, simulated: bool, title: str, reference: float = 1.0) -> str:
    """Ratios with intervals on a log axis around the line of no difference."""
    if not rows:
        return ""
    width, left, right, top = _WIDE, _LABELS, 280, 26
    height = top + _ROW * len(rows) + 26
    ends = [v for r in rows for v in (r.low, r.high, r.estimate) if 0 < v < float("inf")]
    low = max(min([*ends, reference / 1.5]), 0.05)
    high = min(max([*ends, reference * 1.5]), 20.0)
    axis = _LogAxis(low / 1.1, high * 1.1, left, width - right)
    parts = [_tick(axis.at(v), top, height - 20, f"{v:g}x") for v in axis.steps()]
    parts.append(
        f'<line x1="{axis.at(reference):.1f}" x2="{axis.at(reference):.1f}" y1="{top}" '
        f'y2="{height - 20}" stroke="{INK}" stroke-dasharray="3 3"/>'
    )
    for i, row in enumerate(rows):
        parts.append(_forest_row(axis, row, top + 6 + i * _ROW, width - right + 12))
    return _svg(width, height, title, "".join(parts), simulated=simulated)


def _forest_row(axis: _LogAxis, row: Interval, y: int, words_at: float) -> str:
    middle = y + 9
    colour = BLUE if row.strong else QUIET
    low, high = axis.at(max(row.low, axis.low)), axis.at(min(row.high, axis.high))
    return (
        _text(axis.start - 10, y + 13, _short(row.label), anchor="end")
        + f'<line x1="{low:.1f}" x2="{high:.1f}" y1="{middle}" y2="{middle}" stroke="{colour}" '
        f'stroke-width="2"><title>{escape(row.label)}: {row.estimate:.2f} '
        f"({row.low:.2f} to {row.high:.2f})</title></line>"
        f'<rect x="{axis.at(row.estimate) - 4:.1f}" y="{middle - 4}" width="8" height="8" rx="1" '
        f'fill="{colour}"/>' + _text(words_at, y + 13, _short(row.words, 46), colour=QUIET, size=11)
    )


def bands(
    rows: Sequence[tuple[str, int, float, float, float]], *, simulated: bool, title: str
) -> str:
    """Lookback bands, newest first: outcome rate (0..1) with its interval above, people below.

    A row is (band, people, rate, lower limit, upper limit).
    """
    if not rows:
        return ""
    width, left, top, middle, base = 320, 8, 16, 126, 206
    step = (width - 2 * left) / len(rows)
    people = max(*(row[1] for row in rows), 1)
    rate = max(*(row[4] for row in rows), 1e-9)
    parts = [_rule(left, width - left, middle), _rule(left, width - left, base)]
    for i, (label, size, value, low, high) in enumerate(rows):
        x = left + step * (i + 0.5)
        lowest, dot, highest = (middle - (middle - top) * v / rate for v in (low, value, high))
        parts.append(
            f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{lowest:.1f}" y2="{highest:.1f}" '
            f'stroke="{BLUE}" stroke-width="2"/><circle cx="{x:.1f}" cy="{dot:.1f}" r="4" '
            f'fill="{BLUE}"><title>{escape(label)}: {value:.2%} ({low:.2%} to {high:.2%})'
            "</title></circle>"
        )
        parts.append(_text(x + 8, min(dot + 4, middle - 4), f"{value:.1%}", colour=BLUE, bold=True))
        tall = (base - middle - 24) * size / people
        parts.append(
            f'<rect x="{x - step * 0.32:.1f}" y="{base - tall:.1f}" width="{step * 0.64:.1f}" '
            f'height="{tall:.1f}" fill="{BAND}" stroke="{GREY}"/>'
        )
        parts.append(_text(x, base - tall - 5, f"{size:,}", anchor="middle", colour=QUIET))
        parts.append(_text(x, base + 17, label, anchor="middle"))
    return _svg(width, base + 26, title, "".join(parts), simulated=simulated)


def _rule(start: float, end: float, y: float) -> str:
    return f'<line x1="{start}" x2="{end}" y1="{y}" y2="{y}" stroke="{LINE}"/>'


@dataclass(frozen=True, slots=True)
class _LogAxis:
    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        """Pixel of a value; values below the axis sit at its start."""
        clipped = min(max(value, self.low), self.high)
        share = (log(clipped) - log(self.low)) / (log(self.high) - log(self.low))
        return self.start + share * (self.end - self.start)

    def decades(self) -> list[int]:
        """Powers of ten on the axis."""
        return [10**p for p in range(ceil(log10(self.low)), floor(log10(self.high)) + 1)]

    def steps(self) -> list[float]:
        """Round ratios on the axis, few enough to read."""
        wanted = (0.1, 0.2, 0.33, 0.5, 0.67, 0.8, 1.0, 1.25, 1.5, 2.0, 3.0, 5.0, 10.0, 20.0)
        found = [v for v in wanted if self.low <= v <= self.high]
        apart: list[float] = []
        for value in found:
            if value == 1.0 or not apart or self.at(value) - self.at(apart[-1]) > 38:  # noqa: PLR2004
                apart.append(value)
        return apart


def _tick(x: float, top: float, bottom: float, words: str) -> str:
    return (
        f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{top - 6}" y2="{bottom}" stroke="{LINE}"/>'
        + _text(x, top - 10, words, anchor="middle", size=10, colour=QUIET)
    )


def _legend(
    keys: Sequence[tuple[str, str, float]], left: float, y: float, width: float
) -> tuple[str, float]:
    """Coloured squares with their (words, colour, opacity), in lines; and where they end."""
    parts, x = [], left
    for words, colour, opacity in keys:
        wide = 34 + _CHAR * len(words) * 11 / 12
        if x > left and x + wide > left + width:
            x, y = left, y + 18
        parts.append(
            f'<rect x="{x:.0f}" y="{y - 9}" width="10" height="10" fill="{colour}" '
            f'fill-opacity="{opacity}"/>' + _text(x + 15, y, words, size=11, colour=QUIET)
        )
        x += wide
    return "".join(parts), y + 10


def _text(
    x: float,
    y: float,
    words: str,
    *,
    anchor: str = "start",
    size: int = 12,
    colour: str = INK,
    bold: bool = False,
) -> str:
    weight = ' font-weight="600"' if bold else ""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" fill="{colour}" '
        f'text-anchor="{anchor}"{weight}>{escape(words)}</text>'
    )


def _short(words: str, most: int = _LONGEST) -> str:
    return words if len(words) <= most else words[: most - 1].rstrip() + "…"


def _svg(width: float, height: float, title: str, body: str, *, simulated: bool) -> str:
    letters = min(44, width / 9)
    mark = (
        f'<text class="watermark" x="{width / 2:.0f}" y="{height / 2:.0f}" '
        f'font-size="{letters:.0f}" '
        f'font-weight="700" text-anchor="middle" fill="#c05621" fill-opacity=".16" '
        f'transform="rotate(-12 {width / 2:.0f} {height / 2:.0f})" pointer-events="none">'
        "SIMULATED DATA</text>"
        if simulated
        else ""
    )
    name = f"{title} (simulated data)" if simulated else title
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" viewBox="0 0 {width:.0f} '
        f'{height:.0f}" width="{width:.0f}" aria-label="{escape(name, quote=True)}" '
        f'font-family="system-ui, sans-serif"><title>{escape(name)}</title>{body}{mark}</svg>'
    )
