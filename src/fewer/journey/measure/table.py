"""What measuring gives: rows of groups, comparisons and figures, frozen and ready for JSON."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, Literal

from fewer.journey.measure.causal import Causal
from fewer.journey.measure.evidence import EvidenceLabel, check_words
from fewer.journey.measure.figure import Figure, change
from fewer.journey.measure.landmark import Landmark
from fewer.stats.split import ALARM

Data = Literal["real", "simulated"]

FORMAT_VERSION: Final = 1
WATERMARK: Final = {"real": "", "simulated": "simulated data"}


class Verdict(StrEnum):
    """What a comparison shows, after correction for all comparisons of its family."""

    MORE = "converted more often"
    LESS = "converted less often"
    NO_DIFFERENCE = "no difference seen"
    CANNOT_TELL = "not enough data yet"
    SPLIT_BROKEN = "split check failed"
    TOO_EARLY = "not over yet"


@dataclass(frozen=True, slots=True)
class Group:
    """People at risk and what they did. `value` is an amount per person, zeros included."""

    name: str
    people: int
    converted: int  # people
    conversions: int  # events, one a person unless the goal counts every one
    before: int  # people who had converted before the moment measured from
    rate: Figure
    value: Figure | None = None

    @property
    def counts(self) -> str:
        """``48 of 310``."""
        return f"{self.converted:,} of {self.people:,}"

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "name": self.name,
            "people": self.people,
            "converted": self.converted,
            "conversions": self.conversions,
            "converted_before": self.before,
            "rate": self.rate.to_json(),
            "value_per_person": self.value.to_json() if self.value else None,
        }


@dataclass(frozen=True, slots=True)
class Needed:
    """People the first group needs to see a change, 80 times in 100, at the same split."""

    ratio: float  # 1.26: +26 %
    people: int
    has: int

    @property
    def words(self) -> str:
        """``to see +26 %, 4,900 people are needed, and there are 310``."""
        return (
            f"to see {change(self.ratio)}, {self.people:,} people are needed in the group,"
            f" and there are {self.has:,}"
        )

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "ratio": self.ratio,
            "people": self.people,
            "has": self.has,
            "power": 0.8,
            "words": self.words,
        }


@dataclass(frozen=True, slots=True)
class SplitResult:
    """Split check of a randomised comparison; `p` None where too few to check."""

    planned: float  # share held out
    seen: float
    p: float | None
    p_adjusted: float | None = None  # over the segments of the experiment
    stage: str = "analysed"  # assigned, synced or analysed: the check that decided

    @property
    def broken(self) -> bool:
        """Whether chance can't explain the sizes: then nothing of the comparison may be read."""
        p = self.p if self.p_adjusted is None else self.p_adjusted
        return p is not None and p < ALARM

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "planned_share": self.planned,
            "seen_share": self.seen,
            "p": self.p,
            "p_adjusted": self.p_adjusted,
            "stage": self.stage,
            "broken": self.broken,
        }


@dataclass(frozen=True, slots=True)
class Comparison:
    """A group against another. Figures are None where a guard withholds them."""

    against: Group
    label: EvidenceLabel
    verdict: Verdict
    difference: Figure | None
    ratio: Figure | None
    value_difference: Figure | None = None
    value_ratio: Figure | None = None
    adjusted: Figure | None = None  # ratio within strata of prior activity
    p: float | None = None
    p_adjusted: float | None = None
    needed: tuple[Needed, ...] = ()
    split: SplitResult | None = None
    note: str = ""
    causal: Causal | None = None  # of randomised comparisons only

    @property
    def lift(self) -> Figure | None:
        """The relative change, where the evidence allows the word; None elsewhere."""
        return self.ratio if self.label.may_say_lift else None

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        figures = {
            name: getattr(self, name).to_json() if getattr(self, name) else None
            for name in ("difference", "ratio", "value_difference", "value_ratio", "adjusted")
        }
        return {
            "against": self.against.to_json(),
            "label": self.label.value,
            "may_say_lift": self.label.may_say_lift,
            "meaning": self.label.meaning,
            "verdict": self.verdict.value,
            **figures,
            "p": self.p,
            "p_adjusted": self.p_adjusted,
            "needed": [n.to_json() for n in self.needed],
            "split": self.split.to_json() if self.split else None,
            "note": self.note,
            "causal": self.causal.to_json() if self.causal else None,
        }


@dataclass(frozen=True, slots=True)
class Row:
    """One segment, or one of its lookback variants, and one goal."""

    segment: str
    title: str
    variant_of: str | None
    goal: str
    goal_title: str
    design: Landmark
    group: Group
    comparisons: tuple[Comparison, ...]
    notes: tuple[str, ...] = ()
    experiment: str = ""  # that made the groups, for randomised comparisons

    def against(self, name: str) -> Comparison:
        """The comparison with the group of that name; KeyError without one."""
        return {c.against.name: c for c in self.comparisons}[name]

    @property
    def sentence(self) -> str:
        """The first comparison as one sentence."""
        return sentence(self.group, self.comparisons[0])

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "segment": self.segment,
            "title": self.title,
            "variant_of": self.variant_of,
            "goal": self.goal,
            "goal_title": self.goal_title,
            "design": self.design.to_json(),
            "group": self.group.to_json(),
            "comparisons": [
                {**c.to_json(), "sentence": sentence(self.group, c)} for c in self.comparisons
            ],
            "notes": list(self.notes),
            "experiment": self.experiment or None,
        }


@dataclass(frozen=True, slots=True)
class OutcomeTable:
    """All segments by all goals, measured from one moment."""

    rows: tuple[Row, ...]
    data: Data
    at_risk: str
    confidence: float
    family: int  # comparisons that the p-values are adjusted for
    notes: tuple[str, ...] = ()

    @property
    def watermark(self) -> str:
        """Words that go on everything made of this; empty for real data."""
        return WATERMARK[self.data]

    def row(self, segment: str, goal: str) -> Row:
        """The row of a segment and a goal; KeyError without one."""
        return {(row.segment, row.goal): row for row in self.rows}[segment, goal]

    def to_json(self) -> dict[str, Any]:
        """Plain values, with units and labels on every figure."""
        return {
            "format_version": FORMAT_VERSION,
            "data": self.data,
            "watermark": self.watermark,
            "at_risk": self.at_risk,
            "confidence": self.confidence,
            "family": self.family,
            "adjustment": "Benjamini-Hochberg",
            "rows": [row.to_json() for row in self.rows],
            "notes": list(self.notes),
        }


def sentence(group: Group, found: Comparison) -> str:
    """A comparison in words that its evidence allows.

    ``converted 1.8x as often (association, 95 % interval 1.2-2.7; 1.3x among people equally
    active before; 48 of 310 against 180 of 2,159)``; for a randomised comparison ``lift +80 %
    (randomised holdout, ...)``.
    """
    counts = f"{group.counts} against {found.against.counts}"
    if found.ratio is None:
        return check_words(f"{found.verdict.value}: {found.note} ({counts})", found.label)
    estimate, limits = found.ratio.estimate, found.ratio.words
    inside = limits[limits.index("(") + 1 : -1]
    if estimate.value is None:
        said = "the ratio can't be given"
    elif found.label.may_say_lift:
        said, inside = f"lift {change(estimate.value)}", _as_changes(found.ratio, inside)
    else:
        said = f"converted {found.ratio.number} as often"
    if found.adjusted is not None and found.adjusted.estimate.value is not None:
        inside += f"; {found.adjusted.number} among people equally active before"
    return check_words(f"{said} ({inside}; {counts})", found.label)


def _as_changes(ratio: Figure, inside: str) -> str:
    """The same limits as changes in per cent, which is how a lift is read."""
    low, high = ratio.estimate.lower, ratio.estimate.upper
    head = inside.rsplit(" interval ", 1)[0]
    if low is not None and high is not None:
        return f"{head} interval {change(low)} to {change(high)}"
    return f"{head} interval from {change(low)} on" if low is not None else inside
