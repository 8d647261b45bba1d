"""The project's data, measured: the few passes over it that all checks share.

Each measurement is one query for all events or all properties, run when a check first asks for
it and kept.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
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
from fewer.journey.audit.facts import (
    ANCIENT,
    END_OF_TIME,
    DayFacts,
    EventFacts,
    PeopleFacts,
    PropertyFacts,
)
from fewer.journey.audit.profile import profile
from fewer.journey.audit.sql import column, local, query, sql
from fewer.model.catalog import ITEM_ID
from fewer.model.condition import ANY_EVENT
from fewer.model.goal import Goal
from fewer.model.window import DAY, HOUR, from_utc_micros

EPOCH: Final = date(1970, 1, 1)


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
        return exp.paren(local(ts, self.zone, first, max(first, last)))

    def day(self, micros: int) -> date:
        """Local calendar date of an instant."""
        return from_utc_micros(micros).astimezone(self.zone).date()

    @cached_property
    def as_of_day(self) -> date:
        """Local date of the moment audited."""
        return self.day(self.context.as_of_us)

    # when

    @cached_property
    def _spine(self) -> list[dict[str, Any]]:
        """Volume by event; by event, source and local day; by event and local hour: one pass."""
        tree = query(
            """
            WITH timed AS (
              SELECT event, source, ts, $local AS at FROM events
            )
            SELECT event, source, at // $day AS day, (at // $hour) % 24 AS hour,
                   grouping(event, source, at // $day, (at // $hour) % 24) AS g,
                   count(*) AS rows, min(ts) AS first_us, max(ts) AS last_us,
                   count(*) FILTER (WHERE ts >= $as_of) AS late,
                   count(*) FILTER (WHERE ts >= $now) AS future,
                   count(*) FILTER (WHERE ts < $floor) AS ancient,
                   count(*) FILTER (WHERE at % $day = 0) AS midnights
            FROM timed
            GROUP BY GROUPING SETS (
              (event), (event, source, at // $day), (event, (at // $hour) % 24)
            )
            """,
            as_of=self.context.as_of_us,
            now=self.future_us,
            floor=ANCIENT,
            local=self.local(exp.column("ts")),
            day=DAY,
            hour=HOUR,
        )
        return self.rows(tree)

    @property
    def future_us(self) -> int:
        """From here on events can't have happened; the end of time when now is not known."""
        now = self.context.now_us
        return END_OF_TIME if now is None else max(now, self.context.as_of_us)

    @cached_property
    def events(self) -> dict[str, EventFacts]:
        """Every event name with its totals, largest first."""
        whole = [row for row in self._spine if row["g"] == _BY_EVENT]
        found = {}
        for row in sorted(whole, key=lambda row: (-row["rows"], row["event"])):
            people, before = self._actors.get(row["event"], (0, 0))
            found[row["event"]] = EventFacts(
                event=row["event"],
                rows=row["rows"],
                people=people,
                people_before=before,
                first_us=row["first_us"],
                last_us=row["last_us"],
                late=row["late"],
                future=row["future"],
                ancient=row["ancient"],
                midnights=row["midnights"],
            )
        return found

    @cached_property
    def total(self) -> int:
        """Stored events of any name."""
        return sum(facts.rows for facts in self.events.values())

    @cached_property
    def days(self) -> tuple[DayFacts, ...]:
        """Volume by event, source and local day; days before 1990 left out."""
        found = [
            DayFacts(row["event"], row["source"], EPOCH + timedelta(days=row["day"]), row["rows"])
            for row in self._spine
            if row["g"] == _BY_DAY and row["ancient"] < row["rows"]
        ]
        return tuple(sorted(found, key=lambda facts: (facts.event, facts.source, facts.day)))

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
        found: dict[str, list[int]] = defaultdict(lambda: [0] * 24)
        for row in self._spine:
            if row["g"] == _BY_HOUR:
                found[row["event"]][row["hour"]] += row["rows"] - row["midnights"]
        return {event: tuple(hours) for event, hours in found.items()}

    # who

    @cached_property
    def _acted(self) -> list[dict[str, Any]]:
        """People by event, and how records and events meet: one pass."""
        tree = query(
            """
            WITH acted AS MATERIALIZED (
              SELECT person, event, count(*) AS n, count(*) FILTER (WHERE ts < $as_of) AS past
              FROM events GROUP BY ALL
            ), active AS (
              SELECT person, sum(past) AS n FROM acted GROUP BY person HAVING sum(past) > 0
            )
            SELECT event, count(*) AS people, count(*) FILTER (WHERE past > 0) AS people_before,
                   0 AS everyone, 0 AS with_record, 0 AS active, 0 AS silent, 0 AS unrecorded,
                   0::BIGINT AS unrecorded_events, 0::BIGINT AS events
            FROM acted GROUP BY event
            UNION ALL
            SELECT NULL, 0, 0, count(*), count(p.person), count(a.person),
                   count(*) FILTER (WHERE a.person IS NULL),
                   count(*) FILTER (WHERE p.person IS NULL),
                   coalesce(sum(a.n) FILTER (WHERE p.person IS NULL), 0)::BIGINT,
                   coalesce(sum(a.n), 0)::BIGINT
            FROM people AS p FULL JOIN active AS a ON a.person = p.person
            WHERE coalesce(p.person, a.person) IN (SELECT person FROM persons)
            """,
            as_of=self.context.as_of_us,
        )
        return self.rows(tree)

    @cached_property
    def _actors(self) -> dict[str, tuple[int, int]]:
        """People with each event: ever, and before `as_of`."""
        return {
            row["event"]: (row["people"], row["people_before"])
            for row in self._acted
            if row["event"] is not None
        }

    @cached_property
    def people(self) -> PeopleFacts:
        """People with and without records and events."""
        row = next(row for row in self._acted if row["event"] is None)
        return PeopleFacts(**{name: row[name] for name in PeopleFacts.__slots__})

    @cached_property
    def anonymous(self) -> tuple[int, int]:
        """People known by a cookie or a device only who acted before `as_of`, and their events."""
        some = query("SELECT count(*) AS n FROM persons WHERE kind = 'anonymous'")
        if not self.rows(some)[0]["n"]:
            return 0, 0
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
        if not self.context.catalog.purposes:
            return {}
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

    # what

    @cached_property
    def properties(self) -> tuple[PropertyFacts, ...]:
        """Every property of every event it is filled on, with its range and top values."""
        return tuple(profile(self.rows, "events", self.context.catalog.properties))

    @cached_property
    def traits(self) -> tuple[PropertyFacts, ...]:
        """Every trait; `event` is empty."""
        return tuple(profile(self.rows, "people", self.context.catalog.traits))

    @cached_property
    def attributes(self) -> tuple[PropertyFacts, ...]:
        """Every item attribute; `event` is empty."""
        return tuple(profile(self.rows, "items", self.context.catalog.items))

    def of_event(self, event: str) -> Iterator[PropertyFacts]:
        """The properties of one event."""
        return (facts for facts in self.properties if facts.event == event)

    def column(self, name: str) -> exp.Column | None:
        """The column of `events` that holds the texts of a property."""
        coded = self.context.catalog.properties.get(name, {}).get("text")
        return column(coded) if coded else None

    @cached_property
    def item_id(self) -> exp.Column | None:
        """The column that joins events to items."""
        return self.column(ITEM_ID)

    @cached_property
    def items(self) -> int:
        """Items in the catalogue."""
        return int(self.rows(query("SELECT count(*) AS n FROM items"))[0]["n"])

    @cached_property
    def joins(self) -> tuple[dict[str, Any], ...]:
        """How the item ids of each event join the catalogue: event, named, orphans, unknown."""
        if self.item_id is None:
            return ()
        tree = query(
            """
            SELECT event, sum(n)::BIGINT AS named,
                   coalesce(sum(n) FILTER (WHERE item_id IS NULL), 0)::BIGINT AS orphans,
                   list({'item': item, 'n': n}) FILTER (WHERE item_id IS NULL) AS unknown
            FROM (SELECT event, $c AS item, count(*) AS n FROM events
                  WHERE $c IS NOT NULL GROUP BY ALL) AS seen
            LEFT JOIN items ON items.item_id = seen.item
            GROUP BY event ORDER BY named DESC, event
            """,
            c=self.item_id,
        )
        return tuple(self.rows(tree))

    @cached_property
    def levels(self) -> dict[tuple[str, str], list[tuple[str, date, int, float]]]:
        """(source, day, positive values, mean of log10 of micro-units) by (event, property)."""
        columns = {f.name: f.column for f in self.properties if f.type == "number" and f.positive}
        if not columns:
            return {}
        tree = query(
            "SELECT event, source, $local // $day AS day FROM events WHERE ts >= $floor"
            " GROUP BY ALL ORDER BY day, source",
            local=self.local(exp.column("ts")),
            day=DAY,
            floor=ANCIENT,
        )
        for coded in columns.values():
            for name, text in _LEVELS.items():
                made = exp.alias_(sql(text, c=column(coded)), f"{coded}_{name}", quoted=True)
                tree = tree.select(made, copy=False)
        found: dict[tuple[str, str], list[tuple[str, date, int, float]]] = defaultdict(list)
        for row in self.rows(tree):
            day = EPOCH + timedelta(days=row["day"])
            for name, coded in columns.items():
                if row[f"{coded}_n"]:
                    level = (row["source"], day, row[f"{coded}_n"], row[f"{coded}_level"])
                    found[row["event"], name].append(level)
        return dict(found)

    def reaches(self, goal: Goal) -> exp.Expr:
        """Test that a row of ``events AS e``, with its item as `i`, reaches the goal."""
        catalog = self.context.catalog
        match = Match(
            events=None if ANY_EVENT in goal.did else tuple(sorted(goal.did)),
            atoms=where_atoms(goal.where, catalog, Clock(self.context.as_of_us, self.zone)),
        )
        test = match_condition(
            match,
            lambda stored: column(stored.name, "i" if stored.table == "items" else "e"),
            DUCKDB,
            event=exp.column("event", table="e"),
        )
        return exp.true() if test is None else test

    def with_items(self, tree: exp.Select) -> exp.Select:
        """A query over ``events AS e`` with each event's item, if any, as `i`."""
        if self.item_id is None:
            return tree
        named = exp.column(self.item_id.name, table="e", quoted=True)
        joined = exp.column("item_id", table="i").eq(named)
        return tree.join("items AS i", on=joined, join_type="left")

    def named(self, events: Sequence[str], table: str | None = None) -> exp.Expr:
        """Test that a row of `events` has one of these names; `*` is any."""
        if ANY_EVENT in events:
            return exp.true()
        return exp.paren(exp.column("event", table=table).isin(*events))


# What GROUPING(event, source, day, hour) gives for each set of `_spine`: a 1 for what is left out.
_BY_EVENT: Final = 0b0111
_BY_DAY: Final = 0b0001
_BY_HOUR: Final = 0b0110

_LEVELS: Final = {
    "n": "count(*) FILTER (WHERE $c > 0)",
    "level": "avg(log10(nullif(greatest($c, 0), 0)))",
}
