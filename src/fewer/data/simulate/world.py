"""The people of the simulated shop, and the intent that moves them.

Intent is hidden: it comes in episodes that start at a random day with a random strength
and fade. It raises the rate of visits, the taste for the pricing page and the hazard of a
purchase. Visits and clicks have **no** effect on purchases; whoever compares people by how
much they clicked compares them by their intent.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fewer.data.simulate.catalogue import COUNTRIES, DEVICES, LEAVES, PLANS

FADE = float(np.exp(-1 / 7.0))  # a day's share of intent that is left the day after
BURN_IN = 35  # days before the first, so that intent starts in its steady state
EPISODES = 0.006  # chance of a new episode per person and day
HAZARD = 0.036  # purchases per unit of intent and day
BASE_HAZARD = 0.00008
IDLE_VISITS = 0.03  # relative rate of visits without intent ...
KEEN_VISITS = 0.8  # ... and for each unit of it
KEEN = 1.25  # purchases rise faster than intent does
NEVER = 10**6

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class World:
    """Per person, and (days, people) for what changes from day to day."""

    account: Bools
    signup_day: Ints  # below 0: before the first day; `NEVER`: no account
    country: Ints
    device: Ints
    plan: Ints
    leaf: Ints  # favourite category
    taste: Floats  # (people, 3): shares of blog, video, whitepaper
    visits: Floats  # (days, people): relative rate of visits
    intent: Floats  # (days, people)
    hazard: Floats  # (days, people): chance of a purchase on that day, untreated

    @property
    def people(self) -> int:
        """How many human beings there are."""
        return len(self.account)


def build_world(rng: np.random.Generator, *, people: int, days: int) -> World:
    """Draw everyone. Costs O(people x days)."""
    eager = rng.gamma(1.2, 1 / 1.2, people).astype(np.float32)
    intent = _intent(rng, eager, days)
    activity = rng.gamma(4.0, 1 / 4.0, people).astype(np.float32)
    weekday = np.array([1.0, 0.97, 0.96, 1.0, 1.05, 1.1, 1.12], dtype=np.float32)
    rhythm = weekday[np.arange(days) % 7][:, None]
    able = rng.lognormal(-0.08, 0.4, people).astype(np.float32)
    account = rng.random(people) < 0.62
    return World(
        account=account,
        signup_day=_signups(rng, account, days),
        country=rng.choice(len(COUNTRIES), people, p=[0.58, 0.08, 0.14, 0.12, 0.08]),
        device=rng.choice(len(DEVICES), people, p=[0.57, 0.36, 0.07]),
        plan=rng.choice(len(PLANS), people, p=[0.78, 0.15, 0.07]),
        leaf=rng.choice(len(LEAVES), people, p=_popularity(len(LEAVES))),
        taste=rng.dirichlet([0.55, 0.35, 0.12], people).astype(np.float32),
        visits=activity * rhythm * (IDLE_VISITS + KEEN_VISITS * intent),
        intent=intent,
        hazard=np.minimum(BASE_HAZARD + HAZARD * able * intent**KEEN, 0.5),
    )


def _intent(rng: np.random.Generator, eager: Floats, days: int) -> Floats:
    level = np.zeros(len(eager), dtype=np.float32)
    intent = np.empty((days, len(eager)), dtype=np.float32)
    for day in range(-BURN_IN, days):
        level *= np.float32(FADE)
        start = np.flatnonzero(rng.random(len(eager), dtype=np.float32) < EPISODES * eager)
        level[start] += rng.lognormal(-0.1, 0.55, len(start)).astype(np.float32)
        if day >= 0:
            intent[day] = level
    return intent


def _signups(rng: np.random.Generator, account: Bools, days: int) -> Ints:
    day = -rng.integers(1, 700, len(account))
    recent = rng.random(len(account)) < 0.06
    day[recent] = rng.integers(0, days, int(recent.sum()))
    day[~account] = NEVER
    return day


def _popularity(size: int) -> npt.NDArray[np.float64]:
    weight = 1.0 / np.arange(3, size + 3) ** 0.5
    share: npt.NDArray[np.float64] = weight / weight.sum()
    return share
