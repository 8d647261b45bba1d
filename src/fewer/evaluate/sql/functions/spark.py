"""Spark's functions. Text is compared by UTF-8 bytes, as it is by default; patterns are Java's."""

from __future__ import annotations

import sys
from functools import cache
from typing import Final

from sqlglot import exp

from fewer.evaluate.sql.functions.base import Functions
from fewer.evaluate.sql.tree import call, number
from fewer.model.pattern import simple_lower, translate

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
)
