"""Outcomes for recommending: which refresh to read, and what it says of each segment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import inf, sqrt
from typing import TYPE_CHECKING

from fewer.errors import GuardError
from fewer.journey.measure.evidence import EvidenceLabel
from fewer.journey.measure.recommend.facts import Arms, Seen
from fewer.journey.measure.table import Row, Verdict
from fewer.model.window import DAY, local_date
from fewer.project.recommending_costs import Costs, relative_error
from fewer.stats.estimate import normal_quantile

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from fewer.data.store.snapshots import Snapshot as Record
    from fewer.journey.measure.figure import Figure
    from fewer.journey.measure.table import Group
    from fewer.model.goal import Goal
    from fewer.project.measuring import Measured
    from fewer.project.project import Project
    from fewer.stats.estimate import Estimate

_SHORTEST = 1 / 24  # days


@dataclass(frozen=True, slots=True)
class Outcomes:
    """What one goal says, from one refresh on; `why` says why there is nothing, or too little."""

    goal: Goal | None
    zone: ZoneInfo
    measured: Measured | None = None
    why: str = ""
    usual_currency: str = ""
    open_ended: str = ""  # the holdout that has no planned end

    def arms(self, segment: str) -> tuple[Arms, ...]:
        """Randomised comparisons inside a segment."""
        return tuple(self._arms(row) for row in self._randomised if row.segment == segment)

    def costs(self, until_us: int) -> Costs:
        """Ad reports of the weeks before a refresh."""
        if self.measured is None:
            return Costs(None, until_us, self.zone)
        ads = self.measured.ads
        return Costs(ads.days if ads else (), until_us, self.zone, self.currency)

    @property
    def currency(self) -> str:
        """What the goal is worth in; empty for a goal without value."""
        value = self.goal.value if self.goal else None
        return (value.currency or self.usual_currency) if value else ""

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

    @property
    def worth(self) -> tuple[float | None, float]:
        """Average value of one converted person, and its relative standard error.

        All segments together give the average. The error is that of the segment with the smallest
        one: segments share people, so their errors can't be added up as if they did not.
        """
        if self.measured is None or self.goal is None or self.goal.value is None:
            return None, 0.0
        total = converted = 0.0
        least = inf
        for row in self.measured.outcomes.rows:
            value = row.group.value.estimate if row.group.value else None
            if row.goal != self.goal.id or row.variant_of or value is None or not value.value:
                continue
            total += value.value * row.group.people
            converted += row.group.converted
            least = min(least, _of_one(value, row.group))
        return (total / converted if converted else None), (0.0 if least == inf else least)

    def _arms(self, row: Row) -> Arms:
        found = row.comparisons[0]
        spend, error = self._spend(row)
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
            spend=spend,
            spend_error=error,
            open_ended=bool(self.open_ended) and row.experiment == self.open_ended,
            figure=found.ratio,
            broken=found.note if found.verdict is Verdict.SPLIT_BROKEN else "",
            early=early,
        )

    def _spend(self, row: Row) -> tuple[float | None, float]:
        """Spend on the people of a variant in the money of the goal, and its relative error."""
        causal = row.comparisons[0].causal
        one = causal.spend.one if causal and causal.spend else None
        if one is None or self.measured is None or self.measured.ads is None:
            return None, 0.0
        if self.currency and one[1] != self.currency:
            return None, 0.0
        at = row.design
        first, last = (local_date(us, self.zone) for us in (at.index_us, at.measured_until_us - 1))
        days = [
            d
            for d in self.measured.ads.days
            if d.segment == row.segment
            and first <= d.day <= last
            and d.arm in (None, "", row.group.name)
        ]
        return one[0], relative_error(days, (last - first).days + 1)

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
        why = "There is no goal to measure by: write one in goals.yaml."
        return Outcomes(None, project.zone, why=why)
    newest = project.newest_event_us or 0
    settings = project.settings
    rule = settings.holdout
    known = Outcomes(
        goal,
        project.zone,
        usual_currency=settings.currency or "",
        open_ended=rule.list if rule else "",
    )
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
        note = f"{goal.title}: {partly}" if partly else ""
        return replace(known, measured=found, why=note)
    return replace(known, why=why)


def _of_one(value: Estimate, group: Group) -> float:
    """Relative standard error of the value of one conversion, from that of one person.

    What varies from person to person is whether they convert, and how much then: the first part,
    which is known, is taken out.
    """
    if value.value is None or value.upper is None or value.lower is None or not group.converted:
        return inf
    quantile = normal_quantile(value.confidence)
    whole = (value.upper - value.lower) / 2 / quantile / value.value
    rate = group.converted / group.people
    return sqrt(max(whole**2 - (1 - rate) / group.converted, 0.25 / group.converted))


def _days(row: Row) -> float:
    """Days in which outcomes counted."""
    at = row.design
    return max((at.measured_until_us - at.start_us) / DAY, _SHORTEST)
