"""Features: ordinary conditions that a search may combine, in the order of their worth.

Each belongs to a group, the thing it speaks of: "3 times or more in 7 days" and "once or more in
30 days" of the same event are one group, so that no rule says the same twice.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from typing import Any, Final

from fewer.journey.discover.facts import EventFact, Facts, NumberFact, TraitFact, ValueFact
from fewer.model.condition import Condition, Did, Last, Occurrence, Trait
from fewer.model.measure import Comparison, PropertyMeasure
from fewer.model.predicate import Test
from fewer.model.window import Between, Duration

_TIMES: Final = (1, 2, 3, 5)
_MOST_TRIED: Final = 900
"""Conditions given to the engine; the search takes a part of those whose size fits."""


@dataclass(frozen=True, slots=True)
class Feature:
    """A condition, the thing it speaks of, and the event and value that it needs."""

    condition: Condition
    group: str
    event: str = ""  # empty: a trait
    value: str = ""  # "property=value"; empty: the event as such


def catalogue(
    facts: Facts, windows: Sequence[Duration], refused: Collection[str] = ()
) -> list[Feature]:
    """Features of everything the facts speak of, without refused events and ``event:value``.

    Things take turns, each giving its plainest condition first, so that a cut leaves some of
    everything: events, then values and paths by their people, then numbers and traits.
    """
    ordered = sorted(windows, key=lambda w: w.micros)
    each = [
        *(list(_of_event(fact, ordered)) for fact in facts.events),
        *(list(_of_value(value, ordered)) for value in facts.values),
        *(list(_of_number(number, ordered)) for number in facts.numbers),
        *(list(_of_trait(trait)) for trait in _by_trait(facts.traits)),
    ]
    found = [f for f in _turns(each) if f.event not in refused and place(f) not in refused]
    return found[:_MOST_TRIED]


def place(feature: Feature) -> str:
    """What leaves and refusals call it: ``event`` or ``event:property=value``."""
    return f"{feature.event}:{feature.value}" if feature.value else feature.event


def _turns(each: Sequence[Sequence[Feature]]) -> Iterator[Feature]:
    longest = max(map(len, each), default=0)
    for turn in range(longest):
        for features in each:
            if turn < len(features):
                yield features[turn]


def _times(windows: Sequence[Duration], most: int) -> Iterator[tuple[Duration, int]]:
    """Windows and thresholds, the middle window first."""
    middle = windows[len(windows) // 2]
    order = [middle, *(w for w in windows if w != middle)]
    for times in _TIMES:
        if times <= most:
            for window in order:
                yield window, times


def _did(event: str, window: Duration, times: int, where: dict[str, Any] | None = None) -> Did:
    count = Comparison(at_least=Decimal(times)) if times > 1 else None
    return Did(did=(event,), where=where, within=window, count=count)


def _of_event(fact: EventFact, windows: Sequence[Duration]) -> Iterator[Feature]:
    for window, times in _times(windows, 5):
        yield Feature(_did(fact.event, window, times), fact.event, fact.event)
    bands = [*pairwise(windows)]
    for newer, older in bands:
        between = Between(from_=older, to=newer)
        last = Last(last=Occurrence(did=(fact.event,)), between=between)
        yield Feature(last, fact.event, fact.event)


def _of_value(fact: ValueFact, windows: Sequence[Duration]) -> Iterator[Feature]:
    test = Test(under=str(fact.value)) if fact.is_path else Test(equals=fact.value)
    thing = f"{fact.property}={fact.value}"
    for window, times in _times(windows, 3):
        condition = _did(fact.event, window, times, {fact.property: test})
        yield Feature(condition, f"{fact.event}:{thing}", fact.event, thing)


def _of_number(fact: NumberFact, windows: Sequence[Duration]) -> Iterator[Feature]:
    longest = windows[-1]
    group = f"{fact.event}:{fact.property}"
    for bound in reversed(fact.quantiles):
        if bound > 0:
            where = {fact.property: Test(at_least=bound)}
            yield Feature(_did(fact.event, longest, 1, where), group, fact.event, fact.property)
            total = PropertyMeasure(of=fact.property, at_least=bound * 3)
            whole = Did(did=(fact.event,), within=longest, sum=total)
            yield Feature(whole, group, fact.event, fact.property)


def _by_trait(traits: Iterable[TraitFact]) -> list[TraitFact]:
    return sorted(traits, key=lambda t: (-t.people, t.trait, str(t.value)))


def _of_trait(fact: TraitFact) -> Iterator[Feature]:
    group = f"trait {fact.trait}"
    if fact.value is not None:
        yield Feature(Trait(trait=fact.trait, equals=fact.value), group)
    for bound in fact.quantiles:
        yield Feature(Trait(trait=fact.trait, at_least=bound), group)
