"""Lookback windows over many index times: bands that share nobody, and how their rates fall.

A longer window holds the shorter one, so its rate hardly moves whatever the people it *adds* do.
What it adds is the band, and that is what is paid for.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from pyroaring import BitMap

from fewer.journey.measure.claims.check import Ratio
from fewer.journey.measure.claims.panel import Conversions, Windows
from fewer.journey.measure.evidence import EvidenceLabel
from fewer.journey.measure.figure import Figure
from fewer.journey.measure.lookback import band_labels
from fewer.model.window import DAY, Duration
from fewer.stats.cluster import clustered_rate, clustered_ratio
from fewer.stats.decay import Decay, exponential_decay, isotonic
from fewer.stats.estimate import Estimate, Floats
from fewer.stats.multiplicity import holm

RAW: Final = EvidenceLabel.RAW_ASSOCIATION
FINE: Final = tuple(Duration(d, "d") for d in (1, 2, 3, 5, 7, 10, 14, 21, 30, 45, 60, 90, 120, 180))
"""Windows between those that were asked for, to see how the rate falls."""

_UNIT: Final = "of people and index times"
_FEW: Final = "fewer than 5 people converted"


class NotNestedError(ValueError):
    """The windows do not hold one another, so there are no bands."""


@dataclass(frozen=True, slots=True)
class BandLook:
    """Members of the segment with each window at one index time, the shortest window first."""

    index_us: int
    members: tuple[BitMap, ...]


@dataclass(frozen=True, slots=True)
class BandSums:
    """Sums by band and person, shape ``(bands, people)``; the innermost band first.

    With `reversed`, longer windows hold fewer people ("not here for 30 days").
    """

    windows: tuple[Duration, ...]  # in the order of the bands
    looked: Floats
    converted: Floats
    index_times: int
    reversed: bool = False

    def merged(self, windows: Sequence[Duration]) -> BandSums:
        """The same for fewer windows: bands between them added up."""
        place = {window.micros: n for n, window in enumerate(self.windows)}
        ends = [place[window.micros] + 1 for window in windows]
        spans = list(itertools.pairwise([0, *ends]))

        def add(sums: Floats) -> Floats:
            return np.stack([sums[a:b].sum(axis=0) for a, b in spans])

        return replace(self, windows=tuple(windows), looked=add(self.looked),
                       converted=add(self.converted))  # fmt: skip


def band_sums(
    looks: Sequence[BandLook],
    windows: Sequence[Duration],
    conversions: Conversions,
    design: Windows,
) -> BandSums:
    """Sums of the bands over all index times.

    Args:
        looks: Members at each index time, windows in the order of `windows`.
        windows: Ascending.
        conversions: Of the goal.
        design: Gap, outcome window and who is at risk.

    Raises:
        NotNestedError: Some window neither holds the next shorter one nor is a part of it.
    """
    inward = [[m[n] - m[n + 1] for m in (look.members for look in looks)]
              for n in range(len(windows) - 1)]  # fmt: skip
    outward = any(any(rest) for rest in inward)
    if outward and any(b - a for look in looks for a, b in itertools.pairwise(look.members)):
        raise NotNestedError("windows do not hold one another here, so there are no bands")
    rows: list[tuple[np.ndarray[Any, Any], int, np.ndarray[Any, Any]]] = []
    for look in looks:
        order = look.members[::-1] if outward else look.members
        before = BitMap()
        for band, members in enumerate(order):
            person = np.asarray((members - before).to_array(), dtype=np.uint32)
            if design.at_risk == "not_before":
                person = person[~conversions.among(person, np.iinfo(np.int64).min, look.index_us)]
            start = look.index_us + design.gap_us
            hit = conversions.among(person, start, start + design.outcome_us)
            rows.append((person, band, hit))
            before = members
    everyone = np.unique(np.concatenate([person for person, _, _ in rows]))
    shape = (len(windows), max(len(everyone), 1))
    looked, converted = np.zeros(shape), np.zeros(shape)
    for person, band, hit in rows:
        at = np.searchsorted(everyone, person)
        looked[band, at] += 1
        converted[band, at] += hit
    order_of = tuple(windows)[::-1] if outward else tuple(windows)
    return BandSums(order_of, looked, converted, len(looks), outward)


@dataclass(frozen=True, slots=True)
class WindowBand:
    """What one window adds, and all of it together."""

    window: str
    label: str
    people: int  # different people who were ever in the band
    looked: int  # people and index times
    converted: int
    rate: Figure
    total_looked: int
    total_converted: int
    total_rate: Figure
    step: Figure | None  # rate over that of the band before
    step_p: float | None = None  # adjusted for the number of steps (Holm)

    @property
    def clearly_lower(self) -> bool:
        """Whether the people it adds convert less often than those of the band before."""
        value = self.step.estimate.value if self.step else None
        return value is not None and value < 1 and self.step_p is not None and self.step_p < _CLEAR

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "window": self.window,
            "label": self.label,
            "people": self.people,
            "people_and_index_times": self.looked,
            "converted": self.converted,
            "rate": self.rate.to_json(),
            "total": {
                "people_and_index_times": self.total_looked,
                "converted": self.total_converted,
                "rate": self.total_rate.to_json(),
            },
            "against_the_band_before": self.step.to_json() if self.step else None,
            "p_adjusted": self.step_p,
        }


_CLEAR: Final = 0.05


def window_bands(sums: BandSums) -> tuple[WindowBand, ...]:
    """Figures of every band, clustered by person; adjacent ones compared."""
    k, n = sums.converted, sums.looked
    rates = clustered_rate(k, n)
    totals = clustered_rate(np.cumsum(k, axis=0), np.cumsum(n, axis=0))
    steps = clustered_ratio(k[1:], n[1:], k[:-1], n[:-1])
    adjusted = holm(steps.p) if len(steps) else np.zeros(0)
    names = band_labels([window.micros for window in sums.windows])
    found = []
    for i, (window, label) in enumerate(zip(sums.windows, names, strict=True)):
        step, p = None, None
        if i:
            step = Ratio(_said(steps.at(i - 1)), "times", "rate over that of the band before", RAW)
            p = None if np.isnan(adjusted[i - 1]) else float(adjusted[i - 1])
        found.append(
            WindowBand(
                str(window),
                label,
                int((n[i] > 0).sum()),
                int(n[i].sum()),
                int(k[i].sum()),
                Figure(_said(rates.at(i)), "share", _UNIT, RAW),
                int(n[: i + 1].sum()),
                int(k[: i + 1].sum()),
                Figure(_said(totals.at(i)), "share", _UNIT, RAW),
                step,
                p,
            )
        )
    return tuple(found)


@dataclass(frozen=True, slots=True)
class FineBand:
    """One step of the decay: ages in days, rate with its limits, the monotone rate, the curve."""

    from_days: float
    to_days: float
    looked: int
    converted: int
    rate: float
    lower: float | None
    upper: float | None
    monotone: float
    curve: float | None

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {name: getattr(self, name) for name in self.__slots__}


def decay(sums: BandSums) -> tuple[Decay, tuple[FineBand, ...]]:
    """How the rate falls with the days since the action, from the finest bands there are."""
    ends = np.array([w.micros / DAY for w in sums.windows])
    starts = np.r_[0.0, ends[:-1]]
    people = sums.looked.sum(axis=1)
    there = people > 0
    if sums.reversed or not there.any():
        why = "windows of something that was not done have no age" if sums.reversed else "no people"
        return Decay(None, None, None, None, None, None, 0.95, why), ()
    k, n = sums.converted[there], sums.looked[there]
    starts, ends, people = starts[there], ends[there], people[there]
    rate = k.sum(axis=1) / people
    monotone = isotonic(rate, people)
    error = _errors(k, n, rate, np.maximum(monotone, 0.5 / people))
    found = exponential_decay(starts, ends, rate, error)
    limits = clustered_rate(k, n)
    curve = found.at((starts + ends) / 2)
    fine = []
    for i in range(len(rate)):
        one = limits.at(i)
        fine.append(
            FineBand(
                float(starts[i]),
                float(ends[i]),
                int(people[i]),
                int(k[i].sum()),
                float(rate[i]),
                one.lower,
                one.upper,
                float(monotone[i]),
                None if curve is None else float(curve[i]),
            )
        )
    return found, tuple(fine)


def _errors(k: Floats, n: Floats, rate: Floats, smooth: Floats) -> Floats:
    """Standard errors of rates: binomial, times how much wider clustering by person makes all."""
    people = n.sum(axis=1)
    binomial = smooth * (1 - smooth) / people
    clustered = ((k - rate[:, None] * n) ** 2).sum(axis=1) / people**2
    wider = max(1.0, float(clustered.sum() / binomial.sum()))
    errors: Floats = np.sqrt(binomial * wider)
    return errors


def _said(estimate: Estimate) -> Estimate:
    if estimate.lower is None and "days or groups" in estimate.why:
        return replace(estimate, why=_FEW)
    return estimate
