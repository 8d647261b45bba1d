"""What segments cost: ratios of sums of ad reports, by segment, with intervals over days.

Reports have no people in them, so these are the platform's own counts, not outcomes of known
people: an association at best, and never more. Money of two currencies is never added up.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from fewer.data.reports.base import Window
from fewer.journey.measure.ads import AdDay
from fewer.journey.measure.evidence import EvidenceLabel
from fewer.journey.measure.figure import Figure, Kind
from fewer.journey.measure.table import FORMAT_VERSION, WATERMARK, Data
from fewer.model import ads as of_model
from fewer.stats.count import cost_per_event, poisson
from fewer.stats.estimate import Estimate, State
from fewer.stats.multiplicity import benjamini_hochberg
from fewer.stats.ratio import LEAST_CLUSTERS, ratio_of_ratios, ratio_of_sums

LABEL: Final = EvidenceLabel.RAW_ASSOCIATION
NOTE: Final = "platform-reported, not person level"
CONFOUNDED: Final = "the platform chose who saw which arm, so arms are not comparable groups"
BROAD: Final = of_model.BROAD
FEWEST: Final = 10
"""Clicks or conversions below which a ratio of sums over days is not offered."""

FACTS: Final = ("impressions", "clicks", "spend", "conversions", "value")
Facts = NDArray[np.float64]  # (facts, days)


@dataclass(frozen=True, slots=True)
class Metric:
    """A ratio of two facts; `per` scales the denominator (1,000 impressions)."""

    id: str
    title: str
    over: str
    under: str
    kind: Kind
    unit: str  # `{}` is the currency
    rare: str  # the fact whose count decides whether there is enough
    per: float = 1.0


METRICS: Final = (
    Metric("cpm", "CPM", "spend", "impressions", "amount", "{} per 1,000 impressions",
           "impressions", 1_000.0),
    Metric("ctr", "CTR", "clicks", "impressions", "share", "clicks per impression", "clicks"),
    Metric("cpc", "CPC", "spend", "clicks", "amount", "{} per click", "clicks"),
    Metric("conversion_rate", "Conversion rate", "conversions", "clicks", "share",
           "conversions per click", "conversions"),
    Metric("cpa", "CPA", "spend", "conversions", "amount", "{} per conversion", "conversions"),
    Metric("roas", "ROAS", "value", "spend", "times", "value per {} spent", "conversions"),
    Metric("aov", "AOV", "value", "conversions", "amount", "{} per conversion", "conversions"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Cost:
    """One metric of a segment, and its ratio to the broad audience on the same days."""

    metric: str
    title: str
    figure: Figure
    to_broad: Figure | None
    p: float | None = None
    p_adjusted: float | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "metric": self.metric,
            "title": self.title,
            "figure": self.figure.to_json(),
            "to_broad": self.to_broad.to_json() if self.to_broad else None,
            "p": self.p,
            "p_adjusted": self.p_adjusted,
        }


@dataclass(frozen=True, slots=True)
class CostRow:
    """A segment, or one arm of it, in one currency."""

    segment: str  # "broad" for reports without a segment
    arm: str | None
    currency: str
    days: int
    totals: Mapping[str, float]
    costs: tuple[Cost, ...]
    notes: tuple[str, ...]
    open_conversions: float = 0.0  # of days whose attribution window had not closed

    def cost(self, metric: str) -> Cost:
        """The metric of that id; KeyError without one."""
        return {cost.metric: cost for cost in self.costs}[metric]

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "segment": self.segment,
            "arm": self.arm,
            "currency": self.currency,
            "days": self.days,
            "totals": dict(self.totals),
            "open_conversions": self.open_conversions,
            "label": LABEL.value,
            "costs": [cost.to_json() for cost in self.costs],
            "notes": list(self.notes),
        }


@dataclass(frozen=True, slots=True)
class CostTable:
    """All segments with ad reports, the broad audience first."""

    rows: tuple[CostRow, ...]
    data: Data
    first_day: date | None
    last_day: date | None
    confidence: float
    clusters: str = "days"  # what the intervals are over
    attribution: tuple[str, ...] = ()  # how long each platform counts, and what is still open
    problems: tuple[str, ...] = ()  # what was refused, and what to do

    def row(self, segment: str, *, arm: str | None = None, currency: str = "") -> CostRow:
        """The row of a segment, or of one of its arms; KeyError without one.

        Without a currency, the first of the segment's.
        """
        for row in self.rows:
            if (row.segment, row.arm) == (segment, arm) and currency in ("", row.currency):
                return row
        raise KeyError(segment)

    def to_json(self) -> dict[str, Any]:
        """Plain values, with units and labels on every figure."""
        return {
            "format_version": FORMAT_VERSION,
            "data": self.data,
            "watermark": WATERMARK[self.data],
            "note": NOTE,
            "first_day": self.first_day.isoformat() if self.first_day else None,
            "last_day": self.last_day.isoformat() if self.last_day else None,
            "confidence": self.confidence,
            "clusters": self.clusters,
            "attribution": list(self.attribution),
            "problems": list(self.problems),
            "adjustment": "Benjamini-Hochberg",
            "rows": [row.to_json() for row in self.rows],
        }


def cost_table(
    reports: Iterable[AdDay],
    *,
    data: Data,
    confidence: float = 0.95,
    pool: Mapping[str, Sequence[str]] | None = None,
    windows: Mapping[str, Window] | None = None,
) -> CostTable:
    """Costs by segment and currency, and by arm where a segment has several.

    Intervals are over days. Where there are fewer than `LEAST_CLUSTERS` of them, they are over
    ads, if there are ads enough.

    Args:
        reports: Facts by day. No segment, or the segment ``broad``, is the broad audience.
        data: Real or simulated.
        confidence: Two-sided coverage, a fraction.
        pool: Name -> segments whose reports are added up to one more row.
        windows: Platform -> how long it goes on counting conversions.
    """
    given = list(reports)
    days = sorted({report.day for report in given})
    by_ad = len(days) < LEAST_CLUSTERS <= len({r.ad_key for r in given if r.ad_key})
    keys_of = [r.ad_key if by_ad else r.day.isoformat() for r in given]
    place = {key: i for i, key in enumerate(sorted(set(keys_of)))}
    sums: dict[_Key, Facts] = {}
    still: dict[_Key, float] = {}
    for report, at in zip(given, keys_of, strict=True):
        segment = report.segment or BROAD
        pools = [name for name, members in (pool or {}).items() if segment in members]
        for key in {(segment, report.currency, None), (segment, report.currency, report.arm),
                    *((name, report.currency, None) for name in pools)}:  # fmt: skip
            facts = sums.setdefault(key, np.zeros((len(FACTS), len(place))))
            facts[:, place[at]] += [getattr(report, name) for name in FACTS]
            if is_open(report, days[-1], windows or {}):
                still[key] = still.get(key, 0.0) + report.conversions
    arms: dict[tuple[str, str], int] = {}
    for segment, currency, arm in sums:
        arms[segment, currency] = arms.get((segment, currency), 0) + (arm is not None)
    keys = sorted(
        (key for key in sums if key[2] is None or arms[key[:2]] > 1),
        key=lambda key: (key[0] != BROAD, key[0], key[1] or "", key[2] or ""),
    )
    rows = [
        replace(
            _row(key, sums[key], sums.get((BROAD, key[1], None)), confidence),
            open_conversions=still.get(key, 0.0),
            days=len({r.day for r in given if _within(r, key, pool or {})}),
        )
        for key in keys
    ]
    return CostTable(
        tuple(_adjusted(rows)),
        data,
        days[0] if days else None,
        days[-1] if days else None,
        confidence,
        "ads" if by_ad else "days",
        tuple(attribution_words(given, windows or {})),
        tuple(_problems({key[:2] for key in sums})),
    )


_Key = tuple[str, str, str | None]  # segment, currency, arm


def _within(report: AdDay, key: _Key, pool: Mapping[str, Sequence[str]]) -> bool:
    segment, currency, arm = key
    own = report.segment or BROAD
    inside = own == segment or own in pool.get(segment, ())
    return inside and report.currency == currency and arm in (None, report.arm)


def is_open(report: AdDay, last: date, windows: Mapping[str, Window]) -> bool:
    """Whether conversions of a day could still come in on the last day reported."""
    window = windows.get(report.platform)
    return window is not None and (last - report.day).days < window.days


def attribution_words(given: Sequence[AdDay], windows: Mapping[str, Window]) -> list[str]:
    """For each platform: what it counts as its conversion, and how many can still come."""
    said = []
    for name in sorted({report.platform for report in given}):
        if name not in windows:
            continue
        own = [report for report in given if report.platform == name]
        last = max(report.day for report in own)
        late = sum(r.conversions for r in own if is_open(r, last, windows))
        everything = sum(r.conversions for r in own)
        said.append(
            f"{name} counts a conversion up to {windows[name].words}"
            f" ({windows[name].origin}). {late:,.0f} of"
            f" {everything:,.0f} conversions are of days still open at the report's last day,"
            f" {last.isoformat()}: a later report of the same days can raise them."
        )
    return said


def _problems(keys: Iterable[tuple[str, str]]) -> Iterable[str]:
    by_segment: dict[str, set[str]] = {}
    for segment, currency in keys:
        by_segment.setdefault(segment, set()).add(currency or "no currency")
    for segment, currencies in sorted(by_segment.items()):
        if len(currencies) > 1:
            yield (
                f"Ads of {segment!r} are in {' and '.join(sorted(currencies))}, which are never"
                " added up: each has a row of its own. For one figure, report each ad account in"
                " one currency, or convert amounts by day before loading."
            )


def _row(
    key: tuple[str, str, str | None], facts: Facts, broad: Facts | None, confidence: float
) -> CostRow:
    segment, currency, arm = key
    comparable = broad if segment != BROAD and arm is None else None
    costs = tuple(_cost(metric, facts, comparable, currency, confidence) for metric in METRICS)
    notes = [NOTE]
    if arm is not None:
        notes.append(CONFOUNDED)
    if comparable is None and segment != BROAD and arm is None:
        notes.append(f"no broad audience in {currency} to compare with")
    totals = dict(zip(FACTS, facts.sum(axis=1).tolist(), strict=True))
    there = int((facts.sum(axis=0) > 0).sum())
    return CostRow(segment, arm, currency, there, totals, costs, tuple(notes))


def _cost(
    metric: Metric, facts: Facts, broad: Facts | None, currency: str, confidence: float
) -> Cost:
    unit = metric.unit.format(currency or "money")
    figure = Figure(_alone(metric, facts, confidence), metric.kind, unit, LABEL, NOTE)
    if broad is None:
        return Cost(metric.id, metric.title, figure, None)
    ratio = ratio_of_ratios(
        _of(facts, metric.over)[None],
        _of(facts, metric.under)[None],
        _of(broad, metric.over)[None],
        _of(broad, metric.under)[None],
        confidence=confidence,
    ).at(0)
    if min(_of(side, metric.rare).sum() for side in (facts, broad)) < FEWEST:
        ratio = _withheld(ratio, f"fewer than {FEWEST} {metric.rare}")
    found = Figure(ratio, "times", f"{metric.title} over that of the broad audience", LABEL, NOTE)
    return Cost(metric.id, metric.title, figure, found, ratio.p)


def _alone(metric: Metric, facts: Facts, confidence: float) -> Estimate:
    over, under = _of(facts, metric.over), _of(facts, metric.under) / metric.per
    few = _of(facts, metric.rare).sum()
    if few >= FEWEST:
        return ratio_of_sums(over[None], under[None], confidence=confidence).at(0)
    # Attributed conversions can be fractions; whole ones are what an exact interval counts.
    if metric.id == "cpa":
        return cost_per_event([over.sum()], [np.floor(few)], confidence=confidence).at(0)
    if metric.over == metric.rare:
        return poisson([np.floor(few)], [under.sum()], confidence=confidence).at(0)
    found = ratio_of_sums(over[None], under[None], confidence=confidence).at(0)
    return _withheld(found, f"fewer than {FEWEST} {metric.rare}")


def _withheld(estimate: Estimate, why: str) -> Estimate:
    state = State.UNDEFINED if estimate.value is None else State.NO_INTERVAL
    return replace(estimate, lower=None, upper=None, p=None, state=state, why=why)


def _of(facts: Facts, name: str) -> NDArray[np.float64]:
    row: NDArray[np.float64] = facts[FACTS.index(name)]
    return row


def _adjusted(rows: list[CostRow]) -> list[CostRow]:
    p = [np.nan if cost.p is None else cost.p for row in rows for cost in row.costs]
    known = iter(benjamini_hochberg(p).tolist())
    return [
        replace(
            row,
            costs=tuple(
                replace(cost, p_adjusted=None if np.isnan(q := next(known)) else q)
                for cost in row.costs
            ),
        )
        for row in rows
    ]
