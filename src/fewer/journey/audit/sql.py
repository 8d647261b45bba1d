"""Constant SQL as trees, with columns and numbers put in as nodes, never as text."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

import sqlglot
import sqlglot.expressions as exp

from fewer.evaluate.plan.clock import offsets


@lru_cache(maxsize=256)
def _parsed(text: str) -> exp.Expr:
    return sqlglot.parse_one(text, dialect="duckdb")


def sql(text: str, **values: Any) -> Any:
    """The tree of a constant `text`; ``$name`` becomes the node, number, text or list given.

    >>> sql("max($c) >= $n", c=column("p1_n"), n=3).sql("duckdb")
    'MAX("p1_n") >= 3'
    """
    return exp.replace_placeholders(
        _parsed(text).copy(), **{name: exp.convert(value) for name, value in values.items()}
    )


def query(text: str, **values: Any) -> exp.Query:
    """As `sql`, for a whole query."""
    tree = sql(text, **values)
    assert isinstance(tree, exp.Query)  # noqa: S101  the text is constant
    return tree


def column(name: str, table: str | None = None) -> exp.Column:
    """A column by its coded name from the catalog."""
    return exp.column(name, table=table, quoted=True)


def union(queries: Iterable[exp.Query]) -> exp.Query | None:
    """All rows of all queries in one statement; None without any."""
    parts = list(queries)
    if not parts:
        return None
    return parts[0] if len(parts) == 1 else exp.union(*parts, distinct=False, copy=False)


def local(ts: exp.Expr, zone: ZoneInfo, first_us: int, last_us: int) -> exp.Expr:
    """`ts` shifted to local wall-clock microseconds: integer arithmetic, the same on any engine."""
    first, *changes = offsets(zone, first_us, last_us)
    if not changes:
        return _shift(ts, first.micros)
    case, before = exp.Case(), first
    for change in changes:
        case = case.when(ts.copy() < _int(change.since), _shift(ts, before.micros), copy=False)
        before = change
    return case.else_(_shift(ts, before.micros), copy=False)


def _shift(ts: exp.Expr, micros: int) -> exp.Expr:
    return exp.Add(this=ts.copy(), expression=_int(micros)) if micros else ts.copy()


def _int(number: int) -> exp.Expr:
    literal = exp.Literal.number(abs(number))
    return literal if number >= 0 else exp.Neg(this=literal)


def shown(tree: exp.Expr) -> str:
    """SQL for people to read and run."""
    return tree.sql(dialect="duckdb", pretty=True)
