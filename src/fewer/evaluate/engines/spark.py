"""Spark: threads of this machine, executors beside them, a cluster, or a Connect server.

One plan is one query. Two of its steps are kept while it runs, everyone and the events, both
divided by person and the events in order of time; so all else (groups, windows and the joins that
bring them together) happens where a person's rows are, without another exchange.
"""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import pyarrow as pa
from sqlglot import exp

from fewer.evaluate.engines.base import (
    Capabilities,
    Dataset,
    EngineSettings,
    Evaluation,
    Progress,
    StepRun,
    Stop,
)
from fewer.evaluate.engines.collect import Collector, check
from fewer.evaluate.engines.spark_errors import quietly, told
from fewer.evaluate.engines.spark_read import columns_of, frames
from fewer.evaluate.engines.spark_session import Session, opened
from fewer.evaluate.engines.spark_views import Views
from fewer.evaluate.engines.spark_work import Work
from fewer.evaluate.plan.plan import Plan
from fewer.evaluate.sql.functions.spark import SPARK
from fewer.evaluate.sql.program import UNIVERSE, Program, program
from fewer.evaluate.sql.tree import column, select, table


class SparkEngine:
    """Runs plans and queries in a session of Spark, over relations given as frames.

    Args:
        session: Where to run; it is ended with the engine.
        dataset: The data.
        folder: Where what Spark can't read itself is staged; default: a folder that is deleted
            with the engine.
    """

    name = "spark"
    capabilities = Capabilities(dialect="spark", executed_in_tests=True, server=True, in_place=True)

    own_functions: ClassVar = SPARK

    def __init__(self, session: Session, dataset: Dataset, *, folder: Path | None = None) -> None:
        self.session = session
        self.dataset = dataset
        self._views = Views(session.spark)
        self._held: list[Any] = []
        self._temporary = tempfile.TemporaryDirectory(prefix="fewer-spark-")
        try:
            with told("read the data"):
                place = folder or Path(self._temporary.name)
                found, self._counted = frames(session.spark, dataset, place)
                for relation, frame in found.items():
                    self._views.add(relation, frame)
        except BaseException:
            self._temporary.cleanup()
            raise

    @classmethod
    def open(cls, dataset: Dataset, settings: EngineSettings) -> Self:
        """An engine over the data, in a session of its own; see `Engine.open`."""
        session = opened(settings)
        try:
            return cls(session, dataset, folder=dataset.cache and dataset.cache / "staged")
        except BaseException:
            session.close()
            raise

    @classmethod
    def described(
        cls, places: Collection[tuple[str, ...]], settings: EngineSettings
    ) -> dict[tuple[str, ...], dict[str, str]]:
        """Columns of tables of the catalog, or of files; see `InPlaceEngine.described`."""
        session = opened(settings)
        try:
            found = ((place, columns_of(session.spark, place)) for place in places)
            return {place: columns for place, columns in found if columns}
        finally:
            session.close()

    def run(self, query: exp.Query, *, parameters: Sequence[Any] = ()) -> pa.Table:
        """Run `query` and fetch every row; see `Engine.run`."""
        sql = self._views.text(query)
        with told(sql=sql):
            return self.session.spark.sql(sql, args=list(parameters) or None).toArrow()

    def hold(self, relation: str) -> None:
        """Keep the relation in the memory of the executors, and on their disks beyond it."""
        with told("hold a relation"):
            self._held.append(self._views.frame(relation).persist())

    def evaluate(
        self,
        plan: Plan,
        *,
        progress: Progress | None = None,
        should_stop: Stop | None = None,
    ) -> Evaluation:
        """Members of all segments; each result is one query, and its members come in chunks."""
        compiled = program(plan, SPARK)
        number = self.dataset.number if self.dataset.in_place else None
        collector = Collector("spark", should_stop, number)
        with told("prepare a plan"):
            work = Work(self.session, self._views, compiled, self._persons(), should_stop)
        runs: list[StepRun] = []
        total = len(compiled.steps) + len(compiled.results)
        try:
            for run in _runs(work, compiled, collector):
                runs.append(run)
                if progress:
                    progress(run.name, len(runs), total)
        finally:
            work.close()
        return Evaluation(
            plan.as_of_us,
            collector.everyone,
            {i: collector.matched[i] for i in plan.ids},
            {i: collector.members[i] for i in plan.ids},
            tuple(runs),
            {"parts": work.parts},
        )

    def _persons(self) -> int:
        """How many there are; the user's own tables are asked once."""
        if self._counted is None:
            self._counted = int(self._views.frame("persons").count())
        return self._counted

    def close(self) -> None:
        """End the session, and Spark itself when it was started for this engine."""
        for frame in self._held:
            quietly(frame.unpersist)
        for name in sorted(self._views.names):
            self._views.drop(name)
        self.session.close()
        self._temporary.cleanup()


def _runs(work: Work, compiled: Program, collector: Collector) -> Iterator[StepRun]:
    for step in compiled.steps:
        check(work.should_stop)
        yield work.step(step)
    if not compiled.results:
        collector.universe(work.rows(select([column("person")], table(UNIVERSE))))
    for n, result in enumerate(compiled.results):
        rows = work.rows(result.query)
        if n == 0:
            rows = _with_everyone(rows, collector)
        yield collector.take(f"result_{n + 1}", result, rows)


def _with_everyone(
    rows: Iterator[pa.RecordBatch], collector: Collector
) -> Iterator[pa.RecordBatch]:
    """The rows; each is a person of the universe, who is taken on the way."""
    for batch in rows:
        collector.universe([batch])
        yield batch
