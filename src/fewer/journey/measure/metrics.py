"""Metrics of an experiment: each arm against its control, over everyone assigned.

A metric with a margin is turned round: not "is there a difference" but "is the worst that the
data allow still within the margin". A claim with two halves ("cheaper clicks, and no fewer
conversions") holds only where both halves do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap

from fewer.journey.measure.ads import AdDay
from fewer.journey.measure.compare import compare, groups
from fewer.journey.measure.evidence import EvidenceLabel, check_words
from fewer.journey.measure.figure import Figure, change, percent
from fewer.journey.measure.landmark import Landmark
from fewer.journey.measure.looks import expected
from fewer.journey.measure.outcomes import Outcomes, among
from fewer.journey.measure.population import Sums, sums
from fewer.model.metric import AdSum, GoalSum, Guardrail, Mean, Metric
from fewer.model.window import local_date
from fewer.stats.estimate import Estimates, Method, estimates
from fewer.stats.margin import Against, Verdict, means_within, rates_within, within
from fewer.stats.ratio import ratio_of_ratios

PLATFORM: Final = (
    "platform-reported; people were assigned at random, the platform chose whom it met"
)
ONE_LOOK: Final = (
    "a ratio of sums has no interval that holds at every look: read it once, at the planned end"
)
_COLUMNS: Final[Mapping[str, str]] = {"revenue": "value"}


@dataclass(frozen=True, slots=True)
class Margin:
    """A comparison held against the loss that was agreed to be no loss."""

    limit: float  # what the ratio (or difference) must be better than
    worst: float | None  # the worst that the data allow
    relative: bool
    better: str
    p: float | None  # one-sided
    verdict: Verdict

    @property
    def words(self) -> str:
        """``within the margin: at worst −3 %, agreed were −5 %``."""
        if self.worst is None:
            return self.verdict.value
        said = change if self.relative else "{:+.3g}".format
        agreed = said(self.limit).replace("-", "\N{MINUS SIGN}")
        return (f"{self.verdict.value}: at worst {said(self.worst)}, agreed were {agreed}").replace(
            "-", "\N{MINUS SIGN}"
        )

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "limit": self.limit,
            "worst": self.worst,
            "relative": self.relative,
            "better": self.better,
            "p": self.p,
            "verdict": self.verdict.value,
            "words": self.words,
        }


@dataclass(frozen=True, slots=True)
class MetricResult:
    """One metric of one arm against the control."""

    metric: str
    title: str
    arm: str
    control: str
    label: EvidenceLabel
    ratio: Figure | None
    difference: Figure | None
    better: str
    guardrail: bool
    margin: Margin | None = None
    note: str = ""

    @property
    def sentence(self) -> str:
        """In the words that its evidence allows."""
        if self.ratio is None or self.ratio.estimate.value is None:
            why = self.note or (self.ratio.estimate.why if self.ratio else "") or "no figure"
            return check_words(f"{self.title}: {why}", self.label)
        e = self.ratio.estimate
        if e.lower is not None and e.upper is not None:
            limits = f"{e.confidence * 100:g} % interval {change(e.lower)} to {change(e.upper)}"
        else:
            limits = self.ratio.interval
        text = f"{self.title} {change(e.value or 0)} ({self.label.value}, {limits})"
        if self.margin:
            text += f"; {self.margin.words}"
        return check_words(text, self.label)

    def to_json(self) -> dict[str, Any]:
        """Plain values, each figure with unit and label."""
        return {
            "metric": self.metric,
            "title": self.title,
            "arm": self.arm,
            "control": self.control,
            "label": self.label.value,
            "ratio": self.ratio.to_json() if self.ratio else None,
            "difference": self.difference.to_json() if self.difference else None,
            "better": self.better,
            "guardrail": self.guardrail,
            "margin": self.margin.to_json() if self.margin else None,
            "note": self.note,
            "sentence": self.sentence,
        }


@dataclass(frozen=True, slots=True)
class Both:
    """The exclusions claim: cheaper clicks, and no more conversions lost than agreed."""

    cheaper: MetricResult
    kept: MetricResult
    margin: float  # share of conversions that may be lost

    @property
    def halves(self) -> tuple[Verdict, Verdict]:
        """Whether clicks got cheaper, and whether conversions were kept."""
        e = self.cheaper.ratio.estimate if self.cheaper.ratio else None
        cheap = Verdict.UNCLEAR
        if e is not None and e.upper is not None and e.upper < 1:
            cheap = Verdict.WITHIN
        elif e is not None and e.lower is not None and e.lower > 1:
            cheap = Verdict.BEYOND
        return cheap, self.kept.margin.verdict if self.kept.margin else Verdict.UNCLEAR

    @property
    def holds(self) -> bool | None:
        """Both halves hold; None where it can't be told yet."""
        if Verdict.BEYOND in self.halves:
            return False
        return True if set(self.halves) == {Verdict.WITHIN} else None

    @property
    def sentence(self) -> str:
        """The claim and whether it holds, half by half."""
        verdict = {True: "holds", False: "does not hold", None: "not enough data yet"}[self.holds]
        cheap, kept = self.halves
        said = {
            Verdict.WITHIN: "clicks are cheaper",
            Verdict.BEYOND: "clicks are dearer",
            Verdict.UNCLEAR: "whether clicks are cheaper can't be told",
        }[cheap]
        loss = f"{percent(self.margin)} % of conversions"
        lost = {
            Verdict.WITHIN: f"no more than {loss} are lost",
            Verdict.BEYOND: f"more than {loss} are lost",
            Verdict.UNCLEAR: f"a loss of more than {loss} can't be ruled out",
        }[kept]
        return check_words(
            f"{verdict}: {said}, and {lost}. {self.cheaper.sentence}. {self.kept.sentence}",
            self.kept.label,
        )

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "margin": self.margin,
            "holds": self.holds,
            "cheaper": self.cheaper.to_json(),
            "kept": self.kept.to_json(),
            "sentence": self.sentence,
        }


@dataclass(frozen=True, slots=True)
class Arms:
    """One arm and its control, with what is known of both.

    `days` are the ad reports of the experiment's segments while outcomes counted. `before` is
    what the same people did in as long a time before: how much is expected while looking daily.
    """

    arm: str
    control: str
    people: tuple[BitMap, BitMap]
    label: EvidenceLabel
    outcomes: Mapping[str, Outcomes]  # goal -> what its people did
    days: Sequence[AdDay]
    confidence: float = 0.95
    sequential: bool = False  # intervals hold at every look together
    before: Mapping[str, Outcomes] = field(default_factory=dict)  # goal -> the time before


CPC: Final = Metric.model_validate(
    {
        "id": "cpc",
        "name": "Cost per click",
        "ratio": {"of": {"ads": "spend"}, "to": {"ads": "clicks"}},
        "better": "lower",
    }
)


def result(
    metric: Metric, arms: Arms, *, guardrail: bool = False, margin: Guardrail | None = None
) -> MetricResult:
    """One metric of an arm against its control, held against a margin if there is one.

    Args:
        metric: As registered.
        arms: The two groups.
        guardrail: Whether it is there to see that nothing is harmed.
        margin: How much worse is still accepted; the metric's own when it has one.
    """
    margin = margin or metric.guardrail
    shell = MetricResult(
        metric.id, metric.title, arms.arm, arms.control, arms.label, None, None, metric.better,
        guardrail,
    )  # fmt: skip
    missing = [g for g in metric.goals if g not in arms.outcomes]
    if missing:
        return replace(shell, note=f"goal {missing[0]!r} can't be measured yet")
    foreign = _foreign(metric, arms)
    if foreign:
        return replace(shell, note=foreign)
    if metric.ratio and arms.sequential:
        return replace(shell, note=ONE_LOOK)
    if metric.ratio:
        return _ratio(metric, shell, arms, margin)
    return _per_person(metric, shell, arms, margin)


def _foreign(metric: Metric, arms: Arms) -> str:
    """Why money in several currencies gives no figure; empty where there is one currency."""
    said = [metric.currency] if metric.currency else []
    seen = [arms.outcomes[goal].currency for _, goal in metric.money]
    if metric.ratio:
        sums = {p.ads for p in (metric.ratio.of, metric.ratio.to) if isinstance(p, AdSum)}
        if sums & {"spend", "revenue"}:
            seen += [d.currency or "" for d in arms.days if d.arm in (arms.arm, arms.control)]
    several = sorted({c for c in (*said, *seen) if c})
    if len(several) < 2:  # noqa: PLR2004  two currencies
        return ""
    return (
        f"amounts are in {' and '.join(several)}, which are never added up or divided: convert them"
        " by day before loading"
    )


def both(kept: MetricResult, arms: Arms, margin: float) -> Both:
    """The exclusions claim from its conversions and the ad reports of its arms."""
    return Both(result(CPC, arms), kept, margin)


def _per_person(
    metric: Metric, shell: MetricResult, arms: Arms, margin: Guardrail | None
) -> MetricResult:
    outcome = arms.outcomes[metric.goals[0]]
    if metric.mean:
        found = _bounded(outcome, metric.mean, arms.people)
        if found is None:
            return replace(shell, note="the goal has no value")
        outcome = found
    pair = [p & outcome.at_risk for p in arms.people]
    first, second = (sums([people], outcome) for people in pair)
    other = groups([arms.control], second, outcome, arms.label)
    goal = metric.goals[0]
    planned = expected([pair[0] | pair[1]], arms.before.get(goal)) if arms.sequential else None
    one = compare(first, second, other, outcome, arms.label, planned=planned)[0]
    if metric.rate:
        ratio, gap = one.ratio, one.difference
    else:
        ratio, gap = one.value_ratio, one.value_difference
    shown = replace(shell, ratio=ratio, difference=gap)
    if margin is None:
        return shown
    share, relative = _size(margin)
    if arms.sequential:
        return replace(shown, margin=_daily_margin(ratio if relative else gap, margin, metric))
    terms: dict[str, Any] = {
        "margin": share, "relative": relative, "better": metric.better,
        "level": (1 - arms.confidence) / 2,
    }  # fmt: skip
    if metric.rate:
        against = rates_within(*_table(first, second), **terms)
    elif first.value is not None and second.value is not None:
        against = means_within(first.value, second.value, **terms)
    else:
        return shown
    return replace(shown, margin=_margin(against, relative=relative))


def _daily_margin(figure: Figure | None, margin: Guardrail, metric: Metric) -> Margin | None:
    """The margin against an interval that holds at every look."""
    if figure is None:
        return None
    share, relative = _size(margin)
    worse = -share if metric.better == "higher" else share
    e = figure.estimate
    value, lower, upper = (np.nan if x is None else x for x in (e.value, e.lower, e.upper))
    held = estimates([value], [lower], [upper], method=Method.SEQUENCE, confidence=e.confidence)
    limit = 1 + worse if relative else worse
    return _margin(within(held, limit, better=metric.better, log=relative), relative=relative)


def _table(first: Sums, second: Sums) -> tuple[NDArray[np.int64], ...]:
    return first.converted, first.people, second.converted, second.people


def _bounded(outcome: Outcomes, spec: Mean, people: tuple[BitMap, BitMap]) -> Outcomes | None:
    """The goal with a bounded sum a person as its value."""
    worth = outcome.value if spec.of == "value" else outcome.conversions.astype(np.float64)
    if worth is None:
        return None
    cap = float(spec.cap) if spec.cap is not None else np.inf
    if spec.winsorise is not None:
        everyone = (people[0] | people[1]) & outcome.at_risk
        inside = np.sort(worth[among(outcome.persons, everyone)])
        place = int(np.ceil(float(spec.winsorise) / 100 * len(everyone))) - 1
        place -= len(everyone) - len(inside)
        cap = float(inside[place]) if 0 <= place < len(inside) else np.inf
    unit = outcome.currency if spec.of == "value" else "conversions"
    return replace(outcome, value=np.minimum(worth, cap), currency=unit)


def _ratio(
    metric: Metric, shell: MetricResult, arms: Arms, margin: Guardrail | None
) -> MetricResult:
    spec = metric.ratio
    if spec is None:
        return shell
    if isinstance(spec.of, AdSum) != isinstance(spec.to, AdSum):
        return replace(
            shell, note="ad reports and people are not divided by one another here: see iCPA"
        )
    note = ""
    if isinstance(spec.of, AdSum) and isinstance(spec.to, AdSum):
        found, note = _of_days(arms, spec.of.ads, spec.to.ads)
    elif isinstance(spec.of, GoalSum) and isinstance(spec.to, GoalSum):
        found, note = _of_people(arms, spec.of, spec.to)
    else:
        found = None
    if found is None:
        return replace(shell, note=note)
    on_ads = isinstance(spec.of, AdSum)
    figure = Figure(found.at(0), "times", f"ratio of {metric.title}", arms.label,
                    PLATFORM if on_ads else "")  # fmt: skip
    shown = replace(shell, ratio=figure, note=note)
    if margin is None or margin.margin_percent is None:
        return shown
    worse = float(margin.margin_percent) / 100
    limit = 1 - worse if metric.better == "higher" else 1 + worse
    against = within(found, limit, better=metric.better, log=True)
    return replace(shown, margin=_margin(against, relative=True))


def _of_days(arms: Arms, over: str, under: str) -> tuple[Estimates | None, str]:
    """A ratio of ad reports in both arms, over days that both share."""
    given = [d for d in arms.days if d.arm in (arms.arm, arms.control)]
    currencies = {d.currency or "" for d in given}
    if len(currencies) > 1 and {over, under} & {"spend", "revenue"}:
        return None, f"ads are in {' and '.join(sorted(currencies))}, which are never added up"
    days = sorted({d.day for d in given})
    if not days:
        return None, "no ad report names these variants"
    place = {day: i for i, day in enumerate(days)}
    facts = np.zeros((2, 2, len(days)))
    for one in given:
        which = int(one.arm == arms.control)
        for j, name in enumerate((over, under)):
            facts[which, j, place[one.day]] += getattr(one, _COLUMNS.get(name, name))
    rows = [facts[i, j][None] for i in (0, 1) for j in (0, 1)]
    return ratio_of_ratios(*rows, confidence=arms.confidence), ""


def _of_people(arms: Arms, over: GoalSum, under: GoalSum) -> tuple[Estimates | None, str]:
    """A ratio of two sums of people in both arms, by person."""
    sides: list[list[NDArray[np.float64]]] = []
    for people in arms.people:
        found = [_each(arms.outcomes[part.goal], part, people) for part in (over, under)]
        if any(a is None for a in found):
            return None, "the goal has no value"
        sides.append([a for a in found if a is not None])
    n1, n2 = len(sides[0][0]), len(sides[1][0])
    rows = [
        np.concatenate([sides[0][0], np.zeros(n2)])[None],
        np.concatenate([sides[0][1], np.zeros(n2)])[None],
        np.concatenate([np.zeros(n1), sides[1][0]])[None],
        np.concatenate([np.zeros(n1), sides[1][1]])[None],
    ]
    return ratio_of_ratios(*rows, confidence=arms.confidence), ""


def _each(outcome: Outcomes, part: GoalSum, people: BitMap) -> NDArray[np.float64] | None:
    """One number for each of some people, in the order of their numbers."""
    everyone = np.asarray((people & outcome.at_risk).to_array(), dtype=np.uint32)
    if part.of == "people":
        return np.ones(len(everyone))
    worth = {
        "converted": np.ones(len(outcome.persons)),
        "conversions": outcome.conversions.astype(np.float64),
        "value": outcome.value,
    }[part.of]
    if worth is None:
        return None
    found = np.zeros(len(everyone))
    inside = among(outcome.persons, people & outcome.at_risk)
    found[np.searchsorted(everyone, outcome.persons[inside])] = worth[inside]
    return found


def _size(margin: Guardrail) -> tuple[float, bool]:
    if margin.margin_percent is not None:
        return float(margin.margin_percent) / 100, True
    return float(margin.margin or 0), False


def _margin(against: Against, *, relative: bool) -> Margin:
    worst, p = float(against.worst[0]), float(against.p[0])
    return Margin(
        against.limit,
        worst if np.isfinite(worst) else None,
        relative,
        against.better,
        None if np.isnan(p) else p,
        against.verdict(0),
    )


def within_days(days: Sequence[AdDay], at: Landmark, zone: ZoneInfo) -> list[AdDay]:
    """Ad reports of the days on which outcomes counted."""
    first = local_date(at.index_us, zone)
    last = local_date(max(at.measured_until_us - 1, at.index_us), zone)
    return [one for one in days if first <= one.day <= last]
