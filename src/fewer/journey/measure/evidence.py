"""How a figure came about, and which words it may be told in.

The one place of the vocabulary rule: only people put into groups at random tell what a
campaign *changed*. Figures of any other origin compare people who chose themselves, and may
not be called lift, effect or incremental, however tight their interval.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import Final


class EvidenceLabel(Enum):
    """Origins of a figure, the strongest first; the value is printed beside it."""

    RANDOMISED_HOLDOUT = "randomised holdout"
    RANDOMISED_ARM = "randomised arm"
    GEO_OR_SWITCHBACK = "geo or switchback"
    ADJUSTED_ASSOCIATION = "adjusted association"
    RAW_ASSOCIATION = "raw association"

    @property
    def rank(self) -> int:
        """1 is the strongest."""
        return list(EvidenceLabel).index(self) + 1

    @property
    def may_say_lift(self) -> bool:
        """Whether figures of this origin may be called lift, effect or incremental.

        >>> [label.value for label in EvidenceLabel if label.may_say_lift]
        ['randomised holdout', 'randomised arm', 'geo or switchback']
        """
        return self.rank <= EvidenceLabel.GEO_OR_SWITCHBACK.rank

    @property
    def meaning(self) -> str:
        """What the label tells a reader, in one sentence."""
        return _MEANING[self]


_MEANING: Final = {
    EvidenceLabel.RANDOMISED_HOLDOUT: (
        "People were held out at random, so the difference is what the campaign changed."
    ),
    EvidenceLabel.RANDOMISED_ARM: (
        "People were given one version or another at random, so the difference is what the"
        " version changed."
    ),
    EvidenceLabel.GEO_OR_SWITCHBACK: (
        "Regions or periods were chosen at random, so the difference is what the campaign changed."
    ),
    EvidenceLabel.ADJUSTED_ASSOCIATION: (
        "People of equal prior activity are compared, who still chose themselves: an association."
    ),
    EvidenceLabel.RAW_ASSOCIATION: (
        "People who chose themselves are compared: an association. A campaign need not change it."
    ),
}

_CAUSAL: Final = re.compile(
    r"\b(up)?lift(s|ed|ing)?\b|\beffect(s|ive(ly|ness)?)?\b|\bincremental(ity|ly)?\b", re.IGNORECASE
)


class VocabularyError(AssertionError):
    """A sentence says more than its evidence: a fault of this program, not of the data."""


def check_words(text: str, label: EvidenceLabel) -> str:
    """The same text, if its label allows its words; `VocabularyError` otherwise.

    >>> check_words("converted 1.8x as often", EvidenceLabel.RAW_ASSOCIATION)
    'converted 1.8x as often'
    >>> check_words("a lift of 80 %", EvidenceLabel.RAW_ASSOCIATION)
    Traceback (most recent call last):
    fewer.journey.measure.evidence.VocabularyError: 'lift' is not for a raw association
    """
    found = _CAUSAL.search(text)
    if found and not label.may_say_lift:
        msg = f"{found.group()!r} is not for a {label.value}"
        raise VocabularyError(msg)
    return text
