"""Odd numbers and times of the user's files on ClickHouse, as the model reads them."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sqlglot import exp

from fewer.evaluate.engines.base import Dataset, EngineSettings
from fewer.evaluate.engines.clickhouse import ClickHouseEngine
from fewer.evaluate.sql.in_place import in_place
from fewer.model.in_place import OwnTables
from fewer.model.number import to_micros

pytestmark = pytest.mark.clickhouse


def test_odd_numbers_and_times(tmp_path):
    doubles = [0.1, 1e-7, -1e-7, 5e-7, -5e-7, 1e15, 9.2e12, float("nan"), float("inf"), 2.675]
    decimals = ["0.0000005", "-0.0000005", "0.00000049", "1.5", "-2.345678", *"12345"]
    counted = [1.5, -1.5e-6, 1772000000.1234567, 1.4e-6, 1.6e-6, 0.0, 1e300, 1.0, 2.0, 3.0]
    path = tmp_path / "own.parquet"
    columns = {
        "id": [f"p{n:02}" for n in range(len(doubles))],
        "d": doubles,
        "n": pa.array(decimals).cast(pa.decimal128(30, 10)),
        "t": counted,
    }
    pq.write_table(pa.table(columns), path)
    traits = {"d": "d", "n": "n", "t": {"column": "t", "type": "timestamp", "format": "epoch_s"}}
    tables = OwnTables.model_validate(
        {"people": {"files": str(path), "person": "id", "traits": traits}}
    )
    settings = EngineSettings()
    known = ClickHouseEngine.described([t.place for t in tables.located], settings)
    read = in_place(tables, known, ClickHouseEngine.own_functions, zone="UTC")
    engine = ClickHouseEngine.open(Dataset(read.relations, read.catalog, in_place=True), settings)
    try:
        rows = engine.run(exp.select("*").from_("people").order_by("person")).to_pylist()
    finally:
        engine.close()
    assert [row["t1_n"] for row in rows] == [to_micros(n) for n in doubles]
    assert [row["t2_n"] for row in rows] == [to_micros(n) for n in decimals]
    right = [1_500_000, -2, 1_772_000_000_123_457, 1, 2, 0, None, 1_000_000, 2_000_000, 3_000_000]
    assert [row["t3_s"] for row in rows] == right
