"""Pictures and tables as HTML: each picture with the table that says the same in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Final

from fewer.pictures.display import Displayed

_NUMBERS: Final = frozenset("0123456789")
STYLE: Final = (
    ".fewer{font:14px/1.5 system-ui,sans-serif;color:#1a202c;background:#fff;padding:10px 14px;"
    "border-radius:8px;max-width:1100px}"
    ".fewer svg{max-width:100%;height:auto}.fewer .small-only{display:none}"
    ".fewer h3{font-size:17px;margin:4px 0}.fewer .quiet{color:#55606e;font-size:13px}"
    ".fewer table{border-collapse:collapse;margin:8px 0;font-size:13px;color:inherit}"
    ".fewer caption{text-align:left;color:#55606e;padding-bottom:4px}"
    ".fewer th,.fewer td{text-align:left;padding:4px 14px 4px 0;border-bottom:1px solid #dfe5ec;"
    "vertical-align:top;background:#fff}"
    ".fewer .n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}"
    ".fewer .scroll{overflow-x:auto}.fewer figure{margin:10px 0}"
    ".fewer .fix{color:#55606e;font-weight:400}"
    ".fewer .badge{white-space:nowrap;border-radius:99px;padding:1px 9px;font-size:12px;"
    "background:#e9eef4}"
    ".fewer .badge.simulated{background:#feebc8;color:#7b341e}"
    ".fewer .badge.good,.fewer .badge.lift{background:#e3f5ec;color:#155a3a}"
    ".fewer .badge.error{background:#fbdedb;color:#85231c}"
    ".fewer .badge.assoc{background:#fff;border:1px dashed #55606e}"
    ".fewer summary{cursor:pointer;color:#0b64a8}"
)
"""For a cell of a notebook: on white, whatever the notebook's own colours."""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of words; what reads as a number stands at the right of its column.

    A second line of a cell, after a line break, is written small: an interval, a note.
    """

    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    caption: str = ""

    @property
    def html(self) -> str:
        """The table, whose first column heads its rows."""
        right = [bool(self.rows) and all(_is_number(r[i]) for r in self.rows)
                 for i in range(len(self.heads))]  # fmt: skip
        look = [' class="n"' if i and right[i] else "" for i in range(len(self.heads))]
        caption = f"<caption>{escape(self.caption)}</caption>" if self.caption else ""
        heads = "".join(
            f'<th scope="col"{k}>{escape(h)}</th>' for h, k in zip(self.heads, look, strict=True)
        )
        body = "".join(f"<tr>{_cells(row, look)}</tr>" for row in self.rows)
        return (
            f'<div class="scroll"><table>{caption}<thead><tr>{heads}</tr></thead>'
            f"<tbody>{body}</tbody></table></div>"
        )


@dataclass(frozen=True, slots=True)
class Picture(Displayed):
    """A picture with its table; shows itself in a notebook, and can be saved as a file."""

    name: str
    title: str
    svg: str
    table: Table
    narrow: str = ""  # the same for a telephone
    words: str = ""  # what it says, or how to read it

    def save(self, path: Path | str) -> Path:
        """Write it as an SVG file on white; gives the path."""
        file = Path(path)
        on_white = self.svg.replace("<svg ", '<svg style="background:#ffffff" ', 1)
        file.write_text(on_white, encoding="utf-8")
        return file

    @property
    def html(self) -> str:
        """The picture, for wide pages and for telephones, and its table folded beneath."""
        drawn = self.svg
        if self.narrow:
            drawn = (
                f'<div class="wide-only scroll">{self.svg}</div>'
                f'<div class="small-only">{self.narrow}</div>'
            )
        else:
            drawn = f'<div class="scroll">{self.svg}</div>'
        table = f"<details><summary>Figures</summary>{self.table.html}</details>"
        return f"<figure>{drawn}{table if self.table.rows else ''}</figure>"

    def _repr_html_(self) -> str:
        words = f'<p class="quiet">{escape(self.words)}</p>' if self.words else ""
        return cell(f"<h3>{escape(self.title)}</h3>{words}{self.html}")

    def __repr__(self) -> str:
        return f"Picture({self.name!r}: {self.title})"


def cell(inside: str) -> str:
    """What a notebook shows of an object: HTML with the few styles that it needs."""
    return f'<div class="fewer"><style>{STYLE}</style>{inside}</div>'


def paragraphs(lines: Sequence[str]) -> str:
    """Lines of text, each a paragraph."""
    return "".join(f"<p>{escape(each)}</p>" for each in lines)


def _cells(row: Sequence[str], look: Sequence[str]) -> str:
    cells = [f'<th scope="row">{_lines(row[0])}</th>']
    cells += [f"<td{k}>{_lines(v)}</td>" for v, k in zip(row[1:], look[1:], strict=True)]
    return "".join(cells)


def _lines(value: str) -> str:
    first, _, rest = value.partition("\n")
    return f'{escape(first)}<br><span class="fix">{escape(rest)}</span>' if rest else escape(first)


def _is_number(value: str) -> bool:
    """Whether a cell is a number with its unit, or empty: short, and digits first."""
    first = value.partition("\n")[0]
    bare = first.lstrip("+−-~≈ ")
    return first in ("", "-") or (bool(bare) and bare[0] in _NUMBERS and len(first) < 22)  # noqa: PLR2004
