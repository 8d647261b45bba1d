"""Conditions: true or false for every person of the universe."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction

from fewer.model.condition import (
    AllOf,
    AnyOf,
    Condition,
    Consent,
    Did,
    DidNot,
    First,
    InList,
    InSegment,
    Last,
    NoneOf,
    Not,
    Sample,
    SampleRule,
    SequenceOf,
    Trait,
)
from fewer.model.measure import Comparison
from oracle.behaviours import did, first, last
from oracle.moment import Moment
from oracle.predicates import holds
from oracle.sequences import sequence

Members = Callable[[str], frozenset[int]]
"""Members of a segment, by id."""


def true(asked: Condition, person: int, moment: Moment, members: Members) -> bool:
    """Whether a condition is true for a person."""

    def here(inner: Condition) -> bool:
        return true(inner, person, moment, members)

    world = moment.world
    match asked:
        case AllOf():
            return all(map(here, asked.all))
        case AnyOf():
            return any(map(here, asked.any))
        case NoneOf():
            return not any(map(here, asked.none))
        case Not():
            return not here(asked.not_)
        case Did():
            return did(asked, person, moment)
        case DidNot():
            return did(none_of(asked), person, moment)
        case Last():
            return last(asked, person, moment)
        case First():
            return first(asked, person, moment)
        case SequenceOf():
            return sequence(asked, person, moment)
        case Trait():
            return holds(asked, world.people.get(person, {}).get(asked.trait), moment)
        case Consent():
            return world.consents.get((person, asked.consent)) == "granted"
        case InList():
            return person in world.lists.get(asked.in_list, frozenset())
        case InSegment():
            return person in members(asked.in_segment)
        case Sample():
            return sampled(asked.sample, world.persons[person])


def none_of(asked: DidNot) -> Did:
    """`did_not` is `did` with ``count: {exactly: 0}``."""
    keys = {name: getattr(asked, name) for name in type(asked).model_fields if name != "did_not"}
    return Did.model_construct(did=asked.did_not, count=Comparison(exactly=Decimal(0)), **keys)


def sampled(rule: SampleRule, key: str) -> bool:
    """The first 64 bits of a hash, as a number in [0, 1), are below the share."""
    digits = hashlib.sha256(f"{rule.salt}:{key}".encode()).hexdigest()[:16]
    return Fraction(int(digits, 16), 2**64) < Fraction(rule.percent) / 100
