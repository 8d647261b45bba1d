"""Regions in pairs: alike before, one of each pair drawn to be sent something.

For media that can't be aimed at single people. A region is sent something or held out as a
whole, so the number of pairs, not of people, decides what can be seen.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from pyroaring import BitMap
from scipy import special

from fewer.data.identity.bucket import share_of
from fewer.errors import GuardError
from fewer.journey.measure.assign_balance import Balance, Line
from fewer.journey.measure.assignment import Assignment
from fewer.journey.measure.units.happened import Places, Totals
from fewer.journey.measure.units.matching import LEAST_CONVERTED, match
from fewer.journey.measure.units.placebo import Model, Placebo, gaps_of, placebo
from fewer.stats.paired import LEAST_PAIRS

_ALARM: Final = 0.0005
"""Chance of so unlike pairs below which a line of the balance table is pointed at."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two regions alike before, one drawn to be sent something.

    Attributes:
        people: Of the region sent something, and of the one held out.
        before: Level of the deciding metric of each, before the assignment.
        weight: In the mean over pairs; fixed before anything is sent.
        gap: Log ratio of the deciding metric before.
    """

    sent: str
    held_out: str
    people: tuple[int, int]
    before: tuple[float, float]
    weight: float
    gap: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "sent": self.sent,
            "held_out": self.held_out,
            "people": list(self.people),
            "before": [round(rate, 9) for rate in self.before],
            "weight": self.weight,
            "gap": self.gap,
        }


@dataclass(frozen=True, slots=True)
class Regions:
    """Pairs of regions, those left aside, and how the pairs will be read.

    Attributes:
        model: Slope and variance of pairs in the past.
        baseline_us: How long before the assignment the pairs are compared with.
        smallest: Smallest change they could show over as long as one of the past windows.
        nowhere: People without a region.
        several: People of whom the data states several regions; they are in none.
        taken_from: Where a person's region is read, in words.
        moving: People came into their region by what they did, so that their own past can't
            be compared with what is to come; the pairs' gaps before are kept instead.
    """

    pairs: tuple[Pair, ...]
    left_aside: tuple[str, ...]
    model: Model
    baseline_us: int
    smallest: float | None
    nowhere: int = 0
    several: int = 0
    taken_from: str = ""
    moving: bool = False

    def arms(self, regions: Mapping[str, BitMap], sent: str, held_out: str) -> dict[str, BitMap]:
        """People of each arm; those of regions left aside are in none."""
        nobody = BitMap()
        found = {sent: BitMap(), held_out: BitMap()}
        for pair in self.pairs:
            found[sent] |= regions.get(pair.sent, nobody)
            found[held_out] |= regions.get(pair.held_out, nobody)
        return found

    @property
    def names(self) -> list[str]:
        """Every region in a pair."""
        return [name for pair in self.pairs for name in (pair.sent, pair.held_out)]

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Regions:
        """As `to_json` wrote them."""
        pairs = (
            Pair(
                p["sent"],
                p["held_out"],
                tuple(p["people"]),
                tuple(p["before"]),
                p["weight"],
                p["gap"],
            )
            for p in data["pairs"]
        )
        return cls(
            tuple(pairs),
            tuple(data["left_aside"]),
            Model(data["slope"], data["between"]),
            data["baseline_us"],
            data["smallest_change"],
            data["people_without_region"],
            data["people_of_several"],
            data["taken_from"],
            data["moving"],
        )

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "pairs": [pair.to_json() for pair in self.pairs],
            "left_aside": list(self.left_aside),
            "slope": self.model.slope,
            "between": self.model.between,
            "baseline_us": self.baseline_us,
            "smallest_change": None if self.smallest is None else round(self.smallest, 6),
            "people_without_region": self.nowhere,
            "people_of_several": self.several,
            "taken_from": self.taken_from,
            "moving": self.moving,
        }


def paired(
    places: Places, history: Totals, *, salt: str, baseline_us: int, wanted: float, level: float
) -> tuple[Regions, Placebo | None]:
    """Pair regions by what happened before, and draw each pair by a hash.

    Args:
        places: Regions and their people.
        history: Windows of the deciding metric, oldest first, by region.
        salt: Mixed into the hash that draws.
        baseline_us: Length of the history.
        wanted: Chance to see a change.
        level: Confidence of the interval.
    """
    past = placebo(history, places.people, seed=_seed(salt), confidence=level)
    places_of, aside = match(history, places.people)
    last = gaps_of(history, places_of, len(history.above))
    model = past.model if past else _guess(last.before, last.noise)
    weights = model.weights(last.noise)
    whole = history.pooled(slice(None))
    rates = whole.above[0] / np.where(whole.below[0] > 0, whole.below[0], np.nan)
    logs = whole.levels[0]
    pairs = []
    for (i, j), weight in zip(places_of.tolist(), weights.tolist(), strict=True):
        names = sorted((places.names[i], places.names[j]))
        swap = share_of("|".join(names), salt=salt) >= 0.5  # noqa: PLR2004  a coin
        low, high = (i, j) if places.names[i] == names[0] else (j, i)
        sent, held = (high, low) if swap else (low, high)
        pairs.append(
            Pair(
                places.names[sent],
                places.names[held],
                (int(places.people[sent]), int(places.people[held])),
                (float(rates[sent]), float(rates[held])),
                round(weight, 9),
                round(float(logs[sent] - logs[held]), 9),
            )
        )
    smallest = past.smallest(wanted) if past else None
    left = tuple(places.names[i] for i in aside)
    return Regions(tuple(pairs), left, model, baseline_us, smallest), past


def enough(regions: Regions, many: int) -> Regions:
    """The same regions; `GuardError` for fewer pairs than could ever show anything."""
    if len(regions.pairs) >= LEAST_PAIRS:
        return regions
    raise GuardError(
        f"Not enough data: {many} regions with people make {len(regions.pairs)} pairs in which"
        f" both had {LEAST_CONVERTED} people converting before, and {LEAST_PAIRS} pairs are needed"
        " before chance can be told from change. It takes smaller regions"
        f" ({2 * LEAST_PAIRS} or more), a more common goal, or people put into groups one by one"
        " (tests: holdout)."
    )


def balance_of_pairs(
    regions: Regions,
    people: Mapping[str, BitMap],
    assignment: Assignment,
    known: Mapping[str, BitMap],
) -> Balance:
    """How alike the two sides are, by region: a region counts once, however large.

    Args:
        regions: Pairs as drawn.
        people: Region -> its people.
        assignment: Arms, for their sizes.
        known: Name -> people who have it.
    """
    sides = [[people.get(getattr(p, side), BitMap()) for p in regions.pairs]
             for side in ("sent", "held_out")]  # fmt: skip
    names = [name for name in assignment.arms if name != assignment.control]
    arms = [*names, assignment.control]
    lines = tuple(_line(name, who, sides, arms) for name, who in known.items())
    return Balance({arm: len(assignment.arms[arm]) for arm in arms}, None, lines)


def _line(name: str, who: BitMap, sides: list[list[BitMap]], arms: list[str]) -> Line:
    counts = np.array([[len(region & who) for region in side] for side in sides])
    shares = counts / np.array([[max(len(region), 1) for region in side] for side in sides])
    gap, spread = shares[0] - shares[1], float(shares.std())
    error = float(gap.std(ddof=1)) / np.sqrt(len(gap)) if len(gap) > 1 else 0.0
    p = 2 * special.stdtr(len(gap) - 1, -abs(gap.mean()) / error) if error else 1.0
    return Line(
        name,
        {arm: int(n) for arm, n in zip(arms, counts.sum(axis=1), strict=True)},
        {arm: float(share) for arm, share in zip(arms, shares.mean(axis=1), strict=True)},
        float(gap.mean()) / spread if spread else 0.0,
        bool(p >= _ALARM),
    )


def _guess(before: Any, noise: Any) -> Model:
    """With one window only: what of the differences is more than chance is expected to go on."""
    spread = float(np.nanmean(before**2)) if len(before) else 0.0
    more = max(spread - float(np.mean(noise)), 0.0) if len(before) else 0.0
    return Model(more / spread if spread else 0.0, more / 2)


def _seed(salt: str) -> int:
    return int(share_of("placebo", salt=salt) * 2**32)
