"""The inventory of engagement points: what there is to build segments from."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any, Final

from pydantic import Field

from fewer.journey.audit.facts import QUANTILES, EventFacts, PropertyFacts, plain, span
from fewer.journey.audit.sql import column, query, sql
from fewer.journey.audit.survey import Survey
from fewer.model.base import Frozen
from fewer.model.mapping import PATH_SEPARATOR
from fewer.model.values import ValueType
from fewer.model.window import from_utc_micros

PATH: Final = "category"
Plain = str | int | float


class ValueCount(Frozen):
    """A value and how many rows have it."""

    value: Plain
    rows: int


class Property(Frozen):
    """A property, trait or item attribute of one type; ranges and top values in its own unit."""

    name: str
    type: ValueType
    filled: int
    fill_rate: float  # fraction of the rows it could be on
    distinct: int
    low: Plain | None = None
    high: Plain | None = None
    quantiles: dict[str, Plain] = Field({}, description='"5%" -> value; numbers only')
    top: tuple[ValueCount, ...] = ()
    hidden: bool = False  # values may point to persons, so none is listed


class EngagementPoint(Frozen):
    """An event: how much of it there is, from when to when, and what it carries."""

    event: str
    rows: int
    people: int
    first: str  # ISO, UTC
    last: str
    first_day: str  # local; `daily` starts here
    daily: tuple[int, ...]  # to the last day; a permille of stragglers at each end left out
    properties: tuple[Property, ...]
    item_join_rate: float | None = None  # fraction of rows with an item that the catalogue knows


class Category(Frozen):
    """A node of the category tree, its children included in its counts."""

    name: str
    path: str
    items: int
    rows: int
    people: int
    children: tuple[Category, ...] = ()


class Consent(Frozen):
    """One purpose: people by what they said."""

    purpose: str
    granted: int
    denied: int
    unknown: int  # everyone else


class ListSize(Frozen):
    """A list and its people."""

    list: str
    people: int


class Inventory(Frozen):
    """Everything a segment can refer to."""

    rows: int
    people: int  # everyone
    people_with_record: int
    people_with_events: int
    items: int
    events: tuple[EngagementPoint, ...]
    traits: tuple[Property, ...]
    attributes: tuple[Property, ...]
    categories: tuple[Category, ...]
    lists: tuple[ListSize, ...]
    consents: tuple[Consent, ...]


def take(survey: Survey) -> Inventory:
    """The inventory of a surveyed project."""
    people = survey.people
    return Inventory(
        rows=survey.total,
        people=people.everyone,
        people_with_record=people.with_record,
        people_with_events=people.active,
        items=survey.items,
        events=tuple(_point(survey, facts) for facts in survey.events.values()),
        traits=_properties(survey.traits, people.with_record),
        attributes=_properties(survey.attributes, survey.items),
        categories=_tree(survey),
        lists=tuple(ListSize(list=name, people=n) for name, n in survey.lists.items()),
        consents=tuple(_consents(survey)),
    )


def _point(survey: Survey, facts: EventFacts) -> EngagementPoint:
    days = survey.days_by_event.get(facts.event, {})
    first, last = span(days) if days else (survey.day(facts.first_us),) * 2
    length = (last - first).days + 1 if days else 0
    join = next((row for row in survey.joins if row["event"] == facts.event), None)
    return EngagementPoint(
        event=facts.event,
        rows=facts.rows,
        people=facts.people,
        first=_iso(facts.first_us),
        last=_iso(facts.last_us),
        first_day=f"{first}",
        daily=tuple(days.get(first + timedelta(days=n), 0) for n in range(length)),
        properties=_properties(survey.of_event(facts.event), facts.rows),
        item_join_rate=1 - join["orphans"] / join["named"] if join else None,
    )


def _properties(facts: Iterable[PropertyFacts], rows: int) -> tuple[Property, ...]:
    return tuple(_property(each, rows) for each in facts)


def _property(facts: PropertyFacts, rows: int) -> Property:
    shown = not facts.masked
    ranged = shown and facts.type in ("number", "timestamp")
    return Property(
        name=facts.name,
        type=facts.type,
        filled=facts.filled,
        fill_rate=facts.filled / rows if rows else 0.0,
        distinct=facts.distinct,
        low=_plain(facts, facts.low) if ranged else None,
        high=_plain(facts, facts.high) if ranged else None,
        quantiles={
            f"{share * 100:g}%": plain(value)
            for share, value in zip(QUANTILES, facts.quantiles, strict=False)
        },
        top=tuple(
            ValueCount(value=_plain(facts, value), rows=n)
            for value, n in (facts.top if shown else ())
        ),
        hidden=not shown,
    )


def _plain(facts: PropertyFacts, value: Any) -> Plain:
    match facts.type:
        case "number":
            return plain(int(value))
        case "timestamp":
            return _iso(int(value))
        case _:
            return str(value)


def _iso(micros: int) -> str:
    return from_utc_micros(micros).isoformat().replace("+00:00", "Z")


def _consents(survey: Survey) -> Iterator[Consent]:
    for purpose, states in survey.consents.items():
        granted, denied = states.get("granted", 0), states.get("denied", 0)
        yield Consent(
            purpose=purpose,
            granted=granted,
            denied=denied,
            unknown=survey.people.everyone - granted - denied,
        )


def _tree(survey: Survey) -> tuple[Category, ...]:
    """Categories of the catalogue, with the events and people that reached each node."""
    coded = survey.context.catalog.items.get(PATH, {}).get("text")
    if coded is None:
        return ()
    prefixes = sql(_PREFIXES, between=PATH_SEPARATOR)
    tree = query(_ITEM_NODES, category=column(coded), prefixes=prefixes)
    items = {row["node"]: row["items"] for row in survey.rows(tree)}
    reached: dict[str, dict[str, Any]] = {}
    if survey.item_id is not None:
        tree = query(
            _NODES,
            category=column(coded, table="items"),
            item=survey.item_id,
            prefixes=prefixes,
        )
        reached = {row["node"]: row for row in survey.rows(tree)}
    below: dict[str, list[str]] = defaultdict(list)
    for path in items:
        below[path.rpartition(PATH_SEPARATOR)[0]].append(path)

    def node(path: str) -> Category:
        found = reached.get(path, {"n": 0, "people": 0})
        return Category(
            name=path.rpartition(PATH_SEPARATOR)[2],
            path=path,
            items=items[path],
            rows=found["n"],
            people=found["people"],
            children=branch(path),
        )

    def branch(parent: str) -> tuple[Category, ...]:
        made = [node(path) for path in below.get(parent, ())]
        return tuple(sorted(made, key=lambda c: (-c.rows, -c.items, c.path)))

    return branch("")


_PREFIXES: Final = """
    unnest(list_transform(
      range(1, len(string_split(path, $between)) + 1),
      lambda level: array_to_string(list_slice(string_split(path, $between), 1, level), $between)
    ))
"""
_NODES: Final = """
    WITH paths AS MATERIALIZED (
      SELECT path, row_number() OVER () AS id
      FROM (SELECT DISTINCT $category AS path FROM items WHERE $category IS NOT NULL) AS each
    ), placed AS MATERIALIZED (
      SELECT item_id, id FROM items JOIN paths ON paths.path = $category
    ), pairs AS MATERIALIZED (
      SELECT id, person, count(*) AS n
      FROM events JOIN placed ON placed.item_id = $item GROUP BY ALL
    ), nodes AS (SELECT id, $prefixes AS node FROM paths)
    SELECT node, sum(n)::BIGINT AS n, count(DISTINCT person) AS people
    FROM pairs JOIN nodes USING (id) GROUP BY node
"""
_ITEM_NODES: Final = """
    WITH paths AS (
      SELECT $category AS path, count(*) AS n FROM items
      WHERE $category IS NOT NULL GROUP BY ALL
    ), nodes AS (SELECT $prefixes AS node, n FROM paths)
    SELECT node, sum(n)::BIGINT AS items FROM nodes GROUP BY node
"""
