"""Behaviours: a window selects events, `where` filters them, a measure makes one number."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from itertools import combinations
from typing import Any

from fewer.model.condition import Did, First, Last, Occurrence
from fewer.model.measure import Burst, Comparison, Periods, PropertyMeasure, Share
from fewer.model.window import Windowed
from oracle.clock import length, local, window
from oracle.moment import Moment
from oracle.numbers import within_bounds
from oracle.predicates import matches
from oracle.world import Event, kind


def named(names: tuple[str, ...], event: Event) -> bool:
    """Whether an event is one of those asked for; "*" is any."""
    return names == ("*",) or event.event in names


def matching(asked: Did | Occurrence, person: int, moment: Moment) -> list[Event]:
    """A person's matches over all history before as_of."""
    return [
        event
        for event in moment.history(person)
        if named(asked.did, event) and matches(asked.where, event, moment)
    ]


def in_window(asked: Windowed, event: Event, moment: Moment) -> bool:
    """Whether an event lies in ``[start, end)``."""
    start, end = window(asked, moment.as_of, moment.zone)
    return start <= event.ts < end


def did(asked: Did, person: int, moment: Moment) -> bool:
    """A behaviour: its measure over the matches in its window."""
    found = [e for e in matching(asked, person, moment) if in_window(asked, e, moment)]
    for name, holds in MEASURES.items():
        if (measure := getattr(asked, name)) is not None:
            return holds(measure, found, moment)
    return within_bounds(asked.count or Comparison(at_least=Decimal(1)), len(found))


def values(of: str, found: list[Event], moment: Moment) -> list[Any]:
    """The values of a property that are not missing."""
    read = (moment.value(event, of) for event in found)
    return [value for value in read if value is not None]


def numerics(of: str, found: list[Event], moment: Moment) -> list[Fraction]:
    """The values of a property that are numbers."""
    return [Fraction(v) for v in values(of, found, moment) if kind(v) == "number"]


def days_holds(asked: Comparison, found: list[Event], moment: Moment) -> bool:
    """Distinct local calendar days with a match."""
    return within_bounds(asked, len({local(e.ts, moment.zone).date() for e in found}))


def distinct_holds(asked: PropertyMeasure, found: list[Event], moment: Moment) -> bool:
    """Distinct values; the text "1" and the number 1 are two."""
    return within_bounds(asked, len({(kind(v), v) for v in values(asked.of, found, moment)}))


def sum_holds(asked: PropertyMeasure, found: list[Event], moment: Moment) -> bool:
    """Sum of the numbers; 0 of none."""
    return within_bounds(asked, sum(numerics(asked.of, found, moment), Fraction(0)))


def mean_holds(asked: PropertyMeasure, found: list[Event], moment: Moment) -> bool:
    """Sum compared with bound x n; of none it is undefined, which is false."""
    numbers = numerics(asked.of, found, moment)
    return bool(numbers) and within_bounds(asked, sum(numbers), over=len(numbers))


def min_holds(asked: PropertyMeasure, found: list[Event], moment: Moment) -> bool:
    """The smallest number; of none it is undefined, which is false."""
    numbers = numerics(asked.of, found, moment)
    return bool(numbers) and within_bounds(asked, min(numbers))


def max_holds(asked: PropertyMeasure, found: list[Event], moment: Moment) -> bool:
    """The largest number; of none it is undefined, which is false."""
    numbers = numerics(asked.of, found, moment)
    return bool(numbers) and within_bounds(asked, max(numbers))


def periods_holds(asked: Periods, found: list[Event], moment: Moment) -> bool:
    """How many of the spans ``[as_of - i*D, as_of - (i-1)*D)``, i = 1..M, hold a match."""
    each, as_of = length(asked.each), moment.as_of
    spans = [(as_of - i * each, as_of - (i - 1) * each) for i in range(1, asked.last + 1)]
    return within_bounds(asked, sum(any(a <= e.ts < b for e in found) for a, b in spans))


def burst_holds(asked: Burst, found: list[Event], _: Moment) -> bool:
    """Some N matches, the last at most D after the first."""
    return any(
        max(e.ts for e in some) - min(e.ts for e in some) <= length(asked.in_)
        for some in combinations(found, asked.count)
    )


def share_holds(asked: Share, found: list[Event], moment: Moment) -> bool:
    """Matches that also satisfy `where`, compared with bound x matches; of none it is false."""
    also = [event for event in found if matches(asked.where, event, moment)]
    return bool(found) and within_bounds(asked, len(also), over=len(found))


MEASURES: dict[str, Callable[..., bool]] = {
    "days": days_holds,
    "distinct": distinct_holds,
    "sum": sum_holds,
    "mean": mean_holds,
    "min": min_holds,
    "max": max_holds,
    "periods": periods_holds,
    "burst": burst_holds,
    "share": share_holds,
}


def last(asked: Last, person: int, moment: Moment) -> bool:
    """The most recent match of all history lies in the window and satisfies `having`."""
    found = matching(asked.last, person, moment)
    return bool(found) and chosen(asked, found[-1], moment)


def first(asked: First, person: int, moment: Moment) -> bool:
    """The earliest match of all history lies in the window and satisfies `having`."""
    found = matching(asked.first, person, moment)
    return bool(found) and chosen(asked, found[0], moment)


def chosen(asked: Last | First, event: Event, moment: Moment) -> bool:
    """Window and `having` on that one event. Ties were ordered by event id (`history`)."""
    return in_window(asked, event, moment) and matches(asked.having, event, moment)
