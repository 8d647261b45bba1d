"""Spark beyond the meaning of definitions: parts, executors, and what vanishes under it."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from subprocess import DEVNULL
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sqlglot import exp, parse_one

from conformance.engines import answered, expected, planned
from fewer.errors import EngineError, MissingExtraError, StoppedError
from fewer.evaluate.engines import spark_session, spark_work
from fewer.evaluate.engines.base import Dataset, EngineSettings
from fewer.evaluate.engines.base import load as load_engine
from fewer.evaluate.engines.spark import SparkEngine
from fewer.evaluate.engines.spark_errors import refused
from fewer.model.catalog import Catalog
from strategies.definition import seeded
from worlds import load

TESTS = Path(__file__).parents[1]


@contextmanager
def opened(data: Dataset) -> Iterator[SparkEngine]:
    """An engine in the session that all tests share."""
    from conformance.on_spark import SETTINGS, session

    session()
    engine = SparkEngine.open(data, SETTINGS)
    try:
        yield engine
    finally:
        engine.close()


@pytest.fixture
def drawn(tmp_path: Path) -> Any:
    """A scene, what is asked of it, and its data in files."""
    scene, asked = seeded(5, 30)
    loaded = load(scene.world, tmp_path)
    data = Dataset(loaded.relations, loaded.catalog, (str(tmp_path / "events.parquet"),))
    return scene, asked, data


@pytest.fixture
def connect_server() -> Iterator[str]:
    """URL of a real server of Spark Connect on a free port of this machine."""
    import pyspark

    pytest.importorskip("grpc", reason="never: needs pyspark[connect]")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = {
        "spark.connect.grpc.binding.port": port,
        "spark.connect.grpc.binding.address": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.ui.enabled": "false",
    }
    command = [Path(pyspark.__file__).parent / "bin/spark-submit", "--master", "local[2]"]
    command += ["--class", "org.apache.spark.sql.connect.service.SparkConnectServer"]
    command += [part for key, value in options.items() for part in ("--conf", f"{key}={value}")]
    command.append("spark-internal")
    with subprocess.Popen(command, stdout=DEVNULL, stderr=DEVNULL) as server:
        try:
            for _ in range(600):
                if server.poll() is not None or _answers(port):
                    break
                time.sleep(0.1)
            yield f"sc://127.0.0.1:{port}"
        finally:
            server.terminate()


def _answers(port: int) -> bool:
    with socket.socket() as asked:
        return asked.connect_ex(("127.0.0.1", port)) == 0


def apart(what: str, url: str) -> dict[str, Any]:
    """What `spark_apart.py` says, which runs in a process of its own."""
    done = subprocess.run(
        [sys.executable, TESTS / "evaluate/spark_apart.py", what, url],
        env={**os.environ, "PYTHONPATH": str(TESTS)},
        capture_output=True,
        text=True,
        timeout=570,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3_000:]
    said: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return said


# -------------------------------------------------------------------------- before Spark starts


def test_found_by_entry_point():
    assert load_engine("spark") is SparkEngine


def test_without_pyspark_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyspark.sql", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'fewer\[spark\]'"):
        SparkEngine.open(Dataset({}, Catalog()), EngineSettings())


def test_without_java_its_package_is_named(monkeypatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("JAVA_HOME", raising=False)
    with pytest.raises(EngineError, match="apt-get install openjdk-17-jre-headless"):
        spark_session._find_java()


@pytest.mark.parametrize(
    "size, java", [("4GB", "4g"), ("512 MB", "512m"), ("2GiB", "2g"), ("a lot", None)]
)
def test_sizes(size, java):
    if java:
        assert spark_session._java_size(size) == java
        return
    with pytest.raises(EngineError, match="'a lot' is no size"):
        spark_session._java_size(size)


def test_an_error_of_a_task_is_told_without_its_values():
    class SparkRuntimeException(Exception):  # noqa: N818  a name of Spark's
        pass

    error = SparkRuntimeException(
        "[CAST_INVALID_INPUT] The value 'eve@example.com' of the type \"STRING\" cannot be cast"
        " caused by org.apache.spark.SparkNumberFormatException: eve@example.com"
    )
    said = str(refused(error, "SELECT 1"))
    assert "eve" not in said
    assert "CAST_INVALID_INPUT" in said
    assert "SparkNumberFormatException" in said
    assert said.endswith("SELECT 1")


# ------------------------------------------------------------------------------------ in threads


@pytest.mark.spark
class TestInThreads:
    def test_many_parts_and_compiled_plans(self, drawn, monkeypatch):
        """As large data are treated: divided, compiled, and fetched part by part."""
        monkeypatch.setattr(spark_work, "_PART", 6)
        monkeypatch.setattr(spark_work, "_SMALL", 0)
        monkeypatch.setattr(spark_work, "_CHUNK_BYTES", 100)
        scene, asked, data = drawn
        with opened(data) as engine:
            found = engine.evaluate(planned(scene, asked, data.catalog))
        assert answered(found) == expected(scene, asked)
        assert found.facts["parts"] > 2

    def test_staged_events(self, drawn):
        """When the files of events are not known, DuckDB hands the events over."""
        scene, asked, data = drawn
        with opened(replace(data, files=())) as engine:
            found = engine.evaluate(planned(scene, asked, data.catalog))
        assert answered(found) == expected(scene, asked)

    def test_rare_properties_are_staged(self, drawn, tmp_path):
        """A column that no file has is in the JSON of one; only the relation knows how."""
        scene, asked, data = drawn
        table = pq.read_table(data.files[0])
        coded = next(name for name in table.column_names if name.startswith("p"))
        overflow = pa.array(["{}"] * table.num_rows)
        rare = tmp_path / "rare.parquet"
        pq.write_table(table.drop_columns([coded]).append_column("overflow", overflow), rare)
        with opened(replace(data, files=(str(rare),))) as engine:
            found = engine.evaluate(planned(scene, asked, data.catalog))
        assert answered(found) == expected(scene, asked)

    def test_what_is_staged_is_used_again(self, drawn, tmp_path):
        scene, asked, data = drawn
        kept = replace(data, cache=tmp_path / "cache", fingerprint="f1")
        plan = planned(scene, asked, data.catalog)
        with opened(kept) as engine:
            first = answered(engine.evaluate(plan))
        files = {path: path.stat().st_ino for path in (tmp_path / "cache").rglob("*.parquet")}
        with opened(kept) as engine:
            assert answered(engine.evaluate(plan)) == first
        assert files == {p: p.stat().st_ino for p in (tmp_path / "cache").rglob("*.parquet")}

    def test_stops_when_asked_and_goes_on_later(self, drawn):
        scene, asked, data = drawn
        plan = planned(scene, asked, data.catalog)
        with opened(data) as engine:
            left = [20]

            def stop() -> bool:
                left[0] -= 1
                return left[0] < 0

            with pytest.raises(StoppedError):
                engine.evaluate(plan, should_stop=stop)
            assert answered(engine.evaluate(plan)) == expected(scene, asked)

    def test_reports_progress(self, drawn):
        scene, asked, data = drawn
        plan = planned(scene, asked, data.catalog)
        seen: list[tuple[str, int, int]] = []
        with opened(data) as engine:
            found = engine.evaluate(plan, progress=lambda *what: seen.append(what))
        assert [name for name, _, _ in seen] == [step.name for step in found.steps]
        assert seen[-1][0] == "result_1"
        assert seen[-1][1] == seen[-1][2] == len(seen)
        assert found.steps[-1].rows == len(found.universe)

    def test_values_of_parameters_and_rows_are_not_told(self, world):
        world.did("eve", "note", 5, said="eve@example.com")
        data = Dataset(world.relations, world.catalog)
        said = world.catalog.properties["said"]["text"]
        with opened(data) as engine:
            asked = exp.EQ(this=exp.column(said), expression=exp.Placeholder())
            query = exp.select("event").from_("events").where(asked)
            assert engine.run(query, parameters=["eve@example.com"]).num_rows == 1
            with pytest.raises(EngineError) as raised:
                engine.run(exp.select(exp.cast(exp.column(said), "INT")).from_("events"))
        assert "eve@" not in str(raised.value)
        assert f"CAST({said} AS INT)" in str(raised.value)
        assert raised.value.__suppress_context__

    def test_an_unknown_column_is_named(self, world):
        with (
            opened(Dataset(world.relations, world.catalog)) as engine,
            pytest.raises(EngineError, match="nowhere"),
        ):
            engine.run(exp.select("nowhere").from_("events"))

    def test_a_held_relation_needs_its_files_no_more(self, drawn):
        _, _, data = drawn
        count = parse_one("SELECT COUNT(*) AS n FROM events", dialect="spark")
        with opened(data) as engine:
            engine.hold("events")
            before = engine.run(count)
            Path(data.files[0]).unlink()
            assert engine.run(count).equals(before)

    def test_another_url_than_the_one_that_runs(self, drawn):
        _, _, data = drawn
        with opened(data), pytest.raises(EngineError, match=r"runs Spark at 'local\[2\]' already"):
            SparkEngine.open(data, EngineSettings(url="local[1]"))


@pytest.mark.spark
class TestInPlace:
    def test_the_users_own_tables(self, tmp_path):
        """Called as ours are, with texts for persons, and read where they are."""
        from conformance.on_spark import session

        spark = session().spark
        rows = {"who": ["ann", "ann", "bob"], "at": [5, 6, 7], "what": ["view", "buy", "view"]}
        pq.write_table(pa.table(rows), tmp_path / "own.parquet")
        spark.sql("DROP TABLE IF EXISTS events")
        spark.sql(f"CREATE TABLE events USING parquet LOCATION '{tmp_path / 'own.parquet'}'")
        nobody = "SELECT CAST(NULL AS STRING) AS person, {} WHERE FALSE"
        texts = {
            "events": "SELECT CONCAT(who, at) AS event_id, who AS person, at AS ts, what AS event"
            " FROM events",
            "people": "SELECT CAST(NULL AS STRING) AS person WHERE FALSE",
            "persons": "SELECT DISTINCT who AS person, who AS key FROM events",
            "consents": nobody.format("'' AS purpose, '' AS state"),
            "items": "SELECT '' AS item_id WHERE FALSE",
            "lists": nobody.format("'' AS list_id"),
        }
        numbers: dict[str, int] = {}

        def number(persons: pa.Array) -> pa.Array:
            found = [numbers.setdefault(key, 40 + len(numbers)) for key in persons.to_pylist()]
            return pa.array(found, pa.uint32())

        catalog = Catalog(events={"view": 2, "buy": 1})
        relations = {name: parse_one(text, dialect="spark") for name, text in texts.items()}
        data = Dataset(relations, catalog, in_place=True, number=number)
        from fewer.evaluate.plan.plan import plan
        from fewer.model.segment import Segment
        from fewer.model.window import Duration

        asked = (
            Segment.model_validate({"id": "buyers", "where": {"did": "buy"}}),
            Segment.model_validate({"id": "rest", "where": {"did_not": "buy"}}),
        )
        made = plan(
            asked, as_of_us=10, timezone="UTC", session_gap=Duration.parse("30m"), catalog=catalog
        )
        try:
            with opened(data) as engine:
                found = engine.evaluate(made)
        finally:
            spark.sql("DROP TABLE events")
        names = {n: key for key, n in numbers.items()}
        assert {names[n] for n in found.universe} == {"ann", "bob"}
        assert {names[n] for n in found.members["buyers"]} == {"ann"}
        assert {names[n] for n in found.members["rest"]} == {"bob"}


@pytest.mark.spark
class TestDamage:
    """Never a wrong size."""

    def test_a_file_that_vanished(self, drawn):
        scene, asked, data = drawn
        with opened(data) as engine:
            Path(data.files[0]).unlink()
            with pytest.raises(EngineError, match="is not there any more"):
                engine.evaluate(planned(scene, asked, data.catalog))
        with pytest.raises(
            EngineError, match=r"events\.parquet of the store is not there any more"
        ):
            SparkEngine.open(data, EngineSettings(url="local[2]"))

    def test_a_column_of_another_type(self, drawn):
        scene, asked, data = drawn
        table = pq.read_table(data.files[0])
        place = table.column_names.index("ts")
        texts = table.set_column(place, "ts", table["ts"].cast(pa.string()))
        with opened(data) as engine:
            pq.write_table(texts, data.files[0])
            with pytest.raises(EngineError, match="has another type"):
                engine.evaluate(planned(scene, asked, data.catalog))
        with pytest.raises(EngineError, match=r"Column 'ts' of events\.parquet holds string"):
            SparkEngine.open(data, EngineSettings(url="local[2]"))

    def test_a_file_cut_short(self, drawn):
        scene, asked, data = drawn
        path = Path(data.files[0])
        with opened(data) as engine:
            path.write_bytes(path.read_bytes()[:-20])
            with pytest.raises(EngineError):
                engine.evaluate(planned(scene, asked, data.catalog))
        with pytest.raises(EngineError, match="no whole Parquet file"):
            SparkEngine.open(data, EngineSettings(url="local[2]"))


# ------------------------------------------------------------------------ in processes of its own


@pytest.mark.spark
@pytest.mark.slow
class TestApart:
    def test_two_executors(self):
        said = apart("equal", "local-cluster[2,1,900]")
        assert said["equal"] is True
        assert said["executors"] == 2
        assert said["parts"] > 2

    def test_an_executor_that_is_killed(self):
        """Its work is done again by others; or, if that can't be, the error says so."""
        said = apart("killed", "local-cluster[2,1,900]")
        assert said["killed"] == 1
        assert said.get("equal") is True or "executor died" in str(said["error"])

    def test_a_session_that_was_stopped(self):
        said = apart("stopped", "local[2]")
        assert "The session of Spark has ended" in str(said["error"])
        assert said["again"] is True

    def test_connect(self, connect_server):
        """A server of Spark Connect beside the client, as a user's would be."""
        said = apart("equal", connect_server)
        assert said["equal"] is True
        assert said["executors"] == 0  # they are the server's
