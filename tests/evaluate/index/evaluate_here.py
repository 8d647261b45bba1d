"""Evaluate a plan on the index in a process of its own; run by tests that start several or kill it.

Prints ``begin`` when everything is loaded, then one line of JSON: members, facts, peak memory.
"""

from __future__ import annotations

import json
import pickle
import resource
import sys
import threading
import time
from pathlib import Path
from typing import Any

from fewer.errors import EngineError
from fewer.evaluate.engines.base import EngineSettings
from fewer.evaluate.engines.embedded import EmbeddedEngine
from fewer.evaluate.index import ordering


def main(asked: Path, rounds: int, descriptors: int, most_rows: int) -> None:
    """Evaluate what is pickled in a file, again and again; each time with an engine of its own."""
    if most_rows:
        ordering.MOST_ROWS = most_rows
    if descriptors:
        resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, descriptors))
    datasets, plan = pickle.loads(asked.read_bytes())  # noqa: S301  written by the test
    peak = Peak()
    say("begin")
    for number in range(rounds):
        dataset = datasets[number % len(datasets)]
        try:
            engine = EmbeddedEngine.open(dataset, EngineSettings())
            found = engine.evaluate(plan)
            engine.close()
        except EngineError as error:
            say(json.dumps({"error": str(error)}))
            continue
        members = {id_: sorted(people) for id_, people in found.members.items()}
        sizes = {id_: len(people) for id_, people in members.items()}
        shown: Any = members if sum(sizes.values()) < 100_000 else sizes
        say(json.dumps({"members": shown, "facts": dict(found.facts), "peak_kb": peak.kb}))


class Peak:
    """Most anonymous memory that this process held, looked at every few milliseconds."""

    def __init__(self) -> None:
        self.kb = 0
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self) -> None:
        status = Path("/proc/self/status")
        while status.exists():
            lines = status.read_text().splitlines()
            held = next(line for line in lines if line.startswith("RssAnon"))
            self.kb = max(self.kb, int(held.split()[1]))
            time.sleep(0.004)


def say(line: str) -> None:
    """One line, at once."""
    print(line, flush=True)  # noqa: T201


if __name__ == "__main__":
    main(Path(sys.argv[1]), *map(int, sys.argv[2:]))
