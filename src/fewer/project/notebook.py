"""What a notebook shows of a result, and the parts of it that the report shows too.

Made of the same plain data that ``--json`` gives, so a section of the report can be drawn of an
answer that was kept.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any, Final

from fewer.pictures.history import History, spark
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
        f'</span></th><td class="n">{one["size"]:,}{_weeks(one, answer)}</td>'
        f"{_rate(one['discovery'])}{_rate(one['confirmation'])}<td>{escape(one['status'])}"
        f"{'' if one['stable'] is not False else ', size not stable'}</td>"
        f'<td class="small">{escape(one["detectability"]["words"])}</td></tr>'
        for one in (*answer["segments"], *answer.get("single_conditions", ()))
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
    rows = [
        f'<tr><th scope="row">{escape(one["words"])}<br><span class="fix">{escape(one["id"])}'
        f"</span></th><td>{escape(one['type'].replace('_', ' and '))}</td>"
        f'<td class="n">{one["size"]:,}</td><td>{_weeks(one, answer)}</td>'
        f"<td>{_shared(one)}</td></tr>"
        for one in answer["segments"]
    ]
    if not rows:
        return paragraphs(["No rule of one or two actions has so many people."])
    caption = _simulated(answer, "Ready to be saved as segments: see fewer suggest.")
    heads = ("Segment", "Kind", "People", "Last weeks", "People in common with")
    return _table(heads, rows, caption, numbers=(2,))


def _weeks(one: Answer, answer: Answer) -> str:
    """Sizes of the last weeks as a line as small as a word."""
    sizes = one.get("sizes", ())
    days, people = [str(s.get("as_of", ""))[:10] for s in sizes], [s["people"] for s in sizes]
    past = History(one["id"], tuple(days), tuple(people))
    return spark(past, simulated=answer.get("data") == "simulated")


def _shared(one: Answer) -> str:
    """The segment of the project with the most people in common."""
    most = max(one.get("overlap", ()), key=lambda s: s["of_this"], default=None)
    return f"{escape(most['segment'])} ({most['of_this'] * 100:.0f} %)" if most else "-"


def recommendations(answer: Answer) -> str:
    """What to do next with each segment, and why; those without anything to do are folded."""
    doing: list[str] = []
    waiting: list[str] = []
    for one in answer.get("recommendations", answer.get("verdicts", ())):
        wrong = (one.get("cost_of_being_wrong") or {}).get("words", "")
        risk = f'<br><span class="fix">{_marked(wrong)}</span>' if wrong else ""
        row = (
            f'<tr><th scope="row">{escape(one["title"])}</th><td><b>{escape(one["verdict"])}</b>'
            f"</td><td>{_marked(one['reason'])}{risk}</td><td>{escape(_gain(one))}</td>"
            f"<td>{_badge(one['label'])}</td></tr>"
        )
        (waiting if one["verdict"] == _WAITING else doing).append(row)
    heads = ("Segment", "Do", "Why, and what it costs to be wrong", "Expected", "Evidence")
    caption = _simulated(answer, "`fewer recommend --diff FILE` writes the edits for `git apply`.")
    shown = _table(heads, doing, caption) if doing else ""
    if waiting:
        many = f"{len(waiting)} segment{'s' if len(waiting) > 1 else ''}: {_WAITING}"
        folded = _table(heads, waiting, _simulated(answer, "What it would take is in each row."))
        shown += f"<details><summary>{many}</summary>{folded}</details>"
    return shown


def _gain(one: Answer) -> str:
    """``+4.60 (+0.96 to +8.24) conversions a week``."""
    found = one.get("expected_gain")
    if not found or found.get("value") is None:
        return "-"
    shape = "{:+,.0f}" if float(found["value"]).is_integer() else "{:+,.2f}"
    limits = ""
    if found.get("lower") is not None and found.get("upper") is not None:
        limits = f" ({shape.format(found['lower'])} to {shape.format(found['upper'])})"
    return f"{shape.format(found['value'])}{limits} {found['unit']}".replace("-", "−")


_WAITING: Final = "nothing to say yet"


_CODE: Final = re.compile(r"`([^`]+)`")


def _marked(text: str) -> str:
    """Text, escaped, with `code` between backticks marked up."""
    return _CODE.sub(r"<code>\1</code>", escape(text))


def _badge(label: str | None) -> str:
    """The evidence of a figure: filled where it may be called lift, dashed elsewhere."""
    if not label:
        return ""
    look = "lift" if label.startswith(("randomised", "geo")) else "assoc"
    return f'<span class="badge ev {look}">{escape(label)}</span>'


def clusters(answer: Answer) -> str:
    """Groups of people who behave alike, each with the rule nearest to it."""
    rows = [
        f'<tr><th scope="row">{escape(one["words"])}</th><td class="n">{one["people"]:,}</td>'
        f'<td class="n">{one["rule_people"]:,}</td><td class="n">{_percent(one["precision"])}</td>'
        f'<td class="n">{_percent(one["recall"])}</td><td class="n">{_percent(one["rate"])}</td>'
        "</tr>"
        for one in answer["groups"]
    ]
    heads = ("Rule nearest to the group", "People", "The rule fits", "Of them in the group",
             "Of the group", "Converted")  # fmt: skip
    caption = _simulated(answer, "For exploring: nothing here is confirmed on later data.")
    return _table(heads, rows, caption, numbers=(1, 2, 3, 4, 5))


def alike(answer: Answer) -> str:
    """How many people outside a segment resemble its people, and by what."""
    rows = [
        f'<tr><th scope="row">The {one["people"]:,} most alike</th>'
        f'<td class="n">{one["ratio"]:.1f}x</td></tr>'
        for one in answer["steps"]
    ]
    signals = [f"{s['words']} ({s['ratio']:.1f}x)" for s in answer["signals"][:6]]
    caption = (
        f"Of {answer['outside']:,} people outside {answer['segment']}, against its"
        f" {answer['inside']:,}: how alike they are, as a multiple of everyone outside."
    )
    told = paragraphs([f"What its people do more than others: {'; '.join(signals)}."] if signals
                      else [])  # fmt: skip
    return _table(("People", "How alike"), rows, _simulated(answer, caption), numbers=(1,)) + told


def _table(
    heads: Sequence[str], rows: Sequence[str], caption: str, numbers: Sequence[int] = ()
) -> str:
    top = "".join(
        f'<th scope="col"{_RIGHT if i in numbers else ""}>{escape(h)}</th>'
        for i, h in enumerate(heads)
    )
    return (
        '<div class="scroll"><table class="wide" role="table">'
        f"<caption>{_marked(caption)}</caption>"
        f"<thead><tr>{top}</tr></thead><tbody>{''.join(_labelled(row, heads) for row in rows)}"
        "</tbody></table></div>"
    )


def _labelled(row: str, heads: Sequence[str]) -> str:
    """A row whose cells name their column: on a telephone they stand below one another."""
    names = iter(heads)

    def named(cell: re.Match[str]) -> str:
        role = "cell" if cell[1] == "td" else "rowheader"
        return f'<{cell[1]} role="{role}" data-label="{escape(next(names, ""))}"'

    return re.sub(r"<(td|th)\b", named, row).replace("<tr>", '<tr role="row">', 1)


_RIGHT: Final = ' class="n"'


def _simulated(answer: Answer, words: str) -> str:
    return f"{words} Simulated data." if answer.get("data") == "simulated" else words


# -------------------------------------------------------------------------------------- notebooks


def _head(words: str, *lines: str, data: str = "real") -> str:
    """Title and lines; simulated data carries its mark in the title of whatever is shown."""
    mark = ' <span class="badge simulated">SIMULATED DATA</span>' if data == "simulated" else ""
    quiet = "".join(f'<p class="quiet">{escape(line)}</p>' for line in lines if line)
    return f"<h3>{escape(words)}{mark}</h3>{quiet}"


def _snapshot(snapshot: Any) -> str:
    rows = tuple(
        (v.title, v.id, f"{v.matched_size:,}", f"{v.size:,}", _SIZES[v.verdict])
        for v in snapshot.segments.values()
    )
    caption = "Matched: everyone the rule fits. People: after exclusions."
    table = Table(("Segment", "Id", "Matched", "People", "Size"), rows, caption)
    lines = f"As at {snapshot.as_of_words}, {snapshot.universe:,} people in all."
    return _head(f"Refresh {snapshot.id}", lines, data=snapshot.data) + table.html


def _audit(audit: Any) -> str:
    rows = tuple((f.code, f.severity, f.title, f.fix) for f in audit.findings)
    counts = ", ".join(f"{audit.count(s)} {s}s" for s in ("error", "warning", "info"))
    facts = f"{audit.inventory.rows:,} events of {audit.inventory.people:,} people. {counts}."
    table = Table(("Check", "Severity", "What was found", "What to do"), rows, "The gravest first.")
    title = f"{audit.project or 'Audit'}: what the data holds"
    return _head(title, facts, data=audit.data) + table.html


def _preview(preview: Any) -> str:
    found = preview.to_json()
    rows = [("Matched", f"{found['matched']:,}")]
    rows += [(f"removed: {s['title']}", f"{s['removed']:,}") for s in found["funnel"]]
    rows.append(("People", f"{found['size']:,}"))
    head = _head(found["words"], f"Size: {_SIZES[found['verdict']]}.", data=preview.data)
    return head + Table(("Step", "People"), tuple(rows), "From the rule to the audience.").html


def _measured(measured: Any) -> str:
    from fewer.project import pictures, story

    empty: dict[str, Any] = {
        "segments": [],
        "overlap": {"labels": [], "shares": []},
        "windows": [],
        "bubbles": story.bubbles(measured),
        "combinations": {"labels": [], "sizes": [], "rows": []},
        "history": {"segments": {}},
        "claims": None,
    }
    told = {"data": measured.outcomes.data, **empty, **story.measured_story(measured)}
    lines = [one.text for one in measured.conclusions]
    drawn = pictures.pictures(told).values()
    shown = [f"<h3>{escape(p.title)}</h3>{p.html}" for p in drawn]
    head = _head("Outcomes and cost", *lines, *measured.skipped, data=measured.outcomes.data)
    return head + "".join(shown)


def _lookback(lookback: Any) -> str:
    from fewer.project.pictures import windows

    answer = lookback.to_json()
    picture = windows(answer, simulated=answer["data"] == "simulated")
    rows = tuple(
        (w["label"], f"{w['people']:,}", _figure(w["rate"]), _figure(w["total"]["rate"]))
        for w in answer["windows"]
    )
    heads = ("Latest such action", "People", "Rate", "Rate of all up to it")
    table = Table(heads, rows, "Each person once, in the band of the latest action. Association.")
    advice = answer["recommended"]
    words = f"Recommended: {advice['window'] or 'no window'}. {advice['because']}"
    title = f"{answer['title']}: lookback windows"
    drawn = picture.html if picture else ""
    return _head(title, words, "Association.", data=answer["data"]) + drawn + table.html


def _answer(title: str, part: Callable[[Answer], str]) -> Callable[[Any], str]:
    def shown(result: Any) -> str:
        answer = result.to_json()
        return _head(title, data=answer["data"]) + part(answer)

    return shown


def _claims(table: Any) -> str:
    from fewer.project import pictures

    answer = table.to_json()
    drawn = pictures.claims(answer, simulated=answer["data"] == "simulated")
    head = _head("Claims, checked on this data", data=answer["data"])
    return head + (drawn.html if drawn else "") + claims(answer)


_VIEWS: Final[Mapping[str, Callable[[Any], str]]] = {
    "Audit": _audit,
    "Snapshot": _snapshot,
    "Preview": _preview,
    "Measured": _measured,
    "Lookback": _lookback,
    "ClaimTable": _claims,
    "Clusters": _answer("Groups of people who behave alike", clusters),
    "Alike": _answer("People who resemble a segment", alike),
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
