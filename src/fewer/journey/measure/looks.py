"""Daily looks: intervals of two groups that hold at every look together."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from fewer.journey.measure.population import Sums
from fewer.stats.estimate import Estimates, Floats
from fewer.stats.mean import Moments
from fewer.stats.sequential import (
    mean_difference_sequence,
    mean_ratio_sequence,
    rate_difference_sequence,
    rate_ratio_sequence,
)

_Table = tuple[Floats, Floats, Floats, Floats]


def sequences(
    first: Sums, against: Sums, level: float
) -> tuple[Estimates, Estimates, Estimates | None, Estimates | None]:
    """Difference and ratio of rates, difference and ratio of amounts, one row a pair of groups.

    Everybody was assigned before the first look, so the people planned are the people there:
    that is the look at which the interval is narrowest.
    """
    table: _Table = tuple(  # type: ignore[assignment]
        a.astype(np.float64)
        for a in (first.converted, first.people, against.converted, against.people)
    )
    planned = table[1] + table[3]

    def rates(of: Callable[..., Estimates]) -> Estimates:
        return _each(
            [
                of(*(a[[i]] for a in table), planned=float(max(n, 1)), confidence=level)
                for i, n in enumerate(planned)
            ]
        )

    def amounts(of: Callable[..., Estimates]) -> Estimates | None:
        one, two = first.value, against.value
        if one is None or two is None:
            return None
        return _each(
            [
                of(_row(one, i), _row(two, i), planned=float(max(n, 1)), confidence=level)
                for i, n in enumerate(planned)
            ]
        )

    return (
        rates(rate_difference_sequence),
        rates(rate_ratio_sequence),
        amounts(mean_difference_sequence),
        amounts(mean_ratio_sequence),
    )


def _row(of: Moments, i: int) -> Moments:
    return Moments(of.n[[i]], of.total[[i]], of.squares[[i]], of.valued[[i]])


def _each(rows: list[Estimates]) -> Estimates:
    """Rows of one element each, as one array."""

    def together(name: str) -> Any:
        return np.concatenate([getattr(row, name) for row in rows])

    return Estimates(
        together("value"),
        together("lower"),
        together("upper"),
        together("p"),
        together("why"),
        together("method"),
        rows[0].confidence,
    )
