"""The same question in one form: what can be seen to mean the same has the same normal form."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

from fewer.model.condition import AllOf, AnyOf, Condition, Did, DidNot, NoneOf, Not
from fewer.model.window import Between, Duration, Windowed


@dataclass(frozen=True, slots=True)
class Literal:
    """A question and whether its complement is meant."""

    question: Hashable
    negated: bool = False

    def __invert__(self) -> Literal:
        return Literal(self.question, not self.negated)


def normal(condition: Condition) -> Literal:
    """Normal form of a condition.

    Order and repetition inside booleans, ``1w`` for ``7d``, `did_not` for `did` with exactly 0,
    double negation and lookback marks make no difference.

    >>> from fewer.model.condition import InList
    >>> one, other = (Not(not_=Not(not_=InList(in_list="a"))), AllOf(all=[InList(in_list="a")]))
    >>> normal(one) == normal(other)
    True
    """
    match condition:
        case AllOf(all=members):
            return _joined("all", members)
        case AnyOf(any=members):
            return _joined("any", members)
        case NoneOf(none=members):
            return ~_joined("any", members)
        case Not():
            return ~normal(condition.not_)
        case DidNot():
            return ~Literal(_asked(condition))
        case Did() if condition.count is not None and condition.count.bounds == {"exactly": 0}:
            return ~normal(condition.model_copy(update={"count": None}))
        case Did() if condition.count is not None and condition.count.bounds == {"at_least": 1}:
            return normal(condition.model_copy(update={"count": None}))
        case Windowed():
            return Literal(same_units(condition))
        case _:
            return Literal(condition)


def _asked(condition: DidNot) -> Did:
    """What was not done."""
    alike = same_units(condition)
    window = {name: getattr(alike, name) for name in Windowed.model_fields}
    did = tuple(sorted(condition.did_not))
    return Did.model_construct(did=did, where=condition.where, **window)


def _joined(kind: str, members: tuple[Condition, ...]) -> Literal:
    inside = {normal(member) for member in members}
    if len(inside) == 1:
        return inside.pop()
    return Literal((kind, frozenset(inside)))


def same_units(condition: Windowed) -> Windowed:
    """The same condition with its window in minutes, and no lookback mark."""
    update: dict[str, Any] = {}
    if condition.within is not None and not condition.calendar:
        update["within"] = _minutes(condition.within)
    if condition.between is not None:
        older, newer = condition.between.from_, condition.between.to
        update["between"] = Between(from_=_minutes(older), to=_minutes(newer))
    if "lookback" in type(condition).model_fields:
        update["lookback"] = False
    if isinstance(condition, Did):
        update["did"] = tuple(sorted(condition.did))
    return condition.model_copy(update=update)


def _minutes(duration: Duration) -> Duration:
    return Duration(duration.micros // Duration(1, "m").micros, "m")
