"""Constant SQL with holes, filled with trees: for expressions that are long as calls."""

from __future__ import annotations

from functools import lru_cache

import sqlglot
from sqlglot import exp


@lru_cache(maxsize=256)
def _parsed(text: str, dialect: str) -> exp.Expr:
    return sqlglot.parse_one(text, dialect=dialect)


def filled(text: str, dialect: str, value: exp.Expr) -> exp.Expr:
    """The tree of a constant `text`, with `value` for each ``:v``.

    >>> filled("LOWER(:v)", "postgres", exp.column("a")).sql("postgres")
    'LOWER(a)'
    """
    return exp.replace_placeholders(_parsed(text, dialect).copy(), v=value)
