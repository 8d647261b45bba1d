"""Outcomes for recommending: which refresh to read, and what it says of each segment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fewer.errors import GuardError
from fewer.journey.measure.evidence import EvidenceLabel
from fewer.journey.measure.recommend.facts import Arms, Seen
from fewer.journey.measure.table import Row, Verdict
from fewer.model.window import DAY

if TYPE_CHECKING:
    from fewer.data.store.snapshots import Snapshot as Record
    from fewer.journey.measure.figure import Figure
    from fewer.model.goal import Goal
    from fewer.project.measuring import Measured
    from fewer.project.project import Project

_SHORTEST = 1 / 24  # days


@dataclass(frozen=True, slots=True)
class Outcomes:
    """What one goal says, from one refresh on; `why` says why there is nothing, or too little."""

    goal: Goal | None
    measured: Measured | None = None
    why: str = ""

    def arms(self, segment: str) -> tuple[Arms, ...]:
        """Randomised comparisons inside a segment."""
        return tuple(_arms(row) for row in self._randomised if row.segment == segment)

    def seen(self, segment: str) -> Seen | None:
        """How it converted against everyone else."""
        if self.measured is None or self.goal is None:
            return None
        try:
            row = self.measured.outcomes.row(segment, self.goal.id)
        except KeyError:
            return None
        found, group = row.comparisons[0], row.group
        return Seen(
            group.people, group.converted, _days(row), found.ratio, group.rate, found.adjusted
        )

    def worth(self, currency: str) -> tuple[float | None, str]:
        """Average value of one converted person of all segments together, and its currency."""
        if self.measured is None or self.goal is None or self.goal.value is None:
            return None, ""
        total = converted = 0.0
        for row in self.measured.outcomes.rows:
            value = row.group.value.estimate.value if row.group.value else None
            if row.goal == self.goal.id and row.variant_of is None and value is not None:
                total += value * row.group.people
                converted += row.group.converted
        return (total / converted if converted else None), self.goal.value.currency or currency

    @property
    def pooled(self) -> Figure | None:
        """All segments of the largest holdout together, nobody counted twice."""
        if self.measured is None or self.goal is None:
            return None
        found = [
            p
            for p in self.measured.programmes
            if p.goal == self.goal.id
            and p.label is not EvidenceLabel.RANDOMISED_ARM
            and p.ratio is not None
            and p.verdict not in (Verdict.SPLIT_BROKEN, Verdict.TOO_EARLY)
        ]
        return max(found, key=lambda p: sum(p.people)).ratio if found else None

    @property
    def _randomised(self) -> list[Row]:
        if self.measured is None or self.goal is None:
            return []
        return [row for row in self.measured.randomised if row.goal == self.goal.id]


def outcomes(project: Project, history: Sequence[Record], goal: Goal | None) -> Outcomes:
    """Outcomes after the newest refresh whose window is over; else after the oldest there is.

    A window that is not over yet shows too few conversions, and looking each day until something
    shows finds something by chance: randomised comparisons of it are marked as too early.
    """
    if goal is None:
        return Outcomes(None, None, "There is no goal to measure by: write one in goals.yaml.")
    newest = project.newest_event_us or 0
    wait = goal.outcome_window.micros + (goal.gap.micros if goal.gap else 0)
    over = [r for r in history if r.as_of_us + wait <= newest + DAY]
    rest = [r for r in history if r not in over]
    why = ""
    for record in [*over, *rest[::-1]]:
        try:
            found = project.measure(goals=(goal.id,), build_id=record.id)
        except GuardError as error:
            why = why or str(error)
            continue
        rows = [row for row in found.outcomes.rows if row.goal == goal.id]
        partly = rows[0].design.note if rows else ""
        return Outcomes(goal, found, f"{goal.title}: {partly}" if partly else "")
    return Outcomes(goal, None, why)


def _arms(row: Row) -> Arms:
    found = row.comparisons[0]
    spend = found.causal.spend if found.causal else None
    early = found.note if found.verdict is Verdict.TOO_EARLY else row.design.note
    return Arms(
        experiment=row.experiment or found.against.name,
        arm=row.group.name,
        control=found.against.name,
        label=found.label,
        people=row.group.people,
        converted=row.group.converted,
        control_people=found.against.people,
        control_converted=found.against.converted,
        window_days=_days(row),
        spend=spend.one[0] if spend and spend.one else None,
        figure=found.ratio,
        broken=found.note if found.verdict is Verdict.SPLIT_BROKEN else "",
        early=early,
    )


def _days(row: Row) -> float:
    """Days in which outcomes counted."""
    at = row.design
    return max((at.measured_until_us - at.start_us) / DAY, _SHORTEST)
