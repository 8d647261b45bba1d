"""Simulated projects only: effects that were planted, beside what measuring found of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from pydantic import TypeAdapter

from fewer.journey.measure.assignment import experiments, holdout
from fewer.journey.measure.compare import compare, groups
from fewer.journey.measure.cost import BROAD, cost_table
from fewer.journey.measure.evidence import EvidenceLabel
from fewer.journey.measure.landmark import landmark
from fewer.journey.measure.population import population, sums
from fewer.journey.measure.recovered import Recovery
from fewer.model.condition import Condition
from fewer.model.window import to_utc_micros
from fewer.project.folder import TRUTH

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
    outcome = _purchases(study)
    for effect in truth.effects:
        if effect.at is not None and to_utc_micros(effect.at) != study.snapshot.as_of_us:
            continue
        found: Figure | None = None
        value = effect.value
        if effect.id.startswith("lift_"):
            found, value = _lift(study, effect, outcome), 1 + effect.value
        elif effect.id.startswith(("selection_", "recency_")):
            found = _contrast(study, effect, outcome)
        elif effect.id.startswith(("ctr_", "cpc_")):
            found = _cost(study, effect)
        if found is not None:
            yield Recovery(effect.id, effect.statement, value, found)


def _purchases(study: Study) -> Outcomes:
    goal = study.project.definitions.goals[0]
    end = study.reader.data_end(not_after_us=study.now_us) or study.snapshot.as_of_us
    at = landmark(goal, index_us=study.snapshot.as_of_us, data_end_us=end)
    return study.reader.outcomes(goal, at, study.everyone)


def _lift(study: Study, effect: Effect, outcome: Outcomes) -> Figure | None:
    """Ratio of everyone assigned to those held out, among all whom the rule fits."""
    rule = study.project.settings.holdout
    [segment] = effect.segments
    if rule is None or segment not in study.snapshot.segments:
        return None
    share = float(rule.percent) / 100
    made = holdout(study.reader.listed(rule.list), study.everyone, share=share, name=rule.list)
    view = study.snapshot.segment(segment)
    rows = experiments([population(view.definition, view.matched)], [outcome], [made])
    return rows[0].comparisons[0].ratio if rows else None


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
