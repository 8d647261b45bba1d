"""The panel of a claim: who was in which group at which index time, and what came before and after.

One element is one person at one index time. Everything that puts a person into a group lies before
the index time, every outcome at or after it, so nothing is on both sides.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap

from fewer.model.claim import AtRisk
from fewer.stats.cluster import clustered_rate, clustered_ratio, stratified_ratio
from fewer.stats.estimate import Estimate, Floats

Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Windows:
    """Where a claim looks, in microseconds around each index time T.

    Groups read ``[T - lookback, T)``, outcomes ``[T + gap, T + gap + outcome)``, and the negative
    control counts outcomes in ``[T - lookback - gap - outcome, T - lookback - gap)``.
    """

    lookback_us: int
    gap_us: int
    outcome_us: int
    at_risk: AtRisk = "everyone"


@dataclass(frozen=True, slots=True)
class Conversions:
    """All conversions of a goal, in the order of their times (UTC microseconds)."""

    persons: NDArray[np.uint32]
    times: NDArray[np.int64]

    def among(self, people: NDArray[np.uint32], start_us: int, end_us: int) -> Flags:
        """Which of the people converted in ``[start, end)``."""
        low, high = np.searchsorted(self.times, [start_us, end_us])
        return np.isin(people, self.persons[low:high])


@dataclass(frozen=True, slots=True)
class Look:
    """Who is in which group at one index time; whoever is in several counts in each of them.

    `strata` are groups of people of equal prior activity; whoever is in none had none.
    """

    index_us: int
    groups: tuple[BitMap, ...]
    against: BitMap
    strata: tuple[BitMap, ...] = ()


@dataclass(frozen=True, slots=True)
class Panel:
    """One element a person and index time, in arrays of one length."""

    person: NDArray[np.uint32]
    time: NDArray[np.int64]  # place of the index time
    first: Flags  # in the group; else in the comparison
    stratum: NDArray[np.int64]  # prior activity at that index time
    converted: Flags
    before: Flags  # converted in the control's window
    controlled: Flags  # the control's window lies in the data, and the person counts in it

    def rate(self, *, first: bool, confidence: float = 0.95) -> Estimate:
        """Conversions per person and index time in one of the two groups."""
        k1, n1, k2, n2 = self._sums(self.converted, None)
        k, n = (k1, n1) if first else (k2, n2)
        return clustered_rate(k, n, confidence=confidence).at()

    def ratio(self, *, confidence: float = 0.95) -> Estimate:
        """Rate of the group over that of the comparison, clustered by person."""
        return clustered_ratio(*self._sums(self.converted, None), confidence=confidence).at()

    def adjusted(self, *, confidence: float = 0.95) -> Estimate:
        """The same within equal prior activity at the same index time."""
        found = stratified_ratio(
            self.person,
            self.first,
            self.converted,
            self.time * (self.stratum.max(initial=0) + 1) + self.stratum,
            confidence=confidence,
        )
        return found.at(0)

    def control(self, *, confidence: float = 0.95) -> Estimate:
        """The same ratio of outcomes *before* the lookback: nothing done later can be its cause."""
        sums = self._sums(self.before, self.controlled)
        return clustered_ratio(*sums, confidence=confidence).at()

    def people(self, *, first: bool) -> int:
        """Different people who were ever in the group."""
        return len(np.unique(self.person[self.first == first]))

    def counts(self, *, first: bool) -> tuple[int, int]:
        """People and index times in the group, and how many of them were followed by a conversion.

        A person counts once for each index time.
        """
        inside = self.first == first
        return int(inside.sum()), int((inside & self.converted).sum())

    def _sums(self, outcome: Flags, kept: Flags | None) -> tuple[Floats, Floats, Floats, Floats]:
        """By person: conversions and units in the group, and in the comparison."""
        keep = np.ones(len(self.person), dtype=bool) if kept is None else kept
        people, of = np.unique(self.person[keep], return_inverse=True)
        first, hit = self.first[keep], outcome[keep]

        def count(rows: Flags) -> Floats:
            found: Floats = np.bincount(of, rows, minlength=len(people)).astype(np.float64)
            return found

        return count(first & hit), count(first), count(~first & hit), count(~first)


def panel(
    looks: Sequence[Look], conversions: Conversions, windows: Windows, *, data_from_us: int
) -> Panel:
    """The panel of all index times.

    Args:
        looks: Groups at each index time.
        conversions: Of the claim's goal, over all time.
        windows: Lookback, gap and outcome window.
        data_from_us: Where the data begins; a control's window before it is left out.
    """
    parts = [_one(n, look, conversions, windows, data_from_us) for n, look in enumerate(looks)]
    return Panel(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))


def same_time(looks: Sequence[Look], conversions: Conversions, lookback_us: int) -> Panel:
    """The panel as it must not be: outcomes of the very time in which groups look.

    Whoever converts acts in that session, which puts them into the group. It is what is quoted
    most, so it is shown beside the right figure, and called what it is.
    """
    windows = Windows(lookback_us, -lookback_us, lookback_us)
    bare = [replace(look, strata=()) for look in looks]
    return panel(bare, conversions, windows, data_from_us=0)


def _one(
    place: int, look: Look, conversions: Conversions, windows: Windows, data_from_us: int
) -> tuple[NDArray[np.generic], ...]:
    sides = [np.asarray(s.to_array(), dtype=np.uint32) for s in (*look.groups, look.against)]
    person = np.concatenate(sides)
    first = np.arange(len(person)) < len(person) - len(sides[-1])
    if windows.at_risk == "not_before":
        fresh = ~conversions.among(person, np.iinfo(np.int64).min, look.index_us)
        person, first = person[fresh], first[fresh]
    start = look.index_us + windows.gap_us
    until = look.index_us - windows.lookback_us - windows.gap_us
    since = until - windows.outcome_us
    stratum = np.zeros(len(person), dtype=np.int64)
    for level, people in enumerate(look.strata, 1):
        stratum[np.isin(person, np.asarray(people.to_array(), dtype=np.uint32))] = level
    return (
        person,
        np.full(len(person), place, dtype=np.int64),
        first,
        stratum,
        conversions.among(person, start, start + windows.outcome_us),
        conversions.among(person, since, until),
        np.full(len(person), since >= data_from_us and windows.at_risk == "everyone"),
    )
