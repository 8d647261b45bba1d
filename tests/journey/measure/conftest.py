"""A small store of events in Parquet files, read by the real engine."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlglot

from fewer.evaluate.engines.duckdb import DuckDBEngine
from fewer.journey.measure.activity import Activity
from fewer.journey.measure.assignment import experiments
from fewer.journey.measure.landmark import landmark
from fewer.journey.measure.lookback import LookbackChart, lookback
from fewer.journey.measure.query import Reader
from fewer.journey.measure.study import outcome_table
from fewer.journey.measure.table import OutcomeTable, Row
from fewer.model.catalog import Catalog

PROPERTIES = {
    "order_id": {"text": "p1_t"},
    "value": {"number": "p2_n"},
    "item_id": {"text": "p3_t"},
    "path": {"text": "p4_t"},
}
COLUMNS = {
    "events": pa.schema(
        [
            ("event_id", pa.string()),
            ("person", pa.uint32()),
            ("ts", pa.int64()),
            ("event", pa.string()),
            ("source", pa.string()),
            ("p1_t", pa.string()),
            ("p2_n", pa.int64()),
            ("p3_t", pa.string()),
            ("p4_t", pa.string()),
        ]
    ),
    "people": pa.schema([("person", pa.uint32())]),
    "persons": pa.schema([("person", pa.uint32()), ("key", pa.string())]),
    "lists": pa.schema([("list_id", pa.string()), ("person", pa.uint32())]),
    "items": pa.schema([("item_id", pa.string()), ("i1_t", pa.string())]),
    "ad_reports": pa.schema(
        [
            ("day", pa.date32()),
            *((name, pa.string()) for name in ("platform", "segment", "arm", "currency")),
            *((name, pa.int64()) for name in ("impressions", "clicks", "spend", "conversions")),
            ("value", pa.int64()),
            *((name, pa.string()) for name in ("campaign", "ad_set", "ad")),
            *((name, pa.string()) for name in ("campaign_name", "ad_set_name", "ad_name")),
        ]
    ),
}
CATALOG = Catalog(properties=PROPERTIES, items={"category": {"text": "i1_t"}})


def event(person, ts, name="purchase", *, order=None, value=None, item=None, path=None, id_=None):
    """A row of `events`; `value` in whole units."""
    micros = None if value is None else round(value * 1_000_000)
    return (id_, person, ts, name, "test", order, micros, item, path)


def report(day, segment, **facts):
    """A row of `ad_reports`; money and conversions in whole units."""
    defaults = {"impressions": 1000, "clicks": 20, "spend": 10, "conversions": 1, "value": 30}
    have = defaults | {k: v for k, v in facts.items() if k in defaults}
    in_micros = {
        k: round(v * (1_000_000 if k in ("spend", "conversions", "value") else 1))
        for k, v in have.items()
    }
    return (
        date.fromordinal(date(2026, 1, 1).toordinal() + day),
        facts.get("platform", "meta"),
        segment,
        facts.get("arm"),
        facts.get("currency", "EUR"),
        *in_micros.values(),
        *(facts.get(name) for name in ("campaign", "ad_set", "ad")),
        *(facts.get(name) for name in ("campaign_name", "ad_set_name", "ad_name")),
    )


@dataclass(frozen=True)
class Design:
    """From which moment outcomes are measured, and of whom."""

    index_us: int
    data_end_us: int
    data: str
    at_risk: str = "everyone"
    adjust: bool = True


@dataclass(frozen=True)
class Measured:
    """What one moment gives, put together as a project does."""

    outcomes: OutcomeTable
    experiments: tuple[Row, ...]
    lookbacks: tuple[LookbackChart, ...]

    def experiment(self, segment, goal):
        return {(row.segment, row.goal): row for row in self.experiments}[segment, goal]

    def to_json(self):
        return {
            **self.outcomes.to_json(),
            "experiments": [row.to_json() for row in self.experiments],
            "lookback": [chart.to_json() for chart in self.lookbacks],
        }


def measure(reader, goals, populations, design, *, assignments=()):
    """Every goal and population from one moment, with bands of the variants of ``hot``."""
    at = {"index_us": design.index_us, "data_end_us": design.data_end_us}
    everyone = reader.everyone(design.index_us)
    outcomes = [
        reader.outcomes(goal, landmark(goal, **at), everyone, at_risk=design.at_risk)
        for goal in goals
    ]
    activity = Activity(reader, design.index_us, everyone) if design.adjust else None
    table = outcome_table(
        populations, outcomes, data=design.data, at_risk=design.at_risk, activity=activity
    )
    variants = [one for one in populations if one.variant_of]
    charts = [lookback("Hot", variants, o, data=design.data) for o in outcomes if variants]
    rows = experiments(populations, outcomes, assignments)
    return Measured(table, tuple(rows), tuple(charts))


@pytest.fixture
def reader(tmp_path_factory):
    """Makes a reader of events, of people without events, of items and of ad reports."""
    engines = []

    def make(events=(), *, people=(), items=(), lists=(), ad_reports=(), timezone="UTC"):
        numbered = [(e[0] or f"e{i:06d}", *e[1:]) for i, e in enumerate(events)]
        everyone = sorted({e[1] for e in events} | set(people))
        rows = {
            "events": numbered,
            "people": [(p,) for p in people],
            "persons": [(p, f"k{p}") for p in everyone],
            "items": list(items),
            "lists": list(lists),
            "ad_reports": list(ad_reports),
        }
        folder = tmp_path_factory.mktemp("store")
        relations = {}
        for name, schema in COLUMNS.items():
            columns = list(zip(*rows[name], strict=True)) or [[] for _ in schema]
            arrays = [pa.array(c, f.type) for c, f in zip(columns, schema, strict=True)]
            pq.write_table(pa.table(arrays, schema=schema), folder / f"{name}.parquet")
            relations[name] = sqlglot.parse_one(
                f"SELECT * FROM read_parquet('{folder / name}.parquet')",  # noqa: S608
                dialect="duckdb",
            )
        engines.append(DuckDBEngine(relations, CATALOG))
        return Reader(engines[-1], CATALOG, timezone)

    yield make
    for engine in engines:
        engine.close()
