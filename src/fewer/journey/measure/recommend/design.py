"""What a test would take: the share to hold out, and the weeks until it can tell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fewer.journey.measure.recommend import values
from fewer.stats.allocation import smallest_pooled_ratio
from fewer.stats.estimate import Floats
from fewer.stats.power import people_needed

_ALMOST = 1 - 1e-9


@dataclass(frozen=True, slots=True)
class Design:
    """A test of one segment alone; `weeks` is None where nobody would wait for it."""

    holdout: int  # percent
    weeks: int | None
    people: int  # needed in all, both groups
    has: int  # there now


@dataclass(frozen=True, slots=True)
class Together:
    """One test of several segments, read as one."""

    holdout: int
    weeks: int | None
    segments: int


def alone(rate: Floats, people: Floats, weekly: Floats, window_days: Floats) -> list[Design | None]:
    """The shortest test of each segment that shows `values.WORTH_SEEING`.

    Args:
        rate: Share that converts now, fractions; 0 and 1 give None.
        people: In the segment now.
        weekly: New people a week.
        window_days: Days that outcomes are waited for after the last person came in.
    """
    known = (rate > 0) & (rate * values.WORTH_SEEING < _ALMOST) & (people > 0)
    base = np.where(known, rate, 0.01)
    shares = np.array(values.SHARES)
    kept = people_needed(
        base[:, None],
        values.WORTH_SEEING,
        comparison_share=shares / (1 - shares),
        wanted=values.POWER,
        confidence=values.CONFIDENCE,
    )
    needed = np.ceil(kept / (1 - shares))
    short = np.maximum(needed - people[:, None], 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        weeks = np.where(short > 0, short / weekly[:, None], 0.0)
    weeks = np.ceil(weeks + (window_days / values.WEEK_DAYS)[:, None])
    in_time = weeks <= values.SOON
    # The smallest share that is in time; where none is, the one that takes the fewest weeks, or
    # people where nobody knows how many come in a week.
    soonest = np.where(np.isfinite(weeks).any(axis=1), weeks.argmin(axis=1), needed.argmin(axis=1))
    at = np.where(in_time.any(axis=1), in_time.argmax(axis=1), soonest)
    return [
        Design(
            round(100 * values.SHARES[j]),
            int(weeks[i, j]) if weeks[i, j] <= values.LONGEST else None,
            int(needed[i, j]),
            int(people[i]),
        )
        if known[i]
        else None
        for i, j in enumerate(at)
    ]


def together(
    rate: Floats, people: Floats, weekly: Floats, window_days: Sequence[float] | Floats
) -> Together | None:
    """One test over all these segments, read as one; None where no rate is known."""
    known = (rate > 0) & (rate * values.WORTH_SEEING < _ALMOST) & (people > 0)
    if not known.any():
        return None
    rate, people, weekly = rate[known], people[known], np.nan_to_num(weekly[known])
    wait = int(np.ceil(float(np.asarray(window_days, np.float64)[known].max()) / values.WEEK_DAYS))
    weeks = np.arange(0, values.LONGEST)
    best: Together | None = None
    for share in values.SHARES:
        have = people + weeks[:, None] * weekly
        smallest = smallest_pooled_ratio(
            rate, have * (1 - share), have * share,
            wanted=values.POWER, confidence=values.CONFIDENCE,
        )  # fmt: skip
        seen = np.flatnonzero(smallest <= values.WORTH_SEEING)
        if not len(seen):
            continue
        found = Together(round(100 * share), int(seen[0]) + wait, int(known.sum()))
        if found.weeks is not None and found.weeks <= values.SOON:
            return found
        if best is None or (best.weeks or 0) > (found.weeks or 0):
            best = found
    return best or Together(round(100 * values.SHARES[-1]), None, int(known.sum()))
