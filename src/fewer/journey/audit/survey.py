"""The project's data, measured: the few passes over it that all checks share.

Each measurement is one query for all events or all properties, run when a check first asks for
it and kept. Numbers are micro-units and times UTC microseconds until a check shows them.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from typing import Any, Final
from zoneinfo import ZoneInfo

import sqlglot.expressions as exp

from fewer.evaluate.plan.atom import where_atoms
from fewer.evaluate.plan.clock import Clock
from fewer.evaluate.plan.leaf import Match
from fewer.evaluate.sql.functions.duckdb import DUCKDB
from fewer.evaluate.sql.predicate import match_condition
from fewer.journey.audit.base import AuditContext
from fewer.journey.audit.sql import column, local, query, sql, union
from fewer.model.catalog import ITEM_ID, ITEM_PREFIX
from fewer.model.condition import ANY_EVENT
from fewer.model.goal import Goal
from fewer.model.number import from_micros
from fewer.model.values import VALUE_TYPES, ValueType
from fewer.model.window import DAY, HOUR, from_utc_micros

EPOCH: Final = date(1970, 1, 1)
QUANTILES: Final = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
TOP: Final = 10
UNIQUE: Final = 0.5  # different values per row from which on a text is an id of something
FEW_VALUES: Final = 50
PERSONAL: Final = re.compile(
    r"e?mail|phone|mobile_?n|address|(first|last|full|sur|nick|user)_?name|(^|[._])(ip|ssn|iban)$"
    r"|birth|(user|customer|client|visitor|person|people|household|member|account|device|cookie"
    r"|session|anonymous)[._]?(id|key|no|number)$",
    re.IGNORECASE,
)
"""Names of properties whose values point to a person."""


@dataclass(frozen=True, slots=True)
class EventFacts:
    """One event name over all history, events at or after `as_of` included."""

    event: str
    rows: int
    people: int
    first_us: int
    last_us: int
    late: int  # at or after as_of
    ancient: int  # before 1990: a missing time that became zero, or a wrong unit
    midnights: int  # exactly at a local midnight


@dataclass(frozen=True, slots=True)
class DayFacts:
    """One event of one source on one local day."""

    event: str
    source: str
    day: date
    rows: int
    people: int


@dataclass(frozen=True, slots=True)
class PropertyFacts:
    """One property (of one type) on one event; numbers in micro-units, times in microseconds."""

    event: str
    name: str
    type: ValueType
    column: str
    filled: int
    distinct: int
    low: int | str | None = None
    high: int | str | None = None
    quantiles: tuple[int, ...] = ()  # at QUANTILES; numbers only
    positive: tuple[int, ...] = ()  # quartiles and 99th percentile of those above zero
    total: int = 0  # sum; numbers only
    negative: int = 0
    zero: int = 0
    emails: int = 0  # texts that hold an e-mail address
    numeric: int = 0  # texts that read as a number
    padded: int = 0  # texts with space around them
    folded: int = 0  # distinct texts when case and spacing are ignored
    top: tuple[tuple[str, int], ...] = ()  # most frequent values, with rows

    @property
    def masked(self) -> bool:
        """Whether its values may tell who someone is, so that none is ever shown."""
        unique = self.distinct > UNIQUE * self.filled and self.distinct > FEW_VALUES
        return self.type == "text" and bool(self.emails or unique or PERSONAL.search(self.name))

    @property
    def median(self) -> int | None:
        """The middle number, in micro-units."""
        return self.quantiles[QUANTILES.index(0.5)] if self.quantiles else None


@dataclass(frozen=True, slots=True)
class PeopleFacts:
    """How many people there are, and how they relate to their events before `as_of`."""

    everyone: int  # the universe
    with_record: int
    active: int  # with an event before as_of
    silent: int  # with a record and no event
    unrecorded: int  # with an event and no record
    unrecorded_events: int
    events: int  # before as_of


class Survey:
    """Measurements of one project at one `as_of`, each made once."""

    def __init__(self, context: AuditContext) -> None:
        self.context = context
        self.zone = ZoneInfo(context.timezone)

    def rows(self, tree: exp.Query) -> list[dict[str, Any]]:
        """Run a query; one mapping per row."""
        found: list[dict[str, Any]] = self.context.engine.run(tree).to_pylist()
        return found

    def local(self, ts: exp.Expr) -> exp.Expr:
        """`ts` as local wall-clock microseconds in the project's time zone."""
        first = max(self.context.catalog.first_ts or 0, 0)
        last = min(self.context.catalog.last_ts or 0, self.context.as_of_us + 400 * DAY)
        return local(ts, self.zone, first, max(first, last))

    def day(self, micros: int) -> date:
        """Local calendar date of an instant."""
        return from_utc_micros(micros).astimezone(self.zone).date()

    @cached_property
    def as_of_day(self) -> date:
        """Local date of the moment audited."""
        return self.day(self.context.as_of_us)

    @cached_property
    def events(self) -> dict[str, EventFacts]:
        """Every event name with its totals, largest first."""
        tree = query(
            """
            SELECT event, count(*) AS rows, count(DISTINCT person) AS people,
                   min(ts) AS first_us, max(ts) AS last_us,
                   count(*) FILTER (WHERE ts >= $as_of) AS late,
                   count(*) FILTER (WHERE ts < $floor) AS ancient,
                   count(*) FILTER (WHERE $local % $day = 0) AS midnights
            FROM events GROUP BY event ORDER BY rows DESC, event
            """,
            as_of=self.context.as_of_us,
            floor=ANCIENT,
            local=exp.paren(self.local(exp.column("ts"))),
            day=DAY,
        )
        return {row["event"]: EventFacts(**row) for row in self.rows(tree)}

    @cached_property
    def total(self) -> int:
        """Stored events of any name."""
        return sum(facts.rows for facts in self.events.values())

    @cached_property
    def days(self) -> tuple[DayFacts, ...]:
        """Volume by event, source and local day; events before 1990 left out."""
        tree = query(
            """
            SELECT event, source, $local // $day AS day, count(*) AS rows,
                   count(DISTINCT person) AS people
            FROM events WHERE ts >= $floor GROUP BY ALL ORDER BY event, source, day
            """,
            local=exp.paren(self.local(exp.column("ts"))),
            day=DAY,
            floor=ANCIENT,
        )
        return tuple(
            DayFacts(**{**row, "day": EPOCH + timedelta(days=row["day"])})
            for row in self.rows(tree)
        )

    @cached_property
    def days_by_event(self) -> dict[str, dict[date, int]]:
        """Rows of each event by local day, all sources together."""
        found: dict[str, dict[date, int]] = defaultdict(lambda: defaultdict(int))
        for facts in self.days:
            found[facts.event][facts.day] += facts.rows
        return {event: dict(days) for event, days in found.items()}

    @cached_property
    def hours(self) -> dict[str, tuple[int, ...]]:
        """Rows of each event by local hour of the day, exact midnights left out."""
        tree = query(
            """
            SELECT event, ($local // $hour) % 24 AS hour, count(*) AS rows
            FROM events WHERE ts >= $floor AND $local % $day <> 0 GROUP BY ALL
            """,
            local=exp.paren(self.local(exp.column("ts"))),
            hour=HOUR,
            day=DAY,
            floor=ANCIENT,
        )
        found: dict[str, list[int]] = defaultdict(lambda: [0] * 24)
        for row in self.rows(tree):
            found[row["event"]][row["hour"]] = row["rows"]
        return {event: tuple(hours) for event, hours in found.items()}

    @cached_property
    def people(self) -> PeopleFacts:
        """People with and without records and events."""
        tree = query(
            """
            WITH acted AS (
              SELECT person, count(*) AS n FROM events WHERE ts < $as_of GROUP BY person
            )
            SELECT count(*) AS everyone, count(p.person) AS with_record,
                   count(a.person) AS active,
                   count(*) FILTER (WHERE a.person IS NULL) AS silent,
                   count(*) FILTER (WHERE p.person IS NULL) AS unrecorded,
                   coalesce(sum(a.n) FILTER (WHERE p.person IS NULL), 0)::BIGINT
                     AS unrecorded_events,
                   coalesce(sum(a.n), 0)::BIGINT AS events
            FROM people AS p FULL JOIN acted AS a ON a.person = p.person
            WHERE coalesce(p.person, a.person) IN (SELECT person FROM persons)
            """,
            as_of=self.context.as_of_us,
        )
        return PeopleFacts(**self.rows(tree)[0])

    @cached_property
    def properties(self) -> tuple[PropertyFacts, ...]:
        """Every property of every event it is filled on, with its range and top values."""
        return tuple(profile(self, "events", "event", self.context.catalog.properties))

    @cached_property
    def traits(self) -> tuple[PropertyFacts, ...]:
        """Every trait; `event` is empty."""
        return tuple(profile(self, "people", None, self.context.catalog.traits))

    @cached_property
    def attributes(self) -> tuple[PropertyFacts, ...]:
        """Every item attribute; `event` is empty."""
        return tuple(profile(self, "items", None, self.context.catalog.items))

    @cached_property
    def joins(self) -> tuple[dict[str, Any], ...]:
        """How the item ids of each event join the catalogue: event, named, orphans, items."""
        if self.item_id is None:
            return ()
        tree = query(
            """
            SELECT event, sum(n)::BIGINT AS named,
                   coalesce(sum(n) FILTER (WHERE item_id IS NULL), 0)::BIGINT AS orphans,
                   count(*) AS items
            FROM (SELECT event, $c AS item, count(*) AS n FROM events
                  WHERE $c IS NOT NULL GROUP BY ALL) AS seen
            LEFT JOIN items ON items.item_id = seen.item
            GROUP BY event ORDER BY named DESC, event
            """,
            c=self.item_id,
        )
        return tuple(self.rows(tree))

    @cached_property
    def levels(self) -> dict[tuple[str, str], list[tuple[date, int, float]]]:
        """(day, positive values, mean of log10 of micro-units) by (event, numeric property)."""
        columns = {f.name: f.column for f in self.properties if f.type == "number" and f.high}
        tree = query(
            "SELECT event, $local // $day AS day FROM events WHERE ts >= $floor GROUP BY ALL"
            " ORDER BY day",
            local=exp.paren(self.local(exp.column("ts"))),
            day=DAY,
            floor=ANCIENT,
        )
        for coded in columns.values():
            for name, text in LEVELS.items():
                made = exp.alias_(sql(text, c=column(coded)), f"{coded}_{name}", quoted=True)
                tree = tree.select(made, copy=False)
        found: dict[tuple[str, str], list[tuple[date, int, float]]] = defaultdict(list)
        for row in self.rows(tree):
            day = EPOCH + timedelta(days=row["day"])
            for name, coded in columns.items():
                if row[f"{coded}_n"]:
                    level = (day, row[f"{coded}_n"], row[f"{coded}_level"])
                    found[row["event"], name].append(level)
        return dict(found)

    @cached_property
    def anonymous(self) -> tuple[int, int]:
        """People known by a cookie or a device only, and their events before `as_of`."""
        tree = query(
            """
            SELECT count(DISTINCT events.person) AS people, count(*) AS n
            FROM events JOIN persons ON persons.person = events.person
            WHERE persons.kind = 'anonymous' AND ts < $as_of
            """,
            as_of=self.context.as_of_us,
        )
        row = self.rows(tree)[0]
        return row["people"], row["n"]

    @cached_property
    def consents(self) -> dict[str, dict[str, int]]:
        """People by purpose and state, those outside the universe left out."""
        tree = query(
            """
            SELECT purpose, state, count(*) AS n FROM consents
            WHERE person IN (SELECT person FROM people)
               OR person IN (SELECT person FROM events WHERE ts < $as_of)
            GROUP BY ALL ORDER BY purpose, state
            """,
            as_of=self.context.as_of_us,
        )
        found: dict[str, dict[str, int]] = defaultdict(dict)
        for row in self.rows(tree):
            found[row["purpose"]][row["state"]] = row["n"]
        return dict(found)

    @cached_property
    def lists(self) -> dict[str, int]:
        """People on each list."""
        tree = query("SELECT list_id, count(*) AS n FROM lists GROUP BY list_id ORDER BY list_id")
        return {row["list_id"]: row["n"] for row in self.rows(tree)}

    def reached(self, goal: Goal) -> exp.Query:
        """Query for `person` and `ts` of every event that reaches the goal, at any time."""
        catalog = self.context.catalog
        match = Match(
            events=None if ANY_EVENT in goal.did else tuple(sorted(goal.did)),
            atoms=where_atoms(goal.where, catalog, Clock(self.context.as_of_us, self.zone)),
        )
        tree = exp.select("e.person", "e.ts").from_("events AS e")
        if goal.where and any(name.startswith(ITEM_PREFIX) for name in goal.where):
            joins = exp.column(catalog.properties[ITEM_ID]["text"], table="e", quoted=True)
            tree = tree.join(
                "items AS i", on=exp.column("item_id", table="i").eq(joins), join_type="left"
            )
        holds = match_condition(
            match,
            lambda stored: column(stored.name, "i" if stored.table == "items" else "e"),
            DUCKDB,
            event=exp.column("event", table="e"),
        )
        return tree if holds is None else tree.where(holds)

    def named(self, events: Sequence[str], table: str | None = None) -> exp.Expr:
        """Test that a row of `events` has one of these names; `*` is any."""
        if ANY_EVENT in events:
            return exp.true()
        return exp.paren(exp.column("event", table=table).isin(*events))

    def of_event(self, event: str) -> Iterator[PropertyFacts]:
        """The properties of one event."""
        return (facts for facts in self.properties if facts.event == event)

    def columns(self, name: str) -> dict[ValueType, exp.Column]:
        """Columns of `events` that hold the property, by type."""
        found = self.context.catalog.properties.get(name, {})
        return {kind: column(coded) for kind, coded in found.items()}

    @cached_property
    def item_id(self) -> exp.Column | None:
        """The column that joins events to items."""
        return self.columns(ITEM_ID).get("text")

    @cached_property
    def items(self) -> int:
        """Items in the catalogue."""
        tree = query("SELECT count(*) AS n FROM items")
        return int(self.rows(tree)[0]["n"])


ANCIENT: Final = 631_152_000_000_000  # 1990-01-01: no behaviour we could read is older


def profile(
    survey: Survey, relation: str, key: str | None, names: Mapping[str, Mapping[ValueType, str]]
) -> Iterator[PropertyFacts]:
    """Facts of each (event, property, type) of a relation that holds a value at all."""
    columns = [
        (name, kind, types[kind])
        for name, types in sorted(names.items())
        for kind in VALUE_TYPES
        if kind in types
    ]
    source = exp.to_identifier(relation)
    label = exp.column(key) if key else exp.Literal.string("")
    numbers = _numbers(survey, source, label, [c for c in columns if c[1] == "number"])
    others = _others(survey, source, label, columns)
    for name, kind, coded in columns:
        for row in sorted(others.get(coded, ()), key=lambda row: -row["filled"]):
            if row["filled"]:
                yield PropertyFacts(
                    name=name,
                    type=kind,
                    column=coded,
                    **(row | numbers.get((coded, row["event"]), {})),
                )


def _numbers(
    survey: Survey,
    source: exp.Identifier,
    label: exp.Expr,
    columns: list[tuple[str, ValueType, str]],
) -> dict[tuple[str, str], dict[str, Any]]:
    """Ranges of all numeric columns: one wide pass."""
    if not columns:
        return {}
    tree = (
        exp.select(exp.alias_(label.copy(), "event")).from_(exp.Table(this=source)).group_by("ALL")
    )
    for _, _, coded in columns:
        for name, text in NUMBER_FACTS.items():
            made = sql(text, c=column(coded), at=list(QUANTILES))
            tree = tree.select(exp.alias_(made, f"{coded}_{name}", quoted=True), copy=False)
    found = {}
    for row in survey.rows(tree):
        for _, _, coded in columns:
            facts = {name: row[f"{coded}_{name}"] for name in NUMBER_FACTS}
            if facts["quantiles"] is not None:
                facts["quantiles"] = tuple(facts["quantiles"])
                facts["positive"] = tuple(facts["positive"] or ())
                facts["total"] = int(facts["total"])
                found[coded, row["event"]] = facts
    return found


LEVELS: Final = {
    "n": "count(*) FILTER (WHERE $c > 0)",
    "level": "avg(log10(nullif(greatest($c, 0), 0)))",
}

NUMBER_FACTS: Final = {
    "low": "min($c)",
    "high": "max($c)",
    "total": "sum($c)",
    "quantiles": "quantile_disc($c, $at)",
    "positive": "quantile_disc($c, [0.25, 0.5, 0.75, 0.99]) FILTER (WHERE $c > 0)",
    "negative": "count(*) FILTER (WHERE $c < 0)",
    "zero": "count(*) FILTER (WHERE $c = 0)",
}


def _others(
    survey: Survey,
    source: exp.Identifier,
    label: exp.Expr,
    columns: list[tuple[str, ValueType, str]],
) -> dict[str, list[dict[str, Any]]]:
    """Fill, distinct values and top values of every column, by coded name; one statement."""
    parts = []
    for _, kind, coded in columns:
        text = TEXT_FACTS if kind == "text" else PLAIN_FACTS
        values = query(VALUES, c=column(coded), label=label, source=source)
        parts.append(query(text, coded=coded, values=values.subquery(), top=TOP))
    tree = union(parts)
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in survey.rows(tree) if tree else ():
        top = tuple((str(t["v"]), int(t["n"])) for t in row.pop("top"))
        found[row.pop("coded")].append(row | {"top": top})
    return found


VALUES: Final = (
    "SELECT $label AS event, $c AS v, count(*) AS n FROM $source WHERE $c IS NOT NULL GROUP BY ALL"
)
TEXT_FACTS: Final = r"""
    SELECT $coded AS coded, event, sum(n)::BIGINT AS filled, count(*) AS "distinct",
           min(v) AS low, max(v) AS high,
           (coalesce(sum(n) FILTER (WHERE contains(v, '@')
              AND regexp_matches(v, '[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+\.[A-Za-z]')), 0))::BIGINT
             AS emails,
           (coalesce(sum(n) FILTER (WHERE regexp_full_match(v, '[+-]?\d+([.,]\d+)?')), 0))::BIGINT
             AS "numeric",
           (coalesce(sum(n) FILTER (WHERE v <> trim(v)), 0))::BIGINT AS padded,
           count(DISTINCT lower(regexp_replace(trim(v), '[\s_-]+', ' ', 'g'))) AS folded,
           max_by({'v': v, 'n': n}, (n, v), $top) AS top
    FROM $values AS v GROUP BY event
"""
PLAIN_FACTS: Final = """
    SELECT $coded AS coded, event, sum(n)::BIGINT AS filled, count(*) AS "distinct",
           min(v)::VARCHAR AS low, max(v)::VARCHAR AS high,
           0::BIGINT AS emails, 0::BIGINT AS "numeric", 0::BIGINT AS padded, 0::BIGINT AS folded,
           max_by({'v': v::VARCHAR, 'n': n}, (n, v), $top) AS top
    FROM $values AS v GROUP BY event
"""


def plain(micros: int) -> int | float:
    """Micro-units as an ordinary number, for people to read."""
    number = from_micros(micros)
    return int(number) if number == number.to_integral_value() else float(number)


def percent(part: float, whole: float) -> float:
    """Share in percent, with one decimal; zero of nothing."""
    return round(100 * part / whole, 1) if whole else 0.0
