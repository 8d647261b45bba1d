"""Balance of an assignment: how alike the arms are in what was known before it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from pyroaring import BitMap

from fewer.stats.split import ALARM, split_check

_BEYOND_CHANCE: Final = 3.5
"""Standard errors that an arm's share has to be away before it is pointed at: with a hundred
lines in a table, chance alone does so once in twenty tables."""


@dataclass(frozen=True, slots=True)
class Line:
    """How common something is in each arm.

    Attributes:
        name: What people have in common: ``segment: hot``, ``country: DE``.
        people: Arm -> people with it.
        shares: Arm -> fraction of the arm; None of an empty arm.
        difference: Largest standardised difference from the control, in standard deviations.
        by_chance: False where chance hardly explains the difference.
    """

    name: str
    people: Mapping[str, int]
    shares: Mapping[str, float | None]
    difference: float | None
    by_chance: bool

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "name": self.name,
            "people": dict(self.people),
            "shares": {a: None if s is None else round(s, 6) for a, s in self.shares.items()},
            "standardised_difference": (
                None if self.difference is None else round(self.difference, 6)
            ),
            "explained_by_chance": self.by_chance,
        }


@dataclass(frozen=True, slots=True)
class Balance:
    """Sizes of the arms against their shares, then one line for each thing known before."""

    sizes: Mapping[str, int]
    p_value: float | None
    lines: tuple[Line, ...]

    @property
    def sizes_hold(self) -> bool:
        """Whether chance explains the sizes."""
        return self.p_value is None or self.p_value >= ALARM

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "sizes": dict(self.sizes),
            "split_check_p": None if self.p_value is None else round(self.p_value, 6),
            "split_check": "passed" if self.sizes_hold else "failed",
            "lines": [line.to_json() for line in self.lines],
        }


def balance(
    arms: Mapping[str, BitMap],
    shares: Mapping[str, float],
    control: str,
    known: Mapping[str, BitMap],
) -> Balance:
    """Compare the arms in everything `known` (name -> people who have it) before."""
    sizes = {arm: len(people) for arm, people in arms.items()}
    lines = tuple(_line(name, who, arms, control) for name, who in known.items())
    return Balance(sizes, _p_value(sizes, shares), lines)


def _p_value(sizes: Mapping[str, int], shares: Mapping[str, float]) -> float | None:
    if sum(sizes.values()) == 0 or len(sizes) < 2:  # noqa: PLR2004
        return None
    p = float(split_check(list(sizes.values()), [shares[arm] for arm in sizes]).p[0])
    return None if np.isnan(p) else p


def _line(name: str, who: BitMap, arms: Mapping[str, BitMap], control: str) -> Line:
    people = {arm: people.intersection_cardinality(who) for arm, people in arms.items()}
    shares = {arm: people[arm] / len(arms[arm]) if arms[arm] else None for arm in arms}
    base, size = shares[control], len(arms[control])
    worst, chance = None, True
    for arm, share in shares.items():
        if arm == control or share is None or base is None:
            continue
        spread = float(np.sqrt((share * (1 - share) + base * (1 - base)) / 2))
        difference = (share - base) / spread if spread else 0.0
        if worst is None or abs(difference) > abs(worst):
            worst = difference
        pooled = (people[arm] + people[control]) / (len(arms[arm]) + size)
        error = float(np.sqrt(pooled * (1 - pooled) * (1 / len(arms[arm]) + 1 / size)))
        chance &= error == 0 or abs(share - base) <= _BEYOND_CHANCE * error
    return Line(name, people, shares, worst, chance)
