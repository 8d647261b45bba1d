"""Metrics: what is counted or summed of each person or ad, and what may not get worse."""

from __future__ import annotations

from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from fewer.model.base import Frozen, RuleError, SegmentId, Text
from fewer.model.goal import Currency
from fewer.model.number import Number

KINDS: Final = ("rate", "mean", "ratio")

Quantity = Literal["people", "converted", "conversions", "value"]
"""People; people who converted; conversions; the goal's value, summed."""

AdQuantity = Literal["impressions", "clicks", "spend", "conversions", "revenue"]
"""Columns of an ad report."""

Percentile = Annotated[Number, Field(gt=50, lt=100)]


class Rate(Frozen):
    """People who reached a goal, of all people."""

    goal: SegmentId


class Mean(Frozen):
    """Something summed for each person, divided by all people."""

    goal: SegmentId
    of: Literal["value", "conversions"] = "value"
    cap: Annotated[Number, Field(gt=0)] | None = Field(
        None, description="A person's sum above it counts as this much."
    )
    winsorise: Percentile | None = Field(
        None, description="Sums above this percentile of all people's count as that percentile."
    )

    @model_validator(mode="after")
    def _one_bound(self) -> Self:
        if self.cap is not None and self.winsorise is not None:
            raise RuleError(
                "two_bounds",
                "'cap' and 'winsorise' both bound a person's sum.",
                key="winsorise",
                hint="Keep one: cap, a fixed amount, or winsorise, a percentile.",
            )
        return self


class GoalSum(Frozen):
    """A sum over people, by a goal."""

    goal: SegmentId
    of: Quantity = "value"


class AdSum(Frozen):
    """A sum over an ad report."""

    ads: AdQuantity


class Ratio(Frozen):
    """One sum divided by another: always a ratio of sums, never a mean of ratios."""

    of: GoalSum | AdSum
    to: GoalSum | AdSum

    @model_validator(mode="after")
    def _two_sums(self) -> Self:
        if self.of == self.to:
            raise RuleError(
                "same_sum",
                "'of' and 'to' are the same sum, so their ratio is always 1.",
                key="to",
                hint="Divide by another sum, such as {ads: clicks}.",
            )
        return self


class Guardrail(Frozen):
    """How much worse a metric may get before a change counts as harm.

    A margin in percent is relative to the comparison; `margin` is in the metric's own unit.
    """

    margin_percent: Annotated[Number, Field(gt=0, lt=100)] | None = None
    margin: Annotated[Number, Field(gt=0)] | None = None

    @model_validator(mode="after")
    def _one_margin(self) -> Self:
        if (self.margin_percent is None) == (self.margin is None):
            raise RuleError(
                "one_margin",
                "Expected one margin: margin_percent (of the comparison) or margin (absolute).",
                hint="Write, for instance, margin_percent: 2.",
            )
        return self


class Metric(Frozen):
    """One figure that experiments and measurement refer to by its id.

    >>> Metric(id="orders", rate={"goal": "order"}).kind
    'rate'
    """

    id: SegmentId
    name: Text | None = None
    rate: Rate | None = None
    mean: Mean | None = None
    ratio: Ratio | None = None
    currency: Currency | None = Field(None, description="Of money; no two are ever added up.")
    better: Literal["higher", "lower"] = "higher"
    guardrail: Guardrail | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        given = [kind for kind in KINDS if getattr(self, kind) is not None]
        if len(given) != 1:
            raise RuleError(
                "one_kind",
                f"A metric is one of {', '.join(KINDS)}; found {' and '.join(given) or 'none'}.",
                key=given[-1] if given else "",
                hint="Write, for instance, rate: {goal: order}.",
            )
        return self

    @property
    def kind(self) -> Literal["rate", "mean", "ratio"]:
        """Which of the three it is."""
        if self.rate:
            return "rate"
        return "mean" if self.mean else "ratio"

    @property
    def title(self) -> str:
        """Name in front of people; the id when there is none."""
        return self.name or self.id

    @property
    def money(self) -> tuple[tuple[tuple[str, ...], str], ...]:
        """Goals whose value it adds up, each with the path at which it stands."""
        parts: list[tuple[tuple[str, ...], object]] = [(("mean", "goal"), self.mean)]
        if self.ratio:
            parts += [(("ratio", k, "goal"), getattr(self.ratio, k)) for k in ("of", "to")]
        return tuple(
            (path, part.goal)
            for path, part in parts
            if isinstance(part, Mean | GoalSum) and part.of == "value"
        )

    @property
    def goals(self) -> tuple[str, ...]:
        """Ids of the goals it reads; none for one of ad reports alone."""
        parts = (self.rate, self.mean, *((self.ratio.of, self.ratio.to) if self.ratio else ()))
        named = [part.goal for part in parts if isinstance(part, Rate | Mean | GoalSum)]
        return tuple(dict.fromkeys(named))
