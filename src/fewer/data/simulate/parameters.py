"""Everything that can be chosen about a simulated shop, in one frozen object."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from fewer.model.base import Frozen

LAST_DAY: Final = date(2026, 6, 30)
MIN_DAYS, MIN_PEOPLE, MIN_EVENTS = 80, 500, 10_000
MONTHLY_UP_TO: Final = 2_000_000  # events, unless `files` says otherwise
ARMS_BEFORE_END = 45  # days of data after the launch of the randomised arms ...
LAUNCH_BEFORE_END = 15  # ... and of the campaigns with a holdout
OUTAGE_BEFORE_END = 100
OUTCOME_DAYS = 14  # both act so long, and are judged by what is bought in it


class Parameters(Frozen):
    """A shop: size, people, campaigns and dirt. `Parameters()` is the worked example.

    >>> Parameters(events=50_000_000).people
    2500000
    """

    events: int = Field(1_000_000, description="Rows of events in all, about, dirt included.")
    people: int = Field(
        0, description="Human beings, 62 % of them with an account. 0: one for 20 events."
    )
    days: int = Field(120, description="Length of the data; the last day is 2026-06-30 UTC.")
    seed: int = Field(1, description="Of everything random: the same seed, the same bytes.")
    files: Literal["day", "month", "all", ""] = Field(
        "",
        description="Event files of a day, of a month, or one. Empty: months up to 2 million"
        " events.",
    )

    half_life: float = Field(4.85, gt=0, description="Days in which a person's intent halves.")
    episodes: float = Field(0.006, gt=0, lt=1, description="New intent per person and day.")
    spread: float = Field(
        0.7,
        ge=0,
        le=2,
        description="Of activity between people (standard deviation of its logarithm). Activity"
        " makes people visit and never buy.",
    )
    hazard: float = Field(0.036, gt=0, lt=1, description="Purchases per unit of intent and day.")
    confounding: float = Field(
        1.0,
        ge=0,
        le=5,
        description="How strongly intent makes people visit and look at prices. 0: not at all, so"
        " that what people do says nothing of what they will buy.",
    )
    season: float = Field(
        0.0, ge=0, le=0.95, description="Intent comes so much more often at the height of 28 days."
    )
    drift: float = Field(
        0.0, ge=-3, le=3, description="Growth of the hazard over all days (of its logarithm)."
    )
    delay: float = Field(
        0.0, ge=0, le=14, description="Mean days between the decision to buy and the purchase."
    )
    baskets: float = Field(
        0.0,
        ge=0,
        le=3,
        description="Heavy tail of quantities (standard deviation of their logarithm). 0: 1 or 2.",
    )

    pricing_multiplier: float = Field(
        3.0, gt=0, description="What the ad for `pricing_hot` does to the hazard of the reached."
    )
    winback_multiplier: float = Field(
        1.8, gt=0, description="The same of the ad for `lapsing_buyers`."
    )
    holdout: float = Field(0.2, gt=0, lt=1, description="Share of everyone held out, by hash.")
    reach: float = Field(
        0.8, gt=0, lt=1, description="Share of the treated of mean intent that an ad reaches."
    )
    delivery: float = Field(
        0.5,
        ge=0,
        description="How much likelier converters are reached: the odds of reach rise with intent"
        " to this power. 0: at random.",
    )
    segment_multiplier: float = Field(
        1.0,
        ge=0,
        description="Scales the planted segments: their multipliers less 1 are multiplied by it.",
    )
    interference: float = Field(
        0.0,
        ge=0,
        le=1,
        description="Share of what the ads do on average that everyone targeted feels, held out"
        " or not: people talk, households share a screen.",
    )
    wander: float = Field(
        0.0,
        ge=0,
        le=1,
        description="How far each campaign's click rate wanders from day to day (standard"
        " deviation of its logarithm); a day keeps 0.9 of the day before.",
    )
    ratio_failure: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="Share of the keen people of one arm that its list loses: a sample-ratio"
        " failure on demand.",
    )
    dirt: float = Field(1.0, ge=0, le=10, description="Scales bots, duplicates, late rows ...")

    @model_validator(mode="after")
    def _sizes(self) -> Self:
        for name, least in (("events", MIN_EVENTS), ("days", MIN_DAYS)):
            _at_least(name, getattr(self, name), least)
        if self.people:
            _at_least("people", self.people, MIN_PEOPLE)
        return self

    def model_post_init(self, _context: Any) -> None:
        """Fill in what follows from the size."""
        if not self.people:
            object.__setattr__(self, "people", max(MIN_PEOPLE, self.events // 20))
        if not self.files:
            object.__setattr__(self, "files", "month" if self.events <= MONTHLY_UP_TO else "day")

    @property
    def fade(self) -> float:
        """Share of intent that is left a day later."""
        return float(2.0 ** (-1.0 / self.half_life))

    @property
    def first_day(self) -> datetime:
        """The first midnight, UTC."""
        return datetime.combine(LAST_DAY - timedelta(days=self.days - 1), time(), tzinfo=UTC)

    @property
    def arms_on(self) -> int:
        """Day on which the randomised arms start."""
        return self.days - ARMS_BEFORE_END

    @property
    def launch(self) -> int:
        """Day on which the campaigns with a holdout start."""
        return self.days - LAUNCH_BEFORE_END

    @property
    def outage(self) -> int:
        """Day whose browser log is lost."""
        return max(2, self.days - OUTAGE_BEFORE_END)

    def salt(self, name: str) -> str:
        """Text mixed into the hash of each person: of this world only."""
        return f"shop-{self.seed}-{name}"

    def rng(self, stream: int, day: int = 0) -> np.random.Generator:
        """Chance of its own for each purpose and day: no order of work changes the outcome."""
        return np.random.default_rng([self.seed, stream, day])


def _at_least(name: str, value: int, least: int) -> None:
    if value < least:
        message = f"{name} == {value}, must be >= {least}."
        raise ValueError(message)
