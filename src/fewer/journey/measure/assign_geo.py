"""Regions instead of people: alike ones are paired by what happened before, and each pair is drawn.

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
from fewer.stats.estimate import normal_quantile

LEAST_PAIRS: Final = 4
"""Below it nothing could be seen, however large the regions."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two regions alike before, one drawn to be sent something.

    Attributes:
        people: Of the region sent something, and of the one held out.
        before: Conversions per person of each, before the assignment.
    """

    sent: str
    held_out: str
    people: tuple[int, int]
    before: tuple[float, float]

    @property
    def log_ratio(self) -> float:
        """Log of the first rate over the second, before anything was sent."""
        return float(np.log(self.before[0] / self.before[1]))

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "sent": self.sent,
            "held_out": self.held_out,
            "people": list(self.people),
            "before": [round(rate, 9) for rate in self.before],
        }


@dataclass(frozen=True, slots=True)
class Regions:
    """Pairs of regions, and those that are left aside."""

    pairs: tuple[Pair, ...]
    left_aside: tuple[str, ...]

    @property
    def spread(self) -> float:
        """Standard deviation of the pairs' log ratios before anything was sent."""
        return float(np.std([pair.log_ratio for pair in self.pairs], ddof=1))

    def smallest_ratio(self, *, wanted: float = 0.8, confidence: float = 0.95) -> float:
        """Smallest change seen with chance `wanted`, as a ratio, if pairs stay as alike.

        Source: paired t test on log ratios, its quantiles those of t with pairs - 1.
        """
        degrees = len(self.pairs) - 1
        two_sided = 1 - (1 - confidence) / 2
        reach = special.stdtrit(degrees, two_sided) + special.stdtrit(degrees, wanted)
        reach = max(reach, normal_quantile(confidence) + special.ndtri(wanted))
        return float(np.exp(reach * self.spread / np.sqrt(len(self.pairs))))

    def arms(self, regions: Mapping[str, BitMap], sent: str, held_out: str) -> dict[str, BitMap]:
        """People of each arm; those of regions left aside are in none."""
        found = {sent: BitMap(), held_out: BitMap()}
        for pair in self.pairs:
            found[sent] |= regions[pair.sent]
            found[held_out] |= regions[pair.held_out]
        return found

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Regions:
        """As `to_json` wrote them."""
        pairs = (
            Pair(p["sent"], p["held_out"], tuple(p["people"]), tuple(p["before"]))
            for p in data["pairs"]
        )
        return cls(tuple(pairs), tuple(data["left_aside"]))

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "pairs": [pair.to_json() for pair in self.pairs],
            "left_aside": list(self.left_aside),
            "smallest_change": round(self.smallest_ratio() - 1, 6),
        }


def matched(people: Mapping[str, BitMap], converted: BitMap, salt: str) -> Regions:
    """Pair regions by their rate before, neighbours in order; draw each pair by hash.

    Args:
        people: Region -> its people.
        converted: People who converted in the period before.
        salt: Mixed into the hash that draws.

    Raises:
        GuardError: fewer pairs than could ever show anything.
    """
    rates = {
        region: (who.intersection_cardinality(converted) + 0.5) / (len(who) + 1)
        for region, who in people.items()
        if who
    }
    ordered = sorted(rates, key=lambda region: (rates[region], region))
    aside = [ordered.pop(_odd_one(ordered, rates))] if len(ordered) % 2 else []
    pairs = []
    for first, second in zip(ordered[::2], ordered[1::2], strict=True):
        swap = share_of("|".join(sorted((first, second))), salt=salt) >= 0.5  # noqa: PLR2004  a coin
        sent, held = (second, first) if swap else (first, second)
        pairs.append(
            Pair(sent, held, (len(people[sent]), len(people[held])), (rates[sent], rates[held]))
        )
    if len(pairs) < LEAST_PAIRS:
        raise GuardError(
            f"{len(rates)} regions with people make {len(pairs)} pairs; {LEAST_PAIRS} are needed"
            " before chance can be told from change. Use smaller regions."
        )
    return Regions(tuple(pairs), tuple(aside))


def _odd_one(ordered: list[str], rates: Mapping[str, float]) -> int:
    """The region without which neighbours are most alike."""
    logs = np.log([rates[region] for region in ordered])
    costs = []
    for out in range(0, len(ordered), 2):
        rest = np.delete(logs, out)
        costs.append(float(np.abs(rest[1::2] - rest[::2]).sum()))
    return 2 * int(np.argmin(costs))
