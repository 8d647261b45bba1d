"""Ids that metrics and experiments name: each must be that of a definition of the right kind."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

from fewer.errors import Problem, did_you_mean

if TYPE_CHECKING:
    from fewer.language.files import Definitions
    from fewer.model.metric import Metric

Told = tuple[tuple[str | int, ...], str]
"""Path below the definition, and the id written there."""


def problems(definitions: Definitions) -> list[Problem]:
    """Every id named by a metric or experiment that nothing has."""
    goals = {goal.id for goal in definitions.goals}
    found = []
    for metric in definitions.metrics:
        for path, name in _goals(metric):
            if name not in goals:
                place = definitions.metric_place(metric.id, path)
                found.append(place.problem("unknown_goal", *_words("goal", name, goals)))
    found += _currencies(definitions)
    metrics = {metric.id: metric for metric in definitions.metrics}
    segments = set(definitions.segment_ids)
    for one in definitions.experiments:
        for at, name in enumerate(one.metrics):
            if name not in metrics and name not in goals:
                place = definitions.experiment_place(one.id, ("metrics", at))
                words = _words("metric or goal", name, metrics.keys() | goals)
                found.append(place.problem("unknown_metric", *words))
        for at, name in enumerate(one.guardrails):
            place = definitions.experiment_place(one.id, ("guardrails", at))
            if name not in metrics:
                found.append(place.problem("unknown_metric", *_words("metric", name, metrics)))
            elif metrics[name].guardrail is None:
                message = f"The metric {name!r} has no guardrail, so it can't be one."
                hint = "Add guardrail: {margin_percent: 2} to the metric."
                found.append(place.problem("no_margin", message, hint))
        for key in ("segments", "exclusions"):
            for at, name in enumerate(getattr(one, key)):
                if name not in segments:
                    place = definitions.experiment_place(one.id, (key, at))
                    words = _words("segment", name, segments)
                    found.append(place.problem("unknown_segment", *words))
    return found


def _currencies(definitions: Definitions) -> Iterator[Problem]:
    """Metrics of money whose goals are worth another currency than they say, or two of them."""
    worth = {g.id: g.value.currency for g in definitions.goals if g.value and g.value.currency}
    for metric in definitions.metrics:
        seen = {metric.currency: ()} if metric.currency else {}
        for path, name in metric.money:
            currency = worth.get(name)
            if currency is None:
                continue
            if seen and currency not in seen:
                message = (
                    f"The metric {metric.id!r} is in {next(iter(seen))}, and the goal {name!r} is"
                    f" worth {currency}: amounts of two currencies are never added up or divided."
                )
                hint = f"Write currency: {currency}, or convert amounts by day before loading."
                place = definitions.metric_place(metric.id, path)
                yield place.problem("other_currency", message, hint)
            seen.setdefault(currency, ())


def _goals(metric: Metric) -> Iterator[Told]:
    if metric.rate:
        yield ("rate", "goal"), metric.rate.goal
    if metric.mean:
        yield ("mean", "goal"), metric.mean.goal
    if metric.ratio:
        for key in ("of", "to"):
            goal = getattr(getattr(metric.ratio, key), "goal", None)
            if goal is not None:
                yield ("ratio", key, "goal"), goal


def _words(kind: str, name: str, known: Collection[str]) -> tuple[str, str]:
    near = did_you_mean(name, known).strip()
    return f"There is no {kind} {name!r}.", near or f"Define it, or name one of {len(known)}."
