"""The engine on the index, asked about scenes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from conformance.engines import Ask, answered, planned
from fewer.evaluate.engines.base import Dataset, EngineSettings
from fewer.evaluate.engines.embedded import EmbeddedEngine
from strategies.scene import Scene
from worlds import load


@contextmanager
def answering(scene: Scene) -> Iterator[Ask]:
    """The engine over a scene's world in Parquet files."""
    with TemporaryDirectory(prefix="fewer-world-") as folder:
        loaded = load(scene.world, Path(folder))
        dataset = Dataset(loaded.relations, loaded.catalog, (str(Path(folder) / "events.parquet"),))
        engine = EmbeddedEngine.open(dataset, EngineSettings())
        yield lambda asked: answered(engine.evaluate(planned(scene, asked, loaded.catalog)))
        engine.close()
