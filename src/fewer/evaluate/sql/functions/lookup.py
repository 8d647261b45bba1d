"""Which table of functions a dialect has, for queries that others run."""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module
from typing import Any, Final

from sqlglot import exp

from fewer.errors import UnsupportedByEngineError, did_you_mean
from fewer.evaluate.sql.functions.base import Functions
from fewer.evaluate.sql.tree import column, number

DIALECTS: Final = ("bigquery", "clickhouse", "duckdb", "postgres", "snowflake", "spark")

NOT_EXECUTED: Final = frozenset({"bigquery", "snowflake"})
"""Dialects whose queries are generated and parsed again, and never run by our tests."""


_CLICKHOUSE_SETTINGS: Final = {
    "join_use_nulls": 1,
    "aggregate_functions_null_for_empty": 1,
    "prefer_column_name_to_alias": 1,
    "transform_null_in": 0,
    "max_query_size": 1 << 30,
}
"""Without them ClickHouse takes 0 or an empty text for what is not there."""


def written(query: exp.Select, dialect: str) -> str:
    """A standalone query as a text that means the same wherever it is run; `query` is changed."""
    if dialect == "clickhouse":
        settings = [
            exp.EQ(this=column(name), expression=number(value))
            for name, value in _CLICKHOUSE_SETTINGS.items()
        ]
        query.set("settings", settings)
    text = query.sql(dialect=dialect, pretty=True)
    if dialect in NOT_EXECUTED:
        return f"-- SQL for {dialect}: generated, not executed in our tests.\n{text}"
    return text


def functions_of(dialect: str) -> Functions:
    """The functions of a dialect, for one standalone query.

    Raises `UnsupportedByEngineError` for a dialect that is not one of `DIALECTS`.
    """
    if dialect not in DIALECTS:
        hint = did_you_mean(dialect, DIALECTS)
        raise UnsupportedByEngineError(
            f"No query can be written for {dialect!r}: only for {', '.join(DIALECTS)}.{hint}"
        )
    module = import_module(f"fewer.evaluate.sql.functions.{dialect}")
    found: Functions = getattr(module, dialect.upper())
    if dialect == "postgres":
        return replace(found, lower=_no_text_tests, matches=_no_text_tests)
    return found


def _no_text_tests(*_: Any) -> Any:
    raise UnsupportedByEngineError(
        "A segment with `matches` or `ignore_case` is no single query on PostgreSQL, whose"
        " patterns and lower case are its own: `fewer build --engine postgres` finds the values"
        " that match first. Or use another dialect."
    )
