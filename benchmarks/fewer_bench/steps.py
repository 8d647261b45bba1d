"""What a child process does; the last line of its output is what it found, as JSON.

    python benchmarks/fewer_bench/steps.py STEP FOLDER ARGUMENTS

Whoever starts it says where `fewer_bench` is found.
"""

from __future__ import annotations

import json
import sys
import time
from array import array
from hashlib import sha256
from pathlib import Path
from typing import Any

from fewer.evaluate.engines.base import EngineSettings, load
from fewer.evaluate.plan.plan import plan as make_plan
from fewer.project.engines import dataset
from fewer.project.project import Project


def ingest(project: Project) -> dict[str, Any]:
    """Read what is new."""
    return {"events": project.ingest().rows.stored}


def index(project: Project, *, engine: str) -> dict[str, Any]:
    """Bring the index up to date with the store."""
    with project.engine(project.as_of("end"), engine) as opened:
        made = opened.prepare()
        return {"parts": len(made.parts), "made": made.made, "bytes": made.bytes}


def build(project: Project, *, engine: str, as_of: int) -> dict[str, Any]:
    """Evaluate every segment of the project, and save."""
    snapshot = project.build(as_of=as_of, engine=engine)
    sizes = {segment: view.size for segment, view in snapshot.segments.items()}
    return {"segments": len(sizes), "people": sum(sizes.values()), "sizes": sizes}


def preview(project: Project, *, engine: str, as_of: int, conditions: list[Any]) -> dict[str, Any]:
    """Answer conditions one after another, as a page does on which someone edits."""
    found = [project.preview(where, as_of=as_of, engine=engine) for where in conditions]
    for shown in found[:5]:
        shown.history()
        shown.overlap()
    return {"people": [shown.size for shown in found]}


def export(project: Project, *, segment: str, path: str) -> dict[str, Any]:
    """Write the audience of a segment of the newest build to a file."""
    written = project.export(segment, Path(path), keys="person", allow_small=True)
    return {"bytes": written.path.stat().st_size}


def evaluate(
    project: Project, *, engine: str, as_of: int, url: str | None, threads: int, rounds: int
) -> dict[str, Any]:
    """Evaluate every segment on an engine of so many threads or executors, some rounds long."""
    plan = make_plan(
        project.definitions.segments,
        as_of_us=as_of,
        timezone=project.settings.timezone,
        session_gap=project.settings.identity.session_gap,
        catalog=project.generation.catalog,
    )
    start = time.perf_counter()
    opened = load(engine).open(dataset(project, as_of), EngineSettings(url=url, threads=threads))
    ready = time.perf_counter() - start
    seconds = []
    for _ in range(rounds):
        start = time.perf_counter()
        found = opened.evaluate(plan)
        seconds.append(time.perf_counter() - start)
        if engine == "embedded":  # it would remember its answers
            opened.close()
            opened = load(engine).open(dataset(project, as_of), EngineSettings(threads=threads))
    opened.close()
    people = {i: _digest(members.to_array()) for i, members in found.members.items()}
    return {"ready": ready, "first": seconds[0], "best": min(seconds), "people": people}


def _digest(persons: array[int]) -> str:
    """Text that is the same for the same people."""
    return sha256(persons.tobytes()).hexdigest()[:16]


STEPS = {step.__name__: step for step in (ingest, index, build, preview, export, evaluate)}


def main() -> None:
    """Run the step, and say how long it took."""
    name, folder, arguments = sys.argv[1:4]
    with Project.open(Path(folder)) as project:
        start, busy = time.perf_counter(), time.process_time()
        found = STEPS[name](project, **json.loads(arguments))
        found["seconds"] = time.perf_counter() - start
        found["cpu"] = time.process_time() - busy
    print(json.dumps(found))


if __name__ == "__main__":
    main()
