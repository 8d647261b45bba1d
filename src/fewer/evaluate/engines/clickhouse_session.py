"""What both ways to ClickHouse have in common: settings, parameters, and errors told plainly."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, Protocol
from uuid import uuid4

import pyarrow as pa
from sqlglot import exp

from fewer.errors import EngineError
from fewer.evaluate.engines.base import EngineSettings

DIALECT: Final = "clickhouse"

_MOST_SQL: Final = 4_000
"""Characters of a failing query that an error shows."""

_OVERFLOWS: Final = ("distinct", "group_by", "join", "read", "result", "set", "sort", "timeout")

MEANING: Final[Mapping[str, int | str]] = {
    # Null is null, as in the standard.
    "aggregate_functions_null_for_empty": 1,
    "cast_keep_nullable": 1,
    "group_by_use_nulls": 0,
    "join_use_nulls": 1,
    "transform_null_in": 0,
    # A name is a column first, and an alias only where there is no such column.
    "prefer_column_name_to_alias": 1,
    "session_timezone": "UTC",
    # A limit that is reached is an error, never a part of the answer.
    **{f"{what}_overflow_mode": "throw" for what in _OVERFLOWS},
    "limit": 0,
    "offset": 0,
    "use_query_cache": 0,
    "skip_unavailable_shards": 0,
    # A plan of a thousand segments is a long query.
    "max_ast_depth": 1_000_000,
    "max_ast_elements": 1_000_000_000,
    "max_expanded_ast_elements": 1_000_000_000,
    "max_parser_backtracks": 0,
    "max_parser_depth": 1_000_000,
    "max_query_size": 1 << 30,
    "max_subquery_depth": 10_000,
    # Files and results.
    "input_format_parquet_allow_missing_columns": 1,
    "output_format_arrow_fixed_string_as_fixed_byte_array": 0,
    "output_format_arrow_low_cardinality_as_dictionary": 0,
    "output_format_arrow_string_as_string": 1,
}
"""Settings on which the meaning of our queries depends; no option changes them."""

_USUAL: Final = dict.fromkeys(
    ("compile_aggregate_expressions", "compile_expressions", "compile_sort_description"), 0
)
"""Settings that options may change: no two steps share an expression worth compiling."""

_TELLS_NO_VALUES: Final = frozenset(
    {
        "ACCESS_DENIED",
        "CANNOT_OPEN_FILE",
        "DATABASE_ACCESS_DENIED",
        "FILE_DOESNT_EXIST",
        "ILLEGAL_TYPE_OF_ARGUMENT",
        "MEMORY_LIMIT_EXCEEDED",
        "NOT_ENOUGH_SPACE",
        "NO_COMMON_TYPE",
        "NUMBER_OF_ARGUMENTS_DOESNT_MATCH",
        "QUERY_WAS_CANCELLED",
        "READONLY",
        "SETTING_CONSTRAINT_VIOLATION",
        "SYNTAX_ERROR",
        "TIMEOUT_EXCEEDED",
        "TOO_MANY_SIMULTANEOUS_QUERIES",
        "UNKNOWN_DATABASE",
        "UNKNOWN_FUNCTION",
        "UNKNOWN_IDENTIFIER",
        "UNKNOWN_SETTING",
        "UNKNOWN_TABLE",
    }
)
"""Errors whose text speaks of names and types; that of any other may quote the data."""

_REFUSALS: Final = frozenset(
    {"AUTHENTICATION_FAILED", "REQUIRED_PASSWORD", "UNKNOWN_USER", "WRONG_PASSWORD"}
)

_HINTS: Final = {
    "MEMORY_LIMIT_EXCEEDED": "Give the engine more memory, or close other programs.",
    "ACCESS_DENIED": "Ask whoever runs the server for the right.",
    "READONLY": "Ask whoever runs the server for a user that may change settings.",
    "SETTING_CONSTRAINT_VIOLATION": "Ask whoever runs the server to allow the setting.",
}

_SIXTEEN_BYTES: Final = pa.binary(16)
_INT128: Final = pa.decimal128(38, 0)

_SIZE: Final = re.compile(r"(\d+(?:\.\d+)?) ?([KMGT]?)(I?)B", re.IGNORECASE)
_NAME: Final = re.compile(r"\(([A-Z][A-Z0-9_]+)\)")


class Session(Protocol):
    """A connection with temporary tables of its own, used by one thread."""

    def execute(self, sql: str) -> None:
        """Run a statement that gives no rows."""
        ...

    def table(self, sql: str, parameters: Mapping[str, str] | None = None) -> pa.Table:
        """Run a query and fetch every row."""
        ...

    def chunks(self, sql: str) -> Iterator[pa.RecordBatch]:
        """Run a query and fetch its rows a chunk at a time."""
        ...

    def close(self) -> None:
        """Drop its temporary tables."""
        ...


class Place(Protocol):
    """Where ClickHouse runs, and where it finds the canonical relations."""

    @property
    def root(self) -> Session:
        """The connection that lasts as long as the place."""
        ...

    def session(self) -> Session:
        """A new connection."""
        ...

    def source(self, relation: str) -> exp.Expr:
        """What to read in place of the relation's name: a new expression at every call."""
        ...

    def hold(self, relation: str, query: exp.Query) -> None:
        """Keep the rows of a relation at hand; may do nothing."""
        ...

    def described(self, files: Sequence[str]) -> dict[str, str]:
        """Columns and types of files of the user's."""
        ...

    def check(self) -> None:
        """Raise `EngineError` when data that queries read is gone or has changed."""
        ...

    def close(self) -> None:
        """Drop what was made."""
        ...


def settings_of(settings: EngineSettings) -> dict[str, int | str]:
    """What a session is set to."""
    found: dict[str, int | str] = {**_USUAL, **settings.options, "max_threads": settings.threads}
    if settings.memory_limit:
        found["max_memory_usage"] = _bytes(settings.memory_limit)
    return {**found, **MEANING}


def _bytes(size: str) -> int:
    found = _SIZE.fullmatch(size.strip())
    if not found:
        raise EngineError(f"{size!r} is no size of memory. Write it as 4GB or 500MiB.")
    number, prefix, binary = found.groups()
    return int(float(number) * (1024 if binary else 1000) ** " KMGT".index(prefix.upper() or " "))


def bound(query: exp.Query, values: Sequence[Any]) -> tuple[exp.Query, dict[str, str]]:
    """The query with named parameters of known types in place of its placeholders.

    Texts travel as hex digits: there is no way of escaping that all clients share.
    """
    query = query.copy()
    # Placeholders are filled in the order of the text, which only the text knows.
    mark = f"m{uuid4().hex}"
    marked = {f"{mark}_{n}_": p for n, p in enumerate(query.find_all(exp.Placeholder))}
    for name, placeholder in marked.items():
        placeholder.set("this", name)
    text = query.sql(dialect=DIALECT)
    names = sorted(marked, key=text.index)
    if len(names) != len(values):
        raise EngineError(f"The query has {len(names)} placeholders, {len(values)} values came.")
    parameters: dict[str, str] = {}
    for n, (name, value) in enumerate(zip(names, values, strict=True)):
        filled, written = _parameter(f"p{n}", value)
        if written is not None:
            parameters[f"p{n}"] = written
        marked[name].replace(filled)
    return query, parameters


def _parameter(name: str, value: Any) -> tuple[exp.Expr, str | None]:
    match value:
        case None:
            return exp.Null(), None
        case bool():
            return _typed(name, "Bool"), "true" if value else "false"
        case int():
            return _typed(name, "Int64"), str(value)
        case float():
            return _typed(name, "Float64"), repr(value)
        case str():
            return exp.func("unhex", _typed(name, "String")), value.encode().hex()
        case list() | tuple() if all(type(v) is int for v in value):
            return _typed(name, "Array(Int64)"), str(list(value))
        case _:
            raise EngineError(
                f"ClickHouse takes no parameter of type {type(value).__name__} from here."
            )


def _typed(name: str, of: str) -> exp.Placeholder:
    return exp.Placeholder(this=name, kind=exp.Var(this=of))


def refused(said: str, sql: str, *, private: bool = False) -> EngineError:
    """The error of a failed query, without anything that may be a value of the data.

    Args:
        said: ClickHouse's own words, from ``Code: 60. DB::Exception:`` on.
        sql: The query.
        private: Whether the query has parameters, which ClickHouse writes into its errors.
    """
    names = _NAME.findall(said)
    name = names[-1] if names else "an error without a name"
    words = name
    if name in _TELLS_NO_VALUES and not private:
        text = said.partition("DB::Exception: ")[2] or said
        text = re.split(r"[:.]? (?:In scope|While executing)", text)[0]
        words = f"{text.removesuffix(f'({name})').rstrip(' .')} ({name})"
    hint = f" {_HINTS[name]}" if name in _HINTS else ""
    shown = sql[:_MOST_SQL]
    rest = f"\n... ({len(sql):,} characters in all)" if len(sql) > _MOST_SQL else ""
    return EngineError(f"ClickHouse could not run this query: {words}.{hint}\n\n{shown}{rest}")


def is_refusal(said: str) -> bool:
    """Whether the server knows no such user, or not by this password."""
    return not _REFUSALS.isdisjoint(_NAME.findall(said))


def batches(data: bytes) -> list[pa.RecordBatch]:
    """Chunks of an Arrow file."""
    found: list[pa.RecordBatch] = arrow_table(data).to_batches()
    return found


def arrow_table(data: bytes) -> pa.Table:
    """Rows of an Arrow file."""
    table = pa.ipc.open_file(pa.py_buffer(data)).read_all()
    for place, kind in enumerate(table.schema.types):
        if kind == _SIXTEEN_BYTES:
            wide = pa.chunked_array(map(_decimal, table.column(place).chunks), _INT128)
            table = table.set_column(place, table.field(place).with_type(_INT128), wide)
    return table


def _decimal(numbers: pa.Array) -> pa.Array:
    """128-bit integers, which come as bytes: those of a decimal without places."""
    return pa.Array.from_buffers(_INT128, len(numbers), numbers.buffers(), offset=numbers.offset)
