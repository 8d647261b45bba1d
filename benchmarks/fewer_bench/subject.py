"""The engine under measurement, always over an index that is there and answers that are not.

An engine is opened anew for each evaluation that is timed, so that nothing which an earlier one
found is found again.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from fewer.evaluate.engines.base import Dataset, EngineSettings, Evaluation, load
from fewer.evaluate.plan.plan import Plan
from fewer_bench.figures import Took, best, timed


@contextmanager
def opened(name: str, data: Dataset, **settings: Any) -> Iterator[Any]:
    """An engine over the data."""
    engine = load(name).open(data, EngineSettings(**settings))
    try:
        yield engine
    finally:
        engine.close()


def evaluated(
    name: str, plan: Plan, data: Dataset, *, rounds: int = 3, threads: int = 2
) -> tuple[Evaluation, Took, Took]:
    """What an engine finds; what the first time took, opening included, and the quickest."""

    def once() -> Evaluation:
        with opened(name, data, threads=threads) as engine:
            found: Evaluation = engine.evaluate(plan)
        return found

    return best(once, rounds)


def index(name: str, plan: Plan, data: Dataset) -> Took:
    """What it takes until the engine's index stands: the first evaluation makes what is missing."""
    smallest = plan.only(plan.ids[:1])
    with opened(name, data) as engine:
        _, took = timed(lambda: engine.evaluate(smallest))
    return took
