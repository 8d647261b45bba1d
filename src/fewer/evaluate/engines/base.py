"""What an engine must do, and what it says about itself so that nobody has to remember it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, ClassVar, Final, Protocol, Self, runtime_checkable

import pyarrow as pa
from pyroaring import BitMap
from sqlglot import exp

from fewer.errors import EngineError, did_you_mean
from fewer.evaluate.plan.plan import Plan
from fewer.evaluate.sql.functions.base import Functions
from fewer.model.catalog import Catalog

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
    """Whether it can work on a server that someone runs, named by URL."""

    in_place: bool = False
    """Whether it reads the user's own tables where they are, by mapping only."""

    lacks: Mapping[str, str] = field(default_factory=dict)
    """Constructs that it can't evaluate -> what to do instead, in words."""


@dataclass(frozen=True, slots=True)
class Dataset:
    """Data as an engine gets it, in the version valid at one as_of.

    Either the project's own store (`relations` are DuckDB queries over its files, persons are
    numbers), or the user's tables in place (`in_place`: `relations` are queries in the engine's
    own dialect, persons are the texts by which the user knows them, and `number` gives numbers).
    """

    relations: Mapping[str, exp.Query]
    """The canonical relations by name: events, people, persons, consents, items, lists."""

    catalog: Catalog
    """Names and columns of the same data."""

    files: tuple[str, ...] = ()
    """Parquet files that hold exactly the rows of `events`; empty when not known."""

    fingerprint: str = ""
    """Changes whenever the data does; empty when not known, and then nothing is cached by it."""

    unmerged: tuple[str, ...] = ()
    """Parquet files that hold the rows of `events` under the identities they were stored with,
    when there are `merges`; `files` is empty then."""

    merges: Mapping[int, int] = field(default_factory=dict, repr=False)
    """Identity in `unmerged` -> the person it belongs to."""

    cache: Path | None = None
    """Folder in which an engine may keep what it derives; None: nowhere."""

    in_place: bool = False
    number: Callable[[pa.Array], pa.Array] | None = None
    """Texts of persons -> their numbers (uint32), given once and kept by the store."""


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """How to reach and run an engine; every engine has defaults for all of it."""

    url: str | None = field(default=None, repr=False)
    """Server, with its secret; never shown."""

    threads: int = 2
    memory_limit: str | None = None
    """What it may hold before it writes to disk, such as ``"4GB"``."""

    temp_directory: Path | None = None
    options: Mapping[str, str] = field(default_factory=dict)
    """The engine's own settings, handed through as they are."""


@dataclass(frozen=True, slots=True)
class StepRun:
    """A piece of an evaluation: what made it, the rows it made or read, and how long it took."""

    name: str
    query: exp.Query | None
    dialect: str
    rows: int
    seconds: float
    leaves: tuple[int, ...] = ()
    """Leaves of the plan that it answers."""

    note: str = ""
    """What a person should know of it, such as ``"3 of 90 parts read"``."""

    @property
    def sql(self) -> str:
        """The query as text, indented; empty for a step that is no query."""
        if self.query is None:
            return ""
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
    facts: Mapping[str, int | float] = field(default_factory=dict, repr=False)
    """Figures of the whole evaluation, by stable names: parts, parts_pruned, cache_hits,
    index_bytes, peak_bytes, ..."""

    @property
    def seconds(self) -> float:
        """Time that all steps took."""
        return sum(step.seconds for step in self.steps)


class Engine(Protocol):
    """Where plans are evaluated and queries are run, over the canonical relations."""

    name: str
    capabilities: Capabilities

    @classmethod
    def open(cls, dataset: Dataset, settings: EngineSettings) -> Self:
        """An engine over the data.

        Raises:
            MissingExtraError: an optional dependency is not installed.
            EngineError: a server can't be reached.
        """
        ...

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


@runtime_checkable
class InPlaceEngine(Protocol):
    """An engine that reads the user's own tables where they are."""

    own_functions: ClassVar[Functions]
    """How it speaks of tables that it did not make itself."""

    @classmethod
    def described(
        cls, places: Collection[tuple[str, ...]], settings: EngineSettings
    ) -> Mapping[tuple[str, ...], Mapping[str, str]]:
        """Column -> type, as its catalog writes it, for each table that is there.

        A place is a table's name in parts, or "" and the paths of files.
        """
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
