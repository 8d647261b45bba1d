"""ClickHouse in this process, over the same files as DuckDB."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from conformance.engines import answered, planned
from fewer.evaluate.engines.base import Dataset, EngineSettings
from fewer.evaluate.engines.clickhouse import ClickHouseEngine
from strategies.scene import Scene
from worlds import load


@contextmanager
def answering(scene: Scene) -> Iterator[Any]:
    """Sessions of chdb share one server in the process, which starts once."""
    with TemporaryDirectory(prefix="fewer-world-") as folder:
        loaded = load(scene.world, Path(folder))
        dataset = Dataset(
            loaded.relations, loaded.catalog, files=(str(Path(folder) / "events.parquet"),)
        )
        engine = ClickHouseEngine.open(dataset, EngineSettings())
        try:
            yield lambda asked: answered(engine.evaluate(planned(scene, asked, loaded.catalog)))
        finally:
            engine.close()
