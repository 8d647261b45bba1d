"""Random assignment: who was held out, or given which version, before anything was sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from pyroaring import BitMap

from fewer.journey.measure.compare import compare, groups, judged, p_values
from fewer.journey.measure.evidence import EvidenceLabel
from fewer.journey.measure.figure import percent
from fewer.journey.measure.outcomes import Outcomes
from fewer.journey.measure.population import Population, Sums, sums
from fewer.journey.measure.table import Comparison, Row, SplitResult, Verdict
from fewer.stats.multiplicity import benjamini_hochberg
from fewer.stats.split import split_check


@dataclass(frozen=True, slots=True)
class Assignment:
    """Groups that chance made, and the shares it was told to make them of.

    Everyone assigned counts, reached or not: whoever was not reached is no random choice.
    """

    id: str
    arms: Mapping[str, BitMap]
    shares: Mapping[str, float]
    control: str
    label: EvidenceLabel

    def __post_init__(self) -> None:
        """Refuse what can't be an assignment."""
        if set(self.arms) != set(self.shares) or self.control not in self.arms:
            msg = f"assignment {self.id!r} needs one share for each arm, and its control among them"
            raise ValueError(msg)
        if not self.label.may_say_lift:
            msg = f"assignment {self.id!r} is random, so its label can't be {self.label.value}"
            raise ValueError(msg)
        several = BitMap()
        seen = BitMap()
        for people in self.arms.values():
            several |= seen & people
            seen |= people
        if several:
            msg = f"assignment {self.id!r} has {len(several):,} people in more than one arm"
            raise ValueError(msg)


def holdout(
    held_out: BitMap, everyone: BitMap, *, share: float, name: str = "holdout"
) -> Assignment:
    """A list of people held out at random, against everyone who is not on it.

    Args:
        held_out: People on the list; those not among `everyone` are left aside.
        everyone: People who could be on it.
        share: Planned share held out, a fraction in (0, 1).
        name: Of the list.
    """
    arms = {"assigned": everyone - held_out, name: held_out & everyone}
    shares = {"assigned": 1 - share, name: share}
    return Assignment(name, arms, shares, name, EvidenceLabel.RANDOMISED_HOLDOUT)


def experiments(
    populations: Sequence[Population],
    outcomes: Sequence[Outcomes],
    assignments: Sequence[Assignment],
) -> list[Row]:
    """Randomised comparisons inside each population, by intention to treat.

    A population of which an arm has nobody gives no row. Where the split check fails, the
    sizes are shown and the figures are withheld.
    """
    rows = [
        row
        for assignment in assignments
        for one in populations
        for outcome in outcomes
        for row in _rows(one, outcome, assignment)
    ]
    if not rows:
        return []
    adjusted = benjamini_hochberg(p_values([list(row.comparisons) for row in rows]))
    return [
        replace(
            row,
            comparisons=tuple(
                c
                if c.verdict is Verdict.SPLIT_BROKEN
                else judged(c, row.group, None if np.isnan(p) else float(p))
                for c, p in zip(row.comparisons, per_row, strict=True)
            ),
        )
        for row, per_row in zip(rows, adjusted, strict=True)
    ]


def _rows(one: Population, outcome: Outcomes, assignment: Assignment) -> list[Row]:
    people = one.members & outcome.at_risk
    inside = {name: people & arm for name, arm in assignment.arms.items()}
    if not all(inside.values()):
        return []
    control = sums([inside[assignment.control]], outcome)
    rows = []
    for name in assignment.arms:
        if name == assignment.control:
            continue
        treated = sums([inside[name]], outcome)
        split = _split(inside, name, assignment)
        group = groups([name], treated, outcome, assignment.label)[0]
        found = _compared(treated, control, assignment, outcome)
        rows.append(
            Row(
                segment=one.id,
                title=one.title,
                variant_of=one.variant_of,
                goal=outcome.goal.id,
                goal_title=outcome.goal.title,
                design=outcome.landmark,
                group=group,
                comparisons=(_guarded(found, split),),
                notes=("everyone assigned, reached or not",),
            )
        )
    return rows


def _compared(
    treated: Sums, control: Sums, assignment: Assignment, outcome: Outcomes
) -> Comparison:
    other = groups([assignment.control], control, outcome, assignment.label)
    return compare(treated, control, other, outcome, assignment.label)[0]


def _split(inside: Mapping[str, BitMap], name: str, assignment: Assignment) -> SplitResult:
    pair = (name, assignment.control)
    sizes, shares = [len(inside[arm]) for arm in pair], [assignment.shares[arm] for arm in pair]
    p = float(split_check(sizes, shares).p[0])
    return SplitResult(
        planned=shares[1] / sum(shares), seen=sizes[1] / sum(sizes), p=None if np.isnan(p) else p
    )


def _guarded(found: Comparison, split: SplitResult) -> Comparison:
    if not split.broken:
        return replace(found, split=split)
    return replace(
        found,
        split=split,
        verdict=Verdict.SPLIT_BROKEN,
        difference=None,
        ratio=None,
        value_difference=None,
        value_ratio=None,
        p=None,
        note=(
            f"{percent(split.seen)} % of these people are in {found.against.name!r}, planned were"
            f" {percent(split.planned)} %: chance can't explain that, so nothing may be read."
            " Look for people lost or added after the assignment."
        ),
    )
