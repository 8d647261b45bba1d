"""DuckDB SQL as SQLGlot trees: constant text with holes, filled by trees and literals.

A value that a user wrote enters a query as a literal only, a name only after it was checked or
coded by us. `fill` is the one way to combine them, so nothing is ever pasted into SQL text.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import sqlglot
import sqlglot.expressions as exp

DIALECT = "duckdb"


@lru_cache(maxsize=512)
def _parsed(template: str) -> exp.Expr:
    return sqlglot.parse_one(template, dialect=DIALECT)


def fill(template: str, **parts: exp.Expr | str | int | None) -> exp.Expr:
    """Tree of a constant `template`, its ``$holes`` replaced by `parts`.

    Texts and numbers become literals; None becomes NULL.

    >>> text(fill("$a = $b", a=column("c0"), b="it's"))
    "c0 = 'it''s'"
    """
    ready = {name: _part(part) for name, part in parts.items()}

    def hole(node: exp.Expr) -> exp.Expr:
        if isinstance(node, exp.Placeholder | exp.Parameter):
            return ready[node.name].copy()
        return node

    return _parsed(template).copy().transform(hole, copy=False)


def _part(part: exp.Expr | str | int | None) -> exp.Expr:
    if isinstance(part, exp.Expr):
        needs_paren = isinstance(part, exp.Binary | exp.Unary | exp.Predicate | exp.Between)
        return exp.Paren(this=part) if needs_paren else part
    if part is None:
        return exp.Null()
    return exp.Literal.string(part) if isinstance(part, str) else number(part)


def column(name: str, table: str | None = None) -> exp.Column:
    """A column that we named."""
    return exp.column(name, table=table)


def raw(name: str, table: str | None = None) -> exp.Column:
    """A column that a file named: quoted, whatever its characters."""
    return exp.column(exp.to_identifier(name, quoted=True), table=table)


def number(value: int) -> exp.Expr:
    """A whole number literal."""
    return exp.Literal.number(value) if value >= 0 else exp.Neg(this=exp.Literal.number(-value))


def texts(values: Any) -> exp.Array:
    """A list of text literals."""
    return exp.Array(expressions=[exp.Literal.string(value) for value in values])


def call(name: str, *args: exp.Expr | str | int) -> exp.Anonymous:
    """A call of a DuckDB function, written as it is and never transpiled."""
    return exp.Anonymous(this=name, expressions=[_plain(arg) for arg in args])


def _plain(arg: exp.Expr | str | int) -> exp.Expr:
    if isinstance(arg, exp.Expr):
        return arg
    return exp.Literal.string(arg) if isinstance(arg, str) else number(arg)


def null(sql_type: str) -> exp.Cast:
    """A typed NULL."""
    return cast(exp.Null(), sql_type)


def cast(this: exp.Expr, sql_type: str) -> exp.Cast:
    """``CAST(this AS sql_type)``."""
    return exp.Cast(this=this, to=_type(sql_type).copy())


@lru_cache(maxsize=128)
def _type(sql_type: str) -> exp.DataType:
    return exp.DataType.build(sql_type, dialect=DIALECT)


def first_of(*args: exp.Expr) -> exp.Expr:
    """The first value that is not NULL."""
    return args[0] if len(args) == 1 else call("coalesce", *args)


def text(query: exp.Expr) -> str:
    """SQL text of a tree, for DuckDB. The tree can't be used afterwards."""
    return query.sql(dialect=DIALECT, copy=False)
