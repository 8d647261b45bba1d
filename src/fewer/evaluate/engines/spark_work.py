"""One plan in a session of Spark: its steps as views, its results as chunks of Arrow."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from threading import Thread
from typing import Any, Final, TypeVar
from uuid import uuid4

import pyarrow as pa
from sqlglot import exp

from fewer.evaluate.engines.base import StepRun, Stop
from fewer.evaluate.engines.collect import check
from fewer.evaluate.engines.spark_errors import quietly, told
from fewer.evaluate.engines.spark_session import Session
from fewer.evaluate.engines.spark_views import Views
from fewer.evaluate.plan.plan import Plan
from fewer.evaluate.sql.events import BASE
from fewer.evaluate.sql.program import UNIVERSE, Program, Step
from fewer.evaluate.sql.tree import call, column, named, nested, number, select

T = TypeVar("T")

_PART: Final = 250_000
"""Events, or people, in one part of the work: what one task holds."""

_SMALL: Final = 50_000
"""Events up to which a plan is interpreted: to compile it takes longer."""

_CHUNK_BYTES: Final = 32_000_000
"""Of members that this process takes at a time."""

_PERSON_BYTES: Final = 24
"""Of a person in a chunk: a number, or a text."""

_MOST_PARTS: Final = 2_000
_POLL: Final = 0.05
"""Seconds between two questions whether to stop."""

_PATIENCE: Final = 10.0
"""Seconds that work which was interrupted has to end."""

_PLACE: Final = "fewer_place"
_BROADCAST: Final = "spark.sql.autoBroadcastJoinThreshold"
_NOTE: Final = "runs as a part of the first result that needs it"


def parts_of(plan: Plan, persons: int) -> int:
    """In how many parts the people are divided."""
    rows = max(sum(plan.catalog.events.values()), persons)
    return min(_MOST_PARTS, -(-rows // _PART)) or 1


class Work:
    """The steps of one plan as views, and the two that are kept as long as it runs.

    Args:
        session: Where to run.
        views: Names of the relations, to which those of the steps are added.
        compiled: The plan.
        persons: How many there are at most.
        should_stop: Asked while Spark works.
    """

    def __init__(
        self,
        session: Session,
        views: Views,
        compiled: Program,
        persons: int,
        should_stop: Stop | None,
    ) -> None:
        self.spark = session.spark
        self.options = session.options
        self.views = views
        self.should_stop = should_stop
        self.persons = persons
        self.parts = parts_of(compiled.plan, persons)
        self.shared = _shared(compiled)
        self.tag = f"fewer-{uuid4().hex}"
        self.kept: list[Any] = []
        self.names: list[str] = []
        self._prepare(max(persons, sum(compiled.plan.catalog.events.values())) <= _SMALL)

    def _prepare(self, small: bool) -> None:
        """Settings for as many rows as there are, where the user's options say nothing else."""
        found = {
            "spark.sql.shuffle.partitions": str(self.parts),
            # Steps lie where they are joined already: to send one to all would be a job each.
            # Only items are sent, to many events.
            _BROADCAST: "-1" if self.parts == 1 else "10MB",
            # To compile a plan takes seconds; to interpret it, some more for each million rows.
            "spark.sql.codegen.wholeStage": "false" if small else "true",
            "spark.sql.codegen.factoryMode": "NO_CODEGEN" if small else "FALLBACK",
        }
        for key, value in found.items():
            if key not in self.options:
                self.spark.conf.set(key, value)

    def step(self, step: Step) -> StepRun:
        """Name the step; it runs with the first result that needs it."""
        start = time.perf_counter()
        sql = self.views.text(step.query)
        with told(sql=sql):
            frame = self.spark.sql(sql)
            if step.name in (UNIVERSE, BASE) or step.name in self.shared:
                frame = self._by_person(frame, in_order=step.name == BASE).persist()
                self.kept.append(frame)
                if step.name == BASE and _BROADCAST not in self.options:
                    self.spark.conf.set(_BROADCAST, "-1")
            self.views.add(step.name, frame)
        self.names.append(step.name)
        seconds = time.perf_counter() - start
        return StepRun(step.name, step.query, "spark", 0, seconds, step.leaves, _NOTE)

    def _by_person(self, frame: Any, *, in_order: bool) -> Any:
        """Divided by person, and sorted as groups, windows and joins need their rows."""
        frame = frame.coalesce(1) if self.parts == 1 else frame.repartition(self.parts, "person")
        terms = [frame["person"].asc()]
        if in_order:
            terms.append(frame["ts"].asc_nulls_last())
        return frame.sortWithinPartitions(*terms)

    def rows(self, query: exp.Query) -> Iterator[pa.RecordBatch]:
        """Rows of a query over everyone, a chunk of them at a time."""
        chunks = self._chunks(len(query.selects))
        if chunks == 1:
            sql = self.views.text(query)
            yield from self._stoppable(lambda: self.spark.sql(sql).toArrow(), sql).to_batches()
            return
        # Spark divides by this very hash, so that a chunk is some of the parts; the others are
        # passed over by the least and greatest place that they hold.
        place = call("pmod", call("hash", column("person")), number(self.parts))
        sql = self.views.text(select([exp.Star(), named(place, _PLACE)], nested(query, "r")))
        with told(sql=sql):
            frame = self.spark.sql(sql).persist()
        try:
            for n in range(chunks):
                first, end = (k * self.parts // chunks for k in (n, n + 1))
                yield from self._stoppable(_places(frame, first, end), sql).to_batches()
        finally:
            quietly(frame.unpersist)

    def _chunks(self, columns: int) -> int:
        size = self.persons * (_PERSON_BYTES + columns // 8)
        return min(self.parts, -(-size // _CHUNK_BYTES)) or 1

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
            quietly(self.spark.interruptTag, self.tag)
            thread.join(_PATIENCE)
            raise
        with told(sql=sql):
            if failed:
                raise failed[0]
        return found[0]

    def close(self) -> None:
        """Let go of what was kept."""
        for frame in self.kept:
            quietly(frame.unpersist)
        for name in self.names:
            self.views.drop(name)


def _places(frame: Any, first: int, end: int) -> Callable[[], pa.Table]:
    inside = (frame[_PLACE] >= first) & (frame[_PLACE] < end)
    return lambda: frame.where(inside).drop(_PLACE).toArrow()


def _shared(compiled: Program) -> set[str]:
    """Steps that more than one other query reads."""
    seen: set[str] = set()
    again: set[str] = set()
    for query in [*(s.query for s in compiled.steps), *(r.query for r in compiled.results)]:
        names = {found.name for found in query.find_all(exp.Table)}
        again |= names & seen
        seen |= names
    return again & {step.name for step in compiled.steps}
