"""Simulated projects only: what the data shows of randomised arms, beside what is true of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from pydantic import TypeAdapter
from pyroaring import BitMap

from fewer.evaluate.plan.plan import plan
from fewer.journey.measure.assignment import Assignment
from fewer.journey.measure.evidence import EvidenceLabel
from fewer.journey.measure.landmark import landmark
from fewer.journey.measure.metrics import Arms, result
from fewer.journey.measure.population import Population
from fewer.journey.measure.randomised import examine
from fewer.model.condition import Condition
from fewer.model.metric import Metric
from fewer.model.segment import Segment
from fewer.model.window import DAY, to_utc_micros

if TYPE_CHECKING:
    from fewer.data.simulate.truth import Effect, Experiment, PlantedArm, Truth
    from fewer.journey.measure.figure import Figure
    from fewer.journey.measure.outcomes import Outcomes
    from fewer.model.goal import Goal
    from fewer.project.measuring import Study

_CONDITION: Final[TypeAdapter[Condition]] = TypeAdapter(Condition)
_PRICING: Final = {"path": {"starts_with": "/pricing"}}
_RATIOS: Final = {
    "ctr": ("clicks", "impressions"),
    "cpc": ("spend", "clicks"),
    "cpa": ("spend", "conversions"),
}
_LABEL: Final = EvidenceLabel.RANDOMISED_ARM


@dataclass(frozen=True, slots=True)
class Found:
    """A figure, and the true value of the same thing."""

    figure: Figure
    truth: float


def goal_of(study: Study, truth: Truth) -> Goal | None:
    """The first goal, if it counts within as many days as the truth does."""
    goal = study.project.definitions.goals[0]
    return goal if goal.outcome_window.micros == truth.outcome_days * DAY else None


class ArmsFound:
    """Comparisons of the lists of arms, from the moment they were assigned on."""

    def __init__(self, study: Study, truth: Truth) -> None:
        self._study = study
        self._truth = truth
        self._by_effect = {name: one for one in truth.experiments for name in one.effects}
        self._outcomes: dict[int, Outcomes | None] = {}

    def find(self, effect: Effect) -> Found | None:
        """What the data shows of an effect of arms; None where it can't show it."""
        one = self._by_effect.get(effect.id)
        if one is None or effect.at is None:
            return None
        metric = effect.id.rpartition("_")[2]
        if metric in _RATIOS:
            return self._of_ads(one, effect, metric)
        lists = [self._study.reader.listed(arm.list) for arm in one.arms]
        if not all(lists):
            return None
        if effect.id.startswith("window_"):
            return self._of_band(one, effect, lists)
        groups = {arm.name: people for arm, people in zip(one.arms, lists, strict=True)}
        return self._compared(effect, groups, {arm.name: arm.share for arm in one.arms})

    def _of_band(self, one: Experiment, effect: Effect, lists: Sequence[BitMap]) -> Found | None:
        """Who acted so long ago: arms that reach so far back against those that don't."""
        least, most = (int(day) for day in effect.id.split("_")[1:])
        band = self._last_saw_pricing(one, least - 1, most)
        sent, held, share = BitMap(), BitMap(), 0.0
        for arm, people in zip(one.arms, lists, strict=True):
            if _days(arm) >= most:
                sent |= people & band
                share += arm.share
            else:
                held |= people & band
        return self._compared(
            effect, {"held": held, "sent": sent}, {"held": 1 - share, "sent": share}
        )

    def _last_saw_pricing(self, one: Experiment, after: int, until: int) -> BitMap:
        """Who saw pricing within `until` days before the assignment and not within `after`."""
        study, at = self._study, to_utc_micros(one.at)
        seen: dict[str, Any] = {"did": "page_view", "where": _PRICING, "within": f"{until}d"}
        newer = {"did_not": "page_view", "where": _PRICING, "within": f"{after}d"}
        rule = _CONDITION.validate_python({"all": [seen, newer]})
        made = plan(
            [Segment(id="planted_band", where=rule, exclude_defaults=False)],
            as_of_us=at,
            timezone=study.project.settings.timezone,
            session_gap=study.project.settings.identity.session_gap,
            catalog=study.project.generation.catalog,
        )
        with study.project.engine(at) as engine:
            return engine.evaluate(made).matched["planted_band"]

    def _compared(
        self, effect: Effect, groups: dict[str, BitMap], shares: dict[str, float]
    ) -> Found | None:
        """The second group against the first."""
        outcome = self._outcome(effect)
        if outcome is None or not all(groups.values()):
            return None
        made = Assignment(effect.id, groups, shares, next(iter(groups)), _LABEL)
        people = Population("everyone", "Everyone assigned", BitMap().union(*groups.values()))
        rows = examine([people], [outcome], [made]).rows
        ratio = rows[0].comparisons[0].ratio if rows else None
        return None if ratio is None else Found(ratio, 1 + effect.value)

    def _outcome(self, effect: Effect) -> Outcomes | None:
        goal, at = goal_of(self._study, self._truth), to_utc_micros(effect.at or self._truth.launch)
        if at not in self._outcomes:
            end = self._study.reader.data_end(not_after_us=self._study.now_us) or at
            self._outcomes[at] = None
            if goal is not None and end > at:
                when = landmark(goal, index_us=at, data_end_us=end)
                self._outcomes[at] = self._study.reader.outcomes(goal, when, self._everyone)
        return self._outcomes[at]

    @cached_property
    def _everyone(self) -> BitMap:
        lists = (arm.list for one in self._truth.experiments for arm in one.arms)
        return BitMap().union(*(self._study.reader.listed(name) for name in lists))

    def _of_ads(self, one: Experiment, effect: Effect, metric: str) -> Found | None:
        """A ratio of the ad reports of two arms."""
        if self._study.joined is None:
            return None
        control, arm = one.arms[0].name, one.arms[1].name
        over, under = _RATIOS[metric]
        asked = Metric.model_validate(
            {"id": metric, "ratio": {"of": {"ads": over}, "to": {"ads": under}}}
        )
        days = [day for day in self._study.joined.days if day.segment == one.id]
        nobody = (BitMap(), BitMap())
        found = result(asked, Arms(arm, control, nobody, _LABEL, {}, days)).ratio
        return None if found is None else Found(found, effect.value)


def _days(arm: PlantedArm) -> int:
    """How far an arm of windows reaches back: ``w14`` is 14 days."""
    return int(arm.name.removeprefix("w"))
