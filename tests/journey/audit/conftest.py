"""Tiny worlds for checks: a few rows of plain Python, stored in the canonical relations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlglot.expressions as exp

from fewer.evaluate.engines.duckdb import DuckDBEngine
from fewer.journey.audit.audit import Audit, run
from fewer.journey.audit.base import AuditContext, Check, Finding, installed_checks
from fewer.journey.audit.survey import Survey
from fewer.model.catalog import Catalog
from fewer.model.number import to_micros
from fewer.model.values import SUFFIX, ValueType
from fewer.model.window import to_utc_micros

AS_OF = datetime(2026, 3, 31, tzinfo=UTC)
Row = Mapping[str, Any]


class CountingEngine(DuckDBEngine):
    """The real engine, which also counts its queries."""

    queries = 0

    def run(self, query: exp.Query, *, parameters: Sequence[Any] = ()) -> pa.Table:
        self.queries += 1
        return super().run(query, parameters=parameters)


@dataclass
class World:
    """Rows by relation; every key that a relation does not know is a property."""

    folder: Path
    events: list[Row] = field(default_factory=list)
    people: list[Row] = field(default_factory=list)
    items: list[Row] = field(default_factory=list)
    consents: list[Row] = field(default_factory=list)
    lists: list[Row] = field(default_factory=list)
    ad_reports: list[Row] = field(default_factory=list)
    kinds: dict[int, str] = field(default_factory=dict)  # person -> anonymous; else known

    as_of = AS_OF

    @staticmethod
    def ago(days: float = 0, *, hour: float = 12) -> datetime:
        """`hour` o'clock on the day so many days before `as_of`."""
        return AS_OF - timedelta(days=days) + timedelta(hours=hour)

    def did(
        self,
        person: int,
        ts: datetime,
        event: str = "view",
        *,
        times: int = 1,
        source: str = "web",
        **properties: Any,
    ) -> None:
        """`times` events of one person, a minute apart."""
        for n in range(times):
            at = to_utc_micros(ts + timedelta(minutes=n))
            fixed = {"person": person, "ts": at, "event": event, "source": source}
            self.events.append(fixed | {"event_id": f"e{len(self.events)}"} | properties)

    def context(self, **settings: Any) -> AuditContext:
        """What an audit of this world is given."""
        relations, coded = {}, {}
        for name, fixed in FIXED.items():
            if name != "persons":
                relations[name], coded[name] = self._store(name, getattr(self, name), fixed)
        keys = {row["person"]: row.get("key", str(row["person"])) for row in self.people}
        keys |= {row["person"]: keys.get(row["person"], f"p{row['person']}") for row in self.events}
        persons = [
            {"person": person, "key": key, "kind": self.kinds.get(person, "known")}
            for person, key in keys.items()
        ]
        relations["persons"], _ = self._store("persons", persons, FIXED["persons"])
        times = [row["ts"] for row in self.events]
        catalog = Catalog(
            events={row["event"]: 0 for row in self.events},
            properties=coded["events"],
            traits=coded["people"],
            items=coded["items"],
            lists=tuple(sorted({row["list_id"] for row in self.lists})),
            purposes=tuple(sorted({row["purpose"] for row in self.consents})),
            first_ts=min(times, default=None),
            last_ts=max(times, default=None),
        )
        context = AuditContext(
            engine=CountingEngine(relations, catalog, threads=1),
            catalog=catalog,
            as_of_us=to_utc_micros(AS_OF),
        )
        return replace(context, **settings)

    def find(self, code: str, **settings: Any) -> list[Finding]:
        """What one check finds here."""
        return list(checks()[code].run(Survey(self.context(**settings))))

    def audit(self, **settings: Any) -> Audit:
        """The whole audit."""
        return run(self.context(**settings))

    def _store(
        self, name: str, rows: Sequence[Row], fixed: Mapping[str, pa.DataType]
    ) -> tuple[exp.Query, dict[str, dict[ValueType, str]]]:
        coded: dict[str, dict[ValueType, str]] = {}
        columns: dict[str, list[Any]] = {column: [] for column in fixed}
        for at, row in enumerate(rows):
            for key, value in row.items():
                if key in fixed:
                    columns[key].append(value)
                elif key != "key" and value is not None:
                    kind, stored = _stored(value)
                    known = coded.setdefault(key, {})
                    column = known.setdefault(kind, f"{name[0]}{len(coded)}{SUFFIX[kind]}")
                    columns.setdefault(column, [None] * at).append(stored)
            for values in columns.values():
                values.extend([None] * (at + 1 - len(values)))
        table = pa.table(
            {
                column: pa.array(values, fixed.get(column) or TYPES[column[-2:]])
                for column, values in columns.items()
            }
        )
        path = self.folder / f"{name}.parquet"
        pq.write_table(table, path)
        files = exp.func("read_parquet", exp.Literal.string(str(path)), dialect="duckdb")
        return exp.select("*").from_(files), coded


FIXED: dict[str, dict[str, pa.DataType]] = {
    "events": {
        "event_id": pa.string(),
        "person": pa.uint32(),
        "ts": pa.int64(),
        "event": pa.string(),
        "source": pa.string(),
    },
    "people": {"person": pa.uint32()},
    "persons": {"person": pa.uint32(), "key": pa.string(), "kind": pa.string()},
    "items": {"item_id": pa.string()},
    "consents": {"person": pa.uint32(), "purpose": pa.string(), "state": pa.string()},
    "lists": {"list_id": pa.string(), "person": pa.uint32()},
    "ad_reports": {"currency": pa.string(), "spend": pa.int64()},
}
TYPES = {"_t": pa.string(), "_n": pa.int64(), "_b": pa.bool_(), "_s": pa.int64()}


def _stored(value: Any) -> tuple[ValueType, Any]:
    if isinstance(value, bool):
        return "boolean", value
    if isinstance(value, int | float | Decimal):
        return "number", to_micros(value)
    if isinstance(value, datetime):
        return "timestamp", to_utc_micros(value)
    return "text", value


def checks() -> dict[str, Check]:
    """Installed checks by code."""
    return {check.code: check for check in installed_checks()}


@pytest.fixture
def world(tmp_path: Path) -> World:
    """An empty world to put rows into."""
    return World(tmp_path)
