"""Queries about one person, which tell why a segment has them or not.

They are made of the same steps as everyone's, over relations restricted to that person, so an
explanation can't disagree with a membership. The person is a placeholder, never text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sqlglot import exp

from fewer.evaluate.plan.atom import Column
from fewer.evaluate.plan.leaf import Behaviour, Burst, Chain, Leaf, Pick, is_constant
from fewer.evaluate.plan.passes import Chains
from fewer.evaluate.plan.plan import Plan
from fewer.evaluate.sql.chain import key_names, present_steps, reached
from fewer.evaluate.sql.context import Context, leaf_name
from fewer.evaluate.sql.events import BASE, base_name, base_place, read_columns, universe
from fewer.evaluate.sql.functions.base import Functions
from fewer.evaluate.sql.predicate import match_condition
from fewer.evaluate.sql.program import UNIVERSE, Step, leaf_steps, with_steps
from fewer.evaluate.sql.tree import (
    boolean,
    column,
    count_if,
    every,
    known,
    left_join,
    named,
    nested,
    number,
    ordered,
    select,
    some,
    table,
    within,
)

PERSONAL: Final = ("events", "people", "persons", "consents", "lists")
"""Relations with a person in each row."""

MOST_EVENTS: Final = 5
"""Events shown for one condition."""


_MOST_STEPS: Final = 10_000
"""Steps of one person that an explanation looks at: a robot may have a million."""


@dataclass(frozen=True, slots=True)
class Query:
    """A query whose placeholders all stand for the person's number."""

    query: exp.Select
    placeholders: int = len(PERSONAL)


def _one(relation: str) -> str:
    return f"one_{relation}"


def _restricted() -> list[Step]:
    """The personal relations, each with the rows of one person only."""
    is_person = exp.EQ(this=column("person"), expression=exp.Placeholder())
    return [
        Step(_one(name), select([exp.Star()], table(name), where=is_person.copy()))
        for name in PERSONAL
    ]


def _of_one(step: Step) -> Step:
    """The step over the restricted relations."""
    for found in step.query.find_all(exp.Table):
        if found.name in PERSONAL:
            found.set("this", exp.to_identifier(_one(found.name)))
    return step


def _query(query: exp.Select, steps: Sequence[Step]) -> Query:
    return Query(with_steps(query, [*_restricted(), *map(_of_one, steps)]))


def answers(plan: Plan, functions: Functions) -> Query:
    """One row: whether the person is in the universe (`known`), each leaf, and what it compared."""
    steps = (Step(UNIVERSE, universe(plan.as_of_us)), *leaf_steps(Context(plan, functions, True)))
    everyone = select([count_if(None)], table(UNIVERSE))
    is_known = exp.GT(this=exp.Subquery(this=everyone), expression=number(0))
    output: list[exp.Expr] = [named(is_known, "known")]
    for step in steps:
        for n in step.leaves:
            flag = known(column(leaf_name(n), step.name), plan.leaves[n].default)
            output.append(named(flag, leaf_name(n)))
            output += [column(f"{letter}{n}", step.name) for letter in "nd"]
    joins = [left_join(table(step.name), boolean(True)) for step in steps if step.leaves]
    source = nested(exp.Select(expressions=[named(number(1), "one")]), "o")
    return _query(select(output, source, joins=joins), steps)


def evidence(plan: Plan, ends: Mapping[int, int | None], functions: Functions) -> Query:
    """Events that decided some leaves: leaf, event_id, ts, event and every column the plan reads.

    `ends` has the leaves to show, none of them constant, each with the instant that decided it
    where there is one: that of the chosen event, or of the last one of a burst. At most
    `MOST_EVENTS` for each leaf.
    """
    context = Context(plan, functions, explains=True)
    asked = [leaf for leaf in plan.leaves if not is_constant(leaf)]  # the base has their columns
    stored = sorted({c for leaf in asked for c in read_columns(leaf)})
    branches = [_branch(leaf, end, stored, context) for leaf, end in ends.items()]
    union: exp.Query = branches[0]
    for branch in branches[1:]:
        union = exp.Union(this=union, expression=branch, distinct=False)
    return _query(select([exp.Star()], nested(union, "u")), _reading(context))


def _branch(leaf: int, end: int | None, stored: Sequence[Column], context: Context) -> exp.Select:
    asked = context.plan.leaves[leaf]
    if not isinstance(asked, Behaviour | Pick):
        message = f"leaf {leaf} is not decided by single events"
        raise TypeError(message)
    tests = _decisive(asked, end, context.plan.as_of_us)
    event = column("event")
    found = match_condition(asked.match, base_place(), context.functions, event=event)
    if found is not None:
        tests.append(found)
    output: list[exp.Expr] = [named(number(leaf), "leaf")]
    output += [column(name) for name in ("event_id", "ts", "event")]
    output += [column(base_name(c)) for c in stored]
    query = select(output, table(BASE), where=every(tests))
    newest = not isinstance(asked, Pick) or asked.latest
    terms = [column("ts"), context.functions.bytewise(column("event_id"))]
    query.set("order", exp.Order(expressions=[ordered(t, descending=newest) for t in terms]))
    most = 1 if isinstance(asked, Pick) else MOST_EVENTS
    query.set("limit", exp.Limit(expression=number(most)))
    return select([exp.Star()], nested(query, "e"))


def _decisive(asked: Behaviour | Pick, end: int | None, as_of_us: int) -> list[exp.Expr]:
    ts = column("ts")
    if isinstance(asked, Behaviour) and isinstance(asked.measure, Burst) and end is not None:
        first = exp.GTE(this=column("ts"), expression=number(end - asked.measure.span))
        return [first, exp.LTE(this=ts, expression=number(end))]
    if isinstance(asked, Behaviour):
        return within(asked.window, ts, latest=as_of_us)
    return [exp.EQ(this=ts, expression=number(end))] if end is not None else [boolean(False)]


def _reading(context: Context) -> list[Step]:
    """The steps that read events, without those that answer leaves."""
    return [step for step in leaf_steps(context) if not step.leaves]


@dataclass(frozen=True, slots=True)
class Reached:
    """Rows of a sequence: ts, event_id, event, `keys`, and ``r0``, ``r1``, ... for each place.

    A place is a present step; `within_next` says how soon after the place before. `keys` are the
    columns on which all steps agree, `columns` what some of them are stored as.
    """

    query: Query
    keys: tuple[str, ...]
    columns: Mapping[str, Column]
    within_next: tuple[int | None, ...]

    @property
    def places(self) -> int:
        """Number of present steps."""
        return len(self.within_next)


def reached_steps(plan: Plan, leaf: int, functions: Functions) -> Reached:
    """How far chains of a sequence came, at each event that is a step; newest first."""
    context = Context(plan, functions, explains=True)
    asked = context.leaf(leaf, Chain)
    within_next = tuple(asked.shape.links[n].within for n in present_steps(asked.shape))
    keys = tuple(key_names(asked.shape))
    stored = [c for key in asked.shape.keys for c in key]
    places = range(len(within_next))
    output = [column(name) for name in ("ts", "event_id", "event", *keys)]
    output += [column(f"r{n}") for n in places]
    source = nested(reached(Chains(asked.shape, (leaf,)), context), "s")
    some_step = some(
        exp.Not(this=exp.Is(this=column(f"r{n}"), expression=exp.Null())) for n in places
    )
    query = select(output, source, where=some_step)
    query.set("order", exp.Order(expressions=[ordered(column("ts"), descending=True)]))
    query.set("limit", exp.Limit(expression=number(_MOST_STEPS)))
    columns = dict(zip(keys, stored, strict=False))  # the last key may be the derived session
    return Reached(_query(query, _reading(context)), keys, columns, within_next)


def has_end(leaf: Leaf) -> bool:
    """Whether what the leaf compares is the instant of the event that decides."""
    return isinstance(leaf, Pick) or (
        isinstance(leaf, Behaviour) and isinstance(leaf.measure, Burst)
    )


def traits() -> Query:
    """The person's row of `people`, or none."""
    return Query(_rows_of("people", [exp.Star()]), 1)


def consents() -> Query:
    """The person's consents: purpose and state."""
    return Query(_rows_of("consents", [column("purpose"), column("state")]), 1)


def _rows_of(relation: str, columns: Sequence[exp.Expr]) -> exp.Select:
    is_person = exp.EQ(this=column("person"), expression=exp.Placeholder())
    return select(columns, table(relation), where=is_person)
