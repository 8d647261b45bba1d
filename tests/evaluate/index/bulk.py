"""Many events, made by arithmetic and written at once: for tests of size, speed and kills."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from evaluate.index.indexed import Indexed, draw, indexed, moment, reading
from fewer.model.catalog import Catalog

DAY = 86_400_000_000
NAMES = ("view", "view", "view", "view", "cart", "buy", "search", "like")
COLUMNS = {"path": {"text": "p1_t"}, "value": {"number": "p2_n"}, "item_id": {"text": "p3_t"}}


def bulk(folder: Path, *, files: int, rows: int, people: int, seed: int = 1) -> Indexed:
    """Data files of consecutive days, `rows` events in each."""
    shop = indexed(draw(), folder)
    for number in range(files):
        path = folder / "events" / f"day={number:03}" / "part-0.parquet"
        path.parent.mkdir(parents=True)
        pq.write_table(_day(number, rows, people, moment(f"-{files}d"), seed), path)
        shop.files += (str(path),)
    shop.relations["events"] = reading(shop.files)
    shop.relations["persons"] = _persons(folder, people)
    shop.catalog = Catalog(events=dict.fromkeys(NAMES, 1), properties=COLUMNS)
    return shop


def _day(number: int, rows: int, people: int, start: int, seed: int) -> pa.Table:
    dice = np.random.default_rng([seed, number])
    ts = start + number * DAY + np.sort(dice.integers(0, 86_400, rows)) * 1_000_000
    paths = np.array([f"/page/{n}" for n in range(2_000)])
    items = np.array([f"item-{n}" for n in range(500)])
    value = pa.array(dice.integers(-(10**9), 10**9, rows), mask=dice.random(rows) < 0.7)
    person = (people * dice.random(rows) ** 2).astype(np.uint32)
    names = np.array(NAMES)[dice.integers(0, len(NAMES), rows)]
    return pa.table(
        {
            "event_id": [f"{number:03}-{n:07}" for n in range(rows)],
            "person": person,
            "ts": ts,
            "event": names,
            "source": pa.array(["made"] * rows),
            "p1_t": paths[dice.integers(0, len(paths), rows)],
            "p2_n": value,
            "p3_t": items[(len(items) * dice.random(rows) ** 3).astype(int)],
        }
    )


def _persons(folder: Path, people: int):
    path = folder / "tables" / "bulk-persons.parquet"
    keys = [f"person {n}" for n in range(people)]
    pq.write_table(pa.table({"person": np.arange(people, dtype=np.uint32), "key": keys}), path)
    return reading([str(path)])


ASKED = (
    {"did": "buy", "within": "7d"},
    {"did": "view", "where": {"path": {"contains": "/1"}}, "count": {"at_least": 3}},
    {"did": "*", "sum": {"of": "value", "at_least": 500}},
    {"did": "*", "distinct": {"of": "item_id", "at_least": 4}},
    {"did": "view", "days": {"at_least": 3}},
    {"last": {"did": "*"}, "within": "30d", "having": {"path": {"ends_with": "7"}}},
    {"sequence": [{"did": "cart"}, {"did": "buy", "within_next": "2d"}], "within": "20d"},
    {"sequence": [{"did": "buy"}, {"did_not": "buy", "within_next": "1d"}], "same": ["item_id"]},
    {"did": "like", "burst": {"count": 2, "in": "5h"}},
    {"did_not": "buy"},
)
"""Conditions over all of it."""
