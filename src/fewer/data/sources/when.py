"""``when`` of a mapping: predicates of the segment language on raw columns, as SQL.

In a file of texts everything is text, so here the literal decides how a column is read: a number
asks for a number, a time for a time. A value that can't be read so fails the test, as a value of
another type does in a segment.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

import sqlglot.expressions as exp

from fewer.data.sources import values
from fewer.data.sources.fields import Field, Scope
from fewer.data.store.sql import call, fill, number
from fewer.errors import Problem, SettingsError
from fewer.model.mapping import PATH_SEPARATOR, Value
from fewer.model.number import to_micros
from fewer.model.pattern import simple_lower, translate
from fewer.model.predicate import Predicate, Where

_COMPARE: Final = {
    "at_least": "$v >= $x",
    "at_most": "$v <= $x",
    "more_than": "$v > $x",
    "less_than": "$v < $x",
}
_TEXT: Final = {
    "contains": "contains($v, $x)",
    "starts_with": "starts_with($v, $x)",
    "ends_with": "suffix($v, $x)",
}


def condition(scope: Scope, where: Where, *, zone: str) -> exp.Expr:
    """True for rows that satisfy every entry of `where`; never NULL."""
    tests = [
        _test(scope, scope.get(name), name, predicate, zone=zone)
        for name, predicate in where.items()
    ]
    return exp.and_(*(fill("coalesce($t, FALSE)", t=test) for test in tests))


def _test(scope: Scope, field: Field, name: str, predicate: Predicate, *, zone: str) -> exp.Expr:
    parts = [
        _one(scope, field, name, test, value, lower=predicate.ignore_case, zone=zone)
        for test, value in predicate.tests.items()
    ]
    return exp.and_(*parts)


def _one(
    scope: Scope, field: Field, name: str, test: str, value: Any, *, lower: bool, zone: str
) -> exp.Expr:
    plain = Value(column=name)
    text = values.convert(scope, field, "text", spec=plain, zone=zone)
    match test:
        case "exists" | "missing":
            there = fill("$t IS NOT NULL", t=text)
            return there if value == (test == "exists") else exp.Not(this=exp.Paren(this=there))
        case "equals":
            return fill(
                "$v = $x", v=_typed(scope, field, value, lower, zone), x=_literal(value, lower)
            )
        case "not_equals":
            return fill(
                "$v <> $x", v=_typed(scope, field, value, lower, zone), x=_literal(value, lower)
            )
        case "in" | "not_in":
            typed = _typed(scope, field, value[0], lower, zone)
            inside: exp.Expr = exp.In(this=typed, expressions=[_literal(v, lower) for v in value])
            return inside if test == "in" else exp.Not(this=exp.Paren(this=inside))
        case "at_least" | "at_most" | "more_than" | "less_than":
            return fill(
                _COMPARE[test], v=_typed(scope, field, value, lower, zone), x=_literal(value, lower)
            )
        case "between":
            return fill(
                "$v BETWEEN $low AND $high",
                v=_typed(scope, field, value[0], lower, zone),
                low=_literal(value[0], lower),
                high=_literal(value[1], lower),
            )
        case "contains" | "starts_with" | "ends_with":
            return fill(_TEXT[test], v=_lowered(text, lower), x=_literal(value, lower))
        case "under":
            wanted = simple_lower(value) if lower else value
            return fill(
                "$v = $x OR starts_with($v, $below)",
                v=_lowered(text, lower),
                x=wanted,
                below=wanted + PATH_SEPARATOR,
            )
        case "matches":
            pattern = translate(value, lower=lower)
            return call("regexp_matches", _lowered(text, lower), pattern)
        case "before" | "after":
            at = values.timestamp(scope, field, formats=("iso",), zone=zone)
            instant = value.resolve(ZoneInfo(zone))
            return fill("$v < $x" if test == "before" else "$v >= $x", v=at, x=number(instant))
        case _:
            problem = Problem(
                "when_relative",
                f"'{test}' is relative to the time of a build, so a mapping can't use it "
                f"(column {name!r} of 'when').",
                hint="Use before and after.",
            )
            raise SettingsError([problem])


def _typed(scope: Scope, field: Field, literal: Any, lower: bool, zone: str) -> exp.Expr:
    plain = Value(column="x")
    if isinstance(literal, bool):
        return values.convert(scope, field, "boolean", spec=plain, zone=zone)
    if isinstance(literal, Decimal):
        return values.convert(scope, field, "number", spec=plain, zone=zone)
    return _lowered(values.convert(scope, field, "text", spec=plain, zone=zone), lower)


def _literal(value: Any, lower: bool) -> exp.Expr:
    if isinstance(value, bool):
        return exp.Boolean(this=value)
    if isinstance(value, Decimal):
        return number(to_micros(value) or 0)
    return exp.Literal.string(simple_lower(value) if lower else value)


def _lowered(text: exp.Expr, lower: bool) -> exp.Expr:
    return fill("lower(replace($t, 'İ', 'i'))", t=text) if lower else text
