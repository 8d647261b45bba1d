"""(c) From files to store to index: rates, memory and bytes, beside one scan of the same files."""

from __future__ import annotations

import shutil
from typing import Any, Final

import duckdb

from fewer_bench.children import Ran, child
from fewer_bench.figures import Budget, Section, Took, best, told
from fewer_bench.options import Options
from fewer_bench.world import World, size

LIMIT: Final = 4 << 30
"""Bytes of anonymous memory that no step may pass."""

COLUMNS: Final = ("event_id", "user_id", "ts", "event", "category", "page", "device", "value")
MB: Final = 1 << 20


def scan(world: World, threads: int = 2) -> Took:
    """Read every column of every row of the log's files once."""
    sums = ", ".join(f"sum(hash({column}))" for column in COLUMNS)
    with duckdb.connect(config={"threads": threads}) as db:
        query = f"SELECT {sums} FROM read_parquet('{world.raw}/*.parquet')"
        return best(lambda: db.execute(query).fetchall(), 2)[2]


def measure(options: Options) -> Section:
    """Ingest and index logs of growing size, each step in a process of its own."""
    section = Section("c", "(c) Ingestion and index")
    rows: list[list[Any]] = []
    widest = 24 + 8
    for events in options.sizes:
        with told(f"{events:,} events: write, ingest"):
            world = options.world(events)
            ingested = world.ingested()
        with told(f"{events:,} events: index"):
            shutil.rmtree(world.store / "index", ignore_errors=True)
            indexed = child("index", world.folder, engine=options.subject)
        with told(f"{events:,} events: scan"):
            once = scan(world, options.threads)
        if ingested.said["events"] != events:
            section.wrong.append(f"{events:,} events written, {ingested.said['events']:,} stored")
        rows.append(_row(events, world, ingested, indexed, once))
    section.table("", _COLUMNS, rows)
    last = dict(zip(_COLUMNS, rows[-1], strict=True))
    section.budgets += [
        Budget("ingest and index / full scan of the files", last["times a scan"], 15.0, "×"),
        Budget(
            "index, 3 dictionaries and a number", last["index, bytes an event"], widest, "bytes"
        ),
    ]
    peaks = [
        row[at]
        for row in rows
        for at in (_COLUMNS.index("ingest, MB"), _COLUMNS.index("index, MB"))
    ]
    section.budgets.append(Budget("peak anonymous memory", max(peaks), LIMIT / MB, "MB"))
    section.notes.append(
        "Files of one day each, 90 of them, zstd Parquet; a scan hashes every column of every row "
        "with DuckDB on 2 threads. Memory is resident anonymous memory at its highest, looked at a "
        "hundred times a second from outside. Worlds of an earlier run in the same folder are "
        "taken as they are, with what their ingestion took then."
    )
    return section


_COLUMNS: Final = (
    "events",
    "ingest, s",
    "index, s",
    "events a second",
    "scan, s",
    "times a scan",
    "by processor time",
    "ingest, MB",
    "index, MB",
    "store, bytes an event",
    "index, bytes an event",
)


def _row(events: int, world: World, ingested: Ran, indexed: Ran, once: Took) -> list[Any]:
    both = Took(ingested.seconds + indexed.seconds, ingested.cpu + indexed.cpu)
    return [
        events,
        ingested.seconds,
        indexed.seconds,
        round(events / both.wall),
        once.wall,
        *both.over(once),
        ingested.peak / MB,
        indexed.peak / MB,
        size(world.store / "events") / events,
        indexed.said["bytes"] / events,
    ]
