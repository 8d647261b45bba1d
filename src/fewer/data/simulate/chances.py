"""True chances of buying, kept for the days that an effect is judged by, and their contrasts."""

from __future__ import annotations

from dataclasses import dataclass
from math import log as ln
from math import sqrt
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from fewer.data.simulate.world import Bools, Floats

ENOUGH_POWER = 0.9
MOST = np.float32(0.9)  # no hazard of a day is above this

Chances = npt.NDArray[np.float64]


class Ahead:
    """The untreated hazards of everyone on the days after a moment. O(people x days) bytes.

    With a mean `delay` in days between decision and purchase, only purchases made within
    `days` count; `decided` are people who had decided before, and whose purchase is among those.
    """

    def __init__(
        self, people: int, *, days: int = 0, delay: float = 0.0, decided: Bools | None = None
    ) -> None:
        self._people = people
        self._days, self._delay, self._decided = days, delay, decided
        self._hazards: list[Floats] = []

    def add(self, hazard: Floats) -> None:
        """Keep one more day."""
        self._hazards.append(hazard)

    def converts(self, factor: Floats | None = None) -> Chances:
        """Chance of each person to buy within these days, with the hazard times `factor`."""
        total = np.zeros(self._people)
        for day, hazard in enumerate(self._hazards):
            scaled = hazard if factor is None else np.minimum(hazard * factor, MOST)
            total += np.log1p(-scaled * self._in_time(day))
        chance: Chances = -np.expm1(total)
        if self._decided is not None:
            chance[self._decided] = 1.0
        return chance

    def _in_time(self, day: int) -> np.float32:
        """Share of that day's decisions whose purchase still counts."""
        if not self._delay:
            return np.float32(1)
        return np.float32(-np.expm1(-(self._days - day) / self._delay))


@dataclass(frozen=True, slots=True)
class Contrast:
    """Two groups and the expected share of each that buys."""

    over_rate: float
    under_rate: float
    over: int  # people
    under: int

    @property
    def ratio(self) -> float:
        """Of the two shares; 1 when there is nothing to divide by."""
        return self.over_rate / self.under_rate if self.under_rate else 1.0

    @property
    def power(self) -> float:
        """Chance that a two-sided 95 % interval of the log ratio leaves 0 out (normal theory)."""
        p1, p0 = self.over_rate, self.under_rate
        if not (p1 and p0 and self.over and self.under):
            return 0.0
        se = sqrt((1 - p1) / (self.over * p1) + (1 - p0) / (self.under * p0))
        return round(NormalDist().cdf(abs(ln(p1 / p0)) / se - 1.96), 4)


def mean(chance: npt.NDArray[np.floating], group: Bools) -> float:
    """Over a group; 0 for nobody."""
    return float(chance[group].mean(dtype=np.float64)) if group.any() else 0.0


def size(group: Bools) -> int:
    """People in it."""
    return int(np.count_nonzero(group))
