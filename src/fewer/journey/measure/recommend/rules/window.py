"""Rules about the lookback window."""

from __future__ import annotations

from fewer.journey.measure.recommend.rules.base import Case
from fewer.journey.measure.recommend.verdict import Action, Amount, Recommendation


def better_window(case: Case) -> Recommendation | None:
    """The lookback analysis finds another window whose last band still pays."""
    window = case.facts.window
    if window is None or window.changed == case.facts.segment:
        return None
    more = window.size - case.facts.size
    return case.says(
        Action.CHANGE_WINDOW,
        "better_window",
        f"`{window.words}` instead of {window.now}: {window.size:,} people",
        f"{window.why[:1].upper()}{window.why[1:].removesuffix('.')}. Now it is {window.now}.",
        figure=window.figure,
        gain=Amount(float(more), "people"),
        wrong=(
            f"{abs(more):,} people are reached no more until it is taken back."
            if more < 0
            else f"{more:,} people who acted longer ago get the message until it is taken back."
        ),
        changed=(window.changed,),
        worth=case.weekly_conversions,
    )
