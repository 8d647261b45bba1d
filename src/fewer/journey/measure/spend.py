"""What was spent on a segment and variant while its outcomes counted, and what that bought.

Spend comes from ad reports, conversions from one's own events, so both sides count the same
days. Money of two currencies is never divided by one another: the figure is refused, with what
to do about it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np
from pyroaring import BitMap

from fewer.journey.measure.ads import AdDay
from fewer.journey.measure.evidence import EvidenceLabel
from fewer.journey.measure.figure import Figure
from fewer.journey.measure.landmark import Landmark
from fewer.journey.measure.outcomes import Outcomes, among
from fewer.model.window import local_date
from fewer.stats.count import cost_per_event
from fewer.stats.estimate import Estimate, Estimates, State
from fewer.stats.mean import Moments, mean
from fewer.stats.ratio import ratio_of_sums

OWN: Final = "spend as the platforms report it, conversions from own events of the same days"


@dataclass(frozen=True, slots=True)
class Spend:
    """Money spent on one segment, or one variant of it, while outcomes counted."""

    amounts: Mapping[str, float]  # currency -> amount
    first_day: str
    last_day: str

    @property
    def one(self) -> tuple[float, str] | None:
        """Amount and currency, if there is one currency and something was spent."""
        spent = {c: amount for c, amount in self.amounts.items() if amount > 0}
        return (next(iter(spent.values())), next(iter(spent))) if len(spent) == 1 else None

    @property
    def problem(self) -> str:
        """Why there is no single amount; empty when there is."""
        if len(self.amounts) < 2 or self.one:  # noqa: PLR2004  two currencies
            return ""
        return (
            f"spend is in {' and '.join(sorted(self.amounts))}, which are never added up: report"
            " the ad accounts in one currency, or convert amounts by day before loading"
        )

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "amounts": dict(self.amounts),
            "first_day": self.first_day,
            "last_day": self.last_day,
            "problem": self.problem,
        }


class Spending:
    """Ad reports, ready to be asked what was spent on whom and when."""

    def __init__(self, days: Iterable[AdDay], timezone: str) -> None:
        self._days = tuple(days)
        self._zone = ZoneInfo(timezone)

    def on(self, segment: str, arms: frozenset[str] | None, at: Landmark) -> Spend | None:
        """Spend on a segment from the moment on, as long as outcomes were read.

        Args:
            segment: Its id.
            arms: Variants whose spend counts; None for all. Rows that name no variant count for
                all of them only.
            at: When outcomes count.
        """
        first = local_date(at.index_us, self._zone)
        last = local_date(max(at.measured_until_us - 1, at.index_us), self._zone)
        amounts: dict[str, float] = {}
        for one in self._days:
            if one.segment != segment or not first <= one.day <= last:
                continue
            if arms is None or one.arm in arms:
                currency = one.currency or "no currency"
                amounts[currency] = amounts.get(currency, 0.0) + one.spend
        return Spend(amounts, first.isoformat(), last.isoformat()) if amounts else None

    def names_arms(self, segment: str, arms: frozenset[str]) -> bool:
        """Whether reports of a segment name one of the variants."""
        return any(one.segment == segment and one.arm in arms for one in self._days)

    def on_people_of(
        self, segment: str, treated: str, treated_arms: frozenset[str], at: Landmark
    ) -> Spend | None:
        """Spend on the people of one variant: by its name, or all of it if it is the only one."""
        if self.names_arms(segment, frozenset({treated})):
            return self.on(segment, frozenset({treated}), at)
        return self.on(segment, None, at) if treated_arms == {treated} else None


@dataclass(frozen=True, slots=True)
class OwnCost:
    """What a segment's own conversions cost. An association: whoever converts counts."""

    segment: str
    goal: str
    spend: Spend
    conversions: int
    new_customers: int
    cpa: Figure
    cac: Figure
    roas: Figure | None
    aov: Figure | None
    notes: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain values, each figure with unit and label."""
        return {
            "segment": self.segment,
            "goal": self.goal,
            "spend": self.spend.to_json(),
            "conversions": self.conversions,
            "new_customers": self.new_customers,
            "label": EvidenceLabel.RAW_ASSOCIATION.value,
            "cpa": self.cpa.to_json(),
            "cac": self.cac.to_json(),
            "roas": self.roas.to_json() if self.roas else None,
            "aov": self.aov.to_json() if self.aov else None,
            "notes": list(self.notes),
        }


def own_cost(
    segment: str, members: BitMap, outcome: Outcomes, spend: Spend, *, label: EvidenceLabel
) -> OwnCost:
    """CPA, CAC, ROAS and AOV of a segment from its spend and its members' own conversions.

    CAC counts people who had never converted before; AOV is money per conversion.
    """
    people = members & outcome.at_risk
    inside = among(outcome.persons, people)
    each = outcome.conversions[inside].astype(np.float64)
    new = len((people & outcome.bitmap) - outcome.before)
    level = outcome.confidence
    money, currency = spend.one or (0.0, "money")

    def figure(estimate: Estimate, kind: str, unit: str) -> Figure:
        shown = estimate if spend.one else withheld(estimate, spend.problem or "nothing was spent")
        return Figure(shown, kind, unit, label, OWN)  # type: ignore[arg-type]

    cpa = figure(_per_conversion(money, each, len(people), level), "amount",
                 f"{currency} per conversion")  # fmt: skip
    cac = figure(cost_per_event([money], [new], confidence=level).at(0), "amount",
                 f"{currency} per new customer")  # fmt: skip
    roas, aov, notes = None, None, []
    if outcome.value is not None:
        worth = outcome.value[inside]
        unit = f"{outcome.currency or 'units'} per conversion"
        per = ratio_of_sums(worth[None], each[None], confidence=level).at(0)
        aov = Figure(_say_people(per), "amount", unit, label)
        if spend.one and outcome.currency in ("", currency):
            roas = figure(_return(worth, len(people), money, level), "times",
                          f"value per {currency} spent")  # fmt: skip
        elif spend.one:
            notes.append(other_money(outcome.currency, currency))
    return OwnCost(
        segment, outcome.goal.id, spend, int(each.sum()), new, cpa, cac, roas, aov, tuple(notes)
    )


def other_money(value: str, spend: str) -> str:
    """Why there is no return on spend when value and spend are in different currencies."""
    return (
        f"the goal is worth {value} and ads cost {spend}: no return is given. Convert one of them"
        " by day before loading."
    )


def withheld(estimate: Estimate, why: str) -> Estimate:
    """No figure at all, for a reason."""
    return replace(
        estimate, value=None, lower=None, upper=None, p=None, state=State.UNDEFINED, why=why
    )


def scaled(found: Estimates, by: float) -> Estimate:
    """An estimate in other units: value and limits times a positive number."""
    one = found.at(0)
    moved = [None if x is None else x * by for x in (one.value, one.lower, one.upper)]
    return replace(one, value=moved[0], lower=moved[1], upper=moved[2])


def _per_conversion(
    money: float, each: np.ndarray[Any, Any], people: int, level: float
) -> Estimate:
    if not len(each) or each.max() <= 1:
        return cost_per_event([money], [each.sum()], confidence=level).at(0)
    # Several a person are not independent: what limits the interval is people.
    found = mean(
        Moments(
            np.array([float(people)]),
            np.array([each.sum()]),
            np.array([(each**2).sum()]),
            np.array([float(len(each))]),
        ),
        confidence=level,
    ).at(0)
    bounds = [money / (x * people) if x else None for x in (found.value, found.upper, found.lower)]
    return replace(found, value=bounds[0], lower=bounds[1], upper=bounds[2])


def _return(worth: np.ndarray[Any, Any], people: int, money: float, level: float) -> Estimate:
    moments = Moments(
        np.array([float(people)]),
        np.array([worth.sum()]),
        np.array([(worth**2).sum()]),
        np.array([float(np.count_nonzero(worth))]),
    )
    return scaled(mean(moments, confidence=level), people / money if money else 1.0)


def _say_people(found: Estimate) -> Estimate:
    why = found.why.replace("days or groups", "people with a conversion")
    return replace(found, why=why, method=found.method.replace("clustered", "by person"))
