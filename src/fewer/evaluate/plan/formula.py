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
