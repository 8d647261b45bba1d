"""The outcome table: every segment by every goal, from one moment on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from fewer.journey.measure.activity import Activity
from fewer.journey.measure.compare import (
    adjusted_ratios,
    against_everyone,
    compare,
    groups,
    judged,
    p_values,
)
from fewer.journey.measure.evidence import EvidenceLabel
from fewer.journey.measure.figure import Figure
from fewer.journey.measure.outcomes import AtRisk, Outcomes
from fewer.journey.measure.population import Population, Sums, sums
from fewer.journey.measure.table import Comparison, Data, Group, OutcomeTable, Row
from fewer.stats.estimate import Floats
from fewer.stats.mean import Moments
from fewer.stats.multiplicity import benjamini_hochberg

AT_RISK: Final[Mapping[AtRisk, str]] = {
    "everyone": "everyone in the group at the moment measured from",
    "not_before": "people of the group without a conversion before the moment measured from",
}
REST: Final = "rest"
EVERYONE: Final = "everyone"


def outcome_table(
    populations: Sequence[Population],
    outcomes: Sequence[Outcomes],
    *,
    data: Data,
    at_risk: AtRisk = "everyone",
    activity: Activity | None = None,
) -> OutcomeTable:
    """Every population by every goal, against the rest and against everyone.

    P-values are adjusted over the whole table. With `activity`, each ratio has a second one
    beside it, taken within strata of equal prior activity: conditions on what people did
    select active people, who convert more with or without them.

    Args:
        populations: Groups of people, as at the moment the outcomes are measured from.
        outcomes: One for each goal.
        data: Real or simulated.
        at_risk: As the outcomes were read; said in the table.
        activity: Days active before each group's own window.
    """
    blocks = [_block(populations, outcome, activity) for outcome in outcomes]
    found = [[row.comparisons[0] for row in block] for block in blocks]
    some = populations and outcomes
    adjusted = benjamini_hochberg(p_values(found)) if some else np.zeros((len(blocks), 0))
    rows = [
        _judge(row, p)
        for block, ps in zip(blocks, adjusted, strict=True)
        for row, p in zip(block, ps, strict=True)
    ]
    return OutcomeTable(
        rows=tuple(rows),
        data=data,
        at_risk=AT_RISK[at_risk],
        confidence=outcomes[0].confidence if outcomes else 0.95,
        family=int(np.isfinite(adjusted).sum()),
        notes=(EvidenceLabel.RAW_ASSOCIATION.meaning,),
    )


def _block(
    populations: Sequence[Population], outcome: Outcomes, activity: Activity | None
) -> list[Row]:
    """Rows of one goal, without verdicts."""
    label = EvidenceLabel.RAW_ASSOCIATION
    members = [one.members & outcome.at_risk for one in populations]
    inside, all_of = sums(members, outcome), sums([outcome.at_risk], outcome)
    rest = _repeat(all_of, len(populations)) - inside
    firsts = groups([one.id for one in populations], inside, outcome, label)
    rests = groups([REST] * len(populations), rest, outcome, label)
    everyone = groups([EVERYONE], all_of, outcome, label)[0]
    found = compare(inside, rest, rests, outcome, label)
    adjusted = _adjusted(populations, outcome, activity)
    return [
        Row(
            segment=one.id,
            title=one.title,
            variant_of=one.variant_of,
            goal=outcome.goal.id,
            goal_title=outcome.goal.title,
            design=outcome.landmark,
            group=group,
            comparisons=(
                replace(comparison, adjusted=beside),
                against_everyone(comparison, group, everyone),
            ),
            notes=_notes(group, outcome),
        )
        for one, group, comparison, beside in zip(populations, firsts, found, adjusted, strict=True)
    ]


def _adjusted(
    populations: Sequence[Population], outcome: Outcomes, activity: Activity | None
) -> list[Figure | None]:
    if activity is None or not populations:
        return [None] * len(populations)
    strata = [activity.strata(one.reach_us) for one in populations]
    ratios = adjusted_ratios(populations, outcome.at_risk, strata, outcome)
    label = EvidenceLabel.ADJUSTED_ASSOCIATION
    return [
        Figure(
            ratios.at(i),
            "times",
            "ratio of rates",
            label,
            f"among people with equally many active days {activity.words(one.reach_us)}",
        )
        for i, one in enumerate(populations)
    ]


def _judge(row: Row, p: Floats) -> Row:
    adjusted = float(p) if np.isfinite(p) else None
    judge: list[Comparison] = [judged(c, row.group, adjusted) for c in row.comparisons]
    judge[1:] = [replace(c, verdict=judge[0].verdict, needed=judge[0].needed) for c in judge[1:]]
    return replace(row, comparisons=tuple(judge))


def _notes(group: Group, outcome: Outcomes) -> tuple[str, ...]:
    notes = [outcome.landmark.note]
    if group.before:
        notes.append(f"{group.before:,} of them had already converted before")
    return tuple(note for note in notes if note)


def _repeat(one: Sums, times: int) -> Sums:
    """The same sums for every element, so that parts can be taken from them."""
    value = one.value
    repeated = value and Moments(
        *(np.repeat(a, times) for a in (value.n, value.total, value.squares, value.valued))
    )
    return replace(
        one,
        people=np.repeat(one.people, times),
        converted=np.repeat(one.converted, times),
        conversions=np.repeat(one.conversions, times),
        before=np.repeat(one.before, times),
        value=repeated,
    )
