"""Engines that write queries and run none: there is no Snowflake and no BigQuery in our tests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, NoReturn, Self

import pyarrow as pa
from sqlglot import exp

from fewer.errors import UnsupportedByEngineError
from fewer.evaluate.engines.base import (
    Capabilities,
    Dataset,
    EngineSettings,
    Evaluation,
    Progress,
    Stop,
)
from fewer.evaluate.plan.plan import Plan


class GeneratedEngine:
    """What engines have in common whose SQL is generated only."""

    name: ClassVar[str]
    title: ClassVar[str]
    capabilities: ClassVar[Capabilities]

    @classmethod
    def open(cls, dataset: Dataset, settings: EngineSettings) -> Self:
        """An engine that answers nothing: it reads neither the data nor the settings."""
        del dataset, settings
        return cls()

    def run(self, query: exp.Query, *, parameters: Sequence[Any] = ()) -> pa.Table:
        """Raise `UnsupportedByEngineError`."""
        del query, parameters
        self._refuse()

    def hold(self, relation: str) -> None:
        """Nothing."""

    def evaluate(
        self,
        plan: Plan,
        *,
        progress: Progress | None = None,
        should_stop: Stop | None = None,
    ) -> Evaluation:
        """Raise `UnsupportedByEngineError`."""
        del plan, progress, should_stop
        self._refuse()

    def close(self) -> None:
        """Nothing."""

    def _refuse(self) -> NoReturn:
        raise UnsupportedByEngineError(
            f"For {self.title}, queries are written and not run. Take them from `fewer segments"
            f" sql SEGMENT --dialect {self.name}` and run them yourself, or choose another engine:"
            " embedded, duckdb, postgres, clickhouse or spark."
        )
