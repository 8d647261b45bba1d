"""A project with a synthetic log in it, made through the real way in and kept for the next run."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from fewer.evaluate.engines.base import Dataset
from fewer.evaluate.plan.plan import Plan, plan
from fewer.model.window import Duration
from fewer.project.project import Project
from fewer_bench.children import Ran, child
from fewer_bench.events import Log
from fewer_bench.mix import Drawn

SETTINGS: Final = """\
version: 1
name: Benchmark
data: simulated
timezone: America/New_York
sources:
  - id: log
    files: raw/*.parquet
    events:
      event: {column: event}
      person: user_id
      ts: ts
      id: event_id
      properties:
        category: category
        page: page
        device: device
        value: {column: value, type: number}
"""
_DONE: Final = "done.json"


@dataclass(frozen=True, slots=True)
class World:
    """A project folder with a log, ingested or not yet."""

    folder: Path
    log: Log

    @property
    def raw(self) -> Path:
        """Folder of the log's files."""
        return self.folder / "raw"

    @property
    def store(self) -> Path:
        """Folder of the store's tables and of the index."""
        return self.folder / ".fewer"

    def write(self) -> None:
        """Write the log and the settings; nothing is ingested."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.log.write(self.raw)
        (self.folder / "fewer.yaml").write_text(SETTINGS)

    def define(self, segments: Sequence[Drawn]) -> None:
        """Write definitions into the project; any size is right, so that no edits are tried."""
        folder = self.folder / "segments"
        folder.mkdir(exist_ok=True)
        entries = [
            {"id": drawn.id, "where": drawn.where, "size": {"min": 0, "max": 1_000_000_000}}
            for drawn in segments
        ]
        (folder / "all.yaml").write_text(json.dumps(entries))

    def ingest(self) -> Ran:
        """Ingest what is new in a process of its own, and keep what it took."""
        ran = child("ingest", self.folder)
        (self.folder / _DONE).write_text(json.dumps(asdict(ran)))
        return ran

    def ingested(self) -> Ran:
        """What it took when it was ingested, in this run or an earlier one."""
        return Ran(**json.loads((self.folder / _DONE).read_text()))

    @contextmanager
    def opened(self) -> Iterator[tuple[Project, Dataset]]:
        """The project, and its data as engines get it at the end of the log."""
        from fewer.project.engines import dataset  # noqa: PLC0415  children pay for it otherwise

        with Project.open(self.folder) as project:
            yield project, dataset(project, self.log.end)


def made(root: Path, log: Log) -> World:
    """A world that is ingested; one of an earlier run is taken as it is."""
    world = World(root / f"{log.events}x{log.people}s{log.seed}", log)
    if not (world.folder / _DONE).exists():
        world.write()
        world.ingest()
    return world


def planned(segments: Sequence[Drawn], data: Dataset, as_of_us: int) -> Plan:
    """The segments, made ready as the project makes them."""
    return plan(
        [drawn.segment for drawn in segments],
        as_of_us=as_of_us,
        timezone="America/New_York",
        session_gap=Duration.parse("30m"),
        catalog=data.catalog,
    )


def size(folder: Path) -> int:
    """Bytes of all files below a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
