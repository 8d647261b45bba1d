"""PostgreSQL, on a server of its own: each scene in temporary tables of one connection."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from conformance.engines import answered, planned
from fewer.evaluate.engines.base import Dataset, EngineSettings
from fewer.evaluate.engines.postgres import PostgresEngine
from postgres_server import shared
from strategies.scene import Scene
from worlds import load


@contextmanager
def answering(scene: Scene) -> Iterator[Any]:
    """The engine over a scene's world."""
    with TemporaryDirectory(prefix="fewer-world-") as folder:
        loaded = load(scene.world, Path(folder))
        dataset = Dataset(loaded.relations, loaded.catalog)
        engine = PostgresEngine.open(dataset, EngineSettings(url=shared().url()))
        try:
            yield lambda asked: answered(engine.evaluate(planned(scene, asked, loaded.catalog)))
        finally:
            engine.close()
