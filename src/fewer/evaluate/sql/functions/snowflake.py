"""Snowflake's functions, as its manual has them: nothing here was ever run there."""

from __future__ import annotations

import re
from typing import Final

from sqlglot import exp

from fewer.evaluate.sql.functions.base import Functions
from fewer.evaluate.sql.tree import call, number
from fewer.model.pattern import translate

_ESCAPED: Final = re.compile(r"\\(x0b|x0c|.)|\(\?:", re.DOTALL)
_WRITTEN: Final = {
    r"\x0b": "\x0b",
    r"\x0c": "\x0c",
    r"\t": "\t",
    r"\n": "\n",
    r"\r": "\r",
    r"\A": "^",
    "(?:": "(",
}
"""POSIX has groups of one kind and anchors of one kind, and control characters stand for
themselves."""


def _integer(value: exp.Expr) -> exp.Expr:
    """As an integer of 38 digits, which is as many as Snowflake has."""
    return exp.cast(value, "NUMBER(38, 0)", dialect="snowflake")


def _quotient(value: exp.Expr, by: int) -> exp.Expr:
    # A division is rounded to a few places; one without remainder needs none.
    whole = exp.Sub(this=value, expression=call("MOD", value.copy(), number(by)))
    return _integer(exp.Div(this=exp.Paren(this=whole), expression=number(by)))


def _lower(text: exp.Expr) -> exp.Expr:
    for capital, small in (("İ", "i"), ("Σ", "σ")):
        text = call("REPLACE", text, exp.Literal.string(capital), exp.Literal.string(small))
    return call("LOWER", text)


def _matches(text: exp.Expr, pattern: str, fold: bool) -> exp.Expr:
    portable = translate(pattern, end="$", lower=fold)
    posix = _ESCAPED.sub(lambda part: _WRITTEN.get(part[0], part[0]), portable)
    # The whole text must match; with "s" the dots before and after also take newlines.
    whole = exp.Literal.string(f".*({posix}).*")
    return call("REGEXP_LIKE", text, whole, exp.Literal.string("s"))


def _digest(salt: str, text: exp.Expr) -> exp.Expr:
    joined = call("CONCAT", exp.Literal.string(salt), text)
    return call("LEFT", call("SHA2", joined, number(256)), number(16))


SNOWFLAKE: Final = Functions(
    dialect="snowflake",
    literal=exp.Literal.string,
    int128=_integer,
    total=lambda value: exp.Sum(this=_integer(value)),
    quotient=_quotient,
    bytewise=lambda text: text,
    lower=_lower,
    contains=lambda text, part: call("CONTAINS", text, exp.Literal.string(part)),
    starts_with=lambda text, part: call("STARTSWITH", text, exp.Literal.string(part)),
    ends_with=lambda text, part: call("ENDSWITH", text, exp.Literal.string(part)),
    matches=_matches,
    digest=_digest,
    wide_frames=False,
)
