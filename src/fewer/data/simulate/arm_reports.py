"""Daily ad reports of the randomised arms, with true ratios of click rate and cost planted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import numpy as np

from fewer.data.simulate.advertising import (
    BASKET,
    BROAD_CPC,
    BROAD_CTR,
    CLICK_CONVERTS,
    PLATFORM_SHARE,
    wandering,
)
from fewer.data.simulate.catalogue import PLATFORMS
from fewer.data.simulate.log import Floats, Ints
from fewer.data.simulate.parameters import Parameters
from fewer.data.simulate.truth import Effect


@dataclass(frozen=True, slots=True)
class AdArm:
    """An ad set of one arm; ratios are to the first arm of its comparison."""

    experiment: str
    arm: str
    daily_impressions: int
    ctr: float = 1.0
    cpc: float = 1.0
    converts: float = 1.0  # clicks that convert


AD_ARMS: Final = (
    AdArm("creative", "portrait", 12_000),
    AdArm("creative", "product", 12_000, ctr=1.25),
    AdArm("programme", "broad", 20_000),
    AdArm("programme", "segmented", 20_000, ctr=1.20, cpc=0.88, converts=1.26),
    AdArm("exclusions", "off", 20_000),
    AdArm("exclusions", "on", 17_000, cpc=0.86, converts=1.16),
)
_METRICS: Final = {"ctr": "Click-through rate", "cpc": "Cost per click", "cpa": "Cost per order"}
_PLANTED: Final = (
    ("creative", "ctr"),
    ("programme", "ctr"),
    ("programme", "cpc"),
    ("programme", "cpa"),
    ("exclusions", "cpc"),
    ("exclusions", "cpa"),
)


@dataclass(frozen=True, slots=True)
class ArmReports:
    """One row per day, platform and arm."""

    day: Ints
    platform: Ints
    arm: Ints  # position in AD_ARMS
    impressions: Ints
    clicks: Ints
    spend: Floats
    conversions: Ints
    value: Floats


def arm_reports(
    rng: np.random.Generator, *, first: int, days: int, scale: float, wander: float = 0.0
) -> ArmReports:
    """Reports of all arms from day `first` on; a day's weather moves all arms alike."""
    day, platform, arm = (
        axis.ravel()
        for axis in np.meshgrid(
            np.arange(days), np.arange(len(PLATFORMS)), np.arange(len(AD_ARMS)), indexing="ij"
        )
    )
    shock = rng.normal(0, 0.08, (days, len(PLATFORMS)))[day, platform]
    noise = rng.normal(0, 0.04, (3, len(day)))
    if wander:
        noise[1] += wandering(rng, wander, (days, len(AD_ARMS)))[day, arm]

    def ratio(name: str) -> Floats:
        return np.array([getattr(each, name) for each in AD_ARMS])[arm]

    volume = ratio("daily_impressions") * scale * np.array(PLATFORM_SHARE)[platform]
    impressions = rng.poisson(volume * np.exp(noise[0]))
    ctr = np.array(BROAD_CTR)[platform] * ratio("ctr")
    clicks = rng.binomial(impressions, np.minimum(ctr * np.exp(shock + noise[1]), 1))
    cpc = np.array(BROAD_CPC)[platform] * ratio("cpc") * np.exp(noise[2] - shock / 2)
    conversions = rng.binomial(clicks, CLICK_CONVERTS * ratio("converts"))
    value = np.round(conversions * BASKET * np.exp(rng.normal(0, 0.2, len(day))), 2)
    return ArmReports(
        day + first,
        platform,
        arm,
        impressions,
        clicks,
        np.round(clicks * cpc, 2),
        conversions,
        value,
    )


def arm_ad_effects(table: ArmReports, parameters: Parameters) -> tuple[Effect, ...]:
    """The planted ratios of each second arm to the first of its comparison."""
    effects = []
    for experiment, metric in _PLANTED:
        base, other = (i for i, arm in enumerate(AD_ARMS) if arm.experiment == experiment)
        value = _true(AD_ARMS[other], metric) / _true(AD_ARMS[base], metric)
        counted = table.conversions if metric == "cpa" else table.clicks
        counts = {
            "compared": int(counted[table.arm == other].sum()),
            "against": int(counted[table.arm == base].sum()),
        }
        noise = float(np.sqrt(sum(1 / max(1, n) for n in counts.values())))
        names = f"`{AD_ARMS[other].arm}` is {value:.2f} times that of `{AD_ARMS[base].arm}`"
        effects.append(
            Effect(
                id=f"{experiment}_{metric}",
                statement=f"{_METRICS[metric]} of the arm {names}.",
                how=f"simulated-ad-arms.csv, `{experiment}`: sums over all days and platforms.",
                at=parameters.first_day + timedelta(days=parameters.arms_on),
                value=value,
                causal=True,
                recoverable=bool(abs(np.log(value)) > 4 * noise),
                counts=counts,
            )
        )
    return tuple(effects)


def _true(arm: AdArm, metric: str) -> float:
    return {"ctr": arm.ctr, "cpc": arm.cpc, "cpa": arm.cpc / arm.converts}[metric]
