"""The audit on a page: a section of the report, or a page of its own. No script, no request."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, timedelta
from functools import cache
from html import escape
from importlib.resources import files
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from fewer.journey.audit.audit import Audit
from fewer.journey.audit.inventory import EngagementPoint

WORDS: Final = {"error": "Fix first", "warning": "Be careful", "info": "Good to know"}
_CODE: Final = re.compile(r"`([^`]+)`")
_BARS: Final = 95  # bars of a sparkline; longer histories are summed by several days
_WIDTH, _HEIGHT = 190, 34
_PLACE: Final = "fewer.interfaces.report"


def section(audit: Audit, *, prefix: str = "audit", brief: bool = False) -> str:
    """HTML of the audit for another page; ids begin with `prefix`, so several fit on one page.

    A `brief` one folds all but the titles of what has to be fixed or known. It brings the few
    styles it needs beside those of the report.
    """
    return (
        _templates()
        .get_template("audit.html.j2")
        .render(
            a=audit,
            prefix=prefix,
            brief=brief,
            css=Markup(_style("audit.css")),  # noqa: S704  our own file
            sparks=[
                Markup(sparkline(point, simulated=audit.data == "simulated"))  # noqa: S704  escapes
                for point in audit.inventory.events
            ],
            trust={trust.event: trust for trust in audit.trust},
            words=WORDS,
            share=_share,
            code=_code,
            seen=[],
        )
    )


@cache
def _templates() -> Environment:
    """Compiled once: that takes longer than to fill them."""
    return Environment(
        loader=PackageLoader(_PLACE, ""),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def page(audit: Audit) -> str:
    """A self-contained HTML page with the audit alone."""
    simulated = audit.data == "simulated"
    name = escape(audit.project or "Audit")
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Audit: {name}</title>
<link rel="icon" href="data:,">
<style>{_style("style.css")}</style>
</head>
<body>
<header class="page">
<span class="badge {audit.data}">{"SIMULATED" if simulated else "REAL"}</span>
<h1>{name}: what the data holds, and how far to trust it</h1>
<p class="quiet">As at {audit.as_of[:10]}. Days and hours in {escape(audit.timezone)}.</p>
</header>
<main>
{section(audit)}
</main>
</body>
</html>
"""


def sparkline(point: EngagementPoint, *, simulated: bool = False) -> str:
    """Rows a day as an inline picture with words for those who can't see it."""
    together = max(1, -(-len(point.daily) // _BARS))
    bars = [sum(point.daily[n : n + together]) for n in range(0, len(point.daily), together)]
    first = date.fromisoformat(point.first_day)
    last = first + timedelta(days=max(len(point.daily) - 1, 0))
    most = max(point.daily, default=0)
    top = -10 if simulated else 0  # room for the mark
    words = (
        f"{point.event}: rows a day from {first} to {last}, at most {most:,}"
        f"{' (simulated)' if simulated else ''}"
    )
    mark = (
        f'<text x="{_WIDTH - 2}" y="-3" font-size="8" text-anchor="end" fill="#c05621">simulated'
        "</text>"
        if simulated
        else ""
    )
    return (
        f'<svg class="pic spark" viewBox="0 {top} {_WIDTH} {_HEIGHT - top}" role="img" '
        f'aria-label="{escape(words)}"><title>{escape(words)}</title>'
        f'<path d="{_outline(bars)}" class="f-blue" fill="#0b64a8"/>{mark}</svg>'
    )


def _outline(bars: Sequence[int]) -> str:
    """One path for all bars: the picture stays small however long the history."""
    if not bars or not max(bars):
        return ""
    step, most = _WIDTH / len(bars), max(bars)
    parts = []
    for place, rows in enumerate(bars):
        if rows:
            height = max(rows / most * (_HEIGHT - 2), 0.8)
            left, width = place * step, max(step - 0.4, 0.6)
            parts.append(f"M{left:.1f} {_HEIGHT}v{-height:.1f}h{width:.1f}v{height:.1f}z")
    return "".join(parts)


def _style(name: str) -> str:
    return files(_PLACE).joinpath(name).read_text(encoding="utf-8")


def _share(part: float) -> str:
    """A fraction as people read it: never 0 % or 100 % when it is not.

    >>> _share(1.0), _share(0.99996), _share(0.123), _share(0.00002), _share(0)
    ('100 %', '99.9 %', '12 %', '0.1 %', '0 %')
    """
    if part in (0, 1):
        return f"{part:.0%}".replace("%", " %")
    percent = min(max(part * 100, 0.1), 99.9)
    return f"{percent:.0f} %" if 1 <= percent < 99 else f"{percent:.1f} %"  # noqa: PLR2004


def _code(text: str) -> Markup:
    """Text with `code` between backticks marked up, the rest escaped."""
    marked = _CODE.sub(r"<code>\1</code>", escape(text, quote=False))
    return Markup(marked)  # noqa: S704  escaped on the line above
