"""Lower conditions to formulas over distinct leaves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import assert_never

from fewer.evaluate.plan import formula as f
from fewer.evaluate.plan.atom import (
    Atom,
    columns_of,
    predicate_atoms,
    trait_columns,
    where_atoms,
)
from fewer.evaluate.plan.bounds import ANYTHING, Bounds, closed, exact, whole
from fewer.evaluate.plan.clock import Clock
from fewer.evaluate.plan.leaf import (
    Behaviour,
    Burst,
    Chain,
    Count,
    Distinct,
    Extreme,
    Granted,
    Leaf,
    Link,
    Listed,
    LocalDay,
    Match,
    Mean,
    Measure,
    Period,
    Person,
    Pick,
    Sampled,
    Shape,
    Share,
    Sum,
    Value,
)
from fewer.model import measure as m
from fewer.model.catalog import SESSION_ID, Catalog
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
    Sample,
    SequenceOf,
    Trait,
)
from fewer.model.predicate import Predicate


@dataclass(slots=True)
class Lowering:
    """Collects the distinct leaves of all conditions given to `formula`."""

    catalog: Catalog
    clock: Clock
    leaves: dict[Leaf, int] = field(default_factory=dict)
    sources: list[Condition] = field(default_factory=list)
    """For each leaf, a condition that asks it: for words."""

    def formula(self, condition: Condition) -> f.Formula:
        """Formula of a condition; its leaves are added to those known."""
        match condition:
            case AllOf():
                return f.Every(tuple(self.formula(c) for c in condition.all))
            case AnyOf():
                return f.Some(tuple(self.formula(c) for c in condition.any))
            case NoneOf():
                return f.NoneOf(tuple(self.formula(c) for c in condition.none))
            case Not():
                return f.Opposite(self.formula(condition.not_))
            case InSegment():
                return f.MemberOf(condition.in_segment)
            case _:
                return f.Holds(self._number(self.leaf(condition), condition))

    def _number(self, leaf: Leaf, source: Condition) -> int:
        if leaf not in self.leaves:
            self.leaves[leaf] = len(self.leaves)
            self.sources.append(source)
        return self.leaves[leaf]

    def leaf(self, condition: Condition) -> Leaf:
        """Normal form of a condition that is no boolean and no reference."""
        match condition:
            case Did():
                return self._behaviour(condition)
            case DidNot():
                return self._behaviour(condition.as_did())
            case Last():
                return self._pick(condition, latest=True)
            case First():
                return self._pick(condition, latest=False)
            case SequenceOf():
                return self._chain(condition)
            case Trait():
                columns = trait_columns(condition.trait, self.catalog)
                return Person(predicate_atoms(condition, columns, self.clock))
            case Consent():
                return Granted(condition.consent)
            case InList():
                return Listed(condition.in_list)
            case Sample():
                return Sampled(condition.sample.salt, condition.sample.threshold)
            case AllOf() | AnyOf() | NoneOf() | Not() | InSegment():
                message = f"{type(condition).__name__} is no leaf"
                raise TypeError(message)
            case _:
                assert_never(condition)

    def match(self, events: tuple[str, ...], where: Mapping[str, Predicate] | None) -> Match:
        """Normal form of event names and `where`."""
        names = None if events == (ANY_EVENT,) else tuple(sorted(events))
        return Match(names, self._atoms(where))

    def _atoms(self, where: Mapping[str, Predicate] | None) -> tuple[Atom, ...]:
        return where_atoms(where, self.catalog, self.clock)

    def _behaviour(self, did: Did) -> Behaviour:
        name, written = did.measure
        window = self.clock.window(did)
        if isinstance(written, m.Periods):
            window = self.clock.back(written.each, written.last)
        measure, bounds = self._measure(name, written)
        return Behaviour(self.match(did.did, did.where), window, measure, bounds)

    def _measure(self, name: str, written: object) -> tuple[Measure, Bounds]:
        match written:
            case m.Burst():
                return Burst(written.count, written.in_.micros), ANYTHING
            case m.Periods():
                return Distinct(Period(written.each.micros)), whole(written)
            case m.Share():
                return Share(self._atoms(written.where)), exact(written)
            case m.PropertyMeasure():
                return self._property_measure(name, written)
            case m.Comparison():
                return Distinct(LocalDay()) if name == "days" else Count(), whole(written)
            case _:
                message = f"no measure {name!r}"
                raise TypeError(message)

    def _property_measure(self, name: str, written: m.PropertyMeasure) -> tuple[Measure, Bounds]:
        columns = columns_of(written.of, self.catalog)
        number = next((c for c in columns if c.type == "number"), None)
        match name:
            case "distinct":
                return Distinct(Value(columns)), whole(written)
            case "sum":
                return Sum(number), closed(written)
            case "mean":
                return Mean(number), exact(written)
            case _:
                return Extreme(number, largest=name == "max"), closed(written)

    def _pick(self, condition: Last | First, *, latest: bool) -> Pick:
        occurrence = condition.last if isinstance(condition, Last) else condition.first
        return Pick(
            self.match(occurrence.did, occurrence.where),
            latest,
            self.clock.window(condition),
            self._atoms(condition.having),
        )

    def _chain(self, sequence: SequenceOf) -> Chain:
        same = set(sequence.same or ())
        session = SESSION_ID in same
        keys = tuple(sorted(columns_of(name, self.catalog) for name in same - {SESSION_ID}))
        links = tuple(self._link(step) for step in sequence.sequence)
        return Chain(Shape(links, keys, session), self.clock.window(sequence))

    def _link(self, step: AnyStep) -> Link:
        within = step.within_next.micros if step.within_next else None
        if isinstance(step, AbsentStep):
            return Link(self.match(step.did_not, step.where), absent=True, within=within)
        return Link(self.match(step.did, step.where), within=within)
