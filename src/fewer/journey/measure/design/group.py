"""Groups of people that a test is read in: a segment, a family of them, the whole programme."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fewer.stats.power import people_needed, power, smallest_ratio
from fewer.stats.power_means import mean_people_needed, mean_power, smallest_difference

Floats = NDArray[np.float64]
Level = Literal["segment", "family", "programme"]

FEWEST_CONVERTED = 5
"""People who converted below which a rate is too uncertain to plan with."""


@dataclass(frozen=True, slots=True)
class Basis:
    """What one person brings when nothing is sent, as seen before.

    Attributes:
        kind: ``rate`` (a yes or no) or ``mean`` (an amount, 0 for most people).
        level: The rate as a fraction, or the average amount.
        spread: Standard deviation of one person's amount; unused for a rate.
        people: Whom it was seen of.
        converted: Those of them with anything but 0.
    """

    kind: Literal["rate", "mean"]
    level: float
    spread: float
    people: int
    converted: int

    @classmethod
    def of_rate(cls, converted: int, people: int) -> Basis | None:
        """A rate; half a person is added where too few converted. None of nobody."""
        if people == 0:
            return None
        rate = converted / people if converted else 0.5 / (people + 1)
        return cls("rate", min(rate, 1 - 1e-9), 0.0, people, converted)

    @classmethod
    def of_amounts(cls, amounts: Floats, people: int) -> Basis | None:
        """An average over `people`, of whom only those with an amount are in `amounts`."""
        valued = int(np.count_nonzero(amounts))
        if people < 2 or valued == 0 or amounts.sum() <= 0:  # noqa: PLR2004  a spread needs two
            return None
        mean = float(amounts.sum()) / people
        variance = (float((amounts**2).sum()) - people * mean**2) / (people - 1)
        return cls("mean", mean, float(np.sqrt(max(variance, 0.0))), people, valued)

    @property
    def is_thin(self) -> bool:
        """Whether it rests on so few that plans made with it are guesses."""
        return self.converted < FEWEST_CONVERTED

    def chance(
        self, change: float, first: ArrayLike, second: ArrayLike, confidence: float
    ) -> Floats:
        """Chance to see a relative `change`; people as given, broadcast."""
        n, m = np.maximum(first, 1e-9), np.maximum(second, 1e-9)
        if self.kind == "mean":
            return mean_power(
                self.level * change, self.spread, n, n_comparison=m, confidence=confidence
            )
        ratio = min(1 + change, (1 - 1e-9) / self.level)
        return power(self.level, max(ratio, 1e-9), n, n_comparison=m, confidence=confidence)

    def smallest(
        self, first: ArrayLike, second: ArrayLike, *, wanted: float, confidence: float
    ) -> Floats:
        """Smallest relative rise seen with chance `wanted`; NaN where nothing would be."""
        n, m = np.broadcast_arrays(
            np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
        )
        nobody = (n < 1) | (m < 1)
        n, m = np.where(nobody, 1.0, n), np.where(nobody, 1.0, m)
        if self.kind == "mean":
            found = smallest_difference(
                self.spread, n, n_comparison=m, wanted=wanted, confidence=confidence
            )
            change = np.asarray(found) / self.level
        else:
            rise = smallest_ratio(
                self.level, n, n_comparison=m, wanted=wanted, confidence=confidence
            )
            change = rise - 1
        return np.where(nobody, np.nan, change)

    def needed(self, change: float, *, per_first: float, wanted: float, confidence: float) -> float:
        """People of both groups together to see a relative `change`; infinite if none do."""
        if self.kind == "mean":
            first = mean_people_needed(
                self.level * change, self.spread,
                comparison_share=per_first, wanted=wanted, confidence=confidence,
            )  # fmt: skip
        elif not 0 < self.level * (1 + change) < 1:
            return float("inf")
        else:
            first = people_needed(
                self.level, 1 + change,
                comparison_share=per_first, wanted=wanted, confidence=confidence,
            )  # fmt: skip
        return float(first) * (1 + per_first)


@dataclass(frozen=True, slots=True)
class Group:
    """People that one figure will be about.

    Attributes:
        people: In it now.
        entering: New ones a week, as seen; None when it isn't known.
        shares: Of all its people: in the arm that is sent something, and in its comparison.
    """

    id: str
    title: str
    level: Level
    people: int
    entering: float | None
    basis: Basis | None
    shares: tuple[float, float]

    def sizes(self, weeks: ArrayLike = 0) -> tuple[Floats, Floats]:
        """People in the arm and in the comparison after so many weeks."""
        everyone = self.people + (self.entering or 0.0) * np.asarray(weeks, dtype=np.float64)
        return everyone * self.shares[0], everyone * self.shares[1]

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        basis = self.basis
        return {
            "id": self.id,
            "title": self.title,
            "level": self.level,
            "people": self.people,
            "entering_a_week": None if self.entering is None else round(self.entering, 3),
            "base": None if basis is None else round(basis.level, 6),
            "base_spread": None
            if basis is None or basis.kind == "rate"
            else round(basis.spread, 6),
            "base_people": basis.people if basis else 0,
            "base_converted": basis.converted if basis else 0,
            "share_sent": round(self.shares[0], 6),
            "share_compared_with": round(self.shares[1], 6),
        }


def together(groups: Sequence[Group], group_id: str, title: str, level: Level) -> Group:
    """Several groups of different people as one: sizes add up, levels weigh by people."""
    people = sum(g.people for g in groups)
    known = [g.entering for g in groups if g.entering is not None]
    bases = [g.basis for g in groups if g.basis]
    return Group(
        group_id,
        title,
        level,
        people,
        sum(known) if known else None,
        _pooled([(g.people, g.basis) for g in groups if g.basis]) if bases else None,
        groups[0].shares,
    )


def _pooled(parts: Sequence[tuple[int, Basis]]) -> Basis:
    weights = np.array([max(people, 1) for people, _ in parts], dtype=np.float64)
    weights /= weights.sum()
    levels = np.array([basis.level for _, basis in parts])
    level = float(weights @ levels)
    inside = np.array([basis.spread**2 for _, basis in parts])
    variance = float(weights @ (inside + (levels - level) ** 2))
    return Basis(
        parts[0][1].kind,
        level,
        float(np.sqrt(variance)) if parts[0][1].kind == "mean" else 0.0,
        sum(basis.people for _, basis in parts),
        sum(basis.converted for _, basis in parts),
    )
