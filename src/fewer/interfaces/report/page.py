"""The report: one self-contained HTML page, no script and no request to anywhere."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from fewer.interfaces.report import charts
from fewer.interfaces.report.audit import section as audit_section

KINDS: Final = (
    ("engagement", "Engagement", "did something recently: visits, carts, purchases"),
    ("content", "Content", "keeps consuming one kind of content or offer"),
    ("recency_frequency", "Recency and frequency", "how often, and how long ago"),
    ("interest", "Product or category interest", "the exact category browsed or bought"),
    ("lookback", "Lookback", "the same action over 7, 14 or 30 days, side by side"),
    ("custom", "Other", "anything else: mostly who is left out of all others"),
)
_SECTIONS: Final = (
    ("audit", "Audit"),
    ("segments", "Segments"),
    ("overlap", "Overlap"),
    ("lookback", "Lookback"),
    ("creatives", "Creatives"),
    ("outcomes", "Outcomes"),
    ("costs", "Cost"),
    ("planted", "Planted"),
)
_MOST_OVERLAP: Final = 18  # more rows than this can't be read on a page


def render(stories: Sequence[dict[str, Any]], *, title: str, made: str, version: str) -> str:
    """The page for one or more stories, as `Project.report_data` makes them."""
    environment = Environment(
        loader=PackageLoader("fewer.interfaces.report", ""),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
    )
    page = environment.get_template("page.html.j2")
    css = files("fewer.interfaces.report").joinpath("style.css").read_text(encoding="utf-8")
    return page.render(
        stories=[_with_pictures(story) for story in stories],
        title=title,
        made=made,
        version=version,
        css=_safe(css),
        kinds=[{"id": i, "title": t, "words": w} for i, t, w in KINDS],
        sections=_SECTIONS,
    )


def _safe(made_here: str) -> Markup:
    """Text that our own templates and charts made, in which every value is escaped already."""
    return Markup(made_here)  # noqa: S704


def _with_pictures(story: dict[str, Any]) -> dict[str, Any]:
    simulated = story["data"] == "simulated"
    drawn = dict(story)
    drawn["sizes_svg"] = _safe(charts.sizes(_bars(story), simulated=simulated))
    drawn["overlap_svg"] = _safe(_overlap(story, simulated=simulated))
    drawn["overlap"] = bool(drawn["overlap_svg"])
    drawn["lookback"] = [_lookback(chart, simulated=simulated) for chart in story["lookback"]]
    drawn["outcomes"] = [_block(block, simulated=simulated) for block in story["outcomes"]]
    drawn["costs"] = [_block(block, simulated=simulated) for block in story["costs"]]
    section = audit_section(story["audit"], prefix=f"{story['slug']}-data")
    drawn["audit_html"] = _safe(section)
    return drawn


def _bars(story: dict[str, Any]) -> list[charts.Bar]:
    return [
        charts.Bar(
            label=g["title"],
            size=g["size"],
            removed=tuple((step["title"], step["removed"]) for step in g["funnel"]),
            low=g["guard"]["min"],
            high=g["guard"]["max"],
        )
        for g in story["segments"]
        if not g["variant"] and not g["exclusion"]
    ]


def _overlap(story: dict[str, Any], *, simulated: bool) -> str:
    labels, shares = story["overlap"]["labels"], story["overlap"]["shares"]
    return charts.heatmap(
        labels[:_MOST_OVERLAP],
        [row[:_MOST_OVERLAP] for row in shares[:_MOST_OVERLAP]],
        simulated=simulated,
        title="Share of people two segments have in common",
    )


def _lookback(chart: dict[str, Any], *, simulated: bool) -> dict[str, Any]:
    rows = [(b["label"], b["people"], b["rate"], b["low"], b["high"]) for b in chart["bands"]]
    svg = charts.bands(rows, simulated=simulated, title=f"{chart['title']}: {chart['goal']}")
    return {**chart, "svg": _safe(svg)}


def _block(block: dict[str, Any], *, simulated: bool) -> dict[str, Any]:
    rows = [charts.Interval(**row) for row in block["intervals"]]
    svg = charts.forest(rows, simulated=simulated, title=block["title"])
    return {**block, "svg": _safe(svg)}
