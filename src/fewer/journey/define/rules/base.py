"""What every rule sees and returns."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final, Literal
from zoneinfo import ZoneInfo

from fewer.errors import Problem
from fewer.language.files import Definitions
from fewer.language.node import Path, Place
from fewer.model.catalog import Catalog
from fewer.model.condition import AllOf, AnyOf, Condition, NoneOf, Not
from fewer.model.segment import Segment

UTC: Final = ZoneInfo("UTC")

Severity = Literal["error", "warning"]

Values = Callable[[str], Collection[str] | None]
"""All texts stored under a property, attribute (``item.category``) or trait; None when unknown."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something about a definition that its writer should know.

    An error stops a build; a warning goes with it.
    """

    severity: Severity
    code: str  # stable, snake_case
    message: str
    place: Place = field(default_factory=Place)
    hint: str = ""
    segment: str = ""  # id of the segment it is about; empty when it is about none

    def problem(self) -> Problem:
        """The same as a problem of a file, for errors."""
        return self.place.problem(self.code, self.message, self.hint)

    def __str__(self) -> str:
        """One line: place, severity and code, what it is, next step."""
        start = f"{self.place}: " if str(self.place) else ""
        hint = f" {self.hint}" if self.hint else ""
        return f"{start}{self.severity}[{self.code}]: {self.message}{hint}"


@dataclass(frozen=True)
class Subject:
    """Everything there is to look at."""

    definitions: Definitions
    exclude: tuple[str, ...] = ()  # the project's default exclusions
    catalog: Catalog | None = None
    values: Values | None = None
    as_of_us: int | None = None  # moment at which windows are measured against the data
    zone: ZoneInfo = UTC

    @cached_property
    def segments(self) -> dict[str, Segment]:
        """Segments by id."""
        return {segment.id: segment for segment in self.definitions.segments}

    def warn(
        self,
        segment: Segment,
        path: Path,
        code: str,
        message: str,
        hint: str = "",
        *,
        key: bool = False,
        severity: Severity = "warning",
    ) -> Finding:
        """A finding about the part of a segment at `path`; with `key`, about its last key."""
        place = self.definitions.place(segment.id, path, key=key)
        return Finding(severity, code, message, place, hint, segment.id)


@dataclass(frozen=True, slots=True)
class Visit:
    """A condition inside a segment: where it is, and what is around it."""

    condition: Condition
    path: Path
    negated: bool  # under an odd number of not and none
    siblings: tuple[Condition, ...] = ()  # all members of the `all` around it


def visits(segment: Segment) -> Iterator[Visit]:
    """Every condition of a segment, outer ones first."""
    yield from _visits(Visit(segment.where, ("where",), negated=False))


def _visits(visit: Visit) -> Iterator[Visit]:
    yield visit
    path, negated = visit.path, visit.negated
    match visit.condition:
        case AllOf(all=members):
            for at, member in enumerate(members):
                yield from _visits(Visit(member, (*path, "all", at), negated, members))
        case AnyOf(any=members):
            for at, member in enumerate(members):
                yield from _visits(Visit(member, (*path, "any", at), negated))
        case NoneOf(none=members):
            for at, member in enumerate(members):
                yield from _visits(Visit(member, (*path, "none", at), not negated))
        case Not():
            yield from _visits(Visit(visit.condition.not_, (*path, "not"), not negated))
        case _:
            return
