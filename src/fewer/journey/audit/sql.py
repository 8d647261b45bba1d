"""Constant SQL as trees, with columns and numbers put in as nodes, never as text."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

import sqlglot
import sqlglot.expressions as exp

from fewer.model.window import from_utc_micros


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
    """`ts` shifted to local wall-clock microseconds: integer arithmetic, the same on any engine.

    Offsets are looked up here, once for each change of clocks between the two instants.
    """
    steps = _offsets(zone, first_us, last_us)
    if len(steps) == 1:
        return ts if steps[0][1] == 0 else exp.paren(exp.Add(this=ts, expression=_int(steps[0][1])))
    case = exp.Case()
    for (_, offset), (change, _) in zip(steps, steps[1:], strict=False):
        case = case.when(ts.copy() < _int(change), exp.Add(this=ts.copy(), expression=_int(offset)))
    return case.else_(exp.Add(this=ts.copy(), expression=_int(steps[-1][1])))


def _int(number: int) -> exp.Expr:
    return exp.Literal.number(number)


def _offsets(zone: ZoneInfo, first_us: int, last_us: int) -> list[tuple[int, int]]:
    """(instant, offset in microseconds) at the start and at each change after it."""

    def offset(at: int) -> int:
        found = from_utc_micros(at).astimezone(zone).utcoffset() or timedelta()
        return found // timedelta(microseconds=1)

    steps, at, day = [(first_us, offset(first_us))], first_us, 86_400_000_000
    while at < last_us:
        after = min(at + day, last_us)
        if offset(after) != steps[-1][1]:
            low, high = at, after
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (middle, high) if offset(middle) == steps[-1][1] else (low, middle)
            steps.append((high, offset(high)))
        at = after
    return steps



def shown(tree: exp.Expr) -> str:
    """SQL for people to read and run."""
    return tree.sql(dialect="duckdb", pretty=True)
