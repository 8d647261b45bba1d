"""(h) Discovery: what is found of twelve planted segments, how fast, beside other ways."""

from __future__ import annotations

import resource
import sys
import time
from importlib.util import find_spec
from pathlib import Path

from fewer.journey.discover.search import search
from fewer_bench.figures import Budget, Section, told
from fewer_bench.options import Options

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))

from journey.discover.planted import World, world

PEOPLE = 1_000_000
SMALL = 20_000
_PEERS = {"pysubgroup": "pysubgroup", "lightgbm": "LightGBM leaf rules", "sklearn": "CART, k-means"}


def measure(options: Options) -> Section:
    """One million people and 200 features: seconds, memory, found, false."""
    section = Section("h", f"(h) Discovery among {PEOPLE:,} people")
    warm = world(options.seed, people=SMALL, features=50, plants=3)
    search(warm.first, warm.later, warm.groups)  # compiles
    with told("a world"):
        made = world(options.seed, people=PEOPLE)
    with told("discovery"):
        seconds, row = _own(made)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    section.table("Twelve planted segments", ("way", "seconds", "found", "false", "shown"), [row])
    section.budgets += [
        Budget("discovery, 1 M people × 200 features", seconds, 10.0, "s"),
        Budget("memory of the process, the world included", memory, 4.0, "GB"),
        Budget("planted segments found, of 12", row[2], 9, "", at_least=True),
    ]
    absent = [words for name, words in _PEERS.items() if find_spec(name) is None]
    if absent:
        section.notes.append(f"Not installed here, so not measured: {', '.join(absent)}.")
    return section


def _own(made: World) -> tuple[float, tuple[str, float, int, int, int]]:
    start = time.perf_counter()
    found = search(made.first, made.later, made.groups)
    seconds = time.perf_counter() - start
    rules = [each.features for each in found.found]
    return seconds, (
        "fewer",
        seconds,
        len(made.recovered(rules)),
        len(made.false(rules)),
        len(rules),
    )
