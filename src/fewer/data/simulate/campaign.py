"""Two randomised campaigns and the true answers about them.

Both start at `launch` and act for 14 days. A fifth of everyone is held out of both, by hash.
People who saw pricing in the 7 days before and never bought get the first, which multiplies
their hazard; people who looked at a product in 21 days, did not see pricing and never
bought get the second, which does nothing. The two groups share nobody.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from math import log as ln
from math import sqrt
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from fewer.data.identity.bucket import share_of
from fewer.data.simulate.catalogue import (
    PLATFORMS,
    PRICING_CAMPAIGN,
)
from fewer.data.simulate.log import DAY, INTERACTIONS, Ints, Log, events
from fewer.data.simulate.orders import pricing_views
from fewer.data.simulate.truth import Effect
from fewer.data.simulate.world import Bools, World

OUTCOME_DAYS = 14
TREATED_HAZARD = 2.4
HOLDOUT_SHARE = 0.20
HOLDOUT_SALT = "shop-2026-holdout"
CLICKED = 0.35  # share of the treated who click the ad
ENOUGH_POWER = 0.9

_WORKS = "The campaign to `{segment}` makes {ratio:.2f} times as many people buy."
_DOES_NOTHING = "The campaign to `{segment}` changes nothing."
_SELECTION = (
    "People with 3 or more interactions in 7 days buy {ratio:.2f} times as often as people with"
    " exactly 1, and the interactions cause none of it."
)
_DECAY = (
    "People who saw pricing 15 to 30 days ago buy {ratio:.2f} times as often as people who saw it"
    " in the last 7."
)


@dataclass(frozen=True, slots=True)
class Campaigns:
    """Who is held out, and whom each campaign is for (people by position)."""

    launch: int  # day
    holdout: Bools
    pricing: Bools
    product: Bools

    def chance(self, world: World) -> npt.NDArray[np.float32]:
        """Hazard of a purchase per day and person, with the effect of the first campaign."""
        chance = world.hazard.copy()
        acting = slice(self.launch, self.launch + OUTCOME_DAYS)
        chance[acting, self.pricing & ~self.holdout] *= np.float32(TREATED_HAZARD)
        return np.minimum(chance, np.float32(0.9))


def held_out(keys: list[str]) -> Bools:
    """Membership of the holdout for people of these ids."""
    return np.array([share_of(key, salt=HOLDOUT_SALT) < HOLDOUT_SHARE for key in keys])


def target(browsed: Log, *, bought: Bools, launch: int, holdout: Bools) -> Campaigns:
    """Choose whom the campaigns are for, from what people looked at before the launch.

    `bought` marks those with a purchase before it.
    """
    people = len(bought)
    before = browsed.take(browsed.ts < launch * DAY)
    looked = _recent(before.only("product_view"), people, launch, 21)
    saw_pricing = _recent(pricing_views(before), people, launch, 7)
    pricing = saw_pricing & ~bought
    product = looked & ~saw_pricing & ~bought
    return Campaigns(launch=launch, holdout=holdout, pricing=pricing, product=product)


def ad_clicks(rng: np.random.Generator, campaigns: Campaigns) -> Log:
    """Clicks of the treated on the first campaign's ad."""
    treated = np.flatnonzero(campaigns.pricing & ~campaigns.holdout)
    person = treated[rng.random(len(treated)) < CLICKED]
    span = rng.integers(0, OUTCOME_DAYS * DAY, len(person))
    platform = rng.integers(0, len(PLATFORMS), len(person))
    detail = PRICING_CAMPAIGN * len(PLATFORMS) + platform
    return events("ad_click", person, campaigns.launch * DAY + span, detail=detail)


def lift_effects(world: World, campaigns: Campaigns, *, first_day: datetime) -> tuple[Effect, ...]:
    """The true lift of each campaign among those it is for."""
    acting = slice(campaigns.launch, campaigns.launch + OUTCOME_DAYS)
    plain = _converts(world.hazard[acting])
    treated = _converts(np.minimum(world.hazard[acting] * TREATED_HAZARD, 0.9))
    groups = (
        ("lift_pricing", "pricing_hot", campaigns.pricing, treated, _WORKS),
        ("lift_placebo", "product_warm", campaigns.product, plain, _DOES_NOTHING),
    )
    effects = []
    for name, segment, members, with_ad, words in groups:
        given, withheld = members & ~campaigns.holdout, members & campaigns.holdout
        # Both rates over all members: the split is random, its luck is no part of the truth.
        before = _mean(plain, members)
        shown = _Contrast(_mean(with_ad, members), before, given, withheld)
        # Of the placebo: the chance that it would have shown what the other campaign does.
        power = _Contrast(_mean(treated, members), before, given, withheld).power
        effects.append(
            Effect(
                id=name,
                statement=words.format(segment=segment, ratio=shown.ratio),
                how=f"Purchase within {OUTCOME_DAYS} days of `at`: inside the segment at that"
                " moment, everyone not in the list `holdout` against everyone in it.",
                segments=(segment,),
                at=first_day + timedelta(days=campaigns.launch),
                value=shown.ratio - 1,
                causal=True,
                recoverable=power >= ENOUGH_POWER,
                power=power,
                counts={"treated": int(given.sum()), "held_out": int(withheld.sum())},
            )
        )
    return tuple(effects)


def association_effects(
    world: World,
    campaigns: Campaigns,
    log: Log,
    *,
    index: int,
    first_day: datetime,
    suffix: str = "",
) -> tuple[Effect, ...]:
    """What comparing people by behaviour shows at day `index`: intent, and no effect at all."""
    converts = _converts(campaigns.chance(world)[index : index + OUTCOME_DAYS])
    open_to = ~_bought(log, world.people, index)
    counts = _counts(log.only(*INTERACTIONS), world.people, index, 7)
    views = pricing_views(log)
    near = _recent(views, world.people, index, 7)
    far = _recent(views, world.people, index, 30) & ~_recent(views, world.people, index, 14)
    groups = (
        ("selection_three_plus", _SELECTION, (counts >= 3) & open_to, (counts == 1) & open_to),
        ("recency_decay", _DECAY, far & open_to, near & open_to),
    )
    effects = []
    for name, words, over, under in groups:
        contrast = _Contrast(_mean(converts, over), _mean(converts, under), over, under)
        effects.append(
            Effect(
                id=name + suffix,
                statement=words.format(ratio=contrast.ratio),
                how=f"Purchase within {OUTCOME_DAYS} days of `at`, among those who never bought"
                f" before it. Interactions: {', '.join(INTERACTIONS)}.",
                at=first_day + timedelta(days=index),
                value=contrast.ratio,
                causal=False,
                recoverable=contrast.power >= ENOUGH_POWER,
                power=contrast.power,
                counts={"compared": int(over.sum()), "against": int(under.sum())},
            )
        )
    return tuple(effects)


@dataclass(frozen=True, slots=True)
class _Contrast:
    """Two groups and the expected share of each that buys."""

    over_rate: float
    under_rate: float
    over: Bools
    under: Bools

    @property
    def ratio(self) -> float:
        return self.over_rate / self.under_rate if self.under_rate else 1.0

    @property
    def power(self) -> float:
        """Chance that a two-sided 95 % interval of the log ratio leaves 0 out (normal theory)."""
        n1, n0 = int(self.over.sum()), int(self.under.sum())
        p1, p0 = self.over_rate, self.under_rate
        if not (p1 and p0 and n1 and n0):
            return 0.0
        se = sqrt((1 - p1) / (n1 * p1) + (1 - p0) / (n0 * p0))
        return round(NormalDist().cdf(abs(ln(p1 / p0)) / se - 1.96), 4)


def _mean(chance: npt.NDArray[np.float64], group: Bools) -> float:
    return float(chance[group].mean()) if group.any() else 0.0


def _converts(hazard: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    chance: npt.NDArray[np.float64] = -np.expm1(np.log1p(-hazard.astype(np.float64)).sum(axis=0))
    return chance


def _bought(log: Log, people: int, day: int) -> Bools:
    return _counts(log.only("purchase"), people, day, day) > 0


def _recent(log: Log, people: int, day: int, within: int) -> Bools:
    return _counts(log, people, day, within) > 0


def _counts(log: Log, people: int, day: int, within: int) -> Ints:
    """Events per person in the `within` days before the midnight that starts `day`."""
    inside = (log.ts >= (day - within) * DAY) & (log.ts < day * DAY) & (log.person < people)
    counts: Ints = np.bincount(log.person[inside], minlength=people)
    return counts
