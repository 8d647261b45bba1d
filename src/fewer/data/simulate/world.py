"""The people of the simulated shop, and the intent that moves them from day to day.

Intent is hidden: it comes in episodes that start at a random day with a random strength
and fade. It raises the rate of visits, the taste for the pricing page and the hazard of a
purchase. Visits and clicks have **no** effect on purchases, the planted segments aside
(`plants`); whoever compares people by how much they clicked compares them by their intent.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fewer.data.simulate.catalogue import COUNTRIES, DEVICES, LEAVES, PLANS
from fewer.data.simulate.parameters import Parameters

BURN_IN = 35  # days before the first, so that intent starts in its steady state
BASE_HAZARD = 0.00008
IDLE_VISITS = 0.03  # relative rate of visits without intent ...
KEEN_VISITS = 0.8  # ... and for each unit of it
KEEN = 1.25  # purchases rise faster than intent does
NEVER = 10**6
STAFF_VISITS = 12.0  # times as many as others
WEEKDAY = (1.0, 0.97, 0.96, 1.0, 1.05, 1.1, 1.12)
SEASON = 28  # days from one height of intent to the next, if there are any
STRENGTH = (-0.1, 0.55)  # of an episode: mean and standard deviation of the logarithm

FIXED, INTENT = 0, 1  # streams of chance

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class World:
    """Everyone, and what never changes about them."""

    account: Bools
    signup_day: Ints  # below 0: before the first day; `NEVER`: no account
    country: npt.NDArray[np.int8]
    device: npt.NDArray[np.int8]
    plan: npt.NDArray[np.int8]
    leaf: npt.NDArray[np.int8]  # favourite category
    taste: Floats  # (people, 3): shares of blog, video, whitepaper
    activity: Floats  # mean 1, heavy right tail
    eager: Floats  # mean 1: how often intent comes
    able: Floats  # what intent is worth; 0 for staff
    staff: Bools

    @property
    def people(self) -> int:
        """How many human beings there are."""
        return len(self.account)


class Intent:
    """The hidden intent of everyone on one day; `step` goes to the next. Costs O(people) a day."""

    def __init__(self, world: World, parameters: Parameters) -> None:
        self._world = world
        self._parameters = parameters
        self.day = -BURN_IN - 1
        self.level: Floats = np.zeros(world.people, dtype=np.float32)
        while self.day < -1:
            self.step()

    def step(self) -> None:
        """Let a night pass."""
        self.day += 1
        rng = self._parameters.rng(INTENT, self.day + BURN_IN)
        self.level *= np.float32(self._parameters.fade)
        drawn = rng.random(self._world.people, dtype=np.float32)
        often = np.float32(self._parameters.episodes * self._season())
        start = np.flatnonzero(drawn < often * self._world.eager)
        self.level[start] += rng.lognormal(*STRENGTH, len(start)).astype(np.float32)

    def visits(self) -> Floats:
        """Relative rate of visits today."""
        rhythm = np.float32(WEEKDAY[self.day % 7])
        keen = np.float32(KEEN_VISITS * self._parameters.confounding)
        rate: Floats = self._world.activity * rhythm * (IDLE_VISITS + keen * self.level)
        return rate

    def hazard(self) -> Floats:
        """Chance of a purchase today, before campaigns and planted segments."""
        chosen = self._parameters
        grown = chosen.hazard * np.exp(chosen.drift * (self.day / chosen.days - 0.5))
        worth = np.float32(grown) * self._world.able * self.level**KEEN
        hazard: Floats = np.minimum(np.float32(BASE_HAZARD) + worth, np.float32(0.5))
        return hazard

    def _season(self) -> float:
        """1 on average."""
        return 1 + self._parameters.season * float(np.sin(2 * np.pi * self.day / SEASON))


def mean_visits(parameters: Parameters) -> float:
    """Expected relative rate of visits per person and day, in the steady state."""
    each = parameters.episodes * float(np.exp(STRENGTH[0] + STRENGTH[1] ** 2 / 2))
    level = each / (1 - parameters.fade)
    return IDLE_VISITS + KEEN_VISITS * parameters.confounding * level


def build_world(parameters: Parameters) -> World:
    """Draw everyone. Costs O(people)."""
    people = parameters.people
    rng = parameters.rng(FIXED)
    account = rng.random(people) < 0.62
    activity = rng.lognormal(-(parameters.spread**2) / 2, parameters.spread, people)
    able = rng.lognormal(-0.08, 0.4, people).astype(np.float32)
    staff = np.zeros(people, dtype=np.bool_)
    employed = np.flatnonzero(account)[: max(2, people // 5_000)]
    staff[employed] = True
    able[staff] = 0.0
    activity[staff] = STAFF_VISITS
    return World(
        account=account,
        signup_day=_signups(rng, account, staff, parameters.days),
        country=_small(rng.choice(len(COUNTRIES), people, p=[0.58, 0.08, 0.14, 0.12, 0.08])),
        device=_small(rng.choice(len(DEVICES), people, p=[0.57, 0.36, 0.07])),
        plan=_small(rng.choice(len(PLANS), people, p=[0.78, 0.15, 0.07])),
        leaf=_small(rng.choice(len(LEAVES), people, p=_popularity(len(LEAVES)))),
        taste=rng.dirichlet([0.55, 0.35, 0.12], people).astype(np.float32),
        activity=activity.astype(np.float32),
        eager=rng.gamma(1.2, 1 / 1.2, people).astype(np.float32),
        able=able,
        staff=staff,
    )


def _signups(rng: np.random.Generator, account: Bools, staff: Bools, days: int) -> Ints:
    day = -rng.integers(1, 700, len(account))
    recent = (rng.random(len(account)) < 0.06) & ~staff
    day[recent] = rng.integers(0, days, int(recent.sum()))
    day[~account] = NEVER
    return day


def _small(codes: Ints) -> npt.NDArray[np.int8]:
    return codes.astype(np.int8)


def _popularity(size: int) -> npt.NDArray[np.float64]:
    weight = 1.0 / np.arange(3, size + 3) ** 0.5
    share: npt.NDArray[np.float64] = weight / weight.sum()
    return share
