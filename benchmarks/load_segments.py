"""1,000 segments from YAML to validated models with places, beside a plain load of the same text.

    python benchmarks/load_segments.py [--segments 1000] [--rounds 5]

Budget: the median below 0.5 s on a quiet machine of two cores. The plain load (PyYAML's C loader,
which forgets places and misreads NO and 12:30) is the yardstick that travels between machines.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from typing import Final

import yaml

from fewer.errors import DefinitionError
from fewer.journey.define.lint import lint
from fewer.language.files import load_segments
from fewer.model.catalog import Catalog

BUDGET: Final = 0.5  # seconds
SEGMENT: Final = """\
- id: pricing_hot_{n}
  name: Saw pricing in the last 7 days, number {n}
  type: engagement
  where:
    all:
      - did: page_view
        where: {{path: {{starts_with: /pricing/{n}}}, device: mobile}}
        within: 7d
        count: {{at_least: 3}}
        lookback: true
      - did_not: purchase
        within: 30d
      - trait: country
        in: [DE, AT, "CH"]
  exclude: [recent_buyers]
  size: {{min: 200, max: 2000}}
  variants: {{lookback: [7d, 14d, 30d]}}
  tags: [pricing, hot]
"""
BUYERS: Final = "- {id: recent_buyers, where: {did: purchase, within: 14d}}\n"
CATALOG: Final = Catalog(
    events={"page_view": 9, "purchase": 1},
    properties={"path": {"text": "p1_t"}, "device": {"text": "p2_t"}},
    traits={"country": {"text": "t1_t"}},
    first_ts=0,
    last_ts=90 * 86_400_000_000,
)


def text_of(count: int) -> str:
    """A file of so many segments, of twelve lines each."""
    return BUYERS + "".join(SEGMENT.format(n=n) for n in range(count - 1))


def median(work: Callable[[], object], rounds: int) -> float:
    """Median seconds of some rounds, after one that warms up."""
    work()
    taken = []
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


def broken(text: str) -> None:
    """Load a file in which every second segment has a mistake: all are placed and explained."""
    try:
        load_segments(text.replace("within: 7d", "wihtin: 7d"))
    except DefinitionError as error:
        if len(error.problems) < text.count("within: 7d"):
            raise


def main() -> int:
    """Measure, print, judge."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--segments", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=5)
    chosen = parser.parse_args()
    text = text_of(chosen.segments)
    definitions = load_segments(text)
    plain = median(lambda: yaml.load(text, yaml.CSafeLoader), chosen.rounds)
    ours = median(lambda: load_segments(text), chosen.rounds)
    print(f"plain load     {plain:7.3f} s")
    print(f"load_segments  {ours:7.3f} s  {ours / plain:5.2f} x  (budget {BUDGET} s)")
    for name, work in (
        ("lint", lambda: lint(definitions, ["recent_buyers"], CATALOG)),
        ("all broken", lambda: broken(text)),
    ):
        seconds = median(work, chosen.rounds)
        print(f"{name:14} {seconds:7.3f} s  {seconds / plain:5.2f} x")
    return int(ours > BUDGET)


if __name__ == "__main__":
    sys.exit(main())
