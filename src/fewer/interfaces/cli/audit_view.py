"""How an audit looks in a terminal: engagement points, then findings with what to do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from fewer.journey.audit.audit import Audit, Trust
from fewer.journey.audit.base import Figure, Finding
from fewer.journey.audit.inventory import Category, EngagementPoint, Property

BLOCKS: Final = " ▁▂▃▄▅▆▇█"
_STYLE: Final = {"error": "bold red", "warning": "yellow", "info": "blue"}
_TRUST: Final = {"good": "green", "limited": "yellow", "low": "bold red"}
_SPARK: Final = 24  # characters of a sparkline
_CATEGORIES: Final = 8
_FIGURES: Final = 6


def render(audit: Audit) -> RenderableType:
    """The whole audit, to be printed by a console of any width."""
    return Group(*_parts(audit))


def _parts(audit: Audit) -> Iterator[RenderableType]:
    inventory = audit.inventory
    head = Text.assemble(
        (audit.project or "Audit", "bold"),
        f" as at {audit.as_of[:10]}: {inventory.rows:,} events of {inventory.people:,} people",
    )
    if audit.data == "simulated":
        head.append("  SIMULATED", style="bold #c05621")
    yield head
    yield Text()
    yield _points(inventory.events, {trust.event: trust for trust in audit.trust})
    for point in inventory.events:
        if point.properties:
            yield Text()
            yield _properties(f"{point.event}: properties", point.properties)
    if inventory.traits:
        yield Text()
        title = f"traits of {inventory.people_with_record:,} people with a record"
        yield _properties(title, inventory.traits)
    if inventory.attributes:
        yield Text()
        yield _properties(f"attributes of {inventory.items:,} items", inventory.attributes)
    if inventory.categories:
        yield Text()
        yield _categories(inventory.categories)
    yield from _people(audit)
    yield Text()
    yield _summary(audit)
    for finding in audit.findings:
        yield _finding(finding)


def _points(points: Sequence[EngagementPoint], trust: dict[str, Trust]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("event", "rows a day", "rows", "people", "from", "to", "trust"):
        table.add_column(
            name,
            justify="right" if name in ("rows", "people") else "left",
            overflow="fold" if name in ("event", "trust") else "ellipsis",
            no_wrap=name not in ("event", "trust"),
        )
    for point in points:
        verdict = trust[point.event]
        words = Text(verdict.verdict, style=_TRUST[verdict.verdict])
        if verdict.reasons:
            codes = dict.fromkeys(reason.code for reason in verdict.reasons)
            words.append(f" ({', '.join(codes)})", style="dim")
        table.add_row(
            Text(point.event, style="bold"),
            Text(spark(point.daily), style="blue"),
            f"{point.rows:,}",
            f"{point.people:,}",
            point.first[:10],
            point.last[:10],
            words,
        )
    return table


def spark(daily: Sequence[int], width: int = _SPARK) -> str:
    """Volume over time in `width` block characters; a day without rows leaves its place empty.

    >>> spark([0, 1, 4, 8], width=4)
    ' ▁▄█'
    """
    together = max(1, -(-len(daily) // width))
    sums = [sum(daily[n : n + together]) for n in range(0, len(daily), together)]
    most = max(sums, default=0)
    return "".join(BLOCKS[-(-8 * rows // most)] if rows else " " for rows in sums)


def _properties(title: str, properties: Sequence[Property]) -> Table:
    table = Table(
        box=None, pad_edge=False, header_style="dim", title=title, title_justify="left",
        title_style="bold",
    )  # fmt: skip
    for name in ("property", "type", "filled", "values", "range", "most frequent"):
        right = name in ("filled", "values")
        table.add_column(name, justify="right" if right else "left", overflow="fold")
    for each in properties:
        span = f"{_shown(each.low)} to {_shown(each.high)}" if each.low is not None else ""
        top = ", ".join(_shown(value.value) for value in each.top[:3])
        table.add_row(
            Text(each.name),
            each.type,
            f"{each.fill_rate:.0%}",
            f"{each.distinct:,}",
            Text(span),
            Text("not shown: may point to a person" if each.hidden else top, style="dim"),
        )
    return table


def _categories(categories: Sequence[Category]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("category", "events", "people", "items"):
        table.add_column(name, justify="left" if name == "category" else "right", overflow="fold")
    for category in categories[:_CATEGORIES]:
        table.add_row(
            Text(category.name),
            f"{category.rows:,}",
            f"{category.people:,}",
            f"{category.items:,}",
        )
        for child in category.children[:2]:
            table.add_row(
                Text(f"  > {child.name}", style="dim"),
                f"{child.rows:,}",
                f"{child.people:,}",
                f"{child.items:,}",
            )
    if len(categories) > _CATEGORIES:
        table.add_row(Text(f"and {len(categories) - _CATEGORIES:,} more", style="dim"))
    return table


def _people(audit: Audit) -> Iterator[RenderableType]:
    inventory = audit.inventory
    lines = [
        f"consent for {c.purpose}: {c.granted:,} granted, {c.denied:,} denied,"
        f" {c.unknown:,} unknown"
        for c in inventory.consents
    ]
    lines += [f"list {each.list}: {each.people:,} people" for each in inventory.lists]
    if lines:
        yield Text()
        yield Text("\n".join(lines))


def _summary(audit: Audit) -> Text:
    passed = sum(not check.findings and not check.ignored for check in audit.checks)
    ignored = sum(check.ignored for check in audit.checks)
    words = Text.assemble(
        (f"{len(audit.findings)} findings", "bold"),
        f": {audit.count('error')} to fix first, {audit.count('warning')} to be careful with,"
        f" {audit.count('info')} to know. {passed} of {len(audit.checks)} checks found nothing.",
    )
    if ignored:
        words.append(f" {ignored} ignored.")
    return words


def _finding(finding: Finding) -> RenderableType:
    style = _STYLE[finding.severity]
    head = Text.assemble(("● ", style), (f"{finding.code} ", "dim"), (finding.title, "bold"))
    body = Text()
    if finding.detail:
        body.append(f"{finding.detail}\n")
    figures = " · ".join(_figure(figure) for figure in finding.evidence.figures[:_FIGURES])
    if figures:
        body.append(f"{figures}\n", style="dim")
    body.append("→ ", style="green")
    body.append(finding.fix)
    return Group(Text(), head, Padding(body, (0, 0, 0, 2)))


def _figure(figure: Figure) -> str:
    return f"{figure.label}: {_shown(figure.value)}{figure.after}"


def _shown(value: str | float | None) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else f"{value:,}"
