"""Pictures of a project, made from its story: the report and notebooks show the same ones."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from math import inf
from typing import TYPE_CHECKING, Any, Final

from fewer.errors import GuardError, NotFoundError
from fewer.pictures import bars, cost, decay, forest, history, overlap
from fewer.pictures.page import Picture, Table

if TYPE_CHECKING:
    from fewer.project.project import Project

KINDS: Final = (
    "sizes", "funnel", "history", "overlap", "combinations", "forest", "lookback", "costs",
    "claims",
)  # fmt: skip
MOST_OVERLAP: Final = 18  # more rows than this can't be read on a page
MOST_DRAWN: Final = 40  # rows of a picture; its table has them all
_MOST_PAIRS: Final = 60
_OF_OUTCOMES: Final = frozenset({"forest", "lookback", "costs"})


def draw(project: Project, name: str, build_id: str | None = None) -> Picture:
    """One picture of a refresh: a kind of `KINDS`, or ``kind:more`` where there are several.

    Raises:
        NotFoundError: There is no such picture; the names there are come with it.
        GuardError: It needs outcomes or ad reports that are not there.
    """
    kind = name.partition(":")[0]
    if kind not in KINDS:
        raise NotFoundError("picture", name, KINDS)
    from fewer.project import story

    found = pictures(
        story.drawn(project, project.snapshot(build_id), measured=kind in _OF_OUTCOMES)
    )
    if name in found:
        return found[name]
    alike = [each for each in found if each.partition(":")[0] == kind]
    if name == kind and alike:
        return found[alike[0]]
    if not alike:
        raise GuardError(f"There is nothing to draw for {kind!r} in this refresh. {_LACKS[kind]}")
    raise NotFoundError("picture", name, alike)


_LACKS: Final = {
    "sizes": "It has no segments.",
    "funnel": "Nobody was removed. Write exclusions under `exclude:`.",
    "history": "It is the first. Build again as at another day.",
    "overlap": "It needs two segments with people.",
    "combinations": "No one is in two segments.",
    "forest": "It needs a goal and segments with people.",
    "lookback": "Give a segment `variants: {lookback: [7d, 14d, 30d]}`, or run `fewer lookback`.",
    "costs": "Map ad reports in a source (`ad_reports`).",
    "claims": "Run `fewer claims` (`project.claims()`) first.",
}


def pictures(story: dict[str, Any]) -> dict[str, Picture]:
    """All pictures that a story has data for, by name."""
    simulated = story["data"] == "simulated"
    made: list[Picture | None] = [
        _sizes(story, simulated=simulated),
        _funnel(story, simulated=simulated),
        _history(story, simulated=simulated),
        _overlap(story, simulated=simulated),
        _combinations(story, simulated=simulated),
        *(_forest(block, simulated=simulated) for block in story["outcomes"]),
        *(_lookback(chart, simulated=simulated) for chart in story["lookback"]),
        *(windows(one["answer"], simulated=simulated) for one in story["windows"]),
        *(_bubbles(block, simulated=simulated) for block in story["bubbles"]),
        *(_forest(block, simulated=simulated, kind="costs") for block in story["costs"]),
        claims(story["claims"]["answer"], simulated=simulated) if story["claims"] else None,
    ]
    return {one.name: one for one in made if one is not None}


def _caption(words: str, *, simulated: bool) -> str:
    return f"{words} Simulated data." if simulated else words


def _bars(story: dict[str, Any]) -> list[bars.Bar]:
    """Segments for people to be sent, the largest first."""
    found = [
        bars.Bar(
            label=g["title"],
            size=g["size"],
            removed=tuple((step["title"], step["removed"]) for step in g["funnel"]),
            low=g["guard"]["min"],
            high=g["guard"]["max"],
        )
        for g in story["segments"]
        if not g["variant"] and not g["exclusion"]
    ]
    return sorted(found, key=lambda bar: -bar.size)


def _some(rows: list[Any], first: Callable[[Any], bool], words: str) -> tuple[list[Any], str]:
    """As many rows as can be read, those that matter `first`; and words about the choice."""
    if len(rows) <= MOST_DRAWN:
        return rows, ""
    chosen = [row for row in rows if first(row)]
    chosen = [*chosen, *(row for row in rows if not first(row))][:MOST_DRAWN]
    kept = [row for row in rows if any(row is one for one in chosen)]
    return kept, f"{len(kept)} of {len(rows):,}: {words}. All are under Figures."


def _both(draw: Any, *given: Any, **more: Any) -> tuple[str, str]:
    """A picture for wide pages, and the same for telephones."""
    return draw(*given, **more), draw(*given, narrow=True, **more)


def _sizes(story: dict[str, Any], *, simulated: bool) -> Picture | None:
    rows = _bars(story)
    title = "People per segment"
    shown, words = _some(
        rows,
        lambda b: not b.low <= b.size <= b.high,
        "of another size than wanted, then the largest",
    )
    wide, narrow = _both(bars.sizes, shown, simulated=simulated, title=title)
    table = Table(
        ("Segment", "Matched", "People", "Wanted at least", "Wanted at most"),
        tuple((b.label, f"{b.matched:,}", f"{b.size:,}", f"{b.low:,}", f"{b.high:,}")
              for b in rows),
        _caption("Matched: everyone the rule fits. People: after exclusions.", simulated=simulated),
    )  # fmt: skip
    return Picture("sizes", title, wide, table, narrow, words) if wide else None


def _funnel(story: dict[str, Any], *, simulated: bool) -> Picture | None:
    rows = _bars(story)
    title = "People removed, by reason"
    most = sorted(rows, key=lambda bar: bar.size - bar.matched)
    shown, words = _some(most, lambda _: True, "those who lose the most people")
    wide, narrow = _both(bars.funnel, shown, simulated=simulated, title=title)
    if not wide:
        return None
    names = list(dict.fromkeys(name for bar in rows for name, n in bar.removed if n))
    table = Table(
        ("Segment", "Matched", *names, "Left"),
        tuple(
            (b.label, f"{b.matched:,}", *(f"{dict(b.removed).get(n, 0):,}" for n in names),
             f"{b.size:,}")
            for b in rows
        ),
        _caption("In the order of the exclusions: someone removed twice counts once.",
                 simulated=simulated),
    )  # fmt: skip
    return Picture("funnel", title, wide, table, narrow, words)


def histories(story: dict[str, Any]) -> dict[str, history.History]:
    """Sizes at past refreshes by segment, for lines in tables too."""
    known = {g["id"]: g for g in story["segments"]}
    return {
        i: history.History(
            known[i]["title"],
            tuple(row["days"]),
            tuple(row["people"]),
            known[i]["guard"]["min"],
            known[i]["guard"]["max"],
        )
        for i, row in story["history"]["segments"].items()
        if i in known
    }


def _history(story: dict[str, Any], *, simulated: bool) -> Picture | None:
    rows = list(histories(story).values())
    title = "People at past refreshes"
    shown, chosen = _some(rows, lambda r: len(r.people) > 1 and _moved(r) > _MUCH,
                          "those that changed most, then others")  # fmt: skip
    wide, narrow = _both(history.histories, shown, simulated=simulated, title=title)
    if not wide:
        return None
    table = Table(
        ("Segment", "Refreshes", "First", "Smallest", "Largest", "Newest"),
        tuple(
            (r.label, f"{len(r.people)}", f"{r.people[0]:,}", f"{min(r.people):,}",
             f"{max(r.people):,}", f"{r.people[-1]:,}")
            for r in rows
        ),
        _caption("Each from its first refresh to this one.", simulated=simulated),
    )  # fmt: skip
    edited = story["history"]["edited"]
    words = (
        f"Definitions were changed {edited} times between these refreshes." if edited > 1
        else "Definitions were changed once between these refreshes." if edited else ""
    )  # fmt: skip
    return Picture("history", title, wide, table, narrow, f"{words} {chosen}".strip())


_MUCH: Final = 0.25


def _moved(one: history.History) -> float:
    """How far sizes lie apart, as a share of the largest."""
    return (max(one.people) - min(one.people)) / max(*one.people, 1)


def _overlap(story: dict[str, Any], *, simulated: bool) -> Picture | None:
    every, square = story["overlap"]["labels"], story["overlap"]["shares"]
    most = [
        max((v for j, v in enumerate(row) if j != i), default=0) for i, row in enumerate(square)
    ]
    at = sorted(sorted(range(len(every)), key=lambda i: -most[i])[:MOST_OVERLAP])
    labels, shares = [every[i] for i in at], [[square[i][j] for j in at] for i in at]
    title = "Share of people two segments have in common"
    svg = overlap.heatmap(labels, shares, simulated=simulated, title=title)
    pairs = sorted(
        ((i, j) for i in range(len(labels)) for j in range(len(labels)) if i != j),
        key=lambda p: (-shares[p[0]][p[1]], p),
    )[:_MOST_PAIRS]
    words = "Share of the row's people who are also in the column's segment."
    if len(at) < len(every):
        words += f" The {len(at)} of {len(every):,} segments that share most."
    table = Table(
        ("Of the people of", "are also in", "Share"),
        tuple(
            (labels[i], labels[j], f"{shares[i][j] * 100:.1f} %") for i, j in pairs if shares[i][j]
        ),
        _caption("The largest shares.", simulated=simulated),
    )
    return Picture("overlap", title, svg, table, "", words) if svg else None


def _combinations(story: dict[str, Any], *, simulated: bool) -> Picture | None:
    found = story["combinations"]
    rows = [overlap.Combination(tuple(r["members"]), r["people"]) for r in found["rows"]]
    title = "The largest combinations of segments"
    wide, narrow = _both(
        overlap.upset, found["labels"], found["sizes"], rows, simulated=simulated, title=title
    )
    if not wide:
        return None
    words = (
        f"{found['in_one']:,} people are in one segment only, {found['in_several']:,} in several."
        " Each column: people in exactly the segments with a dot, and in no other."
    )
    table = Table(
        ("Segments", "People in exactly these"),
        tuple((", ".join(found["labels"][i] for i in r.members), f"{r.people:,}") for r in rows),
        _caption(f"The largest {len(rows)} of {found['combinations']:,} combinations.",
                 simulated=simulated),
    )  # fmt: skip
    return Picture("combinations", title, wide, table, narrow, words)


def _forest(block: dict[str, Any], *, simulated: bool, kind: str = "forest") -> Picture | None:
    rows = [forest.Interval(**row) for row in block["intervals"]]
    rows = sorted(rows, key=lambda r: (r.pooled, r.alone, -r.estimate))
    shown, words = _some(
        rows, lambda r: r.pooled or r.strong,
        "the clearest, which are likely to come out closer to 1 another time",
    )  # fmt: skip
    wide, narrow = _both(
        forest.forest, shown, simulated=simulated, title=block["title"], sides=block["sides"]
    )
    heads, body = block["heads"], block["rows"]
    table = Table(tuple(heads), tuple(map(tuple, body)),
                  _caption(block["caption"], simulated=simulated))  # fmt: skip
    name = f"{kind}:{block['id']}"
    return Picture(name, block["title"], wide, table, narrow, words) if wide else None


def _lookback(chart: dict[str, Any], *, simulated: bool) -> Picture | None:
    rows = [
        decay.Band(b["label"], b["people"], b["rate"], b["low"], b["high"]) for b in chart["bands"]
    ]
    title = f"{chart['title']}: {chart['goal']}"
    svg = decay.bands(rows, simulated=simulated, title=title)
    table = Table(
        ("Latest such action", "People", "Rate", "Lower limit", "Upper limit"),
        tuple((r.label, f"{r.people:,}", *(f"{v * 100:.2f} %" for v in (r.rate, r.low, r.high)))
              for r in rows),
        _caption(chart["words"], simulated=simulated),
    )  # fmt: skip
    return Picture(f"lookback:{chart['segment']}", title, svg, table, "", chart["words"])


def windows(answer: dict[str, Any], *, simulated: bool) -> Picture | None:
    """Decay by days since the action, of a lookback that was asked for."""
    found = answer["decay"]
    ages = [
        decay.Age(b["from_days"], b["to_days"], b["looked"], b["rate"], b["lower"], b["upper"],
                  b["monotone"], b["curve"])
        for b in found["bands"]
    ]  # fmt: skip
    title = f"{answer['title']}: {answer['goal_title']} by days since the action"
    window = answer["recommended"]["window"]
    days = float(window[:-1]) if window and window.endswith("d") else None
    wide, narrow = _both(
        decay.decay, ages, simulated=simulated, title=title,
        half_life=found["half_life_days"], window=days,
    )  # fmt: skip
    table = Table(
        ("Days since the action", "People and times", "Converted", "Rate", "Never rising"),
        tuple(
            (f"{b['from_days']:g} to {b['to_days']:g}", f"{b['looked']:,}", f"{b['converted']:,}",
             f"{b['rate'] * 100:.2f} %", f"{b['monotone'] * 100:.2f} %")
            for b in found["bands"]
        ),
        _caption("Association.", simulated=simulated),
    )  # fmt: skip
    words = answer["recommended"]["because"]
    name = f"lookback:{answer['segment']}:decay"
    return Picture(name, title, wide, table, narrow, words) if wide else None


def _bubbles(block: dict[str, Any], *, simulated: bool) -> Picture | None:
    rows = [cost.Bubble(**row) for row in block["rows"]]
    wide, narrow = _both(
        cost.bubbles, rows, simulated=simulated, title=block["title"], across=block["across"],
        up=block["up"],
    )  # fmt: skip
    table = Table(
        ("Audience", "People", block["across"], "Lower", "Upper", block["up"], "Lower", "Upper"),
        tuple(
            (r.label, "-" if r.people is None else f"{r.people:,}",
             *_limits([r.cost, r.cost_low, r.cost_high], "{:,.2f}"),
             *_limits([r.rate, r.rate_low, r.rate_high], "{:.2f} %", 100))
            for r in rows
        ),
        _caption(block["caption"], simulated=simulated),
    )  # fmt: skip
    return Picture(f"costs:{block['id']}", block["title"], wide, table, narrow) if wide else None


_SIZE: Final = re.compile(r"([+−-]?)(\d[\d,]*(?:\.\d+)?) ?(x|%)")


def stated(words: str) -> tuple[float, ...]:
    """Ratios that the size of a claim names.

    >>> stated("2.4x"), stated("+26 % or more"), stated("−10 % to −18 %")
    ((2.4,), (1.26,), (0.9, 0.82))
    """
    found = []
    for sign, digits, unit in _SIZE.findall(words):
        number = float(digits.replace(",", ""))
        if unit == "%":
            number = 1 + (number if sign in ("", "+") else -number) / 100
        found.append(round(number, 6))
    return tuple(found)


def claims(answer: dict[str, Any], *, simulated: bool) -> Picture | None:
    """Claims that have a figure: what is found, beside what is claimed."""
    title = "What is claimed, and what this data shows"
    rows, body = [], []
    for one in answer["claims"]:
        found = one["ratio"]
        if not found or not found["value"]:
            continue
        low, high = found["lower"], found["upper"]
        verdict = "not enough data yet" if one["verdict"].startswith("can't") else one["verdict"]
        said = f"{found['words'].partition(' (')[0]}, claimed {one['claimed']}: {verdict}"
        rows.append(
            forest.Interval(
                one["title"],
                found["value"],
                low or 0.0,
                inf if high is None else high,
                said,
                strong=(low or 0) > 1 or (high is not None and high < 1),
                alone=low is None and high is None,
                stated=stated(one["claimed"]),
            )
        )
        limits = [" to ".join("no limit" if v is None else f"{v:.2f}" for v in (low, high))]
        body.append((one["title"], one["claimed"], f"{found['value']:.2f}x", *limits, verdict,
                     one["label"]))  # fmt: skip
    wide, narrow = _both(
        forest.forest, rows, simulated=simulated, title=title, clear="clear of no difference"
    )
    table = Table(
        ("Claim", "Claimed", "Found", "95 % interval", "On this data", "Evidence"),
        tuple(body),
        _caption("Claims that there are figures for; 1 is no difference.", simulated=simulated),
    )
    return Picture("claims", title, wide, table, narrow) if wide else None


def _limits(values: Sequence[float | None], shape: str, times: float = 1) -> Iterable[str]:
    return ("-" if v is None or v in (inf, -inf) else shape.format(v * times) for v in values)
