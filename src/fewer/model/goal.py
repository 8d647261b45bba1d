"""Goals: events that count as success, with their own outcome window."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from fewer.model.base import Frozen, Name, SegmentId, Text
from fewer.model.condition import Events
from fewer.model.predicate import Where
from fewer.model.window import Span

Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$", strict=True)]
"""ISO 4217 code."""


class Value(Frozen):
    """What one conversion is worth: a numeric property of the event, in one currency."""

    of: Name
    currency: Currency | None = None


class Reversal(Frozen):
    """An event that takes a conversion back, matched on the properties in `same`."""

    did: Events
    where: Where | None = None
    same: tuple[Name, ...] = Field(min_length=1)


class Goal(Frozen):
    """A behaviour that counts as success within `outcome_window` after an index time.

    Outcomes are read in ``[T + gap, T + gap + outcome_window)``.
    """

    id: SegmentId
    name: Text | None = None
    did: Events
    where: Where | None = None
    value: Value | None = None
    reversed_by: Reversal | None = None
    outcome_window: Span
    gap: Span | None = None
    counts: Literal["first", "every"] = "first"

    @property
    def title(self) -> str:
        """Name in front of people; the id when there is none."""
        return self.name or self.id
