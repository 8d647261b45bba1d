"""Why someone is in a segment, or is not: the condition tree with the events that decided it."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, Protocol, runtime_checkable

from fewer.evaluate.engines.base import Engine
from fewer.evaluate.plan import formula as f
from fewer.evaluate.plan import reason
from fewer.evaluate.plan.atom import Column, trait_columns
from fewer.evaluate.plan.leaf import (
    Behaviour,
    Chain,
    Granted,
    Leaf,
    Listed,
    Person,
    Pick,
    Sampled,
    is_constant,
)
from fewer.evaluate.plan.plan import Plan, Planned
from fewer.evaluate.sql import explain
from fewer.evaluate.sql.events import base_name, read_columns
from fewer.evaluate.sql.functions.base import Functions
from fewer.evaluate.sql.functions.duckdb import DUCKDB
from fewer.language.words import heading
from fewer.model.catalog import ITEM_PREFIX, Catalog
from fewer.model.condition import Condition, Trait, children
from fewer.model.number import from_micros
from fewer.model.values import ValueType
from fewer.model.window import from_utc_micros


@runtime_checkable
class Resolving(Protocol):
    """An engine to which some tests must be put in another way."""

    def resolved(self, plan: Plan) -> Plan:
        """The plan as the engine's functions can write it."""
        ...


Role = Literal["segment", "condition", "exclusion"]


@dataclass(frozen=True, slots=True)
class Evidence:
    """An event that decided a condition; `properties` are those the condition reads.

    Numbers are decimals, timestamps aware datetimes; a missing property has no entry.
    """

    ts_us: int
    event: str
    event_id: str
    properties: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class WhyNode:
    """One line of the explanation.

    `holds` of a segment is membership; of a condition, whether it is true; of an exclusion,
    whether the person is in the excluded segment, and so removed. `reason` is what the data came
    to, such as "2 matches, needs at least 3".
    """

    role: Role
    words: str
    holds: bool
    reason: str = ""
    events: tuple[Evidence, ...] = ()
    members: tuple[WhyNode, ...] = ()
    segment: str | None = None  # id, for segments and exclusions


def why(
    engine: Engine,
    plan: Plan,
    segment_id: str,
    person: int | str,
    *,
    functions: Functions | None = None,
) -> WhyNode:
    """Explain the membership of one person in a segment of the plan.

    Reads that person's rows only. Raises `NotFoundError` for a segment that is not in the plan.

    Args:
        engine: One that answers in SQL.
        plan: The segment, and whatever it refers to.
        segment_id: Its id.
        person: As the engine's relations know the person: a number, or for tables in place a text.
        functions: How the engine speaks. Default: as it says itself, else as DuckDB does.
    """
    part = plan.only([segment_id])
    if isinstance(engine, Resolving):
        part = engine.resolved(part)
    usual: Functions = getattr(engine, "own_functions", DUCKDB)
    own: Functions = getattr(engine, "functions", usual)
    found = _Findings(engine, part, person, functions or own)
    title = part.by_id[segment_id].segment.title
    if not found.answers["known"]:
        unknown = "not among everyone: not in people, and without an event before this time"
        return WhyNode("segment", title, holds=False, reason=unknown, segment=segment_id)
    return _segment(part.by_id[segment_id], "segment", found)


@dataclass(frozen=True)
class _Findings:
    """What the engine says of one person; everything is asked when it is first needed."""

    engine: Engine
    plan: Plan
    person: int | str
    functions: Functions

    def ask(self, query: explain.Query) -> list[dict[str, Any]]:
        """Rows of a query about the person."""
        parameters = [self.person] * query.placeholders
        rows: list[dict[str, Any]] = self.engine.run(query.query, parameters=parameters).to_pylist()
        return rows

    @cached_property
    def answers(self) -> dict[str, Any]:
        """Every leaf, and what it compared."""
        return self.ask(explain.answers(self.plan, self.functions))[0]

    @cached_property
    def traits(self) -> dict[str, Any]:
        """The row of `people`; empty when there is none."""
        rows = self.ask(explain.traits())
        return rows[0] if rows else {}

    @cached_property
    def consents(self) -> dict[str, str]:
        """State by purpose."""
        return {row["purpose"]: row["state"] for row in self.ask(explain.consents())}

    @cached_property
    def events(self) -> dict[int, list[dict[str, Any]]]:
        """For each leaf that single events decide, those events."""
        ends = {
            n: self.answers[f"n{n}"] if explain.has_end(leaf) else None
            for n, leaf in enumerate(self.plan.leaves)
            if isinstance(leaf, Behaviour | Pick) and not is_constant(leaf)
        }
        rows = self.ask(explain.evidence(self.plan, ends, self.functions)) if ends else []
        by_leaf: dict[int, list[dict[str, Any]]] = {}
        for row in rows:
            by_leaf.setdefault(row["leaf"], []).append(row)
        return by_leaf

    def holds(self, leaf: int) -> bool:
        """Whether a leaf is true."""
        asked = self.plan.leaves[leaf]
        return asked.default if is_constant(asked) else bool(self.answers[f"l{leaf}"])

    def compared(self, leaf: int) -> tuple[int | None, int | None]:
        """What a leaf compared, and what that was divided by."""
        number, of = self.answers.get(f"n{leaf}"), self.answers.get(f"d{leaf}")
        return (None if number is None else int(number), None if of is None else int(of))

    def is_true(self, formula: f.Formula) -> bool:
        """Value of a formula."""
        match formula:
            case f.Holds():
                return self.holds(formula.leaf)
            case f.MemberOf():
                return self.is_member(formula.segment)
            case f.Every():
                return all(map(self.is_true, formula.members))
            case f.Some():
                return any(map(self.is_true, formula.members))
            case f.NoneOf():
                return not any(map(self.is_true, formula.members))
            case f.Opposite():
                return not self.is_true(formula.member)

    def is_member(self, segment_id: str) -> bool:
        """Membership, exclusions applied."""
        planned = self.plan.by_id[segment_id]
        return self.is_true(planned.where) and not any(map(self.is_member, planned.exclude))


def _segment(planned: Planned, role: Role, found: _Findings) -> WhyNode:
    where = _condition(planned.segment.where, planned.where, found)
    exclusions = [_segment(found.plan.by_id[i], "exclusion", found) for i in planned.exclude]
    return WhyNode(
        role,
        planned.segment.title,
        holds=found.is_member(planned.id),
        reason=_membership(where, exclusions),
        members=(where, *exclusions),
        segment=planned.id,
    )


def _membership(where: WhyNode, exclusions: Sequence[WhyNode]) -> str:
    removed = [node.words for node in exclusions if node.holds]
    if not where.holds:
        return "the condition is not true"
    return f"removed by {', '.join(removed)}" if removed else ""


def _condition(condition: Condition, formula: f.Formula, found: _Findings) -> WhyNode:
    words = heading(condition)
    holds = found.is_true(formula)
    parts: tuple[f.Formula, ...] = ()
    match formula:
        case f.Holds():
            text, events = _leaf(formula.leaf, condition, found)
            return WhyNode("condition", words, holds, text, events)
        case f.MemberOf():
            inside = _segment(found.plan.by_id[formula.segment], "segment", found)
            return WhyNode("condition", words, holds, members=(inside,))
        case f.Opposite():
            parts = (formula.member,)
        case f.Every() | f.Some() | f.NoneOf():
            parts = formula.members
    inner = zip(children(condition), parts, strict=True)
    return WhyNode("condition", words, holds, members=tuple(_condition(*i, found) for i in inner))


def _leaf(n: int, condition: Condition, found: _Findings) -> tuple[str, tuple[Evidence, ...]]:
    leaf = found.plan.leaves[n]
    match leaf:
        case Behaviour():
            return reason.behaviour(leaf, condition, *found.compared(n)), _events(n, leaf, found)
        case Pick():
            instant, _ = found.compared(n)
            return reason.pick(leaf, instant, found.plan.timezone), _events(n, leaf, found)
        case Chain():
            return ("it can't happen", ()) if is_constant(leaf) else _chain(n, leaf, found)
        case Person():
            return _trait(condition, found), ()
        case Granted():
            return f"the state is {found.consents.get(leaf.purpose, 'unknown')}", ()
        case Listed():
            return "on the list" if found.holds(n) else "not on the list", ()
        case Sampled():
            return "in the sample" if found.holds(n) else "not in the sample", ()


def _events(n: int, leaf: Leaf, found: _Findings) -> tuple[Evidence, ...]:
    names = _names(read_columns(leaf), found.plan.catalog)
    named = {base_name(stored): (name, stored.type) for stored, name in names.items()}
    return tuple(_evidence(row, named) for row in found.events.get(n, ()))


def _evidence(row: Mapping[str, Any], named: Mapping[str, tuple[str, ValueType]]) -> Evidence:
    """An event, with the properties that `named` finds in the row by column."""
    properties = {
        name: _value(row[key], kind) for key, (name, kind) in named.items() if row[key] is not None
    }
    return Evidence(row["ts"], row["event"], row["event_id"], properties)


def _names(columns: Iterable[Column], catalog: Catalog) -> dict[Column, str]:
    """Names of stored columns, as definitions write them."""
    known = {name: ("events", typed) for name, typed in catalog.properties.items()}
    known |= {ITEM_PREFIX + name: ("items", typed) for name, typed in catalog.items.items()}
    by_place = {
        (place, stored): name for name, (place, typed) in known.items() for stored in typed.values()
    }
    return {column: by_place[column.table, column.name] for column in sorted(set(columns))}


def _value(stored: Any, kind: ValueType) -> Any:
    if kind == "number":
        return from_micros(stored)
    return from_utc_micros(stored) if kind == "timestamp" else stored


def _trait(condition: Condition, found: _Findings) -> str:
    if not isinstance(condition, Trait):
        return ""
    for stored in trait_columns(condition.trait, found.plan.catalog):
        value = found.traits.get(stored.name)
        if value is not None:
            shown = _value(value, stored.type)
            return f"it is {shown!r}" if isinstance(shown, str) else f"it is {shown}"
    return "it is missing"


def _chain(n: int, leaf: Chain, found: _Findings) -> tuple[str, tuple[Evidence, ...]]:
    """How far the sequence came, and the events that brought it there, newest first."""
    steps = explain.reached_steps(found.plan, n, found.functions)
    rows = found.ask(steps.query)
    for place in reversed(range(steps.places)):
        ends = [row for row in rows if _is_end(row, place, leaf)]
        if ends:
            chain = _back(ends[0], place, rows, steps)
            names = _names(steps.columns.values(), found.plan.catalog)
            named = {key: (names[stored], stored.type) for key, stored in steps.columns.items()}
            events = tuple(_evidence(row, named) for row in chain[: explain.MOST_EVENTS])
            return reason.sequence(place, steps.places), events
    return reason.sequence(None, steps.places), ()


def _is_end(row: Mapping[str, Any], place: int, leaf: Chain) -> bool:
    began, start = row[f"r{place}"], leaf.window.start
    return began is not None and (start is None or began >= start) and row["ts"] < leaf.window.end


def _back(
    end: dict[str, Any], place: int, rows: Sequence[dict[str, Any]], steps: explain.Reached
) -> list[dict[str, Any]]:
    """The chain that ends in a row, newest first: each event began when the one after it did."""
    chain = [end]
    for at in range(place, 0, -1):
        after = chain[-1]
        within = steps.within_next[at]
        before = (
            row
            for row in rows
            if row[f"r{at - 1}"] == after[f"r{at}"]
            and row["ts"] < after["ts"]
            and (within is None or after["ts"] - row["ts"] <= within)
            and all(row[key] == after[key] for key in steps.keys)
        )
        chain += itertools.islice(before, 1)  # none only where rows were too many to read
        if len(chain) <= place - at + 1:
            break
    return chain
