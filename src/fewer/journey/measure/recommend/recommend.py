"""Verdicts on all segments of a programme: facts in, recommendations out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from fewer.journey.measure.evidence import EvidenceLabel
from fewer.journey.measure.figure import Figure
from fewer.journey.measure.recommend import values
from fewer.journey.measure.recommend.design import Design, Together, alone, together
from fewer.journey.measure.recommend.facts import Facts, Programme
from fewer.journey.measure.recommend.judge import Judged, Table, judge
from fewer.journey.measure.recommend.rules import data, outcome, overlap, size, trial, window
from fewer.journey.measure.recommend.rules.base import Case, Rule
from fewer.journey.measure.recommend.verdict import Action, Recommendation

RULES: Final[tuple[Rule, ...]] = (
    data.changed_since,
    data.split_broken,
    data.grave_finding,
    outcome.stop,
    overlap.twin,
    size.split,
    size.narrow,
    size.widen,
    size.small_for_good,
    size.restless,
    window.better_window,
    outcome.scale,
    outcome.keep,
    outcome.running,
    trial.planned,
    trial.alone,
    trial.together,
    trial.too_small,
    trial.unmeasured,
)
"""Every rule. The first that speaks gives the verdict; others that ask for something are told
beside it. Faults come first, as nothing read from wrong data is right; then what costs money; then
repairs, as a figure of a segment about to change is a figure of another one."""

_SILENT_BESIDE: Final = frozenset({Action.NOTHING_YET, Action.KEEP})


@dataclass(frozen=True, slots=True)
class Verdicts:
    """All recommendations, most valuable first, and what was learnt of the programme."""

    recommendations: tuple[Recommendation, ...]
    programme: Programme
    pooled: Figure | None  # all randomised comparisons together
    comparisons: int  # randomised ones that could be seen
    notes: tuple[str, ...] = ()

    def of(self, segment: str) -> Recommendation:
        """The recommendation on a segment; KeyError without one."""
        return {one.segment: one for one in self.recommendations}[segment]

    def to_json(self) -> dict[str, Any]:
        """Plain values, with an evidence label on every figure."""
        return {
            "goal": self.programme.goal_id or None,
            "level": values.LEVEL,
            "adjustment": "Benjamini-Hochberg over randomised comparisons, and shrunk intervals",
            "comparisons": self.comparisons,
            "programme": self.pooled.to_json() if self.pooled else None,
            "recommendations": [one.to_json() for one in self.recommendations],
            "notes": list(self.notes),
        }


def recommend(programme: Programme) -> Verdicts:
    """One verdict on each segment of a programme.

    Nothing is read but `programme`; the same facts give the same verdicts.
    """
    facts = programme.facts
    judged = _judged(programme)
    if judged is not None and programme.pooled is not None:
        judged = replace(judged, programme=programme.pooled.estimate)
    designs, whole = _designs(facts)
    found, row = [], 0
    for one, design in zip(facts, designs, strict=True):
        tested = any(not a.broken for a in one.arms)
        case = Case(one, programme, judged, row, design, None if tested else whole)
        found.append(_heard(case))
        row += len(case.readable)
    found.sort(key=lambda one: one.order)
    return Verdicts(
        tuple(found),
        programme,
        _pooled(programme, judged),
        0 if judged is None else int(np.isfinite(judged.p_adjusted).sum()),
        programme.notes,
    )


def _heard(case: Case) -> Recommendation:
    said = [case.costed(one) for ask in RULES if (one := ask(case)) is not None]
    beside: dict[Action, Recommendation] = {}
    for one in said[1:]:
        if one.action not in _SILENT_BESIDE and one.action != said[0].action:
            beside.setdefault(one.action, one)
    final = said[0].action in (Action.FIX_DATA, Action.STOP) or case.facts.changed_since
    return replace(said[0], also=() if final else tuple(beside.values()))


def _judged(programme: Programme) -> Judged | None:
    arms = [a for one in programme.facts for a in one.arms if a.readable]
    if not arms:
        return None
    return judge(
        Table.of(arms),
        np.array([_break_even(a.spend, a.people, programme) for a in arms]),
        np.array([a.spend_error for a in arms]),
        programme.worth_error,
        np.array([values.LOOKS if a.open_ended else 1 for a in arms]),
    )


def _break_even(spend: float | None, people: int, programme: Programme) -> float:
    """Conversions a person that pay for reaching a person; 0 where cost or value is unknown."""
    if not spend or not programme.worth or not people:
        return 0.0
    return min(spend / people / programme.worth, 0.99)


def _pooled(programme: Programme, judged: Judged | None) -> Figure | None:
    if programme.pooled is not None:
        return programme.pooled
    if judged is None or judged.programme is None or judged.programme.value is None:
        return None
    labels = {a.label for one in programme.facts for a in one.arms}
    weakest = max(labels, key=lambda label: label.rank, default=EvidenceLabel.RANDOMISED_HOLDOUT)
    return Figure(judged.programme, "times", "ratio of rates", weakest)


def _designs(facts: Sequence[Facts]) -> tuple[list[Design | None], Together | None]:
    """The test each segment would need, and the one for all that have none yet."""
    if not facts:
        return [], None
    seen = [one.seen for one in facts]
    rate = np.array([s.converted / s.people if s and s.people else 0.0 for s in seen])
    people = np.array([float(one.size) for one in facts])
    weekly = np.array([one.weekly or 0.0 for one in facts])
    days = np.array([s.window_days if s else 7.0 for s in seen])
    untested = np.array([not one.arms for one in facts])
    # Read as one, a person of several segments counts once.
    own = np.array([1.0 if f.first is None else f.first / max(f.size, 1) for f in facts])
    return (
        alone(rate, people, weekly, days),
        together(np.where(untested, rate, 0.0), people * own, weekly * own, days),
    )
