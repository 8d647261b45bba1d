"""DuckDB's functions. Text is compared by UTF-8 bytes; patterns are RE2's."""

from __future__ import annotations

from typing import Final

from sqlglot import exp

from fewer.evaluate.sql.functions.base import Functions
from fewer.evaluate.sql.tree import call, number
from fewer.model.pattern import translate


def _int128(value: exp.Expr) -> exp.Expr:
    return exp.Cast(this=value, to=exp.DataType(this=exp.DataType.Type.INT128))


def _quotient(value: exp.Expr, by: int) -> exp.Expr:
    return exp.IntDiv(this=exp.Paren(this=value), expression=number(by))


def _matches(value: exp.Expr, pattern: str, fold: bool) -> exp.Expr:
    return call("regexp_matches", value, exp.Literal.string(translate(pattern, lower=fold)))


def _digest(salt: str, text: exp.Expr) -> exp.Expr:
    joined = exp.DPipe(this=exp.Literal.string(salt), expression=text)
    return call("left", call("sha256", joined), number(16))


DUCKDB: Final = Functions(
    dialect="duckdb",
    literal=exp.Literal.string,
    int128=_int128,
    total=lambda value: exp.Sum(this=value),  # of BIGINT: HUGEINT
    quotient=_quotient,
    bytewise=lambda text: text,
    lower=lambda text: call("lower", text),
    contains=lambda text, part: call("contains", text, exp.Literal.string(part)),
    starts_with=lambda text, part: call("starts_with", text, exp.Literal.string(part)),
    ends_with=lambda text, part: call("suffix", text, exp.Literal.string(part)),
    matches=_matches,
    digest=_digest,
)
