"""Every metric of an experiment by itself: which of them needs the most people or time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil, isfinite
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from fewer.journey.measure.ads import AdDay, join
from fewer.journey.measure.design.ads import LEAST_DAYS, AdBasis
from fewer.journey.measure.design.detect import MOST_WEEKS, Terms, rows, signed
from fewer.journey.measure.design.group import Group, together
from fewer.model.metric import AdSum, Metric
from fewer.model.window import DAY, from_utc_micros

if TYPE_CHECKING:
    from fewer.model.experiment import Experiment
    from fewer.project.knowing import Knowing

_AD_WEEKS: Final = 4
_RECENT: Final = 56  # days of ad reports that a plan rests on
_COLUMNS: Final[Mapping[str, str]] = {"revenue": "value"}


@dataclass(frozen=True, slots=True)
class MetricPlan:
    """What one metric can show over all people of the test together.

    Attributes:
        by: ``people``, or ``days`` of ad reports.
        change: Change that is worth seeing; of a guardrail, the loss agreed to be no loss.
        smallest: Smallest change seen: with the people of now, or over four weeks of ads.
        weeks: Until the change is seen; None when two years do not show it, or nobody knows.
        why: In words, where there is no figure.
    """

    metric: str
    title: str
    by: str
    base: float | None
    change: float
    smallest: float | None
    chance: float | None
    weeks: int | None
    guardrail: bool = False
    why: str = ""

    @property
    def words(self) -> str:
        """``Orders: +26 % in 6 weeks; the smallest change seen now is +41 %``."""
        if self.why:
            return f"{self.title}: {self.why}"
        now = "now" if self.by == "people" else f"over {_AD_WEEKS} weeks"
        least = "no change" if self.smallest is None else signed(self.smallest)
        when = f"not in {MOST_WEEKS} weeks" if self.weeks is None else f"in {self.weeks} weeks"
        return f"{self.title}: {signed(self.change)} {when}; the smallest seen {now} is {least}"

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "metric": self.metric,
            "by": self.by,
            "base": _round(self.base),
            "change": self.change,
            "smallest_change": _round(self.smallest),
            "chance": _round(self.chance),
            "weeks_to_verdict": self.weeks,
            "guardrail": self.guardrail,
            "verdict": self.words,
        }


def hardest(plans: Sequence[MetricPlan]) -> MetricPlan | None:
    """The one that a plan has to go by: it needs the most time, or is never seen."""
    known = [one for one in plans if not one.why]
    if not known:
        return None
    return max(known, key=lambda one: (one.weeks is None, one.weeks or 0, one.smallest or 0.0))


def of_people(
    metric: Metric, groups: Sequence[Group], terms: Terms, *, guardrail: bool
) -> MetricPlan:
    """A metric of goals, over all groups together; each has the metric's base."""
    found = together(groups, "programme", metric.title, "programme")
    asked = replace(terms, change=worth(metric, terms, guardrail=guardrail))
    row = rows([found], asked)[0]
    base = found.basis.level if found.basis else None
    why = "" if base is not None else "nothing is known of what people do by themselves"
    return MetricPlan(
        metric.id, metric.title, "people", base, asked.change, row.smallest, row.chance,
        row.weeks, guardrail, why,
    )  # fmt: skip


def worth(metric: Metric, terms: Terms, *, guardrail: bool) -> float:
    """Change to look for: of a guardrail its margin, of what should fall a fall."""
    margin = metric.guardrail.margin_percent if metric.guardrail else None
    if guardrail and margin is not None:
        loss = float(margin) / 100
        return -loss if metric.better == "higher" else loss
    return terms.change


def of_ads(
    metric: Metric,
    known: Knowing,
    experiment: Experiment,
    terms: Terms,
    shares: tuple[float, float],
    *,
    guardrail: bool,
) -> MetricPlan:
    """A metric of ad reports, from the days before; of its own segments where they have any."""
    asked = worth(metric, terms, guardrail=guardrail)
    empty = MetricPlan(metric.id, metric.title, "days", None, asked, None, None, None, guardrail)
    spec = metric.ratio
    if spec is None or not isinstance(spec.of, AdSum) or not isinstance(spec.to, AdSum):
        return replace(empty, why="ad reports and people are not divided by one another: see iCPA")
    found = _basis(known, experiment, spec.of.ads, spec.to.ads)
    if isinstance(found, str):
        return replace(empty, why=found)
    weeks = np.arange(1, MOST_WEEKS + 1)
    whole = sum(shares)
    parts = tuple(share / whole for share in shares)
    chance = found.chance(asked, weeks * 7, parts, terms.confidence)
    enough = chance >= terms.wanted
    smallest = float(
        found.smallest(_AD_WEEKS * 7, parts, wanted=terms.wanted, confidence=terms.confidence)
    )
    return replace(
        empty,
        base=found.level,
        smallest=smallest if isfinite(smallest) else None,
        chance=float(chance[_AD_WEEKS - 1]),
        weeks=ceil(weeks[np.argmax(enough)]) if enough.any() else None,
    )


def _basis(known: Knowing, experiment: Experiment, over: str, under: str) -> AdBasis | str:
    """Days of ad reports before the moment, or in words why there are too few."""
    rules = known.project.settings.ads.names
    ids = set(known.project.definitions.segment_ids)
    until = from_utc_micros(known.as_of_us).date()
    since = from_utc_micros(known.as_of_us - _RECENT * DAY).date()
    days = [d for d in join(known.reader.ad_days(), rules, ids).days if since <= d.day < until]
    wanted = set(experiment.segments)
    own = [d for d in days if d.segment and d.segment.partition("@")[0] in wanted]
    days = own or days
    currencies = {d.currency for d in days}
    if len(currencies) > 1 and {over, under} & {"spend", "revenue"}:
        return f"ads are in {' and '.join(sorted(currencies))}, which are never added up"
    sums = _by_day(days, (over, under))
    basis = AdBasis.of_days(*zip(*sums, strict=True)) if sums else None
    if basis is None:
        return (
            f"{len(sums)} days of ad reports before that moment: a plan takes {LEAST_DAYS} days"
            " with something above and below the line"
        )
    return basis


def _by_day(days: Sequence[AdDay], names: tuple[str, str]) -> list[tuple[float, float]]:
    found: dict[Any, list[float]] = {}
    for one in days:
        sums = found.setdefault(one.day, [0.0, 0.0])
        for i, name in enumerate(names):
            sums[i] += getattr(one, _COLUMNS.get(name, name))
    return [(a, b) for _, (a, b) in sorted(found.items())]


def _round(value: float | None) -> float | None:
    return None if value is None else round(value, 6)
