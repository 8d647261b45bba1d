"""The programme as a whole: many small segments say together what none of them can say alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from pyroaring import BitMap
from scipy import special

from fewer.journey.measure.causal import ITT, per_gained
from fewer.journey.measure.compare import CLAIMED
from fewer.journey.measure.evidence import EvidenceLabel, check_words
from fewer.journey.measure.figure import Figure, change
from fewer.journey.measure.looks import watched
from fewer.journey.measure.outcomes import Outcomes
from fewer.journey.measure.population import Population, Sums, sums
from fewer.journey.measure.spend import Spend
from fewer.journey.measure.table import Needed, Verdict
from fewer.stats.estimate import Estimate, Floats, Method, Why, estimates, normal_quantile
from fewer.stats.pooled import Pooled, pool_rates
from fewer.stats.power import people_needed
from fewer.stats.proportion import difference
from fewer.stats.sequential import LEAST_EVENTS, information
from fewer.stats.stratified import mantel_haenszel_ratio


@dataclass(frozen=True, slots=True)
class Programme:
    """One arm of an experiment against its control, over all segments together.

    A person of several segments counts in the first of them, so that nobody counts twice.
    """

    experiment: str
    goal: str
    goal_title: str
    arm: str
    control: str
    label: EvidenceLabel
    segments: int
    people: tuple[int, int]
    converted: tuple[int, int]
    ratio: Figure | None  # one effect for all
    typical: Figure | None  # effects differ: their average
    new_segment: Figure | None  # where the effect of one more segment would lie
    conversions: Figure | None  # incremental
    icpa: Figure | None
    differs: float | None  # share of the variation between segments that is no chance
    p: float | None
    verdict: Verdict
    note: str = ""
    p_adjusted: float | None = None  # over all programmes looked at together
    needed: tuple[Needed, ...] = ()  # where it can't be told: what it would take

    def decided(self, p: float | None) -> Programme:
        """The same with its adjusted p-value and the verdict that follows."""
        found = replace(self, p_adjusted=p)
        if self.verdict in (Verdict.SPLIT_BROKEN, Verdict.TOO_EARLY) or self.ratio is None:
            return found
        e = self.ratio.estimate
        verdict = _verdict(e, p, e.confidence)
        needed = self._what_it_takes() if verdict is Verdict.CANNOT_TELL else ()
        if needed and needed[0].people <= needed[0].has and None not in (p, e.upper):
            verdict, needed = Verdict.NO_DIFFERENCE, ()
        return replace(found, verdict=verdict, needed=needed)

    def _what_it_takes(self) -> tuple[Needed, ...]:
        """People of the arm that the claimed change would need, at this split."""
        base = self.converted[1] / self.people[1] if self.people[1] else 0.0
        share = self.people[1] / self.people[0] if self.people[0] else 0.0
        if not 0 < base < 1 / CLAIMED or not share:
            return ()
        people = people_needed(base, CLAIMED, comparison_share=share)
        return (Needed(CLAIMED, int(np.ceil(people)), self.people[0]),)

    @property
    def sentence(self) -> str:
        """In the words that its evidence allows."""
        counts = (
            f"{self.converted[0]:,} of {self.people[0]:,} against"
            f" {self.converted[1]:,} of {self.people[1]:,}"
        )
        if self.ratio is None or self.ratio.estimate.value is None:
            return check_words(f"{self.verdict.value}: {self.note} ({counts})", self.label)
        e = self.ratio.estimate
        limits = (
            f"{e.confidence * 100:g} % interval {change(e.lower)} to {change(e.upper)}"
            if e.lower is not None and e.upper is not None
            else self.ratio.interval
        )
        over = f" over {self.segments} segments" if self.segments > 1 else ""
        return check_words(
            f"lift {change(e.value or 0)}{over} ({self.label.value}, {limits}; {counts})",
            self.label,
        )

    def to_json(self) -> dict[str, Any]:
        """Plain values, each figure with unit and label."""

        def plain(figure: Figure | None) -> dict[str, Any] | None:
            return figure.to_json() if figure else None

        return {
            "experiment": self.experiment,
            "goal": self.goal,
            "goal_title": self.goal_title,
            "arm": self.arm,
            "control": self.control,
            "label": self.label.value,
            "segments": self.segments,
            "people": list(self.people),
            "converted": list(self.converted),
            "ratio": plain(self.ratio),
            "typical_ratio": plain(self.typical),
            "new_segment_ratio": plain(self.new_segment),
            "incremental_conversions": plain(self.conversions),
            "icpa": plain(self.icpa),
            "share_of_variation_between_segments": self.differs,
            "p": self.p,
            "p_adjusted": self.p_adjusted,
            "verdict": self.verdict.value,
            "needed": [one.to_json() for one in self.needed],
            "note": self.note,
            "sentence": self.sentence,
        }


def disjoint(populations: Sequence[Population]) -> list[BitMap]:
    """Members of each, less those of the ones before."""
    seen, parts = BitMap(), []
    for one in populations:
        parts.append(one.members - seen)
        seen |= one.members
    return parts


def programme(
    populations: Sequence[Population],
    outcome: Outcomes,
    *,
    experiment: str,
    arms: tuple[str, str],
    people: tuple[BitMap, BitMap],
    label: EvidenceLabel,
    spend: Spend | None,
    planned: Floats | None = None,
) -> Programme:
    """Pool one arm against its control over segments.

    Args:
        populations: Segments, in the order in which they claim people.
        outcome: Of one goal.
        experiment: Its id.
        arms: Names of the arm and of its control.
        people: Everyone assigned to each.
        label: Of the experiment.
        spend: On the arm, all segments together.
        planned: Information expected of each segment at the planned end, when intervals are to
            hold at every look together.
    """
    parts = [part & outcome.at_risk for part in disjoint(populations)]
    parts = [p for p in parts if p & people[0] and p & people[1]]
    first = sums([p & people[0] for p in parts], outcome)
    second = sums([p & people[1] for p in parts], outcome)
    table = (first.converted, first.people, second.converted, second.people)
    level = outcome.confidence
    common = mantel_haenszel_ratio(*(a[None] for a in table), confidence=level).at(0)
    gained = _gained(first, second, level)
    if planned is None:
        p = p_of_ratio(common)
    else:
        common, gained = _daily(common, gained, first, second, planned)
        p = common.p
    alone = len(parts) < 2 or planned is not None  # noqa: PLR2004  averages hold at one look only
    pooled = None if alone else pool_rates(*table, confidence=level)
    conversions = Figure(gained, "number", "conversions", label, ITT)
    icpa = None
    if spend is not None and spend.one is not None:
        money, unit = spend.one
        icpa = Figure(
            per_gained(gained, money), "amount", f"{unit} per incremental conversion", label, ITT
        )
    ratio = Figure(replace(common, p=p), "times", "ratio of rates", label, ITT)
    return Programme(
        experiment,
        outcome.goal.id,
        outcome.goal.title,
        *arms,
        label,
        len(parts),
        (int(first.people.sum()), int(second.people.sum())),
        (int(first.converted.sum()), int(second.converted.sum())),
        ratio,
        *_spread(pooled, label),
        conversions,
        icpa,
        _share(pooled),
        p,
        _verdict(common, p, level),
    )


def _daily(
    common: Estimate, gained: Estimate, first: Sums, second: Sums, planned: Floats
) -> tuple[Estimate, Estimate]:
    """Both with limits that hold at every look together; none before conversions enough."""
    k1, k2 = int(first.converted.sum()), int(second.converted.sum())
    if min(k1, k2) < LEAST_EVENTS:
        few = np.array([True])
        return tuple(  # type: ignore[return-value]
            estimates([e.value or np.nan], [np.nan], [np.nan], method=Method.SEQUENCE,
                      confidence=e.confidence).without_interval(few, Why.TOO_FEW_EVENTS).at(0)
            for e in (common, gained)
        )  # fmt: skip
    n = float(first.people.sum() + second.people.sum())
    seen = float(information([k1 + k2], [n])[0])
    end = float(planned.sum())
    return watched(common, seen, end, log=True), watched(gained, seen, end, log=False)


def p_of_ratio(found: Estimate) -> float | None:
    """Two-sided p of a ratio of 1, from an interval that is symmetric on the log scale."""
    if found.value is None or found.lower is None or found.upper is None or found.lower <= 0:
        return None
    error = np.log(found.upper / found.lower) / 2
    quantile = float(special.ndtri(0.5 + found.confidence / 2))
    if error <= 0:
        return None
    return float(2 * special.ndtr(-abs(np.log(found.value)) / error * quantile))


def _gained(first: Sums, second: Sums, level: float) -> Estimate:
    """Conversions gained over all segments: the sum of each one's, intervals recovered and added.

    Zou & Donner (2008), as for a difference: distances to the limits add in squares.
    """
    gaps = difference(
        first.converted, first.people, second.converted, second.people, confidence=level
    )
    n = first.people.astype(np.float64)
    value = (n * gaps.value).sum()
    # Of a segment too small for an interval of its own the variance still adds up.
    plain = np.sqrt(_variance(first) + _variance(second)) * normal_quantile(level)
    lower = np.where(np.isnan(gaps.lower), plain, gaps.value - gaps.lower)
    upper = np.where(np.isnan(gaps.upper), plain, gaps.upper - gaps.value)
    below, above = (np.sqrt((n**2 * reach**2).sum()) for reach in (lower, upper))
    return estimates(
        [value], [value - below], [value + above], method=Method.NEWCOMBE, confidence=level
    ).at(0)


def _variance(group: Sums) -> Floats:
    """Squared standard error of a rate, half a conversion added so that none is certain."""
    share = (group.converted + 0.5) / (group.people + 1)
    found: Floats = share * (1 - share) / np.maximum(group.people, 1)
    return found


def _spread(pooled: Pooled | None, label: EvidenceLabel) -> tuple[Figure | None, Figure | None]:
    if pooled is None:
        return None, None
    random, new = pooled.random.at(), pooled.prediction.at()
    return (
        Figure(random, "times", "ratio of rates", label, "average over segments that differ"),
        Figure(new, "times", "ratio of rates", label, "range in which one more segment lies")
        if new.lower is not None
        else None,
    )


def _share(pooled: Pooled | None) -> float | None:
    if pooled is None or np.isnan(pooled.i2):
        return None
    return float(pooled.i2)


def _verdict(found: Estimate, p: float | None, level: float) -> Verdict:
    if p is None or found.value is None or p >= 1 - level:
        return Verdict.CANNOT_TELL
    return Verdict.MORE if found.value > 1 else Verdict.LESS
