"""Thresholds that extreme values can't move, and which properties are amounts at all."""

from __future__ import annotations

import re
from collections.abc import Iterator
from math import ceil, exp, floor, log, log10
from typing import Final

from fewer.journey.audit.facts import PropertyFacts
from fewer.journey.audit.survey import Survey

FAR_OUT: Final = 3.0  # times the interquartile range, on the log scale: Tukey's "far out"
OUTSIDE: Final = 1.5  # and his "outside"
NARROWEST: Final = log(2)  # a range of zero would call every larger value extreme
AMOUNT: Final = re.compile(
    r"(^|[_.\s])(quantity|qty|units|value|revenue|amount|total|subtotal|sales|gmv|spend)([_.\s]|$)",
    re.IGNORECASE,
)
"""Names of properties that may be summed."""

MONEY: Final = re.compile(rf"{AMOUNT.pattern}|(^|[_.\s])price([_.\s]|$)", re.IGNORECASE)
"""Names of properties that should not be negative, on a sale."""

UNDOES: Final = re.compile(
    r"cancel|refund|return(?!ing|_?visit)|revers|chargeback|storno|void", re.IGNORECASE
)
"""Names of events that take another one back."""


def fence(low: int, middle: int, high: int, *, width: float = FAR_OUT) -> int:
    """Value beyond which a positive amount is far out, from its quartiles.

    Amounts are skewed, so the fence is Tukey's on the log scale: the upper quartile times the
    ratio of the quartiles to the power of `width`, that ratio being at least 2. It is rounded up
    to two digits, as people will read it and write it into a segment.

    >>> fence(2_000_000, 4_000_000, 8_000_000)
    520000000
    """
    base, top = max(low, 1), max(high, middle, 1)
    spread = max(log(top) - log(base), NARROWEST)
    limit = min(exp(log(top) + width * spread), 9.1e18)
    step: int = 10 ** max(floor(log10(limit)) - 1, 0)
    return ceil(round(limit / step, 6)) * step


def amounts(survey: Survey) -> Iterator[PropertyFacts]:
    """Numeric properties that sum to something: goal values, and those named like amounts."""
    valued = {
        (name, goal.value.of) for goal in survey.context.goals if goal.value for name in goal.did
    }
    for facts in survey.properties:
        if facts.type != "number" or facts.total <= 0:
            continue
        if (facts.event, facts.name) in valued or AMOUNT.search(facts.name):
            yield facts
