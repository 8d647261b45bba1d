"""Reading regions or slots: one number a pair, and nothing is said of single people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from fewer.journey.measure.compare import CLAIMED
from fewer.journey.measure.evidence import EvidenceLabel, check_words
from fewer.journey.measure.figure import Figure, change
from fewer.journey.measure.metrics import Margin, MetricResult
from fewer.journey.measure.programme import Programme
from fewer.journey.measure.table import Verdict
from fewer.journey.measure.units.happened import Floats, Totals
from fewer.model.metric import Guardrail, Metric
from fewer.stats.estimate import Estimate, Method, estimates
from fewer.stats.margin import within
from fewer.stats.paired import LEAST_PAIRS, exact_ratio, paired_ratio, smallest_gap, spread

LABEL = EvidenceLabel.GEO_OR_SWITCHBACK
Kind = Literal["regions", "slots"]
Places = NDArray[np.int64]

_MOST_NEEDED = 10_000


@dataclass(frozen=True, slots=True)
class Sides:
    """What both sides of each pair came to; arrays of shape (2, pairs), what was sent first.

    `now` and `before` are log ratios by pair; `before` is 0 where nothing is taken into account.
    """

    above: Floats
    below: Floats
    converted: Floats
    now: Floats
    before: Floats

    @property
    def levels(self) -> Floats:
        """Above over below, by side and pair."""
        return self.above / np.where(self.below > 0, self.below, np.nan)


def of_regions(period: Totals, before: Floats, sent: Places, held: Places) -> Sides:
    """Sides from totals of one window, by region; `before` are log ratios by pair."""
    now = period.levels[0]
    above, below, converted = (np.stack([a[0][sent], a[0][held]]) for a in _sums(period))
    return Sides(above, below, converted, now[sent] - now[held], before)


def of_slots(slots: Totals, sent: Places, held: Places) -> Sides:
    """Sides from totals of one unit, by slot."""
    level = slots.levels[:, 0]
    above, below, converted = (np.stack([a[sent, 0], a[held, 0]]) for a in _sums(slots))
    return Sides(above, below, converted, level[sent] - level[held], np.zeros(len(sent)))


def _sums(of: Totals) -> tuple[Floats, Floats, Floats]:
    return of.above, of.below, of.converted


@dataclass(frozen=True, slots=True)
class Plan:
    """How pairs are read, fixed before anything was sent.

    Attributes:
        slope: Share of a pair's difference before that is taken off.
        weights: Of the pairs in the mean.
        change: Relative change that is worth seeing.
        wanted: Chance to see it.
    """

    experiment: str
    kind: Kind
    arms: tuple[str, str]
    slope: float
    weights: Floats
    confidence: float = 0.95
    change: float = CLAIMED - 1
    wanted: float = 0.8
    over: bool = True

    @property
    def units(self) -> str:
        """``8 pairs of regions``."""
        many = len(self.weights)
        return f"{many:,} {'pair' if many == 1 else 'pairs'} of {self.kind}"


@dataclass(frozen=True, slots=True)
class ByPairs:
    """One metric over all pairs.

    Attributes:
        ratio: The change all pairs share, with t limits.
        exact: The same with the limits that drawing the pairs again gives.
        smallest: Smallest rise that so many pairs with so much scatter show; None if unknown.
        needed: Pairs that the change worth seeing takes at that scatter.
    """

    sides: Sides
    gaps: Floats
    ratio: Estimate
    exact: Estimate
    smallest: float | None
    needed: int | None


def by_pairs(sides: Sides, plan: Plan) -> ByPairs:
    """Pairs that say nothing (no amount on a side) leave the metric without a figure."""
    gaps = sides.now - plan.slope * sides.before
    ratio = paired_ratio([gaps], plan.weights, confidence=plan.confidence).at(0)
    exact = exact_ratio(gaps, plan.weights, confidence=plan.confidence).at(0)
    smallest = needed = None
    if len(gaps) >= LEAST_PAIRS and np.isfinite(gaps).all():
        found = spread(gaps, plan.weights)
        error, terms = float(found.error), {"wanted": plan.wanted, "confidence": plan.confidence}
        smallest = float(np.expm1(smallest_gap(error, found.degrees, **terms)))
        needed = _needed(error * np.sqrt(len(gaps)), plan)
    return ByPairs(sides, gaps, ratio, exact, smallest, needed)


def _needed(scatter: float, plan: Plan) -> int | None:
    gap = abs(float(np.log1p(plan.change)))
    for pairs in range(LEAST_PAIRS, _MOST_NEEDED):
        error = scatter / np.sqrt(pairs)
        found = smallest_gap(error, pairs - 1, wanted=plan.wanted, confidence=plan.confidence)
        if found <= gap:
            return pairs
    return None


@dataclass(frozen=True, slots=True)
class PairsProgramme(Programme):
    """A goal read over pairs of regions or slots; people are told, and are not the unit."""

    units: str = ""
    takes: str = ""  # where it can't be told: what it would take

    def decided(self, p: float | None) -> Programme:
        """The same with its adjusted p-value and the verdict that follows."""
        found = replace(self, p_adjusted=p)
        if self.ratio is None or self.verdict is Verdict.TOO_EARLY:
            return found
        value, level = self.ratio.estimate.value, self.ratio.estimate.confidence
        if p is None or value is None or p >= 1 - level:
            return replace(found, verdict=Verdict.CANNOT_TELL)
        return replace(found, verdict=Verdict.MORE if value > 1 else Verdict.LESS, takes="")

    @property
    def sentence(self) -> str:
        """In the words that its evidence allows."""
        counts = f"over {self.units}, {self.converted[0]:,} against {self.converted[1]:,} converted"
        e = self.ratio.estimate if self.ratio else None
        if e is None or e.value is None or e.lower is None or e.upper is None:
            why = self.note or (e.why if e else "") or "no figure"
            text = f"{why} ({counts})"
        else:
            limits = f"{e.confidence * 100:g} % interval {change(e.lower)} to {change(e.upper)}"
            text = f"lift {change(e.value)} ({self.label.value}, {limits}; {counts})"
        return check_words(f"{text}{f'; {self.takes}' if self.takes else ''}", self.label)

    def to_json(self) -> dict[str, Any]:
        """As of any programme, with the units."""
        return {**Programme.to_json(self), "units": self.units, "takes": self.takes}


def programme_of(
    goal: tuple[str, str], found: ByPairs, plan: Plan, people: tuple[int, int], note: str = ""
) -> PairsProgramme:
    """A goal (id and title) over all pairs, not corrected for others looked at beside it."""
    e = found.ratio
    told = f"by {plan.kind}: {plan.units}, {e.method}"
    ratio = Figure(e, "times", "ratio of rates", LABEL, told)
    converted = found.sides.converted.sum(axis=1)
    gained = _gained(e, float(converted[0]))
    sent, held_out = plan.arms
    return PairsProgramme(
        experiment=plan.experiment,
        goal=goal[0],
        goal_title=goal[1],
        arm=sent,
        control=held_out,
        label=LABEL,
        segments=1,
        people=people,
        converted=(round(converted[0]), round(converted[1])),
        ratio=ratio,
        typical=None,
        new_segment=None,
        conversions=Figure(gained, "number", "conversions", LABEL, f"of those sent, {told}"),
        icpa=None,
        differs=None,
        p=e.p,
        verdict=Verdict.CANNOT_TELL if plan.over else Verdict.TOO_EARLY,
        note=note,
        units=plan.units,
        takes=_takes(found, plan),
    )


def _gained(ratio: Estimate, converted: float) -> Estimate:
    """Conversions there would not have been: the share of those sent that the ratio adds."""

    def of(value: float | None) -> float:
        return converted * (1 - 1 / value) if value else float("nan")

    return estimates(
        [of(ratio.value)], of(ratio.lower), of(ratio.upper),
        method=Method.PAIRED_T, confidence=ratio.confidence,
    ).at(0)  # fmt: skip


def _takes(found: ByPairs, plan: Plan) -> str:
    if len(found.gaps) < LEAST_PAIRS:
        return f"it takes {LEAST_PAIRS} pairs before chance can be told from change"
    if found.smallest is None:
        return ""
    wanted = change(1 + plan.change)
    if found.needed and found.needed <= len(found.gaps):
        return f"{plan.units} show {change(1 + found.smallest)} or more, so {wanted} would be seen"
    more = (
        f"to see {wanted} it takes about {found.needed:,} pairs so far apart"
        if found.needed
        else f"no number of pairs so far apart shows {wanted}"
    )
    return f"{plan.units} show {change(1 + found.smallest)} or more; {more}"


def metric_of(
    metric: Metric, found: ByPairs | None, plan: Plan, *, guardrail: bool, margin: Guardrail | None
) -> MetricResult:
    """One metric over all pairs, held against its margin if there is one."""
    shell = MetricResult(
        metric.id, metric.title, *plan.arms, LABEL, None, None, metric.better, guardrail
    )
    if found is None:
        why = (
            "ad reports don't name regions or slots"
            if not metric.goals
            else "the goal has no value, or can't be measured yet"
        )
        return replace(shell, note=why)
    note = "" if found.ratio.value is not None else "some region or slot has no amount to compare"
    shown = replace(
        shell,
        ratio=Figure(found.ratio, "times", f"ratio of {metric.title}", LABEL, f"by {plan.kind}"),
        note=note,
    )
    agreed = margin or metric.guardrail
    if agreed is None or found.ratio.lower is None:
        return shown
    if agreed.margin_percent is None:
        return replace(shown, note=f"a margin in its own unit can't be read by {plan.kind}")
    return replace(shown, margin=_margin(found, metric, agreed, plan))


def _margin(found: ByPairs, metric: Metric, agreed: Guardrail, plan: Plan) -> Margin:
    worse = float(agreed.margin_percent or 0) / 100
    limit = 1 - worse if metric.better == "higher" else 1 + worse
    whole = paired_ratio([found.gaps], plan.weights, confidence=plan.confidence)
    against = within(whole, limit, better=metric.better, log=True)
    worst, p = float(against.worst[0]), float(against.p[0])
    return Margin(
        limit,
        worst if np.isfinite(worst) else None,
        True,
        metric.better,
        None if np.isnan(p) else p,
        against.verdict(0),
    )


@dataclass(frozen=True, slots=True)
class PairRow:
    """One pair as it is shown; levels None where there is no amount."""

    sent: str
    held_out: str
    levels: tuple[float | None, float | None]
    ratio: float | None  # of the levels, less what was expected from before
    weight: float

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "sent": self.sent,
            "held_out": self.held_out,
            "levels": list(self.levels),
            "ratio": self.ratio,
            "weight": self.weight,
        }


@dataclass(frozen=True, slots=True)
class PairTable:
    """The deciding metric, pair by pair."""

    kind: Kind
    metric: str
    title: str
    rows: tuple[PairRow, ...]
    slope: float
    found: ByPairs

    @property
    def words(self) -> str:
        """What the draw itself says, beside the t limits."""
        e = self.found.exact
        if e.value is None:
            return ""
        if e.lower is None or e.upper is None:
            return f"Drawing the pairs again gives no interval: {e.why}."
        return check_words(
            f"Drawing the pairs again: lift {change(e.value)},"
            f" {e.confidence * 100:g} % interval {change(e.lower)} to {change(e.upper)} (exact,"
            f" {LABEL.value}).",
            LABEL,
        )

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "unit": self.kind,
            "metric": self.metric,
            "label": LABEL.value,
            "pairs": [row.to_json() for row in self.rows],
            "slope": self.slope,
            "ratio": self.found.ratio.to_json(),
            "exact": self.found.exact.to_json(),
            "smallest_change_seen": self.found.smallest,
            "pairs_needed": self.found.needed,
            "words": self.words,
        }


def table_of(
    metric: Metric, found: ByPairs, plan: Plan, names: Sequence[tuple[str, str]]
) -> PairTable:
    """Pairs with their levels; `names` of what was sent and what was held out."""
    levels, share = found.sides.levels, plan.weights / plan.weights.sum()
    rows = [
        PairRow(
            *pair,
            (_number(levels[0, i]), _number(levels[1, i])),
            _number(np.exp(found.gaps[i])),
            round(float(share[i]), 6),
        )
        for i, pair in enumerate(names)
    ]
    return PairTable(plan.kind, metric.id, metric.title, tuple(rows), plan.slope, found)


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
