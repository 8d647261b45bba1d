"""Claims: statements such as "2.4x as likely", made exact enough to be checked on data."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Annotated, Any, Final, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, Discriminator, Field, PlainSerializer, Tag, model_validator

from fewer.model.base import Frozen, Name, RuleError, SegmentId, Text
from fewer.model.condition import AnyOf, Condition
from fewer.model.mapping import Zone
from fewer.model.number import Number
from fewer.model.segment import SizeGuard
from fewer.model.window import DAY, At, Duration, Span, local_date, local_midnight

WEEKDAYS: Final = (
    "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday",
)  # fmt: skip

MOST_TIMES: Final = 1_000
"""Index times of one claim."""

AtRisk = Literal["everyone", "not_before"]
AdMetric = Literal["ctr", "cpc", "cpm", "conversion_rate", "cpa", "roas"]


def _every(value: Any) -> Any:
    if isinstance(value, str) and value.lower() in WEEKDAYS:
        return value.lower()
    if isinstance(value, Duration):
        return value
    try:
        return Duration.parse(value)
    except (TypeError, ValueError):
        msg = "a day of the week, such as monday, or a duration, such as 7d"
        raise ValueError(msg) from None


Every = Annotated[str | Duration, BeforeValidator(_every), PlainSerializer(str, return_type=str)]


class IndexTimes(Frozen):
    """The moments T at which people are looked at.

    Starts of local days; with a duration that is not in whole days, steps from the first on.
    """

    every: Every = Field("monday", description="A day of the week, or a duration such as 7d.")
    from_: At | None = Field(None, alias="from", description="First index time, or the day of it.")
    to: At | None = Field(None, description="Last index time, itself included.")
    timezone: Zone | None = Field(None, description="Default: the project's.")

    def between(self, first_us: int, last_us: int, zone: ZoneInfo) -> Iterator[int]:
        """Index times from `first_us` to `last_us`, both included, in UTC microseconds."""
        if isinstance(self.every, Duration) and self.every.micros % DAY:
            yield from range(first_us, last_us + 1, self.every.micros)
            return
        day = local_date(first_us, zone)
        step = 7
        if isinstance(self.every, Duration):
            step = self.every.micros // DAY
        else:
            day += timedelta(days=(WEEKDAYS.index(self.every) - day.weekday()) % 7)
        if local_midnight(day, zone) < first_us:
            day += timedelta(days=step if isinstance(self.every, str) else 1)
        yield from _midnights(day, step, last_us, zone)


def _midnights(day: date, step: int, last_us: int, zone: ZoneInfo) -> Iterator[int]:
    while (at := local_midnight(day, zone)) <= last_us:
        yield at
        day += timedelta(days=step)


class Says(Frozen):
    """The size that a claim states, as a ratio of two rates or costs: 1.26 is +26 %, 0.7 is -30 %.

    >>> Says(up_to=0.7).up, Says(between=(0.82, 0.9)).range
    (False, (0.9, 0.82))
    """

    ratio: Number | None = Field(None, gt=0, description="About so many times.")
    at_least: Number | None = Field(None, gt=0, description="So many times or more extreme.")
    up_to: Number | None = Field(None, gt=0, description="Some difference, at most this one.")
    between: tuple[Number, Number] | None = Field(None, description="From one ratio to another.")

    @model_validator(mode="after")
    def _one_size(self) -> Self:
        given = [n for n in ("ratio", "at_least", "up_to", "between") if getattr(self, n)]
        if len(given) != 1:
            raise RuleError(
                "claim_size",
                "A claim says one size: ratio, at_least, up_to or between.",
                hint="Write says: {ratio: 2.4}, {up_to: 0.7} or {between: [0.82, 0.9]}.",
            )
        ends = self.between or (next(v for v in (self.ratio, self.at_least, self.up_to) if v),)
        if any(end <= 0 or end == 1 for end in ends) or len({end > 1 for end in ends}) > 1:
            raise RuleError(
                "claim_size",
                "A ratio of 1 is no difference: a size is above 1 (more) or below it (less).",
                hint="+26 % is 1.26, -30 % is 0.7.",
            )
        return self

    @property
    def range(self) -> tuple[float, float]:
        """The claimed ratio that is nearest to 1, and the one that is furthest."""
        if self.between:
            low, high = sorted(map(float, self.between))
            return (low, high) if low > 1 else (high, low)
        if self.up_to:
            return 1.0, float(self.up_to)
        size = float(self.ratio or self.at_least or 1)
        return size, (float("inf") if size > 1 else 0.0) if self.at_least else size

    @property
    def up(self) -> bool:
        """Whether more is claimed; else less."""
        return self.range[1] > 1

    @property
    def size(self) -> float:
        """The size that people quote: the one nearest to 1 that is stated at all."""
        near, far = self.range
        return far if self.up_to else near


class PeopleClaim(Frozen):
    """People of one group convert more, or less, often than those of another.

    At every index time T, `group` and `against` are evaluated at T and read nothing after it;
    outcomes count in ``[T + gap, T + gap + outcome_window)``.
    """

    id: SegmentId
    name: Text | None = None
    population: Condition | None = Field(None, description="Who is looked at. Default: everyone.")
    population_at: Span | None = Field(
        None, description="Evaluate the population at T + this instead; stated in the output."
    )
    index: IndexTimes = IndexTimes()
    group: Condition
    each: bool = Field(
        default=False,
        strict=True,
        description="With a group of `any`: count a person once for each of them that holds.",
    )
    size: SizeGuard | None = Field(
        None, description="Only groups of so many people at T; with 'each', those of them."
    )
    against: Condition | None = Field(None, description="Default: the rest of the population.")
    lookback: Span | None = Field(
        None, description="How far back groups look. Default: their longest window."
    )
    gap: Span | None = Field(None, description="Default: the goal's.")
    outcome: SegmentId = Field(description="Id of a goal.")
    outcome_window: Span | None = Field(None, description="Default: the goal's.")
    at_risk: AtRisk = Field(
        "everyone", description="not_before: only people who had not converted before T."
    )
    exclude: tuple[SegmentId, ...] = Field((), description="Segments to leave out, as at T.")
    part_of_converting: tuple[Name, ...] = Field(
        (), description="Events that are part of converting: groups may not use them."
    )
    says: Says

    @model_validator(mode="after")
    def _each_of_some(self) -> Self:
        if self.each and not isinstance(self.group, AnyOf):
            raise RuleError(
                "each_of_what",
                "'each' counts people once for each condition under 'any', and there is none.",
                key="each",
                hint="Write group: {any: [...]}, or take 'each' out.",
            )
        return self

    @property
    def groups(self) -> tuple[Condition, ...]:
        """The conditions of the group: one, or with `each` those under its `any`."""
        if self.each and isinstance(self.group, AnyOf):
            return self.group.any
        return (self.group,)

    @property
    def title(self) -> str:
        """Name in front of people; the id when there is none."""
        return self.name or self.id


class ReportClaim(Frozen):
    """Ads of segments cost, or are clicked, more or less than those of the broad audience."""

    id: SegmentId
    name: Text | None = None
    reports: AdMetric = Field(description="A ratio of sums of ad reports.")
    segments: tuple[SegmentId, ...] = Field((), description="Default: all that reports name.")
    says: Says

    @property
    def title(self) -> str:
        """Name in front of people; the id when there is none."""
        return self.name or self.id


def _kind(value: Any) -> str:
    if isinstance(value, dict):
        return "#reports" if "reports" in value else "#group"
    return "#reports" if isinstance(value, ReportClaim) else "#group"


Claim = Annotated[
    Annotated[PeopleClaim, Tag("#group")] | Annotated[ReportClaim, Tag("#reports")],
    Discriminator(_kind),
]
"""A claim about people (`group`) or about ad reports (`reports`)."""
