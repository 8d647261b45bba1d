"""People at rolling landmarks, moved by a hidden intent: what claims and lookbacks are tested on.

Intent drives both the interactions and the conversions. What the interactions themselves do
is `PanelSetting.effect`, by default nothing, so that whatever a comparison of people by their
interactions shows is selection. `decay` makes the plain case in which the chance of converting
falls by half every so many days since the last action.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

WEEK = 7
_HISTORY = 5  # weeks of behaviour before the first landmark
_BURN_IN = 35  # days until intent is in its steady state


@dataclass(frozen=True, slots=True, kw_only=True)
class PanelSetting:
    """A world of people who look, and may convert, week by week.

    Attributes:
        people: In the panel.
        landmarks: Index times, a week apart, at midnight; outcome windows never overlap.
        effect: What three or more interactions in the week before a landmark do to the
            hazard of the week after it, as a ratio. 1: nothing.
        half_life: Days in which intent halves.
        episodes: Chance of a new episode of intent per person and day.
        idle: Interactions a day without intent, of a person of mean activity ...
        keen: ... and for each unit of intent.
        spread: Of activity between people (standard deviation of its logarithm); activity
            makes people interact and never convert.
        hazard: Conversions per unit of intent and day.
        base: Hazard a day without intent.
        repeat: False: who converted leaves the population.
    """

    people: int = 5_000
    landmarks: int = 12
    effect: float = 1.0
    half_life: float = 5.0
    episodes: float = 0.01
    idle: float = 0.06
    keen: float = 0.5
    spread: float = 0.6
    hazard: float = 0.025
    base: float = 0.0005
    repeat: bool = True


@dataclass(frozen=True, slots=True)
class Panel:
    """One row per person and landmark T at risk. The last three columns are hidden."""

    person: Ints
    landmark: Ints  # 0, 1, ...: the week
    recent: Ints  # interactions in [T - 7 d, T)
    prior: Ints  # interactions in [T - 28 d, T - 7 d)
    days_since: Ints  # days since the last interaction, 0 for the day before T; -1: none in 28 d
    before: Bools  # converted in [T - 14 d, T - 7 d): the negative control
    converted: Bools  # converted in [T, T + 7 d)
    intent: Floats  # at T
    chance_many: Floats  # true chance of converting after 3 or more interactions ...
    chance_few: Floats  # ... and after fewer, all else equal

    def __len__(self) -> int:
        return len(self.person)

    def take(self, rows: npt.NDArray[np.generic]) -> Panel:
        """The rows at these positions, or of this mask."""
        return Panel(*(getattr(self, column.name)[rows] for column in fields(self)))

    @property
    def true_ratio(self) -> float:
        """What 3 or more do to the share that converts, among those with 1 or with 3 or more."""
        compared = (self.recent == 1) | (self.recent >= 3)
        return float(self.chance_many[compared].sum() / self.chance_few[compared].sum())

    @property
    def expected_ratio(self) -> float:
        """What the raw comparison of 3 or more with exactly 1 shows, without its chance error."""
        many, one = self.recent >= 3, self.recent == 1
        return float(self.chance_many[many].mean() / self.chance_few[one].mean())


def panel(seed: int, setting: PanelSetting | None = None) -> Panel:
    """Draw a panel. Costs about 0.2 s for 5,000 people x 12 landmarks."""
    chosen = setting or PanelSetting()
    rng = np.random.default_rng([seed, 2])
    weeks = _HISTORY + chosen.landmarks
    intent = _intent(rng, chosen, weeks * WEEK)
    activity = rng.lognormal(-(chosen.spread**2) / 2, chosen.spread, chosen.people)
    looks = rng.poisson(activity * (chosen.idle + chosen.keen * intent))
    weekly = looks.reshape(weeks, WEEK, chosen.people).sum(axis=1)
    hazard = np.minimum(chosen.base + chosen.hazard * intent, 0.5)
    few = _within_a_week(hazard)
    many = _within_a_week(np.minimum(hazard * chosen.effect, 0.9))
    seen = np.roll(weekly, 1, axis=0)  # week 0 gets the last one's; it is history, no landmark
    chance = np.where(seen >= 3, many, few)
    converted = rng.random(chance.shape) < chance
    lapsed = np.zeros_like(converted)
    if not chosen.repeat:
        lapsed[1:] = np.logical_or.accumulate(converted, axis=0)[:-1]
        converted &= ~lapsed
    since = _days_since(looks)
    rows = []
    for week in range(_HISTORY, weeks):
        at_risk = np.flatnonzero(~lapsed[week])
        rows.append(
            Panel(
                person=at_risk,
                landmark=np.full(len(at_risk), week - _HISTORY),
                recent=weekly[week - 1, at_risk],
                prior=weekly[week - 4 : week - 1, at_risk].sum(axis=0),
                days_since=since[week * WEEK, at_risk],
                before=converted[week - 2, at_risk],
                converted=converted[week, at_risk],
                intent=intent[week * WEEK, at_risk],
                chance_many=many[week, at_risk],
                chance_few=few[week, at_risk],
            )
        )
    return Panel(
        *(np.concatenate([getattr(r, column.name) for r in rows]) for column in fields(Panel))
    )


@dataclass(frozen=True, slots=True)
class Decay:
    """People by days since their last action, and who converted. `chance` is hidden."""

    days_since: Ints  # 0, 1, ...
    converted: Bools
    chance: Floats
    half_life: float
    floor: float


def decay(
    seed: int,
    *,
    people: int = 20_000,
    half_life: float = 6.0,
    start: float = 0.03,
    floor: float = 0.003,
    longest: int = 60,
) -> Decay:
    """People whose chance of converting is ``floor + start * 2 ** (-days / half_life)``."""
    rng = np.random.default_rng([seed, 3])
    days = np.minimum(rng.geometric(1 / 14, people) - 1, longest)
    chance = floor + start * 2.0 ** (-days / half_life)
    return Decay(days, rng.random(people) < chance, chance, half_life, floor)


def _intent(rng: np.random.Generator, setting: PanelSetting, days: int) -> Floats:
    """(days, people): fades by half every `half_life` days, jumps at a new episode."""
    eager = rng.gamma(1.2, 1 / 1.2, setting.people)
    keeps = 2.0 ** (-1 / setting.half_life)
    level = np.zeros(setting.people)
    intent = np.empty((days, setting.people))
    for day in range(-_BURN_IN, days):
        level *= keeps
        starts = np.flatnonzero(rng.random(setting.people) < setting.episodes * eager)
        level[starts] += rng.lognormal(-0.1, 0.55, len(starts))
        if day >= 0:
            intent[day] = level
    return intent


def _within_a_week(hazard: Floats) -> Floats:
    """(weeks, people): chance of at least one conversion in each week."""
    days, people = hazard.shape
    weekly = np.log1p(-hazard).reshape(days // WEEK, WEEK, people).sum(axis=1)
    chance: Floats = -np.expm1(weekly)
    return chance


def _days_since(looks: Ints) -> Ints:
    """(days, people): whole days between the last day with a look before this one, and this."""
    days = np.arange(len(looks))[:, None]
    last = np.maximum.accumulate(np.where(looks > 0, days, -(10**6)), axis=0)
    since = np.full(looks.shape, -1)
    since[1:] = days[1:] - 1 - last[:-1]
    since[(since < 0) | (since >= 4 * WEEK)] = -1
    return since
