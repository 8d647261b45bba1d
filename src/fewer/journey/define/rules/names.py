"""Names and values that the data does not know, and tests that its types never meet."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from functools import cache
from typing import Final

from fewer.errors import did_you_mean
from fewer.journey.define.rules.base import Finding, Subject, visits
from fewer.journey.define.rules.value import types
from fewer.language.node import Path
from fewer.model.catalog import ITEM_ID, ITEM_PREFIX, SESSION_ID, Catalog
from fewer.model.condition import (
    ANY_EVENT,
    Condition,
    Consent,
    Did,
    DidNot,
    First,
    InList,
    Last,
    SequenceOf,
    Trait,
)
from fewer.model.goal import Goal
from fewer.model.measure import PropertyMeasure
from fewer.model.predicate import Predicate
from fewer.model.values import ValueType

CODES: Final = {
    "unknown_event": "An event that no stored row has.",
    "unknown_property": "A property that no stored event has.",
    "unknown_attribute": "An item attribute (item.NAME) that no stored item has.",
    "unknown_trait": "A trait that no stored person has.",
    "unknown_list": "A list that was never uploaded.",
    "unknown_purpose": "A purpose for which no consent is stored.",
    "unknown_category": "A category path that no stored value equals or lies below.",
    "unknown_value": "A text that is not among the stored values of a property or trait.",
    "wrong_type": "A test or measure of one type, where only values of others are stored.",
    "odd_quote": "A name or text that begins or ends with a typographic quote.",
}

_SEPARATOR: Final = " > "
_QUOTES: Final = "\u201c\u201d\u201e\u2018\u2019\u201a\u00ab\u00bb"
_SHOWN: Final = 8
_MOST_COMPARED: Final = 20_000  # names to look for a near one among

Told = tuple[Path, str, str, str]  # path, code, message, hint


def check(subject: Subject) -> Iterator[Finding]:
    """Findings about names and values; without a catalog only those about their writing."""
    look = _Look(subject.catalog, subject.values)
    for segment in subject.definitions.segments:
        for visit in visits(segment):
            for path, code, message, hint in look.condition(visit.condition, visit.path):
                yield subject.warn(segment, path, code, message, hint)
    for goal in subject.definitions.goals:
        for path, code, message, hint in look.goal(goal):
            place = subject.definitions.goal_place(goal.id, path)
            yield Finding("warning", code, message, place, hint)


class _Look:
    def __init__(
        self, catalog: Catalog | None, values: Callable[[str], Collection[str] | None] | None
    ) -> None:
        stored = catalog is not None and (catalog.events or catalog.traits)
        self.catalog = catalog if stored else None  # nothing is known before the first data
        self.values = cache(values) if values else None
        self.tops = cache(
            lambda name: {top for one in self.texts(name) or () for top in _tops(one)}
        )

    def condition(self, condition: Condition, path: Path) -> Iterator[Told]:
        match condition:
            case Did():
                yield from self.events(condition.did, (*path, "did"))
                yield from self.where(condition.where, (*path, "where"))
                yield from self.measure(condition, path)
            case DidNot():
                yield from self.events(condition.did_not, (*path, "did_not"))
                yield from self.where(condition.where, (*path, "where"))
            case Last():
                yield from self.events(condition.last.did, (*path, "last", "did"))
                yield from self.where(condition.last.where, (*path, "last", "where"))
                yield from self.where(condition.having, (*path, "having"))
            case First():
                yield from self.events(condition.first.did, (*path, "first", "did"))
                yield from self.where(condition.first.where, (*path, "first", "where"))
                yield from self.where(condition.having, (*path, "having"))
            case SequenceOf():
                yield from self.sequence(condition, path)
            case Trait():
                yield from self.trait(condition, path)
            case Consent():
                known = self.catalog.purposes if self.catalog else None
                yield from self.known("purpose", condition.consent, known, (*path, "consent"))
            case InList():
                known = self.catalog.lists if self.catalog else None
                yield from self.known("list", condition.in_list, known, (*path, "in_list"))
            case _:
                return

    def goal(self, goal: Goal) -> Iterator[Told]:
        yield from self.events(goal.did, ("did",))
        yield from self.where(goal.where, ("where",))
        if goal.value:
            yield from self.number(goal.value.of, ("value", "of"), "A value")
        if goal.reversed_by:
            back = goal.reversed_by
            yield from self.events(back.did, ("reversed_by", "did"))
            yield from self.where(back.where, ("reversed_by", "where"))
            for at, name in enumerate(back.same):
                yield from self.property(name, ("reversed_by", "same", at))

    # ------------------------------------------------------------------------------- parts

    def sequence(self, condition: SequenceOf, path: Path) -> Iterator[Told]:
        for at, step in enumerate(condition.sequence):
            inside = (*path, "sequence", at)
            key = "did_not" if hasattr(step, "did_not") else "did"
            yield from self.events(getattr(step, key), (*inside, key))
            yield from self.where(step.where, (*inside, "where"))
        for at, name in enumerate(condition.same or ()):
            if name != SESSION_ID:
                yield from self.property(name, (*path, "same", at))

    def measure(self, did: Did, path: Path) -> Iterator[Told]:
        kind, measure = did.measure
        if isinstance(measure, PropertyMeasure):
            inside = (*path, kind, "of")
            if kind == "distinct":
                yield from self.property(measure.of, inside)
            else:
                yield from self.number(measure.of, inside, f"A {kind}")
        if did.share:
            yield from self.where(did.share.where, (*path, "share", "where"))

    def events(self, names: tuple[str, ...], path: Path) -> Iterator[Told]:
        for at, name in enumerate(names):
            if name == ANY_EVENT:
                continue
            where = (*path, at) if len(names) > 1 else path
            known = self.catalog.events if self.catalog else None
            yield from self.known("event", name, known, where)

    def where(self, where: Mapping[str, Predicate] | None, path: Path) -> Iterator[Told]:
        for name, test in (where or {}).items():
            inside = (*path, name)
            told = list(self.property(name, inside))
            yield from told
            if not told and self.catalog:
                yield from self.test(name, test, self.catalog.event_columns(name), inside)

    def trait(self, condition: Trait, path: Path) -> Iterator[Told]:
        known = self.catalog.traits if self.catalog else None
        told = list(self.known("trait", condition.trait, known, (*path, "trait")))
        yield from told
        if not told and self.catalog:
            found = self.catalog.traits[condition.trait]
            yield from self.test(condition.trait, condition, found, path)

    def number(self, name: str, path: Path, what: str) -> Iterator[Told]:
        told = list(self.property(name, path))
        yield from told
        found = self.catalog.event_columns(name) if self.catalog and not told else None
        if found is not None and "number" not in found:
            message = f"{what} needs numbers, and {name!r} holds {_and(found)} only."
            yield path, "wrong_type", message, "Map it with type: number in fewer.yaml."

    # ------------------------------------------------------------------------------- names

    def property(self, name: str, path: Path) -> Iterator[Told]:
        if name.startswith(ITEM_PREFIX):
            bare = name.removeprefix(ITEM_PREFIX)
            known = self.catalog.items if self.catalog else None
            yield from self.known("attribute", bare, known, path)
            return
        catalog = self.catalog
        if catalog and name not in catalog.properties:
            hint = ""
            if name in catalog.items:
                hint = f"It is an attribute of items: write {ITEM_PREFIX}{name}."
            elif name in catalog.traits:
                hint = f"It is a trait: write {{trait: {name}, ...}} as a condition of its own."
            elif name == SESSION_ID:
                hint = "Sessions are derived: session_id goes into 'same' of a sequence only."
            if hint:
                yield path, "unknown_property", f"No event has a property {name!r}.", hint
                return
        names = {*catalog.properties, ITEM_ID} if catalog else None
        yield from self.known("property", name, names, path)

    def known(
        self, kind: str, name: str, known: Collection[str] | None, path: Path
    ) -> Iterator[Told]:
        if name[0] in _QUOTES or name[-1] in _QUOTES:
            message = f"{name!r} has typographic quotes, which are part of the name."
            yield path, "odd_quote", message, "Use plain quotes, or none."
        elif known is not None and name not in known:
            near = _near(name, known)
            some = f"There are {', '.join(sorted(known)[:_SHOWN])}." if known else ""
            more = "" if len(known) <= _SHOWN else f" {len(known):,} in all."
            what = {"attribute": "item attribute"}.get(kind, kind)
            yield path, f"unknown_{kind}", f"The data has no {what} {name!r}.", near or some + more

    # ------------------------------------------------------------------------------- values

    def test(
        self, name: str, test: Predicate, stored: Mapping[ValueType, str], path: Path
    ) -> Iterator[Told]:
        asked = types(test)
        if stored and len(asked) == 1 and not asked & set(stored):
            (kind,) = asked
            message = f"This tests a {kind}, and {name!r} holds {_and(stored)} only."
            yield path, "wrong_type", message, _cast(test, kind, stored)
        elif "text" in asked and not test.ignore_case and self.texts(name) is not None:
            yield from self.listed(name, test, path)

    def texts(self, name: str) -> Collection[str] | None:
        return self.values(name) if self.values else None

    def _tops(self, name: str) -> set[str]:
        return {top for one in self.texts(name) or () for top in _tops(one)}

    def listed(self, name: str, test: Predicate, path: Path) -> Iterator[Told]:
        """Texts that are compared as a whole and that no stored value equals."""
        known = self.texts(name) or ()
        if test.under is not None and test.under not in self.tops(name):
            yield _unknown(name, "category", test.under, self.tops(name), (*path, "under"))
        if isinstance(test.equals, str) and test.equals not in known:
            yield _unknown(name, "value", test.equals, known, (*path, "equals"))
        for at, one in enumerate(test.in_ or ()):
            if isinstance(one, str) and one not in known:
                yield _unknown(name, "value", one, known, (*path, "in", at))


def _near(word: str, known: Collection[str]) -> str:
    return did_you_mean(word, known).strip() if len(known) <= _MOST_COMPARED else ""


def _and(stored: Collection[ValueType]) -> str:
    plural = {"text": "texts", "number": "numbers", "boolean": "true/false", "timestamp": "times"}
    return " and ".join(plural[kind] for kind in sorted(stored))


def _cast(test: Predicate, kind: ValueType, stored: Collection[ValueType]) -> str:
    bare = test.tests.get("equals", (test.tests.get("in") or (None,))[0])
    if kind == "text" and "number" in stored and isinstance(bare, str) and _is_number(bare):
        return f"Write {bare} without quotes."
    if kind == "text" and "boolean" in stored and bare in ("true", "false"):
        return f"Write {bare} without quotes."
    if kind == "number" and "text" in stored and bare is not None:
        return f'Put it in quotes: "{bare}".'
    if kind == "boolean" and "text" in stored and bare is not None:
        return f'Put it in quotes: "{str(bare).lower()}".'
    return "Values of another type fail every test; map the type in fewer.yaml."


def _is_number(text: str) -> bool:
    return text.replace(".", "", 1).removeprefix("-").isdecimal()


def _tops(path: str) -> Iterator[str]:
    parts = path.split(_SEPARATOR)
    for length in range(1, len(parts) + 1):
        yield _SEPARATOR.join(parts[:length])


def _unknown(name: str, kind: str, text: str, known: Collection[str], path: Path) -> Told:
    what = "category" if kind == "category" else "value"
    lower = {one.lower(): one for one in known}
    same = lower.get(text.lower())
    hint = f"Case counts: write {same!r}." if same else _near(text, known)
    return path, f"unknown_{kind}", f"{name!r} has no {what} {text!r} in the data.", hint
