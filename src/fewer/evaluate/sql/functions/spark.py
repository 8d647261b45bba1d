"""Spark's functions. Text is compared by UTF-8 bytes, as it is by default; patterns are Java's."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import cache
from typing import Final

from sqlglot import exp

from fewer.evaluate.sql.functions.base import Functions, Kind, OwnColumns
from fewer.evaluate.sql.functions.template import filled
from fewer.evaluate.sql.tree import call, nested, number, select
from fewer.model.pattern import simple_lower, translate
from fewer.model.values import ValueType

_DIGITS: Final = 38
"""Of the widest decimal: more than a signed number of 126 bits has."""

_DIGITS_OF_VALUE: Final = 28
"""Of a value in a sum: Spark gives the sum ten digits more, so that it has `_DIGITS`."""


def _decimal(value: exp.Expr, digits: int) -> exp.Expr:
    parts = [exp.DataTypeParam(this=number(size)) for size in (digits, 0)]
    kind = exp.DataType(this=exp.DataType.Type.DECIMAL, expressions=parts)
    return exp.Cast(this=value, to=kind)


def _quotient(value: exp.Expr, by: int) -> exp.Expr:
    return exp.IntDiv(this=exp.Paren(this=value), expression=number(by))


@cache
def _cases() -> tuple[str, str]:
    """Every character that has a lower case, and what that is, in the same order."""
    surrogates = range(0xD800, 0xE000)
    characters = (chr(n) for n in range(sys.maxunicode + 1) if n not in surrogates)
    pairs = [(c, small) for c in characters if (small := simple_lower(c)) != c]
    return "".join(c for c, _ in pairs), "".join(small for _, small in pairs)


def _lower(text: exp.Expr) -> exp.Expr:
    # Not LOWER: it maps İ to two characters and Σ by its place in the word, and its Unicode is
    # Java's, while literals were lower-cased by this Python's.
    capitals, small = _cases()
    return call("translate", text, exp.Literal.string(capitals), exp.Literal.string(small))


def _matches(value: exp.Expr, pattern: str, fold: bool) -> exp.Expr:
    # Everything in which Java and RE2 differ is spelled out by `translate`; whether a match
    # exists at all does not depend on the order in which Java tries the alternatives.
    return call("regexp_like", value, exp.Literal.string(translate(pattern, lower=fold)))


def _digest(salt: str, text: exp.Expr) -> exp.Expr:
    joined = call("concat", exp.Literal.string(salt), text)
    return call("substr", call("sha2", joined, number(256)), number(1), number(16))


_KINDS: Final[dict[str, Kind]] = {
    "string": "text",
    "varchar": "text",
    "char": "text",
    "tinyint": "integer",
    "smallint": "integer",
    "int": "integer",
    "bigint": "integer",
    "decimal": "decimal",
    "float": "float",
    "double": "float",
    "boolean": "boolean",
    "timestamp": "instant",
    "timestamp_ntz": "wall",
    "date": "date",
}

_TYPES: Final[dict[ValueType, str]] = {
    "text": "STRING",
    "number": "BIGINT",
    "boolean": "BOOLEAN",
    "timestamp": "BIGINT",
}


def _exact(value: exp.Expr, kind: Kind, scale: int) -> exp.Expr:
    """As a decimal; a double through its text, which is the decimal that it stands for."""
    template = f"TRY_CAST(CAST(:v AS STRING) AS DECIMAL(38, {scale}))"
    return value if kind == "decimal" else filled(template, "spark", value)


def _millionths(value: exp.Expr, kind: Kind) -> exp.Expr:
    if kind == "integer":
        return filled(
            "CASE WHEN :v BETWEEN -9200000000000 AND 9200000000000"
            " THEN CAST(:v AS BIGINT) * 1000000 END",
            "spark",
            value,
        )
    # Fourteen digits before the point are more than any number has that is kept.
    rounded = call("round", _exact(value, kind, 24), number(6))
    return filled(
        "CASE WHEN ABS(:v) <= 9200000000000 THEN CAST(:v * 1000000 AS BIGINT) END",
        "spark",
        rounded,
    )


def _micros(value: exp.Expr, kind: Kind) -> exp.Expr:
    # The session's zone is UTC: a wall time is read as if it were UTC.
    instant = value if kind == "instant" else filled("CAST(:v AS TIMESTAMP)", "spark", value)
    return call("unix_micros", instant)


def _counted(value: exp.Expr, kind: Kind, by: int) -> exp.Expr:
    count = call("round", _exact(value, kind, 12), number(6))
    narrow = filled("TRY_CAST(:v AS DECIMAL(26, 6))", "spark", count)
    times = exp.Mul(this=narrow, expression=number(by))
    return filled("TRY_CAST(FLOOR(:v) AS BIGINT)", "spark", times)


def _files(paths: Sequence[str]) -> exp.Expr:
    """Parquet files; several patterns one after another."""
    queries = [select([exp.Star()], parquet(path)) for path in paths]
    if len(queries) == 1:
        return parquet(paths[0])
    union: exp.Query = queries[0]
    for query in queries[1:]:
        union = exp.Union(this=union, expression=query, distinct=False)
    return nested(union, "files")


def parquet(path: str) -> exp.Table:
    """Parquet files at a path, as a table."""
    name, reader = (
        exp.Identifier(this=path, quoted=True),
        exp.Identifier(this="parquet", quoted=True),
    )
    return exp.Table(this=name, db=reader)


OWN: Final = OwnColumns(
    kind=lambda type_: _KINDS.get(type_.partition("(")[0], "other"),
    null=lambda type_: exp.cast(exp.Null(), _TYPES[type_], dialect="spark"),
    text=lambda value, _: exp.cast(value, "STRING", dialect="spark"),
    millionths=_millionths,
    micros=_micros,
    counted=_counted,
    digest=lambda text: call("substr", call("sha2", text, number(256)), number(1), number(32)),
    files=_files,
)

SPARK: Final = Functions(
    dialect="spark",
    literal=exp.Literal.string,
    int128=lambda value: _decimal(value, _DIGITS),
    total=lambda value: exp.Sum(this=_decimal(value, _DIGITS_OF_VALUE)),
    quotient=_quotient,
    bytewise=lambda text: text,
    lower=_lower,
    contains=lambda text, part: call("contains", text, exp.Literal.string(part)),
    starts_with=lambda text, part: call("startswith", text, exp.Literal.string(part)),
    ends_with=lambda text, part: call("endswith", text, exp.Literal.string(part)),
    matches=_matches,
    digest=_digest,
    wide_frames=False,
    own=OWN,
)
