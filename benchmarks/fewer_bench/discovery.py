"""(h) Discovery: what is found of twelve planted segments, how fast, beside other ways."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from fewer.journey.discover.search import search
from fewer_bench.figures import Budget, Section, told
from fewer_bench.options import Options
from fewer_bench.peers.discoverers import WAYS, Way

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))

from journey.discover.planted import World, world

PEOPLE = 1_000_000
_NEARLY = 0.8
BESIDE = 100_000
"""People of the world on which other ways are tried beside."""

SMALL = 20_000
_COLUMNS = ("way", "people", "seconds", "found", "false", "shown")


def measure(options: Options) -> Section:
    """One million people and 200 features: seconds, memory, found, false; other ways beside."""
    section = Section("h", f"(h) Discovery among {PEOPLE:,} people")
    warm = world(options.seed, people=SMALL, features=50, plants=3)
    search(warm.first, warm.later, warm.groups)  # compiles
    with told("a world"):
        made = world(options.seed, people=PEOPLE)
    with told("discovery"):
        seconds, row = _own(made)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    section.budgets += [
        Budget("discovery, 1 M people × 200 features", seconds, 10.0, "s"),
        Budget("memory of the process, the world included", memory, 4.0, "GB"),
        Budget("planted segments found, of 12", row[3], 9, "", at_least=True),
    ]
    beside = world(options.seed, people=BESIDE)
    rows = [row, _own(beside)[1]]
    absent = []
    for way in WAYS:
        if find_spec(way.needs) is None:
            absent.append(way.name)
            continue
        with told(way.name):
            rows.append(_other(way, beside))
    section.table("Twelve planted segments", _COLUMNS, rows)
    section.notes.append(
        "Found: a rule whose people are nearly all of a plant's and few others (Jaccard 0.8)."
        " False: less than half of its people are in any one plant. Other ways show their"
        " thirty rules of 200 to 2,000 people that convert most often; clusters have no rules."
    )
    if absent:
        section.notes.append(f"Not installed here, so not measured: {', '.join(absent)}.")
    return section


def _other(way: Way, made: World) -> tuple[str, int, float, int, int, int]:
    start = time.perf_counter()
    rules, groups = way.run(made.first)
    seconds = time.perf_counter() - start
    found = made.recovered(rules) | _held(groups, made)
    wrong = len(made.false(rules)) if rules else len(groups) - len(_held(groups, made))
    return way.name, made.first.matrix.people, seconds, len(found), wrong, len(rules or groups)


def _held(groups: Sequence[np.ndarray], made: World) -> set[int]:
    """Plants whose people are nearly those of a group."""
    found = set()
    for at, plant in enumerate(made.plants):
        true = made.first.matrix.members(plant)
        for people in groups:
            both = len(np.intersect1d(people, true, assume_unique=True))
            if both >= _NEARLY * (len(people) + len(true) - both):
                found.add(at)
    return found


def _own(made: World) -> tuple[float, tuple[str, int, float, int, int, int]]:
    start = time.perf_counter()
    found = search(made.first, made.later, made.groups)
    seconds = time.perf_counter() - start
    rules = [each.rule for each in found.found]
    return seconds, (
        "fewer",
        made.first.matrix.people,
        seconds,
        len(made.recovered(rules)),
        len(made.false(rules)),
        len(rules),
    )
