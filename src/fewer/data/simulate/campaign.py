"""Three campaigns with one holdout, and the true answers about them.

They start at the launch and act for 14 days. A fifth of everyone is held out of all, by hash.
Of the others an ad platform reaches the keen sooner, and the ad acts on the reached only:
it multiplies the hazard of those who saw pricing in the 7 days before and never bought; it
does nothing to those who looked at a product in 21 days, did not see pricing and never bought;
it brings back some whose last purchase is 31 to 75 days ago. The three groups share nobody.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import numpy as np

from fewer.data.identity.bucket import share_of
from fewer.data.simulate.catalogue import (
    PLATFORMS,
    PRICING_CAMPAIGN,
    WARM_CAMPAIGN,
    WINBACK_CAMPAIGN,
)
from fewer.data.simulate.chances import ENOUGH_POWER, Ahead, Chances, Contrast, mean, size
from fewer.data.simulate.log import DAY, INTERACTIONS, Log, concat, events
from fewer.data.simulate.memory import Memory
from fewer.data.simulate.parameters import OUTCOME_DAYS, Parameters
from fewer.data.simulate.touch import impressions, reached
from fewer.data.simulate.truth import Band, Effect
from fewer.data.simulate.world import Bools, Floats

HOLDOUT: Final = "holdout"
CLICKED: Final = 0.35  # share of the reached who click the ad
LONGEST: Final = 30  # days since the last interaction, in the table of decay

_WORKS = "The campaign to `{segment}` makes {ratio:.2f} times as many people buy."
_DOES_NOTHING = "The campaign to `{segment}` changes nothing."
_REACHED = (
    "Of those treated in `{segment}`, the reached buy {ratio:.2f} times as often as the unreached;"
    " the platform chose whom to reach."
)
_REACHING = (
    "The ad to `{segment}` makes {points:.2f} more of 100 people buy, of those whom it reaches."
)
_SELECTION = (
    "People with 3 or more interactions in 7 days buy {ratio:.2f} times as often as people with"
    " exactly 1; intent alone makes it {unplanted:.2f}, of which the interactions cause none."
)
_DECAY = (
    "People who saw pricing 15 to 30 days ago buy {ratio:.2f} times as often as people who saw it"
    " in the last 7."
)
_ASSIGNED = (
    f"Purchase within {OUTCOME_DAYS} days of `at`: inside the segment at that moment, everyone"
    " not in the list `holdout` against everyone in it."
)


@dataclass(frozen=True, slots=True)
class Action:
    """One campaign: whom it is for, whom it reached, what it does to them."""

    name: str
    segment: str
    campaign: int
    members: Bools
    multiplier: float
    reached: Bools
    reach: Floats  # everyone's chance of being reached, held out or not


@dataclass(frozen=True, slots=True)
class Wave:
    """All campaigns of the launch."""

    holdout: Bools
    level: Floats  # everyone's intent at the launch
    actions: tuple[Action, ...]
    interference: float = 0.0

    def spill(self) -> Floats:
        """What everyone targeted feels of the ads of all, held out or not, as a factor."""
        targeted = np.logical_or.reduce([action.members for action in self.actions])
        given = sum((a.multiplier - 1) * size(a.reached) for a in self.actions)
        share = self.interference * given / max(1, size(targeted))
        return np.where(targeted, np.float32(1 + share), np.float32(1))

    def factor(self) -> Floats:
        """What the campaigns do to the hazard of each person, on each of their days."""
        factor = self.spill()
        for action in self.actions:
            factor[action.reached] *= np.float32(action.multiplier)
        return factor


def held_out(keys: Iterable[str], share: float, *, salt: str) -> Bools:
    """Membership of the holdout for people of these ids."""
    return np.fromiter((share_of(key, salt=salt) < share for key in keys), np.bool_)


def target(
    rng: np.random.Generator,
    memory: Memory,
    level: Floats,
    holdout: Bools,
    parameters: Parameters,
) -> Wave:
    """Choose whom the campaigns are for, from what people did before the launch."""
    day = parameters.launch
    bought = memory.ever("purchase")
    saw_pricing = memory.within("pricing", day, 7)
    looked = memory.within("view", day, 21)
    last = memory.last("purchase")
    groups = (
        ("pricing", "pricing_hot", PRICING_CAMPAIGN, saw_pricing & ~bought),
        ("placebo", "product_warm", WARM_CAMPAIGN, looked & ~saw_pricing & ~bought),
        ("winback", "lapsing_buyers", WINBACK_CAMPAIGN, (last >= day - 75) & (last < day - 31)),
    )
    does = {
        "pricing": parameters.pricing_multiplier,
        "placebo": 1.0,
        "winback": parameters.winback_multiplier,
    }
    actions = []
    for name, segment, campaign, members in groups:
        hit, chance = reached(
            rng, level, members, reach=parameters.reach, delivery=parameters.delivery
        )
        actions.append(Action(name, segment, campaign, members, does[name], hit & ~holdout, chance))
    return Wave(holdout, level.copy(), tuple(actions), parameters.interference)


def contacts(rng: np.random.Generator, wave: Wave, parameters: Parameters) -> Log:
    """Ads shown to the reached, and their clicks, over the days of the campaigns."""
    logs = []
    for action in wave.actions:
        who = np.flatnonzero(action.reached)
        logs.append(
            impressions(
                rng,
                who,
                wave.level,
                campaign=action.campaign,
                first=parameters.launch,
                days=OUTCOME_DAYS,
            )
        )
        person = who[rng.random(len(who)) < CLICKED]
        ts = parameters.launch * DAY + rng.integers(0, OUTCOME_DAYS * DAY, len(person))
        detail = action.campaign * len(PLATFORMS) + (person * 7) % len(PLATFORMS)
        logs.append(events("ad_click", person, ts, detail=detail))
    return concat(logs)


def lift_effects(wave: Wave, ahead: Ahead, parameters: Parameters) -> tuple[Effect, ...]:
    """The true lift of each campaign among those it is for, and what reach alone would show."""
    at = parameters.first_day + timedelta(days=parameters.launch)
    spill, untouched = wave.spill(), ahead.converts()
    plain = ahead.converts(spill) if wave.interference else untouched
    as_pricing = ahead.converts(spill * np.float32(parameters.pricing_multiplier))
    effects = []
    for action in wave.actions:
        exposed = plain
        if action.multiplier != 1:
            exposed = ahead.converts(spill * np.float32(action.multiplier))
        given, withheld = action.members & ~wave.holdout, action.members & wave.holdout
        people = (size(given), size(withheld))

        def assigned(reached_chance: Chances, action: Action = action) -> float:
            return mean(plain + action.reach * (reached_chance - plain), action.members)

        # Both rates over all members: the split is random, its luck is no part of the truth.
        untreated = mean(plain, action.members)
        shown = Contrast(assigned(exposed), untreated, *people)
        # Of the placebo: the chance that it would have shown what the first campaign does.
        judged = as_pricing if action.multiplier == 1 else exposed
        power = Contrast(assigned(judged), untreated, *people).power
        words = _DOES_NOTHING if action.multiplier == 1 else _WORKS
        effects.append(
            Effect(
                id=f"lift_{action.name}",
                statement=words.format(segment=action.segment, ratio=shown.ratio),
                how=_ASSIGNED,
                segments=(action.segment,),
                at=at,
                value=shown.ratio - 1,
                causal=True,
                recoverable=power >= ENOUGH_POWER,
                power=power,
                whole=_whole(wave, assigned(exposed), mean(untouched, action.members)),
                counts={
                    "treated": people[0],
                    "held_out": people[1],
                    "reached": size(action.reached),
                },
            )
        )
        effects.append(_reaching(action, exposed - plain, people, parameters))
        effects.append(_reach_effect(wave, action, plain, exposed, parameters))
    return tuple(effects)


def _whole(wave: Wave, rate: float, untouched: float) -> float | None:
    """What the campaign did, the held out included in what they felt; None without interference."""
    return rate / untouched - 1 if wave.interference and untouched else None


def _reaching(
    action: Action, gained: Chances, people: tuple[int, int], parameters: Parameters
) -> Effect:
    """What the ad does to those it reaches, in points."""
    reached = float(action.reach[action.members].sum())
    points = float((action.reach * gained)[action.members].sum() / reached) if reached else 0.0
    return Effect(
        id=f"reaching_{action.name}",
        statement=_REACHING.format(segment=action.segment, points=100 * points),
        how=f"{_ASSIGNED} The difference of the shares, over the difference of the shares reached.",
        segments=(action.segment,),
        at=parameters.first_day + timedelta(days=parameters.launch),
        value=points,
        causal=True,
        recoverable=False,  # beside `lift_`, which says whether the data are large enough
        counts={"treated": people[0], "held_out": people[1], "reached": size(action.reached)},
    )


def _reach_effect(
    wave: Wave, action: Action, plain: Chances, exposed: Chances, parameters: Parameters
) -> Effect:
    given = action.members & ~wave.holdout
    missed = given & ~action.reached
    shown = Contrast(
        mean(exposed, action.reached), mean(plain, missed), size(action.reached), size(missed)
    )
    return Effect(
        id=f"reached_{action.name}",
        statement=_REACHED.format(segment=action.segment, ratio=shown.ratio),
        how=f"Purchase within {OUTCOME_DAYS} days of `at`, among those not held out: with an"
        " `ad_impression` of the campaign against without.",
        segments=(action.segment,),
        at=parameters.first_day + timedelta(days=parameters.launch),
        value=shown.ratio,
        causal=False,
        recoverable=False,  # nothing that a tool should show as an effect
        power=shown.power,
        counts={"compared": shown.over, "against": shown.under},
    )


@dataclass(frozen=True, slots=True)
class Standing:
    """Groups that chose themselves, as they stand at the midnight that starts `day`."""

    day: int
    open_to: Bools  # never bought
    many: Bools  # 3 or more interactions in 7 days
    one: Bools  # exactly 1
    near: Bools  # saw pricing in the last 7 days
    far: Bools  # last saw it 15 to 30 days ago
    days_since: np.ndarray[tuple[int], np.dtype[np.int16]]  # since the last interaction


def standing(memory: Memory, day: int) -> Standing:
    """Take the groups down."""
    open_to = ~memory.ever("purchase")
    looks = memory.interactions()
    near = memory.within("pricing", day, 7)
    far = memory.within("pricing", day, 30) & ~memory.within("pricing", day, 14)
    since = np.int16(day - 1) - memory.last("interaction")
    return Standing(
        day,
        open_to,
        many=(looks >= 3) & open_to,
        one=(looks == 1) & open_to,
        near=near & open_to,
        far=far & open_to,
        days_since=since,
    )


def association_effects(
    groups: Standing,
    converts: Chances,
    unplanted: Chances,
    parameters: Parameters,
    *,
    suffix: str = "",
) -> tuple[Effect, ...]:
    """What comparing people by behaviour shows: intent, and no effect at all.

    `unplanted` are the chances had no segment been planted.
    """
    compared = (
        ("selection_three_plus", _SELECTION, groups.many, groups.one),
        ("recency_decay", _DECAY, groups.far, groups.near),
    )
    effects = []
    for name, words, over, under in compared:
        contrast = Contrast(mean(converts, over), mean(converts, under), size(over), size(under))
        bare = Contrast(mean(unplanted, over), mean(unplanted, under), size(over), size(under))
        effects.append(
            Effect(
                id=name + suffix,
                statement=words.format(ratio=contrast.ratio, unplanted=bare.ratio),
                how=f"Purchase within {OUTCOME_DAYS} days of `at`, among those who never bought"
                f" before it. Interactions: {', '.join(INTERACTIONS)}.",
                at=parameters.first_day + timedelta(days=groups.day),
                value=contrast.ratio,
                unplanted=bare.ratio,
                causal=False,
                recoverable=contrast.power >= ENOUGH_POWER,
                power=contrast.power,
                counts={"compared": contrast.over, "against": contrast.under},
            )
        )
    return tuple(effects)


def decay_table(groups: Standing, converts: Chances) -> tuple[Band, ...]:
    """Expected share that buys, by days since the last interaction."""
    bands = []
    for days in range(LONGEST + 1):
        inside = (groups.days_since == days) & groups.open_to
        if inside.any():
            bands.append(Band(days_since=days, people=size(inside), rate=mean(converts, inside)))
    return tuple(bands)


def _everyone(like: Chances, factor: float) -> Floats:
    return np.full(len(like), factor, dtype=np.float32)
