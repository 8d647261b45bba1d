"""Random assignment: who was held out, or given which version, before anything was sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyroaring import BitMap

from fewer.journey.measure.evidence import EvidenceLabel

if TYPE_CHECKING:
    from fewer.journey.measure.outcomes import Outcomes
    from fewer.journey.measure.population import Population
    from fewer.journey.measure.table import Row


@dataclass(frozen=True, slots=True)
class Assignment:
    """Groups that chance made, and the shares it was told to make them of.

    Everyone assigned counts, reached or not: whoever was not reached is no random choice.
    """

    id: str
    arms: Mapping[str, BitMap]
    shares: Mapping[str, float]
    control: str
    label: EvidenceLabel

    def __post_init__(self) -> None:
        """Refuse what can't be an assignment."""
        if set(self.arms) != set(self.shares) or self.control not in self.arms:
            msg = f"assignment {self.id!r} needs one share for each arm, and its control among them"
            raise ValueError(msg)
        if not self.label.may_say_lift:
            msg = f"assignment {self.id!r} is random, so its label can't be {self.label.value}"
            raise ValueError(msg)
        several = BitMap()
        seen = BitMap()
        for people in self.arms.values():
            several |= seen & people
            seen |= people
        if several:
            msg = f"assignment {self.id!r} has {len(several):,} people in more than one arm"
            raise ValueError(msg)


def holdout(
    held_out: BitMap, everyone: BitMap, *, share: float, name: str = "holdout"
) -> Assignment:
    """A list of people held out at random, against everyone who is not on it.

    Args:
        held_out: People on the list; those not among `everyone` are left aside.
        everyone: People who could be on it.
        share: Planned share held out, a fraction in (0, 1).
        name: Of the list.
    """
    arms = {"assigned": everyone - held_out, name: held_out & everyone}
    shares = {"assigned": 1 - share, name: share}
    return Assignment(name, arms, shares, name, EvidenceLabel.RANDOMISED_HOLDOUT)


def experiments(
    populations: Sequence[Population],
    outcomes: Sequence[Outcomes],
    assignments: Sequence[Assignment],
) -> list[Row]:
    """Randomised comparisons inside each population, by intention to treat.

    A population of which an arm has nobody gives no row. Where the split check fails, the
    sizes are shown and the figures are withheld.
    """
    from fewer.journey.measure.randomised import examine  # noqa: PLC0415  it imports this

    return list(examine(populations, outcomes, assignments).rows)
