"""Rules about overlap: the same people twice get two messages and pay for two auctions."""

from __future__ import annotations

from fewer.journey.measure.recommend.rules.base import Case
from fewer.journey.measure.recommend.verdict import Action, Amount, Recommendation


def twin(case: Case) -> Recommendation | None:
    """Nearly the same people as another segment, which goes first."""
    for near in case.facts.near:
        if not near.gives_way:
            continue
        alike = round(100 * near.jaccard)
        only = case.facts.size - near.both
        segment = case.facts.segment.model_copy(update={"status": "archived"})
        return case.says(
            Action.STOP,
            "twin",
            f"nearly the same people as {near.other} ({alike} % of both together)",
            f"{near.both:,} of its {case.facts.size:,} people are in {near.other} ({near.title})"
            f" too, {alike} % of all people in either. One of the two is enough.",
            gain=Amount(float(near.both), "people who get one message instead of two"),
            reach=-case.facts.size,
            wrong=f"{only:,} people who are in this one alone are not reached any more.",
            changed=(segment,),
            worth=case.weekly_conversions,
        )
    return None
