"""Predicates: one value in, true or false out."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from fewer.model.predicate import Predicate
from oracle import text
from oracle.clock import instant, length
from oracle.moment import Moment
from oracle.world import Event, Instant, Value, kind


def matches(where: Mapping[str, Predicate] | None, event: Event, moment: Moment) -> bool:
    """Whether every entry holds for this one event."""
    return all(
        holds(test, moment.value(event, name), moment) for name, test in (where or {}).items()
    )


def holds(test: Predicate, value: Value | None, moment: Moment) -> bool:
    """Whether the value, or its absence (None), passes all tests that are given."""
    given = {
        field.alias or name: getattr(test, name)
        for name, field in Predicate.model_fields.items()
        if name != "ignore_case" and getattr(test, name) is not None
    }
    return all(passes(name, wanted, value, test, moment) for name, wanted in given.items())


def passes(name: str, wanted: Any, value: Value | None, test: Predicate, moment: Moment) -> bool:
    """One test of one value. Missing passes nothing but `missing: true` and `exists: false`."""
    if name in ("exists", "missing"):
        return bool(wanted is ((value is not None) if name == "exists" else (value is None)))
    if value is None:
        return False
    if name in ("equals", "not_equals", "in", "not_in"):
        return equals(name, wanted, value, ignore_case=test.ignore_case)
    match value:
        case bool():
            return False
        case Decimal():
            return number(name, wanted, value)
        case str():
            return texts(name, wanted, value, ignore_case=test.ignore_case)
        case Instant():
            return timestamp(name, wanted, value.us, moment)


def equals(name: str, wanted: Any, value: Value, *, ignore_case: bool) -> bool:
    """`equals`, `not_equals`, `in`, `not_in`: another type fails them all, the negated too."""
    literals = wanted if isinstance(wanted, tuple) else (wanted,)
    if kind(literals[0]) != kind(value):
        return False
    if ignore_case and isinstance(value, str):
        value, literals = text.lower(value), tuple(map(text.lower, literals))
    return (value in literals) is (name in ("equals", "in"))


def number(name: str, wanted: Any, value: Decimal) -> bool:
    """Tests of numbers only."""
    tests = {
        "at_least": lambda: value >= wanted,
        "at_most": lambda: value <= wanted,
        "more_than": lambda: value > wanted,
        "less_than": lambda: value < wanted,
        "between": lambda: wanted[0] <= value <= wanted[1],
    }
    return name in tests and tests[name]()


def texts(name: str, wanted: Any, value: str, *, ignore_case: bool) -> bool:
    """Tests of text only: by code point, or both sides in lower case."""
    if name == "matches":
        return text.found(wanted, value, ignore_case=ignore_case)
    case = text.lower if ignore_case else str
    tests = {
        "contains": lambda: case(wanted) in case(value),
        "starts_with": lambda: case(value).startswith(case(wanted)),
        "ends_with": lambda: case(value).endswith(case(wanted)),
        "under": lambda: text.under(case(value), case(wanted)),
    }
    return name in tests and tests[name]()


def timestamp(name: str, wanted: Any, us: int, moment: Moment) -> bool:
    """Tests of timestamps only."""
    as_of, zone = moment.as_of, moment.zone
    tests = {
        "before": lambda: us < instant(wanted.text, zone),
        "after": lambda: us >= instant(wanted.text, zone),
        "within": lambda: as_of - length(wanted) <= us < as_of,
        "within_next": lambda: as_of <= us < as_of + length(wanted),
    }
    return name in tests and tests[name]()
