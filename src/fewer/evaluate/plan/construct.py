"""Constructs: what a condition uses of the language, by the names it is written with.

`Capabilities.lacks` of an engine has the same names as keys.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from fewer.model.catalog import ITEM_PREFIX, SESSION_ID
from fewer.model.condition import (
    HEADS,
    AbsentStep,
    Condition,
    Did,
    DidNot,
    First,
    Last,
    SequenceOf,
    Trait,
    walk,
)
from fewer.model.measure import MEASURES, PropertyMeasure
from fewer.model.predicate import Predicate, Where
from fewer.model.window import Windowed

TESTS: Final = frozenset(field.alias or name for name, field in Predicate.model_fields.items())

CONSTRUCTS: Final = frozenset(
    {*HEADS, *MEASURES, *TESTS, "having", "same", SESSION_ID, "calendar", "absent_step", "item"}
)
"""Every name that `constructs` can give: the keys of the language, and three that have none:
``session_id`` (in `same`), ``absent_step`` (of a sequence), ``item`` (attributes of items)."""


def constructs(condition: Condition) -> frozenset[str]:
    """Names of all constructs in a condition.

    >>> sorted(constructs(Did(did="view", where={"path": {"matches": "^/a"}}, within="7d")))
    ['count', 'did', 'matches']
    """
    return frozenset(name for part in walk(condition) for name in _part(part))


def _part(condition: Condition) -> Iterator[str]:
    yield next(head for head, model in HEADS.items() if type(condition) is model)
    if isinstance(condition, Windowed) and condition.calendar:
        yield "calendar"
    match condition:
        case Did():
            yield from _did(condition)
        case DidNot():
            yield from _where(condition.where)
        case Last():
            yield from _chosen(condition.last.where, condition.having)
        case First():
            yield from _chosen(condition.first.where, condition.having)
        case SequenceOf():
            yield from _sequence(condition)
        case Trait():
            yield from _tests(condition)
        case _:
            return


def _did(did: Did) -> Iterator[str]:
    name, measure = did.measure
    yield name
    yield from _where(did.where)
    if isinstance(measure, PropertyMeasure):
        yield from _names([measure.of])
    if did.share is not None:
        yield from _where(did.share.where)


def _chosen(where: Where | None, having: Where | None) -> Iterator[str]:
    yield from _where(where)
    if having:
        yield "having"
        yield from _where(having)


def _sequence(sequence: SequenceOf) -> Iterator[str]:
    for step in sequence.sequence:
        yield from _where(step.where)
        if isinstance(step, AbsentStep):
            yield "absent_step"
    if sequence.same:
        yield "same"
        yield from _names(sequence.same)
    if sequence.same and SESSION_ID in sequence.same:
        yield SESSION_ID


def _where(where: Where | None) -> Iterator[str]:
    for name, test in (where or {}).items():
        yield from _names([name])
        yield from _tests(test)


def _tests(test: Predicate) -> Iterator[str]:
    yield from test.tests
    if test.ignore_case:
        yield "ignore_case"


def _names(names: Iterable[str]) -> Iterator[str]:
    if any(name.startswith(ITEM_PREFIX) for name in names):
        yield "item"
