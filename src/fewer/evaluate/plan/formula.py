"""Formulas: how the leaves, and members of other segments, combine to one segment.

They mirror conditions node by node, so that `why` can walk both side by side.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Holds:
    """The leaf with this number is true."""

    leaf: int


@dataclass(frozen=True, slots=True)
class MemberOf:
    """The person is a member of that segment, its exclusions applied."""

    segment: str


@dataclass(frozen=True, slots=True)
class Every:
    """All are true; of none: true."""

    members: tuple[Formula, ...]


@dataclass(frozen=True, slots=True)
class Some:
    """At least one is true; of none: false."""

    members: tuple[Formula, ...]


@dataclass(frozen=True, slots=True)
class NoneOf:
    """Not one is true."""

    members: tuple[Formula, ...]


@dataclass(frozen=True, slots=True)
class Opposite:
    """The member is false."""

    member: Formula


Formula = Holds | MemberOf | Every | Some | NoneOf | Opposite


def parts(formula: Formula) -> Iterator[Holds | MemberOf]:
    """Leaves and references of a formula, left to right."""
    match formula:
        case Holds() | MemberOf():
            yield formula
        case Opposite():
            yield from parts(formula.member)
        case Every() | Some() | NoneOf():
            for member in formula.members:
                yield from parts(member)


def normal(formula: Formula, *, negate: bool = False) -> Formula:
    """The same formula with `Opposite` around leaves only, nested equals joined, repeats dropped.

    Databases take minutes to rewrite a deep nest of NOT and AND; they have nothing to do here.

    >>> normal(Opposite(Every((Holds(1), NoneOf((Holds(2), Holds(2)))))))
    Some(members=(Opposite(member=Holds(leaf=1)), Holds(leaf=2)))
    """
    match formula:
        case Holds() | MemberOf():
            return Opposite(formula) if negate else formula
        case Opposite():
            return normal(formula.member, negate=not negate)
        case Every():
            return _joined(formula.members, conjunction=not negate, negate=negate)
        case Some():
            return _joined(formula.members, conjunction=negate, negate=negate)
        case NoneOf():
            return _joined(formula.members, conjunction=not negate, negate=not negate)


def _joined(members: tuple[Formula, ...], *, conjunction: bool, negate: bool) -> Formula:
    kind = Every if conjunction else Some
    found: dict[Formula, None] = {}
    for member in members:
        inner = normal(member, negate=negate)
        found |= dict.fromkeys(inner.members if isinstance(inner, kind) else (inner,))
    return next(iter(found)) if len(found) == 1 else kind(tuple(found))
