"""Passes that need the order of a person's events: bursts, and the one latest or earliest."""

from __future__ import annotations

from sqlglot import exp

from fewer.evaluate.plan.clock import Window
from fewer.evaluate.plan.leaf import Behaviour, Burst, Match, Pick
from fewer.evaluate.plan.passes import Bursts, Picks
from fewer.evaluate.sql.context import Answer, Context
from fewer.evaluate.sql.events import BASE, atom_columns, base_name, base_place
from fewer.evaluate.sql.predicate import conjunction, match_condition
from fewer.evaluate.sql.tree import (
    boolean,
    case,
    column,
    count_if,
    every,
    known,
    named,
    nested,
    number,
    ordered,
    select,
    table,
    window,
    within,
)


def bursts(this: Bursts, context: Context) -> exp.Select:
    """Each match beside the one `count - 1` places before it; equal instants in any order."""
    leaves = {n: context.leaf(n, Behaviour) for n in this.leaves}
    counts = sorted({_measure(leaf).count for leaf in leaves.values()})
    output: list[exp.Expr] = [column("person"), column("ts")]
    output += [named(_earlier(count, context), f"b{count}") for count in counts]
    where = _match_in_base(this.match, context)
    source = nested(select(output, table(BASE), where=where), "r")
    answers = [_burst_answer(n, leaf, context) for n, leaf in leaves.items()]
    return context.answers(column("person"), answers, source, grouped=True)


def _measure(leaf: Behaviour) -> Burst:
    if not isinstance(leaf.measure, Burst):
        message = f"{type(leaf.measure).__name__} is no burst"
        raise TypeError(message)
    return leaf.measure


def _earlier(count: int, context: Context) -> exp.Expr:
    """Time of the match `count - 1` places before this one; null where there is none."""
    if count == 1:
        return column("ts")
    lag = context.functions.lag(column("ts"), count - 1)
    return window(lag, partition=[column("person")], order=[ordered(column("ts"))])


def _burst_answer(n: int, leaf: Behaviour, context: Context) -> Answer:
    measure, time = _measure(leaf), leaf.window
    as_of = context.plan.as_of_us
    first = f"b{measure.count}"
    span = exp.Sub(this=column("ts"), expression=column(first))
    tests: list[exp.Expr] = [exp.LTE(this=span, expression=number(measure.span))]
    tests += within(Window(time.start, as_of), column(first), latest=as_of)
    tests += within(Window(None, time.end), column("ts"), latest=as_of)
    found = every(tests) or boolean(True)
    holds = exp.GT(this=count_if(found), expression=number(0))
    return Answer(n, holds, exp.Max(this=case(found.copy(), column("ts"))))


def picks(this: Picks, context: Context) -> exp.Select:
    """The one latest (earliest) match; ties by the larger (smaller) event id, by bytes."""
    down = this.latest
    rank = window(
        exp.RowNumber(),
        partition=[column("person")],
        order=[
            ordered(column("ts"), descending=down),
            ordered(context.functions.bytewise(column("event_id")), descending=down),
        ],
    )
    leaves = {n: context.leaf(n, Pick) for n in this.leaves}
    stored = sorted({c for leaf in leaves.values() for c in atom_columns(leaf.having)})
    output = [column("person"), column("ts"), *(column(base_name(c)) for c in stored)]
    where = _match_in_base(this.match, context)
    source = nested(select([*output, named(rank, "place")], table(BASE), where=where), "r")
    answers = [_pick_answer(n, leaf, context) for n, leaf in leaves.items()]
    chosen = exp.EQ(this=column("place"), expression=number(1))
    return context.answers(column("person"), answers, source, where=chosen)


def _pick_answer(n: int, leaf: Pick, context: Context) -> Answer:
    tests = within(leaf.window, column("ts"), latest=context.plan.as_of_us)
    having = conjunction(leaf.having, base_place(), context.functions)
    if having is not None:
        tests.append(having)
    return Answer(n, known(every(tests) or boolean(True)), column("ts"))


def _match_in_base(match: Match, context: Context) -> exp.Expr | None:
    return match_condition(match, base_place(), context.functions, event=column("event"))
