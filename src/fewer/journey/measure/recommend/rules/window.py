"""Rules about the lookback window."""

from __future__ import annotations

from fewer.journey.measure.recommend import values
from fewer.journey.measure.recommend.facts import Window
from fewer.journey.measure.recommend.rules.base import Case
from fewer.journey.measure.recommend.verdict import Action, Amount, Recommendation


def better_window(case: Case) -> Recommendation | None:
    """The lookback analysis finds another window whose last band still pays."""
    window = case.facts.window
    if window is None or window.changed == case.facts.segment:
        return None
    if window.p is not None and window.p > values.LEVEL:
        return None  # in a table of many segments some band is lower by luck
    more = window.size - case.facts.size
    return case.says(
        Action.CHANGE_WINDOW,
        "better_window",
        f"`{window.words}` instead of {window.now}: {window.size:,} people",
        f"{window.why[:1].upper()}{window.why[1:].removesuffix('.')}. Now it is {window.now}.",
        figure=window.figure,
        gain=Amount(float(more), "people"),
        reach=more,
        wrong=_wrong(case, window, more),
        changed=(window.changed,),
        worth=case.weekly_conversions,
    )


def _wrong(case: Case, window: Window, more: int) -> str:
    if more >= 0:
        return f"{more:,} people who acted longer ago get the message until it is taken back."
    said = f"{-more:,} people are reached no more"
    if window.weekly_rate is None:
        return f"{said} until it is taken back."
    most = case.amount(-more * window.weekly_rate)
    return f"{said}: at most {most.size}, if they convert only because of the message."
