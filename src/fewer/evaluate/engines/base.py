"""What an engine must do, and what it says about itself so that nobody has to remember it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from typing import Any, Final, Protocol

import pyarrow as pa
from pyroaring import BitMap
from sqlglot import exp

from fewer.errors import EngineError, did_you_mean
from fewer.evaluate.plan.plan import Plan

GROUP: Final = "fewer.engines"

Stop = Callable[[], bool]
"""Asked between pieces of work; true stops the evaluation with `StoppedError`."""

Progress = Callable[[str, int, int], None]
"""Told what was finished: its name, pieces done, pieces in all."""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What an engine can do, as data that is read before work is given to it."""

    dialect: str
    """SQLGlot dialect in which queries reach it."""

    executed_in_tests: bool
    """Whether its answers are compared with the oracle, or its SQL only generated."""

    server: bool = False
    """Whether it needs a server that someone runs."""


@dataclass(frozen=True, slots=True)
class StepRun:
    """A piece of an evaluation: its SQL, the rows it made, and how long it took."""

    name: str
    query: exp.Query
    dialect: str
    rows: int
    seconds: float

    @property
    def sql(self) -> str:
        """The query as text, indented."""
        return self.query.sql(dialect=self.dialect, pretty=True)


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Who is in each segment at `as_of_us`, as bitmaps of person numbers.

    `matched` holds those for whom the condition is true; `members` those of them who are in no
    excluded segment. Both have an entry for every segment and variant, in the plan's order.
    """

    as_of_us: int
    universe: BitMap
    matched: Mapping[str, BitMap]
    members: Mapping[str, BitMap]
    steps: tuple[StepRun, ...] = field(default=(), repr=False)

    @property
    def seconds(self) -> float:
        """Time that all steps took."""
        return sum(step.seconds for step in self.steps)


class Engine(Protocol):
    """Where plans are evaluated and queries are run, over the canonical relations."""

    name: str
    capabilities: Capabilities

    def run(self, query: exp.Query, *, parameters: Sequence[Any] = ()) -> pa.Table:
        """Run a query over the canonical relations and fetch every row.

        `parameters` fill the query's placeholders in order: values that must not be seen in an
        error go there. Raises `EngineError` with the SQL that failed.
        """
        ...

    def hold(self, relation: str) -> None:
        """Keep a relation at hand for many passes over the same rows; may do nothing."""
        ...

    def evaluate(
        self,
        plan: Plan,
        *,
        progress: Progress | None = None,
        should_stop: Stop | None = None,
    ) -> Evaluation:
        """Members of all segments of the plan, at its as_of."""
        ...

    def close(self) -> None:
        """Release what the engine holds."""
        ...


def load(name: str) -> type[Any]:
    """Class of the engine registered under `name`, by this package or an installed plug-in.

    A plug-in that can't be imported raises its own error.
    """
    found = {point.name: point for point in entry_points(group=GROUP)}
    if name not in found:
        hint = did_you_mean(name, found)
        raise EngineError(f"No engine {name!r} is installed: {', '.join(sorted(found))}.{hint}")
    engine: type[Any] = found[name].load()
    return engine
