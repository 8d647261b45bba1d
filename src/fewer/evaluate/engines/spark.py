"""Spark: threads of this machine, executors beside them, a cluster, or a Connect server.

One plan is one query. Two of its steps are kept while it runs, everyone and the events, both
divided by person and the events in order of time; so all else (groups, windows and the joins that
bring them together) happens where a person's rows are, without another exchange.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any, Final, Self, TypeVar
from uuid import uuid4

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
from fewer.evaluate.engines.spark_errors import failures, refused
from fewer.evaluate.engines.spark_read import frames
from fewer.evaluate.engines.spark_session import Session, opened
from fewer.evaluate.plan.plan import Plan
from fewer.evaluate.sql.functions.spark import SPARK
from fewer.evaluate.sql.events import BASE
from fewer.evaluate.sql.program import UNIVERSE, Program, Step, program
from fewer.evaluate.sql.tree import column, named, nested, number, select, table

T = TypeVar("T")

_PART: Final = 200_000
"""Events in one part of the work: what one task holds, and what one chunk of members comes from."""

_MOST_PARTS: Final = 2_000
_POLL: Final = 0.1
"""Seconds between two questions whether to stop."""

_CHUNK: Final = "fewer_chunk"


class SparkEngine:
    """Runs plans and queries in a session of Spark, over relations given as frames.

    Args:
        session: Where to run; it is ended with the engine.
        dataset: The data.
        folder: Where what Spark can't read itself is staged; default: a folder that is deleted
            with the engine.
    """

    name = "spark"
    capabilities = Capabilities(
        dialect="spark", executed_in_tests=True, server=True, in_place=True
    )

    def __init__(self, session: Session, dataset: Dataset, *, folder: Path | None = None) -> None:
        self.session = session
        self.dataset = dataset
        self._temporary = tempfile.TemporaryDirectory(prefix="fewer-spark-")
        # Names of views are our own: the user's tables may be called `events` too.
        self._prefix = f"fewer_{uuid4().hex[:8]}_"
        self._relations: set[str] = set()
        self._held: list[Any] = []
        with _told("read the data"):
            found = frames(session.spark, dataset, folder or Path(self._temporary.name))
            for relation, frame in found.items():
                self._view(relation, frame)

    @classmethod
    def open(cls, dataset: Dataset, settings: EngineSettings) -> Self:
        """An engine over the data, in a session of its own; see `Engine.open`."""
        session = opened(settings)
        try:
            return cls(session, dataset, folder=dataset.cache and dataset.cache / "staged")
        except BaseException:
            session.close()
            raise

    def run(self, query: exp.Query, *, parameters: Sequence[Any] = ()) -> pa.Table:
        """Run `query` and fetch every row; see `Engine.run`."""
        sql = self._text(query)
        with _told(sql=sql):
            return self.session.spark.sql(sql, args=list(parameters) or None).toArrow()

    def hold(self, relation: str) -> None:
        """Keep the relation in the memory of the executors, and on their disks beyond it."""
        with _told("hold a relation"):
            frame = self.session.spark.table(self._prefix + relation).persist()
            self._held.append(frame)

    def evaluate(
        self,
        plan: Plan,
        *,
        progress: Progress | None = None,
        should_stop: Stop | None = None,
    ) -> Evaluation:
        """Members of all segments; each result is one query, and its members come in chunks."""
        compiled = program(plan, SPARK)
        number_of = self.dataset.number if self.dataset.in_place else None
        collector = Collector("spark", should_stop, number_of)
        runs = _Runs(progress, len(compiled.steps) + len(compiled.results))
        work = _Work(self, compiled, parts(plan), should_stop)
        try:
            for step in compiled.steps:
                check(should_stop)
                runs.done(work.step(step))
            if not compiled.results:
                collector.universe(work.rows(select([column("person")], table(UNIVERSE))))
            for n, result in enumerate(compiled.results, 1):
                rows = work.rows(result.query)
                rows = _with_everyone(rows, collector) if n == 1 else rows
                runs.done(collector.take(f"result_{n}", result, rows))
        finally:
            work.close()
        return Evaluation(
            plan.as_of_us,
            collector.everyone,
            {i: collector.matched[i] for i in plan.ids},
            {i: collector.members[i] for i in plan.ids},
            tuple(runs.runs),
            {"parts": work.parts},
        )

    def close(self) -> None:
        """End the session, and Spark itself when it was started for this engine."""
        for frame in self._held:
            _quietly(frame.unpersist)
        for relation in sorted(self._relations):
            _quietly(self.session.spark.catalog.dropTempView, self._prefix + relation)
        self.session.close()
        self._temporary.cleanup()

    def _view(self, name: str, frame: Any) -> None:
        frame.createOrReplaceTempView(self._prefix + name)
        self._relations.add(name)

    def _text(self, query: exp.Query) -> str:
        """The query with our own names for its relations."""
        renamed = query.copy()
        for found in renamed.find_all(exp.Table):
            if found.name in self._relations and not found.db:
                if not found.alias:
                    found.set("alias", exp.TableAlias(this=exp.to_identifier(found.name)))
                found.set("this", exp.to_identifier(self._prefix + found.name))
        return renamed.sql(dialect="spark", copy=False)


class _Work:
    """The steps of one plan as views, and the two that are kept as long as it runs."""

    def __init__(
        self, engine: SparkEngine, compiled: Program, parts: int, should_stop: Stop | None
    ) -> None:
        self.engine = engine
        self.spark = engine.session.spark
        self.parts = parts
        self.should_stop = should_stop
        self.shared = _shared(compiled)
        self.tag = f"fewer-{uuid4().hex}"
        self.kept: list[Any] = []
        self.views: list[str] = []
        self.spark.conf.set("spark.sql.shuffle.partitions", str(parts))

    def step(self, step: Step) -> StepRun:
        """Name the step; it runs with the first result that needs it."""
        start = time.perf_counter()
        sql = self.engine._text(step.query)
        with _told(sql=sql):
            frame = self.spark.sql(sql)
            if step.name in (UNIVERSE, BASE) or step.name in self.shared:
                frame = self._by_person(frame, in_order=step.name == BASE).persist()
                self.kept.append(frame)
            self.engine._view(step.name, frame)
        self.views.append(step.name)
        seconds = time.perf_counter() - start
        note = "runs as a part of the first result that needs it"
        return StepRun(step.name, step.query, "spark", 0, seconds, step.leaves, note)

    def _by_person(self, frame: Any, *, in_order: bool) -> Any:
        if self.parts == 1:
            frame = frame.coalesce(1)
        else:
            frame = frame.repartition(self.parts, "person")
        if in_order:
            terms = [frame[name].asc_nulls_last() for name in ("person", "ts")]
            frame = frame.sortWithinPartitions(*terms)
        return frame

    def rows(self, query: exp.Select) -> Iterator[pa.RecordBatch]:
        """Rows of a query over everyone, as many at a time as one part of them has."""
        if self.parts == 1:
            yield from self._fetched(self.engine._text(query)).to_batches()
            return
        # Spark divides by this very hash, so that a chunk is a part, and its other parts are
        # passed over by the least and greatest chunk that they hold.
        place = exp.Anonymous(
            this="pmod",
            expressions=[
                exp.Anonymous(this="hash", expressions=[column("person")]),
                number(self.parts),
            ],
        )
        whole = select([exp.Star(), named(place, _CHUNK)], nested(query, "r"))
        sql = self.engine._text(whole)
        with _told(sql=sql):
            frame = self.spark.sql(sql).persist()
        try:
            for n in range(self.parts):
                chunk = self._stoppable(
                    lambda n=n: frame.where(frame[_CHUNK] == n).drop(_CHUNK).toArrow(), sql
                )
                yield from chunk.to_batches()
        finally:
            _quietly(frame.unpersist)

    def _fetched(self, sql: str) -> pa.Table:
        return self._stoppable(lambda: self.spark.sql(sql).toArrow(), sql)

    def _stoppable(self, action: Callable[[], T], sql: str) -> T:
        """Do it in a thread, so that it can be interrupted when the caller asks to stop."""
        found: list[T] = []
        failed: list[BaseException] = []

        def work() -> None:
            try:
                self.spark.addTag(self.tag)
                found.append(action())
            except BaseException as error:  # noqa: BLE001  raised again in the caller's thread
                failed.append(error)

        thread = Thread(target=work, daemon=True)
        thread.start()
        try:
            while thread.is_alive():
                thread.join(_POLL)
                if thread.is_alive():
                    check(self.should_stop)
        except BaseException:
            _quietly(self.spark.interruptTag, self.tag)
            thread.join(10)
            raise
        with _told(sql=sql):
            if failed:
                raise failed[0]
        return found[0]

    def close(self) -> None:
        """Let go of what was kept."""
        for frame in self.kept:
            _quietly(frame.unpersist)
        for name in self.views:
            _quietly(self.spark.catalog.dropTempView, self.engine._prefix + name)
            self.engine._relations.discard(name)


class _Runs:
    """What was done so far."""

    def __init__(self, progress: Progress | None, total: int) -> None:
        self.progress = progress
        self.total = total
        self.runs: list[StepRun] = []

    def done(self, run: StepRun) -> None:
        self.runs.append(run)
        if self.progress:
            self.progress(run.name, len(self.runs), self.total)


def parts(plan: Plan) -> int:
    """In how many parts the people are divided."""
    rows = sum(plan.catalog.events.values())
    return min(_MOST_PARTS, -(-rows // _PART)) or 1


def _shared(compiled: Program) -> set[str]:
    """Steps that more than one other query reads."""
    seen: set[str] = set()
    again: set[str] = set()
    for query in [*(s.query for s in compiled.steps), *(r.query for r in compiled.results)]:
        names = {found.name for found in query.find_all(exp.Table)}
        again |= names & seen
        seen |= names
    return again & {step.name for step in compiled.steps}


def _with_everyone(
    rows: Iterator[pa.RecordBatch], collector: Collector
) -> Iterator[pa.RecordBatch]:
    """The rows; each is a person of the universe, who is taken on the way."""
    for batch in rows:
        collector.universe([batch])
        yield batch


@contextmanager
def _told(doing: str = "", *, sql: str = "") -> Iterator[None]:
    """Failures of Spark as errors of ours."""
    try:
        yield
    except failures() as error:
        raise refused(error, sql, doing=doing) from None


def _quietly(action: Callable[..., Any], *arguments: Any) -> None:
    """Tidy up; what has ended already needs none."""
    try:
        action(*arguments)
    except failures():
        return
