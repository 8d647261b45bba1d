"""BigQuery's functions, as its manual has them: nothing here was ever run there."""

from __future__ import annotations

from typing import Final

from sqlglot import exp

from fewer.evaluate.sql.functions.base import Functions
from fewer.evaluate.sql.tree import call, number
from fewer.model.pattern import translate


def _wide(value: exp.Expr) -> exp.Expr:
    """With 38 digits before the point; a product of two INT64 would not fit in INT64."""
    return exp.cast(value, "BIGNUMERIC", dialect="bigquery")


def _lower(text: exp.Expr) -> exp.Expr:
    for capital, small in (("İ", "i"), ("Σ", "σ")):
        text = call("REPLACE", text, exp.Literal.string(capital), exp.Literal.string(small))
    return call("LOWER", text)


def _contains(text: exp.Expr, part: str) -> exp.Expr:
    return exp.GT(this=call("STRPOS", text, exp.Literal.string(part)), expression=number(0))


def _matches(text: exp.Expr, pattern: str, fold: bool) -> exp.Expr:
    return call("REGEXP_CONTAINS", text, exp.Literal.string(translate(pattern, lower=fold)))


def _digest(salt: str, text: exp.Expr) -> exp.Expr:
    # SHA256 gives bytes here; TO_HEX writes them in lower case.
    joined = call("CONCAT", exp.Literal.string(salt), text)
    return call("SUBSTR", call("TO_HEX", call("SHA256", joined)), number(1), number(16))


BIGQUERY: Final = Functions(
    dialect="bigquery",
    literal=exp.Literal.string,
    int128=_wide,
    total=lambda value: exp.Sum(this=_wide(value)),
    quotient=lambda value, by: call("DIV", value, number(by)),
    bytewise=lambda text: text,
    lower=_lower,
    contains=_contains,
    starts_with=lambda text, part: call("STARTS_WITH", text, exp.Literal.string(part)),
    ends_with=lambda text, part: call("ENDS_WITH", text, exp.Literal.string(part)),
    matches=_matches,
    digest=_digest,
    wide_frames=False,
)
