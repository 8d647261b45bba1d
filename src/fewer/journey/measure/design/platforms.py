"""How many conversions ad platforms ask for before they deliver steadily, as data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from fewer.destinations.minimums import MINIMUMS


@dataclass(frozen=True, slots=True)
class Learning:
    """What a platform says of an ad set that learns.

    Attributes:
        unit: What learns by itself: an ad set, an ad group, a campaign.
        conversions: That it asks for within `days`.
        least: People matched below which it does not deliver.
        source: Where that is said, and how it was read.
        verified: The platform's own words were read for this version, not somebody's retelling.
        assumed: The platform names no number; the one here is taken from others.
    """

    platform: str
    title: str
    unit: str
    conversions: int
    days: int
    least: int
    source: str
    verified: bool = False
    assumed: bool = False

    @property
    def a_week(self) -> float:
        """Conversions a week."""
        return self.conversions * 7 / self.days

    @property
    def words(self) -> str:
        """``Meta asks for 50 in 7 days``."""
        if self.assumed:
            return (
                f"{self.title} names no number; {self.conversions} in {self.days} days is assumed"
            )
        return f"{self.title} asks for {self.conversions} in {self.days} days"

    @property
    def told(self) -> str:
        """The source, and how far to trust it."""
        return self.source if self.verified else f"Not verified: {self.source}"


LEARNING: Final = {
    one.platform: one
    for one in (
        Learning(
            "meta", "Meta", "ad set", 50, 7, MINIMUMS["Meta"],
            'Meta Business Help Centre, "About the learning phase": usually after about 50 results'
            " in the week after the last significant edit (its text as copied elsewhere, read"
            " 2026-11).",
        ),
        Learning(
            "tiktok", "TikTok", "ad group", 50, 7, MINIMUMS["TikTok"],
            "TikTok Business Help Center, ads.tiktok.com/help/article/learning-phase: stable after"
            " 50 conversions; the phase lasts 3 days of manual and 7 of automated campaigns (read"
            " 2026-11).",
            verified=True,
        ),
        Learning(
            "google", "Google Ads", "campaign", 30, 30, MINIMUMS["Google"],
            "Google Ads Help on target CPA bidding, as retold in trade pages: 30 conversions in 30"
            " days a campaign (50 for target ROAS).",
        ),
        Learning(
            "microsoft", "Microsoft Advertising", "campaign", 50, 30, MINIMUMS["Microsoft"],
            "trade pages: 50 conversions in 30 days before target CPA; its own pages that were read"
            " name no number.",
        ),
        Learning(
            "linkedin", "LinkedIn", "campaign", 50, 7, MINIMUMS["LinkedIn"],
            "LinkedIn Marketing Solutions Help asks for an audience of 300 members, suggests"
            " 50,000, and names no number of conversions (read 2026-11); Meta's is taken.",
            assumed=True,
        ),
        Learning(
            "pinterest", "Pinterest", "campaign", 50, 7, MINIMUMS["Pinterest"],
            "Pinterest Business Help, help.pinterest.com/business/article/conversions-campaigns:"
            ' a "learning mode" without a number (read 2026-11); Meta\'s is taken.',
            assumed=True,
        ),
        Learning(
            "snapchat", "Snapchat", "ad set", 50, 7, MINIMUMS["Snapchat"],
            "no number was found in its own pages; trade pages say 50 a week.",
            assumed=True,
        ),
    )
}  # fmt: skip
"""Platform -> threshold. They change without notice: look them up before a launch."""
