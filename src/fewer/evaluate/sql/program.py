"""Programs: a plan as named queries that any engine can run one after another.

Each pass of the plan is a step. A result query joins the steps to the universe, where null
becomes the leaf's default, and combines them to one boolean per segment: from there on nothing
is null, and people without events are in every negation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, assert_never

from sqlglot import exp

from fewer.evaluate.plan import formula as f
from fewer.evaluate.plan.leaf import Chain, Pick, is_constant
from fewer.evaluate.plan.order import closure
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


def program(plan: Plan, functions: Functions) -> Program:
    """Compile a plan for an engine."""
    steps = (Step(UNIVERSE, universe(plan.as_of_us)), *leaf_steps(Context(plan, functions)))
    owner = {leaf: step.name for step in steps for leaf in step.leaves}
    batches = [plan.ids[at : at + WIDEST_RESULT] for at in range(0, len(plan.ids), WIDEST_RESULT)]
    results = tuple(_result(batch, plan, owner) for batch in batches)
    return Program(plan, functions, steps, results)


def as_query(compiled: Program, segment_id: str) -> exp.Select:
    """One standalone query for the members of a segment, over the canonical relations.

    Raises `NotFoundError` when the program has no such segment.
    """
    alone = program(compiled.plan.only([segment_id]), compiled.functions)
    last = _result((segment_id,), alone.plan, _owner(alone))
    is_member = column("m0" if segment_id in last.excluding else "w0")
    query = select([column("person")], nested(last.query, "s"), where=is_member)
    return with_steps(query, alone.steps)


def with_steps(query: exp.Select, steps: Sequence[Step]) -> exp.Select:
    """The query with the steps as common table expressions before it."""
    expressions = [
        exp.CTE(this=step.query, alias=exp.TableAlias(this=exp.to_identifier(step.name)))
        for step in steps
    ]
    query.set("with_", exp.With(expressions=expressions))
    return query


def _owner(compiled: Program) -> dict[int, str]:
    return {leaf: step.name for step in compiled.steps for leaf in step.leaves}


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
        steps.append(Step(SESSIONS, sessions(context, context.since(in_session))))
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


def _result(ids: Sequence[str], plan: Plan, owner: dict[int, str]) -> Result:
    """Everyone, with booleans for these segments.

    Segments that others refer to become columns (``s{n}``) of queries nested by depth, so that
    a chain of references is computed once and never written out twice.
    """
    wanted = closure(ids, plan.needs)
    inside = [planned for planned in plan.segments if planned.id in wanted]
    numbers = {planned.id: n for n, planned in enumerate(plan.segments)}
    leaves = sorted({n for planned in inside for n in leaf_numbers(planned)})
    source = _answers(leaves, plan, owner)
    for level in _levels(wanted, plan):
        columns = [named(_members(i, plan, numbers), f"s{numbers[i]}") for i in level]
        source = select([exp.Star(), *columns], nested(source, "a"))
    output: list[exp.Expr] = [column("person")]
    for n, i in enumerate(ids):
        output.append(named(_formula(plan.by_id[i].where, plan, numbers), f"w{n}"))
        if plan.by_id[i].exclude:
            output.append(named(_members(i, plan, numbers), f"m{n}"))
    excluding = frozenset(i for i in ids if plan.by_id[i].exclude)
    return Result(tuple(ids), excluding, select(output, nested(source, "a")))


def _answers(leaves: Sequence[int], plan: Plan, owner: dict[int, str]) -> exp.Select:
    """Everyone, and one boolean for each leaf, never null."""
    output: list[exp.Expr] = [column("person", "u")]
    output += [
        named(known(column(leaf_name(n), owner[n]), plan.leaves[n].default), leaf_name(n))
        for n in leaves
        if n in owner
    ]
    used = dict.fromkeys(owner[n] for n in leaves if n in owner)
    joins = [
        left_join(
            table(name),
            exp.EQ(this=column("person", name), expression=column("person", "u")),
        )
        for name in used
    ]
    return select(output, table(UNIVERSE, "u"), joins=joins)


def _levels(wanted: frozenset[str], plan: Plan) -> list[list[str]]:
    """Segments that others refer to, by depth: each level refers to earlier ones only."""
    referred = {r for i in wanted for r in plan.needs[i]}
    depth: dict[str, int] = {}
    for planned in plan.segments:
        if planned.id in wanted:
            depth[planned.id] = max((depth[r] + 1 for r in plan.needs[planned.id]), default=0)
    levels: dict[int, list[str]] = {}
    for i, at in depth.items():
        if i in referred:
            levels.setdefault(at, []).append(i)
    return [levels[at] for at in sorted(levels)]


def _members(i: str, plan: Plan, numbers: dict[str, int]) -> exp.Expr:
    planned = plan.by_id[i]
    where = _formula(planned.where, plan, numbers)
    excluded = [negated(column(f"s{numbers[e]}")) for e in planned.exclude]
    return every([where, *excluded]) or where


def _formula(formula: f.Formula, plan: Plan, numbers: dict[str, int]) -> exp.Expr:
    match formula:
        case f.Holds():
            leaf = plan.leaves[formula.leaf]
            return boolean(leaf.default) if is_constant(leaf) else column(leaf_name(formula.leaf))
        case f.MemberOf():
            return column(f"s{numbers[formula.segment]}")
        case f.Every():
            return every(_formula(m, plan, numbers) for m in formula.members) or boolean(True)
        case f.Some():
            return some(_formula(m, plan, numbers) for m in formula.members) or boolean(False)
        case f.NoneOf():
            found = some(_formula(m, plan, numbers) for m in formula.members)
            return negated(found) if found is not None else boolean(True)
        case f.Opposite():
            return negated(_formula(formula.member, plan, numbers))
        case _:
            assert_never(formula)
