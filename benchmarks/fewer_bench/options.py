"""What a run was asked for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from fewer_bench.events import Log
from fewer_bench.mix import Drawn, drawn
from fewer_bench.world import World, made


@dataclass(frozen=True, slots=True)
class Options:
    """Sizes, seed and places of a run."""

    events: int
    people: int
    segments: int
    seed: int
    mix: str
    work: Path
    """Folder of worlds; kept, so that the next run need not ingest again."""

    full: bool = False
    every: int = 5
    """A peer that answers one segment at a time is asked every so many, unless `full`."""

    peers: tuple[str, ...] = ("plain", "own", "posthog", "polars", "shared")
    edits: int = 1_000
    sizes: tuple[int, ...] = ()
    """Numbers of events of the figures over size, smallest first."""

    subject: str = "embedded"
    engines: tuple[str, ...] = ("clickhouse", "spark")
    most_elsewhere: int = 10_000_000
    """Most events that other engines are given."""

    segments_elsewhere: int = 40
    """Most segments that other engines are given: planning hundreds would hide how they scale."""

    picture: Path | None = None
    threads: int = 2

    @property
    def log(self) -> Log:
        """The log of the largest world."""
        return Log(self.events, self.people, self.seed)

    def world(self, events: int | None = None, people: int | None = None) -> World:
        """A world that is ingested; people in proportion to events unless given."""
        count = events or self.events
        share = max(self.people * count // self.events, 1)
        return made(self.work, Log(count, people or share, self.seed))

    def drawn(self, count: int | None = None) -> list[Drawn]:
        """The segments."""
        return drawn(self.mix, count or self.segments, self.seed)
