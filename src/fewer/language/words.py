"""Definitions in plain words, as a marketer reads them; different definitions read differently.

Names stand bare where they are plain words and in quotes where they are not; texts are always
in quotes, so ``1`` is a number and ``"1"`` a text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any, Final, assert_never

from fewer.language import json
from fewer.model.condition import (
    ANY_EVENT,
    AbsentStep,
    AllOf,
    AnyOf,
    AnyStep,
    Condition,
    Consent,
    Did,
    DidNot,
    First,
    InList,
    InSegment,
    Last,
    NoneOf,
    Not,
    Occurrence,
    Sample,
    SequenceOf,
    Trait,
    children,
)
from fewer.model.goal import Goal
from fewer.model.measure import Burst, Comparison, Periods, PropertyMeasure, Share
from fewer.model.predicate import Predicate, Test
from fewer.model.segment import Segment
from fewer.model.window import Duration, Windowed

_BARE: Final = re.compile(r"[^\W\d]\w*(?:[.-]\w+)*")
_TAKEN: Final = frozenset({
    "after", "all", "and", "any", "anyone", "at", "before", "below", "between", "contains", "done",
    "ends", "ever", "everyone", "exactly", "false", "first", "from", "has", "have", "having", "in",
    "is", "last", "least", "less", "matches", "more", "most", "never", "next", "no", "none", "not",
    "nothing", "of", "on", "or", "since", "starts", "than", "that", "the", "then", "to", "true",
    "until", "was", "where", "which", "with", "within",
})  # fmt: skip
"""Words that join the parts of the sentences below; a name that equals one is put in quotes."""


def describe(definition: Condition | Segment | Goal) -> str:
    """One sentence (without a full stop) that says what a definition means.

    >>> describe(Did(did="purchase", within="30d", count={"at_least": 3}))
    'has done purchase at least 3 times in the last 30 days'
    >>> describe(AllOf(all=[DidNot(did_not="purchase"), InList(in_list="vip")]))
    'has never done purchase, and is on the list vip'
    """
    match definition:
        case Segment():
            return _segment(definition)
        case Goal():
            return _goal(definition)
        case _:
            return _condition(definition)


def tree(condition: Condition) -> str:
    """The same on several lines, one for each condition, inner ones below their boolean.

    >>> print(tree(AllOf(all=[InList(in_list="vip"), Not(not_=Did(did="purchase"))])))
    all of these:
    ├─ is on the list vip
    └─ not:
       └─ has ever done purchase
    """
    return "\n".join(_tree(condition))


def _tree(condition: Condition) -> list[str]:
    inside = children(condition)
    lines = [heading(condition)]
    for number, child in enumerate(inside, 1):
        first, *rest = _tree(child)
        is_last = number == len(inside)
        lines.append(f"{'└─' if is_last else '├─'} {first}")
        lines += [f"{'  ' if is_last else '│ '} {line}" for line in rest]
    return lines


def heading(condition: Condition) -> str:
    """What one line of a tree says: a boolean without its members, anything else in full."""
    match condition:
        case AllOf(all=()) | AnyOf(any=()) | NoneOf(none=()):
            return _condition(condition)
        case AllOf():
            return "all of these:"
        case AnyOf():
            return "any of these:"
        case NoneOf():
            return "none of these:"
        case Not():
            return "not:"
        case _:
            return _condition(condition)


# -------------------------------------------------------------------------------- conditions


def _condition(condition: Condition) -> str:
    match condition:
        case AllOf():
            return _joined(condition.all, ", and ", "everyone", "all of")
        case AnyOf():
            return _joined(condition.any, ", or ", "no one", "any of")
        case NoneOf():
            inside = "; or ".join(map(_condition, condition.none))
            return f"none of ({inside})" if inside else "none of nothing, which is everyone"
        case Not():
            return f"not ({_condition(condition.not_)})"
        case Did():
            return _did(condition)
        case DidNot():
            return _did_not(condition)
        case Last():
            return _chosen(condition, condition.last, "most recent")
        case First():
            return _chosen(condition, condition.first, "very first")
        case SequenceOf():
            return _sequence(condition)
        case Trait():
            return f"trait {name(condition.trait)} {_tests(condition)}"
        case Consent():
            return f"has granted consent for {name(condition.consent)}"
        case InList():
            return f"is on the list {name(condition.in_list)}"
        case InSegment():
            return f"is in the segment {condition.in_segment}"
        case Sample():
            rule = condition.sample
            share = f"{_number(rule.percent)} %"
            return f"is in the stable {share} sample with salt {quoted(rule.salt)}"
        case _:
            assert_never(condition)


def _joined(members: Sequence[Condition], joiner: str, of_none: str, alone: str) -> str:
    if not members:
        return of_none
    if len(members) == 1:
        return f"{alone} ({_condition(members[0])})"
    return joiner.join(f"({_condition(m)})" if _compound(m) else _condition(m) for m in members)


def _compound(condition: Condition) -> bool:
    return isinstance(condition, AllOf | AnyOf) and len(children(condition)) > 1


def _did(did: Did) -> str:
    which = _events(did.did, did.where)
    kind, measure = did.measure
    mark = _mark(did.lookback)
    if kind == "count" and did.count is None:
        return f"has {_ever(did)}done {which}{_window(did)}{mark}"
    how = _measure(kind, measure)
    if kind == "periods":
        return f"has done {which} {how}{mark}"
    return f"has {_ever(did)}done {which} {how}{_window(did)}{mark}"


def _did_not(condition: DidNot) -> str:
    which, mark = _events(condition.did_not, condition.where), _mark(condition.lookback)
    if not condition.has_window:
        return f"has never done {which}{mark}"
    return f"has not done {which}{_window(condition)}{mark}"


def _ever(windowed: Windowed) -> str:
    return "" if windowed.has_window else "ever "


def _mark(lookback: bool) -> str:
    return " (this window varies)" if lookback else ""


def _chosen(condition: Last | First, occurrence: Occurrence, which: str) -> str:
    events = _events(occurrence.did, occurrence.where)
    when = _window(condition) or " at any time"
    having = f" and having {_where(condition.having)}" if condition.having else ""
    return f"has done {events}, the {which} one{when}{having}"


def _sequence(condition: SequenceOf) -> str:
    steps, last_present = [], 0
    for number, step in enumerate(condition.sequence, 1):
        steps.append(_step(step, number, last_present))
        last_present = last_present if isinstance(step, AbsentStep) else number
    same = f", with the same {_list(map(name, condition.same), 'and')}" if condition.same else ""
    when = _window(condition) or " at any time"
    return f"has done in this order: {'; '.join(steps)}{same};{when}{_mark(condition.lookback)}"


def _step(step: AnyStep, number: int, after: int) -> str:
    if isinstance(step, AbsentStep):
        which = f"no {_events(step.did_not, step.where)}"
    else:
        which = _events(step.did, step.where)
    limit = f" within {step.within_next.words} after step {after}" if step.within_next else ""
    return f"step {number}, {which}{limit}"


def _events(names: Sequence[str], where: Any) -> str:
    which = "any event" if tuple(names) == (ANY_EVENT,) else _list(map(name, names), "or")
    return f"{which} ({_where(where)})" if where else which


def _where(where: Any) -> str:
    return " and ".join(f"{name(key)} {_tests(test)}" for key, test in where.items())


def _window(condition: Windowed) -> str:
    """Words of a window with a space before them; none without a window."""
    if condition.calendar and condition.within is not None:
        full = "full day" if condition.within.amount == 1 else "full days"
        return f" in the last {condition.within.amount:,} {full}"
    if condition.within is not None:
        return f" in the last {condition.within.words}"
    if condition.between is not None:
        older, newer = condition.between.from_, condition.between.to
        return f" from {older.words} ago to {newer.words} ago"
    since = f" since {condition.since}" if condition.since else ""
    return since + (f" before {condition.until}" if condition.until else "")


# -------------------------------------------------------------------------- measures and tests

_OF: Final = {"sum": "total", "mean": "average", "min": "smallest", "max": "largest"}


def _measure(kind: str, measure: Any) -> str:
    match measure:
        case Burst():
            return f"at least {measure.count:,} {_times(measure.count)} within {_span(measure.in_)}"
        case Periods():
            spans = f"{measure.last:,} periods of {_span(measure.each)}"
            return f"in {_bounds(measure)} of the last {spans}"
        case Share():
            share = f"the share with {_where(measure.where)}"
            return f"where {share} is {_bounds(measure)}"
        case PropertyMeasure() if kind == "distinct":
            values = "value" if _only(measure) == 1 else "different values"
            return f"with {_bounds(measure)} {values} of {name(measure.of)}"
        case PropertyMeasure():
            return f"with {_OF[kind]} {name(measure.of)} of {_bounds(measure)}"
        case _ if kind == "days":
            return f"on {_bounds(measure)} {'day' if _only(measure) == 1 else 'different days'}"
        case _:
            return f"{_bounds(measure)} {_times(_only(measure))}"


def _times(number: Decimal | int | None) -> str:
    return "time" if number == 1 else "times"


def _only(comparison: Comparison) -> Decimal | None:
    """The number of a comparison with one plain bound."""
    bounds = list(comparison.bounds.values())
    return bounds[0] if len(bounds) == 1 and isinstance(bounds[0], Decimal) else None


def _span(duration: Duration) -> str:
    return duration.words


def _bounds(comparison: Comparison) -> str:
    return " and ".join(_bound(key, value) for key, value in comparison.bounds.items())


def _bound(key: str, value: Any) -> str:
    if key == "between":
        return f"between {_number(value[0])} and {_number(value[1])}"
    return f"{key.replace('_', ' ')} {_number(value)}"


def _tests(predicate: Predicate | Test) -> str:
    said = " and ".join(_test(key, value) for key, value in predicate.tests.items())
    return f"{said} (ignoring case)" if predicate.ignore_case else said


def _test(key: str, value: Any) -> str:
    match key:
        case "equals":
            return f"is {_value(value)}"
        case "not_equals":
            return f"is present and not {_value(value)}"
        case "in":
            return f"is one of {_list(map(_value, value), 'or')}"
        case "not_in":
            return f"is present and none of {_list(map(_value, value), 'or')}"
        case "exists":
            return "is present" if value else "is absent"
        case "missing":
            return "is missing" if value else "is not missing"
        case "between" | "at_least" | "at_most" | "more_than" | "less_than":
            return f"is {_bound(key, value)}"
        case "under":
            return f"is {quoted(value)} or below it"
        case "matches":
            return f"matches the pattern {quoted(value)}"
        case "before":
            return f"is before {value}"
        case "after":
            return f"is {value} or later"
        case "within":
            return f"is in the last {value.words}"
        case "within_next":
            return f"is in the next {value.words}"
        case _:
            return f"{key.replace('_', ' ')} {quoted(value)}"


def name(text: str) -> str:
    """A name as it stands in a sentence.

    >>> name("page_view"), name("Order Completed"), name("or")
    ('page_view', '"Order Completed"', '"or"')
    """
    return text if _BARE.fullmatch(text) and text not in _TAKEN else quoted(text)


def quoted(text: str) -> str:
    r"""A text in quotes, with every character that can't be seen spelled out.

    >>> print(quoted("naïve\t\x9b"))
    "naïve\t\u009b"
    """
    shown = json.quoted(text)
    if shown.isprintable():
        return shown
    return "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in shown)


def _value(value: str | bool | Decimal) -> str:
    if isinstance(value, str):
        return quoted(value)
    return str(value).lower() if isinstance(value, bool) else _number(value)


def _number(value: Decimal) -> str:
    return f"{value:,f}"


def _list(words: Iterable[str], joiner: str) -> str:
    *most, last = words
    return f"{', '.join(most)} {joiner} {last}" if most else last


# -------------------------------------------------------------------------- segments and goals


def _segment(segment: Segment) -> str:
    without = f"; without {_list(segment.exclude, 'and')}" if segment.exclude else ""
    if not segment.exclude_defaults:
        without += "; the project's exclusions do not apply"
    varied = ""
    if segment.variants:
        varied = f"; also over {_list((w.words for w in segment.variants.lookback), 'and')}"
    return f"{_condition(segment.where)}{without}{varied}"


def _goal(goal: Goal) -> str:
    each = "first" if goal.counts == "first" else "every"
    parts = [f"the {each} {_events(goal.did, goal.where)}"]
    parts.append(f"within {goal.outcome_window.words}")
    if goal.gap:
        parts[-1] += f" after skipping {goal.gap.words}"
    if goal.value:
        currency = f" in {goal.value.currency}" if goal.value.currency else ""
        parts.append(f"worth its {name(goal.value.of)}{currency}")
    if goal.reversed_by:
        back = goal.reversed_by
        same = _list(map(name, back.same), "and")
        parts.append(f"taken back by {_events(back.did, back.where)} with the same {same}")
    return ", ".join(parts)
