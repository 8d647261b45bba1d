"""ClickHouse: in this process over the files of the store, or on a server."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar, Final, Self

import pyarrow as pa
from sqlglot import exp, parse_one

from fewer.errors import EngineError
from fewer.evaluate.engines.base import (
    Capabilities,
    Dataset,
    EngineSettings,
    Evaluation,
    Progress,
    StepRun,
    Stop,
)
from fewer.evaluate.engines.clickhouse_local import LocalPlace
from fewer.evaluate.engines.clickhouse_server import ServerPlace
from fewer.evaluate.engines.clickhouse_session import DIALECT, Place, Session, bound
from fewer.evaluate.engines.collect import Collector, check
from fewer.evaluate.plan.plan import Plan
from fewer.evaluate.sql.functions.base import Functions
from fewer.evaluate.sql.functions.clickhouse import CLICKHOUSE
from fewer.evaluate.sql.program import UNIVERSE, Step, program
from fewer.evaluate.sql.tree import column, identifier, nested, select, table
from fewer.model.catalog import Catalog

_COLUMNS: Final = (
    "SELECT name, type FROM system.columns"
    " WHERE database = if(? = '', currentDatabase(), ?) AND table = ? ORDER BY position"
)
"""Columns of a table; an empty database is the session's."""

_MANY_EVENTS: Final = 5_000_000
"""Events above which steps are kept on the disk instead of in memory."""


class ClickHouseEngine:
    """Runs plans as temporary tables of one session.

    Args:
        dataset: The project's own store, or the user's tables in place.
        place: Where ClickHouse runs.
    """

    name = "clickhouse"
    own_functions: ClassVar = CLICKHOUSE
    functions: Functions = CLICKHOUSE
    capabilities = Capabilities(dialect=DIALECT, executed_in_tests=True, server=True, in_place=True)

    def __init__(self, dataset: Dataset, place: Place) -> None:
        self._dataset = dataset
        self._place = place
        events = sum(dataset.catalog.events.values())
        self._kind = "MergeTree ORDER BY tuple()" if events > _MANY_EVENTS else "Memory"

    @classmethod
    def open(cls, dataset: Dataset, settings: EngineSettings) -> Self:
        """An engine in this process, or on the server at ``settings.url``; see `Engine.open`."""
        place: Place
        if settings.url:
            place = ServerPlace(dataset, settings, settings.url)
        else:
            place = LocalPlace(dataset, settings)
        return cls(dataset, place)

    @classmethod
    def described(
        cls, places: Collection[tuple[str, ...]], settings: EngineSettings
    ) -> dict[tuple[str, ...], dict[str, str]]:
        """Columns of tables of a server, or of files; see `InPlaceEngine.described`."""
        engine = cls.open(Dataset({}, Catalog(), in_place=True), settings)
        try:
            found = {place: engine._described(place) for place in places}  # noqa: SLF001
        finally:
            engine.close()
        return {place: columns for place, columns in found.items() if columns}

    def _described(self, place: tuple[str, ...]) -> dict[str, str]:
        if not place[0]:
            return self._place.described(place[1:])
        if len(place) > 2:  # noqa: PLR2004  there are databases and tables, and nothing above
            return {}
        database, name = place if len(place) > 1 else ("", *place)
        query = parse_one(_COLUMNS, dialect=DIALECT, into=exp.Select)
        rows = self.run(query, parameters=[database, database, name])
        return {row["name"]: row["type"] for row in rows.to_pylist()}

    def run(self, query: exp.Query, *, parameters: Sequence[Any] = ()) -> pa.Table:
        """Run `query` and fetch every row; see `Engine.run`."""
        filled, values = bound(self._resolved(query), parameters)
        return self._place.root.table(filled.sql(dialect=DIALECT), values)

    def hold(self, relation: str) -> None:
        """Copy a relation to where reading it again costs least; nothing on a server."""
        if not self._dataset.in_place:
            self._place.hold(relation, self._resolved(select([exp.Star()], table(relation))))

    def evaluate(
        self,
        plan: Plan,
        *,
        progress: Progress | None = None,
        should_stop: Stop | None = None,
    ) -> Evaluation:
        """Members of all segments; each step of the program becomes a temporary table."""
        compiled = program(plan, CLICKHOUSE)
        total = len(compiled.steps) + len(compiled.results)
        collector = Collector(DIALECT, should_stop, self._dataset.number)
        runs: list[StepRun] = []

        def done(run: StepRun) -> None:
            runs.append(run)
            if progress:
                progress(run.name, len(runs), total)

        with self._session() as session:
            for step in compiled.steps:
                check(should_stop)
                done(self._step(session, step))
            self._place.check()
            everyone = select([column("person")], table(UNIVERSE))
            collector.universe(session.chunks(everyone.sql(dialect=DIALECT)))
            for number, result in enumerate(compiled.results, 1):
                check(should_stop)
                sql = result.query.sql(dialect=DIALECT, copy=False)
                run = collector.take(f"result_{number}", result, session.chunks(sql))
                _check_whole(run, runs[0], sql)
                done(run)
        return Evaluation(
            plan.as_of_us,
            collector.everyone,
            {i: collector.matched[i] for i in plan.ids},
            {i: collector.members[i] for i in plan.ids},
            tuple(runs),
        )

    def close(self) -> None:
        """Drop what was made."""
        self._place.close()

    @contextmanager
    def _session(self) -> Iterator[Session]:
        session = self._place.session()
        try:
            yield session
        finally:
            session.close()

    def _step(self, session: Session, step: Step) -> StepRun:
        start = time.perf_counter()
        self._place.check()
        sql = self._resolved(step.query).sql(dialect=DIALECT)
        session.execute(f"CREATE TEMPORARY TABLE {step.name} ENGINE = {self._kind} AS {sql}")
        counted = session.table(f"SELECT count() FROM {step.name}")  # noqa: S608  our own name
        rows: int = counted.column(0)[0].as_py()
        seconds = time.perf_counter() - start
        return StepRun(step.name, step.query, DIALECT, rows, seconds, step.leaves)

    def _resolved(self, query: exp.Query) -> exp.Query:
        """The query with what to read in place of the names of relations."""
        names = self._dataset.relations.keys() - {c.alias for c in query.find_all(exp.CTE)}

        def is_relation(node: exp.Expr) -> bool:
            return isinstance(node, exp.Table) and not node.db and node.name in names

        if not any(map(is_relation, query.find_all(exp.Table))):
            return query
        query = query.copy()
        for node in [t for t in query.find_all(exp.Table) if is_relation(t)]:
            node.replace(self._source(node.name, node.alias or node.name))
        return query

    def _source(self, relation: str, alias: str) -> exp.Expr:
        if self._dataset.in_place:
            return nested(self._dataset.relations[relation].copy(), alias)
        source = self._place.source(relation)
        source.set("alias", exp.TableAlias(this=identifier(alias)))
        return source


def _check_whole(run: StepRun, universe: StepRun, sql: str) -> None:
    """Every result has one row for each person: fewer would be a broken connection."""
    if run.rows != universe.rows:
        raise EngineError(
            f"ClickHouse gave {run.rows:,} rows instead of {universe.rows:,}; nothing of this"
            f" evaluation is kept. Try again.\n\n{sql[:400]}"
        )
