"""Conditions: yes/no questions about a person at a moment.

Every condition is true or false for every person of the universe. The models mirror the
written form key by key, so YAML, JSON and Python are one thing; `HEADS` names the key by
which a written condition is recognised.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Annotated, Any, Final, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Discriminator,
    Field,
    PlainSerializer,
    Tag,
    WithJsonSchema,
    model_validator,
)

from fewer.model.base import Frozen, Name, RuleError, SegmentRef, Text
from fewer.model.measure import MEASURES, Burst, Comparison, Periods, PropertyMeasure, Share
from fewer.model.number import Number
from fewer.model.predicate import Predicate, Where
from fewer.model.window import WINDOWS, Duration, Span, Windowed

ANY_EVENT: Final = "*"


def _names(value: Any) -> Any:
    if isinstance(value, str):
        return (value,)
    if isinstance(value, list | tuple):
        return tuple(value)
    msg = "an event name, a list of names, or '*' for any event"
    raise ValueError(msg)


def _event_names(names: tuple[str, ...]) -> tuple[str, ...]:
    if not names:
        msg = "at least one event name"
        raise ValueError(msg)
    if len(names) > 1 and ANY_EVENT in names:
        msg = "'*' alone: it already means any event"
        raise ValueError(msg)
    if len(set(names)) < len(names):
        msg = "each event name once"
        raise ValueError(msg)
    return names


Events = Annotated[
    tuple[Name, ...],
    BeforeValidator(_names),
    AfterValidator(_event_names),
    PlainSerializer(lambda v: v[0] if len(v) == 1 else list(v), return_type=Any),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "minLength": 1},
                {"type": "array", "items": {"type": "string", "minLength": 1}, "minItems": 1},
            ],
            "description": "An event name, a list of names, or '*' for any event.",
        }
    ),
]
"""Names of events; ``("*",)`` is any event."""


class Occurrence(Frozen):
    """Events by name and properties, without window or measure."""

    did: Events
    where: Where | None = None


class Did(Windowed):
    """A behaviour: window selects events, `where` filters, a measure reduces, bounds decide.

    >>> Did(did="page_view", within="7d", count={"at_least": 3}).did
    ('page_view',)
    """

    did: Events
    where: Where | None = None
    count: Comparison | None = None
    days: Comparison | None = Field(None, description="Distinct local calendar days.")
    distinct: PropertyMeasure | None = None
    sum: PropertyMeasure | None = None
    mean: PropertyMeasure | None = None
    min: PropertyMeasure | None = None
    max: PropertyMeasure | None = None
    periods: Periods | None = None
    burst: Burst | None = None
    share: Share | None = None
    lookback: bool = Field(default=False, strict=True, description="variants.lookback changes it.")

    @property
    def measure(self) -> tuple[str, Any]:
        """Name and model of the measure; ``count: {at_least: 1}`` when none is written."""
        for name in MEASURES:
            found = getattr(self, name)
            if found is not None:
                return name, found
        return "count", Comparison(at_least=Decimal(1))

    @model_validator(mode="after")
    def _one_measure(self) -> Self:
        given = [name for name in MEASURES if getattr(self, name) is not None]
        if len(given) > 1:
            raise RuleError(
                "two_measures",
                f"One measure only, not {' and '.join(given)}.",
                key=given[1],
                hint="Make a condition of each and put them in a list under 'all'.",
            )
        if self.periods and self.has_window:
            raise RuleError(
                "window_beside_periods",
                "'periods' brings its own time: no window beside it.",
                key=next(name for name in WINDOWS if getattr(self, name) is not None),
                hint="Take the window out.",
            )
        return self


class DidNot(Windowed):
    """No such event in the window: `did` with ``count: {exactly: 0}``."""

    did_not: Events
    where: Where | None = None
    lookback: bool = Field(default=False, strict=True)

    def as_did(self) -> Did:
        """The same question in terms of `Did`."""
        return Did(
            did=self.did_not,
            where=self.where,
            within=self.within,
            between=self.between,
            since=self.since,
            until=self.until,
            calendar=self.calendar,
            lookback=self.lookback,
            count=Comparison(exactly=Decimal(0)),
        )


class Last(Windowed):
    """The most recent match over all history lies in the window and satisfies `having`."""

    last: Occurrence
    having: Where | None = Field(None, description="Tests of the chosen event.")


class First(Windowed):
    """The earliest match over all history lies in the window and satisfies `having`."""

    first: Occurrence
    having: Where | None = Field(None, description="Tests of the chosen event.")


class Step(Frozen):
    """A step that happened; `within_next` bounds the time since the present step before it."""

    did: Events
    where: Where | None = None
    within_next: Span | None = None


class AbsentStep(Frozen):
    """A step that did not happen in ``(t, t + within_next]`` after the last present step."""

    did_not: Events
    where: Where | None = None
    within_next: Span


def _step_kind(value: Any) -> str | None:
    if isinstance(value, AbsentStep):
        return "#did_not"
    if isinstance(value, Step):
        return "#did"
    if isinstance(value, dict):
        return "#did_not" if "did_not" in value else "#did"
    return None


AnyStep = Annotated[
    Annotated[Step, Tag("#did")] | Annotated[AbsentStep, Tag("#did_not")],
    Discriminator(
        _step_kind,
        custom_error_type="step_form",
        custom_error_message="a step: {did: ...} or {did_not: ..., within_next: ...}",
    ),
]


def _unique(names: tuple[str, ...]) -> tuple[str, ...]:
    if not names or len(set(names)) < len(names):
        msg = "at least one property, each once"
        raise ValueError(msg)
    return names


class SequenceOf(Windowed):
    """Steps one after another, each strictly later than the present step before it."""

    sequence: tuple[AnyStep, ...] = Field(min_length=1)
    same: Annotated[tuple[Name, ...], AfterValidator(_unique)] | None = Field(
        None, description="Properties on which all present steps agree; session_id is derived."
    )
    lookback: bool = Field(default=False, strict=True)

    @model_validator(mode="after")
    def _first_is_present(self) -> Self:
        first = self.sequence[0]
        if isinstance(first, AbsentStep):
            raise RuleError(
                "absent_first_step",
                "The first step can't be absent.",
                key="sequence",
                hint="Begin with a 'did' step, or use a did_not condition.",
            )
        if first.within_next is not None:
            raise RuleError(
                "within_next_on_first_step",
                "'within_next' on the first step: there is no step before it.",
                key="sequence",
                hint="Move it to the step that comes next.",
            )
        return self


class Trait(Predicate):
    """A test of a lasting attribute of the person."""

    trait: Name


class Consent(Frozen):
    """The person granted consent for a purpose; unknown and denied are false."""

    consent: Name


class InList(Frozen):
    """The person is on an uploaded or synced list."""

    in_list: Name


class InSegment(Frozen):
    """The person is a member of another segment at the same as_of, its exclusions applied."""

    in_segment: SegmentRef


class SampleRule(Frozen):
    """A stable share of people, by hash of salt and person."""

    percent: Annotated[Number, Field(ge=0, le=100)]
    salt: Text

    @property
    def threshold(self) -> str | None:
        """Digests below it are in: 16 hex digits; None when everyone is in.

        >>> SampleRule(percent=50, salt="x").threshold
        '8000000000000000'
        """
        micros = int(self.percent * 1_000_000)
        cut = -(-(micros << 64) // 100_000_000)  # ceiling: digest < P/100 * 2^64
        return f"{cut:016x}" if cut < 1 << 64 else None


class Sample(Frozen):
    """A stable random share of the universe."""

    sample: SampleRule


class AllOf(Frozen):
    """Every member is true. Empty: everyone."""

    all: tuple[Condition, ...]


class AnyOf(Frozen):
    """Some member is true. Empty: no one."""

    any: tuple[Condition, ...]


class NoneOf(Frozen):
    """No member is true."""

    none: tuple[Condition, ...]


class Not(Frozen):
    """The complement in the universe."""

    not_: Condition = Field(alias="not")


HEADS: Final[dict[str, type[Frozen]]] = {
    "all": AllOf,
    "any": AnyOf,
    "none": NoneOf,
    "not": Not,
    "did": Did,
    "did_not": DidNot,
    "last": Last,
    "first": First,
    "sequence": SequenceOf,
    "trait": Trait,
    "consent": Consent,
    "in_list": InList,
    "in_segment": InSegment,
    "sample": Sample,
}
"""Key that a written condition is recognised by -> its model."""

_TAGS: Final = {model: f"#{head}" for head, model in HEADS.items()}


def _kind(value: Any) -> str | None:
    if isinstance(value, dict):
        heads = [head for head in HEADS if head in value] or ["not" if "not_" in value else ""]
        return f"#{heads[0]}" if heads[0] else None
    return _TAGS.get(type(value))


Condition = Annotated[
    Annotated[AllOf, Tag("#all")]
    | Annotated[AnyOf, Tag("#any")]
    | Annotated[NoneOf, Tag("#none")]
    | Annotated[Not, Tag("#not")]
    | Annotated[Did, Tag("#did")]
    | Annotated[DidNot, Tag("#did_not")]
    | Annotated[Last, Tag("#last")]
    | Annotated[First, Tag("#first")]
    | Annotated[SequenceOf, Tag("#sequence")]
    | Annotated[Trait, Tag("#trait")]
    | Annotated[Consent, Tag("#consent")]
    | Annotated[InList, Tag("#in_list")]
    | Annotated[InSegment, Tag("#in_segment")]
    | Annotated[Sample, Tag("#sample")],
    Discriminator(
        _kind,
        custom_error_type="condition_form",
        custom_error_message="a condition, recognised by one of: " + ", ".join(HEADS),
    ),
]
"""Any condition, recognised by its head key. Tags carry a ``#`` so that error locations
never confuse a tag with a key of the same name."""

for _model in (AllOf, AnyOf, NoneOf, Not):
    _model.model_rebuild()


def children(condition: Condition) -> tuple[Condition, ...]:
    """Conditions directly inside a boolean; none for anything else."""
    match condition:
        case AllOf():
            return condition.all
        case AnyOf():
            return condition.any
        case NoneOf():
            return condition.none
        case Not():
            return (condition.not_,)
        case _:
            return ()


def walk(condition: Condition) -> Iterator[Condition]:
    """The condition and everything inside it, parents first."""
    yield condition
    for child in children(condition):
        yield from walk(child)


def with_within(condition: Condition, window: Duration) -> Condition:
    """A copy whose `within` is replaced by `window`; for behaviours and sequences."""
    return condition.model_copy(update={"within": window})
