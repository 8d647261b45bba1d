"""(g) Memory: every step over the whole log in a process of its own, none above the limit."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

from fewer_bench.children import Ran, child
from fewer_bench.figures import Budget, Section, told
from fewer_bench.ingestion import LIMIT, MB
from fewer_bench.mix import edits
from fewer_bench.options import Options


def measure(options: Options) -> Section:
    """Ingest (as it was done when the world was made), index, build, preview, export."""
    section = Section("g", f"(g) Memory of each step over {options.events:,} events")
    world = options.world()
    segments = options.drawn()
    world.define(segments)
    engine = options.subject
    conditions = [drawn.where for drawn in edits(min(options.edits, 100), options.seed)]
    ran: dict[str, Ran] = {"ingest": world.ingested()}
    with told("index, build, preview, export, each in a process of its own"):
        shutil.rmtree(world.store / "index", ignore_errors=True)
        ran["index"] = child("index", world.folder, engine=engine)
        ran["build"] = child("build", world.folder, engine=engine, as_of=world.log.end)
        ran["preview"] = child(
            "preview", world.folder, engine=engine, as_of=world.log.end, conditions=conditions
        )
        largest = max(ran["build"].said["sizes"].items(), key=lambda item: item[1])[0]
        with tempfile.TemporaryDirectory() as folder:
            path = str(Path(folder) / "audience.csv")
            ran["export"] = child("export", world.folder, segment=largest, path=path)
    rows: list[list[Any]] = [
        [step, one.seconds, one.cpu, one.peak / MB, LIMIT / MB] for step, one in ran.items()
    ]
    columns = ("step", "seconds", "of processor", "most anonymous memory, MB", "limit, MB")
    section.table("", columns, rows)
    section.budgets += [
        Budget(f"{step}: anonymous memory", one.peak / MB, LIMIT / MB, "MB")
        for step, one in ran.items()
    ]
    section.notes.append(
        f"The build has {len(segments)} segments; the preview answers {len(conditions)} "
        "conditions; the export is the largest segment, identified by the project's own ids."
    )
    return section
