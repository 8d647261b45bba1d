"""What people did after the moment: conversions of one goal, one element a person."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap

from fewer.journey.measure.landmark import Landmark
from fewer.model.goal import Goal

AtRisk = Literal["everyone", "not_before"]
"""Whose outcomes count: everyone, or only those who had not converted before the moment."""


@dataclass(frozen=True, slots=True)
class Outcomes:
    """Conversions of one goal in its outcome window.

    The arrays have one element for each person at risk with a conversion, ascending by number.
    """

    goal: Goal
    landmark: Landmark
    persons: NDArray[np.uint32]
    conversions: NDArray[np.int64]
    value: NDArray[np.float64] | None  # in `currency`; None: the goal has no value
    before: BitMap  # people with a conversion before the moment, all history
    at_risk: BitMap  # people whose outcomes count
    currency: str = ""
    confidence: float = 0.95
    bitmap: BitMap = field(init=False)

    def __post_init__(self) -> None:
        """Keep who converted as a bitmap, for intersections."""
        object.__setattr__(self, "bitmap", BitMap(self.persons))

    @property
    def unit(self) -> str:
        """Unit of amounts: ``EUR per person``."""
        return f"{self.currency or 'units'} per person"


def among(persons: NDArray[np.uint32], people: BitMap) -> NDArray[np.bool_]:
    """Which of the numbers are among the people."""
    return np.isin(persons, np.asarray(people.to_array(), dtype=np.uint32))
