"""Where messages are shown, and how long their texts may be there.

A text longer than `most` is refused by the platform; one longer than `shown` is cut short on
screens. Read 2026-11; platforms change these without notice.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

Counting = Literal["characters", "widths"]


@dataclass(frozen=True, slots=True)
class Limit:
    """Of one field: how many texts it takes, and how long each may be, in characters."""

    most: int
    shown: int | None = None
    at_least: int = 0  # texts
    at_most: int = 1  # texts


@dataclass(frozen=True, slots=True)
class Format:
    """A place where a message is shown. A field without a limit is not shown there."""

    platform: str
    medium: str  # default utm_medium
    limits: Mapping[str, Limit]
    source: str
    counting: Counting = "characters"

    def length(self, text: str) -> int:
        """Length as the platform counts it.

        >>> FORMATS["google_rsa"].length("café"), FORMATS["google_rsa"].length("靴")
        (4, 2)
        """
        text = unicodedata.normalize("NFC", text)
        if self.counting == "characters":
            return len(text)
        return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


URL: Final = Limit(2_000, at_least=1)

FORMATS: Final[dict[str, Format]] = {
    "meta_feed": Format(
        platform="meta",
        medium="paid_social",
        limits={
            "headline": Limit(255, shown=40, at_least=1, at_most=5),
            "body": Limit(2_200, shown=125, at_least=1, at_most=5),
            "offer": Limit(255, shown=30),
            "call_to_action": Limit(30),
            "landing_url": URL,
        },
        source="https://www.facebook.com/business/ads-guide/update/image (shown: recommended"
        " lengths); accepted lengths from tools that write through the API",
    ),
    "google_rsa": Format(
        platform="google",
        medium="cpc",
        limits={
            "headline": Limit(30, at_least=3, at_most=15),
            "body": Limit(90, at_least=2, at_most=4),
            "landing_url": URL,
        },
        counting="widths",
        source="https://support.google.com/google-ads/answer/7684791 (responsive search ads;"
        " double-width characters count twice)",
    ),
    "google_display": Format(
        platform="google",
        medium="display",
        limits={
            "headline": Limit(30, at_least=1, at_most=5),
            "body": Limit(90, at_least=1, at_most=5),
            "landing_url": URL,
        },
        counting="widths",
        source="https://support.google.com/google-ads/answer/7005917 (responsive display ads)",
    ),
    "linkedin_single_image": Format(
        platform="linkedin",
        medium="paid_social",
        limits={
            "headline": Limit(200, shown=70, at_least=1),
            "body": Limit(3_000, shown=150, at_least=1),
            "offer": Limit(300, shown=100),
            "call_to_action": Limit(30),
            "landing_url": URL,
        },
        source="https://www.linkedin.com/help/lms/answer/a426534 (single image ads)",
    ),
    "email": Format(
        platform="email",
        medium="email",
        limits={
            "headline": Limit(998, shown=60, at_least=1),
            "body": Limit(10_000, at_least=1),
            "offer": Limit(300),
            "call_to_action": Limit(40),
            "landing_url": Limit(2_000),
        },
        source="RFC 5322 section 2.1.1 (line of a subject); shown: common screens",
    ),
    "onsite": Format(
        platform="onsite",
        medium="onsite",
        limits={
            "headline": Limit(120, at_least=1),
            "body": Limit(500),
            "offer": Limit(120),
            "call_to_action": Limit(40),
            "landing_url": Limit(2_000),
        },
        source="our own page: a banner of two lines",
    ),
}
