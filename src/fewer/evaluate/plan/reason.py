"""What the data came to, in words: "2 matches, needs at least 3"."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, assert_never
from zoneinfo import ZoneInfo

from fewer.evaluate.plan.leaf import (
    Behaviour,
    Burst,
    Count,
    Distinct,
    Extreme,
    Key,
    LocalDay,
    Mean,
    Period,
    Pick,
    Share,
    Sum,
    Value,
)
from fewer.model.condition import Condition, Did
from fewer.model.measure import Comparison
from fewer.model.number import MICRO, from_micros
from fewer.model.window import from_utc_micros


def behaviour(leaf: Behaviour, condition: Condition, number: int | None, of: int | None) -> str:
    """Reason of a behaviour, from what its measure came to and was divided by.

    >>> from fewer.evaluate.plan.bounds import Bounds
    >>> from fewer.evaluate.plan.clock import Window
    >>> from fewer.evaluate.plan.leaf import Match
    >>> leaf = Behaviour(Match(("view",)), Window(None, 0), Count(), Bounds(3))
    >>> behaviour(leaf, Did(did="view", count={"at_least": 3}), 2, None)
    '2 matches, needs at least 3'
    """
    if isinstance(leaf.measure, Burst):
        asked = f"{leaf.measure.count:,} within {_span(leaf.measure.span)}"
        return f"once or more often {asked}" if number is not None else f"never {asked}"
    return f"{_found(leaf, number, of)}, needs {_needs(condition)}"


def _found(leaf: Behaviour, number: int | None, of: int | None) -> str:
    match leaf.measure:
        case Count():
            return _counted(number or 0, "match", "matches")
        case Distinct():
            return _distinct(leaf.measure.key, number or 0)
        case Sum():
            return f"a total of {_plain(from_micros(number or 0))}"
        case Mean():
            if not of or number is None:
                return "no values"
            return f"an average of {_plain(_ratio(number, of * MICRO))} over {_values(of)}"
        case Extreme():
            which = "largest" if leaf.measure.largest else "smallest"
            return f"{which} {_plain(from_micros(number))}" if number is not None else "no values"
        case Share():
            if not of or number is None:
                return "no matches"
            return f"a share of {_plain(_ratio(number, of * MICRO))} of {_matches(of)}"
        case Burst():
            return ""
        case _:
            assert_never(leaf.measure)


def _distinct(key: Key, number: int) -> str:
    match key:
        case LocalDay():
            return _counted(number, "day", "days")
        case Period():
            return _counted(number, "period with a match", "periods with a match")
        case Value():
            return _counted(number, "different value", "different values")
        case _:
            assert_never(key)


def _needs(condition: Condition) -> str:
    """Bounds of a condition as written; without any, one match is asked for."""
    if not isinstance(condition, Did):
        return "none"
    comparison = condition.measure[1]
    if not isinstance(comparison, Comparison):
        return ""
    return " and ".join(_bound(name, value) for name, value in comparison.bounds.items())


def _bound(name: str, value: Any) -> str:
    if name == "between":
        return f"between {_plain(value[0])} and {_plain(value[1])}"
    return f"{name.replace('_', ' ')} {_plain(value)}"


def pick(leaf: Pick, instant: int | None, timezone: str) -> str:
    """Reason of a recency condition, from the instant of the event it chose."""
    if instant is None:
        return "no match"
    return f"the {'last' if leaf.latest else 'first'} was on {moment(instant, timezone)}"


def sequence(place: int | None, places: int) -> str:
    """Reason of a sequence, from the present step that was reached (counted from 0)."""
    if place is None:
        return "no event in the window meets the first step"
    if place == places - 1:
        return f"came to the end, {_counted(places, 'step', 'steps')} that happened"
    return f"came to step {place + 1} of {places} that must happen"


def moment(instant: int, timezone: str) -> str:
    """Local date and time of an instant, to the second.

    >>> moment(0, "Europe/Berlin")
    '1970-01-01 01:00:00 CET'
    """
    local = from_utc_micros(instant).astimezone(ZoneInfo(timezone))
    return f"{local:%Y-%m-%d %H:%M:%S %Z}"


def _counted(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"


def _matches(number: int) -> str:
    return _counted(number, "match", "matches")


def _values(number: int) -> str:
    return _counted(number, "value", "values")


def _ratio(number: int, of: int) -> Decimal:
    return round(Decimal(number) / Decimal(of), 6)


def _plain(number: Decimal) -> str:
    return f"{number.normalize():,f}" if number else "0"


def _span(micros: int) -> str:
    for name, size in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if micros % (size * MICRO) == 0:
            return _counted(micros // (size * MICRO), name, f"{name}s")
    return f"{micros / MICRO:,g} seconds"
