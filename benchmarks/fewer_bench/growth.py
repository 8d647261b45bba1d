"""(e) How time grows with events, with people and with segments, as numbers and as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from fewer.evaluate.engines.base import Dataset
from fewer_bench import subject
from fewer_bench.figures import Section, Took, timed, told
from fewer_bench.mix import Drawn, every
from fewer_bench.options import Options
from fewer_bench.peers.plain_sql import PlainSql
from fewer_bench.picture import Line, Panel, picture
from fewer_bench.world import World, planned

WAYS: Final = ("the index", "DuckDB, one shared plan", "DuckDB, one plain query each")
_SHARES: Final = (10, 50, 100, 250, 501, 1_000)


def measure(options: Options) -> Section:
    """Measure along each of three axes, and draw."""
    section = Section("e", "(e) Growth")
    middle = options.sizes[len(options.sizes) // 2]
    people = max(options.people * middle // options.events, 10)
    axes: dict[str, list[tuple[int, list[float]]]] = {"events": [], "people": [], "segments": []}
    for events in options.sizes:
        world = options.world(events)
        axes["events"].append((events, _times(options, world, options.drawn())))
    for count in sorted({max(people // 10, 10), people, people * 10}):
        if count < middle:
            world = options.world(middle, count)
            axes["people"].append((count, _times(options, world, options.drawn())))
    counts = [n for n in _SHARES if n < options.segments] + [options.segments]
    world = options.world(middle)
    for count in counts:
        axes["segments"].append((count, _times(options, world, options.drawn(count))))
    for axis, points in axes.items():
        rows = [[number, *seconds] for number, seconds in points]
        section.table(f"Seconds against {axis}", (axis, *WAYS), rows)
    section.notes.append(
        f"Against people and segments: {middle:,} events. Against events: people in proportion. "
        "Plain queries: a sample, scaled."
    )
    if options.picture:
        draw(axes, options.picture)
    return section


def draw(axes: dict[str, list[tuple[int, list[float]]]], path: Path) -> None:
    """Write the picture."""
    panels = [
        Panel(
            axis,
            [
                Line(way, [(number, seconds[n]) for number, seconds in points])
                for n, way in enumerate(WAYS)
            ],
        )
        for axis, points in axes.items()
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(picture(panels, "Seconds to evaluate all segments"), encoding="utf-8")


def _times(options: Options, world: World, segments: Sequence[Drawn]) -> list[float]:
    with world.opened() as (_, data), told(f"{world.folder.name}, {len(segments)} segments"):
        plan = planned(segments, data, world.log.end)
        subject.index(options.subject, plan, data)
        _, _, ours = subject.evaluated(options.subject, plan, data, threads=options.threads)
        _, _, shared = subject.evaluated("duckdb", plan, data, rounds=1, threads=options.threads)
        plain = _plain(options, world, segments, data)
    return [ours.wall, shared.wall, plain.wall]


def _plain(options: Options, world: World, segments: Sequence[Drawn], data: Dataset) -> Took:
    peer = PlainSql(data, world.log.end, threads=options.threads)
    chosen = every(segments, max(len(segments) // _SAMPLE, 1))
    total = Took()
    for drawn in chosen:
        query: Any = peer.prepare(drawn)
        total += timed(lambda query=query: peer.run(query))[1]  # type: ignore[misc]
    peer.close()
    return total * (len(segments) / len(chosen))


_SAMPLE: Final = 40
"""Segments of which a plain query is timed."""
