"""What a rule is given: one segment, and what was computed for all of them at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from fewer.journey.measure.evidence import EvidenceLabel, check_words
from fewer.journey.measure.recommend import values
from fewer.journey.measure.recommend.design import Design, Together
from fewer.journey.measure.recommend.facts import Arms, Facts, Programme
from fewer.journey.measure.recommend.judge import Judged
from fewer.journey.measure.recommend.verdict import Action, Amount, Recommendation
from fewer.stats.estimate import normal_quantile


@dataclass(frozen=True, slots=True)
class Case:
    """One segment as the rules see it."""

    facts: Facts
    programme: Programme
    judged: Judged | None = None
    first_row: int = 0  # of this segment in `judged`; one row for each of `readable`
    design: Design | None = None
    together: Together | None = None

    @property
    def id(self) -> str:
        """Id of the segment."""
        return self.facts.id

    @property
    def readable(self) -> tuple[Arms, ...]:
        """Randomised comparisons that may be read."""
        return tuple(a for a in self.facts.arms if a.readable)

    @property
    def weekly_conversions(self) -> float:
        """Conversions a week of its people as they are now, whatever made them; 0: not known."""
        seen = self.facts.seen
        if seen is None or not seen.people:
            return 0.0
        return self.facts.size * seen.converted / seen.people * values.WEEK_DAYS / seen.window_days

    def worth(self, conversions: float) -> tuple[float, str]:
        """Conversions a week as money where their value is known, and the unit."""
        if self.programme.worth is None:
            return conversions, f"{self.programme.things} a week"
        return conversions * self.programme.worth, f"{self.programme.currency or 'units'} a week"

    def amount(
        self, value: float, lower: float | None = None, upper: float | None = None
    ) -> Amount:
        """Conversions a week with limits, as money where their value is known."""
        at, unit = self.worth(value)
        low, high = (None if x is None else self.worth(x)[0] for x in (lower, upper))
        return Amount(at, unit, low, high)

    def costed(self, one: Recommendation) -> Recommendation:
        """A verdict that changes who is reached, with what that costs or saves a week."""
        if not one.reach or one.cost is not None:
            return one
        spent = self.facts.spent
        if spent is None or not self.facts.size:
            return replace(one, cost_note=self.facts.cost_unknown)
        value = one.reach * spent.weekly / self.facts.size
        half = normal_quantile(values.CONFIDENCE) * spent.error * abs(value)
        amount = Amount(value, f"{spent.currency or 'units'} a week", value - half, value + half)
        note = (
            "at what one of its people costs now, by the ad reports of"
            f" {spent.first_day} to {spent.last_day}"
        )
        return replace(one, cost=amount, cost_note=note)

    def says(
        self,
        action: Action,
        rule: str,
        headline: str,
        reason: str,
        *,
        label: EvidenceLabel = EvidenceLabel.RAW_ASSOCIATION,
        **more: Any,
    ) -> Recommendation:
        """A verdict whose words its evidence allows."""
        for text in (headline, reason, more.get("wrong", ""), more.get("takes", "")):
            check_words(text, label)
        title = self.facts.segment.title
        return Recommendation(self.id, title, action, headline, reason, rule, **more)


Rule = Callable[[Case], Recommendation | None]
