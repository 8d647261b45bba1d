"""What the e-mail tool and the ad server log: newsletters opened and clicked, ads shown."""

from __future__ import annotations

import numpy as np

from fewer.data.simulate.browsing import SECOND
from fewer.data.simulate.catalogue import PLATFORMS
from fewer.data.simulate.log import DAY, Log, concat, events
from fewer.data.simulate.world import Bools, Floats, Intent, Ints, World

NEWSLETTER_WEEKDAY = 1  # days after the first, modulo a week
SUBSCRIBED = 0.45  # share of the accounts
OPENS = 0.05  # of a newsletter by a subscriber without intent ...
KEEN_OPENS = 0.5  # ... and for each unit of it
CLICKS = 0.13  # of those who open
OPENS_PER_PERSON_DAY = 0.0035  # about
FREQUENCY = 3.0  # ads that a reached person sees, without intent


def newsletters(rng: np.random.Generator, world: World, intent: Intent) -> Log:
    """Today's opens and clicks; a newsletter goes out once a week and is opened within the day."""
    if intent.day % 7 != NEWSLETTER_WEEKDAY:
        nobody = np.zeros(0, dtype=np.int64)
        return events("email_open", nobody, nobody)
    subscribed = world.account & (np.arange(world.people) * 40_503 % 1_000 < 1_000 * SUBSCRIBED)
    subscribed &= world.signup_day < intent.day
    chance = np.minimum(OPENS + KEEN_OPENS * intent.level, 0.9)
    person = np.flatnonzero(subscribed & (rng.random(world.people, dtype=np.float32) < chance))
    issue = np.full(len(person), intent.day // 7, dtype=np.int64)
    ts = intent.day * DAY + rng.integers(8 * 3600, 22 * 3600, len(person)) * SECOND
    clicked = rng.random(len(person)) < CLICKS
    after = ts[clicked] + rng.integers(5, 600, int(clicked.sum())) * SECOND
    return concat(
        [
            events("email_open", person, ts, detail=issue),
            events("email_click", person[clicked], after, detail=issue[clicked]),
        ]
    )


def impressions(
    rng: np.random.Generator, person: Ints, level: Floats, *, campaign: int, first: int, days: int
) -> Log:
    """Ads shown to reached people over the days of a campaign; the keen see more of them.

    `level` is everyone's intent at the start.
    """
    often = 1 + rng.poisson(FREQUENCY * (0.5 + level[person]))
    who = np.repeat(person, np.minimum(often, 20))
    ts = first * DAY + rng.integers(0, days * DAY, len(who))
    platform = (who * 7) % len(PLATFORMS)  # each person is on one platform
    return events("ad_impression", who, ts, detail=campaign * len(PLATFORMS) + platform)


def reached(
    rng: np.random.Generator, level: Floats, members: Bools, *, reach: float, delivery: float
) -> tuple[Bools, Floats]:
    """(who an ad reaches, everyone's chance of it): platforms deliver more to likely converters."""
    odds = reach / (1 - reach) * (level / 0.05 + 0.05) ** np.float32(delivery)
    chance: Floats = np.where(members, odds / (1 + odds), 0.0).astype(np.float32)
    return rng.random(len(level), dtype=np.float32) < chance, chance
