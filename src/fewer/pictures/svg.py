"""SVG as text: marks, words and colours, the same text for the same numbers.

Every picture stands alone, in light colours. A page may put `dark_style` beside its pictures:
each mark names its colour as a class, and a class wins over the attribute.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from html import escape
from typing import Final, Literal

Anchor = Literal["start", "middle", "end"]

COLOURS: Final[Mapping[str, tuple[str, str]]] = {
    "ink": ("#1a202c", "#e7ecf3"),
    "quiet": ("#55606e", "#a3afbf"),
    "line": ("#dfe5ec", "#39434f"),
    "wash": ("#e3eef9", "#1f3348"),
    "stripe": ("#f6f8fb", "#1b222b"),
    "paper": ("#ffffff", "#12171d"),
    "grey": ("#84909e", "#6b7887"),
    "blue": ("#0b64a8", "#5fb0ee"),
    "orange": ("#b34f00", "#f0a35e"),
}
"""Names of colours: on white paper, and on dark."""

REASONS: Final = ("#d55e00", "#e69f00", "#cc79a7", "#009e73", "#56b4e9", "#8c6bb1", "#7f8a96")
"""Told apart by people of any colour vision (Okabe & Ito 2008, less what reads badly on white)."""

WIDE: Final = 1_060  # as wide as the page's text, so that letters keep their size
NARROW: Final = 358  # a telephone of 390 less its margins
_SECOND: Final = 11  # size of letters of a name on two lines
CHAR: Final = 0.57  # of the font size: what a letter takes at most, on average


def dark_style() -> str:
    """CSS for pictures on dark paper."""
    rules = [
        f"svg.pic .f-{name}{{fill:{dark}}}svg.pic .s-{name}{{stroke:{dark}}}"
        for name, (_, dark) in COLOURS.items()
    ]
    return "".join(rules)


def fill(colour: str) -> str:
    """Attributes that fill a mark with a named colour, or one given as ``#rrggbb``."""
    if colour not in COLOURS:
        return f'fill="{colour}"'
    return f'class="f-{colour}" fill="{COLOURS[colour][0]}"'


def stroke(colour: str, width: float = 1.0, dash: str = "") -> str:
    """Attributes of an outline in a named colour."""
    dashed = f' stroke-dasharray="{dash}"' if dash else ""
    found = COLOURS.get(colour)
    named = f'class="s-{colour}" ' if found else ""
    return f'{named}stroke="{found[0] if found else colour}" stroke-width="{width:g}"{dashed}'


def outlined(inside: str, outline: str, width: float = 1.5) -> str:
    """Attributes of a hollow mark: filled with one named colour, outlined in another."""
    return (
        f'class="f-{inside} s-{outline}" fill="{COLOURS[inside][0]}" '
        f'stroke="{COLOURS[outline][0]}" stroke-width="{width:g}"'
    )


def wide(words: str, size: float = 12) -> float:
    """Pixels that a text takes at most; letters of East Asia take two places."""
    places = sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in words)
    return places * CHAR * size


def short(words: str, room: float, size: float = 12) -> str:
    """A text cut to fit, with a sign that it was.

    >>> short("People who looked at prices", 100)
    'People who lo…'
    """
    if wide(words, size) <= room:
        return words
    kept = words
    while kept and wide(kept + "…", size) > room:
        kept = kept[:-1]
    return kept.rstrip() + "…"


def text(
    x: float,
    y: float,
    words: str,
    *,
    anchor: Anchor = "start",
    size: float = 12,
    colour: str = "ink",
    bold: bool = False,
    room: float | None = None,
) -> str:
    """Words at a place; with `room`, cut to fit, and whole in a title."""
    weight = ' font-weight="600"' if bold else ""
    # Bold letters are a little wider.
    shown = words if room is None else short(words, room * (0.92 if bold else 1), size)
    whole = f"<title>{escape(words)}</title>" if shown != words else ""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size:g}" text-anchor="{anchor}"{weight} '
        f"{fill(colour)}>{escape(shown)}{whole}</text>"
    )


def label(
    x: float,
    middle: float,
    words: str,
    room: float,
    *,
    anchor: Anchor = "end",
    size: float = 12,
    colour: str = "ink",
    bold: bool = False,
) -> str:
    """The words of a row: on two lines where one does not hold them, cut only after that."""
    room = room * (0.92 if bold else 1)  # bold letters are a little wider
    if wide(words, size) <= room:
        return text(x, middle + 4, words, anchor=anchor, size=size, colour=colour, bold=bold)
    first, rest = _two_lines(words, room)
    if not rest:
        small = _SECOND if wide(words, _SECOND) <= room else size
        return text(x, middle + 4, words, anchor=anchor, size=small, colour=colour, bold=bold,
                    room=room / (0.92 if bold else 1))  # fmt: skip
    return (
        text(x, middle - 2.5, first, anchor=anchor, size=_SECOND, colour=colour, bold=bold)
        + text(x, middle + 10, rest, anchor=anchor, size=_SECOND, colour=colour, bold=bold,
               room=room / (0.92 if bold else 1))
    )  # fmt: skip


def needs_two(words: Sequence[str], room: float) -> bool:
    """Whether one of the names does not fit on one bold line."""
    return any(wide(each) > room * 0.92 for each in words)


def _two_lines(words: str, room: float) -> tuple[str, str]:
    """Words for two lines of much the same length; nothing for the second where none is needed.

    >>> _two_lines("Mostly reads (60 % or more of 3 or more pieces in 60 days)", 250)
    ('Mostly reads (60 % or more of', '3 or more pieces in 60 days)')
    """
    parts = words.split(" ")
    ways = [(" ".join(parts[:at]), " ".join(parts[at:])) for at in range(1, len(parts))]
    ways = [way for way in ways if wide(way[0], _SECOND) <= room]
    if not ways or wide(words, _SECOND) <= room:
        return words, ""
    return min(ways, key=lambda way: max(wide(each, _SECOND) for each in way))


def line(x1: float, y1: float, x2: float, y2: float, look: str) -> str:
    """A straight line."""
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" {look}/>'


def rect(
    x: float,
    y: float,
    width: float,
    height: float,
    look: str,
    *,
    title: str = "",
    round_: float = 0,
) -> str:
    """A box, with words for whoever points at it."""
    corner = f' rx="{round_:g}"' if round_ else ""
    head = (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(width, 0):.1f}" height="{height:.1f}"{corner}'
    )
    return f"{head} {look}>{_title(title)}</rect>" if title else f"{head} {look}/>"


def circle(x: float, y: float, radius: float, look: str, *, title: str = "") -> str:
    """A dot, with words for whoever points at it."""
    head = f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}" {look}'
    return f"{head}>{_title(title)}</circle>" if title else f"{head}/>"


def path(points: Sequence[tuple[float, float]], look: str, *, closed: bool = False) -> str:
    """A line through points."""
    steps = "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
    inside = "" if closed else ' fill="none"'
    return f'<path d="M{steps}{"z" if closed else ""}"{inside} {look}/>'


def arrow(x: float, y: float, *, right: bool, colour: str) -> str:
    """The end of an interval that goes on outside of the picture."""
    back = -7 if right else 7
    corners = [(x, y), (x + back, y - 4.5), (x + back, y + 4.5)]
    return path(corners, fill(colour), closed=True)


def legend(
    keys: Sequence[tuple[str, str]], left: float, y: float, right: float
) -> tuple[str, float]:
    """Marks (SVG around 0, 0) with their words, in lines; and where they end."""
    parts, x = [], left
    for mark, words in keys:
        room = min(wide(words, 11), right - left - 18)
        if x > left and x + 18 + room > right:
            x, y = left, y + 19
        parts.append(f'<g transform="translate({x + 5:.1f} {y - 4:.1f})">{mark}</g>')
        parts.append(text(x + 16, y, words, size=11, colour="quiet", room=room + 1))
        x += 18 + room + 14
    return "".join(parts), y + 12


def swatch(look: str) -> str:
    """A coloured square for a legend."""
    return f'<rect x="-5" y="-5" width="10" height="10" rx="2" {look}/>'


def picture(
    width: float, height: float, title: str, body: str, *, simulated: bool, words: str = ""
) -> str:
    """The whole SVG: title and description for screen readers, and the mark of invented data."""
    letters = min(44, width / 11)
    middle = f"{width / 2:.0f} {height / 2:.0f}"
    mark = (
        f'<text class="watermark" x="{width / 2:.0f}" y="{height / 2:.0f}" '
        f'font-size="{letters:.0f}" font-weight="700" text-anchor="middle" fill="#c05621" '
        f'fill-opacity=".16" transform="rotate(-12 {middle})" pointer-events="none">'
        "SIMULATED DATA</text>"
        if simulated
        else ""
    )
    name = f"{title} (simulated data)" if simulated else title
    described = f"<desc>{escape(words)}</desc>" if words else ""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="pic" role="img" viewBox="0 0 {width:.0f} '
        f'{height:.0f}" width="{width:.0f}" aria-label="{escape(name, quote=True)}" '
        f'font-family="system-ui, sans-serif"><title>{escape(name)}</title>{described}'
        f"{body}{mark}</svg>"
    )


def _title(words: str) -> str:
    return f"<title>{escape(words)}</title>"
