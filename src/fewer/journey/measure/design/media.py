"""The media plan: what an audience costs and brings in a week, and what advice follows from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import ceil
from typing import Any, Final

from fewer.journey.measure.design.platforms import Learning

_SEED: Final = 1_000
"""Matched people below which an audience is too small even as a seed of a look-alike."""


@dataclass(frozen=True, slots=True)
class Prices:
    """Assumptions; each with where it came from.

    Attributes:
        cpm: Money per 1,000 impressions.
        ctr: Clicks per impression, a fraction.
        conversion_rate: Conversions per click, a fraction.
        match_rate: People whom the platform finds, of those sent, a fraction.
        frequency: Impressions a matched person gets in a week.
    """

    cpm: float
    ctr: float
    conversion_rate: float
    match_rate: float = 0.5
    frequency: float = 3.0
    currency: str = ""
    origin: str = "as given"


@dataclass(frozen=True, slots=True)
class Line:
    """One audience in a week."""

    segment: str
    title: str
    people: int
    matched: float
    impressions: float
    spend: float
    clicks: float
    conversions: float
    weeks_to_verdict: int | None
    prices: Prices
    advice: str = ""
    action: str = ""

    def to_json(self) -> dict[str, Any]:
        """Plain data; money in the currency of the prices."""
        numbers = ("matched", "impressions", "spend", "clicks", "conversions")
        return {
            "segment": self.segment,
            "title": self.title,
            "people": self.people,
            **{f"{name}_a_week" if name != "matched" else name: round(getattr(self, name), 2)
               for name in numbers},
            "currency": self.prices.currency,
            "cpm": self.prices.cpm,
            "ctr": self.prices.ctr,
            "conversion_rate": self.prices.conversion_rate,
            "prices_from": self.prices.origin,
            "weeks_to_verdict": self.weeks_to_verdict,
            "action": self.action,
            "advice": self.advice,
        }  # fmt: skip


def line(segment: str, title: str, people: int, prices: Prices, weeks: int | None) -> Line:
    """What one audience takes and brings: people × match × frequency × price.

    >>> p = Prices(cpm=10, ctr=0.02, conversion_rate=0.05, match_rate=0.5, frequency=4)
    >>> one = line("hot", "Hot", 1000, p, None)
    >>> one.matched, one.impressions, one.spend, one.clicks, one.conversions
    (500.0, 2000.0, 20.0, 40.0, 2.0)
    """
    matched = people * prices.match_rate
    impressions = matched * prices.frequency
    clicks = impressions * prices.ctr
    return Line(
        segment,
        title,
        people,
        matched,
        impressions,
        impressions * prices.cpm / 1_000,
        clicks,
        clicks * prices.conversion_rate,
        weeks,
        prices,
    )


def advised(lines: Sequence[Line], learning: Learning) -> list[Line]:
    """The same lines, each with what to do with it on the platform.

    An audience that brings enough conversions a week may be an ad set of its own. Those that
    don't are pooled into one ad set with a creative for each, if they bring enough together.
    """
    small = [
        one for one in lines if one.conversions < learning.a_week and one.matched >= learning.least
    ]
    together = sum(one.conversions for one in small)
    return [_advised(one, learning, together, len(small)) for one in lines]


def _advised(one: Line, learning: Learning, together: float, many: int) -> Line:
    asked = learning.words
    unit, brings = learning.unit, f"about {one.conversions:,.1f} conversions a week"
    if one.matched < learning.least:
        action = "exclusion only"
        wanted = ceil(learning.least * one.people / one.matched) if one.matched else 0
        takes = f" (it takes about {wanted:,} people)" if wanted else ""
        advice = (
            f"About {one.matched:,.0f} people would be matched, and {learning.title} delivers to"
            f" {learning.least:,} or more{takes}. Use it to exclude, by e-mail or on the site."
        )
    elif one.conversions >= learning.a_week:
        action = "own ad set"
        advice = (
            f"It brings {brings}, and {asked}: an {unit} of its own, with several creatives,"
            " learns."
        ).replace("an campaign", "a campaign")
    elif many > 1 and together >= learning.a_week:
        action = "pool"
        advice = (
            f"It brings {brings}, and {asked}. Put it with the other {many - 1} small ones in one"
            f" {unit} with a creative for each: together about {together:,.0f} a week."
        )
    elif one.matched >= _SEED:
        action = "seed"
        advice = (
            f"It brings {brings}, and {asked}, which not even all small ones together give"
            f" ({together:,.0f} a week). Use it as the seed of a look-alike, or aim at an earlier,"
            " more common event."
        )
    else:
        action = "pool, earlier event"
        times = ceil(learning.a_week / one.conversions) if one.conversions else 0
        more = f" (it would take {times:,} times as many)" if times else ""
        advice = (
            f"It brings {brings}{more}, and {asked}. Put it in one {unit} with the others, with a"
            " creative for each, and let the platform learn from an earlier event, such as a visit."
        )
    return replace(one, action=action, advice=advice)
