"""A world of a few people, written as rows, and what an engine says of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import TypeAdapter
from sqlglot import exp

from fewer.evaluate.engines.duckdb import DuckDBEngine
from fewer.evaluate.plan.plan import Plan, plan
from fewer.model.catalog import Catalog
from fewer.model.condition import Condition
from fewer.model.number import to_micros
from fewer.model.segment import Segment
from fewer.model.window import Duration, to_utc_micros

AS_OF = datetime(2026, 3, 31, tzinfo=UTC)
CONDITION = TypeAdapter(Condition)

_TYPES = {"_t": "VARCHAR", "_n": "BIGINT", "_b": "BOOLEAN", "_s": "BIGINT"}


def _typed(value: Any) -> tuple[str, str, Any]:
    """Value type, ending of the column, and what is stored."""
    if isinstance(value, bool):
        return "boolean", "_b", value
    if isinstance(value, str):
        return "text", "_t", value
    if isinstance(value, datetime):
        return "timestamp", "_s", to_utc_micros(value)
    return "number", "_n", to_micros(value)


class _Registry:
    """Coded columns for names, as a store gives them."""

    def __init__(self, letter: str) -> None:
        self.letter = letter
        self.names: dict[str, dict[str, str]] = {}
        self.types: dict[str, str] = {}

    def row(self, values: dict[str, Any]) -> dict[str, Any]:
        row = {}
        for name, value in values.items():
            if value is None:
                self.names.setdefault(name, {})
                continue
            kind, ending, stored = _typed(value)
            columns = self.names.setdefault(name, {})
            code = f"{self.letter}{list(self.names).index(name)}{ending}"
            columns[kind] = code
            self.types[code] = _TYPES[ending]
            row[code] = stored
        return row


def _query(columns: dict[str, str], rows: Sequence[dict[str, Any]]) -> exp.Query:
    """The rows as a query with exactly these columns and types."""
    names = list(columns)
    tuples = [tuple(row.get(name) for name in names) for row in rows] or [(None,) * len(names)]
    source = exp.values(tuples, alias="v", columns=names)
    casts = (exp.cast(exp.column(n), t, dialect="duckdb").as_(n) for n, t in columns.items())
    query = exp.select(*casts)
    query = query.from_(source)
    return query if rows else query.where(exp.false())


class World:
    """Events, people, items, lists and consents; people are called by name."""

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {}
        self.erased: set[str] = set()
        self.properties, self.traits, self.items = map(_Registry, "pti")
        self._events: list[dict[str, Any]] = []
        self._people: list[dict[str, Any]] = []
        self._items: list[dict[str, Any]] = []
        self._consents: list[dict[str, Any]] = []
        self._lists: list[dict[str, Any]] = []
        self._engines: list[DuckDBEngine] = []
        self.timezone = "UTC"

    def number(self, name: str) -> int:
        return self.numbers.setdefault(name, 10 + len(self.numbers))

    def did(
        self, who: str, event: str, ts: datetime | int, event_id: str = "", **properties: Any
    ) -> None:
        micros = ts if isinstance(ts, int) else to_utc_micros(ts)
        row = {
            "event_id": event_id or f"e{len(self._events)}",
            "person": self.number(who),
            "ts": micros,
            "event": event,
            "source": "test",
        }
        self._events.append(row | self.properties.row(properties))

    def person(self, name: str, **traits: Any) -> None:
        self._people.append({"person": self.number(name)} | self.traits.row(traits))

    def item(self, item_id: str, **attributes: Any) -> None:
        self._items.append({"item_id": item_id} | self.items.row(attributes))

    def consents(self, name: str, purpose: str, state: str) -> None:
        row = {"person": self.number(name), "purpose": purpose, "state": state}
        self._consents.append(row)

    def listed(self, name: str, list_id: str) -> None:
        self._lists.append({"list_id": list_id, "person": self.number(name)})

    @property
    def catalog(self) -> Catalog:
        counts: dict[str, int] = {}
        for row in self._events:
            counts[row["event"]] = counts.get(row["event"], 0) + 1
        return Catalog(
            events=counts,
            properties=self.properties.names,
            traits=self.traits.names,
            items=self.items.names,
            lists=tuple({row["list_id"] for row in self._lists}),
            purposes=tuple({row["purpose"] for row in self._consents}),
        )

    @property
    def relations(self) -> dict[str, exp.Query]:
        person = {"person": "UINTEGER"}
        event = {"event_id": "VARCHAR", "ts": "BIGINT", "event": "VARCHAR", "source": "VARCHAR"}
        keys = [
            {"person": number, "key": name}
            for name, number in self.numbers.items()
            if name not in self.erased
        ]
        return {
            "events": _query(event | person | self.properties.types, self._events),
            "people": _query(person | self.traits.types, self._people),
            "persons": _query(person | {"key": "VARCHAR"}, keys),
            "consents": _query(person | {"purpose": "VARCHAR", "state": "VARCHAR"}, self._consents),
            "items": _query({"item_id": "VARCHAR"} | self.items.types, self._items),
            "lists": _query(person | {"list_id": "VARCHAR"}, self._lists),
        }

    def engine(self) -> DuckDBEngine:
        made = DuckDBEngine(self.relations, self.catalog, threads=1)
        self._engines.append(made)
        return made

    def plan(
        self, *segments: Segment, as_of: datetime = AS_OF, default_exclude: Sequence[str] = ()
    ) -> Plan:
        return plan(
            segments,
            as_of_us=to_utc_micros(as_of),
            timezone=self.timezone,
            session_gap=Duration.parse("30m"),
            catalog=self.catalog,
            default_exclude=default_exclude,
        )

    def ask(self, *conditions: dict[str, Any], as_of: datetime = AS_OF) -> list[set[str]]:
        """Names of the people for whom each condition is true, all in one plan."""
        segments = [
            Segment(id=f"s{n}", where=CONDITION.validate_python(condition))
            for n, condition in enumerate(conditions)
        ]
        found = self.engine().evaluate(self.plan(*segments, as_of=as_of)).matched
        return [self.names(found[segment.id]) for segment in segments]

    def who(self, condition: dict[str, Any], *, as_of: datetime = AS_OF) -> set[str]:
        """Names of the people for whom the condition is true."""
        return self.ask(condition, as_of=as_of)[0]

    def names(self, numbers: Any) -> set[str]:
        by_number = {number: name for name, number in self.numbers.items()}
        return {by_number[number] for number in numbers}

    def close(self) -> None:
        for engine in self._engines:
            engine.close()


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    yield made
    made.close()
