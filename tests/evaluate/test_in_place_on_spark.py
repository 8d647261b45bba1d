"""Tables in place on Spark: the same worlds, as Parquet files and as tables of the catalog."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from conformance.engines import answered, expected, planned
from conformance.on_spark import SETTINGS, session
from conformance.smallest import report
from fewer.evaluate.engines.base import Dataset
from fewer.evaluate.engines.spark import SparkEngine
from fewer.evaluate.sql.in_place import in_place
from fewer.model.in_place import OwnTables
from own_tables import Spelled, Table, spellable, spelled
from strategies.definition import seeded

pytestmark = pytest.mark.spark

TYPES = {
    "text": pa.string(),
    "decimal": pa.decimal128(20, 6),
    "double": pa.float64(),
    "integer": pa.int64(),
    "boolean": pa.bool_(),
    "timestamptz": pa.timestamp("us", "UTC"),
    "timestamp": pa.timestamp("us"),
    "epoch_us": pa.int64(),
}

EARLIEST = -2_208_988_800_000_000
"""1900: before it, calendars of files differ."""


def written(own: Spelled, folder: Path) -> dict[tuple[str, ...], Path]:
    """Each table as a Parquet file, by the place that the mapping names."""
    found = {}
    for number, table in enumerate(own.tables):
        path = folder / f"{number}.parquet"
        pq.write_table(_arrow(table), path)
        found[tuple(_place(own, table))] = path
    return found


def _place(own: Spelled, table: Table) -> Any:
    mapped = [*own.mapping["events"], own.mapping["people"], own.mapping["items"]]
    mapped += own.mapping["lists"]
    return next(each["table"] for each in mapped if each["table"][-1] == table.name)


def _arrow(table: Table) -> pa.Table:
    columns = list(zip(*table.rows, strict=True)) or [()] * len(table.columns)
    arrays = [
        pa.array(column, TYPES[shape])
        for column, shape in zip(columns, table.columns.values(), strict=True)
    ]
    return pa.table(arrays, names=list(table.columns))


def files_instead(own: Spelled, paths: dict[tuple[str, ...], Path]) -> OwnTables:
    """The mapping, with files in place of tables."""

    def placed(each: dict[str, Any]) -> dict[str, Any]:
        rest = {key: value for key, value in each.items() if key != "table"}
        return {"files": str(paths[tuple(each["table"])]), **rest}

    return OwnTables.model_validate(
        {
            "events": [placed(each) for each in own.mapping["events"]],
            "people": placed(own.mapping["people"]),
            "items": placed(own.mapping["items"]),
            "lists": [placed(each) for each in own.mapping["lists"]],
        }
    )


@pytest.mark.parametrize("seed", [9_000, pytest.param(9_001, marks=pytest.mark.slow)])
def test_random_worlds_in_files(seed, tmp_path):
    session()
    scene, asked = seeded(seed, 40)
    scene = replace(scene, world=spellable(scene.world, (EARLIEST, 7_258_118_400_000_000)))
    own = spelled(scene.world, seed=seed)
    tables = files_instead(own, written(own, tmp_path))
    known = SparkEngine.described([t.place for t in tables.located], SETTINGS)
    read = in_place(tables, known, SparkEngine.own_functions, zone="UTC")

    def number(keys: pa.Array) -> pa.Array:
        return pa.array([own.numbers[key] for key in keys.to_pylist()], pa.uint32())

    engine = SparkEngine.open(
        Dataset(read.relations, read.catalog, in_place=True, number=number), SETTINGS
    )
    try:
        found = answered(engine.evaluate(planned(scene, asked, read.catalog)))
    finally:
        engine.close()
    right = expected(scene, asked)
    assert found == right, report((scene, asked), "differs", found, right)


def test_a_table_that_is_not_there():
    session()
    assert SparkEngine.described([("no", "such")], SETTINGS) == {}


def test_odd_numbers_and_times(tmp_path):
    """As the model reads them, whatever Java would make of them."""
    from sqlglot import exp

    from fewer.model.number import to_micros

    session()
    doubles = [0.1, 1e-7, -1e-7, 5e-7, -5e-7, 1e15, 9.2e12, float("nan"), float("inf"), 2.675]
    ids = [f"p{n:02}" for n in range(len(doubles))]
    counted = [1.5, -1.5e-6, 1772000000.1234567, 1.4e-6, 1.6e-6, 0.0, 1e300, 1.0, 2.0, 3.0]
    path = tmp_path / "own.parquet"
    pq.write_table(pa.table({"id": ids, "d": doubles, "t": counted}), path)
    traits = {"d": "d", "t": {"column": "t", "type": "timestamp", "format": "epoch_s"}}
    tables = OwnTables.model_validate(
        {"people": {"files": str(path), "person": "id", "traits": traits}}
    )
    known = SparkEngine.described([t.place for t in tables.located], SETTINGS)
    read = in_place(tables, known, SparkEngine.own_functions, zone="UTC")
    engine = SparkEngine.open(Dataset(read.relations, read.catalog, in_place=True), SETTINGS)
    try:
        rows = engine.run(exp.select("*").from_("people").order_by("person")).to_pylist()
    finally:
        engine.close()
    assert [row["t1_n"] for row in rows] == [to_micros(n) for n in doubles]
    right = [1_500_000, -2, 1_772_000_000_123_457, 1, 2, 0, None, 1_000_000, 2_000_000, 3_000_000]
    assert [row["t2_s"] for row in rows] == right
