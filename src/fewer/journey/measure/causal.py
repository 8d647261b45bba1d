"""What a randomised comparison says beyond its ratio: conversions gained, and what they cost.

Everyone assigned counts, reached or not. What reaching somebody did follows from it only where
it is known who was reached: the difference between everyone assigned, divided by the difference
in the share reached. Comparing those reached with those not reached is never done: whoever can
be reached is another kind of person.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from fewer.journey.measure.evidence import EvidenceLabel
from fewer.journey.measure.figure import Figure, percent
from fewer.journey.measure.population import Sums
from fewer.journey.measure.spend import Spend, other_money
from fewer.journey.measure.spend import withheld as no_figure
from fewer.stats.bayes import View, rates_view
from fewer.stats.estimate import Estimate, State

ITT: Final = "everyone assigned, reached or not"
WORTH_SEEING: Final = 0.05
"""A change below 5 % matters to nobody, if the experiment does not say what does."""


@dataclass(frozen=True, slots=True)
class Chances:
    """The Bayesian view of one comparison; answers another question than a p-value."""

    better: float  # chance that the first group converts more often
    clearly: float  # chance that it does by more than `smallest`
    smallest: float  # relative change
    loss_if_chosen: float  # expected loss of conversions a person by choosing the first group
    loss_if_not: float  # and by choosing the comparison

    @property
    def words(self) -> str:
        """``better with 98 % chance, by more than 5 % with 91 %``."""
        return (
            f"better with {percent(self.better)} % chance, by more than"
            f" {percent(self.smallest)} % with {percent(self.clearly)} %; choosing it wrongly"
            f" would cost {percent(self.loss_if_chosen)} conversions per 100 people"
        )

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "better": self.better,
            "clearly_better": self.clearly,
            "smallest_change": self.smallest,
            "expected_loss_if_chosen": self.loss_if_chosen,
            "expected_loss_if_not": self.loss_if_not,
            "words": self.words,
        }


@dataclass(frozen=True, slots=True)
class Reach:
    """Who was reached, and what reaching them changed."""

    treated: float  # share of those assigned to be reached who were
    control: float  # share of the comparison who were all the same
    difference: Figure  # in points, of those reached because of the assignment

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "treated_share": self.treated,
            "control_share": self.control,
            "difference": self.difference.to_json(),
        }


@dataclass(frozen=True, slots=True)
class Causal:
    """Beside the ratio of one randomised comparison."""

    conversions: Figure  # incremental, over everyone assigned
    value: Figure | None
    spend: Spend | None
    icpa: Figure | None
    iroas: Figure | None
    reach: Reach | None = None
    shrunk: Figure | None = None  # ratio, drawn towards what segments do on average
    chances: Chances | None = None
    adjusted_value: Figure | None = None  # value per person, adjusted for the time before
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain values, each figure with unit and label."""

        def plain(part: Figure | Reach | Chances | Spend | None) -> dict[str, Any] | None:
            return part.to_json() if part else None

        return {
            "incremental_conversions": self.conversions.to_json(),
            "incremental_value": plain(self.value),
            "spend": plain(self.spend),
            "icpa": plain(self.icpa),
            "iroas": plain(self.iroas),
            "reach": plain(self.reach),
            "shrunk_ratio": plain(self.shrunk),
            "chances": plain(self.chances),
            "adjusted_value_difference": plain(self.adjusted_value),
            "notes": list(self.notes),
        }


def causal(
    difference: Figure,
    value: Figure | None,
    people: int,
    spend: Spend | None,
    *,
    currency: str,
) -> Causal:
    """Incremental conversions, iCPA and iROAS of one comparison.

    Args:
        difference: Of the rates, everyone assigned.
        value: Difference of the amount per person; None for goals without one.
        people: Assigned to the first group.
        spend: On the first group while outcomes counted; None when it is not known.
        currency: Of the goal's value.
    """
    label = difference.label
    gained = Figure(_times(difference.estimate, people), "number", "conversions", label, ITT)
    worth = value and Figure(
        _times(value.estimate, people), "amount", currency or "units", label, ITT
    )
    notes, icpa, iroas = [], None, None
    if spend is not None and spend.one is None:
        notes.append(spend.problem or "nothing was spent")
    elif spend is not None and spend.one is not None:
        money, unit = spend.one
        icpa = Figure(
            per_gained(gained.estimate, money), "amount", f"{unit} per incremental conversion",
            label, ITT,
        )  # fmt: skip
        if worth is not None and currency in ("", unit):
            iroas = Figure(
                _times(worth.estimate, 1 / money), "times", f"incremental value per {unit} spent",
                label, ITT,
            )  # fmt: skip
        elif worth is not None:
            notes.append(other_money(currency, unit))
    return Causal(gained, worth, spend, icpa, iroas, notes=tuple(notes))


def per_gained(gained: Estimate, money: float) -> Estimate:
    """Money per unit gained, where the units gained may be none or less.

    A limit of the units gained that is not above zero leaves no upper limit of the cost; if
    even the best case is no gain, there is no cost per unit.
    """
    if gained.upper is not None and gained.upper <= 0:
        return no_figure(gained, "conversions were lost, so none has a cost")
    if gained.lower is None or gained.upper is None:
        return no_figure(gained, gained.why or "no interval of the conversions gained")
    upper = money / gained.lower if gained.lower > 0 else None
    return replace(
        gained,
        value=money / gained.value if gained.value and gained.value > 0 else None,
        lower=money / gained.upper,
        upper=upper,
        state=State.BOUNDED if upper is not None else State.UNBOUNDED_ABOVE,
        why="" if upper is not None else "perhaps none was gained, so the cost has no upper limit",
    )


def chances(
    treated: Sums, control: Sums, *, smallest: float, priors: Any = None
) -> list[Chances | None]:
    """The Bayesian view of each comparison; None where a group has nobody."""
    more = {"priors": priors} if priors is not None else {}
    view: View = rates_view(
        treated.converted, treated.people, control.converted, control.people,
        smallest=smallest, **more,
    )  # fmt: skip
    return [
        None
        if np.isnan(view.better[i])
        else Chances(
            float(view.better[i]),
            float(view.clearly[i]),
            smallest,
            float(view.loss_if_chosen[i]),
            float(view.loss_if_not[i]),
        )
        for i in range(len(treated.people))
    ]


def shrunk_figure(estimate: Estimate, label: EvidenceLabel) -> Figure | None:
    """A shrunk ratio; None where the family is too small to learn from."""
    if estimate.value is None or estimate.lower is None:
        return None
    return Figure(
        estimate, "times", "ratio of rates", label,
        "drawn towards the average of all segments, as far as segments differ by chance",
    )  # fmt: skip


def _times(estimate: Estimate, by: float) -> Estimate:
    moved = [None if x is None else x * by for x in (estimate.value, estimate.lower,
                                                     estimate.upper)]  # fmt: skip
    return replace(estimate, value=moved[0], lower=moved[1], upper=moved[2])
