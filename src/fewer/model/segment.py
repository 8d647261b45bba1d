"""Segments: named conditions with a type, exclusions, a size guard and lookback variants."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from fewer.model.base import Frozen, RuleError, SegmentRef, Text
from fewer.model.condition import (
    AllOf,
    AnyOf,
    Condition,
    Did,
    DidNot,
    NoneOf,
    Not,
    SequenceOf,
    walk,
)
from fewer.model.number import Number
from fewer.model.window import Duration, Span

SegmentType = Literal[
    "engagement", "content", "recency_frequency", "interest", "lookback", "custom"
]
Status = Literal["draft", "approved", "live", "archived"]

MIN_SIZE: Final = 200
MAX_SIZE: Final = 2_000


class SizeGuard(Frozen):
    """People a segment should have: enough to deliver, few enough to be precise."""

    min: int = Field(default=MIN_SIZE, ge=0, strict=True)
    max: int = Field(default=MAX_SIZE, ge=1, strict=True)
    enforce: bool = Field(default=False, strict=True, description="Fail the build when outside.")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.min > self.max:
            raise RuleError(
                "size_backwards", f"'min' is above 'max': {self.min} > {self.max}.", key="min"
            )
        return self


def _distinct_windows(windows: tuple[Duration, ...]) -> tuple[Duration, ...]:
    if len({window.micros for window in windows}) < len(windows):
        msg = "each lookback window once"
        raise ValueError(msg)
    return windows


class Variants(Frozen):
    """Other forms of the same segment, side by side."""

    lookback: Annotated[tuple[Span, ...], AfterValidator(_distinct_windows)] = Field(min_length=1)


def _each_once(ids: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(ids)) < len(ids):
        msg = "each segment id once"
        raise ValueError(msg)
    return ids


class Segment(Frozen):
    """A named condition. A rule: it has no members until it is evaluated at an as_of."""

    id: SegmentRef = Field(description="Small letters, digits and _; @7d is a lookback variant.")
    name: Text | None = None
    description: Text | None = None
    type: SegmentType = "custom"
    where: Condition
    exclude: Annotated[tuple[SegmentRef, ...], AfterValidator(_each_once)] = ()
    exclude_defaults: bool = Field(default=True, strict=True)
    size: SizeGuard = SizeGuard()
    variants: Variants | None = None
    status: Status = "draft"
    owner: Text | None = None
    tags: tuple[Text, ...] = ()
    priority: int | None = Field(None, strict=True, description="Lower goes first.")
    budget: Number | None = Field(None, ge=0, description="In the project's currency.")

    @property
    def title(self) -> str:
        """Name in front of people; the id when there is none."""
        return self.name or self.id


class LookbackError(ValueError):
    """It isn't clear which window `variants.lookback` should replace."""


Windowable = Did | DidNot | SequenceOf


def lookback_targets(condition: Condition) -> tuple[Windowable, ...]:
    """Behaviours and sequences whose `within` the variants replace.

    Those marked ``lookback: true``; without a mark, the only one that has a `within`.
    Raises `LookbackError` when there is none, more than one unmarked, or a mark without `within`.
    """
    found = [c for c in walk(condition) if isinstance(c, Did | DidNot | SequenceOf)]
    marked = tuple(c for c in found if c.lookback)
    if any(c.within is None for c in marked):
        msg = "'lookback: true' needs a 'within' beside it to replace"
        raise LookbackError(msg)
    if marked:
        return marked
    windowed = tuple(c for c in found if c.within is not None)
    if len(windowed) != 1:
        count = "none" if not windowed else str(len(windowed))
        msg = (
            f"variants.lookback needs to know which 'within' to replace and found {count}:"
            " mark the behaviour with 'lookback: true'"
        )
        raise LookbackError(msg)
    return windowed


def _replace(condition: Condition, window: Duration, *, marks: bool) -> Any:
    def inside(members: tuple[Condition, ...]) -> tuple[Condition, ...]:
        return tuple(_replace(c, window, marks=marks) for c in members)

    match condition:
        case AllOf():
            return AllOf(all=inside(condition.all))
        case AnyOf():
            return AnyOf(any=inside(condition.any))
        case NoneOf():
            return NoneOf(none=inside(condition.none))
        case Not():
            return Not(not_=_replace(condition.not_, window, marks=marks))
        case Did() | DidNot() | SequenceOf():
            chosen = condition.lookback if marks else condition.within is not None
            return condition.model_copy(update={"within": window}) if chosen else condition
        case _:
            return condition


def variant(segment: Segment, window: Duration) -> Segment:
    """The lookback variant of a segment, ``pricing_hot@7d``, without variants of its own."""
    targets = lookback_targets(segment.where)
    if window.unit != "d" and any(target.calendar for target in targets):
        msg = f"'calendar' counts whole days, so its lookback can't be {window}: write it in days"
        raise LookbackError(msg)
    marks = any(target.lookback for target in targets)
    where = _replace(segment.where, window, marks=marks)
    update = {
        "id": f"{segment.id}@{window}",
        "name": f"{segment.title} · {window.words}",
        "where": where,
        "variants": None,
    }
    return segment.model_copy(update=update)


def expand(segments: Sequence[Segment]) -> tuple[Segment, ...]:
    """Every segment followed by its lookback variants, if it has any."""
    expanded: list[Segment] = []
    for segment in segments:
        expanded.append(segment)
        if segment.variants:
            expanded += [variant(segment, window) for window in segment.variants.lookback]
    return tuple(expanded)
