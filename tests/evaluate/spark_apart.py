"""Run by path, in a process of its own: Spark with executors of their own, or one that ends.

``python tests/evaluate/spark_apart.py equal|killed|stopped URL``; prints what happened as JSON.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread

from conformance.engines import answered, expected, planned
from fewer.errors import EngineError
from fewer.evaluate.engines import spark_work
from fewer.evaluate.engines.base import Dataset, EngineSettings
from fewer.evaluate.engines.spark import SparkEngine
from strategies.definition import seeded
from worlds import load

SEED, DEFINITIONS = 11, 12


def executors() -> list[int]:
    """Processes below this one that run executors."""
    names = (entry.name for entry in Path("/proc").iterdir())
    return [int(name) for name in names if name.isdigit() and _runs_executor(int(name))]


def _runs_executor(pid: int) -> bool:
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False
    return b"CoarseGrainedExecutorBackend" in command and _is_below_us(pid)


def _is_below_us(pid: int) -> bool:
    while pid > 1:
        if pid == os.getpid():
            return True
        try:
            pid = int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])
        except OSError:
            return False
    return False


def kill_one_at_work(engine: SparkEngine, killed: list[int]) -> None:
    """Wait until a task runs, then kill an executor."""
    tracker = engine.session.spark.sparkContext.statusTracker()
    for _ in range(6_000):
        active = [tracker.getStageInfo(stage) for stage in tracker.getActiveStageIds()]
        if any(stage and stage.numActiveTasks for stage in active):
            killed.append(executors()[0])
            os.kill(killed[0], signal.SIGKILL)
            return
        time.sleep(0.01)


def main(what: str, url: str) -> dict[str, object]:
    spark_work._PART = 20  # many parts and chunks of a small world
    spark_work._CHUNK_BYTES = 200
    scene, asked = seeded(SEED, DEFINITIONS)
    said: dict[str, object] = {}
    with TemporaryDirectory(prefix="fewer-world-") as folder:
        loaded = load(scene.world, Path(folder))
        data = Dataset(loaded.relations, loaded.catalog, (f"{folder}/events.parquet",))
        engine = SparkEngine.open(data, EngineSettings(url=url))
        plan = planned(scene, asked, loaded.catalog)
        killed: list[int] = []
        if what == "killed":
            Thread(target=kill_one_at_work, args=(engine, killed), daemon=True).start()
        if what == "stopped":
            engine.session.spark.stop()
        try:
            found = engine.evaluate(plan)
            said["equal"] = answered(found) == expected(scene, asked)
            said["parts"] = found.facts["parts"]
        except EngineError as error:
            said["error"] = str(error)
        said["killed"] = len(killed)
        said["executors"] = len(executors())
        engine.close()
        if what == "stopped":
            again = SparkEngine.open(data, EngineSettings(url=url))
            said["again"] = answered(again.evaluate(plan)) == expected(scene, asked)
            again.close()
    return said


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:3])), flush=True)  # noqa: T201  the test reads it
