"""Measure the command against its budgets, each beside a yardstick of the same minutes.

    make bench                                  one million events, 200 segments
    python benchmarks/run.py --events 20000000  more

Seconds depend on the machine, ratios much less: a budget is a multiple of what DuckDB needs for
the plain form of the same work, on the same file, in the same run. Every figure is the best of a
few rounds, since whatever else runs here can only make one slower. Exit 1 when one is over.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import duckdb

FEWER = Path(sys.executable).with_name("fewer")
AS_OF = "2026-04-01T00:00:00Z"
NAMES = ("page_view", "product_view", "add_to_cart", "purchase", "video_play")

SETTINGS = """\
version: 1
name: Benchmark
data: simulated
sources:
  - id: log
    files: events.parquet
    events:
      event: {column: event}
      person: person
      ts: ts
      id: event_id
      properties: {path: path, value: {column: value, type: number}}
"""


@dataclass(frozen=True, slots=True)
class Figure:
    """What was measured, in seconds, and how much it may cost."""

    what: str
    seconds: float
    budget: float  # seconds, or multiple of the yardstick when there is one
    yardstick: float | None = None

    @property
    def spent(self) -> float:
        """Seconds, or multiple of the yardstick."""
        return self.seconds / self.yardstick if self.yardstick else self.seconds

    def row(self) -> str:
        """One line of the table."""
        unit = "x" if self.yardstick else "s"
        plain = f"{self.yardstick:9.3f} s" if self.yardstick else " " * 11
        verdict = "ok" if self.spent <= self.budget else "OVER"
        return (
            f"{self.what:44} {self.seconds:9.3f} s {plain} "
            f"{self.spent:8.2f} {unit} of {self.budget:g} {unit}  {verdict}"
        )


def best(work: Callable[[], object], rounds: int = 3) -> float:
    """Seconds of the quickest of some rounds."""
    taken = []
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
    return min(taken)


def fewer(*arguments: str | Path, cwd: Path) -> None:
    """Run the command; its output matters only when it fails."""
    done = subprocess.run(
        [FEWER, "--no-prompts", *arguments], cwd=cwd, capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"fewer {' '.join(map(str, arguments))}: {done.stderr or done.stdout}")


def write_events(path: Path, *, events: int, people: int) -> None:
    """A Parquet file of `events` rows over 90 days, the same on every machine."""
    listed = ", ".join(f"'{name}'" for name in NAMES)
    duckdb.sql(
        f"""
        COPY (
          SELECT 'e' || i AS event_id,
                 'p' || (i * 7919 % {people:d}) AS person,
                 TIMESTAMPTZ '2026-01-01 00:00:00+00'
                   + to_microseconds((i::HUGEINT * 7776000000000 // {events:d})::BIGINT) AS ts,
                 [{listed}][1 + ((i * 31 + i // 97) % {len(NAMES):d})::INT] AS event,
                 '/c' || (i * 13 % 41) || '/p' || (i * 17 % 997) AS path,
                 CASE WHEN i % 5 = 3 THEN (i % 20000) / 100.0 END AS value
          FROM range({events:d}) AS t(i)
        ) TO '{path}' (FORMAT parquet)
        """
    )


def segments(count: int) -> list[tuple[str, int, int]]:
    """Distinct (event, days, at least), as plain queries and definitions both use them."""
    return [(NAMES[i % len(NAMES)], 1 + i % 60, 1 + i // 60) for i in range(count)]


def write_project(folder: Path, count: int) -> None:
    """A project with `count` segments over the file of events."""
    folder.mkdir(parents=True)
    (folder / "fewer.yaml").write_text(SETTINGS)
    (folder / "segments").mkdir()
    (folder / "segments/all.yaml").write_text(
        "".join(
            f"- id: s{number}\n  name: Segment {number}\n  type: recency_frequency\n"
            f"  where: {{did: {event}, within: {days}d, count: {{at_least: {least}}}}}\n"
            for number, (event, days, least) in enumerate(segments(count))
        )
    )


def one_query_each(path: Path, count: int) -> None:
    """The plain form of a build: each segment is a query of its own over the file."""
    with duckdb.connect() as connection:
        for event, days, least in segments(count):
            connection.sql(
                f"""
                SELECT person FROM '{path}'
                WHERE event = '{event}' AND ts < TIMESTAMPTZ '{AS_OF}'
                  AND ts >= TIMESTAMPTZ '{AS_OF}' - INTERVAL {days:d} DAY
                GROUP BY person HAVING count(*) >= {least:d}
                """
            ).fetchall()


def full_scan(path: Path) -> None:
    """Read every column of every row once."""
    columns = ("event_id", "person", "ts", "event", "path", "value")
    duckdb.sql(
        f"SELECT {', '.join(f'sum(hash({column}))' for column in columns)} FROM '{path}'"
    ).fetchall()


def measure(folder: Path, *, events: int, people: int, count: int) -> list[Figure]:
    """All figures, in the order of the journey."""
    path = folder / "events.parquet"
    write_events(path, events=events, people=people)
    small, large = folder / "small", folder / "large"
    write_project(large, 1_000)
    write_project(small, count)
    (small / path.name).symlink_to(path)
    (large / path.name).symlink_to(path)

    start = best(lambda: fewer("--help", cwd=folder), rounds=7)
    load = best(lambda: fewer("validate", cwd=large)) - best(lambda: fewer("version", cwd=large))
    scan = best(lambda: full_scan(path))
    begin = time.perf_counter()
    fewer("ingest", cwd=small)
    ingest = time.perf_counter() - begin
    again = best(lambda: fewer("ingest", cwd=small))
    build = best(lambda: fewer("build", "--as-of", AS_OF, cwd=small), rounds=2)
    plain = best(lambda: one_query_each(path, count), rounds=1)
    return [
        Figure("fewer --help", start, 0.35),
        Figure("fewer validate, 1,000 segments", load, 2.0),
        Figure(f"fewer ingest, {events:,} events / full scan", ingest, 40, scan),
        Figure("fewer ingest again, nothing new", again, 3.0),
        Figure(f"fewer build, {count} segments / one query each", build, 1.0, plain),
    ]


def main() -> int:
    """Measure, print, judge."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--people", type=int, default=50_000)
    parser.add_argument("--segments", type=int, default=200)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="fewer-bench-") as folder:
        figures = measure(
            Path(folder), events=chosen.events, people=chosen.people, count=chosen.segments
        )
    print("\n".join(figure.row() for figure in figures))
    return int(any(figure.spent > figure.budget for figure in figures))


if __name__ == "__main__":
    sys.exit(main())
