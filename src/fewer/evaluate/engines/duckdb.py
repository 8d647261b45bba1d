"""DuckDB: the engine that needs no server, in this process, over the files of the store."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar, Final, Self

import duckdb
import pyarrow as pa
from sqlglot import exp

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
from fewer.evaluate.engines.collect import Collector, Number, check
from fewer.evaluate.engines.interrupt import interruptible
from fewer.evaluate.plan.plan import Plan
from fewer.evaluate.sql.functions.duckdb import DUCKDB
from fewer.evaluate.sql.program import UNIVERSE, Step, program
from fewer.evaluate.sql.tree import column, select, table
from fewer.model.catalog import Catalog

_CHUNK: Final = 122_880
"""Rows in one Arrow chunk of members: one of DuckDB's own row groups."""

_MOST_SQL: Final = 4_000
"""Characters of a failing query that an error shows."""

_TELLS_VALUES: Final = (
    duckdb.ConversionException,
    duckdb.DataError,
    duckdb.IntegrityError,
    duckdb.InvalidInputException,
    duckdb.OutOfRangeException,
)
"""Errors whose text may quote the data."""


class DuckDBEngine:
    """Runs plans and queries in memory, over relations given as queries.

    Args:
        relations: The canonical relations by name, as DuckDB queries valid at one as_of.
        catalog: Names and columns of the same data.
        threads: Threads of one query.
        memory_limit: What DuckDB may hold before it writes to disk, such as ``"4GB"``; default:
            80 % of the machine.
        temp_directory: Where it writes then; default: the system's.
        number: Given when the relations know people by text: their numbers.
        file: Database whose tables the relations may read; it is only read.
        options: DuckDB's own settings.
    """

    name = "duckdb"
    capabilities = Capabilities(dialect="duckdb", executed_in_tests=True, in_place=True)
    own_functions: ClassVar = DUCKDB

    def __init__(
        self,
        relations: Mapping[str, exp.Query],
        catalog: Catalog,
        *,
        threads: int = 2,
        memory_limit: str | None = None,
        temp_directory: Path | None = None,
        number: Number | None = None,
        file: str | None = None,
        options: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self.catalog = catalog
        self._number = number
        folder = temp_directory or Path(tempfile.gettempdir()) / "fewer-duckdb"
        settings: dict[str, Any] = {
            "threads": threads,
            "temp_directory": str(folder),
            # Extensions are downloads; all that we use is built in.
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "preserve_insertion_order": False,
        }
        if memory_limit:
            settings["memory_limit"] = memory_limit
        try:
            self._root = duckdb.connect(":memory:", config={**settings, **options})
        except duckdb.Error as error:
            raise EngineError(f"DuckDB refuses an option: {error}") from None
        if file:
            _attach(self._root, file)
        for relation, query in relations.items():
            self._execute(self._root, _view(relation, query, attached=file is not None))

    @classmethod
    def open(cls, dataset: Dataset, settings: EngineSettings) -> Self:
        """An engine over the files of the store; see `Engine.open`."""
        return cls(
            dataset.relations,
            dataset.catalog,
            threads=settings.threads,
            memory_limit=settings.memory_limit,
            temp_directory=settings.temp_directory,
            number=dataset.number if dataset.in_place else None,
            file=settings.url if dataset.in_place else None,
            options=settings.options,
        )

    @classmethod
    def described(
        cls, places: Collection[tuple[str, ...]], settings: EngineSettings
    ) -> dict[tuple[str, ...], dict[str, str]]:
        """Columns of tables of a database file, or of files; see `InPlaceEngine.described`."""
        found = {}
        with duckdb.connect(":memory:", config={"autoload_known_extensions": False}) as connection:
            if settings.url:
                _attach(connection, settings.url)
            for place in places:
                query = exp.select("*").from_(_source(place)).limit(0)
                try:
                    relation = connection.sql(query.sql(dialect="duckdb"))
                except duckdb.CatalogException:
                    continue
                except duckdb.Error as error:
                    words = ", ".join(place[1:]) if not place[0] else ".".join(place)
                    raise EngineError(
                        f"{words} can't be read: {type(error).__name__}. Expected Parquet or CSV"
                        " files, or a table of the database file."
                    ) from None
                types = map(str, relation.types)
                found[place] = dict(zip(relation.columns, types, strict=True))
        return found

    def run(self, query: exp.Query, *, parameters: Sequence[Any] = ()) -> pa.Table:
        """Run `query` and fetch every row; see `Engine.run`."""
        sql = query.sql(dialect="duckdb")
        with self._root.cursor() as cursor:
            try:
                return cursor.sql(sql, params=list(parameters) or None).to_arrow_table()
            except duckdb.Error as error:
                raise _refused(error, sql) from None

    def hold(self, relation: str) -> None:
        """Copy a relation into memory: opening hundreds of files costs more than a pass over them.

        Beyond `memory_limit` DuckDB keeps the copy in its temporary directory.
        """
        held = table(f"held_{relation}")
        every_column = exp.select("*").from_(table(relation))
        view = exp.Create(
            this=table(relation),
            kind="VIEW",
            expression=exp.select("*").from_(held.copy()),
            replace=True,
        )
        for create in (exp.Create(this=held, kind="TABLE", expression=every_column), view):
            self._execute(self._root, create.sql(dialect="duckdb"))

    def evaluate(
        self,
        plan: Plan,
        *,
        progress: Progress | None = None,
        should_stop: Stop | None = None,
    ) -> Evaluation:
        """Members of all segments; each step of the program becomes a temporary table."""
        compiled = program(plan, DUCKDB)
        total = len(compiled.steps) + len(compiled.results)
        collector = Collector("duckdb", should_stop, self._number)
        runs: list[StepRun] = []

        def done(run: StepRun) -> None:
            runs.append(run)
            if progress:
                progress(run.name, len(runs), total)

        with (
            self._root.cursor() as cursor,  # temporary tables end with it
            interruptible(should_stop, cursor.interrupt),
        ):
            for step in compiled.steps:
                check(should_stop)
                done(self._step(cursor, step))
            collector.universe(_chunks(cursor, select([column("person")], table(UNIVERSE))))
            for number, result in enumerate(compiled.results, 1):
                chunks = _chunks(cursor, result.query)
                done(collector.take(f"result_{number}", result, chunks))
        return Evaluation(
            plan.as_of_us,
            collector.everyone,
            {i: collector.matched[i] for i in plan.ids},
            {i: collector.members[i] for i in plan.ids},
            tuple(runs),
        )

    def close(self) -> None:
        """Free the memory and temporary files that DuckDB holds."""
        self._root.close()

    def _step(self, cursor: duckdb.DuckDBPyConnection, step: Step) -> StepRun:
        start = time.perf_counter()
        properties = exp.Properties(expressions=[exp.TemporaryProperty()])
        create = exp.Create(
            this=table(step.name), kind="TABLE", expression=step.query, properties=properties
        )
        (rows,) = self._execute(cursor, create.sql(dialect="duckdb", copy=False))[0]
        seconds = time.perf_counter() - start
        return StepRun(step.name, step.query, "duckdb", rows, seconds, step.leaves)

    @staticmethod
    def _execute(connection: duckdb.DuckDBPyConnection, sql: str) -> list[tuple[Any, ...]]:
        try:
            return connection.execute(sql).fetchall()
        except duckdb.Error as error:
            raise _refused(error, sql) from None


def _chunks(cursor: duckdb.DuckDBPyConnection, query: exp.Query) -> pa.RecordBatchReader:
    sql = query.sql(dialect="duckdb", copy=False)
    try:
        return cursor.sql(sql).to_arrow_reader(_CHUNK)
    except duckdb.Error as error:
        raise _refused(error, sql) from None


def _refused(error: duckdb.Error, sql: str) -> EngineError:
    said = type(error).__name__ if isinstance(error, _TELLS_VALUES) else str(error)
    rest = f"\n... ({len(sql):,} characters in all)" if len(sql) > _MOST_SQL else ""
    return EngineError(f"DuckDB could not run this query: {said}\n\n{sql[:_MOST_SQL]}{rest}")


_ATTACHED: Final = "own"


def _attach(connection: duckdb.DuckDBPyConnection, file: str) -> None:
    path = exp.Literal.string(file).sql("duckdb")
    try:
        connection.execute(f"ATTACH {path} AS {_ATTACHED} (READ_ONLY)")
    except duckdb.Error as error:
        raise EngineError(
            f"The database file {file} can't be opened: {type(error).__name__}. Expected a DuckDB"
            " file that no other program is writing to."
        ) from None


_KEPT: Final[dict[tuple[int, str, bool], tuple[exp.Query, str]]] = {}
_MOST_KEPT: Final = 64


def _view(relation: str, query: exp.Query, *, attached: bool) -> str:
    """SQL of a view of that name over `query`.

    A project opens engines over the same trees many times, and those of a mapping are large: the
    last few texts are kept, with their tree, so that no other tree can have its id.
    """
    key = (id(query), relation, attached)
    kept = _KEPT.get(key)
    if kept is not None:
        return kept[1]
    read = _located(query) if attached else query.copy()
    view = exp.Create(this=table(relation), kind="VIEW", expression=read)
    text = view.sql(dialect="duckdb", copy=False)
    while len(_KEPT) >= _MOST_KEPT:
        _KEPT.pop(next(iter(_KEPT)), None)
    _KEPT[key] = (query, text)
    return text


def _source(place: tuple[str, ...]) -> exp.Expr:
    """The table of that name, or the files."""
    if not place[0] and DUCKDB.own and DUCKDB.own.files:
        return DUCKDB.own.files(place[1:])
    names = ("this", "db", "catalog")
    parts = zip(names, reversed(place), strict=False)
    found = exp.Table(**{k: exp.Identifier(this=part, quoted=True) for k, part in parts})
    located = _located(exp.select("*").from_(found)).find(exp.Table)
    return located or found


def _located(query: exp.Query) -> exp.Query:
    """The query over tables of the attached file: views of ours could have their names."""
    query = query.copy()
    for found in query.find_all(exp.Table):
        if isinstance(found.this, exp.Identifier) and not found.catalog:
            if not found.db:
                found.set("db", exp.Identifier(this="main", quoted=True))
            found.set("catalog", exp.Identifier(this=_ATTACHED, quoted=True))
    return query
