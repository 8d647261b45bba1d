"""Creatives: what is said to the people of a segment, and to whom among them."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, model_validator

from fewer.model.base import Frozen, FrozenMap, Name, SegmentId, SegmentRef, Text, freeze
from fewer.model.condition import Occurrence
from fewer.model.predicate import Where
from fewer.model.segment import SegmentType
from fewer.model.window import Span


def _one_or_more(value: Any) -> Any:
    if isinstance(value, str):
        return (value,)
    if isinstance(value, list | tuple):
        return tuple(value)
    return value


def _short(values: tuple[Any, ...]) -> Any:
    return values[0] if len(values) == 1 else list(values)


Lines = Annotated[
    tuple[Text, ...],
    BeforeValidator(_one_or_more),
    Field(min_length=1),
    PlainSerializer(_short, return_type=Any),
]
"""One text, or several that a platform combines."""

SegmentRefs = Annotated[
    tuple[SegmentRef, ...],
    BeforeValidator(_one_or_more),
    Field(min_length=1),
    PlainSerializer(_short, return_type=Any),
]
"""One segment id, or a list of them."""

Utm = Annotated[dict[Name, Text], AfterValidator(freeze)]
"""Parameters without their ``utm_``: ``{source: meta, campaign: spring}``."""

UTM_KEYS = (
    "source",
    "medium",
    "campaign",
    "id",
    "term",
    "content",
    "source_platform",
    "creative_format",
    "marketing_tactic",
)
"""Parameters that Google Analytics reads; the last two it keeps without reporting them."""


class Texts(Frozen):
    """The words of a message. Liquid templates, except in a fallback."""

    headline: Lines | None = None
    body: Lines | None = None
    call_to_action: Text | None = None
    offer: Text | None = None
    landing_url: Text | None = Field(None, description="https address; parameters are added to it.")

    def fields(self) -> dict[str, tuple[str, ...]]:
        """Texts by field, those that are given.

        >>> Texts(headline="Hi", offer="10 %").fields()
        {'headline': ('Hi',), 'offer': ('10 %',)}
        """
        found = {}
        for name in Texts.model_fields:
            value = getattr(self, name)
            if value is not None:
                found[name] = value if isinstance(value, tuple) else (value,)
        return found


class Creative(Texts):
    """One cell of the message matrix: for a segment or a type of segments, in one format.

    `last` picks an event of the person as a segment's ``last:`` does (any event without it);
    `having` and `within` are tests of that event, and its values are what the templates show.
    """

    id: SegmentId
    name: Text | None = None
    segment: SegmentRefs | None = Field(None, description="A segment id, or a list of them.")
    type: SegmentType | None = Field(None, description="All segments of a type.")
    format: Name = Field(description="Where it is shown: meta_feed, google_rsa, ...")
    last: Occurrence | None = Field(None, description="Which event counts as the last action.")
    having: Where | None = Field(None, description="Tests of the last action.")
    within: Span | None = Field(None, description="The last action is at most so old.")
    traits: tuple[Name, ...] = Field((), description="Traits that the templates may show.")
    properties: tuple[Name, ...] = Field(
        (), description="Further properties of the last action that the templates may show."
    )
    utm: Utm = Field(FrozenMap(), description="Parameters of the landing address, without utm_.")
    fallback: Texts | None = Field(
        None, description="Plain words for people whose values are missing or too long."
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if (self.segment is None) == (self.type is None):
            msg = "exactly one of 'segment' and 'type'"
            raise ValueError(msg)
        unknown = [key for key in self.utm if key not in UTM_KEYS]
        if unknown:
            msg = f"utm parameters among {', '.join(UTM_KEYS)}, not {', '.join(unknown)}"
            raise ValueError(msg)
        return self

    @property
    def title(self) -> str:
        """Name in front of people; the id when there is none."""
        return self.name or self.id

    @property
    def picks_event(self) -> bool:
        """Whether it is only for people whose last action passes a test."""
        return self.last is not None or self.having is not None or self.within is not None
