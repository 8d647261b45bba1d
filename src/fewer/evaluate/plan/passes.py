"""Passes: leaves grouped so that one scan and one grouping by person answer many of them.

Leaves about the same events share a pass whatever their windows and tests. Passes over
different events are joined while that costs less than another scan, and none is wider than
`WIDEST`, so that any number of segments compiles to queries of bounded size.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar, assert_never

from fewer.evaluate.plan.leaf import (
    Behaviour,
    Burst,
    Chain,
    Count,
    Distinct,
    Extreme,
    Granted,
    Key,
    Leaf,
    Listed,
    Match,
    Mean,
    Person,
    Pick,
    Sampled,
    Shape,
    Share,
    Sum,
    is_constant,
)

WIDEST: Final = 96
"""Most leaves in one pass over events."""

WIDEST_ROW: Final = 384
"""Most leaves in one pass over people, which groups nothing."""

_SCAN: Final = 2
"""Reading a row to find that its event is not asked for, in evaluations of one leaf on a row."""

Names = tuple[str, ...] | None
"""Names of events; None is any event."""


@dataclass(frozen=True, slots=True)
class Tally:
    """One group per person: counts, sums, extremes, shares, and picks without `having`."""

    leaves: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Keyed:
    """One group per person and key, then per person: distinct days, periods, values."""

    key: Key
    leaves: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Bursts:
    """Matches of a person in order of time, each beside the one some places before it."""

    match: Match
    leaves: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Picks:
    """The one latest or earliest match of each person."""

    match: Match
    latest: bool
    leaves: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Chains:
    """One sequence, for all its windows."""

    shape: Shape
    leaves: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Persons:
    """Traits."""

    leaves: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Consents:
    """Leaves answered by one scan of the consents."""

    leaves: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Lists:
    """Leaves answered by one scan of the lists."""

    leaves: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Samples:
    """Shares of people by digest."""

    leaves: tuple[int, ...]


EventPass = Tally | Keyed | Bursts | Picks | Chains
Pass = EventPass | Persons | Consents | Lists | Samples

_K = TypeVar("_K", bound=Hashable)


def passes(leaves: Sequence[Leaf], rows: Mapping[str, int]) -> tuple[Pass, ...]:
    """Group the leaves that need data; `rows` tells how many events of each name there are.

    A leaf whose answer no data can change is in no pass.
    """
    numbered = [(n, leaf) for n, leaf in enumerate(leaves) if not is_constant(leaf)]
    grouped = _group(numbered, lambda item: _family(item[1]))
    found: list[Pass] = []
    for (make, parameters), members in grouped.items():
        if make in (Tally, Keyed):
            batches = _batches([(n, _match(leaf)) for n, leaf in members], rows)
        else:
            widest = WIDEST_ROW if make in (Persons, Samples) else WIDEST
            numbers = [n for n, _ in members]
            batches = [numbers[at : at + widest] for at in range(0, len(numbers), widest)]
        found += [make(*parameters, tuple(batch)) for batch in batches]
    return tuple(found)


def _family(leaf: Leaf) -> tuple[type[Any], tuple[Any, ...]]:
    """Kind of pass that answers the leaf, and what all leaves of one pass agree on."""
    match leaf:
        case Behaviour():
            return _behaviour_family(leaf)
        case Pick():
            return (Picks, (leaf.match, leaf.latest)) if leaf.having else (Tally, ())
        case Chain():
            return Chains, (leaf.shape,)
        case Person():
            return Persons, ()
        case Granted():
            return Consents, ()
        case Listed():
            return Lists, ()
        case Sampled():
            return Samples, ()
        case _:
            assert_never(leaf)


def _behaviour_family(leaf: Behaviour) -> tuple[type[Any], tuple[Any, ...]]:
    match leaf.measure:
        case Distinct():
            return Keyed, (leaf.measure.key,)
        case Burst():
            return Bursts, (leaf.match,)
        case Count() | Share() | Sum() | Mean() | Extreme():
            return Tally, ()
        case _:
            assert_never(leaf.measure)


def _match(leaf: Leaf) -> Match:
    if isinstance(leaf, Behaviour | Pick):
        return leaf.match
    message = f"{type(leaf).__name__} has no single match"
    raise TypeError(message)


def _batches(members: Sequence[tuple[int, Match]], rows: Mapping[str, int]) -> list[list[int]]:
    """Numbers of leaves in batches: of the same events, joined while a scan costs more."""
    by_names = _group(members, lambda item: item[1].events)
    everything = sum(rows.values())
    full: list[list[int]] = []
    small: list[tuple[int, Names, list[int]]] = []
    for names, group in by_names.items():
        ordered = [n for n, _ in sorted(group, key=lambda item: repr(item[1].atoms))]
        whole = len(ordered) - len(ordered) % WIDEST
        full += [ordered[at : at + WIDEST] for at in range(0, whole, WIDEST)]
        if ordered[whole:]:
            small.append((rows_of(names, rows), names, ordered[whole:]))
    small.sort(key=lambda batch: batch[0])
    joined: list[tuple[int, Names, list[int]]] = []
    for size, names, numbers in small:
        if joined and names is not None and joined[-1][1] is not None:
            last_size, last_names, last = joined[-1]
            extra = last_size * len(numbers) + size * len(last)
            if len(last) + len(numbers) <= WIDEST and extra <= _SCAN * everything:
                both = tuple(sorted({*(last_names or ()), *names}))
                joined[-1] = (rows_of(both, rows), both, last + numbers)
                continue
        joined.append((size, names, numbers))
    return full + [numbers for _, _, numbers in joined]


def rows_of(names: Names, rows: Mapping[str, int]) -> int:
    """Events of these names, going by counts of each."""
    return sum(rows.values()) if names is None else sum(rows.get(name, 0) for name in names)


_T = TypeVar("_T")


def _group(items: Iterable[_T], key: Callable[[_T], _K]) -> dict[_K, list[_T]]:
    groups: defaultdict[_K, list[_T]] = defaultdict(list)
    for item in items:
        groups[key(item)].append(item)
    return dict(groups)


def matches_of(leaf: Leaf) -> tuple[Match, ...]:
    """Every match that a leaf reads events for."""
    match leaf:
        case Behaviour() | Pick():
            return (leaf.match,)
        case Chain():
            return tuple(link.match for link in leaf.shape.links)
        case _:
            return ()


def since_of(leaf: Leaf) -> int | None:
    """Earliest time a leaf reads.

    The latest match of all history lies at or after `start` exactly when there is any match at
    or after it, so `last` need not look further back; the earliest may lie anywhere.
    """
    match leaf:
        case Behaviour() | Chain() | Pick(latest=True):
            return leaf.window.start
        case _:
            return None


def names_of(leaves: Iterable[Leaf]) -> Names:
    """Names of all events that the leaves read; None for any."""
    found = [match.events for leaf in leaves for match in matches_of(leaf)]
    return None if None in found else tuple(sorted({n for e in found if e for n in e}))
