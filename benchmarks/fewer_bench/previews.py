"""(b) Live answers: how long one edited condition takes in a warm process, and in a cold one."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from fewer.evaluate.engines.base import Dataset
from fewer.project.preview import Preview
from fewer.project.project import Project
from fewer_bench import subject
from fewer_bench.children import FailedError, environment
from fewer_bench.figures import Budget, Section, Took, timed, told
from fewer_bench.mix import Drawn, edits
from fewer_bench.options import Options
from fewer_bench.world import World, planned

_COLD = """
import json, sys, time
start = time.perf_counter()
import fewer_bench.cold
print(json.dumps(fewer_bench.cold.answer(*sys.argv[1:], start=start)))
"""
_OTHERS = 20
"""Segments of the project, with which a preview compares."""

_COLUMNS = ("", "asked", "p50", "p95", "p99", "most", "p95 of processor")
_WARMING = 20
"""Questions of other chance before the clock starts."""

_CHECKED = 25
"""One answer in so many is compared with DuckDB's."""


def measure(options: Options) -> Section:
    """Edit, ask, and note how long each answer took."""
    section = Section("b", f"(b) Live answers over {options.events:,} events")
    world = options.world()
    world.define(options.drawn(_OTHERS))
    asked = edits(options.edits, options.seed)
    rows: list[list[Any]] = []
    with world.opened() as (project, data):
        with told(f"{len(asked)} edits, a plan of one segment each"):
            found = _raw(options, section, world, asked, data)
        rows += _rows("engine, one segment", asked, found)
        _promise(section, "one segment", asked, found)
        some = asked[: max(len(asked) // 5, 2)]
        with told(f"{len(some)} edits through Project.preview, the size"):
            through = _through(lambda drawn: _preview(options, project, world, drawn).size, some)
        rows += _rows("Project.preview, size", some, through)
        _promise(section, "Project.preview, size", some, through)
        few = asked[: max(len(asked) // 50, 2)]
        with told(f"{len(few)} edits through Project.preview, everything"):
            whole = _through(lambda drawn: _all(_preview(options, project, world, drawn)), few)
        rows += _rows("Project.preview, history, overlap and sample too", few, whole)
    section.table("Warm process, milliseconds", _COLUMNS, rows)
    with told("cold processes"):
        _cold(section, world, asked[:3], options)
    section.notes.append(
        "An edit changes one condition of a micro-segment (3 AND and 1 NOT); every second question "
        "is a single condition of another kind. An engine keeps the answers to leaves that it was "
        "asked before, as it does behind a page on which someone edits."
    )
    return section


def _raw(
    options: Options, section: Section, world: World, asked: Sequence[Drawn], data: Dataset
) -> list[Took]:
    """A plan of one segment each, planning included, on an engine that stays open."""
    end = world.log.end
    kept, found = {}, []
    with subject.opened(options.subject, data, threads=options.threads) as engine:
        for drawn in edits(_WARMING, options.seed + 1):
            engine.evaluate(planned([drawn], data, end))  # maps the index, loads what is compiled
        for n, drawn in enumerate(asked):
            answer, took = timed(
                lambda drawn=drawn: engine.evaluate(planned([drawn], data, end))  # type: ignore[misc]
            )
            found.append(took)
            if n % _CHECKED == 0:
                kept[drawn.id] = answer.members[drawn.id]
    some = [drawn for drawn in asked if drawn.id in kept]
    with subject.opened("duckdb", data) as other:
        right = other.evaluate(planned(some, data, end)).members
    section.wrong += [
        f"{drawn.id}: {len(kept[drawn.id])} people, DuckDB {len(right[drawn.id])}; {drawn.where}"
        for drawn in some
        if kept[drawn.id] != right[drawn.id]
    ]
    return found


def _preview(options: Options, project: Project, world: World, drawn: Drawn) -> Preview:
    return project.preview(drawn.where, as_of=world.log.end, engine=options.subject)


def _all(preview: Preview) -> None:
    """All that a page shows of a condition: 30 points of history, overlaps, five people."""
    preview.history()
    preview.overlap()
    preview.sample()


def _through(ask: Callable[[Drawn], Any], asked: Sequence[Drawn]) -> list[Took]:
    """What each question took; the first is asked twice, since it opens everything."""
    ask(asked[0])
    return [timed(lambda drawn=drawn: ask(drawn))[1] for drawn in asked]  # type: ignore[misc]


def _of(kind: str, asked: Sequence[Drawn], found: Sequence[Took]) -> list[Took]:
    return [took for drawn, took in zip(asked, found, strict=True) if drawn.kind == kind]


def _rows(what: str, asked: Sequence[Drawn], found: Sequence[Took]) -> list[list[Any]]:
    rows = []
    for kind in ("micro", "single"):
        if of := _of(kind, asked, found):
            wall, cpu = ([n * 1_000 for n in side] for side in _sides(of))
            percentiles = [float(n) for n in np.percentile(wall, (50, 95, 99))]
            busy = float(np.percentile(cpu, 95))
            rows.append([f"{what}: {kind}", len(of), *percentiles, max(wall), busy])
    return rows


def _sides(found: Sequence[Took]) -> tuple[list[float], list[float]]:
    return [took.wall for took in found], [took.cpu for took in found]


def _promise(section: Section, what: str, asked: Sequence[Drawn], found: Sequence[Took]) -> None:
    for kind, limit in (("single", 100.0), ("micro", 20.0)):
        if of := _of(kind, asked, found):
            p95 = float(np.percentile([took.wall * 1_000 for took in of], 95))
            section.budgets.append(Budget(f"{what}, {kind}: p95 warm", p95, limit, "ms"))


def _cold(section: Section, world: World, asked: Sequence[Drawn], options: Options) -> None:
    """A new process opens the project, maps the index and answers one condition."""
    rows = []
    for drawn in asked:
        command = [sys.executable, "-c", _COLD, str(world.folder), json.dumps(drawn.where)]
        start, busy = time.perf_counter(), _children()
        done = subprocess.run(
            [*command, options.subject],
            capture_output=True,
            text=True,
            check=False,
            env=environment(),
        )
        wall, cpu = time.perf_counter() - start, _children() - busy
        if done.returncode:
            raise FailedError(f"a cold process failed: {done.stderr[-2_000:]}")
        said = json.loads(done.stdout)
        parts = (said[part] for part in ("imports", "opened", "answer"))
        rows.append([drawn.kind, *parts, wall, cpu, said["size"]])
    columns = ("condition", "imports", "opened", "answer", "whole", "of processor", "people")
    section.table("Cold process, seconds", columns, rows)
    middle = float(np.median([row[4] for row in rows]))
    section.budgets.append(Budget("cold process, whole, median", middle, 1.0, "s"))


def _children() -> float:
    """Seconds of processor of the processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
