"""500 segments in one plan against the same 500 as one query each, on DuckDB, side by side.

    python benchmarks/shared_plan.py [--events 5000000] [--people 200000] [--segments 500]

Prints seconds and their ratio; both ways must give the same members. One query each is timed on
every tenth segment and multiplied, unless ``--every 1``.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from sqlglot import exp, parse_one

from fewer.evaluate.engines.duckdb import DuckDBEngine
from fewer.evaluate.plan.plan import Plan, plan
from fewer.evaluate.sql.functions.duckdb import DUCKDB
from fewer.evaluate.sql.program import as_query, program
from fewer.model.catalog import Catalog
from fewer.model.segment import Segment
from fewer.model.window import DAY, Duration

START: Final = 1_780_272_000_000_000  # 2026-06-01 UTC
SPAN: Final = 90 * DAY
EVENTS: Final = {  # name -> share of all events
    "page_view": 0.52,
    "product_view": 0.26,
    "article_read": 0.08,
    "add_to_cart": 0.05,
    "video_play": 0.04,
    "ad_click": 0.02,
    "purchase": 0.015,
    "whitepaper_download": 0.01,
    "form_submit": 0.005,
}
CATEGORIES: Final = 200
PAGES: Final = 5_000


def write_events(path: Path, count: int, people: int) -> Catalog:
    """A synthetic log, ordered by time as a store keeps it; returns its catalog."""
    rng = np.random.default_rng(7)
    names = np.array(list(EVENTS))
    code = rng.choice(len(names), size=count, p=np.array(list(EVENTS.values())))
    skewed = rng.random((3, count)) ** np.array([[2.0], [2.5], [3.0]])
    person, category, page = (
        (u * n).astype(np.uint32) for u, n in zip(skewed, (people, CATEGORIES, PAGES), strict=True)
    )
    table = pa.table({
        "event_id": pa.array(np.char.add("e", np.arange(count).astype(str))),
        "person": person,
        "ts": np.sort(START + (rng.random(count) * SPAN).astype(np.int64)),
        "event": pa.DictionaryArray.from_arrays(code.astype(np.int32), names),
        "source": pa.array(["bench"] * count),
        "p1_t": np.char.add("cat_", category.astype(str)),
        "p2_t": np.char.add("/p/", page.astype(str)),
        "p3_n": (5_000_000 + rng.random(count) ** 3 * 200_000_000).astype(np.int64),
    })  # fmt: skip
    pq.write_table(table, path, compression="zstd", row_group_size=200_000)
    return Catalog(
        events={str(name): int((code == n).sum()) for n, name in enumerate(names)},
        properties={
            "category": {"text": "p1_t"},
            "page": {"text": "p2_t"},
            "value": {"number": "p3_n"},
        },
        first_ts=START,
        last_ts=START + SPAN,
    )


def relations(path: Path) -> dict[str, exp.Query]:
    """The canonical relations over one file of events and nothing else."""
    events = f"SELECT * FROM read_parquet('{path}')"
    empty = "SELECT CAST(NULL AS UINTEGER) AS person, '' AS {} WHERE FALSE"
    texts = {
        "events": events,
        "people": "SELECT CAST(NULL AS UINTEGER) AS person WHERE FALSE",
        "persons": f"SELECT DISTINCT person, CAST(person AS VARCHAR) AS key FROM ({events})",
        "consents": empty.format("purpose, '' AS state"),
        "items": "SELECT '' AS item_id WHERE FALSE",
        "lists": empty.format("list_id"),
    }
    return {name: parse_one(sql, dialect="duckdb") for name, sql in texts.items()}


def conditions(count: int) -> list[dict[str, Any]]:
    """Conditions of the kinds that people write, nearly all different."""
    rng = np.random.default_rng(11)
    return [_condition(n, rng) for n in range(count)]


def _condition(n: int, rng: np.random.Generator) -> dict[str, Any]:
    names = list(EVENTS)
    window = {"within": f"{rng.integers(1, 61)}d"}
    did = {"did": names[n % len(names)]}
    category = {"where": {"category": f"cat_{rng.integers(CATEGORIES)}"}}
    page = {"where": {"page": {"starts_with": f"/p/{rng.integers(10, 100)}"}}}
    few, later = n % 7 + 2, {"from": f"{n % 30 + 20}d", "to": f"{n % 19 + 1}d"}
    dear = {"where": {"value": {"more_than": 50}}, "at_least": 0.5}
    left = {"did_not": "purchase", "within_next": f"{n % 40 // 10 + 1}d"}
    kinds: list[dict[str, Any]] = [
        did | window | {"count": {"at_least": int(rng.integers(1, 9))}},
        did | category | window,
        did | page | window | {"count": {"at_least": 2}},
        did | category | window | {"count": {"between": [1, 3]}},
        {"did_not": did["did"]} | window,
        {"did": "product_view"} | window | {"days": {"at_least": few}},
        {"did": "purchase"} | window | {"sum": {"of": "value", "more_than": n}},
        {"did": "product_view"} | window | {"distinct": {"of": "category", "at_least": few}},
        {"last": did, "between": later},
        {"did": "*"} | window | category | {"share": dear},
        {"sequence": [{"did": "add_to_cart"}, left]} | window,
        {"did": "add_to_cart"} | window | {"burst": {"count": 2, "in": f"{n % 5 + 1}h"}},
    ]
    return kinds[n % len(kinds)]


def timed(label: str, start: float) -> float:
    """Seconds since `start`, printed."""
    seconds = time.perf_counter() - start
    print(f"{label:<42}{seconds:>9.2f} s")
    return seconds


def one_each(path: Path, made: Plan, every: int) -> tuple[dict[str, set[int]], float]:
    """Members by one query for each segment, over the file; seconds as if for all of them."""
    compiled = program(made, DUCKDB)
    chosen = made.ids[::every]
    queries = {i: as_query(compiled, i).sql("duckdb") for i in chosen}
    members = {}
    with duckdb.connect(config={"threads": 2}) as connection:
        for name, query in relations(path).items():
            connection.execute(f"CREATE VIEW {name} AS {query.sql('duckdb')}")
        start = time.perf_counter()
        for i, sql in queries.items():
            members[i] = {row[0] for row in connection.execute(sql).fetchall()}
        seconds = time.perf_counter() - start
    return members, seconds * len(made.ids) / len(chosen)


def main() -> None:
    """Run both and print the ratio."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=5_000_000)
    parser.add_argument("--people", type=int, default=200_000)
    parser.add_argument("--segments", type=int, default=500)
    parser.add_argument("--every", type=int, default=10)
    parser.add_argument("--steps", action="store_true", help="Show the time of each step.")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="fewer-bench-") as folder:
        path = Path(folder) / "events.parquet"
        catalog = write_events(path, asked.events, asked.people)
        segments = [
            Segment.model_validate({"id": f"s{n}", "where": where})
            for n, where in enumerate(conditions(asked.segments))
        ]
        start = time.perf_counter()
        made = plan(
            segments,
            as_of_us=START + SPAN,
            timezone="America/New_York",
            session_gap=Duration.parse("30m"),
            catalog=catalog,
        )
        timed(f"plan ({len(made.leaves)} leaves, {len(made.passes)} passes)", start)
        engine = DuckDBEngine(relations(path), catalog, threads=2)
        start = time.perf_counter()
        found = engine.evaluate(made)
        shared = timed("one plan for all", start)
        if asked.steps:
            for step in found.steps:
                print(f"  {step.name:<14}{step.seconds:>7.2f} s{step.rows:>12,} rows")
        members, alone = one_each(path, made, asked.every)
        print(f"{'one query each (of the same members)':<42}{alone:>9.2f} s")
        for i, expected in members.items():
            if set(found.members[i]) != expected:
                sys.exit(f"{i}: the two ways disagree, so their times mean nothing")
        print(f"{'ratio':<42}{alone / shared:>9.1f} x")


if __name__ == "__main__":
    main()
