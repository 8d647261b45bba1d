"""What a notebook shows of a result, and the parts of it that the report shows too.

Made of the same plain data that ``--json`` gives, so a section of the report can be drawn of an
answer that was kept.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any, Final

from fewer.pictures.page import Table, cell, paragraphs

_SIZES: Final = {"within": "as wanted", "too_small": "too few", "too_large": "too many"}
_MOST: Final = 24
Answer = Mapping[str, Any]


def view(result: Any) -> str | None:
    """HTML of a result of this package; None for anything else."""
    draw = _VIEWS.get(type(result).__name__)
    return None if draw is None else cell(draw(result))


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share * 100:.2f} %"


def _figure(figure: Answer | None) -> str:
    """``1.8x (1.2-2.7)``, from the words that carry label and interval."""
    if figure is None:
        return "-"
    words: str = figure["words"]
    return words


# ----------------------------------------------------------------------------- parts of the report


def claims(answer: Answer) -> str:
    """Claims: verdict, figures, reasons; what it would take is beneath each."""
    rows = []
    for one in answer["claims"]:
        more = "".join(f'<br><span class="fix">{escape(t)}</span>' for t in one["further"][:3])
        needed = one["needed"]
        take = f'<br><span class="fix">It would take: {escape(needed)}</span>' if needed else ""
        look = _VERDICTS.get(one["verdict"], "quiet")
        rows.append(
            f'<tr><th scope="row">{escape(one["title"])}<br><span class="fix">claimed:'
            f' {escape(one["claimed"])}</span></th><td><span class="badge {look}">'
            f"{escape(_told(one['verdict']))}</span></td>"
            f"<td>{escape(_figure(one['ratio']))}</td>"
            f"<td>{escape(one['because'])}{take}{more}</td>"
            f"<td>{_badge(one['label'])}</td></tr>"
        )
    caption = _simulated(answer, "Each stated as a proposition and checked on the data.")
    return _table(("Claim", "On this data", "Found", "Why", "Evidence"), rows, caption)


_VERDICTS: Final = {"supported": "good", "contradicted": "error"}


def _told(verdict: str) -> str:
    """The verdict as people read it."""
    return "not enough data yet" if verdict.startswith("can't tell") else verdict


def discovery(answer: Answer) -> str:
    """Segments that were found, with what was seen when they were and later."""
    rows = [
        f'<tr><th scope="row">{escape(one["words"])}<br><span class="fix">{escape(one["id"])}'
        f'</span></th><td class="n">{one["size"]:,}</td>{_rate(one["discovery"])}'
        f"{_rate(one['confirmation'])}<td>{escape(one['status'])}"
        f"{'' if one['stable'] is not False else ', size not stable'}</td>"
        f'<td class="small">{escape(one["detectability"]["words"])}</td></tr>'
        for one in answer["segments"]
    ]
    caption = (
        f"For {answer['goal']}: {answer['combinations_tested']:,} combinations of"
        f" {answer['features']:,} features looked at. Adjusted association: expected is what"
        " activity and single actions alone lead one to expect."
    )
    if not rows:
        return paragraphs([caption, "Nothing was found that later data confirms."])
    return _table(("Segment", "People", "Found with", "Later", "Status", "A test of it"), rows,
                  _simulated(answer, caption))  # fmt: skip


def _rate(tally: Answer | None) -> str:
    if tally is None:
        return '<td class="n">-</td>'
    return (
        f'<td class="n">{_percent(tally["rate"])}<br><span class="fix">expected'
        f" {_percent(tally['expected_rate'])}</span></td>"
    )


def suggestions(answer: Answer) -> str:
    """Ready segments that the data offers."""
    weeks = [" ".join(f"{s['people']:,}" for s in one["sizes"][-4:]) for one in answer["segments"]]
    rows = [
        f'<tr><th scope="row">{escape(one["words"])}<br><span class="fix">{escape(one["id"])}'
        f"</span></th><td>{escape(one['type'].replace('_', ' '))}</td>"
        f'<td class="n">{one["size"]:,}</td>'
        f'<td class="n small">{recent}</td></tr>'
        for one, recent in zip(answer["segments"], weeks, strict=True)
    ]
    caption = _simulated(answer, "Ready to be saved as segments: see fewer suggest.")
    return _table(("Segment", "Kind", "People", "Last weeks"), rows, caption)


def recommendations(answer: Answer) -> str:
    """What to do next with each segment, and why; those without anything to do are folded."""
    doing: list[str] = []
    waiting: list[str] = []
    for one in answer.get("recommendations", answer.get("verdicts", ())):
        row = (
            f'<tr><th scope="row">{escape(one["title"])}</th><td><b>{escape(one["verdict"])}</b>'
            f"</td><td>{escape(one['reason'])}</td><td>{_badge(one['label'])}</td></tr>"
        )
        (waiting if one["verdict"] == _WAITING else doing).append(row)
    heads, caption = ("Segment", "Do", "Why", "Evidence"), _simulated(answer, "")
    shown = _table(heads, doing, caption) if doing else ""
    if waiting:
        many = f"{len(waiting)} segment{'s' if len(waiting) > 1 else ''}: {_WAITING}"
        folded = _table(heads, waiting, caption)
        shown += f"<details><summary>{many}</summary>{folded}</details>"
    return shown


_WAITING: Final = "nothing to say yet"


def _badge(label: str | None) -> str:
    """The evidence of a figure: filled where it may be called lift, dashed elsewhere."""
    if not label:
        return ""
    look = "lift" if label.startswith(("randomised", "geo")) else "assoc"
    return f'<span class="badge ev {look}">{escape(label)}</span>'


def _table(heads: Sequence[str], rows: Sequence[str], caption: str) -> str:
    top = "".join(f'<th scope="col">{escape(h)}</th>' for h in heads)
    return (
        f'<div class="scroll"><table class="wide"><caption>{escape(caption)}</caption>'
        f"<thead><tr>{top}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
    )


def _simulated(answer: Answer, words: str) -> str:
    return f"{words} Simulated data." if answer.get("data") == "simulated" else words


# -------------------------------------------------------------------------------------- notebooks


def _head(words: str, *lines: str) -> str:
    quiet = "".join(f'<p class="quiet">{escape(line)}</p>' for line in lines if line)
    return f"<h3>{escape(words)}</h3>{quiet}"


def _snapshot(snapshot: Any) -> str:
    rows = tuple(
        (v.title, v.id, f"{v.matched_size:,}", f"{v.size:,}", _SIZES[v.verdict])
        for v in snapshot.segments.values()
    )
    table = Table(("Segment", "Id", "Matched", "People", "Size"), rows)
    mark = "Simulated data." if snapshot.data == "simulated" else ""
    lines = f"As at {snapshot.as_of_words}, {snapshot.universe:,} people in all."
    return _head(f"Refresh {snapshot.id}", lines, mark) + table.html


def _audit(audit: Any) -> str:
    rows = tuple((f.code, f.severity, f.title, f.fix) for f in audit.findings)
    counts = ", ".join(f"{audit.count(s)} {s}s" for s in ("error", "warning", "info"))
    facts = f"{audit.inventory.rows:,} events of {audit.inventory.people:,} people. {counts}."
    mark = "Simulated data." if audit.data == "simulated" else ""
    table = Table(("Check", "Severity", "What was found", "What to do"), rows)
    return _head(f"{audit.project or 'Audit'}: what the data holds", facts, mark) + table.html


def _preview(preview: Any) -> str:
    found = preview.to_json()
    rows = [("Matched", f"{found['matched']:,}")]
    rows += [(f"removed: {s['title']}", f"{s['removed']:,}") for s in found["funnel"]]
    rows.append(("People", f"{found['size']:,}"))
    return (
        _head(found["words"], f"Size: {_SIZES[found['verdict']]}.")
        + Table(("", "People"), tuple(rows)).html
    )


def _measured(measured: Any) -> str:
    from fewer.project import pictures, story

    empty = {"segments": [], "overlap": {"labels": [], "shares": []}, "windows": [], "bubbles": [],
             "combinations": {"labels": [], "sizes": [], "rows": []},
             "history": {"segments": {}}}  # fmt: skip
    told = {"data": measured.outcomes.data, **empty, **story.measured_story(measured)}
    lines = [one.text for one in measured.conclusions]
    drawn = pictures.pictures(told).values()
    shown = [f"<h3>{escape(p.title)}</h3>{p.html}" for p in drawn]
    return _head("Outcomes and cost", *lines, *measured.skipped) + "".join(shown)


def _lookback(lookback: Any) -> str:
    from fewer.project.pictures import windows

    answer = lookback.to_json()
    picture = windows(answer, simulated=answer["data"] == "simulated")
    rows = tuple(
        (w["label"], f"{w['people']:,}", _figure(w["rate"]), _figure(w["total"]["rate"]))
        for w in answer["windows"]
    )
    table = Table(("Latest such action", "People", "Rate", "Rate of all up to it"), rows)
    advice = answer["recommended"]
    words = f"Recommended: {advice['window'] or 'no window'}. {advice['because']}"
    title = f"{answer['title']}: lookback windows"
    return _head(title, words, "Association.") + (picture.html if picture else "") + table.html


def _answer(title: str, part: Callable[[Answer], str]) -> Callable[[Any], str]:
    return lambda result: _head(title) + part(result.to_json())


_VIEWS: Final[Mapping[str, Callable[[Any], str]]] = {
    "Audit": _audit,
    "Snapshot": _snapshot,
    "Preview": _preview,
    "Measured": _measured,
    "Lookback": _lookback,
    "ClaimTable": _answer("Claims, checked on this data", claims),
    "Discovery": _answer("Segments found in the data", discovery),
    "Suggestions": _answer("Segments that the data offers", suggestions),
    "Recommended": _answer("What to do next", recommendations),
}
PARTS: Final[Mapping[str, Callable[[Answer], str]]] = {
    "claims": claims,
    "discovery": discovery,
    "suggestions": suggestions,
    "recommendations": recommendations,
}
"""Sections of the report, drawn of kept answers."""
