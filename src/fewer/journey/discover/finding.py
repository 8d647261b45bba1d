"""What a discovery tells people: a rule in words, its sizes, its rates, and what it is good for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from fewer.journey.discover.leaks import Leak
from fewer.journey.discover.search import Status, Tally
from fewer.language.data import to_data
from fewer.language.words import describe
from fewer.model.segment import Segment
from fewer.model.window import from_utc_micros
from fewer.pictures.display import Displayed
from fewer.stats.power import people_needed, smallest_ratio
from fewer.stats.proportion import rate

WORDS: dict[Status, str] = {
    "confirmed": "confirmed on later data",
    "weaker": "confirmed, weaker than before",
    "decayed": "decayed: no longer seen on later data",
    "unconfirmed": "not confirmed",
}
CLAIM = 0.26
"""The change that people hope for: what it takes to see it is told with every segment."""


@dataclass(frozen=True, slots=True)
class Rate:
    """People of a rule in one period, how many converted, and how many were expected to."""

    people: int
    converted: int
    expected: float

    @classmethod
    def of(cls, tally: Tally) -> Rate:
        """The figures of a tally."""
        return cls(tally.people, tally.converted, tally.expected)

    @property
    def share(self) -> float | None:
        """Fraction who converted; None without people."""
        return self.converted / self.people if self.people else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """Wilson's 95 % interval of the share; None without people."""
        if not self.people:
            return None
        one = rate([self.converted], [self.people])
        return float(one.lower[0]), float(one.upper[0])

    @property
    def expected_share(self) -> float | None:
        """Fraction expected from activity and single actions alone."""
        return self.expected / self.people if self.people else None

    def to_json(self) -> dict[str, Any]:
        """Plain data; shares are fractions."""
        low, high = self.interval or (None, None)
        return {
            "people": self.people,
            "converted": self.converted,
            "rate": _rounded(self.share),
            "low": _rounded(low),
            "high": _rounded(high),
            "expected_rate": _rounded(self.expected_share),
        }


@dataclass(frozen=True, slots=True)
class Size:
    """People of a rule at one moment."""

    as_of_us: int
    people: int

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {"as_of": from_utc_micros(self.as_of_us).isoformat(), "people": self.people}


@dataclass(frozen=True, slots=True)
class Shared:
    """People in common with a segment of the project."""

    segment: str
    both: int
    of_this: float  # fraction of the discovered people

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {"segment": self.segment, "both": self.both, "of_this": round(self.of_this, 4)}


@dataclass(frozen=True, slots=True)
class Detectable:
    """What a randomised test of a segment, half of it held out, could show."""

    smallest: float | None  # smallest ratio of rates it would see; None: none at all
    people: int | None  # needed to see a rise by 26 %; None: no rate to begin from

    @classmethod
    def of(cls, size: int, base: float | None) -> Detectable:
        """For a segment of a size whose people convert at a base rate."""
        if base is None or not 0 < base * (1 + CLAIM) < 1:
            return cls(None, None)
        needed = 2 * int(np.ceil(people_needed(base, 1 + CLAIM)))
        if size < 4:  # noqa: PLR2004  two halves of two
            return cls(None, needed)
        ratio = float(smallest_ratio(base, size / 2))
        return cls(ratio if np.isfinite(ratio) else None, needed)

    @property
    def words(self) -> str:
        """What it takes, in words."""
        if self.people is None:
            return "no test can be planned: no one, or nearly everyone, converts"
        need = f"needs {self.people:,} people to show +{CLAIM:.0%}"
        if self.smallest is None:
            return f"{need}; at its size no change could be seen"
        return f"{need}; at its size the smallest change you could see is +{self.smallest - 1:.0%}"

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        smallest = None if self.smallest is None else round(self.smallest, 4)
        return {"smallest_ratio": smallest, "people_for_26_percent": self.people}


@dataclass(frozen=True, slots=True)
class Discovered:
    """A segment found in the data."""

    segment: Segment
    status: Status
    discovery: Rate
    confirmation: Rate | None
    size: int  # now
    sizes: tuple[Size, ...] = ()  # weeks, oldest first
    overlap: tuple[Shared, ...] = ()
    detectable: Detectable = Detectable(None, None)
    p: float | None = None
    adjusted_p: float | None = None

    @property
    def words(self) -> str:
        """The rule in words."""
        return describe(self.segment.where)

    @property
    def note(self) -> str:
        """How sure it is, for whoever reads the definition later."""
        later = self.confirmation
        seen = self.discovery
        told = f"Discovered: {WORDS[self.status]}. At first {_of(seen)} reached the goal"
        if later is not None:
            told += f", later {_of(later)}"
        doubt = self.status in {"decayed", "unconfirmed"}
        return f"{told}. " + (
            "Do not spend on it before it is seen again."
            if doubt
            else "An association: test it with a holdout."
        )

    @property
    def stable(self) -> bool | None:
        """Whether its size stayed within half and double its median; None: too few weeks."""
        known = [size.people for size in self.sizes]
        if len(known) < 3:  # noqa: PLR2004
            return None
        middle = float(np.median(known))
        return bool(min(known) >= middle / 2 and max(known) <= middle * 2)

    def to_json(self) -> dict[str, Any]:
        """Plain data, of stable shape."""
        return {
            "id": self.segment.id,
            "words": self.words,
            "segment": to_data(self.segment),
            "status": self.status,
            "size": self.size,
            "sizes": [size.to_json() for size in self.sizes],
            "stable": self.stable,
            "discovery": self.discovery.to_json(),
            "confirmation": self.confirmation.to_json() if self.confirmation else None,
            "p": self.p,
            "adjusted_p": self.adjusted_p,
            "overlap": [shared.to_json() for shared in self.overlap],
            "detectability": {**self.detectable.to_json(), "words": self.detectable.words},
            "evidence": "adjusted association",
        }


@dataclass(frozen=True, slots=True)
class Discovery(Displayed):
    """A whole search: what was found, how hard it looked, and what it refused."""

    goal: str
    discovered_at_us: int
    confirmed_at_us: int | None  # None: on a random half of the people, at the same moment
    sized_at_us: int
    window_words: str
    people: int
    base_rate: float
    features: int
    tested: int
    listed: int
    level: float
    segments: tuple[Discovered, ...]
    leaks: tuple[Leak, ...]
    allowed: tuple[str, ...]
    notes: tuple[str, ...] = ()
    left_out: int = 0
    unconfirmed: tuple[Discovered, ...] = field(default=())
    singles: tuple[Discovered, ...] = ()  # single conditions in the band that passed
    singles_tested: int = 0
    data: str = "real"

    @property
    def proposed(self) -> tuple[Discovered, ...]:
        """All that can be saved as a segment, in the order in which it is numbered."""
        return (*self.segments, *self.singles, *self.unconfirmed)

    def to_json(self) -> dict[str, Any]:
        """Plain data, of stable shape."""
        confirmed = self.confirmed_at_us
        return {
            "data": self.data,
            "goal": self.goal,
            "discovered_at": from_utc_micros(self.discovered_at_us).isoformat(),
            "confirmed_at": from_utc_micros(confirmed).isoformat() if confirmed else None,
            "sized_at": from_utc_micros(self.sized_at_us).isoformat(),
            "outcome_window": self.window_words,
            "people": self.people,
            "base_rate": _rounded(self.base_rate),
            "features": self.features,
            "combinations_tested": self.tested,
            "short_list": self.listed,
            "family_wise_level": self.level,
            "left_out": self.left_out,
            "segments": [each.to_json() for each in self.segments],
            "single_conditions": [each.to_json() for each in self.singles],
            "single_conditions_tested": self.singles_tested,
            "unconfirmed": [each.to_json() for each in self.unconfirmed],
            "refused": [leak.to_json() | {"why": leak.words} for leak in self.leaks],
            "allowed": list(self.allowed),
            "notes": list(self.notes),
        }


def _of(rate: Rate) -> str:
    expected = rate.expected_share
    if rate.share is None:
        return "nobody"
    aside = "" if expected is None else f" ({rate.share:.1%}; {expected:.1%} expected)"
    return f"{rate.converted:,} of {rate.people:,} people{aside}"


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 6)
