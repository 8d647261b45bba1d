"""How many of the people sent a platform will know: a wide guess first, then what it said.

A guess is a beta distribution over the share of people matched. Each receipt that says how many
were matched moves it, at the weight of at most `MOST_WEIGHT` people, so that a list of a year ago
does not outweigh the one of today for ever.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from scipy import stats

MOST_WEIGHT: Final = 500.0


@dataclass(frozen=True, slots=True)
class Share:
    """A beta distribution over the share of people matched."""

    a: float
    b: float
    source: str
    learned: int = 0  # receipts in it

    @property
    def mean(self) -> float:
        """Expected share."""
        return self.a / (self.a + self.b)

    def matched(self, people: int, *, confidence: float = 0.9) -> tuple[int, int]:
        """Limits of how many of `people` are matched, the chance of the draw included.

        >>> guess("meta", ("email",)).matched(1000)
        (269, 685)
        """
        if not people or not self.b:
            return people, people
        half = (1 - confidence) / 2
        low, high = stats.betabinom.ppf([half, 1 - half], people, self.a, self.b)
        return int(low), int(high)

    def reaches(self, people: int, minimum: int) -> float:
        """Chance that at least `minimum` of `people` are matched."""
        if people < minimum or not self.b:
            return float(people >= minimum)
        return float(stats.betabinom.sf(minimum - 1, people, self.a, self.b))


EVERYONE: Final = Share(1.0, 0.0, "it takes everyone")
"""Of tools that match nobody: e-mail tools, webhooks, files."""

_B2C: Final = "https://donutzdigital.com/?p=17175 (third party, read 2026-11)"
_ANY: Final = (
    "usually 20-60 %: https://wondaris.atlassian.net/wiki/spaces/WPK/pages/3615948810 (third"
    " party, read 2026-11)"
)

_GUESSES: Final[dict[str, dict[bool, tuple[float, float, str]]]] = {
    # platform -> has a phone column -> (lowest, highest usual share, source)
    "meta": {False: (0.35, 0.60, _B2C), True: (0.50, 0.80, _B2C)},
    "google": {False: (0.25, 0.45, _B2C), True: (0.40, 0.70, _B2C)},
    "linkedin": {False: (0.35, 0.65, _B2C), True: (0.35, 0.65, _B2C)},
}
_OTHERS: Final = (0.20, 0.60, _ANY)
_WIDER: Final = 2.0
"""Guesses of others are for others' lists: twice as wide as they say."""


def guess(platform: str, kinds: Sequence[str]) -> Share:
    """What to expect before a platform said anything.

    Args:
        platform: Name of a destination type.
        kinds: Identifiers that are sent.

    >>> round(guess("meta", ("email", "phone")).mean, 2), round(guess("snap", ("email",)).mean, 2)
    (0.65, 0.4)
    """
    ranges = _GUESSES.get(platform, {})
    low, high, source = ranges.get("phone" in kinds, _OTHERS)
    mean = (low + high) / 2
    # The usual range as four standard deviations, then wider.
    spread = (high - low) / 4 * _WIDER
    weight = mean * (1 - mean) / spread**2 - 1
    return Share(mean * weight, (1 - mean) * weight, source)


def learned(before: Share, receipts: Sequence[tuple[int, int]]) -> Share:
    """Moved by what was matched before.

    Args:
        before: The guess.
        receipts: (people sent, people matched), the oldest first.

    >>> after = learned(guess("snap", ("email",)), [(1000, 710)])
    >>> round(after.mean, 2), after.learned
    (0.71, 1)
    """
    a, b = before.a, before.b
    for sent, matched in receipts:
        if not sent or matched > sent:
            continue
        weight = min(1.0, MOST_WEIGHT / sent)
        a, b = a + matched * weight, b + (sent - matched) * weight
        if a + b > MOST_WEIGHT:
            a, b = a * MOST_WEIGHT / (a + b), b * MOST_WEIGHT / (a + b)
    return Share(a, b, before.source, before.learned + len(receipts))
