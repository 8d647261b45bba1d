"""Daily reports of the ad platforms, with a planted effect of the segment on CTR and CPC.

The reports cover people the shop never identified; they are not meant to add up with the
``ad_click`` events.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fewer.data.simulate.catalogue import CAMPAIGNS, PLATFORMS, PRICING_CAMPAIGN
from fewer.data.simulate.truth import Effect

BROAD_CTR = (0.011, 0.021)  # by platform
BROAD_CPC = (0.86, 1.12)
PLATFORM_SHARE = (0.62, 0.38)  # of impressions, the same for every campaign
CLICK_CONVERTS = 0.024
BASKET = 58.0
INTEREST = ("kitchen_interest", "running_interest")
KEPT = 0.9  # of how a campaign's click rate wandered, from one day to the next
PLACEBO = "audio_interest"


@dataclass(frozen=True, slots=True)
class Reports:
    """One row per day, platform and campaign."""

    day: npt.NDArray[np.int64]
    platform: npt.NDArray[np.int64]
    campaign: npt.NDArray[np.int64]
    impressions: npt.NDArray[np.int64]
    clicks: npt.NDArray[np.int64]
    spend: npt.NDArray[np.float64]
    conversions: npt.NDArray[np.int64]
    value: npt.NDArray[np.float64]


def reports(
    rng: np.random.Generator, *, days: int, launch: int, scale: float, wander: float = 0.0
) -> Reports:
    """Reports of all campaigns; those with a holdout run from `launch` on."""
    day, platform, campaign = (
        axis.ravel()
        for axis in np.meshgrid(
            np.arange(days), np.arange(len(PLATFORMS)), np.arange(len(CAMPAIGNS)), indexing="ij"
        )
    )
    runs = (campaign < PRICING_CAMPAIGN) | (day >= launch)
    day, platform, campaign = day[runs], platform[runs], campaign[runs]
    size = len(day)
    weather = rng.normal(0, 0.08, (days, len(PLATFORMS)))  # moves all campaigns of a day alike
    shock = weather[day, platform]
    volume = np.array([c.daily_impressions for c in CAMPAIGNS]) * scale
    expected = volume[campaign] * np.array(PLATFORM_SHARE)[platform]
    impressions = rng.poisson(expected * np.exp(rng.normal(0, 0.10, size)))
    ctr = np.array(BROAD_CTR)[platform] * np.array([c.ctr for c in CAMPAIGNS])[campaign]
    own = rng.normal(0, 0.04, size)
    if wander:
        own += wandering(rng, wander, (days, len(CAMPAIGNS)))[day, campaign]
    clicks = rng.binomial(impressions, np.minimum(ctr * np.exp(shock + own), 1))
    cpc = np.array(BROAD_CPC)[platform] * np.array([c.cpc for c in CAMPAIGNS])[campaign]
    spend = np.round(clicks * cpc * np.exp(-shock / 2 + rng.normal(0, 0.04, size)), 2)
    conversions = rng.binomial(clicks, CLICK_CONVERTS)
    value = np.round(conversions * BASKET * np.exp(rng.normal(0, 0.2, size)), 2)
    return Reports(day, platform, campaign, impressions, clicks, spend, conversions, value)


def wandering(
    rng: np.random.Generator, spread: float, shape: tuple[int, int]
) -> npt.NDArray[np.float64]:
    """What a campaign keeps of the day before, by day and campaign: mean 0, a steady spread."""
    found = np.empty(shape)
    found[0] = rng.normal(0, spread, shape[1])
    fresh = spread * np.sqrt(1 - KEPT**2)
    for day in range(1, shape[0]):
        found[day] = KEPT * found[day - 1] + rng.normal(0, fresh, shape[1])
    return found


def ad_effects(table: Reports) -> tuple[Effect, ...]:
    """The planted ratios, each interest segment against `broad`."""
    how = "Sums over all days and platforms of `{}` against the sums of `broad`."
    interest = " and ".join(INTEREST)
    return (
        _effect(table, "ctr_interest", "Click-through rate", "ctr", INTEREST, how.format(interest)),
        _effect(table, "cpc_interest", "Cost per click", "cpc", INTEREST, how.format(interest)),
        _effect(table, "ctr_placebo", "Click-through rate", "ctr", (PLACEBO,), how.format(PLACEBO)),
    )


def _effect(
    table: Reports, name: str, metric: str, ratio: str, segments: tuple[str, ...], how: str
) -> Effect:
    chosen = [i for i, campaign in enumerate(CAMPAIGNS) if campaign.segment in segments]
    value = getattr(CAMPAIGNS[chosen[0]], ratio)
    inside = np.isin(table.campaign, chosen)
    clicks = {"compared": int(table.clicks[inside].sum())}
    clicks["against"] = int(table.clicks[table.campaign == 0].sum())
    noise = float(
        np.sqrt(sum(1 / max(1, n) for n in clicks.values())) + 0.06 / np.sqrt(inside.sum())
    )
    return Effect(
        id=name,
        statement=f"{metric} of {' and '.join(f'`{s}`' for s in segments)} is {value:.2f} times"
        " that of the broad campaign.",
        how=how,
        segments=segments,
        value=value,
        causal=True,
        recoverable=value == 1.0 or bool(abs(np.log(value)) > 4 * noise),
        counts=clicks,
    )
