"""(f) The same segments on every engine, with one thread or executor and with two."""

from __future__ import annotations

from typing import Any, Final

from fewer_bench.children import FailedError, Ran, child
from fewer_bench.figures import Section, told
from fewer_bench.options import Options
from fewer_bench.world import World

_URLS: Final = {"spark": "local-cluster[{n},1,3072]"}
"""Engine -> where it runs with `n` executors; others take threads of their own process."""

_WORKERS: Final = (1, 2)


def measure(options: Options) -> Section:
    """Evaluate on each engine in a process of its own, and compare the people."""
    events = min(options.events, options.most_elsewhere)
    count = min(options.segments, options.segments_elsewhere)
    title = f"(f) The same {count} segments on other engines, {events:,} events"
    section = Section("f", title)
    world = options.world(events)
    world.define(options.drawn(count))
    rows: list[list[Any]] = []
    right: dict[str, str] = {}
    for engine in (options.subject, "duckdb", *options.engines):
        best: dict[int, Ran] = {}
        for workers in _WORKERS:
            with told(f"{engine}, {workers} {'executor' if engine in _URLS else 'thread'}(s)"):
                try:
                    ran = _evaluate(world, engine, workers)
                except FailedError as error:  # the other engines are measured all the same
                    section.wrong.append(f"{engine} with {workers}: {str(error)[:800]}")
                    break
            right = right or ran.said["people"]
            section.wrong += [
                f"{engine} with {workers}, {segment}: not the people that {options.subject} finds"
                for segment, people in ran.said["people"].items()
                if right[segment] != people
            ]
            best[workers] = ran
        if len(best) == len(_WORKERS):
            rows.append(_row(engine, best))
    section.table("Seconds", _COLUMNS, rows)
    section.notes.append(
        "Spark runs as a cluster on this machine, each executor a process with one core. The first "
        "evaluation compiles and reads; the second is shown too. An engine's process is new each "
        "time, and its start is under 'ready'."
    )
    return section


_COLUMNS: Final = (
    "engine", "ready", "1 worker, first", "again", "2 workers, first", "again", "times faster",
)  # fmt: skip


def _evaluate(world: World, engine: str, workers: int) -> Ran:
    url = _URLS[engine].format(n=workers) if engine in _URLS else None
    threads = 2 if url else workers
    end = world.log.end
    return child(
        "evaluate", world.folder, engine=engine, as_of=end, url=url, threads=threads, rounds=2
    )


def _row(engine: str, ran: dict[int, Ran]) -> list[Any]:
    one, two = (ran[workers].said for workers in _WORKERS)
    times = [said[which] for said in (one, two) for which in ("first", "best")]
    return [engine, one["ready"], *times, one["best"] / two["best"]]
