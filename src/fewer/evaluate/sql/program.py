"""Programs: a plan as named queries that any engine can run one after another.

Each pass of the plan is a step. A result query joins the steps to the universe, where null
becomes the leaf's default, and combines them to one boolean per segment: from there on nothing
is null, and people without events are in every negation.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, assert_never

from sqlglot import exp

from fewer.evaluate.plan import formula as f
from fewer.evaluate.plan.leaf import Chain, Pick, is_constant
from fewer.evaluate.plan.passes import (
    Bursts,
    Chains,
    Consents,
    Keyed,
    Lists,
    Pass,
    Persons,
    Picks,
    Samples,
    Tally,
    matches_of,
    names_of,
)
from fewer.evaluate.plan.plan import Plan, leaf_numbers
from fewer.evaluate.sql.aggregate import keyed, tally
from fewer.evaluate.sql.chain import SESSIONS, chains, sessions
from fewer.evaluate.sql.context import Context, leaf_name
from fewer.evaluate.sql.events import BASE, base, read_columns, universe
from fewer.evaluate.sql.functions.base import Functions
from fewer.evaluate.sql.ordered import bursts, picks
from fewer.evaluate.sql.person import consents, lists, persons, samples
from fewer.evaluate.sql.tree import (
    boolean,
    column,
    every,
    known,
    left_join,
    named,
    negated,
    nested,
    select,
    some,
    table,
)

UNIVERSE: Final = "universe"
WIDEST_RESULT: Final = 400
"""Most segments in one result query."""

DEEPEST: Final = 16
"""Most levels of references between segments in one query."""


@dataclass(frozen=True, slots=True)
class Step:
    """A query with a name, by which later queries refer to it; `leaves` are those it answers."""

    name: str
    query: exp.Query
    leaves: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Result:
    """Person, and booleans for each of `segments`.

    ``w{n}`` is the condition of the n-th, ``m{n}`` its members; a segment that is not among
    `excluding` excludes no one, so ``w{n}`` says both.
    """

    segments: tuple[str, ...]
    excluding: frozenset[str]
    query: exp.Query


@dataclass(frozen=True, slots=True)
class Program:
    """A plan as SQL: run `steps` in order, as tables or as common table expressions, then results.

    Every person of the universe is one row of every result, and no value in it is null.
    """

    plan: Plan
    functions: Functions
    steps: tuple[Step, ...]
    results: tuple[Result, ...]


def program(plan: Plan, functions: Functions, *, wanted: Sequence[str] = ()) -> Program:
    """Compile a plan for an engine; `wanted` are the segments to have results for (all)."""
    steps = (Step(UNIVERSE, universe(plan.as_of_us)), *leaf_steps(Context(plan, functions)))
    combining = _Combining(plan, {leaf: step.name for step in steps for leaf in step.leaves})
    deep = combining.deep_steps()
    ids = wanted or plan.ids
    results = tuple(map(combining.result, combining.batches(ids, functions.most_columns)))
    return Program(plan, functions, (*steps, *deep), results)


def as_query(compiled: Program, segment_id: str) -> exp.Select:
    """One standalone query for the members of a segment, over the canonical relations.

    Raises `NotFoundError` when the program has no such segment.
    """
    plan = compiled.plan.only([segment_id])
    alone = program(plan, compiled.functions, wanted=(segment_id,))
    (result,) = alone.results
    is_member = column("m0" if result.excluding else "w0")
    query = select([column("person")], nested(result.query, "s"), where=is_member)
    return with_steps(query, alone.steps)


def with_steps(query: exp.Select, steps: Sequence[Step]) -> exp.Select:
    """The query with the steps as common table expressions before it."""
    expressions = [
        exp.CTE(this=step.query, alias=exp.TableAlias(this=exp.to_identifier(step.name)))
        for step in steps
    ]
    query.set("with_", exp.With(expressions=expressions))
    return query


def leaf_steps(context: Context) -> tuple[Step, ...]:
    """The steps that answer the leaves, those they read from first."""
    plan = context.plan
    leaves = [leaf for leaf in plan.leaves if not is_constant(leaf)]
    steps: list[Step] = []
    reading = [leaf for leaf in leaves if matches_of(leaf)]
    if reading:
        columns = {stored for leaf in leaves for stored in read_columns(leaf)}
        query = base(
            names_of(reading),
            context.since(reading),
            columns,
            as_of_us=plan.as_of_us,
            catalog=plan.catalog,
            functions=context.functions,
            with_id=context.explains
            or any(isinstance(leaf, Pick) and leaf.having for leaf in leaves),
        )
        steps.append(Step(BASE, query))
    in_session = [leaf for leaf in leaves if isinstance(leaf, Chain) and leaf.shape.session]
    if in_session:
        steps.append(Step(SESSIONS, sessions(context, in_session)))
    counts: dict[str, int] = {}
    for each in plan.passes:
        kind = type(each).__name__.lower()
        counts[kind] = counts.get(kind, 0) + 1
        steps.append(Step(f"{kind}_{counts[kind]}", _pass(each, context), each.leaves))
    return tuple(steps)


def _pass(each: Pass, context: Context) -> exp.Query:
    match each:
        case Tally():
            return tally(each, context)
        case Keyed():
            return keyed(each, context)
        case Bursts():
            return bursts(each, context)
        case Picks():
            return picks(each, context)
        case Chains():
            return chains(each, context)
        case Persons():
            return persons(each, context)
        case Consents():
            return consents(each, context)
        case Lists():
            return lists(each, context)
        case Samples():
            return samples(each, context)
        case _:
            assert_never(each)


@dataclass(frozen=True, slots=True)
class _Combining:
    """Combines answers to leaves, found in the steps that own them, to segments.

    Segments that others refer to become columns (``s{n}``) of queries nested by depth, so that
    a chain of references is computed once and never written out twice. Where such a chain is
    longer than `DEEPEST`, its beginning becomes a step of its own.
    """

    plan: Plan
    owner: Mapping[int, str]
    done: dict[str, str] = field(default_factory=dict)
    """Step that holds the members of a segment already."""

    def deep_steps(self) -> tuple[Step, ...]:
        """Steps that hold the segments at the beginning of long chains."""
        levels = self._levels(self.plan.ids)
        steps: list[Step] = []
        for at in range(0, len(levels) - DEEPEST, DEEPEST):
            inside = [i for level in levels[at : at + DEEPEST] for i in level]
            name = f"depth_{len(steps) + 1}"
            columns = [named(column(self._name(i)), self._name(i)) for i in inside]
            source = self._source(inside, keep=inside)
            steps.append(Step(name, select([column("person"), *columns], nested(source, "a"))))
            self.done.update(dict.fromkeys(inside, name))
        return tuple(steps)

    def batches(self, ids: Sequence[str], most_columns: int) -> list[list[str]]:
        """The segments in runs that fit in one result each; one that never fits is alone."""
        found: list[list[str]] = []
        held: set[str] = set()
        for i in ids:
            alone = self._needed([i])[0]
            held |= alone
            leaves = {n for each in held for n in leaf_numbers(self.plan.by_id[each])}
            wide = len(found) and len(leaves) + len(held) + 2 * len(found[-1]) >= most_columns
            if not found or len(found[-1]) == WIDEST_RESULT or wide:
                found.append([])
                held = alone
            found[-1].append(i)
        return found

    def result(self, ids: Sequence[str]) -> Result:
        """Everyone, with booleans for these segments."""
        output: list[exp.Expr] = [column("person")]
        excluding = frozenset(i for i in ids if self.plan.by_id[i].exclude)
        for n, i in enumerate(ids):
            output.append(named(self._where(i), f"w{n}"))
            if i in excluding:
                output.append(named(self._members(i), f"m{n}"))
        return Result(tuple(ids), excluding, select(output, nested(self._source(ids), "a")))

    def _source(self, ids: Sequence[str], *, keep: Collection[str] = ()) -> exp.Select:
        """Everyone, with the leaves and members of segments that `ids` need, and of `keep`."""
        inside, borrowed = self._needed(ids)
        leaves = sorted({n for i in inside for n in leaf_numbers(self.plan.by_id[i])})
        source = self._answers(leaves, sorted(borrowed))
        for level in self._levels(inside - self.done.keys(), keep):
            columns = [named(self._members(i), self._name(i)) for i in level]
            source = select([exp.Star(), *columns], nested(source, "a"))
        return source

    def _needed(self, ids: Sequence[str]) -> tuple[set[str], set[str]]:
        """Segments to compute for these, and those to take from steps that hold them."""
        inside: set[str] = set()
        borrowed: set[str] = set()
        waiting = list(ids)
        while waiting:
            current = waiting.pop()
            if current not in inside:
                inside.add(current)
                needs = self.plan.needs[current]
                borrowed.update(r for r in needs if r in self.done)
                waiting.extend(r for r in needs if r not in self.done)
        return inside, borrowed

    def _answers(self, leaves: Sequence[int], borrowed: Sequence[str]) -> exp.Select:
        """Everyone, and one boolean for each leaf and borrowed segment, never null."""
        output: list[exp.Expr] = [column("person", "u")]
        used: dict[str, None] = {}
        for n in leaves:
            if n in self.owner:
                used[self.owner[n]] = None
                answer = column(leaf_name(n), self.owner[n])
                output.append(named(known(answer, self.plan.leaves[n].default), leaf_name(n)))
        for i in borrowed:
            used[self.done[i]] = None
            members = column(self._name(i), self.done[i])
            output.append(named(known(members), self._name(i)))
        joins = [
            left_join(
                table(name), exp.EQ(this=column("person", name), expression=column("person", "u"))
            )
            for name in used
        ]
        return select(output, table(UNIVERSE, "u"), joins=joins)

    def _levels(self, ids: Collection[str], keep: Collection[str] = ()) -> list[list[str]]:
        """Segments that others of `ids` refer to, and `keep`: each level refers to earlier ones."""
        inside = set(ids)
        referred = {r for i in inside for r in self.plan.needs[i]} | set(keep)
        depth: dict[str, int] = {}
        for planned in self.plan.segments:
            if planned.id in inside:
                needs = (depth.get(r, -1) for r in self.plan.needs[planned.id])
                depth[planned.id] = max(needs, default=-1) + 1
        levels: dict[int, list[str]] = {}
        for i, at in depth.items():
            if i in referred:
                levels.setdefault(at, []).append(i)
        return [levels[at] for at in sorted(levels)]

    def _name(self, segment_id: str) -> str:
        return f"s{self.plan.place[segment_id]}"

    def _where(self, segment_id: str) -> exp.Expr:
        return self._formula(f.normal(self.plan.by_id[segment_id].where))

    def _members(self, segment_id: str) -> exp.Expr:
        planned = self.plan.by_id[segment_id]
        excluded = [negated(column(self._name(e))) for e in planned.exclude]
        where = self._where(segment_id)
        return every([where, *excluded]) or where

    def _formula(self, formula: f.Formula) -> exp.Expr:
        match formula:
            case f.Holds():
                leaf = self.plan.leaves[formula.leaf]
                if is_constant(leaf):
                    return boolean(leaf.default)
                return column(leaf_name(formula.leaf))
            case f.MemberOf():
                return column(self._name(formula.segment))
            case f.Every():
                return every(map(self._formula, formula.members)) or boolean(True)
            case f.Some():
                return some(map(self._formula, formula.members)) or boolean(False)
            case f.NoneOf():
                found = some(map(self._formula, formula.members))
                return negated(found) if found is not None else boolean(True)
            case f.Opposite():
                return negated(self._formula(formula.member))
            case _:
                assert_never(formula)
