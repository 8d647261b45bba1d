"""Tables in place: whatever shape they have, they answer as the same data in the store does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from conformance.engines import answered, expected, planned
from conformance.smallest import report
from fewer.evaluate.engines.base import Dataset, EngineSettings, load
from fewer.evaluate.sql.in_place import counts, in_place
from fewer.model.catalog import Catalog
from oracle.segments import Answer
from own_tables import (
    CLICKHOUSE_TIMES,
    FIRST,
    LAST,
    Spelled,
    in_clickhouse,
    in_duckdb,
    in_postgres,
    spellable,
    spelled,
)
from strategies.definition import Asked, seeded
from strategies.scene import Scene


def place_of(name: str, own: Spelled, folder: Path) -> EngineSettings:
    """The tables, in a new database of that engine."""
    if name == "duckdb":
        return EngineSettings(url=in_duckdb(own, folder / "own.duckdb"))
    import psycopg

    from postgres_server import shared

    database = f"own_{abs(hash(folder))}"
    with psycopg.connect(shared().url(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {database}")
    return EngineSettings(url=in_postgres(own, shared().url(database)))


@contextmanager
def opened(name: str, own: Spelled, settings: EngineSettings) -> Iterator[tuple[Any, Catalog]]:
    """The engine over the tables."""
    kind = load(name)
    tables = own.own
    known = kind.described([t.place for t in tables.located], settings)
    read = in_place(tables, known, kind.own_functions, zone="UTC")

    def number(keys: pa.Array) -> pa.Array:
        return pa.array([own.numbers[key] for key in keys.to_pylist()], pa.uint32())

    dataset = Dataset(read.relations, read.catalog, in_place=True, number=number)
    engine = kind.open(dataset, settings)
    try:
        rows = engine.run(counts()).to_pylist()
        yield engine, read.catalog.model_copy(update={"events": {r["event"]: r["n"] for r in rows}})
    finally:
        engine.close()


def answer(name: str, scene: Scene, asked: Asked, folder: Path, seed: int) -> Answer:
    own = spelled(scene.world, seed=seed)
    if name == "clickhouse":
        drop = in_clickhouse(own, folder)
        try:
            with opened(name, own, EngineSettings()) as (engine, catalog):
                return answered(engine.evaluate(planned(scene, asked, catalog)))
        finally:
            drop()
    with opened(name, own, place_of(name, own, folder)) as (engine, catalog):
        return answered(engine.evaluate(planned(scene, asked, catalog)))


ENGINES = [
    "duckdb",
    pytest.param("postgres", marks=pytest.mark.postgres),
    pytest.param("clickhouse", marks=pytest.mark.clickhouse),
]
TIMES = {"clickhouse": CLICKHOUSE_TIMES}


@pytest.mark.parametrize(
    "seed",
    [*range(9_000, 9_003), *(pytest.param(n, marks=pytest.mark.slow) for n in range(9_003, 9_030))],
)
@pytest.mark.parametrize("name", ENGINES)
def test_random_worlds_in_other_shapes(name, seed, tmp_path):
    scene, asked = seeded(seed, 60)
    scene = replace(scene, world=spellable(scene.world, TIMES.get(name, (FIRST, LAST))))
    found, right = answer(name, scene, asked, tmp_path, seed), expected(scene, asked)
    assert found == right, report((scene, asked), "differs", found, right)
