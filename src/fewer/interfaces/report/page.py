"""The report: one self-contained HTML page, no script and no request to anywhere."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib.resources import files
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from fewer.interfaces.report.audit import section as audit_section
from fewer.journey.measure.evidence import EvidenceLabel
from fewer.pictures.history import spark
from fewer.pictures.page import Table
from fewer.pictures.svg import dark_style
from fewer.project import pictures
from fewer.project.notebook import PARTS

KINDS: Final = (
    ("engagement", "Engagement", "did something recently: visits, carts, purchases"),
    ("content", "Content", "keeps consuming one kind of content or offer"),
    ("recency_frequency", "Recency and frequency", "how often, and how long ago"),
    ("interest", "Product or category interest", "the exact category browsed or bought"),
    ("lookback", "Lookback", "the same action over 7, 14 or 30 days, side by side"),
    ("custom", "Other", "anything else: mostly who is left out of all others"),
)
_SECTIONS: Final = (
    ("overview", "What matters"),
    ("audit", "Audit"),
    ("segments", "Segments"),
    ("history", "Size over time"),
    ("overlap", "Overlap"),
    ("lookback", "Lookback"),
    ("creatives", "Creatives"),
    ("outcomes", "Outcomes"),
    ("claims", "Claims"),
    ("recommendations", "What to do next"),
    ("costs", "Cost"),
    ("discovery", "Found in the data"),
    ("suggestions", "Ready segments"),
    ("planted", "Planted"),
)
_ANSWERS: Final = (
    ("claims", "Claims, checked on this data"),
    ("recommendations", "What to do next"),
    ("discovery", "Segments found in the data"),
    ("suggestions", "Ready segments that the data offers"),
)


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
        css=_safe(f"{css}@media(prefers-color-scheme:dark){{{dark_style()}}}"),
        safe=_safe,
        table=_table,
        kinds=[{"id": i, "title": t, "words": w} for i, t, w in KINDS],
        sections=_SECTIONS,
    )


def _safe(made_here: str) -> Markup:
    """Text that our own templates and charts made, in which every value is escaped already."""
    return Markup(made_here)  # noqa: S704


def _table(block: dict[str, Any]) -> Markup:
    table = Table(tuple(block["heads"]), tuple(map(tuple, block["rows"])), block["caption"])
    return _safe(table.html)


def _with_pictures(story: dict[str, Any]) -> dict[str, Any]:
    simulated = story["data"] == "simulated"
    found = pictures.pictures(story)
    sizes = pictures.histories(story)
    told = dict(story)
    told["pictures"] = found
    told["sparks"] = {
        g["id"]: _safe(spark(sizes[g["id"]], simulated=simulated)) if g["id"] in sizes else ""
        for g in story["segments"]
    }
    charts = [p for name, p in found.items() if name.startswith("lookback:")]
    told["bands"] = [p for p in charts if not p.name.endswith(":decay")]
    told["windows_drawn"] = [p for p in charts if p.name.endswith(":decay")]
    if simulated:
        for name in ("outcomes", "costs"):
            told[name] = [{**b, "caption": f"{b['caption']} Simulated data."} for b in story[name]]
    told["answers"] = list(_answers(story))
    randomised = sum("randomised" in block["label"] for block in story["outcomes"])
    told["shown_outcomes"] = max(randomised, 0) + 1
    there = {name: bool(story.get(name)) for name, _ in _SECTIONS}
    there |= {"audit": True, "segments": True, "history": "history" in found}
    there |= {"overlap": "overlap" in found, "lookback": bool(charts)}
    told["there"] = there
    told["labels"] = _labels(story)
    section = audit_section(story["audit"], prefix=f"{story['slug']}-data")
    told["audit_html"] = _safe(section)
    return told


def _labels(story: dict[str, Any]) -> list[tuple[str, str]]:
    """Meanings of the evidence labels on the page, the strongest first."""
    used = {line["label"] for line in story["overview"]}
    used |= {block["label"] for block in (*story["outcomes"], *story["costs"])}
    return [(label.value, label.meaning) for label in EvidenceLabel if label.value in used]


def _answers(story: dict[str, Any]) -> Iterator[tuple[str, str, Markup, str]]:
    """Sections of answers that were kept: id, title, HTML, and when they were given."""
    for name, title in _ANSWERS:
        kept = story[name]
        html = PARTS[name]({"data": story["data"], **kept["answer"]}) if kept else ""
        if html:
            words = f"As answered on {kept['at'][:10]}."
            if kept["stale"]:
                words += " New data was read since: run it again."
            if story["data"] == "simulated":
                words += " Simulated data."
            yield name, title, _safe(html), words
