"""A story: everything one project has to show, as plain data for a report or ``--json``."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from sqlglot import exp

from fewer.errors import GuardError
from fewer.evaluate.sql.occurrence import event_predicate
from fewer.journey.measure.recovered import Recovery
from fewer.journey.measure.table import Verdict
from fewer.model.catalog import ITEM_ID
from fewer.model.number import from_micros
from fewer.project import clock, overview, story_costs, story_experiments
from fewer.project.kept import Kind, kept

if TYPE_CHECKING:
    from fewer.journey.audit.audit import Audit
    from fewer.journey.measure.lookback import LookbackChart
    from fewer.journey.measure.programme import Programme
    from fewer.journey.measure.table import Comparison, Row
    from fewer.project.measuring import Measured
    from fewer.project.project import Project
    from fewer.project.snapshot import Snapshot

_WIDEST: Final = 8  # creatives shown per segment before "and so on"
_STRONG: Final = (Verdict.MORE, Verdict.LESS)


def story(
    project: Project,
    snapshot: Snapshot,
    *,
    audit: Audit,
    measured: Measured | None,
    creatives: Sequence[dict[str, Any]] = (),
    recovered: Sequence[Recovery] = (),
) -> dict[str, Any]:
    """What the report shows of one project; counts and figures only, never people."""
    settings = project.settings
    return {
        "data": settings.data,
        "name": settings.name,
        "slug": re.sub(r"[^a-z0-9]+", "-", settings.name.lower()).strip("-") or "project",
        "about": settings.about or "",
        "as_of": snapshot.as_of,
        "as_of_words": snapshot.as_of_words,
        "build_id": snapshot.id,
        "fingerprint": snapshot.fingerprint,
        "universe": snapshot.universe,
        "totals": totals(project, snapshot, audit),
        "can_show": can_show(project, measured),
        "cannot_show": cannot_show(project, measured),
        "overview": overview.overview(snapshot, audit, measured),
        "audit": audit,
        **_pictured(project, snapshot, measured),
        "creatives": list(creatives),
        "outcomes_words": _outcomes_words(measured),
        "costs_words": (
            "As the platforms report them, over days; not person level. The broad audience is who"
            " saw the same ads without a segment: an association, not what a segment caused."
        ),
        "planted": [_planted(found) for found in recovered],
        "discovery": _newest(project, "discovery"),
        "suggestions": _newest(project, "suggestions"),
        "recommendations": _newest(project, "recommendations"),
        "experiments": story_experiments.experiments(project, measured),
        "measured": measured.to_json() if measured else None,
    }


def drawn(project: Project, snapshot: Snapshot, *, measured: bool) -> dict[str, Any]:
    """The part of a story that pictures are made of, with outcomes only where they are needed."""
    found = measured_or_why(project, snapshot)[0] if measured else None
    return {"data": project.settings.data, **_pictured(project, snapshot, found)}


def measured_story(measured: Measured) -> dict[str, Any]:
    """The part of a story that is about outcomes and cost."""
    return {
        "lookback": [_bands(chart) for chart in measured.bands if chart.bands],
        "outcomes": _outcomes(measured),
        "costs": story_costs.costs(measured),
    }


def _pictured(project: Project, snapshot: Snapshot, measured: Measured | None) -> dict[str, Any]:
    told = measured_story(measured) if measured else {"lookback": [], "outcomes": [], "costs": []}
    sizes = {view.id: view.size for view in snapshot.segments.values()}
    titles = {view.id: view.title for view in snapshot.segments.values()}
    return {
        "segments": [view.to_json() for view in snapshot.segments.values()],
        "overlap": _overlap(snapshot),
        "combinations": overview.combinations(snapshot),
        "history": overview.history(project, snapshot),
        **told,
        "bubbles": bubbles(measured, sizes, titles) if measured else [],
        "claims": _newest(project, "claims"),
        "windows": kept(project, "lookback"),
    }


def bubbles(
    measured: Measured,
    sizes: Mapping[str, int] | None = None,
    titles: Mapping[str, str] | None = None,
) -> list[dict[str, Any]]:
    """What the person's own conversions cost, then what platforms report."""
    reported = []
    if measured.costs:
        known = {row.segment: row for row in measured.outcomes.rows}
        sizes = sizes or {name: row.group.people for name, row in known.items()}
        titles = titles or {name: row.title for name, row in known.items()}
        reported = story_costs.bubbles(measured.costs, sizes, titles)
    return [*story_costs.own_bubbles(measured), *reported]


def _newest(project: Project, kind: Kind) -> dict[str, Any] | None:
    found = kept(project, kind)
    return found[-1] if found else None


def measured_or_why(project: Project, snapshot: Snapshot) -> tuple[Measured | None, str]:
    """Outcomes of a snapshot, or in words why there are none."""
    from fewer.project.measuring import measure

    try:
        return measure(project, snapshot), ""
    except GuardError as error:
        return None, str(error)


def totals(project: Project, snapshot: Snapshot, audit: Audit) -> list[dict[str, Any]]:
    """Headline numbers of the data, formatted."""
    catalog, generation = project.generation.catalog, project.generation
    numbers = [
        ("people", generation.rows("persons")),
        *((f"{name} events", count) for name, count in _most(catalog.events, 3)),
        *_groups(audit),
        ("items", generation.rows("items")),
        *_items_seen(audit),
        *_values(project),
        ("people with a record", audit.inventory.people_with_record),
        ("segments", sum(not v.is_variant for v in snapshot.segments.values())),
    ]
    found = [{"label": label, "value": f"{n:,}", "number": n} for label, n in numbers if n]
    if catalog.first_ts is not None and project.newest_event_us is not None:
        first = clock.day_words(catalog.first_ts, project.zone)
        last = clock.day_words(project.newest_event_us, project.zone)
        found.append(
            {"label": "first to last event", "value": f"{first} to {last}", "number": None}
        )
    return found


def _groups(audit: Audit) -> list[tuple[str, int]]:
    """What ids on the events group them by: ``basket_id`` makes ``("baskets", 155_848)``."""
    found: dict[str, int] = {}
    for point in sorted(audit.inventory.events, key=lambda p: -p.rows)[:3]:
        for each in point.properties:
            stem = each.name.removesuffix("_id")
            grouped = 1 < each.distinct <= point.rows // 2
            if stem not in (each.name, "item") and grouped and not each.hidden:
                label = f"{stem.replace('_', ' ')}s"
                found[label] = max(each.distinct, found.get(label, 0))
    return list(found.items())


def _items_seen(audit: Audit) -> list[tuple[str, int]]:
    """Different items that the largest event with items names."""
    for point in sorted(audit.inventory.events, key=lambda p: -p.rows):
        for each in point.properties:
            if each.name == ITEM_ID:
                return [(f"items in {point.event} events", each.distinct)]
    return []


def _values(project: Project) -> list[tuple[str, int]]:
    """Sum over all history of each value that a goal counts, in whole units of its currency."""
    sums: dict[str, int] = {}
    catalog, now = project.generation.catalog, clock.now_us()
    with project.engine(now) as engine:
        for goal in project.definitions.goals:
            column = goal.value and catalog.properties.get(goal.value.of, {}).get("number")
            if goal.value is None or not column:
                continue
            query = (
                exp.select(exp.Sum(this=exp.column(column)).as_("total"))
                .from_("events")
                .where(event_predicate(goal.did, goal.where, catalog, as_of_us=now))
            )
            total = engine.run(query).column("total")[0].as_py()
            unit = f"{goal.value.currency} " if goal.value.currency else ""
            label = f"{unit}{goal.value.of} in {', '.join(goal.did)} events"
            sums[label] = max(sums.get(label, 0), round(from_micros(total or 0)))
    return sorted(sums.items(), key=lambda pair: -pair[1])[:1]


def _most(counts: Any, number: int) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda pair: -pair[1])[:number]


def can_show(project: Project, measured: Measured | None) -> list[str]:
    """What this data can show, derived from what it holds."""
    catalog = project.generation.catalog
    names = ", ".join(name for name, _ in _most(catalog.events, 4))
    lines = [f"Who did what, and when: {names}"]
    if any("category" in name for name in (*catalog.items, *catalog.properties)):
        lines.append("Interest by product category")
    if measured is not None:
        lines.append("How often each segment then converted, with intervals: an association")
    if measured is not None and measured.randomised:
        lines.append("What a campaign changed, from a randomised holdout")
    if measured is not None and measured.costs is not None:
        lines.append("CPC, CTR and cost per conversion of each segment against the broad audience")
    if project.settings.data == "simulated":
        lines.append("Whether the tool recovers effects that were planted on purpose")
    return lines


def cannot_show(project: Project, measured: Measured | None) -> list[str]:
    """What this data can't show, said before anyone looks for it."""
    lines = []
    if project.settings.data == "simulated":
        lines.append("Anything about real people: every number is made")
    if measured is None or not measured.randomised:
        lines.append("What a campaign would change: nobody was held out at random")
    if measured is None or measured.costs is None:
        lines.append("Ad cost: there are no ad reports")
    if not any("page" in name or "view" in name for name in project.generation.catalog.events):
        lines.append("Page views, pricing visits, carts: only what was recorded above")
    return lines


def _overlap(snapshot: Snapshot) -> dict[str, Any]:
    views = [
        v for v in snapshot.segments.values() if v.size and not (v.is_variant or v.is_exclusion)
    ]
    shares = [
        [a.members.intersection_cardinality(b.members) / a.size for b in views] for a in views
    ]
    return {
        "ids": [v.id for v in views],
        "labels": [v.title for v in views],
        "shares": [[round(x, 6) for x in row] for row in shares],
    }


def _bands(chart: LookbackChart) -> dict[str, Any]:
    bands = []
    for band in chart.bands:
        rate = band.added.rate.estimate
        bands.append(
            {
                "label": band.label,
                "people": band.added.people,
                "rate": rate.value or 0.0,
                "low": rate.lower or 0.0,
                "high": rate.upper if rate.upper is not None else 1.0,
            }
        )
    newest, oldest = chart.bands[0], chart.bands[-1]
    words = (
        f"{newest.label}: {newest.added.rate.number} of {newest.added.people:,} people."
        f" {oldest.label} adds {oldest.added.people:,} people, of whom {oldest.added.rate.number};"
        f" all together {oldest.total.rate.number}. Association."
    )
    if chart.note:
        words += f" {chart.note.capitalize()}."
    return {
        "segment": chart.segment,
        "title": chart.title,
        "goal": chart.goal_title,
        "bands": bands,
        "words": words,
    }


def _outcomes_words(measured: Measured | None) -> str:
    if measured is None:
        return ""
    return (
        "Groups as they were at the moment, outcomes strictly after it. Each segment against"
        " everyone who is not in it: people chose their own group, so this is association, not"
        " what a campaign would change. Blue: clear of no difference after correction for all"
        f" {measured.outcomes.family} comparisons."
    )


def _outcomes(measured: Measured) -> list[dict[str, Any]]:
    goals = dict.fromkeys((row.goal, row.goal_title) for row in measured.outcomes.rows)
    blocks = [
        _block(
            goal,
            title,
            [r for r in measured.outcomes.rows if r.goal == goal],
            "Share of people who converted, as a ratio to that of everyone else.",
        )
        for goal, title in goals
    ]
    by_goal = dict.fromkeys((r.experiment, r.goal, r.goal_title) for r in measured.randomised)
    randomised = [
        _block(
            f"{experiment}:{goal}",
            f"Randomised{f' ({experiment})' if experiment else ' holdout'}: {title}",
            [r for r in measured.randomised if (r.experiment, r.goal) == (experiment, goal)],
            "Everyone assigned, reached or not, against their control. This may be called lift.",
            [p for p in measured.programmes if (p.experiment, p.goal) == (experiment, goal)],
        )
        for experiment, goal, title in by_goal
    ]
    return [*randomised, *blocks]


def _block(
    block_id: str, title: str, rows: list[Row], caption: str, pooled: Sequence[Programme] = ()
) -> dict[str, Any]:
    heads = ("Segment", "People", "Converted", "Rate", "Against", "Ratio", "Interval",
             "Same activity", "Verdict", "Evidence")  # fmt: skip
    design = rows[0].design.note if rows else ""
    return {
        "id": block_id,
        "title": title,
        "label": rows[0].comparisons[0].label.value if rows else "",
        "sides": ("converted less often", "converted more often"),
        "caption": f"{caption} {design}".strip(),
        "heads": list(heads),
        "rows": [_row(row) for row in rows],
        "conclusions": [f"{one.verdict.value.capitalize()}: {one.sentence}." for one in pooled],
        "intervals": [
            *(
                shown
                for row in rows
                # Lookback variants have pictures of their own; here they would only repeat.
                if row.variant_of is None and (shown := _interval(row.title, row.comparisons[0]))
            ),
            *(shown for one in pooled if (shown := _pooled(one))),
        ],
    }


def _pooled(one: Programme) -> dict[str, Any] | None:
    figure = one.ratio or one.typical
    strong = one.verdict in _STRONG
    shown = story_costs.interval(f"All segments together, {one.arm}", figure, strong=strong,
                   words=one.label.value)  # fmt: skip
    return shown and {**shown, "pooled": True}


def _row(row: Row) -> list[str]:
    found = row.comparisons[0]
    return [
        row.title,
        f"{row.group.people:,}",
        f"{row.group.converted:,}",
        row.group.rate.number,
        found.against.rate.number,
        found.ratio.number if found.ratio else "-",
        found.ratio.interval if found.ratio else found.note or "-",
        found.adjusted.number if found.adjusted else "-",
        _verdict(found),
        found.label.value,
    ]


def _verdict(found: Comparison) -> str:
    if found.verdict is Verdict.CANNOT_TELL and found.needed:
        return f"{found.verdict.value}: {found.needed[0].words}"
    return found.verdict.value


def _interval(label: str, found: Comparison) -> dict[str, Any] | None:
    return story_costs.interval(
        label, found.ratio, strong=found.verdict in _STRONG, words=found.label.value
    )


def _planted(found: Recovery) -> dict[str, Any]:
    return {
        "title": found.title,
        "label": found.found.label.value,
        "truth": found.true,
        "estimate": found.found.number,
        "interval": found.found.interval,
        "words": found.words.removeprefix("recovered the planted effect: "),
        "recovered": found.yes,
    }
