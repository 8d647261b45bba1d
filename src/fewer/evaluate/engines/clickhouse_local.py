"""ClickHouse in this process, by chdb, over Parquet files."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq
from sqlglot import exp

from fewer.errors import EngineError, MissingExtraError
from fewer.evaluate.engines.base import Dataset, EngineSettings
from fewer.evaluate.engines.clickhouse_session import (
    DIALECT,
    arrow_table,
    batches,
    refused,
    settings_of,
)
from fewer.evaluate.engines.staging import staged
from fewer.evaluate.sql.functions.clickhouse import file_of
from fewer.evaluate.sql.tree import call, column, identifier, named, select
from fewer.model.catalog import Catalog

_MANY_ROWS: Final = 5_000_000
"""Rows above which a table that is held goes to disk."""

_GLOB: Final = frozenset("*?{},")
"""Characters that mean something in a pattern of paths."""

_TEXTS: Final = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)

_KEYS: Final = ("event_id", "person", "ts", "event", "key", "purpose", "list_id")
"""Columns that are never null."""


def type_of(name: str, arrow: pa.DataType) -> str:
    """ClickHouse's type of a stored column."""
    found = _plain_type(arrow)
    return found if name in _KEYS else f"Nullable({found})"


def _plain_type(arrow: pa.DataType) -> str:
    if pa.types.is_dictionary(arrow):
        arrow = arrow.value_type
    if any(test(arrow) for test in _TEXTS):
        return "String"
    if pa.types.is_integer(arrow):
        return f"{'' if pa.types.is_signed_integer(arrow) else 'U'}Int{arrow.bit_width}"
    if pa.types.is_date(arrow):
        return "Date32"
    return {"bool": "Bool", "double": "Float64", "float": "Float32"}.get(str(arrow), str(arrow))


class LocalSession:
    """A session of chdb."""

    def __init__(self, settings: Mapping[str, int | str]) -> None:
        try:
            from chdb.session import Session  # noqa: PLC0415  half a gigabyte, and optional
        except ImportError:
            raise MissingExtraError("The engine 'clickhouse'", "clickhouse") from None
        try:
            self._inner = Session()
        except Exception as error:  # noqa: BLE001  chdb raises its own and plain ones
            raise EngineError(
                "ClickHouse does not start in this process. Does another part of the program"
                f" use chdb with a folder of its own? It said: {type(error).__name__}."
            ) from None
        assigned = ", ".join(f"{name} = {_literal(value)}" for name, value in settings.items())
        self.execute(f"SET {assigned}")

    def execute(self, sql: str) -> None:
        """Run a statement that gives no rows."""
        self._query(sql, {})

    def table(self, sql: str, parameters: Mapping[str, str] | None = None) -> pa.Table:
        """Run a query and fetch every row."""
        return arrow_table(self._query(sql, dict(parameters or {})))

    def _query(self, sql: str, parameters: dict[str, str]) -> bytes:
        try:
            found: bytes = self._inner.query(sql, "Arrow", params=parameters).bytes()
        except Exception as error:  # noqa: BLE001  as above
            raise refused(str(error), sql, private=bool(parameters)) from None
        return found

    def chunks(self, sql: str) -> Iterator[pa.RecordBatch]:
        """Run a query and fetch its rows a chunk at a time."""
        stream: Any = None
        try:
            stream = self._inner.send_query(sql, "Arrow")
            for chunk in stream:
                yield from batches(chunk.bytes())
        except GeneratorExit:
            stream.cancel()
            raise
        except EngineError:
            raise
        except Exception as error:  # noqa: BLE001  as above
            raise refused(str(error), sql) from None

    def close(self) -> None:
        """Drop the session's temporary tables."""
        self._inner.close()


def _bare(type_: str) -> str:
    return type_.removeprefix("Nullable(").removesuffix(")") if "Nullable(" in type_ else type_


def _literal(value: int | str) -> str:
    written = exp.Literal.string(value) if isinstance(value, str) else exp.Literal.number(value)
    return written.sql(dialect=DIALECT)


class LocalPlace:
    """The files of the project's own store, and copies of relations that only DuckDB can read."""

    def __init__(self, dataset: Dataset, settings: EngineSettings) -> None:
        self._dataset = dataset
        self._settings = settings_of(settings)
        self.root = self.session()
        self._files: _Files | None = None
        self._temporary: TemporaryDirectory[str] | None = None
        self._found: dict[str, exp.Query] = {}
        self._database = ""

    def session(self) -> LocalSession:
        """A new connection."""
        return LocalSession(self._settings)

    def source(self, relation: str) -> exp.Expr:
        """A query over the relation's files."""
        if relation not in self._found:
            self._found[relation] = self._events() if relation == "events" else self._copy(relation)
        return exp.Subquery(this=self._found[relation].copy())

    def _events(self) -> exp.Query:
        """The store's own files, unless only DuckDB can read them."""
        relation = self._dataset.relations["events"]
        is_plain = not any(c.name == "overflow" for c in relation.find_all(exp.Column))
        pattern = _pattern(self._dataset.files)
        if not is_plain or pattern is None:
            return self._copy("events")
        files = _Files.of(self._dataset.files, _wanted(relation, self._dataset.catalog))
        query = _read(pattern, files.types)
        # A pattern that fits no file is no error to ClickHouse.
        sql = select([exp.Count(this=exp.Star())], exp.Subquery(this=query.copy()))
        if self.root.table(sql.sql(dialect=DIALECT)).column(0)[0].as_py() != files.rows:
            return self._copy("events")
        self._files = files
        return query

    def _copy(self, relation: str) -> exp.Query:
        path = staged(self._dataset, self._folder(), only=[relation])[relation]
        schema = pq.read_schema(path)
        return _read(str(path), {field.name: type_of(field.name, field.type) for field in schema})

    def _folder(self) -> Path:
        cache = self._dataset.cache
        if cache is not None and _GLOB.isdisjoint(str(cache)):
            return cache / "staged"
        if self._temporary is None:
            self._temporary = TemporaryDirectory(prefix="fewer-clickhouse-")
        return Path(self._temporary.name)

    def hold(self, relation: str, query: exp.Query) -> None:
        """Copy a relation into memory, or onto the disk when it is large."""
        if not self._database:
            self._database = f"fewer_{uuid4().hex}"
            self.root.execute(f"CREATE DATABASE {self._database}")
        large = sum(self._dataset.catalog.events.values()) > _MANY_ROWS and relation == "events"
        kind = "MergeTree ORDER BY (event, ts)" if large else "Memory"
        sql = query.sql(dialect=DIALECT)
        self.root.execute(f"CREATE TABLE {self._database}.{relation} ENGINE = {kind} AS {sql}")
        held = exp.Table(this=identifier(relation), db=identifier(self._database))
        self._found[relation] = select([exp.Star()], held)

    def described(self, files: Sequence[str]) -> dict[str, str]:
        """Columns of files that are read in place.

        ClickHouse takes every time in a file for UTC. Only the file knows which have no zone, and
        of a CSV file nobody does: such a column is one of texts.
        """
        found = self.root.table(f"DESCRIBE TABLE {file_of(files[0]).sql(DIALECT)}").to_pylist()
        types = {row["name"]: row["type"] for row in found}
        if "'Parquet'" in file_of(files[0]).sql(DIALECT):
            pattern = Path(files[0])  # a pattern, or one file
            first = min(pattern.parent.glob(pattern.name), default=pattern)
            schema = pq.read_schema(first)
            wall = {f.name for f in schema if pa.types.is_timestamp(f.type) and not f.type.tz}
            return {name: f"Wall {_bare(of)}" if name in wall else of for name, of in types.items()}
        return {name: "Text" if "DateTime" in of else of for name, of in types.items()}

    def check(self) -> None:
        """Raise when a file of the store is gone, or is another one than before."""
        if self._files is not None:
            self._files.check()

    def close(self) -> None:
        """Drop tables that are held, and copies that nobody else can use."""
        if self._database:
            with suppress(EngineError):
                self.root.execute(f"DROP DATABASE {self._database}")
        self.root.close()
        if self._temporary is not None:
            self._temporary.cleanup()


def _read(pattern: str, types: Mapping[str, str]) -> exp.Query:
    """Rows of Parquet files; a column that a file lacks is null there."""
    structure = ", ".join(f"{name} {of}" for name, of in types.items())
    files = call("file", *map(exp.Literal.string, (pattern, "Parquet", structure)))
    output: list[exp.Expr] = [
        named(call("toUInt32", column(name)), name) if name == "person" else column(name)
        for name in types
    ]
    return select(output, exp.Table(this=files))


def _wanted(relation: exp.Query, catalog: Catalog) -> dict[str, pa.DataType]:
    """Columns of `events`, and the types that the store gives them."""
    coded = {"n": pa.int64(), "s": pa.int64(), "b": pa.bool_()}
    names = relation.named_selects
    if "*" in names:
        columns = [c for types in catalog.properties.values() for c in types.values()]
        names = ["event_id", "person", "ts", "event", "source", *columns]
    found: dict[str, pa.DataType] = {"person": pa.int32(), "ts": pa.int64()}
    for name in names:
        found.setdefault(name, coded.get(name[-1:] if name[-2:-1] == "_" else "", pa.string()))
    return {name: found[name] for name in names}


def _pattern(paths: Sequence[str]) -> str | None:
    """One pattern for all paths; None when there are none, or when it would say something else."""
    if not paths or any(not _GLOB.isdisjoint(path) for path in paths):
        return None
    if len(paths) == 1:
        return paths[0]
    root = os.path.commonpath(paths)
    return f"{root}/{{{','.join(os.path.relpath(path, root) for path in paths)}}}"


@dataclass(frozen=True, slots=True)
class _Files:
    """Data files as they were when they were first seen."""

    marks: Mapping[str, tuple[int, int]]
    """What tells a file from another of the same name."""

    types: Mapping[str, str]
    rows: int

    @classmethod
    def of(cls, paths: Sequence[str], wanted: Mapping[str, pa.DataType]) -> _Files:
        marks = {path: _mark(path) for path in paths}
        rows = 0
        for path, mark in marks.items():
            there, schema = _footer(path, mark)
            rows += there
            _check_types(path, schema, wanted)
        return cls(marks, {name: type_of(name, of) for name, of in wanted.items()}, rows)

    def check(self) -> None:
        for path, mark in self.marks.items():
            if _mark(path) != mark:
                raise _damaged(path, "has changed while it was read")


def _mark(path: str) -> tuple[int, int]:
    try:
        found = Path(path).stat()
    except OSError:
        raise _damaged(path, "is gone") from None
    return found.st_mtime_ns, found.st_size


@lru_cache(maxsize=100_000)
def _footer(path: str, mark: tuple[int, int]) -> tuple[int, pa.Schema]:
    """Rows and columns; files never change, so the mark is there for the cache alone."""
    del mark
    try:
        metadata = pq.read_metadata(path)
        return metadata.num_rows, metadata.schema.to_arrow_schema()
    except (OSError, pa.ArrowException):
        raise _damaged(path, "is no Parquet file any more") from None


def _check_types(path: str, schema: pa.Schema, wanted: Mapping[str, pa.DataType]) -> None:
    """ClickHouse would convert what it finds; what it can't convert would become null."""
    for name, of in wanted.items():
        place = schema.get_field_index(name)
        if place < 0:
            if name in _KEYS:
                raise _damaged(path, f"lacks the column {name!r}")
            continue
        there = _plain_type(schema.field(place).type)
        if there.removeprefix("U") != _plain_type(of):
            raise _damaged(path, f"holds {there} in column {name!r} instead of {_plain_type(of)}")


def _damaged(path: str, what: str) -> EngineError:
    return EngineError(
        f"A data file {what}: {path}. The store's files are never changed by hand: put it back"
        " from a copy, or ingest the sources into a new store."
    )
