"""Conditions that are true of no one, or of everyone, whatever the data; and their near misses."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

from fewer.evaluate.plan.order import exclusions
from fewer.journey.define.rules.base import Finding, Subject, Visit, visits
from fewer.journey.define.rules.interval import Interval
from fewer.journey.define.rules.normal import Literal, normal, same_units
from fewer.journey.define.rules.value import impossible
from fewer.language.node import Path
from fewer.model.condition import (
    AllOf,
    AnyOf,
    Condition,
    Did,
    DidNot,
    First,
    InSegment,
    Last,
    NoneOf,
    Sample,
    SequenceOf,
    Trait,
)
from fewer.model.measure import COMPARISONS, Comparison
from fewer.model.predicate import Predicate
from fewer.model.segment import Segment
from fewer.model.window import DAY, Windowed

CODES: Final = {
    "empty_all": "An empty all: everyone.",
    "empty_any": "An empty any: no one.",
    "empty_none": "An empty none: everyone.",
    "never_true": "A condition that no one can meet.",
    "always_true": "A condition that everyone meets.",
    "contradiction": "Members of an all that no one can meet together.",
    "said_twice": "The same condition twice in one all, any or none.",
    "empty_window": "A window that ends before it begins: nothing ever lies in it.",
    "lets_in_none": "An upper bound that also lets in people without any such event.",
    "fractional_count": "A count of things compared with a fraction.",
    "burst_too_wide": "A burst in a span as long as its window or longer: a plain count.",
    "required_and_excluded": "Members of one segment are asked for, and excluded.",
}

COUNTED: Final = ("count", "days", "distinct", "periods")
"""Measures that are whole numbers from 0."""
_WHOLE: Final = Interval(low=Decimal(0))
_SHARE: Final = Interval(Decimal(0), Decimal(1))


def check(subject: Subject) -> Iterator[Finding]:
    """Findings about what can't be, or can't be otherwise."""
    for segment in subject.definitions.segments:
        for visit in visits(segment):
            for told in look(visit, subject.zone):
                yield subject.warn(
                    segment, told.path, told.code, told.message, told.hint, key=told.key
                )
        yield from _excluded(subject, segment)


@dataclass(frozen=True, slots=True)
class Told:
    """Something to say about one place of a segment."""

    path: Path
    code: str
    message: str
    hint: str = ""
    key: bool = False


def look(visit: Visit, zone: ZoneInfo) -> Iterator[Told]:
    """What to say about one condition; of a boolean, about its members together."""
    condition, path = visit.condition, visit.path
    match condition:
        case AllOf(all=()):
            yield Told((*path, "all"), "empty_all", "An empty 'all' is everyone.", key=True)
        case AnyOf(any=()):
            yield Told((*path, "any"), "empty_any", "An empty 'any' is no one.", key=True)
        case NoneOf(none=()):
            yield Told((*path, "none"), "empty_none", "An empty 'none' is everyone.", key=True)
        case AllOf(all=members) | AnyOf(any=members) | NoneOf(none=members):
            yield from _together(condition, members, path)
        case Did():
            yield from _bounds(visit, condition)
        case Sample():
            yield from _sample(condition, path)
        case _:
            pass
    yield from _windows(condition, path, zone)
    yield from _tests(condition, path, zone)


# ----------------------------------------------------------------------------- one condition


def _bounds(visit: Visit, did: Did) -> Iterator[Told]:
    kind, measure = did.measure
    if kind == "burst":
        if did.burst is None or did.within is None or did.calendar:
            return
        if did.burst.in_.micros >= did.within.micros:
            message = (
                f"A burst in {did.burst.in_} inside a window of {did.within} is a plain count."
            )
            hint = f"Write count: {{at_least: {did.burst.count}}}, or a shorter span."
            yield Told((*visit.path, "burst"), "burst_too_wide", message, hint)
        return
    if getattr(did, kind) is None:
        return  # nothing written: at least once
    path = (*visit.path, kind)
    asked, whole = Interval.of(measure.bounds), kind in COUNTED
    possible = _possible(did, kind)
    if asked.meet(possible).is_empty(whole=whole):
        why = "these bounds leave no number" if asked.is_empty(whole=whole) else _why(did, kind)
        yield Told(path, "never_true", f"No one can meet this: {why}.")
    elif whole and asked.covers(possible):
        message = f"Everyone meets this, also people without any such {_thing(kind)}."
        yield Told(path, "always_true", message, "Write at_least: 1, or remove the condition.")
    elif not visit.negated and lets_in_none(did) and not _others_ask(visit):
        yield _too_open(path, kind, measure)
    if whole:
        yield from _fractions(path, measure)


def _possible(did: Did, kind: str) -> Interval:
    if kind == "share":
        return _SHARE
    if kind == "periods" and did.periods:
        return Interval(Decimal(0), Decimal(did.periods.last))
    if kind == "days" and did.within is not None:
        # A window that begins inside a day touches one more, and with a day of 23 hours two.
        edge = 0 if did.calendar else 2
        days = -(-did.within.micros // DAY) + edge
        return Interval(Decimal(0), Decimal(days))
    return _WHOLE if kind in COUNTED else Interval()


def _why(did: Did, kind: str) -> str:
    match kind:
        case "share":
            return "a share lies between 0 and 1"
        case "periods" if did.periods:
            return f"there are only {did.periods.last} periods"
        case "days" if did.within:
            return f"{did.within} touches no more than {_possible(did, kind).high} days"
        case _:
            return "a count is never below 0"


def _thing(kind: str) -> str:
    return {"distinct": "value", "days": "day", "periods": "period"}.get(kind, "event")


def lets_in_none(did: Did) -> bool:
    """Whether people without a matching event meet a behaviour by accident of an upper bound.

    A bound that names 0, and ``less_than: 1``, say so on purpose and are not meant.
    """
    kind, measure = did.measure
    if kind not in (*COUNTED, "sum") or not isinstance(measure, Comparison):
        return False
    asked = Interval.of(measure.bounds)
    more = asked.meet(Interval(low=Decimal(0), low_open=True))
    return asked.low is None and asked.holds(Decimal(0)) and not more.is_empty(whole=kind != "sum")


def asks_for_one(condition: Condition) -> bool:
    """Whether only people with at least one matching event meet the condition."""
    match condition:
        case Last() | First() | SequenceOf():
            return True
        case Did():
            kind, measure = condition.measure
            if kind in COUNTED or kind == "sum":
                return not Interval.of(measure.bounds).holds(Decimal(0))
            return True
        case _:
            return False


def _others_ask(visit: Visit) -> bool:
    """Whether another member of the `all` around it lets in only people with such an event."""
    did = visit.condition
    return isinstance(did, Did) and any(
        isinstance(other, Did) and set(other.did) <= set(did.did) and asks_for_one(other)
        for other in visit.siblings
    )


def _too_open(path: Path, kind: str, measure: Comparison) -> Told:
    message = f"This also lets in people without any such event: their {kind} is 0."
    if kind == "sum":
        return Told(path, "lets_in_none", message, "Add a 'did' beside it, in an 'all'.")
    high = Interval.of(measure.bounds).high
    bound = int(high) if high is not None else 1
    if measure.less_than is not None and high == measure.less_than and bound > 1:
        bound -= 1
    return Told(path, "lets_in_none", message, f"To leave them out write between: [1, {bound}].")


def _fractions(path: Path, measure: Comparison) -> Iterator[Told]:
    for name, bound in measure.bounds.items():
        for one in bound if isinstance(bound, tuple) else (bound,):
            if one != one.to_integral_value():
                message = f"A number of things is whole, and {one:f} is not."
                hint = "Write a whole number."
                yield Told((*path, name), "fractional_count", message, hint)


def _sample(sample: Sample, path: Path) -> Iterator[Told]:
    where = (*path, "sample", "percent")
    if sample.sample.percent == 0:
        yield Told(where, "never_true", "A sample of 0 percent is no one.")
    elif sample.sample.threshold is None:
        yield Told(where, "always_true", "A sample of 100 percent is everyone.")


def _windows(condition: Condition, path: Path, zone: ZoneInfo) -> Iterator[Told]:
    if not isinstance(condition, Windowed) or not (condition.since and condition.until):
        return
    if condition.since.resolve(zone) >= condition.until.resolve(zone):
        message = f"This window is empty: it begins at {condition.since}, not before its end."
        yield Told((*path, "until"), "empty_window", message, "Exchange since and until.")


def _tests(condition: Condition, path: Path, zone: ZoneInfo) -> Iterator[Told]:
    for where, test in predicates(condition, path):
        if why := impossible(test, zone):
            yield Told(where, "never_true", f"No value passes this test: {why}.")


def predicates(condition: Condition, path: Path) -> Iterator[tuple[Path, Predicate]]:
    """Every test inside one condition, and where it is; those of traits end with ``trait``."""
    match condition:
        case Trait():
            yield (*path, "trait"), condition
        case Did() | DidNot():
            yield from _entries(condition.where, (*path, "where"))
            if isinstance(condition, Did) and condition.share:
                yield from _entries(condition.share.where, (*path, "share", "where"))
        case Last():
            yield from _entries(condition.last.where, (*path, "last", "where"))
            yield from _entries(condition.having, (*path, "having"))
        case First():
            yield from _entries(condition.first.where, (*path, "first", "where"))
            yield from _entries(condition.having, (*path, "having"))
        case SequenceOf():
            for at, step in enumerate(condition.sequence):
                yield from _entries(step.where, (*path, "sequence", at, "where"))
        case _:
            return


def _entries(where: object, path: Path) -> Iterator[tuple[Path, Predicate]]:
    if isinstance(where, dict):
        for name, test in where.items():
            yield (*path, name), test


# ---------------------------------------------------------------------------- several together


def _together(
    condition: AllOf | AnyOf | NoneOf, members: Sequence[Condition], path: Path
) -> Iterator[Told]:
    kind = next(iter(type(condition).model_fields))
    first: dict[Literal, int] = {}
    for at, literal in enumerate(map(normal, members)):
        before = first.setdefault(literal, at)
        opposite = first.get(~literal)
        if before != at:
            message = f"This says the same as number {before + 1} of the list."
            yield Told((*path, kind, at), "said_twice", message, "Keep one of them.")
        elif opposite is not None:
            number = f"number {opposite + 1} of the list"
            if kind == "any":
                message = f"Everyone meets this or {number}: one is not the other."
                yield Told((*path, kind, at), "always_true", message)
            else:
                message = f"No one can meet this beside {number}: one is not the other."
                yield Told((*path, kind, at), "contradiction", message)
    if isinstance(condition, AllOf):
        yield from _disjoint(members, path)
        yield from _done_and_not_done(members, path)


def _disjoint(members: Sequence[Condition], path: Path) -> Iterator[Told]:
    """Bounds on the same number of the same events that no number meets."""
    seen: dict[Hashable, tuple[int, Interval]] = {}
    for at, member in enumerate(members):
        if not isinstance(member, Did) or member.burst:
            continue
        kind, measure = member.measure
        subject = same_units(member).model_copy(update={kind: _bare(measure)}), kind
        asked = Interval.of(measure.bounds)
        first, so_far = seen.get(subject, (at, Interval()))
        both = so_far.meet(asked)
        whole = kind in COUNTED
        alone = asked.is_empty(whole=whole) or so_far.is_empty(whole=whole)
        if both.is_empty(whole=whole) and not alone:
            message = f"No number meets these bounds and those of number {first + 1} of the list."
            yield Told((*path, "all", at, kind), "contradiction", message)
        seen[subject] = (first, both)


def _bare(measure: Comparison) -> Comparison:
    """A measure without its bounds: what is compared."""
    return measure.model_copy(update=dict.fromkeys(COMPARISONS))


def _done_and_not_done(members: Sequence[Condition], path: Path) -> Iterator[Told]:
    """Did it in a short window, and did not in one that contains it."""
    for at, member in enumerate(members):
        if not isinstance(member, DidNot):
            continue
        for other, did in enumerate(members):
            if (
                isinstance(did, Did)
                and asks_for_one(did)
                and set(did.did) <= set(member.did_not)
                and (member.where is None or member.where == did.where)
                and normal(did) != ~normal(member)  # said already
                and _contains(member, did)
            ):
                message = f"No one can meet this and number {other + 1} of the list."
                hint = "What was done in the shorter window was done in the longer one too."
                yield Told((*path, "all", at), "contradiction", message, hint)


def _contains(outer: Windowed, inner: Windowed) -> bool:
    if not outer.has_window:
        return True
    if outer.calendar or inner.calendar:
        return False
    if outer.within is not None and inner.within is not None:
        return inner.within.micros <= outer.within.micros
    if outer.within is not None and inner.between is not None:
        return inner.between.from_.micros <= outer.within.micros
    return False


def _excluded(subject: Subject, segment: Segment) -> Iterator[Finding]:
    out = set(exclusions(segment, subject.exclude))
    for visit in _required(Visit(segment.where, ("where",), negated=False)):
        condition = visit.condition
        if isinstance(condition, InSegment) and condition.in_segment in out:
            name = condition.in_segment
            message = f"Only members of {name!r} are let in, and they are excluded: no one is left."
            path = (*visit.path, "in_segment")
            yield subject.warn(segment, path, "required_and_excluded", message)


def _required(visit: Visit) -> Iterator[Visit]:
    """Conditions that every member must meet."""
    yield visit
    if isinstance(visit.condition, AllOf):
        for at, member in enumerate(visit.condition.all):
            yield from _required(Visit(member, (*visit.path, "all", at), negated=False))
