"""Outcomes judged together: which segments are proven better or worse, and by how much.

Two locks have to open before a verdict rests on outcomes. The segment's own p-value, adjusted
over the whole programme, keeps the expected share of false verdicts at 5 %; and the interval of
its *shrunk* figure, which takes back the luck that made it stand out, must leave out break-even.
Where nothing was spent, or it is not known what, break-even is no difference. Break-even itself is
an estimate: what a conversion is worth and what a week costs vary, which widens both locks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
from scipy import special

from fewer.journey.measure.recommend import values
from fewer.journey.measure.recommend.facts import Arms
from fewer.stats.bayes import View, normal_view
from fewer.stats.estimate import Estimate, Estimates, Flags, Floats, normal_quantile
from fewer.stats.multiplicity import benjamini_hochberg
from fewer.stats.proportion import exact_p
from fewer.stats.score_difference import difference_score
from fewer.stats.shrinkage import fit_beta, shrink
from fewer.stats.stratified import mantel_haenszel_ratio


@dataclass(frozen=True, slots=True)
class Judged:
    """All comparisons of a programme, arrays with one element each.

    `gain` is conversions gained per person, shrunk; `net` the same less break-even.
    """

    p: Floats  # of "no better or worse than break-even"
    p_adjusted: Floats  # over the programme; NaN: could not be seen whatever had come out
    rate: Floats  # share that converts in the segment, both groups
    gain: Estimates
    break_even: Floats
    net: Estimates
    view: View  # chances and expected losses of `net`, conversions a person
    kept: Floats  # share kept of each departure from the average
    better: Flags
    worse: Flags
    programme: Estimate | None  # ratio of rates, all together
    programme_pays: bool = True  # as far as costs are known: all together bring more than they cost
    looks: int = 1  # times that it is read

    @property
    def programme_works(self) -> bool:
        """Whether all segments together convert more often than without, read so many times."""
        found = self.programme
        if found is None or found.lower is None or found.lower <= 1:
            return False
        return found.p is not None and found.p * self.looks <= values.LEVEL


@dataclass(frozen=True, slots=True)
class Table:
    """Sums of randomised comparisons, arrays of one length."""

    converted: Floats
    people: Floats
    control_converted: Floats
    control_people: Floats

    @classmethod
    def of(cls, arms: Sequence[Arms]) -> Table:
        """The sums of these comparisons."""
        rows = np.array(
            [(a.converted, a.people, a.control_converted, a.control_people) for a in arms],
            dtype=np.float64,
        ).reshape(-1, 4)
        return cls(*(rows[:, i] for i in range(4)))


def judge(
    table: Table,
    break_even: Floats | float = 0.0,
    bar_error: Floats | float = 0.0,
    worth_error: float = 0.0,
    looks: Floats | int = 1,
) -> Judged:
    """Judge every comparison of a programme at once.

    Args:
        table: Sums, one element a comparison; every group with people.
        break_even: Conversions per person that pay for reaching a person, as a fraction; 0
            where the cost is not known.
        bar_error: Relative standard error of what was spent on each.
        worth_error: Relative standard error of what a conversion is worth, the same for all.
        looks: Times that each comparison is read before it ends.

    Returns:
        `Judged`; arrays in the order given.
    """
    k1, n1, k2, n2 = (table.converted, table.people, table.control_converted, table.control_people)
    bar = np.broadcast_to(np.asarray(break_even, np.float64), k1.shape).copy()
    wobble = bar * np.hypot(bar_error, worth_error)
    rate = shared_rate(k1 + k2, n1 + n2)
    error = np.sqrt(rate * (1 - rate) * (1 / n1 + 1 / n2))
    p = np.where(bar == 0, exact_p(k1, n1, k2, n2), _p_at(table, bar, wobble / error))
    open_ = testable(table) | (bar != 0)
    often = np.minimum(p * looks, 1.0)
    adjusted = benjamini_hochberg(np.where(open_, often, np.nan))
    enough = np.minimum(n1, n2) * (k1 + k2) / (n1 + n2) >= values.LEAST_EXPECTED
    gain, kept = _shrunk(k1 / n1 - k2 / n2, error, rate, enough)
    net = _net(gain, bar, wobble)
    reach = (net.upper - net.lower) / 2 / normal_quantile(values.CONFIDENCE)
    _, view = normal_view(net.value, np.where(np.isfinite(reach), reach, np.nan))
    sure = np.isfinite(adjusted) & (adjusted <= values.LEVEL) & np.isfinite(gain.value)
    return Judged(
        p, adjusted, rate, gain, bar, net, view, kept,
        better=sure & (net.lower > 0),
        worse=sure & (net.upper < 0),
        programme=_programme(k1, n1, k2, n2),
        programme_pays=_pays(table, bar, np.hypot(error, bar * bar_error), worth_error, looks),
        looks=int(np.max(looks)) if np.size(looks) else 1,
    )  # fmt: skip


def testable(table: Table) -> Flags:
    """Comparisons that could be seen at all, had everything gone one way.

    With few conversions even the most extreme split between the groups has a large p-value.
    Such comparisons can't become false verdicts, so they need not make the others stricter
    (Tarone 1990, Biometrics 46, 515-522): the conversions of both groups together, which say
    so, tell nothing about the difference.
    """
    hits = table.converted + table.control_converted
    first = np.minimum(hits, table.people)
    second = np.minimum(hits, table.control_people)
    all_first = exact_p(first, table.people, hits - first, table.control_people)
    all_second = exact_p(hits - second, table.people, second, table.control_people)
    return np.asarray(np.minimum(all_first, all_second) <= values.LEVEL)


def shared_rate(k: Floats, n: Floats) -> Floats:
    """Share that converts in each segment, drawn towards the programme's where people are few.

    It gives each comparison its error. A segment's own rate would be too small where it was
    unlucky, and make that luck look certain.
    """
    if len(k) < values.LEAST_SEGMENTS or k.sum() == 0:
        return np.asarray((k + 0.5) / (n + 1))
    a, b = fit_beta(k, n)
    return np.asarray((k + a) / (n + a + b))


def _p_at(table: Table, bar: Floats, wobble: Floats) -> Floats:
    """Two-sided p-value of "the difference is break-even"; `wobble` in errors of the difference."""
    k1, n1, k2, n2 = (table.converted, table.people, table.control_converted, table.control_people)
    z = np.abs(difference_score(bar, k1, n1, k2, n2)) / np.sqrt(1 + wobble**2)
    return np.asarray(2 * special.ndtr(-z))


def _net(gain: Estimates, bar: Floats, wobble: Floats) -> Estimates:
    """Gain less break-even; both errors, which are independent, add up as squares."""
    more = normal_quantile(gain.confidence) * wobble
    value = gain.value - bar
    return Estimates(
        value,
        value - np.hypot(gain.value - gain.lower, more),
        value + np.hypot(gain.upper - gain.value, more),
        gain.p, gain.why, gain.method, gain.confidence,
    )  # fmt: skip


def _shrunk(gap: Floats, error: Floats, rate: Floats, enough: Flags) -> tuple[Estimates, Floats]:
    """Differences of rates, shrunk as shares of each segment's own rate.

    On that scale segments of high and of low rates have changes of one size, which is what
    shrinking takes for granted.
    """
    change = np.where(enough, gap / rate, np.nan)
    noise = np.where(enough, error / rate, np.nan)
    if enough.sum() >= values.LEAST_SEGMENTS:
        found = shrink(change, noise, confidence=values.CONFIDENCE)
        return _scaled(found.found, rate), found.kept
    posterior, _ = normal_view(change, noise, prior=values.SCEPTIC, confidence=values.CONFIDENCE)
    spread = values.SCEPTIC[1] ** 2
    return _scaled(posterior, rate), spread / (spread + noise**2)


def _scaled(found: Estimates, by: Floats) -> Estimates:
    return Estimates(
        found.value * by, found.lower * by, found.upper * by,
        found.p, found.why, found.method, found.confidence,
    )  # fmt: skip


def _pays(
    table: Table, bar: Floats, error: Floats, worth_error: float, looks: Floats | int
) -> bool:
    """Whether all comparisons of known cost together bring more than they cost.

    Of their errors that of the worth is common to all; the others are independent.
    """
    known = bar > 0
    if not known.any():
        return True
    people = table.people[known]
    gap = table.converted / table.people - table.control_converted / table.control_people
    net = float((people * (gap - bar)[known]).sum())
    own = float(((people * error[known]) ** 2).sum())
    common = worth_error * float((people * bar[known]).sum())
    level = values.LEVEL / float(np.max(looks))
    return net > normal_quantile(1 - level) * sqrt(own + common**2)


def _programme(k1: Floats, n1: Floats, k2: Floats, n2: Floats) -> Estimate | None:
    if not len(k1):
        return None
    found = mantel_haenszel_ratio(
        k1[None], n1[None], k2[None], n2[None], confidence=values.CONFIDENCE
    )
    return found.at(0)
