"""Tests of one value: can any value pass, and of which type would it be."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

from fewer.journey.define.rules.base import UTC
from fewer.journey.define.rules.interval import Interval
from fewer.model.pattern import simple_lower, translate
from fewer.model.predicate import NUMBER_TESTS, TEXT_TESTS, TIME_TESTS, Predicate, scalar_type
from fewer.model.values import ValueType

_SEPARATOR: Final = " > "


def types(predicate: Predicate) -> set[ValueType]:
    """Types that the tests ask for; more than one can't be met, none means any.

    >>> sorted(types(Predicate(at_least=3, contains="x")))
    ['number', 'text']
    """
    return {kind for name, value in predicate.tests.items() if (kind := _type(name, value))}


def _type(name: str, value: Any) -> ValueType | None:
    if name in NUMBER_TESTS:
        return "number"
    if name in TEXT_TESTS:
        return "text"
    if name in TIME_TESTS:
        return "timestamp"
    if name in ("equals", "not_equals"):
        return scalar_type(value)
    return scalar_type(value[0]) if name in ("in", "not_in") else None


def impossible(predicate: Predicate, zone: ZoneInfo = UTC) -> str:
    """Why no value, and no missing one, passes all tests; empty when some may.

    >>> impossible(Predicate(exists=False, equals="a"))
    'a missing value passes no other test'
    """
    tests = predicate.tests
    absent = tests.get("exists") is False or tests.get("missing") is True
    present = {**tests}
    for name, says in (("exists", False), ("missing", True)):
        if present.get(name) is says:
            del present[name]
    if absent:
        return "a missing value passes no other test" if present else ""
    asked = types(predicate)
    if len(asked) > 1:
        return f"a value is not both {' and '.join(sorted(asked))}"
    return next(_reasons(predicate, zone), "")


def _reasons(predicate: Predicate, zone: ZoneInfo) -> Iterator[str]:
    tests = predicate.tests
    if Interval.of({k: v for k, v in tests.items() if k in NUMBER_TESTS}).is_empty():
        yield "its bounds leave no number"
    listed = _listed(tests)
    if listed is not None and not any(passes(predicate, value) for value in listed):
        yield "none of its values passes the other tests"
    if predicate.before and predicate.after:
        ends = predicate.before.resolve(zone), predicate.after.resolve(zone)
        if ends[0] <= ends[1]:
            yield f"nothing is before {predicate.before} and at or after {predicate.after}"
    if predicate.within and predicate.within_next:
        yield "no time lies both in the past and in the future"
    if predicate.starts_with and predicate.equals is None and predicate.under:
        start, top = predicate.starts_with, predicate.under
        if not predicate.ignore_case and not (start.startswith(top) or top.startswith(start)):
            yield f"a path under {top!r} does not start with {start!r}"


def _listed(tests: dict[str, Any]) -> tuple[Any, ...] | None:
    if "equals" in tests:
        return (tests["equals"],)
    found = tests.get("in")
    return tuple(found) if found is not None else None


def passes(predicate: Predicate, value: str | bool | Decimal) -> bool:
    """Whether a literal value passes all tests but those of times."""
    lower = predicate.ignore_case and isinstance(value, str)

    def fold(one: Any) -> Any:
        return simple_lower(one) if lower and isinstance(one, str) else one

    found = fold(value)
    return all(
        _passes(name, found, asked, fold, lower=lower) for name, asked in predicate.tests.items()
    )


def _passes(name: str, value: Any, asked: Any, fold: Any, *, lower: bool) -> bool:
    match name:
        case "equals":
            return bool(value == fold(asked))
        case "not_equals":
            return bool(value != fold(asked))
        case "in":
            return value in [fold(one) for one in asked]
        case "not_in":
            return value not in [fold(one) for one in asked]
        case "exists" | "missing":
            return bool(asked) is (name == "exists")
        case "contains":
            return fold(asked) in value
        case "starts_with":
            return bool(value.startswith(fold(asked)))
        case "ends_with":
            return bool(value.endswith(fold(asked)))
        case "under":
            return bool(value == fold(asked) or value.startswith(fold(asked) + _SEPARATOR))
        case "matches":
            return bool(re.search(translate(asked, end=r"\Z", lower=lower), value))
        case _ if name in NUMBER_TESTS:
            return Interval.of({name: asked}).holds(value)
        case _:
            return True
