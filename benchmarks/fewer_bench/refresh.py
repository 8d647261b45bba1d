"""(d) One more day on top of ninety: what a refresh costs, beside doing it all."""

from __future__ import annotations

import shutil
from typing import Any

from fewer.model.window import DAY
from fewer_bench.children import Ran, child
from fewer_bench.figures import Budget, Section, told
from fewer_bench.options import Options
from fewer_bench.world import World


def measure(options: Options) -> Section:
    """Ingest, index and build everything; then a day more; then build that from nothing."""
    section = Section("d", f"(d) One more day on {options.events:,} events")
    kept = options.world()
    world = World(kept.folder.with_name("refreshed"), kept.log)
    shutil.rmtree(world.folder, ignore_errors=True)
    shutil.copytree(kept.folder, world.folder, ignore=shutil.ignore_patterns("chdb", "index"))
    world.define(options.drawn())
    end, engine = world.log.end, options.subject
    with told("all days: index, build"):
        whole = [
            kept.ingested(),
            child("index", world.folder, engine=engine),
            child("build", world.folder, engine=engine, as_of=end),
        ]
    world.log.write_next(world.raw)
    with told("one day more: ingest, index, build"):
        more = [
            child("ingest", world.folder),
            child("index", world.folder, engine=engine),
            child("build", world.folder, engine=engine, as_of=end + DAY),
        ]
    rows = [
        _row(name, *pair) for name, pair in zip(_STEPS, zip(whole, more, strict=True), strict=True)
    ]
    total = [sum(row[at] for row in rows) for at in (1, 2, 4, 5)]
    rows.append(["together", total[0], total[1], total[1] / total[0], total[2], total[3]])
    section.table("Seconds, and megabytes of anonymous memory", _COLUMNS, rows)
    _same(section, options, world, more[2])
    light = sum(ran.seconds for ran in more[:2]) / sum(ran.seconds for ran in whole[:2])
    section.budgets.append(Budget("ingest and index of a day / of all days", light, 0.1, "×"))
    section.notes.append(
        f"Parts of the index made for the new day: {more[1].said['made']} of "
        f"{more[1].said['parts']}. Each step is a process of its own; seconds leave out its start."
    )
    shutil.rmtree(world.folder)
    return section


_STEPS = ("ingest", "index", "build")
_COLUMNS = ("step", "all days", "one day more", "share", "MB, all days", "MB, one day more")


def _row(step: str, whole: Ran, more: Ran) -> list[Any]:
    share = more.seconds / whole.seconds
    return [step, whole.seconds, more.seconds, share, whole.peak >> 20, more.peak >> 20]


def _same(section: Section, options: Options, world: World, more: Ran) -> None:
    """The refreshed index says what one made from nothing says."""
    shutil.rmtree(world.store / "index", ignore_errors=True)
    with told("the same from nothing, compared"):
        again = child("build", world.folder, engine=options.subject, as_of=world.log.end + DAY)
    for segment, size in again.said["sizes"].items():
        if more.said["sizes"][segment] != size:
            section.wrong.append(f"{segment}: {more.said['sizes'][segment]} refreshed, {size} anew")
