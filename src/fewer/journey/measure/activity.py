"""Prior activity: how often people were here before a segment's own window began.

Any condition on recent actions selects active people, who convert more whatever they did.
Comparing people with equally many active days *before* the window takes that part away;
what made them act in the window itself stays, so the result is an association still.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap

from fewer.journey.measure.outcomes import among
from fewer.journey.measure.query import Reader
from fewer.model.window import DAY

LOOKS_AT_DAYS: Final = 90
_CUT_DAYS: Final = 30  # for conditions over all history
_FIFTHS: Final = (0.2, 0.4, 0.6, 0.8)


@dataclass(slots=True)
class Activity:
    """Groups of people with equally many active days before a moment, made when asked for."""

    reader: Reader
    index_us: int
    everyone: BitMap
    _known: dict[int, list[BitMap]] = field(default_factory=dict)

    def strata(self, reach_us: int | None) -> list[BitMap]:
        """People without an active day, and fifths of the others; together everyone.

        Counted in the 90 days that end where the condition starts to look (`reach_us` before
        the index; 30 days for a condition over all history, 90 at most).
        """
        days = self._cut_days(reach_us)
        if days not in self._known:
            cut = self.index_us - days * DAY
            people, active = self.reader.active_days(cut - LOOKS_AT_DAYS * DAY, cut)
            inside = among(people, self.everyone)
            people, active = people[inside], active[inside]
            self._known[days] = [self.everyone - BitMap(people), *_fifths(people, active)]
        return self._known[days]

    def words(self, reach_us: int | None) -> str:
        """Which days were counted: ``97 to 8 days before``."""
        days = self._cut_days(reach_us)
        return f"{days + LOOKS_AT_DAYS} to {days + 1} days before"

    @staticmethod
    def _cut_days(reach_us: int | None) -> int:
        return _CUT_DAYS if reach_us is None else min(-(-reach_us // DAY), LOOKS_AT_DAYS)


def _fifths(people: NDArray[np.uint32], active: NDArray[np.int64]) -> list[BitMap]:
    if not len(people):
        return []
    edges = np.unique(np.quantile(active, _FIFTHS, method="higher"))
    place = np.searchsorted(edges, active, side="left")
    return [BitMap(people[place == p]) for p in np.unique(place)]
