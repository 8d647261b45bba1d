"""Written conditions taken apart for programs that know nothing of fewer's plans.

A peer writes a leaf its own way and says how sets of people combine. What it can't say raises
`Inexpressible`, and the segment is left out of its comparison rather than bent.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, Protocol, TypeVar

from pyroaring import BitMap

from fewer.model.window import Duration
from fewer_bench.mix import Drawn, Written

ZONE: Final = "America/New_York"
MICRO: Final = 1_000_000


class Inexpressible(Exception):  # noqa: N818  not a fault: an answer
    """The peer has no form for this condition."""


@dataclass(frozen=True, slots=True)
class Behaviour:
    """A leaf: events, their tests, ``[start, end)`` in UTC micros, and a measure with bounds."""

    event: str
    where: Mapping[str, Any]
    start: int | None
    end: int
    measure: str = "count"
    arguments: Mapping[str, Any] | None = None

    @property
    def bounds(self) -> tuple[float | None, float | None, bool]:
        """Lowest and highest number, and whether the lowest is left out."""
        given = dict(self.arguments or {"at_least": 1})
        if "between" in given:
            return given["between"][0], given["between"][1], False
        if "more_than" in given:
            return given["more_than"], None, True
        return given.get("at_least"), given.get("at_most"), False

    @property
    def holds_for_none(self) -> bool:
        """Whether a person without a match is in."""
        low, high, _ = self.bounds
        return self.measure in {"count", "days"} and low is None and high is not None


def micros(span: str) -> int:
    """Microseconds of a duration as written."""
    return Duration.parse(span).micros


T = TypeVar("T")


class Writer(Generic[T]):
    """Writes conditions as `T`, whatever a peer's queries are made of."""

    def __init__(self, as_of: int) -> None:
        self.as_of = as_of

    def write(self, where: Written) -> T:
        """A condition."""
        match where:
            case {"all": parts}:
                inside = [self.write(part) for part in parts if _opposite(part) is None]
                outside = [self.write(o) for part in parts if (o := _opposite(part)) is not None]
                held = self.both(inside) if inside else self.everyone()
                return self.without(held, outside) if outside else held
            case {"any": parts}:
                return self.either([self.write(part) for part in parts])
            case {"sequence": [first, then]}:
                return self._sequence(where, first, then)
            case {"last": occurrence, "between": span}:
                start, end = (self.as_of - micros(span[side]) for side in ("from", "to"))
                return self.last(Behaviour(occurrence["did"], {}, start, end))
            case {"first": occurrence, "within": span}:
                start = self.as_of - micros(span)
                return self.first(Behaviour(occurrence["did"], {}, start, self.as_of))
            case _ if (opposite := _opposite(where)) is not None:
                return self.without(self.everyone(), [self.write(opposite)])
            case _:
                return self._behaviour(where)

    def _behaviour(self, where: Written) -> T:
        rest = {k: v for k, v in where.items() if k not in {"did", "where", "within"}}
        measure, arguments = next(iter(rest.items())) if rest else ("count", None)
        if measure == "periods":
            span = micros(arguments["each"]) * arguments["last"]
        else:
            span = micros(where["within"])
        start = self.as_of - span
        leaf = Behaviour(
            where["did"], where.get("where", {}), start, self.as_of, measure, arguments
        )
        if leaf.holds_for_none:
            return self.at_most(leaf)
        return self.behaviour(leaf)

    def _sequence(self, where: Written, first: Written, then: Written) -> T:
        start = self.as_of - micros(where["within"])
        span = micros(then["within_next"])
        a, b = (
            Behaviour(step.get("did") or step["did_not"], {}, start, self.as_of)
            for step in (first, then)
        )
        return self.abandoned(a, b, span) if "did_not" in then else self.followed(a, b, span)

    @abstractmethod
    def behaviour(self, leaf: Behaviour) -> T:
        """People whose measure lies within bounds that leave out people without a match."""

    @abstractmethod
    def at_most(self, leaf: Behaviour) -> T:
        """People with at most so many matches, those with none too."""

    @abstractmethod
    def last(self, leaf: Behaviour) -> T:
        """People whose latest match lies in the window."""

    @abstractmethod
    def first(self, leaf: Behaviour) -> T:
        """People whose earliest match lies in the window."""

    @abstractmethod
    def followed(self, first: Behaviour, then: Behaviour, span: int) -> T:
        """People with a `first` and a `then` later than it, at most `span` later."""

    @abstractmethod
    def abandoned(self, first: Behaviour, then: Behaviour, span: int) -> T:
        """People with a `first` and no `then` in the `span` after it, all of which has passed."""

    @abstractmethod
    def everyone(self) -> T:
        """All people."""

    @abstractmethod
    def both(self, parts: Sequence[T]) -> T:
        """People in all parts."""

    @abstractmethod
    def either(self, parts: Sequence[T]) -> T:
        """People in some part."""

    @abstractmethod
    def without(self, part: T, others: Sequence[T]) -> T:
        """People in `part` and in none of the others."""


def _opposite(where: Written) -> Written | None:
    """The condition that a negation denies; None for anything that is no negation."""
    match where:
        case {"not": inner}:
            found: Written = inner
            return found
        case {"did_not": event}:
            return {"did": event, **{k: v for k, v in where.items() if k != "did_not"}}
        case _:
            return None


class Peer(Protocol):
    """A program that answers one segment at a time."""

    name: str
    about: str

    def prepare(self, drawn: Drawn) -> Any:
        """The query, ready to run; raises `Inexpressible`. Not part of what is timed."""
        ...

    def run(self, query: Any) -> Any:
        """Run a query and hold its people as the program hands them over. This is timed."""
        ...

    def people(self, answer: Any) -> BitMap:
        """The people of an answer."""
        ...

    def close(self) -> None:
        """Free what it holds."""
        ...
