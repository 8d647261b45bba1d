"""What pairs could have shown in the past: drawn again over weeks in which nothing was sent.

Units are matched on what came before a past window only, as they will be matched before the real
one, so that the past does not look better than what is to come.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import special

from fewer.journey.measure.units.happened import Floats, Totals
from fewer.journey.measure.units.matching import Pairs, match
from fewer.stats.paired import LEAST_PAIRS, spread

_DRAWS: Final = 2_000
"""Re-assignments in all, over all past windows."""


@dataclass(frozen=True, slots=True)
class Gaps:
    """Pairs in one past window: log ratio then, log ratio before, and what chance alone gives."""

    now: Floats
    before: Floats
    noise: Floats

    def known(self) -> Gaps:
        """Pairs of which both are known."""
        there = np.isfinite(self.now) & np.isfinite(self.before)
        return Gaps(self.now[there], self.before[there], self.noise[there])


@dataclass(frozen=True, slots=True)
class Model:
    """How pairs move, from the past.

    Attributes:
        slope: Share of a pair's difference before that is expected to go on, from 0 to 1.
        between: Variance of a pair's log ratio beyond what counts of people give by chance.
    """

    slope: float
    between: float

    def weights(self, noise: Floats) -> Floats:
        """Of pairs: one over the variance expected of each."""
        return np.asarray(1 / np.maximum(self.between + noise, 1e-9), dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Placebo:
    """Pairs drawn again over past windows.

    Attributes:
        windows: Past windows it rests on.
        pairs: Pairs in the last of them.
        draws: Re-assignments.
        false_alarms: Share of them whose interval leaves out "no change", when there was none.
        estimates: Log changes they gave.
        reaches: Half the width of their intervals, on the log scale.
        scatter: Standard deviation of one pair of average weight.
    """

    model: Model
    windows: int
    pairs: int
    draws: int
    false_alarms: float
    estimates: Floats
    reaches: Floats
    scatter: float

    def chance(self, change: float) -> float:
        """Share of them that would have seen a relative `change`."""
        shift = float(np.log1p(change))
        seen = self.estimates + shift
        right = np.sign(seen) == np.sign(shift)
        return float(np.mean((np.abs(seen) > self.reaches) & right))

    def smallest(self, wanted: float) -> float:
        """Smallest relative rise that the share `wanted` of them would have seen."""
        return float(np.expm1(np.quantile(self.reaches - self.estimates, wanted)))

    def pairs_needed(self, change: float, *, wanted: float, confidence: float) -> int | None:
        """Pairs as alike as these that would see a relative `change`; None beyond all measure."""
        gap = abs(float(np.log1p(change)))
        many = np.arange(LEAST_PAIRS, 5_001)
        reach = special.stdtrit(many - 1, 0.5 + confidence / 2) + special.stdtrit(many - 1, wanted)
        enough = reach * self.scatter / np.sqrt(many) <= gap
        return int(many[np.argmax(enough)]) if enough.any() else None


def gaps_of(history: Totals, pairs: Pairs, window: int) -> Gaps:
    """Pairs in a window against all windows before it; the one after the last isn't known yet."""
    earlier = history.pooled(slice(0, window))
    before = earlier.levels[0]
    now = history.levels[window] if window < len(history.above) else np.full(len(before), np.nan)
    expected = earlier.converted[0] / max(window, 1) + 0.5
    first, second = pairs[:, 0], pairs[:, 1]
    return Gaps(
        now[first] - now[second],
        before[first] - before[second],
        1 / expected[first] + 1 / expected[second],
    )


def fitted(past: Sequence[Gaps]) -> Model:
    """Slope and variance from past windows, noisier pairs counting less."""
    now, before, noise = (
        np.concatenate([getattr(one, name) for one in past] or [np.empty(0)])
        for name in ("now", "before", "noise")
    )
    w = 1 / noise if len(noise) else noise
    below = float((w * before**2).sum())
    slope = float(np.clip((w * before * now).sum() / below, 0.0, 1.0)) if below > 0 else 0.0
    if not len(now):
        return Model(0.0, 0.0)
    left = now - slope * before
    return Model(slope, max(float((w * (left**2 - noise)).sum() / w.sum()), 0.0))


def placebo(
    history: Totals,
    people: NDArray[np.int64],
    *,
    seed: int,
    confidence: float = 0.95,
) -> Placebo | None:
    """Match on the past of each window, draw the pairs again and again, and look.

    Args:
        history: Windows, oldest first, by unit.
        people: Of each unit.
        seed: Of the draws.
        confidence: Of the intervals.

    Returns:
        None with fewer than two windows, or with too few pairs.
    """
    past = [
        gaps_of(history, match(history.first(k), people)[0], k).known()
        for k in range(1, len(history.above))
    ]
    return drawn(past, seed=seed, confidence=confidence)


def drawn(
    past: Sequence[Gaps], *, seed: int, confidence: float, model: Model | None = None
) -> Placebo | None:
    """Draw the sides of the pairs of past windows at random, many times."""
    past = [one for one in past if len(one.now) >= LEAST_PAIRS]
    if not past:
        return None
    fit = model or fitted(past)
    rng = np.random.default_rng(seed)
    each = -(-_DRAWS // len(past))
    means, reaches, scatter = [], [], []
    for one in past:
        left = one.now - fit.slope * one.before
        weights = fit.weights(one.noise)
        signs = rng.choice((-1.0, 1.0), (each, len(left)))
        found = spread(signs * left, weights)
        means.append(found.mean)
        reaches.append(found.reach(confidence))
        scatter.append(float((weights * left**2).sum() / weights.sum()))
    estimates, reach = np.concatenate(means), np.concatenate(reaches)
    return Placebo(
        fit,
        len(past),
        len(past[-1].now),
        len(estimates),
        float(np.mean(np.abs(estimates) > reach)),
        estimates,
        reach,
        float(np.sqrt(np.mean(scatter))),
    )
