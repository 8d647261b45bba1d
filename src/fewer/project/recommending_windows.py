"""Better lookback windows for recommending: those that the data clearly prefers, and no others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np

from fewer.errors import DefinitionError, GuardError
from fewer.journey.measure.evidence import EvidenceLabel
from fewer.journey.measure.figure import short
from fewer.journey.measure.recommend import values
from fewer.journey.measure.recommend.facts import Window
from fewer.model.segment import LookbackError, Segment, lookback_targets, variant
from fewer.model.window import DAY, Duration
from fewer.project.lookback import Ask, Lookback, look_back
from fewer.project.recommending_names import renamed
from fewer.stats.multiplicity import benjamini_hochberg

if TYPE_CHECKING:
    from fewer.project.guarding import Tell
    from fewer.project.project import Project

_TIMES: Final = 8  # rolling moments; `fewer lookback` takes more


def windows(
    project: Project, segments: Sequence[Segment], goal: str, *, tell: Tell
) -> dict[str, Window]:
    """For each segment with lookback variants, the window to take instead of its own, if any.

    A shorter one only where the people it leaves out clearly convert less often, after correction
    over all these segments; a longer one only where those it adds surely convert about as often.
    """
    found, tests = {}, {}
    for segment in segments:
        tell(f"comparing windows of {segment.id}")
        looked, now = _looked(project, segment, goal, tell)
        if looked is None:
            continue
        tests[segment.id] = _least(looked, now)
        if (window := _window(segment, looked, now)) is not None:
            found[segment.id] = window
    # Every segment that was looked at counts in the family, also those where nothing was found.
    q = dict(zip(tests, benjamini_hochberg(list(tests.values())).tolist(), strict=True))
    return {i: w if w.p is None else replace(w, p=max(w.p, q[i])) for i, w in found.items()}


def _looked(
    project: Project, segment: Segment, goal: str, tell: Tell
) -> tuple[Lookback | None, str]:
    """Its windows and its own among them compared; None where there is too little history."""
    try:
        now = lookback_targets(segment.where)[0].within
    except LookbackError:
        return None, ""
    if segment.variants is None or now is None:
        return None, ""
    wanted = sorted({*segment.variants.lookback, now}, key=lambda w: w.micros)
    ask = Ask(windows=tuple(map(str, wanted)), goal=goal, times=_TIMES)
    try:
        return look_back(project, segment.id, ask, tell=tell), str(now)
    except (GuardError, DefinitionError):
        return None, ""


def _least(looked: Lookback, now: str) -> float:
    """The smallest p-value of a step up to its own window; NaN without any."""
    names = [band.window for band in looked.bands]
    own = names.index(now) if now in names else len(names) - 1
    p = [band.step_p for band in looked.bands[: own + 1] if band.step_p is not None]
    return min(p, default=np.nan)


def _window(segment: Segment, looked: Lookback, now: str) -> Window | None:
    names = [band.window for band in looked.bands]
    if looked.advice.window not in names or now not in names:
        return None
    taken, own = names.index(looked.advice.window), names.index(now)
    if taken == own:
        return None
    return _shorter(segment, looked, taken) if taken < own else _longer(segment, looked, taken, own)


def _shorter(segment: Segment, looked: Lookback, taken: int) -> Window | None:
    """Fewer people: those of the band that follows have to convert clearly less often."""
    before, after = looked.bands[taken], looked.bands[taken + 1]
    if not after.clearly_lower or after.step is None:
        return None
    rate, step = after.rate.estimate.value, after.step
    label = short(EvidenceLabel.RAW_ASSOCIATION)
    why = (
        f"people of {after.label} ago converted {step.number} as often as those of {before.label}"
        f" ({label}, {step.estimate.confidence * 100:g} % interval {step.interval})"
    )
    days = looked.outcome.micros / DAY
    weekly = None if rate is None else rate * values.WEEK_DAYS / days
    made = _made(segment, looked, taken)
    return replace(made, why=why, figure=step, p=after.step_p, weekly_rate=weekly)


def _longer(segment: Segment, looked: Lookback, taken: int, own: int) -> Window | None:
    """More people: each band added has to convert about as often, for sure."""
    added = looked.bands[own + 1 : taken + 1]
    for band in added:
        lower = band.step.estimate.lower if band.step else None
        if lower is None or lower < values.AS_GOOD:
            return None
    return replace(_made(segment, looked, taken), figure=added[-1].step)


def _made(segment: Segment, looked: Lookback, taken: int) -> Window:
    window = looked.bands[taken].window
    where = variant(segment, Duration.parse(window)).where
    return Window(
        changed=renamed(segment, segment.model_copy(update={"where": where})),
        words=f"within: {window}",
        now=str(lookback_targets(segment.where)[0].within),
        why=looked.advice.because,
        size=next(s.people for s in looked.sizes if s.window == window),
    )
