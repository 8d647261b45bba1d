"""Passes that group events by person: counts, sums, extremes, shares, distinct keys.

The innermost query tests each distinct match once a row (``m0``, ``m1``, ...); the groups above
it only combine those flags with windows, so many windows of one behaviour share its tests.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import assert_never

from sqlglot import exp

from fewer.evaluate.plan.atom import Atom, Column
from fewer.evaluate.plan.bounds import Bounds
from fewer.evaluate.plan.clock import Offset
from fewer.evaluate.plan.leaf import (
    Behaviour,
    Burst,
    Count,
    Distinct,
    Extreme,
    Key,
    LocalDay,
    Match,
    Mean,
    Period,
    Pick,
    Share,
    Sum,
    Value,
)
from fewer.evaluate.plan.passes import Keyed, Names, Tally, names_of
from fewer.evaluate.sql.context import Answer, Context
from fewer.evaluate.sql.events import BASE, base_name, base_place
from fewer.evaluate.sql.predicate import conjunction, match_condition, one_of_texts
from fewer.evaluate.sql.tree import (
    boolean,
    case,
    column,
    count_if,
    every,
    inside,
    known,
    named,
    nested,
    number,
    select,
    some,
    table,
    within,
)
from fewer.model.number import MICRO
from fewer.model.window import DAY

Counted = Behaviour | Pick

_DAYS = 1_000_000 * DAY
"""Added before dividing by days, so that no dividend is negative: reaches back before year 1."""


def tally(this: Tally, context: Context) -> exp.Select:
    """One group per person."""
    rows = _Rows.of(this.leaves, context)
    answers = [_tally_answer(n, rows.leaves[n], rows) for n in this.leaves]
    source = nested(rows.query(rows.value_columns()), "r")
    return context.answers(column("person"), answers, source, where=rows.any_match(), grouped=True)


def keyed(this: Keyed, context: Context) -> exp.Select:
    """One group per person and key, then per person."""
    rows = _Rows.of(this.leaves, context)
    keys = _keys(this.key, context)
    names = [f"k{n}" for n in range(len(keys))]
    source = nested(rows.query([named(key, n) for key, n in zip(keys, names, strict=True)]), "r")
    # Null or 1 for each leaf, so that the outer COUNT counts the keys that have a match.
    flags = [named(exp.Max(this=_one_if(rows.hit(n))), f"f{n}") for n in this.leaves]
    has_key = some([_not_null(name) for name in names]) if isinstance(this.key, Value) else None
    where = every(c for c in (rows.any_match(), has_key) if c is not None)
    group = [column(name) for name in ("person", *names)]
    per_key = select([column("person"), *flags], source, where=where, group=group)
    answers = []
    for n in this.leaves:
        total = exp.Count(this=column(f"f{n}"))
        bounds = context.leaf(n, Behaviour).bounds
        answers.append(Answer(n, inside(bounds, total), total))
    return context.answers(column("person"), answers, nested(per_key, "k"), grouped=True)


@dataclass(frozen=True, slots=True)
class _Rows:
    """The rows that a pass reads, with a flag for each distinct match among its leaves."""

    context: Context
    leaves: dict[int, Counted]
    names: Names
    flags: dict[Match, str]
    """Flag of each match; a match that takes all rows of the pass has none."""
    shares: dict[tuple[Atom, ...], str]

    @classmethod
    def of(cls, numbers: Sequence[int], context: Context) -> _Rows:
        leaves = {n: _counted(n, context) for n in numbers}
        names = names_of(leaves.values())
        matches = dict.fromkeys(leaf.match for leaf in leaves.values())
        partial = [match for match in matches if match.atoms or match.events != names]
        shares: dict[tuple[Atom, ...], str] = {}
        for leaf in leaves.values():
            if isinstance(leaf, Behaviour) and isinstance(leaf.measure, Share):
                shares.setdefault(leaf.measure.atoms, f"s{len(shares)}")
        flags = {match: f"m{n}" for n, match in enumerate(partial)}
        return cls(context, leaves, names, flags, shares)

    def _condition(self, match: Match) -> exp.Expr:
        event = column("event") if match.events != self.names else None
        found = match_condition(match, base_place(), self.context.functions, event=event)
        return found if found is not None else boolean(True)

    def value_columns(self) -> list[exp.Expr]:
        """Columns that measures of these leaves read, each once."""
        found: dict[Column, None] = {}
        for leaf in self.leaves.values():
            match leaf:
                case Behaviour(measure=Sum() | Mean() | Extreme() as measure):
                    if measure.column is not None:
                        found[measure.column] = None
                case _:
                    continue
        return [column(base_name(stored)) for stored in found]

    def query(self, extra: Sequence[exp.Expr]) -> exp.Select:
        """Person, ts, a flag for each match and each share, and `extra`."""
        output: list[exp.Expr] = [column("person"), column("ts")]
        output += [named(self._condition(match), name) for match, name in self.flags.items()]
        for atoms, name in self.shares.items():
            condition = conjunction(atoms, base_place(), self.context.functions)
            output.append(named(condition if condition is not None else boolean(True), name))
        where = []
        if self.names is not None:
            where.append(one_of_texts(column("event"), self.names, self.context.functions))
        start = self.context.since(self.leaves.values())
        if start is not None:
            where.append(exp.GTE(this=column("ts"), expression=number(start)))
        return select([*output, *extra], table(BASE), where=every(where))

    def any_match(self) -> exp.Expr | None:
        """Whether a row is a match of any leaf; None when some leaf takes all rows."""
        if any(leaf.match not in self.flags for leaf in self.leaves.values()):
            return None
        return some([column(name) for name in self.flags.values()])

    def hit(self, n: int) -> exp.Expr | None:
        """Whether a row is a match of the leaf within its window; None when all are."""
        leaf = self.leaves[n]
        tests = [*self.matched(leaf)]
        if isinstance(leaf, Behaviour):
            as_of = self.context.plan.as_of_us
            tests += within(leaf.window, column("ts"), latest=as_of)
        return every(tests)

    def matched(self, leaf: Counted) -> list[exp.Expr]:
        """The flag of the leaf's match, if it has one."""
        return [column(self.flags[leaf.match])] if leaf.match in self.flags else []


def _counted(n: int, context: Context) -> Counted:
    leaf = context.plan.leaves[n]
    return leaf if isinstance(leaf, Pick) else context.leaf(n, Behaviour)


def _tally_answer(n: int, leaf: Counted, rows: _Rows) -> Answer:
    if isinstance(leaf, Pick):
        return _picked(n, leaf, rows)
    hit = rows.hit(n)
    match leaf.measure:
        case Count():
            count = count_if(hit)
            return Answer(n, inside(leaf.bounds, count), count)
        case Sum():
            values = rows.context.functions.total(_value(leaf, hit))
            total = exp.Coalesce(this=values, expressions=[number(0)])
            return Answer(n, inside(leaf.bounds, total), total)
        case Extreme():
            kind = exp.Max if leaf.measure.largest else exp.Min
            value = kind(this=_value(leaf, hit))
            return Answer(n, known(inside(leaf.bounds, value)), value)
        case Mean():
            numerator = rows.context.functions.total(_value(leaf, hit))
            of = exp.Count(this=_value(leaf, _copy(hit)))
            return _ratio(n, leaf.bounds, numerator, of, rows.context)
        case Share():
            part = column(rows.shares[leaf.measure.atoms])
            both = every([part] if hit is None else [hit, part])
            parts = exp.Mul(this=_wide(count_if(both), rows.context), expression=number(MICRO))
            return _ratio(n, leaf.bounds, parts, count_if(_copy(hit)), rows.context)
        case Distinct() | Burst():
            message = f"{leaf.measure} is no tally"
            raise TypeError(message)
        case _:
            assert_never(leaf.measure)


def _picked(n: int, leaf: Pick, rows: _Rows) -> Answer:
    """The latest (earliest) match lies in the window: no other event need be known."""
    flag = every(rows.matched(leaf))
    kind = exp.Max if leaf.latest else exp.Min
    ts = kind(this=case(flag, column("ts")) if flag else column("ts"))
    end = None if leaf.window.end == rows.context.plan.as_of_us else leaf.window.end - 1
    if leaf.window.start is None and end is None:
        ever = exp.GT(this=count_if(_copy(flag)), expression=number(0))
        return Answer(n, ever, ts)
    return Answer(n, known(inside(Bounds(leaf.window.start, end), ts)), ts)


def _ratio(n: int, bounds: Bounds, total: exp.Expr, of: exp.Expr, context: Context) -> Answer:
    """Whether ``total / of`` lies within bounds, without dividing; false when `of` is 0."""
    tests: list[exp.Expr] = [exp.GT(this=of.copy(), expression=number(0))]
    for bound, is_open, loose, strict in (
        (bounds.low, bounds.low_open, exp.GTE, exp.GT),
        (bounds.high, bounds.high_open, exp.LTE, exp.LT),
    ):
        if bound is not None:
            product = exp.Mul(this=_wide(of.copy(), context), expression=number(bound))
            kind = strict if is_open else loose
            tests.append(kind(this=total.copy(), expression=product))
    return Answer(n, known(every(tests) or boolean(True)), total, of)


def _wide(value: exp.Expr, context: Context) -> exp.Expr:
    return context.functions.int128(value)


def _value(leaf: Behaviour, hit: exp.Expr | None) -> exp.Expr:
    match leaf.measure:
        case Sum(column=Column() as stored) | Mean(column=Column() as stored):
            value = column(base_name(stored))
        case Extreme(column=Column() as stored):
            value = column(base_name(stored))
        case _:
            message = f"{leaf.measure} reads no column"
            raise TypeError(message)
    return case(hit, value) if hit is not None else value


def _one_if(condition: exp.Expr | None) -> exp.Expr:
    return case(condition, number(1)) if condition is not None else number(1)


def _copy(condition: exp.Expr | None) -> exp.Expr | None:
    return None if condition is None else condition.copy()


def _not_null(name: str) -> exp.Expr:
    return exp.Not(this=exp.Is(this=column(name), expression=exp.Null()))


def _keys(key: Key, context: Context) -> list[exp.Expr]:
    match key:
        case LocalDay():
            return [_local_day(context)]
        case Period():
            newest = number(context.plan.as_of_us - 1)
            age = exp.Sub(this=newest, expression=column("ts"))
            return [context.functions.quotient(age, key.each)]
        case Value():
            return [column(base_name(stored)) for stored in key.columns]
        case _:
            assert_never(key)


def _local_day(context: Context) -> exp.Expr:
    """Number of the local day: UTC offsets are known beforehand, and all else is integers."""
    offset = _offset(context.plan.offsets)
    local = exp.Add(this=column("ts"), expression=offset)
    return context.functions.quotient(local, DAY)


def _offset(offsets: Sequence[Offset]) -> exp.Expr:
    """UTC offset of `ts`, plus a constant number of whole days; newest first, as most events."""
    ifs = [
        exp.If(
            this=exp.GTE(this=column("ts"), expression=number(offset.since)),
            true=number(offset.micros + _DAYS),
        )
        for offset in reversed(offsets[1:])
    ]
    oldest = number(offsets[0].micros + _DAYS)
    return exp.Case(ifs=ifs, default=oldest) if ifs else oldest
