"""Who is in several segments: a square of shares, and the largest combinations (UpSet plot)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from fewer.pictures.svg import (
    CHAR,
    COLOURS,
    NARROW,
    WIDE,
    circle,
    fill,
    label,
    line,
    picture,
    rect,
    text,
)

_LABELS: Final = 310
_DARK: Final = 0.55
_SEEN: Final = 0.005  # below it rounds to 0 %


@dataclass(frozen=True, slots=True)
class Combination:
    """People who are in exactly these of the segments shown (places in their list)."""

    members: tuple[int, ...]
    people: int


def heatmap(
    labels: Sequence[str], shares: Sequence[Sequence[float]], *, simulated: bool, title: str
) -> str:
    """Square of overlaps: row segment, share of its people who are also in the column segment."""
    count = len(labels)
    if count < 2:  # noqa: PLR2004  an overlap needs two
        return ""
    cell = min(40.0, (WIDE - _LABELS) / count)
    left, top = _LABELS, 26
    width, height = max(left + cell * count, 480.0), top + cell * count + 8
    parts = []
    for i, name in enumerate(labels):
        y, number = top + i * cell, str(i + 1)
        parts.append(label(left - 32, y + cell / 2, name, left - 40))
        # Columns are known by the numbers of their rows: names aslant would have to be cut.
        parts.append(text(left - 10, y + cell / 2 + 4, number, anchor="end", size=11, bold=True))
        parts.append(text(left + (i + 0.5) * cell - 1, top - 8, number, anchor="middle", size=11,
                          bold=True))  # fmt: skip
        for j in range(count):
            x = left + j * cell
            if i == j:
                parts.append(rect(x, y, cell - 2, cell - 2, fill("stripe"), round_=3))
            else:
                parts.append(_cell(x, y, cell, shares[i][j], f"{name} / {labels[j]}"))
    words = "Share of the row's people who are also in the column's segment."
    return picture(width, height, title, "".join(parts), simulated=simulated, words=words)


def _cell(x: float, y: float, size: float, share: float, words: str) -> str:
    percent = f"{share * 100:.0f} %" if share >= _SEEN else ""
    # No shade lies between: there, neither light nor dark letters could be read.
    dark = share > _DARK
    shade = 0.86 + 0.14 * (share - _DARK) / (1 - _DARK) if dark else 0.05 + 0.8 * share
    return (
        rect(x, y, size - 2, size - 2,
             f'{fill("blue")} fill-opacity="{shade:.3f}"',
             title=f"{words}: {share * 100:.1f} %", round_=3)
        + f'<text x="{x + size / 2 - 1:.1f}" y="{y + size / 2 + 3:.1f}" font-size="10" '
        f'text-anchor="middle" {fill("paper" if dark else "ink")}>{percent}</text>'
    )  # fmt: skip


def upset(
    labels: Sequence[str],
    sizes: Sequence[int],
    combinations: Sequence[Combination],
    *,
    simulated: bool,
    title: str,
    narrow: bool = False,
) -> str:
    """Largest combinations, each a column of dots with its people as a bar above.

    `combinations` are the largest first; beside each segment stand its people in all.
    """
    if not combinations:
        return ""
    width, left, row = (float(NARROW), 190.0, 28) if narrow else (float(WIDE), 360.0, 28)
    shown = combinations[: 6 if narrow else 16]
    step = min(44.0, (width - left - 16) / len(shown))
    used = sorted({i for c in shown for i in c.members})
    top, matrix = 22, 150
    most = max(*(c.people for c in shown), 1)
    parts = []
    for n, i in enumerate(used):
        y = matrix + n * row
        if n % 2 == 0:
            parts.append(rect(0, y, left + step * len(shown) + 8, row, fill("stripe")))
        count = f"{sizes[i]:,}"
        room = left - 34 - CHAR * 12 * len(count)
        parts.append(label(8, y + row / 2, labels[i], room, anchor="start"))
        parts.append(text(left - 14, y + row / 2 + 4, count, anchor="end", size=11,
                          colour="quiet"))  # fmt: skip
    places = {i: matrix + n * row + row / 2 for n, i in enumerate(used)}
    for k, one in enumerate(shown):
        x = left + step * (k + 0.5)
        parts.append(_column(x, step, one, labels, places, (top, matrix - 14, most)))
    parts.append(line(left, matrix - 14, left + step * len(shown), matrix - 14, _axis()))
    parts.append(text(8, matrix - 18, "segment", size=11, colour="quiet"))
    parts.append(text(left - 14, matrix - 18, "people", anchor="end", size=11, colour="quiet"))
    height = matrix + row * len(used) + 8
    words = "; ".join(
        f"{' and '.join(labels[i] for i in c.members)}: {c.people:,} people" for c in shown
    )
    return picture(width, height, title, "".join(parts), simulated=simulated, words=words)


def _axis() -> str:
    return f'class="s-grey" stroke="{COLOURS["grey"][0]}" stroke-width="1"'


def _column(
    x: float,
    step: float,
    one: Combination,
    labels: Sequence[str],
    places: dict[int, float],
    span: tuple[float, float, int],
) -> str:
    top, base, most = span
    tall = max((base - top - 6) * one.people / most, 1)
    told = f"{' and '.join(labels[i] for i in one.members)}, and no other: {one.people:,} people"
    ys = [places[i] for i in one.members]
    size = 11 if CHAR * 11 * len(f"{one.people:,}") <= step else 9
    parts = [
        rect(x - step * 0.34, base - tall, step * 0.68, tall, fill("blue"), title=told, round_=2),
        text(x, base - tall - 5, f"{one.people:,}", anchor="middle", size=size),
        line(x, min(ys), x, max(ys), f'class="s-blue" stroke="{COLOURS["blue"][0]}" '
             'stroke-width="2"'),
    ]  # fmt: skip
    for i, y in places.items():
        parts.append(circle(x, y, 5, fill("blue" if i in one.members else "line")))
    return "".join(parts)
