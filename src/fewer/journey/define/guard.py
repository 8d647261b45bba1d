"""Size guard: is a segment as large as it should be, and what would bring it there.

Proposals are computed, never guessed: `candidates` lists edits of one number in the
definition, the caller evaluates them all in one plan, and `choose` keeps those that land
inside the guard, smallest change first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from math import log
from typing import Final, Literal

from fewer.model.condition import (
    AllOf,
    AnyOf,
    Condition,
    Did,
    DidNot,
    First,
    Last,
    NoneOf,
    Not,
    SequenceOf,
    walk,
)
from fewer.model.measure import Comparison
from fewer.model.segment import Segment, SizeGuard
from fewer.model.window import DAY, Duration

Verdict = Literal["within", "too_small", "too_large"]

_Values = tuple[Decimal, ...]


def _values(text: str) -> _Values:
    return tuple(map(Decimal, text.split()))


_DAYS: Final = _values("1 2 3 5 7 10 14 21 30 45 60 90 120 180 270 365")
_COUNTS: Final = _values("1 2 3 4 5 6 8 10 12 15 20 30 50")
_SHARES: Final = _values("0.05 0.1 0.2 0.25 0.3 0.4 0.5 0.6 0.7 0.75 0.8 0.9")
_FACTORS: Final = _values("0.1 0.25 0.5 0.75 1.25 1.5 2 3 5")
_VALUES: Final[dict[str, _Values]] = {
    **dict.fromkeys(("count", "days", "distinct", "periods"), _COUNTS),
    "share": _SHARES,
    **dict.fromkeys(("sum", "mean", "min", "max"), ()),  # multiples of what is written
}
"""Measure -> bounds to try."""

_NEAREST: Final = 5  # values to try on each side of the present one
_SHOWN: Final = 3


@dataclass(frozen=True, slots=True)
class Candidate:
    """One edit of one number of a segment's own condition."""

    segment: Segment  # the edited segment, under an id of its own
    words: str  # the edit as it would be written: "within: 21d"
    distance: float  # how far from what is written: |log ratio| of the number


@dataclass(frozen=True, slots=True)
class Proposal:
    """An edit and the size it would give, computed on the same data."""

    words: str
    size: int
    fits: bool  # inside the guard

    def __str__(self) -> str:
        ending = "" if self.fits else " (nearest found, still outside)"
        return f"{self.words} would give {self.size:,}{ending}"


def verdict(size: int, guard: SizeGuard) -> Verdict:
    """Where `size` lies against the guard.

    >>> verdict(150, SizeGuard()), verdict(200, SizeGuard()), verdict(2001, SizeGuard())
    ('too_small', 'within', 'too_large')
    """
    if size < guard.min:
        return "too_small"
    return "too_large" if size > guard.max else "within"


def is_exclusion(segment: Segment) -> bool:
    """Whether a segment that others exclude is for that only, and so may be of any size."""
    return segment.type == "custom"


def candidates(segment: Segment) -> tuple[Candidate, ...]:
    """Edits worth evaluating for a segment outside its guard: windows and bounds of measures."""
    behaviours = sum(isinstance(c, Did | DidNot | SequenceOf | Last | First) for c in _own(segment))
    found = []
    for number, edit in enumerate(_edits(segment.where)):
        words = edit.words if behaviours == 1 else f"{edit.of} {edit.words}"
        tried = segment.model_copy(
            update={
                "id": f"{segment.id.replace('@', '__')}__try{number}",
                "where": edit.condition,
                "variants": None,
            }
        )
        found.append(Candidate(tried, words, edit.distance))
    return tuple(found)


def choose(
    guard: SizeGuard, sized: Iterable[tuple[Candidate, int]], *, now: int | None = None
) -> tuple[Proposal, ...]:
    """The edits that fit, nearest to what is written first; failing that, the nearest miss.

    A miss that comes no nearer than the size `now` is no proposal.
    """
    tried = list(sized)
    fitting = sorted(
        ((c, n) for c, n in tried if verdict(n, guard) == "within"), key=lambda p: p[0].distance
    )
    if fitting:
        smallest_change: dict[int, Candidate] = {}
        for candidate, size in fitting:  # edits that give the same people are one proposal
            smallest_change.setdefault(size, candidate)
        shown = list(smallest_change.items())[:_SHOWN]
        return tuple(Proposal(c.words, size, fits=True) for size, c in shown)
    misses = [(c, n) for c, n in tried if n > 0]
    if now is not None:
        misses = [(c, n) for c, n in misses if _miss(n, guard) < _miss(now, guard)]
    if not misses:
        return ()
    candidate, size = min(misses, key=lambda p: (_miss(p[1], guard), p[0].distance))
    return (Proposal(candidate.words, size, fits=False),)


def _miss(size: int, guard: SizeGuard) -> int:
    return max(guard.min - size, size - guard.max)


def _own(segment: Segment) -> Iterator[Condition]:
    return walk(segment.where)


@dataclass(frozen=True, slots=True)
class _Edit:
    condition: Condition
    of: str
    words: str
    distance: float


def _edits(condition: Condition) -> Iterator[_Edit]:
    match condition:
        case AllOf():
            for at, edit in _inside(condition.all):
                yield _wrap(edit, AllOf(all=_put(condition.all, at, edit.condition)))
        case AnyOf():
            for at, edit in _inside(condition.any):
                yield _wrap(edit, AnyOf(any=_put(condition.any, at, edit.condition)))
        case NoneOf():
            for at, edit in _inside(condition.none):
                yield _wrap(edit, NoneOf(none=_put(condition.none, at, edit.condition)))
        case Not():
            for edit in _edits(condition.not_):
                yield _wrap(edit, Not(not_=edit.condition))
        case Did():
            yield from _windows(condition)
            yield from _bounds(condition)
        case DidNot() | SequenceOf() | Last() | First():
            yield from _windows(condition)
        case _:
            return


def _inside(members: Sequence[Condition]) -> Iterator[tuple[int, _Edit]]:
    for at, member in enumerate(members):
        for edit in _edits(member):
            yield at, edit


def _put(members: tuple[Condition, ...], at: int, member: Condition) -> tuple[Condition, ...]:
    return (*members[:at], member, *members[at + 1 :])


def _wrap(edit: _Edit, condition: Condition) -> _Edit:
    return _Edit(condition, edit.of, edit.words, edit.distance)


def _windows(condition: Did | DidNot | SequenceOf | Last | First) -> Iterator[_Edit]:
    if condition.within is None:
        return
    now = Decimal(condition.within.micros) / DAY
    for days in _nearest(_DAYS, now):
        window = Duration(int(days), "d")
        edited = condition.model_copy(update={"within": window})
        yield _Edit(edited, subject(condition), f"within: {window}", abs(log(days / now)))


def _bounds(condition: Did) -> Iterator[_Edit]:
    """Other bounds of the measure: whole numbers, shares, or multiples of what is written."""
    for measure, values in _VALUES.items():
        comparison = getattr(condition, measure)
        for side in ("at_least", "at_most") if comparison is not None else ():
            now = getattr(comparison, side)
            if now is None or now <= 0:
                continue
            for value in _nearest(values or [now * factor for factor in _FACTORS], now):
                edited = comparison.model_copy(update={side: value})
                if _can_hold(edited):
                    words = f"{measure} {side} {value.normalize():f}"
                    changed = condition.model_copy(update={measure: edited})
                    yield _Edit(changed, subject(condition), words, abs(log(value / now)))
    if condition.burst is not None:
        present = Decimal(condition.burst.count)
        for value in _nearest(_COUNTS, present):
            burst = condition.burst.model_copy(update={"count": int(value)})
            changed = condition.model_copy(update={"burst": burst})
            words = f"burst count {value}"
            yield _Edit(changed, subject(condition), words, abs(log(value / present)))


def _can_hold(comparison: Comparison) -> bool:
    low, high = comparison.at_least, comparison.at_most
    return low is None or high is None or low <= high


def _nearest(values: Sequence[Decimal], now: Decimal) -> list[Decimal]:
    below = [v for v in values if v < now][-_NEAREST:]
    above = [v for v in values if v > now][:_NEAREST]
    return below + above


def subject(condition: Did | DidNot | SequenceOf | Last | First) -> str:
    """Short name of what a condition is about, to tell edits apart: ``did purchase``."""
    match condition:
        case Did():
            return f"did {', '.join(condition.did)}"
        case DidNot():
            return f"did_not {', '.join(condition.did_not)}"
        case Last():
            return f"last {', '.join(condition.last.did)}"
        case First():
            return f"first {', '.join(condition.first.did)}"
        case SequenceOf():
            return "sequence"
