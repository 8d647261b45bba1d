"""Which constructs a set of cases asks about, and with which answers.

A suite that never makes a construct true, or never false, proves nothing about it. Here each
leaf of each condition is asked by the oracle, and its answers are counted under the names of all
constructs that it is made of.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from fewer.model.condition import (
    HEADS,
    AbsentStep,
    Condition,
    Did,
    DidNot,
    First,
    Last,
    Occurrence,
    SequenceOf,
    Step,
    Trait,
    walk,
)
from fewer.model.measure import COMPARISONS, MEASURES
from fewer.model.predicate import ANY_TESTS, NUMBER_TESTS, TEXT_TESTS, TIME_TESTS, Predicate
from fewer.model.window import Windowed
from oracle.clock import length
from oracle.conditions import true
from oracle.moment import Moment
from oracle.segments import answer, with_variants
from strategies.definition import Asked
from strategies.scene import Scene

FOLDED = ("equals", "not_equals", "in", "not_in", *TEXT_TESTS)

ALL = {
    *HEADS,
    *(f"window {name}" for name in ("none", "within", "calendar", "between", "since", "until")),
    *(f"measure {name}" for name in MEASURES),
    *(f"{measure} {bound}" for measure in MEASURES if measure != "burst" for bound in COMPARISONS),
    *(f"test {name}" for name in (*ANY_TESTS, *NUMBER_TESTS, *TEXT_TESTS, *TIME_TESTS)),
    *(f"test {name} ignore_case" for name in FOLDED),
    *("item attribute", "any event", "several names", "having", "last tie", "first tie"),
    *("step", "step within_next", "absent step", "present after absent", "absent last"),
    *("same item_id", "same session_id", "same other", "same and absent"),
    *("variant", "exclude", "default exclude", "sum of item", "distinct of item"),
}
"""Every construct of the language, by the names used here."""


def constructs(leaf: Condition) -> Iterator[str]:
    """Names of what a leaf is made of."""
    match leaf:
        case Did():
            yield from _measure(leaf)
            yield from _occurrence(leaf.did, leaf.where)
        case DidNot():
            yield from _occurrence(leaf.did_not, leaf.where)
        case Last(last=occurrence) | First(first=occurrence):
            yield from _occurrence(occurrence.did, occurrence.where)
            if leaf.having:
                yield "having"
                yield from _where(leaf.having)
        case SequenceOf():
            yield from _sequence(leaf)
        case Trait():
            yield from _tests(leaf)
        case _:
            pass
    if isinstance(leaf, Windowed):
        yield from _window(leaf)


def _window(leaf: Windowed) -> Iterator[str]:
    for name in ("between", "since", "until"):
        if getattr(leaf, name):
            yield f"window {name}"
    if leaf.within:
        yield "window calendar" if leaf.calendar else "window within"
    if not leaf.has_window:
        yield "window none"


def _measure(leaf: Did) -> Iterator[str]:
    name, measure = leaf.measure
    yield f"measure {name}"
    for bound in COMPARISONS:
        if getattr(measure, bound, None) is not None:
            yield f"{name} {bound}"
    if getattr(measure, "of", "").startswith("item."):
        yield f"{'distinct' if name == 'distinct' else 'sum'} of item"
    if name == "share":
        yield from _where(measure.where)


def _occurrence(names: tuple[str, ...], where: Any) -> Iterator[str]:
    if names == ("*",):
        yield "any event"
    if len(names) > 1:
        yield "several names"
    yield from _where(where or {})


def _where(where: Any) -> Iterator[str]:
    for name, test in where.items():
        if name.startswith("item."):
            yield "item attribute"
        yield from _tests(test)


def _tests(test: Predicate) -> Iterator[str]:
    for name in test.tests:
        yield f"test {name}"
        if test.ignore_case and name in FOLDED:
            yield f"test {name} ignore_case"


def _sequence(leaf: SequenceOf) -> Iterator[str]:
    steps = leaf.sequence
    for before, step in zip((None, *steps), steps, strict=False):
        match step:
            case Step():
                yield from _occurrence(step.did, step.where)
                yield "step within_next" if step.within_next else "step"
                if isinstance(before, AbsentStep):
                    yield "present after absent"
            case AbsentStep():
                yield from _occurrence(step.did_not, step.where)
                yield "absent step"
                if leaf.same:
                    yield "same and absent"
    if isinstance(steps[-1], AbsentStep):
        yield "absent last"
    for name in leaf.same or ():
        yield f"same {name if name in ('item_id', 'session_id') else 'other'}"


# ------------------------------------------------------------------------------------- counting


def count(scene: Scene, asked: Asked, seen: Counter[tuple[str, bool]]) -> None:
    """Add how often each construct was part of an answer yes, and of an answer no."""
    right = answer(
        asked.segments,
        scene.world,
        as_of_us=scene.as_of_us,
        timezone=scene.timezone,
        session_gap_us=length(scene.session_gap),
        default_exclude=asked.default_exclude,
    )
    moment = Moment(scene.world, scene.as_of_us, scene.zone, length(scene.session_gap))
    for segment in (each for one in asked.segments for each in with_variants(one)):
        for condition in walk(segment.where):
            names = {_head(condition), *constructs(condition)}
            for person in moment.universe:
                holds = true(condition, person, moment, right.members.__getitem__)
                seen.update((name, holds) for name in names | _ties(condition, person, moment))
        _exclusions(segment.id, right.matched, right.members, segment, asked, seen)


def _head(condition: Condition) -> str:
    return next(head for head, model in HEADS.items() if isinstance(condition, model))


def _ties(condition: Condition, person: int, moment: Moment) -> set[str]:
    """Whether the choice of the last or first event was made among several at one instant."""
    match condition:
        case Last(last=Occurrence(did=names)):
            name, at = "last tie", -1
        case First(first=Occurrence(did=names)):
            name, at = "first tie", 0
        case _:
            return set()
    times = [e.ts for e in moment.history(person) if names == ("*",) or e.event in names]
    return {name} if condition.having and times and times.count(times[at]) > 1 else set()


def _exclusions(
    id_: str, matched: Any, members: Any, segment: Any, asked: Asked, seen: Counter[Any]
) -> None:
    names = ["exclude"] if segment.exclude else []
    names += ["default exclude"] if asked.default_exclude and segment.exclude_defaults else []
    names += ["variant"] if "@" in id_ else []
    for person in matched[id_]:
        seen.update((name, person in members[id_]) for name in names)
    if "@" in id_:
        seen["variant", False] += not matched[id_]
