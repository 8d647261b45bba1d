"""How many conversions ad platforms ask for before they deliver steadily, as data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Learning:
    """What a platform says of an ad set that learns.

    Attributes:
        conversions: That it asks for within `days`.
        source: Where that is said, and how it was read.
    """

    platform: str
    title: str
    unit: str
    conversions: int
    days: int
    source: str

    @property
    def a_week(self) -> float:
        """Conversions a week."""
        return self.conversions * 7 / self.days


LEARNING: Final = {
    one.platform: one
    for one in (
        Learning(
            "meta",
            "Meta",
            "ad set",
            50,
            7,
            'Meta Business Help Centre, "About the learning phase": about 50 optimisation events'
            " after starting or the last significant edit; usually told as within 7 days.",
        ),
        Learning(
            "tiktok",
            "TikTok",
            "ad group",
            50,
            7,
            "TikTok guidance on the learning phase and scaling, as retold in trade pages: about"
            " 50 conversions in a week (volatility falls after 25).",
        ),
        Learning(
            "google",
            "Google Ads",
            "campaign",
            30,
            30,
            "Google Ads Help on target CPA bidding, as commonly retold: 30 conversions in 30"
            " days; not read again for this version.",
        ),
    )
}
"""Platform -> threshold. They change without notice: look them up before a launch."""
