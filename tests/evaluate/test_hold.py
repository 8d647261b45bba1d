"""A relation that is held answers from memory, and answers the same."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq
from sqlglot import exp

from fewer.evaluate.engines.duckdb import DuckDBEngine
from fewer.model.catalog import Catalog


def test_a_held_relation_needs_its_files_no_more(tmp_path):
    path = tmp_path / "events.parquet"
    pq.write_table(pa.table({"person": pa.array([1, 1, 2], pa.uint32()), "ts": [5, 6, 7]}), path)
    files = exp.func("read_parquet", exp.Literal.string(str(path)), dialect="duckdb")
    count = exp.select("person", "count(*) AS n").from_("events").group_by("1").order_by("1")
    engine = DuckDBEngine({"events": exp.select("*").from_(files)}, Catalog())
    before = engine.run(count)
    engine.hold("events")
    path.unlink()
    assert engine.run(count).equals(before)
    assert before.to_pylist() == [{"person": 1, "n": 2}, {"person": 2, "n": 1}]
    engine.close()
