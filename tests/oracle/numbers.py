"""Bounds on a number, in exact fractions."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

from fewer.model.measure import Comparison


def within_bounds(bounds: Comparison, total: Fraction | int, over: int = 1) -> bool:
    """Whether ``total / over`` satisfies every bound, compared as total with bound x over.

    >>> within_bounds(Comparison(more_than=0.5), 1, over=2)
    False
    """

    def times(bound: Decimal) -> Fraction:
        return Fraction(bound) * over

    return (
        (bounds.at_least is None or total >= times(bounds.at_least))
        and (bounds.at_most is None or total <= times(bounds.at_most))
        and (bounds.more_than is None or total > times(bounds.more_than))
        and (bounds.less_than is None or total < times(bounds.less_than))
        and (bounds.exactly is None or total == times(bounds.exactly))
        and (
            bounds.between is None or times(bounds.between[0]) <= total <= times(bounds.between[1])
        )
    )
