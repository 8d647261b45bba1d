"""ClickHouse beyond conformance: what it reads, what it leaves behind, and what goes wrong."""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
import sqlglot
from sqlglot import exp

from conformance.engines import answered, expected, planned, scene_of
from fewer.errors import EngineError, MissingExtraError, StoppedError
from fewer.evaluate.engines.base import Dataset, EngineSettings
from fewer.evaluate.engines.clickhouse import ClickHouseEngine
from fewer.evaluate.engines.why import why
from fewer.model.segment import Segment
from fewer.project.engines import dataset as dataset_of
from fewer.project.project import Project
from oracle.drawn import at, draw
from oracle.segments import Answer
from projects import storable, write
from strategies.definition import Asked, seeded
from strategies.scene import Scene
from worlds import load

pytestmark = pytest.mark.clickhouse

AWKWARD = "ann'\\x\n\t\0é%@example.com"


@pytest.fixture
def drawn() -> tuple[Scene, Asked]:
    return seeded(20_000, 25)


@pytest.fixture
def data(drawn, tmp_path: Path) -> Dataset:
    """The world in files, events among them as the store has them: one file a day or so."""
    loaded = load(drawn[0].world, tmp_path)
    return Dataset(loaded.relations, loaded.catalog, files=split(tmp_path / "events.parquet"))


def split(events: Path) -> tuple[str, ...]:
    """Two files below folders of their own; columns that are null throughout are left out."""
    table = pq.read_table(events)
    table = table.set_column(1, "person", pc.cast(table["person"], pa.int32(), safe=False))
    paths = []
    for n, part in enumerate((table.slice(0, 7), table.slice(7))):
        kept = [name for name in part.column_names if part[name].null_count < part.num_rows]
        fixed = [name for name in table.column_names[:5] if name not in kept]
        path = events.parent / f"day=2026-01-0{n + 1}" / "a file.parquet"
        path.parent.mkdir()
        pq.write_table(part.select([*fixed, *kept]), path)
        paths.append(str(path))
    return tuple(paths)


def open_(data: Dataset, **settings: Any) -> ClickHouseEngine:
    return ClickHouseEngine.open(data, EngineSettings(**settings))


@pytest.fixture
def engine(data) -> Iterator[ClickHouseEngine]:
    opened = open_(data)
    yield opened
    opened.close()


def answer(
    engine: ClickHouseEngine, data: Dataset, drawn: tuple[Scene, Asked], **how: Any
) -> Answer:
    return answered(engine.evaluate(planned(*drawn, data.catalog), **how))


def parsed(sql: str) -> exp.Query:
    query = sqlglot.parse_one(sql, dialect="clickhouse")
    assert isinstance(query, exp.Query)
    return query


# ----------------------------------------------------------------------------------- what it reads


def test_files_that_lack_columns(engine, data, drawn):
    assert answer(engine, data, drawn) == expected(*drawn)


@pytest.mark.parametrize("folder", ["a,b", "{a}", "what?", "1*", "it's é \\"])
def test_paths_that_mean_something_in_a_pattern(folder, drawn, tmp_path):
    place = tmp_path / folder
    place.mkdir()
    loaded = load(drawn[0].world, place)
    files = split(place / "events.parquet")
    data = Dataset(loaded.relations, loaded.catalog, files, fingerprint="f", cache=place)
    engine = open_(data)
    assert answer(engine, data, drawn) == expected(*drawn)
    engine.close()


def test_rare_properties_are_read_by_duckdb(drawn, tmp_path):
    """The store keeps them as JSON in one column, whose conversions are DuckDB's own."""
    loaded = load(drawn[0].world, tmp_path)
    table = pq.read_table(tmp_path / "events.parquet")
    rare = next(c for typed in loaded.catalog.properties.values() for c in typed.values())
    rows = [json.dumps({rare: v}) if v is not None else None for v in table[rare].to_pylist()]
    cast = {"t": "VARCHAR", "b": "BOOLEAN"}.get(rare[-1], "BIGINT")
    table = table.drop_columns([rare]).append_column("overflow", pa.array(rows, pa.string()))
    path = tmp_path / "with overflow.parquet"
    pq.write_table(table, path)
    kept = ", ".join(name for name in table.column_names if name != "overflow")
    value = f"CAST(json_extract_string(overflow, '$.{rare}') AS {cast}) AS {rare}"
    sql = f"SELECT {kept}, {value} FROM read_parquet('{path}')"  # noqa: S608  our own names
    relations = {**loaded.relations, "events": sqlglot.parse_one(sql, dialect="duckdb")}
    data = Dataset(relations, loaded.catalog, files=(str(path),))
    engine = open_(data)
    assert answer(engine, data, drawn) == expected(*drawn)
    engine.close()


@pytest.mark.parametrize("form", ["jsonl", "parquet"])
def test_a_store(form, tmp_path):
    """Of two ingests: Delta files, persons as INT32, versions, and `why`."""
    scene, asked = seeded(20_001, 40)
    scene = replace(scene, world=storable(scene.world, form))
    write(scene, asked, tmp_path, form)
    with Project.open(tmp_path) as project:
        project.ingest()
        snapshot = project.build(as_of=scene.as_of_us)
        data = dataset_of(project, scene.as_of_us)
        engine = open_(data)
        made = planned(scene, asked, data.catalog)
        found = engine.evaluate(made)
        for id_, view in snapshot.segments.items():
            assert found.members[id_] == view.members, id_
        person = min(found.universe)
        for segment in asked.segments[:10]:
            root = why(engine, made, segment.id, person)
            assert root.holds == (person in found.members[segment.id])
        engine.close()


def test_relations_are_copied_once_while_they_are_the_same(data, drawn, tmp_path):
    cache = tmp_path / "cache"
    kept = replace(data, fingerprint="f1", cache=cache)
    files = []
    for _ in range(2):
        engine = open_(kept)
        answer(engine, kept, drawn)
        engine.close()
        files.append({p.name: p.stat().st_ino for p in cache.rglob("*.parquet")})
    assert files[0] == files[1]
    assert not any(name.startswith("events") for name in files[0])
    for path in cache.rglob("*.parquet"):
        os.utime(path, (0, 0))
    newer = replace(data, fingerprint="f2", cache=cache)
    engine = open_(newer)
    answer(engine, newer, drawn)
    engine.close()
    left = {p.name for p in cache.rglob("*.parquet")}
    assert len(left) == len(files[0])
    assert not left & files[0].keys()


def test_a_relation_that_is_held_has_the_same_rows(engine, data):
    query = exp.select("event_id", "person", "ts").from_("events").order_by("event_id")
    before = engine.run(query)
    engine.hold("events")
    for path in data.files:
        Path(path).unlink()
    assert engine.run(query) == before


def test_two_engines_at_once(data, drawn):
    right, found = expected(*drawn), []

    def work() -> None:
        engine = open_(data)
        found.append(answer(engine, data, drawn))
        engine.close()

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [right] * 3


def test_a_character_of_several_bytes_may_be_absent():
    """ClickHouse itself looks for the first bytes of 🙂 before it asks for ``🙂*``."""
    world = draw(ann=[at("-1d", v="plain")], bob=[at("-1d", v="🙂🙂")], cy=[at("-1d", v="€")])
    texts = ["🙂*$", "x?🙂{0,2}", "🙂+", "[🙂]*€", "(🙂|€)?n", "\\.?€?$"]
    segments = tuple(
        Segment.model_validate(
            {"id": f"s{n}", "where": {"did": "*", "where": {"v": {"matches": text}}}}
        )
        for n, text in enumerate(texts)
    )
    scene, asked = scene_of(world), Asked(segments)
    from conformance.on_clickhouse import answering

    with answering(scene) as ask:
        assert ask(asked) == expected(scene, asked)


# -------------------------------------------------------------------------------------- parameters


@pytest.mark.parametrize("value", [AWKWARD, "", "{p0:String}", "?", 7, -(2**63), True, None, 1.5])
def test_a_parameter_arrives_as_it_is(engine, value):
    query = exp.select(exp.alias_(exp.Placeholder(), "v"))
    assert engine.run(query, parameters=[value]).to_pylist() == [{"v": value}]


def test_parameters_fill_the_text_from_left_to_right(engine):
    query = parsed("SELECT ? AS c, d, e FROM (SELECT ? AS d, '?' AS e) AS x WHERE d = ?")
    query.set(
        "with_",
        exp.With(expressions=[exp.CTE(this=parsed("SELECT ? AS y"), alias=exp.to_identifier("w"))]),
    )
    found = engine.run(query, parameters=["first", "second", "third", "third"])
    assert found.to_pylist() == [{"c": "second", "d": "third", "e": "?"}]


def test_numbers_of_persons_as_one_parameter(engine, drawn):
    some = sorted(drawn[0].world.persons)[:2]
    query = parsed("SELECT person FROM persons WHERE person IN ? ORDER BY person")
    assert engine.run(query, parameters=[some])["person"].to_pylist() == some


def test_a_wrong_number_of_parameters_or_of_a_wrong_kind(engine):
    query = exp.select(exp.Placeholder())
    with pytest.raises(EngineError, match="1 placeholders, 2 values"):
        engine.run(query, parameters=[1, 2])
    with pytest.raises(EngineError, match="parameter of type set"):
        engine.run(query, parameters=[{1}])


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT nothing FROM events WHERE event = ?",
        "SELECT toInt64(?) FROM events",
        "SELECT throwIf(1, 'x') WHERE ? != ''",
        "SELECT toDate(?)",
    ],
)
def test_no_error_shows_a_parameter(engine, sql):
    with pytest.raises(EngineError) as caught:
        engine.run(parsed(sql), parameters=["ann@example.com"])
    assert "ann@" not in str(caught.value)
    assert "616E6E" not in str(caught.value).upper()


def test_no_error_shows_a_value_of_the_data(engine, drawn):
    keys = set(drawn[0].world.persons.values()) - {""}
    with pytest.raises(EngineError, match="CANNOT_PARSE_TEXT") as caught:
        engine.run(parsed("SELECT toInt64(concat('k', key)) FROM persons"))
    said = str(caught.value).partition("\n")[0]
    assert not [key for key in keys if len(key) > 2 and key in said]


def test_an_error_names_what_is_unknown_and_shows_the_query(engine):
    with pytest.raises(
        EngineError, match=r"(?s)`nothing`.*UNKNOWN_IDENTIFIER.*SELECT nothing FROM"
    ):
        engine.run(parsed("SELECT nothing FROM events"))


@pytest.mark.parametrize("value", [0, 1, -1, 2**70, -(2**100)])
def test_sums_of_128_bits(engine, value):
    found = engine.run(parsed(f"SELECT toInt128('{value}') AS v, NULLIF(v, v) AS w"))
    assert found.to_pylist() == [{"v": value, "w": None}]


def test_an_empty_result_has_columns(engine):
    assert engine.run(parsed("SELECT person, event FROM events WHERE 0")).column_names == [
        "person",
        "event",
    ]


# --------------------------------------------------------------------------------- what goes wrong


def test_a_data_file_that_is_gone(data, drawn):
    Path(data.files[1]).unlink()
    engine = open_(data)
    with pytest.raises(EngineError, match=r"is gone: .*day=2026-01-02.*ingest"):
        answer(engine, data, drawn)
    engine.close()


@pytest.mark.parametrize("step", ["universe", "base"])
def test_a_data_file_that_vanishes_meanwhile(engine, data, drawn, step):
    """ClickHouse would take a pattern without it for a smaller answer."""

    def progress(name: str, *_: int) -> None:
        if name == step:
            Path(data.files[0]).unlink()

    with pytest.raises(EngineError, match="is gone"):
        answer(engine, data, drawn, progress=progress)


def test_a_data_file_that_is_replaced(engine, data, drawn):
    assert answer(engine, data, drawn) == expected(*drawn)
    pq.write_table(pq.read_table(data.files[0]).slice(1), data.files[0])
    with pytest.raises(EngineError, match="has changed while it was read"):
        answer(engine, data, drawn)


def test_a_data_file_that_is_damaged(data, drawn):
    Path(data.files[0]).write_bytes(b"PAR1 no more")
    engine = open_(data)
    with pytest.raises(EngineError, match="is no Parquet file any more"):
        answer(engine, data, drawn)
    engine.close()


@pytest.mark.parametrize(
    "column, values, said",
    [
        ("ts", pa.array(["x"]), "holds String in column 'ts' instead of Int64"),
        ("person", pa.array([1.5]), "holds Float64 in column 'person' instead of Int32"),
        ("event", None, "lacks the column 'event'"),
    ],
)
def test_a_column_that_changed_its_type(data, drawn, column, values, said):
    """ClickHouse would convert it, and make null of what it can't convert."""
    table = pq.read_table(data.files[0]).slice(0, 1)
    place = table.schema.get_field_index(column)
    table = table.remove_column(place)
    pq.write_table(table.append_column(column, values) if values else table, data.files[0])
    engine = open_(data)
    with pytest.raises(EngineError, match=said):
        answer(engine, data, drawn)
    engine.close()


def test_stopped_between_steps(engine, data, drawn):
    asked: list[int] = []

    def stop() -> bool:
        asked.append(1)
        return len(asked) > 4

    with pytest.raises(StoppedError):
        answer(engine, data, drawn, should_stop=stop)
    assert answer(engine, data, drawn) == expected(*drawn)


def test_nothing_is_left_behind(data, drawn):
    engine = open_(data)
    engine.hold("people")
    answer(engine, data, drawn)
    watch = open_(data)
    kept = parsed("SELECT name FROM system.databases WHERE name LIKE 'fewer%'")
    steps = parsed("SELECT name FROM system.tables WHERE is_temporary")
    assert watch.run(kept).num_rows == 1
    assert engine.run(steps).num_rows == 0
    engine.close()
    assert watch.run(kept).num_rows == 0
    watch.close()


def test_too_little_memory(data, drawn):
    engine = open_(data, memory_limit="1 KB")
    with pytest.raises(EngineError, match=r"MEMORY_LIMIT_EXCEEDED.*Give the engine more memory"):
        answer(engine, data, drawn)
    engine.close()


def test_a_size_of_memory_that_is_none(data):
    with pytest.raises(EngineError, match=r"'lots' is no size of memory\. Write it as 4GB"):
        open_(data, memory_limit="lots")


def test_an_option_of_clickhouse_itself(data):
    engine = open_(data, options={"max_block_size": "7", "join_use_nulls": "0"})
    found = engine.run(
        parsed("SELECT getSetting('max_block_size') AS a, getSetting('join_use_nulls') AS b")
    )
    assert found.to_pylist() == [{"a": 7, "b": True}]  # the meaning of queries is no option
    engine.close()
    with pytest.raises(EngineError, match="UNKNOWN_SETTING"):
        open_(data, options={"no_such_setting": "1"})


@pytest.mark.parametrize(
    "module, settings",
    [("chdb.session", {}), ("clickhouse_connect", {"url": "clickhouse://localhost"})],
)
def test_a_part_that_is_not_installed(data, monkeypatch, module, settings):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtraError, match=r"pip install 'fewer\[clickhouse\]'"):
        open_(data, **settings)
