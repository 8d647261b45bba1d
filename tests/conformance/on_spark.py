"""Spark in threads of this process: one session for all tests, a new engine for each scene."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from conformance.engines import Ask, answered, planned
from fewer.evaluate.engines.base import Dataset, EngineSettings
from fewer.evaluate.engines.spark import SparkEngine
from fewer.evaluate.engines.spark_session import Session, opened
from strategies.scene import Scene
from worlds import load

SETTINGS = EngineSettings(
    url="local[2]",
    # Hundreds of small plans: a compiler that looks at them twice costs more than it saves.
    options={"spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"},
)


@cache
def session() -> Session:
    """Started once; it ends with the process."""
    return opened(SETTINGS)


@contextmanager
def answering(scene: Scene) -> Iterator[Ask]:
    """The engine, over a scene's world in Parquet files."""
    session()
    with TemporaryDirectory(prefix="fewer-world-") as folder:
        loaded = load(scene.world, Path(folder))
        files = (str(Path(folder) / "events.parquet"),)
        engine = SparkEngine.open(Dataset(loaded.relations, loaded.catalog, files), SETTINGS)
        try:
            yield lambda asked: answered(engine.evaluate(planned(scene, asked, loaded.catalog)))
        finally:
            engine.close()
