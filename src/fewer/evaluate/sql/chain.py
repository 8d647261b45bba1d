"""Sequences, and the sessions that can hold them together.

A sequence is computed step by step. For each event that can be its i-th present step, `r{i}`
is the latest time at which a chain of steps ending in that event can have begun; null where
there is none. Whether the chain lies within a window is then asked of `r` and of the last
event's own time alone, so all windows of a sequence share its computation.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from sqlglot import exp

from fewer.evaluate.plan.clock import Window
from fewer.evaluate.plan.leaf import Chain, Link, Match, Shape
from fewer.evaluate.plan.passes import Chains, names_of, rows_of
from fewer.evaluate.sql.context import Answer, Context
from fewer.evaluate.sql.events import BASE, base_name, base_place
from fewer.evaluate.sql.predicate import match_condition, one_of_texts
from fewer.evaluate.sql.tree import (
    boolean,
    case,
    column,
    count_if,
    every,
    named,
    nested,
    number,
    ordered,
    select,
    some,
    table,
    window,
    within,
)

_FAR_FEWER: Final = 4

_BEFORE: Final = (None, "PRECEDING", 1, "PRECEDING")
"""Frame of the rows before a row's own instant; after it, in descending order."""

SESSIONS = "sessions"
"""Name of the step that holds the session of every instant at which a person did something."""


def chains(this: Chains, context: Context) -> exp.Select:
    """One sequence, for all its windows."""
    leaves = {n: context.leaf(n, Chain) for n in this.leaves}
    last = f"r{len(present_steps(this.shape)) - 1}"
    answers = [_answer(n, leaf.window, last, context) for n, leaf in leaves.items()]
    source = nested(reached(this, context), "s")
    return context.answers(column("person"), answers, source, grouped=True)


def present_steps(shape: Shape) -> tuple[int, ...]:
    """Positions of the steps that must have happened."""
    return tuple(position for position, link in enumerate(shape.links) if not link.absent)


def reached(this: Chains, context: Context) -> exp.Select:
    """Events that match some step; ``r{i}`` says how far a chain has come that ends in one."""
    links = this.shape.links
    leaves = [context.leaf(n, Chain) for n in this.leaves]
    matches = {match: f"f{n}" for n, match in enumerate(dict.fromkeys(k.match for k in links))}
    partition = ["person", *key_names(this.shape)]
    source = _rows(this.shape, matches, leaves, context)
    source = _with_absences(source, links, matches, partition, context)
    for place, position in enumerate(present_steps(this.shape)):
        link = links[position]
        tests = every(_is_step(position, links, matches[link.match], context))
        began = _began(place, link.within, partition, context)
        reach = case(tests or boolean(True), began)
        source = select([exp.Star(), named(reach, f"r{place}")], nested(source, "s"))
    return source


def key_names(shape: Shape) -> list[str]:
    """Columns of `reached` on which all steps agree."""
    count = sum(len(key) for key in shape.keys)
    return [*(f"k{n}" for n in range(count)), *(["session"] if shape.session else [])]


def _rows(
    shape: Shape, matches: dict[Match, str], leaves: Sequence[Chain], context: Context
) -> exp.Select:
    """Events that match some step, with a flag for each distinct match and the values agreed on."""
    output: list[exp.Expr] = [column("person", "b"), column("ts", "b")]
    stored = [c for key in shape.keys for c in key]
    output += [named(column(base_name(c), "b"), f"k{n}") for n, c in enumerate(stored)]
    if context.explains:
        output += [column("event_id", "b"), column("event", "b")]
    conditions: list[exp.Expr] = []
    for match, name in matches.items():
        found = _flag(match, context)
        output.append(named(found, name))
        conditions.append(found.copy())
    # A value of another type is another value: null in one column is part of the partition,
    # null in all of them is missing and agrees with nothing.
    alternatives = [conditions, *([_not_null(base_name(c)) for c in key] for key in shape.keys)]
    where = [_any(each) for each in alternatives]
    start = context.since(leaves)
    if start is not None:
        where.append(exp.GTE(this=column("ts", "b"), expression=number(start)))
    rare = None if context.explains else _rare_step(shape, context)
    if rare is not None:
        where.append(_has(rare, context))
    joins = []
    if shape.session:
        output.append(column("session", "v"))
        joins.append(_session_join())
    return select(output, table(BASE, "b"), where=every(where), joins=joins)


def _rare_step(shape: Shape, context: Context) -> Match | None:
    """A present step that far fewer events match than all steps together, if there is one."""
    counts = context.plan.catalog.events
    matches = dict.fromkeys(shape.links[n].match for n in present_steps(shape))
    rows = {match: rows_of(match.events, counts) for match in matches}
    rarest = min(matches, key=lambda match: (rows[match], -len(match.atoms)))
    return rarest if rows[rarest] * _FAR_FEWER < sum(rows.values()) else None


def _has(match: Match, context: Context) -> exp.Expr:
    """Whether the person has any event like that at all: without it no chain can be whole."""
    found = match_condition(match, base_place(), context.functions, event=column("event"))
    persons = select([column("person")], table(BASE), where=found)
    return exp.In(this=column("person", "b"), query=exp.Subquery(this=persons))


def _any(conditions: Sequence[exp.Expr]) -> exp.Expr:
    return some(conditions) or boolean(False)


def _flag(match: Match, context: Context) -> exp.Expr:
    event = column("event", "b")
    found = match_condition(match, base_place("b"), context.functions, event=event)
    return found if found is not None else boolean(True)


def _not_null(name: str) -> exp.Expr:
    return exp.Not(this=exp.Is(this=column(name, "b"), expression=exp.Null()))


def _session_join() -> exp.Join:
    on = every(
        exp.EQ(this=column(name, "v"), expression=column(name, "b")) for name in ("person", "ts")
    )
    return exp.Join(this=table(SESSIONS, "v"), on=on)


def _with_absences(
    source: exp.Select,
    links: Sequence[Link],
    matches: dict[Match, str],
    partition: Sequence[str],
    context: Context,
) -> exp.Select:
    """Beside each event the first match of each absent step in the span after it.

    Without wide frames: the first one after it, at whatever distance.
    """
    output: list[exp.Expr] = []
    for position, link in enumerate(links):
        if link.absent and link.within is not None:
            first = exp.Min(this=case(column(matches[link.match]), column("ts")))
            if context.functions.wide_frames:
                span = (1, "FOLLOWING", link.within, "FOLLOWING")
                after = _over(first, partition, span)
            else:
                after = _over(first, partition, _BEFORE, descending=True)
            output.append(named(after, f"a{position}"))
    return select([exp.Star(), *output], nested(source, "s")) if output else source


def _is_step(
    position: int, links: Sequence[Link], flag: str, context: Context
) -> Iterator[exp.Expr]:
    """Tests that an event can be the present step at `position`: absent steps after it included."""
    yield column(flag)
    for gap in range(position + 1, len(links)):
        link = links[gap]
        if not link.absent or link.within is None:
            break
        nothing: exp.Expr = exp.Is(this=column(f"a{gap}"), expression=exp.Null())
        if not context.functions.wide_frames:
            distance = exp.Sub(this=column(f"a{gap}"), expression=column("ts"))
            later = exp.GT(this=distance, expression=number(link.within))
            nothing = exp.Paren(this=exp.Or(this=nothing, expression=later))
        yield nothing
        # The whole span has passed: ts + within < as_of.
        passed = context.plan.as_of_us - link.within
        yield exp.LT(this=column("ts"), expression=number(passed))


def _began(
    place: int, within_next: int | None, partition: Sequence[str], context: Context
) -> exp.Expr:
    """Latest start of a chain that the present step at this place can go on with."""
    if place == 0:
        return column("ts")
    before = f"r{place - 1}"
    began = exp.Max(this=column(before))
    if within_next is None or not context.functions.wide_frames:
        latest = _over(began, partition, _BEFORE)
    else:
        latest = _over(began, partition, (within_next, "PRECEDING", 1, "PRECEDING"))
    if within_next is None or context.functions.wide_frames:
        return latest
    # The later a step, the later its chain began, or as late: so of all earlier steps the last
    # one is as good as any, and those out of reach need not be left out.
    step = exp.Max(this=case(_is_known(before), column("ts")))
    distance = exp.Sub(this=column("ts"), expression=_over(step, partition, _BEFORE))
    return case(exp.LTE(this=distance, expression=number(within_next)), latest)


def _is_known(name: str) -> exp.Expr:
    return exp.Not(this=exp.Is(this=column(name), expression=exp.Null()))


def _over(
    function: exp.Expr,
    partition: Sequence[str],
    frame: tuple[int | None, str, int, str],
    *,
    descending: bool = False,
) -> exp.Window:
    return window(
        function,
        partition=[column(name) for name in partition],
        order=[ordered(column("ts"), descending=descending)],
        frame=frame,
    )


def _answer(n: int, time: Window, last: str, context: Context) -> Answer:
    as_of = context.plan.as_of_us
    tests: list[exp.Expr] = [
        exp.Not(this=exp.Is(this=column(last), expression=exp.Null())),
        *within(Window(time.start, as_of), column(last), latest=as_of),
        *within(Window(None, time.end), column("ts"), latest=as_of),
    ]
    completions = count_if(every(tests))
    return Answer(n, exp.GT(this=completions, expression=number(0)))


def sessions(context: Context, leaves: Sequence[Chain]) -> exp.Select:
    """Person, instant, and the number of the session; a gap of `session_gap` ends a session.

    For the persons who have any event of these sequences. All events of a person count,
    whatever their name; but not those before the windows, as whether two later events are in
    one session depends only on the events between them.
    """
    since = context.since(leaves)
    where: list[exp.Expr] = [exp.LT(this=column("ts"), expression=number(context.plan.as_of_us))]
    if since is not None:
        where.append(exp.GTE(this=column("ts"), expression=number(since)))
    names = names_of(leaves)
    if names is not None:
        in_step = one_of_texts(column("event"), names, context.functions)
        persons = select([column("person")], table(BASE), where=in_step)
        where.append(exp.In(this=column("person"), query=exp.Subquery(this=persons)))
    both = [column("person"), column("ts")]
    instants = select(both, table("events"), where=every(where), distinct=True)
    lag = context.functions.lag(column("ts"), 1)
    gap = exp.Sub(this=column("ts"), expression=_by_time(lag))
    goes_on = exp.LT(this=gap, expression=number(context.plan.session_gap_us))
    starts = exp.Case(ifs=[exp.If(this=goes_on, true=number(0))], default=number(1))
    marked = select(
        [column("person"), column("ts"), named(starts, "starts")], nested(instants, "i")
    )
    running = _by_time(exp.Sum(this=column("starts")))
    return select([column("person"), column("ts"), named(running, "session")], nested(marked, "m"))


def _by_time(function: exp.Expr) -> exp.Window:
    return window(function, partition=[column("person")], order=[ordered(column("ts"))])
