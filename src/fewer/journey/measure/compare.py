"""Groups against one another: sums in, comparisons out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np
from pyroaring import BitMap

from fewer.journey.measure.evidence import EvidenceLabel
from fewer.journey.measure.figure import Figure
from fewer.journey.measure.looks import sequences
from fewer.journey.measure.outcomes import Outcomes
from fewer.journey.measure.population import Population, Sums
from fewer.journey.measure.table import Comparison, Group, Needed, Verdict
from fewer.stats.estimate import Estimate, Estimates, Floats, Method, estimates
from fewer.stats.mean import Moments, mean, mean_difference, mean_ratio
from fewer.stats.power import people_needed
from fewer.stats.proportion import difference, exact_p, rate, ratio
from fewer.stats.stratified import mantel_haenszel_ratio

CLAIMED: Final = 1.26
"""The change that is often promised of micro-segments: +26 % conversion."""

_SAME: Final = 0.01  # ratios closer to 1 than this need absurd numbers of people: not said


def groups(names: list[str], of: Sums, outcomes: Outcomes, label: EvidenceLabel) -> list[Group]:
    """The sums as groups of people, with rates and amounts per person."""
    rates = rate(of.converted, of.people, confidence=outcomes.confidence)
    values = mean(of.value, confidence=outcomes.confidence) if of.value else None
    found = []
    for i, (people, converted, conversions, before) in enumerate(of):
        value = Figure(values.at(i), "amount", outcomes.unit, label) if values else None
        share = Figure(rates.at(i), "share", "share of people", label)
        found.append(Group(names[i], people, converted, conversions, before, share, value))
    return found


def compare(
    first: Sums,
    against: Sums,
    other: list[Group],
    outcomes: Outcomes,
    label: EvidenceLabel,
    *,
    planned: Floats | None = None,
) -> list[Comparison]:
    """Each first group against its other one, groups that share nobody.

    With `planned`, the conversions expected of both at the planned end, intervals and p-values
    hold at every look together.
    """
    level = outcomes.confidence
    table = (first.converted, first.people, against.converted, against.people)
    if planned is not None:
        gaps, ratios, *amounts = sequences(first, against, level, planned)
        p = ratios.p
    else:
        gaps, ratios = difference(*table, confidence=level), ratio(*table, confidence=level)
        p = exact_p(*table)
        amounts = list(_amounts(first.value, against.value, level))
    found = []
    for i, group in enumerate(other):
        value_gap, value_ratio = (a.at(i) if a else None for a in amounts)
        known = ratios.at(i).state != "undefined" and not np.isnan(p[i])
        p_value = float(p[i]) if known else None
        found.append(
            Comparison(
                against=group,
                label=label,
                verdict=Verdict.CANNOT_TELL,  # until the whole family is adjusted
                difference=Figure(gaps.at(i), "points", "share of people", label),
                ratio=Figure(ratios.at(i), "times", "ratio of rates", label),
                value_difference=_figure(value_gap, "amount", outcomes.unit, label),
                value_ratio=_figure(value_ratio, "times", "ratio of amounts per person", label),
                p=p_value,
            )
        )
    return found


def against_everyone(rest: Comparison, segment: Group, everyone: Group) -> Comparison:
    """The comparison with the rest, restated against everyone, of whom the segment is a part.

    A ratio r to the rest is ``r / (w r + 1 - w)`` to everyone, w being the segment's share of
    them; a difference shrinks by ``1 - w``. Both rise with the original, so limits carry over.
    """
    w = segment.people / everyone.people if everyone.people else 0.0

    def times(figure: Figure) -> Figure:
        e = figure.estimate
        bounds = [None if x is None else x / (w * x + 1 - w) for x in (e.value, e.lower, e.upper)]
        if e.state == "unbounded above" and w:
            bounds[2] = 1 / w
        return replace(figure, estimate=_moved(e, bounds))

    def points(figure: Figure) -> Figure:
        e = figure.estimate
        bounds = [None if x is None else x * (1 - w) for x in (e.value, e.lower, e.upper)]
        return replace(figure, estimate=_moved(e, bounds))

    return replace(
        rest,
        against=everyone,
        difference=points(rest.difference) if rest.difference else None,
        ratio=times(rest.ratio) if rest.ratio else None,
        value_difference=points(rest.value_difference) if rest.value_difference else None,
        value_ratio=times(rest.value_ratio) if rest.value_ratio else None,
        adjusted=None,
    )


def _moved(estimate: Estimate, bounds: list[float | None]) -> Estimate:
    value, lower, upper = (np.nan if x is None else x for x in bounds)
    open_above = estimate.state == "unbounded above" and bounds[2] is None
    moved = estimates(
        [value],
        [lower],
        [np.inf if open_above else upper],
        method=Method.SCORE_RATIO,
        confidence=estimate.confidence,
    ).at(0)
    return replace(moved, p=estimate.p, why=estimate.why, method=estimate.method)


def judged(found: Comparison, group: Group, p_adjusted: float | None) -> Comparison:
    """The comparison with its verdict, and what more it would take where it can't tell."""
    figure = found.ratio or found.difference
    value = found.ratio.estimate.value if found.ratio else None
    gap = found.difference.estimate.value if found.difference else None
    needed = _needed(group, found.against, value)
    level = 1 - figure.estimate.confidence if figure else 0.05
    if p_adjusted is not None and gap and p_adjusted < level:
        verdict, needed = (Verdict.MORE if gap > 0 else Verdict.LESS), ()
    elif needed and needed[0].people <= group.people and found.ratio and found.ratio.estimate.upper:
        verdict = Verdict.NO_DIFFERENCE
    else:
        verdict = Verdict.CANNOT_TELL
    return replace(found, verdict=verdict, p_adjusted=p_adjusted, needed=needed)


def _needed(group: Group, against: Group, seen: float | None) -> tuple[Needed, ...]:
    base = against.converted / against.people if against.people else 0.0
    changes = [CLAIMED]
    if seen is not None and abs(seen - 1) >= _SAME and seen > 0:
        changes.append(seen)
    if not group.people:
        return ()
    share = against.people / group.people
    return tuple(
        Needed(c, int(np.ceil(people_needed(base, c, comparison_share=share))), group.people)
        for c in changes
        if 0 < base < 1 and base * c < 1 and share
    )


def adjusted_ratios(
    populations: Sequence[Population],
    everyone: BitMap,
    strata: list[list[BitMap]],
    outcomes: Outcomes,
) -> Estimates:
    """Ratio to the rest within strata of prior activity, one a population.

    `strata` holds, for each population, groups of people of equal prior activity.
    """
    shape = (len(populations), max((len(s) for s in strata), default=0))
    k1, n1, k2, n2 = (np.zeros(shape) for _ in range(4))
    cache: dict[int, tuple[list[int], list[int]]] = {}
    for i, (one, parts) in enumerate(zip(populations, strata, strict=True)):
        if id(parts) not in cache:
            alive = [part & everyone for part in parts]
            cache[id(parts)] = (
                [len(part) for part in alive],
                [part.intersection_cardinality(outcomes.bitmap) for part in alive],
            )
        sizes, hits = cache[id(parts)]
        members = one.members & everyone
        converted = members & outcomes.bitmap
        for j, part in enumerate(parts):
            n1[i, j] = members.intersection_cardinality(part)
            k1[i, j] = converted.intersection_cardinality(part)
            n2[i, j], k2[i, j] = sizes[j] - n1[i, j], hits[j] - k1[i, j]
    return mantel_haenszel_ratio(k1, n1, k2, n2, confidence=outcomes.confidence)


def _amounts(
    first: Moments | None, against: Moments | None, level: float
) -> tuple[Estimates | None, Estimates | None]:
    if first is None or against is None:
        return None, None
    return (
        mean_difference(first, against, confidence=level),
        mean_ratio(first, against, confidence=level),
    )


def _figure(estimate: Estimate | None, kind: str, unit: str, label: EvidenceLabel) -> Figure | None:
    return Figure(estimate, kind, unit, label) if estimate else None  # type: ignore[arg-type]


def p_values(found: list[list[Comparison]]) -> Floats:
    """P-values of a table of comparisons, NaN where there is none."""
    return np.array([[np.nan if c.p is None else c.p for c in row] for row in found])
