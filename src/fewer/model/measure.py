"""Measures: how the matching events of a person become one number, and what it must be."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final, Self

from pydantic import Field, model_validator

from fewer.model.base import Frozen, Name, RuleError
from fewer.model.number import Number
from fewer.model.predicate import NumberRange, Where
from fewer.model.window import Span

COMPARISONS: Final = ("at_least", "at_most", "more_than", "less_than", "exactly", "between")


class Comparison(Frozen):
    """One or more bounds on a number; all must hold.

    >>> Comparison(at_least=3).holds(Decimal(3)), Comparison(between=(1, 2)).holds(Decimal(0))
    (True, False)
    """

    at_least: Number | None = None
    at_most: Number | None = None
    more_than: Number | None = None
    less_than: Number | None = None
    exactly: Number | None = None
    between: NumberRange | None = Field(None, description="[low, high], both ends in.")

    @property
    def bounds(self) -> dict[str, Any]:
        """The bounds that are given, by name, in a fixed order."""
        given = {name: getattr(self, name) for name in COMPARISONS}
        return {name: bound for name, bound in given.items() if bound is not None}

    def holds(self, number: Decimal) -> bool:
        """Whether `number` is within all bounds."""
        low, high = self.between or (number, number)
        return (
            (self.at_least is None or number >= self.at_least)
            and (self.at_most is None or number <= self.at_most)
            and (self.more_than is None or number > self.more_than)
            and (self.less_than is None or number < self.less_than)
            and (self.exactly is None or number == self.exactly)
            and low <= number <= high
        )

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.bounds:
            raise RuleError(
                "no_bound",
                f"Expected at least one bound: {', '.join(COMPARISONS)}.",
                hint="Write, for instance, at_least: 1.",
            )
        return self


class PropertyMeasure(Comparison):
    """A comparison of something computed from one property."""

    of: Name = Field(description="Property, or item.attribute.")


class Periods(Comparison):
    """How many of the last M spans of length `each` hold a match."""

    each: Span
    last: int = Field(ge=1, le=10_000, strict=True, description="How many spans back from as_of.")


class Burst(Frozen):
    """Some `count` matches within a span of at most `in`, last minus first."""

    count: int = Field(ge=1, le=1_000_000, strict=True)
    in_: Span = Field(alias="in")


class Share(Comparison):
    """Matches that also satisfy `where`, divided by matches, between 0 and 1."""

    where: Where


MEASURES: Final = (
    "count",
    "days",
    "distinct",
    "sum",
    "mean",
    "min",
    "max",
    "periods",
    "burst",
    "share",
)
