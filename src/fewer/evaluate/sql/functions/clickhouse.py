"""ClickHouse's functions. Text is bytes, compared as such; patterns are RE2's."""

from __future__ import annotations

from typing import Final

from sqlglot import exp

from fewer.evaluate.sql.functions.base import Functions
from fewer.evaluate.sql.tree import call, number
from fewer.model.pattern import translate


def _lower(text: exp.Expr) -> exp.Expr:
    # lowerUTF8 knows the full mapping: İ would become two characters, Σ another one at the end
    # of a word. With these two out of the way it does what the simple mapping does.
    for capital, small in (("İ", "i"), ("Σ", "σ")):
        text = call("replaceAll", text, exp.Literal.string(capital), exp.Literal.string(small))
    return call("lowerUTF8", text)


def _contains(text: exp.Expr, part: str) -> exp.Expr:
    place = call("position", text, exp.Literal.string(part))
    return exp.GT(this=place, expression=number(0))


def _matches(text: exp.Expr, pattern: str, fold: bool) -> exp.Expr:
    return call("match", text, exp.Literal.string(translate(pattern, lower=fold)))


def _digest(salt: str, text: exp.Expr) -> exp.Expr:
    joined = call("concat", exp.Literal.string(salt), text)
    digits = call("lower", call("hex", call("SHA256", joined)))
    return call("substring", digits, number(1), number(16))


def _lag(value: exp.Expr, by: int) -> exp.Expr:
    # Without a row, `lag` gives the default of the type: 0, unless the type has null.
    return call("lag", call("toNullable", value), number(by))


CLICKHOUSE: Final = Functions(
    dialect="clickhouse",
    literal=exp.Literal.string,
    int128=lambda value: call("toInt128", value),  # unlike CAST, null stays null
    total=lambda value: exp.Sum(this=call("toInt128", value)),
    quotient=lambda value, by: call("intDiv", value, number(by)),
    bytewise=lambda text: text,
    lower=_lower,
    contains=_contains,
    starts_with=lambda text, part: call("startsWith", text, exp.Literal.string(part)),
    ends_with=lambda text, part: call("endsWith", text, exp.Literal.string(part)),
    matches=_matches,
    digest=_digest,
    lag=_lag,
    wide_frames=False,  # offsets are limited to 32 bits, and moving frames start anew at each row
)
