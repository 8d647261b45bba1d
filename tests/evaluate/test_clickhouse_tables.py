"""Types of the user's tables on ClickHouse, and tables that change while they are read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sqlglot import exp

from fewer.errors import EngineError
from fewer.evaluate.engines.base import Dataset, EngineSettings
from fewer.evaluate.engines.clickhouse import ClickHouseEngine
from fewer.evaluate.sql.in_place import in_place
from fewer.model.in_place import OwnTables

pytestmark = pytest.mark.clickhouse


@contextmanager
def own_table(columns: str, values: str) -> Iterator[tuple[Dataset, Callable[[str], Any]]]:
    """One table of people in a database of this process, mapped; and a way to change it."""
    from chdb.session import Session

    session = Session()
    session.query("CREATE DATABASE theirs")
    try:
        session.query(f"CREATE TABLE theirs.p ({columns}) ENGINE = MergeTree ORDER BY tuple()")
        session.query(f"INSERT INTO theirs.p VALUES {values}")  # noqa: S608  written below
        traits = {"people": {"table": ["theirs", "p"], "person": "id", "traits": {"v": "v"}}}
        mapped = OwnTables.model_validate(traits)
        places = [table.place for table in mapped.located]
        known = ClickHouseEngine.described(places, EngineSettings())
        read = in_place(mapped, known, ClickHouseEngine.own_functions, zone="Europe/Berlin")
        yield Dataset(read.relations, read.catalog, in_place=True), session.query
    finally:
        session.query("DROP DATABASE theirs")
        session.close()


def traits_of(data: Dataset) -> list[dict[str, Any]]:
    engine = ClickHouseEngine.open(data, EngineSettings())
    try:
        return engine.run(exp.select("*").from_("people").order_by("person")).to_pylist()
    finally:
        engine.close()


@pytest.mark.parametrize(
    "type_, value, column, read",
    [
        ("LowCardinality(String)", "'é'", "t1_t", "é"),
        ("FixedString(3)", "'ab'", "t1_t", "ab"),
        ("UInt64", "18446744073709551615", "t1_n", None),
        ("Decimal(38, 10)", "-1.0000005", "t1_n", -1_000_001),
        ("Nullable(Float32)", "0.1", "t1_n", 100_000),
        ("DateTime('Asia/Tokyo')", "'2026-01-01 09:00:00'", "t1_s", 1_767_225_600_000_000),
        ("DateTime64(3)", "1767225600.123", "t1_s", 1_767_225_600_123_000),
        ("Date", "'2026-01-01'", "t1_s", 1_767_222_000_000_000),  # midnight in Berlin
        (
            "UUID",
            "'6ccd780c-baba-1026-9564-5b8c656024db'",
            "t1_t",
            "6ccd780c-baba-1026-9564-5b8c656024db",
        ),
    ],
)
def test_types_of_their_tables(type_, value, column, read):
    with own_table(f"id String, v {type_}", f"('ann', {value})") as (data, _):
        assert traits_of(data) == [{"person": "ann", column: read}]


@pytest.mark.parametrize(
    "change", ["DROP TABLE theirs.p SYNC", "ALTER TABLE theirs.p RENAME COLUMN v TO w",
               "CREATE OR REPLACE TABLE theirs.p (id String, v Array(Int8)) ENGINE = Memory"],
)  # fmt: skip
def test_a_table_that_changes_meanwhile(change):
    with own_table("id String, v Int8", "('ann@example.com', 1)") as (data, run):
        engine = ClickHouseEngine.open(data, EngineSettings())
        run(change)
        with pytest.raises(EngineError) as caught:
            engine.run(exp.select("*").from_("people").where("t1_n > 0"))
        assert "ann@" not in str(caught.value)
        engine.close()


def test_times_without_zone_in_files(tmp_path):
    """ClickHouse reads them as UTC; the project's zone is another."""
    noon = datetime(2026, 1, 1, 12)
    table = pa.table({
        "id": ["ann"],
        "wall": pa.array([noon], pa.timestamp("us")),
        "zoned": pa.array([noon], pa.timestamp("ms", "UTC")),
    })  # fmt: skip
    path = tmp_path / "own.parquet"
    pq.write_table(table, path)
    traits = {"wall": "wall", "zoned": "zoned"}
    mapped = OwnTables.model_validate(
        {"people": {"files": str(path), "person": "id", "traits": traits}}
    )
    places = [each.place for each in mapped.located]
    known = ClickHouseEngine.described(places, EngineSettings())
    read = in_place(mapped, known, ClickHouseEngine.own_functions, zone="Europe/Berlin")
    utc = 1_767_268_800_000_000
    rows = traits_of(Dataset(read.relations, read.catalog, in_place=True))
    assert rows == [{"person": "ann", "t1_s": utc - 3_600_000_000, "t2_s": utc}]


def test_times_in_texts_are_texts(tmp_path):
    path = tmp_path / "own.csv"
    path.write_text("id,at\nann,2026-01-01 12:00:00\n")
    known = ClickHouseEngine.described([("", str(path))], EngineSettings())
    assert known["", str(path)] == {"id": "Nullable(String)", "at": "Text"}
