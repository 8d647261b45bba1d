"""PostgreSQL: on a server, over copies of the store or over the user's own tables."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any, ClassVar, Final, Self

import numpy as np
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
from fewer.evaluate.engines.postgres_load import SCHEMA, load
from fewer.evaluate.engines.postgres_session import Session, as_text
from fewer.evaluate.engines.postgres_sets import Sets
from fewer.evaluate.plan.plan import Plan
from fewer.evaluate.sql.functions.postgres import ESCAPED, POSTGRES, unescaped
from fewer.evaluate.sql.program import UNIVERSE, Step, program
from fewer.evaluate.sql.tree import column, named, nested, number, ordered, select, table

_CHUNK_BYTES: Final = 8_000_000
"""Bytes of one chunk of a result."""

_HEADER: Final = 19
"""Bytes before the first row of a binary COPY."""

_FIELDS: Final = 2
"""Bytes of a row that say how many values it has."""

_PERSON: Final = 4 + 8
_FLAG: Final = 4 + 1
"""Bytes of a value: its length, and the value."""

_PLACES: Final = "places"

_MANY: Final = 1_000
"""Rows from which a step is worth being analysed."""

_COLUMNS: Final = """
SELECT a.attname, format_type(coalesce(nullif(t.typbasetype, 0), t.oid), NULL)
FROM pg_attribute AS a JOIN pg_type AS t ON t.oid = a.atttypid
WHERE a.attrelid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attnum
"""
"""Names and types of a table's columns; a domain is what it is made of."""

_SCHEMA: Final = """
SELECT n.nspname FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.oid = to_regclass($1)
"""

_ARROW: Final = {"int8": pa.int64(), "int4": pa.int64(), "bool": pa.bool_(), "text": pa.string()}


class PostgresEngine:
    """Runs plans and queries on a PostgreSQL server.

    Args:
        dataset: The project's store, whose relations are copied to the server once for every
            state of the data; or tables that are there already.
        settings: `url` is needed. Options are settings of the server, such as ``work_mem``;
            ``schema`` names the schema of the copies.
    """

    name = "postgres"
    capabilities: ClassVar = Capabilities(
        dialect="postgres", executed_in_tests=True, server=True, in_place=True
    )

    own_functions: ClassVar = POSTGRES

    def __init__(self, dataset: Dataset, settings: EngineSettings) -> None:
        self._dataset = dataset
        self.functions = POSTGRES if dataset.in_place else ESCAPED
        self._session = Session(settings)
        try:
            start = time.perf_counter()
            if dataset.in_place:
                self._view_tables()
                copies = 0
            else:
                copies = load(self._session, dataset, settings.options.get("schema", SCHEMA))
            self._facts = {"copies": copies, "copy_seconds": time.perf_counter() - start}
        except BaseException:
            self.close()
            raise

    @classmethod
    def open(cls, dataset: Dataset, settings: EngineSettings) -> Self:
        """An engine over the data; see `Engine.open`."""
        return cls(dataset, settings)

    @classmethod
    def described(
        cls, places: Collection[tuple[str, ...]], settings: EngineSettings
    ) -> dict[tuple[str, ...], dict[str, str]]:
        """Columns of tables, views and foreign tables; see `InPlaceEngine.described`."""
        session = Session(settings)
        try:
            found = {}
            for place in places:
                name = ".".join(exp.Identifier(this=p, quoted=True).sql("postgres") for p in place)
                columns = session.execute(_COLUMNS, [name]).fetchall()
                if columns:
                    found[place] = dict(columns)
            return found
        finally:
            session.close()

    def _view_tables(self) -> None:
        temporary = exp.Properties(expressions=[exp.TemporaryProperty()])
        located = {name: self._located(query) for name, query in self._dataset.relations.items()}
        for name, query in located.items():
            view = exp.Create(
                this=table(name), kind="VIEW", expression=query, properties=temporary.copy()
            )
            self._session.execute(view.sql("postgres"))

    def _located(self, query: exp.Query) -> exp.Query:
        """The query with the schema of each table: views of ours could have their names."""
        query = query.copy()
        for found in query.find_all(exp.Table):
            if not found.db:
                schema = self._session.execute(_SCHEMA, [found.sql("postgres")]).fetchone()
                if schema:
                    found.set("db", exp.Identifier(this=schema[0], quoted=True))
        return query

    def run(self, query: exp.Query, *, parameters: Sequence[Any] = ()) -> pa.Table:
        """Run `query` and fetch every row; see `Engine.run`."""
        with self._session.scratch():
            return self._fetched(query, parameters)

    def _fetched(self, query: exp.Query, parameters: Sequence[Any] = ()) -> pa.Table:
        cursor = self._session.execute(as_text(query), parameters)
        rows = cursor.fetchall()
        columns = list(zip(*rows, strict=True)) if rows else [()] * len(cursor.description or ())
        types = [cursor.adapters.types.get(d.type_code) for d in cursor.description or ()]
        names = [d.name for d in cursor.description or ()]
        arrays = [
            self._array(values, type_.name if type_ else "")
            for values, type_ in zip(columns, types, strict=True)
        ]
        return pa.table(arrays, names=names)

    def _array(self, values: Sequence[Any], type_: str) -> pa.Array:
        if type_ == "text" and not self._dataset.in_place:
            values = [None if v is None else unescaped(v) for v in values]
        if type_ == "numeric" and all(v is None or v == int(v) for v in values):
            # Sums of whole numbers; those of no group are null.
            whole = [None if v is None else Decimal(int(v)) for v in values]
            return pa.array(whole, pa.decimal256(76, 0))
        return pa.array(values, _ARROW.get(type_))

    def hold(self, relation: str) -> None:
        """Do nothing: the server keeps what it has read."""

    def resolved(self, plan: Plan) -> Plan:
        """The plan with tests that PostgreSQL reads otherwise replaced by tables of values.

        The tables are there until the engine is closed.
        """
        with self._session.transaction():
            sets = Sets(self._session, in_place=self._dataset.in_place, should_stop=None)
            return sets.resolve(plan)

    def evaluate(
        self,
        plan: Plan,
        *,
        progress: Progress | None = None,
        should_stop: Stop | None = None,
    ) -> Evaluation:
        """Members of all segments; each step becomes a temporary table, gone at the end."""
        runs: list[StepRun] = []
        collector = Collector("postgres", should_stop)
        with self._session.scratch():
            start = time.perf_counter()
            sets = Sets(self._session, in_place=self._dataset.in_place, should_stop=should_stop)
            compiled = program(sets.resolve(plan), self.functions)
            total = len(compiled.steps) + len(compiled.results) + bool(sets)

            def done(run: StepRun) -> None:
                runs.append(run)
                if progress:
                    progress(run.name, len(runs), total)

            if sets:
                seconds = time.perf_counter() - start
                note = "values that match patterns and texts in any case"
                done(StepRun("values", None, "postgres", sets.rows, seconds, note=note))
            for step in compiled.steps:
                check(should_stop)
                done(self._step(step, should_stop))
            numbers = self._numbers(should_stop)
            collector.universe(self._universe(numbers))
            for n, result in enumerate(compiled.results, 1):
                width = len(result.segments) + len(result.excluding)
                chunks = self._chunks(result.query, width, numbers, should_stop)
                run = collector.take(f"result_{n}", result, chunks)
                done(replace(run, query=result.query))
        return Evaluation(
            plan.as_of_us,
            collector.everyone,
            {i: collector.matched[i] for i in plan.ids},
            {i: collector.members[i] for i in plan.ids},
            tuple(runs),
            self._facts,
        )

    def close(self) -> None:
        """End the connection, and with it what was made for this engine alone."""
        self._session.close()

    def _step(self, step: Step, should_stop: Stop | None) -> StepRun:
        start = time.perf_counter()
        rows = self._made(step.name, step.query, should_stop)
        seconds = time.perf_counter() - start
        return StepRun(step.name, step.query, "postgres", rows, seconds, step.leaves)

    def _made(self, name: str, query: exp.Query, should_stop: Stop | None) -> int:
        """Rows of a temporary table made of the query."""
        temporary = exp.Properties(expressions=[exp.TemporaryProperty()])
        create = exp.Create(this=table(name), kind="TABLE", expression=query, properties=temporary)
        sql = create.sql("postgres", copy=False)
        rows = self._session.execute(sql, should_stop=should_stop).rowcount
        if rows >= _MANY:
            self._session.execute(f"ANALYZE {name}")
        return rows

    def _numbers(self, should_stop: Stop | None) -> np.ndarray | None:
        """For tables in place, the number of everyone, in the order of their `place`."""
        if self._dataset.number is None:
            return None
        place = exp.Window(this=exp.RowNumber())
        both = [column("person"), named(exp.Sub(this=place, expression=number(1)), "place")]
        self._made(_PLACES, select(both, table(UNIVERSE)), should_stop)
        query = select([column("person")], table(_PLACES))
        query.set("order", exp.Order(expressions=[ordered(column("place"))]))
        persons = self._fetched(query)["person"].combine_chunks()
        numbers = self._dataset.number(persons)
        found: np.ndarray = numbers.to_numpy(zero_copy_only=False)
        return found

    def _universe(self, numbers: np.ndarray | None) -> Iterator[pa.RecordBatch]:
        if numbers is not None:
            yield pa.record_batch([pa.array(numbers)], names=["person"])
            return
        yield from self._chunks(select([column("person")], table(UNIVERSE)), 0, None, None)

    def _chunks(
        self, query: exp.Query, width: int, numbers: np.ndarray | None, should_stop: Stop | None
    ) -> Iterator[pa.RecordBatch]:
        """Persons, and `width` booleans of each, none of which is null."""
        if numbers is not None:
            query = _with_places(query)
        row = _FIELDS + _PERSON + width * _FLAG
        sql = f"COPY ({query.sql(dialect='postgres')}) TO STDOUT (FORMAT BINARY)"
        with self._session.copy(sql) as copy:
            data, skip = bytearray(), _HEADER
            reading = iter(copy)

            def read() -> bool:
                """Fill the buffer; whether there may be more."""
                for message in reading:
                    data.extend(message)
                    if len(data) >= _CHUNK_BYTES:
                        return True
                return False

            more = True
            while more:
                more = self._session.waiting(read, should_stop)
                rows = (len(data) - skip) // row
                if rows > 0:
                    part = np.frombuffer(bytes(data[skip : skip + rows * row]), np.uint8)
                    yield _batch(part.reshape(rows, row), numbers)
                    del data[: skip + rows * row]
                    skip = 0


def _with_places(query: exp.Query) -> exp.Query:
    """The query, with the place of each person instead of the text."""
    flags = [column(each.alias_or_name, "r") for each in query.selects[1:]]
    same = exp.EQ(this=column("person", "p"), expression=column("person", "r"))
    join = exp.Join(this=table(_PLACES, "p"), on=same)
    return select([column("place", "p"), *flags], nested(query.copy(), "r"), joins=[join])


def _batch(rows: np.ndarray, numbers: np.ndarray | None) -> pa.RecordBatch:
    """Rows of a binary COPY: 8 bytes of a whole number, then one byte for each boolean."""
    start = _FIELDS + _PERSON
    person = np.ascontiguousarray(rows[:, start - 8 : start]).view(">i8").ravel()
    known = person.astype(np.uint32) if numbers is None else numbers[person.astype(np.int64)]
    flags = rows[:, start + _FLAG - 1 :: _FLAG]
    arrays = [pa.array(known)]
    arrays += [pa.array(flags[:, n].astype(bool)) for n in range(flags.shape[1])]
    return pa.RecordBatch.from_arrays(arrays, names=[str(n) for n in range(len(arrays))])
