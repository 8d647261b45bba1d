"""Simulated projects only: effects that were planted, beside what measuring found of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from pydantic import TypeAdapter

from fewer.journey.measure.assignment import holdout
from fewer.journey.measure.compare import compare, groups
from fewer.journey.measure.cost import BROAD, cost_table
from fewer.journey.measure.evidence import EvidenceLabel
from fewer.journey.measure.landmark import landmark
from fewer.journey.measure.population import population, sums
from fewer.journey.measure.randomised import examine
from fewer.journey.measure.recovered import Recovery
from fewer.model.condition import Condition
from fewer.model.window import to_utc_micros
from fewer.project.folder import TRUTH
from fewer.project.planted_arms import ArmsFound, goal_of

if TYPE_CHECKING:
    from fewer.data.simulate.truth import Effect, Truth
    from fewer.journey.measure.figure import Figure
    from fewer.journey.measure.outcomes import Outcomes
    from fewer.project.measuring import Study
    from fewer.project.project import Project
    from fewer.project.snapshot import Snapshot

_INTERACTIONS: Final = ["product_view", "article_read", "video_play", "whitepaper_download"]
_NEVER_BOUGHT: Final = {"did_not": "purchase"}
_PRICING: Final = {"path": {"starts_with": "/pricing"}}
_CONDITION: Final[TypeAdapter[Condition]] = TypeAdapter(Condition)


def planted(project: Project, snapshot: Snapshot) -> list[Recovery]:
    """Every planted effect that this snapshot can be held against; none for real data."""
    path = project.folder.root / TRUTH
    if project.settings.data != "simulated" or not path.is_file():
        return []
    from fewer.data.simulate.truth import Truth
    from fewer.project.measuring import Study

    truth = Truth.read(path)
    with project.engine(snapshot.as_of_us) as engine:
        return list(_recoveries(Study(project, snapshot, engine), truth))


def _recoveries(study: Study, truth: Truth) -> Iterator[Recovery]:
    """What depends on who was in a segment is known at the snapshot's moment only."""
    outcome = _purchases(study, truth)
    arms = ArmsFound(study, truth)
    for effect in truth.effects:
        value, kind = effect.value, effect.id.partition("_")[0]
        here = effect.at is None or to_utc_micros(effect.at) == study.snapshot.as_of_us
        found: Figure | None = None
        if kind in {"lift", "reaching"} and here and outcome is not None:
            found = _assigned(study, effect, outcome)
            value = 1 + value if kind == "lift" else value
        elif kind in {"selection", "recency"} and here and outcome is not None:
            found = _contrast(study, effect, outcome)
        elif kind in {"ctr", "cpc"}:
            found = _cost(study, effect)
        elif (arm := arms.find(effect)) is not None:
            found, value = arm.figure, arm.truth
        if found is not None:
            yield Recovery(effect.id, effect.statement, value, found)


def _purchases(study: Study, truth: Truth) -> Outcomes | None:
    """Purchases after the snapshot; None where the first goal is not what the truth is about."""
    goal = goal_of(study, truth)
    end = study.reader.data_end(not_after_us=study.now_us) or study.snapshot.as_of_us
    if goal is None or end <= study.snapshot.as_of_us:
        return None
    at = landmark(goal, index_us=study.snapshot.as_of_us, data_end_us=end)
    return study.reader.outcomes(goal, at, study.everyone)


def _assigned(study: Study, effect: Effect, outcome: Outcomes) -> Figure | None:
    """Everyone assigned against those held out, among all whom the rule fits."""
    rule = study.project.settings.holdout
    [segment] = effect.segments
    if rule is None or segment not in study.snapshot.segments:
        return None
    share = float(rule.percent) / 100
    made = holdout(study.reader.listed(rule.list), study.everyone, share=share, name=rule.list)
    view = study.snapshot.segment(segment)
    people = [population(view.definition, view.matched)]
    rows = examine(people, [outcome], [made], study.terms).rows
    if not rows:
        return None
    found = rows[0].comparisons[0]
    if effect.id.startswith("lift_"):
        return found.ratio
    return found.causal.reach.difference if found.causal and found.causal.reach else None


def _contrast(study: Study, effect: Effect, outcome: Outcomes) -> Figure | None:
    """Ratio of two groups that chose themselves."""
    first, against = _groups(effect)
    people = study.matching({"planted_first": first, "planted_against": against})
    label = EvidenceLabel.RAW_ASSOCIATION
    over = sums([people["planted_first"]], outcome)
    under = sums([people["planted_against"]], outcome)
    other = groups(["against"], under, outcome, label)
    return compare(over, under, other, outcome, label)[0].ratio


def _groups(effect: Effect) -> tuple[Condition, Condition]:
    if effect.id.startswith("selection_"):
        seen = {"did": _INTERACTIONS, "within": "7d"}
        return (
            _all_of({**seen, "count": {"at_least": 3}}, _NEVER_BOUGHT),
            _all_of({**seen, "count": {"exactly": 1}}, _NEVER_BOUGHT),
        )
    near = {"did": "page_view", "where": _PRICING, "within": "7d"}
    none_newer = {"did_not": "page_view", "where": _PRICING, "within": "14d"}
    far = {**near, "within": "30d"}
    return _all_of(far, none_newer, _NEVER_BOUGHT), _all_of(near, _NEVER_BOUGHT)


def _all_of(*members: dict[str, Any]) -> Condition:
    return _CONDITION.validate_python({"all": members})


def _cost(study: Study, effect: Effect) -> Figure | None:
    """Ratio of a metric to that of the broad audience, over the segments that it names."""
    pool = {effect.id: effect.segments}
    table = cost_table(study.reader.ad_days(), data="simulated", pool=pool)
    metric = effect.id.partition("_")[0]
    rows = [r for r in table.rows if r.segment == effect.id and r.segment != BROAD]
    return rows[0].cost(metric).to_broad if rows else None
