"""The report: one self-contained HTML page that asks nothing of anywhere."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Sequence
from functools import cache
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
    ("recommendations", "What to do next"),
    ("segments", "Segments"),
    ("outcomes", "Outcomes"),
    ("experiments", "Experiments"),
    ("claims", "Claims"),
    ("costs", "Cost"),
    ("lookback", "Lookback"),
    ("history", "Size over time"),
    ("overlap", "Overlap"),
    ("suggestions", "Ready segments"),
    ("discovery", "Found in the data"),
    ("creatives", "Creatives"),
    ("audit", "Audit"),
    ("planted", "Planted"),
)
"""Parts of a story: what to conclude and to do first, what it rests on last."""

_ANSWERS: Final = (
    ("recommendations", "What to do next"),
    ("claims", "Claims, checked on this data"),
    ("suggestions", "Ready segments that the data offers"),
    ("discovery", "Segments found in the data"),
)
_MOST_CREATIVES: Final = 60


def render(stories: Sequence[dict[str, Any]], *, title: str, made: str, version: str) -> str:
    """The page for one or more stories, as `Project.report_data` makes them."""
    page = _templates().get_template("page.html.j2")
    css, script = (_file(name) for name in ("style.css", "report.js"))
    return page.render(
        stories=[_with_pictures(story) for story in stories],
        title=title,
        made=made,
        version=version,
        css=_safe(f"{css}@media(prefers-color-scheme:dark){{{dark_style()}}}"),
        script=_safe(script),
        policy=_policy(script),
        safe=_safe,
        table=_table,
        kinds=[{"id": i, "title": t, "words": w} for i, t, w in KINDS],
        sections=_SECTIONS,
    )


@cache
def _templates() -> Environment:
    """Compiled once: that takes longer than to fill them."""
    return Environment(
        loader=PackageLoader("fewer.interfaces.report", ""),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
    )


def _file(name: str) -> str:
    return files("fewer.interfaces.report").joinpath(name).read_text(encoding="utf-8")


def _policy(script: str) -> str:
    """What a browser lets the page do: run this one script, and load nothing at all."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return (
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none';"
        f" form-action 'none'; script-src 'sha256-{digest}'"
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
    told["outcomes_first"], told["outcomes_more"] = _outcomes(told["outcomes"])
    told["creatives"] = story["creatives"][:_MOST_CREATIVES]
    told["more_creatives"] = len(story["creatives"]) - len(told["creatives"])
    told["audiences"] = [g for g in story["segments"] if not (g["variant"] or g["exclusion"])]
    told["variants"] = _variants(story["segments"])
    there = {name: bool(story.get(name)) for name, _ in _SECTIONS}
    there |= {"audit": True, "segments": True, "history": "history" in found}
    there |= {"overlap": "overlap" in found, "lookback": bool(charts)}
    told["there"] = there
    told["labels"] = _labels(story)
    section = audit_section(story["audit"], prefix=f"{story['slug']}-data", brief=True)
    told["audit_html"] = _safe(section)
    return told


def _outcomes(blocks: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The first goal of each experiment and of the comparison with others; and all the rest."""
    first: dict[str, dict[str, Any]] = {}
    for block in blocks:
        randomised = "association" not in block["label"]
        first.setdefault(block["id"].partition(":")[0] if randomised else "", block)
    shown = list(first.values())
    return shown, [block for block in blocks if not any(block is one for one in shown)]


def _variants(segments: Sequence[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Lookback variants of each segment."""
    found: dict[str, list[dict[str, Any]]] = {g["id"]: [] for g in segments}
    for each in segments:
        if each["variant"]:
            found.setdefault(each["id"].partition("@")[0], []).append(each)
    return found


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
