"""Small pieces of SQLGlot trees. Arguments are owned by the result: build each one anew."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlglot import exp

from fewer.evaluate.plan.bounds import Bounds
from fewer.evaluate.plan.clock import Window


def column(name: str, table: str = "") -> exp.Column:
    """A column by its name, which must be safe: coded or ours."""
    qualifier = identifier(table) if table else None
    return exp.Column(this=identifier(name), table=qualifier)


def identifier(name: str) -> exp.Identifier:
    """A name as it stands, without quotes."""
    return exp.Identifier(this=name, quoted=False)


def number(value: int) -> exp.Expr:
    """An integer literal."""
    literal = exp.Literal(this=str(abs(value)), is_string=False)
    return literal if value >= 0 else exp.Neg(this=literal)


def boolean(value: bool) -> exp.Boolean:
    """TRUE or FALSE."""
    return exp.Boolean(this=value)


def call(name: str, *arguments: exp.Expr) -> exp.Anonymous:
    """A function by exactly this name: no dialect renames it."""
    return exp.Anonymous(this=name, expressions=list(arguments))


def named(value: exp.Expr, name: str) -> exp.Alias:
    """``value AS name``."""
    return exp.Alias(this=value, alias=identifier(name))


def every(conditions: Iterable[exp.Expr]) -> exp.Expr | None:
    """All of them joined by AND; None when there is none."""
    return _join(exp.And, list(conditions))


def some(conditions: Iterable[exp.Expr]) -> exp.Expr | None:
    """All of them joined by OR; None when there is none."""
    return _join(exp.Or, list(conditions))


def _join(kind: type[exp.Connector], conditions: Sequence[exp.Expr]) -> exp.Expr | None:
    # A balanced tree: a chain of a thousand conditions would be a thousand calls deep.
    if len(conditions) <= 1:
        return conditions[0] if conditions else None
    middle = len(conditions) // 2
    left, right = (_join(kind, part) for part in (conditions[:middle], conditions[middle:]))
    joined: exp.Expr = kind(this=_nested(left, kind), expression=_nested(right, kind))
    return joined


def _nested(condition: exp.Expr | None, kind: type[exp.Connector]) -> exp.Expr | None:
    is_other = isinstance(condition, exp.Connector) and not isinstance(condition, kind)
    return exp.Paren(this=condition) if is_other else condition


def negated(condition: exp.Expr) -> exp.Expr:
    """``NOT condition``; a null stays null."""
    atomic = isinstance(condition, exp.Column | exp.Paren | exp.Boolean | exp.Coalesce)
    return exp.Not(this=condition if atomic else exp.Paren(this=condition))


def known(condition: exp.Expr, default: bool = False) -> exp.Coalesce:
    """The condition, with `default` for null: three-valued logic ends here."""
    return exp.Coalesce(this=condition, expressions=[boolean(default)])


def case(condition: exp.Expr, value: exp.Expr) -> exp.Case:
    """``CASE WHEN condition THEN value END``: null where the condition is not true."""
    return exp.Case(ifs=[exp.If(this=condition, true=value)])


def count_if(condition: exp.Expr | None) -> exp.Expr:
    """Rows for which the condition is true; without a condition, all rows. Never null."""
    # Not COUNT_IF: for a group without rows DuckDB 2.0 gives null.
    return exp.Count(this=case(condition, number(1)) if condition else exp.Star())


def within(window: Window, ts: exp.Expr, *, latest: int | None) -> list[exp.Expr]:
    """Tests that an instant lies in the window; none for an end that is `latest` anyway."""
    found: list[exp.Expr] = []
    if window.start is not None:
        found.append(exp.GTE(this=ts, expression=number(window.start)))
    if window.end != latest:
        found.append(exp.LT(this=ts.copy(), expression=number(window.end)))
    return found


def inside(bounds: Bounds, value: exp.Expr) -> exp.Expr:
    """Whether an integer lies within closed bounds; TRUE without bounds, null for null."""
    if bounds.low is not None and bounds.low == bounds.high:
        return exp.EQ(this=value, expression=number(bounds.low))
    if bounds.low is not None and bounds.high is not None:
        return exp.Between(this=value, low=number(bounds.low), high=number(bounds.high))
    if bounds.low is not None:
        return exp.GTE(this=value, expression=number(bounds.low))
    if bounds.high is not None:
        return exp.LTE(this=value, expression=number(bounds.high))
    return boolean(True)


def window(
    function: exp.Expr,
    *,
    partition: Sequence[exp.Expr],
    order: Sequence[exp.Ordered],
    frame: tuple[int | None, str, int, str] | None = None,
) -> exp.Window:
    """``function OVER (PARTITION BY ... ORDER BY ... RANGE ...)``.

    `frame` is (distance or None for unbounded, side, distance, side), in units of the order.
    """
    spec = None
    if frame:
        start, start_side, end, end_side = frame
        spec = exp.WindowSpec(
            kind="RANGE",
            start="UNBOUNDED" if start is None else number(start),
            start_side=start_side,
            end=number(end),
            end_side=end_side,
        )
    return exp.Window(
        this=function,
        partition_by=list(partition),
        order=exp.Order(expressions=list(order)),
        spec=spec,
    )


def ordered(value: exp.Expr, *, descending: bool = False) -> exp.Ordered:
    """A term of ORDER BY. Nothing we order by is ever null, so no order of nulls is written."""
    return exp.Ordered(this=value, desc=descending or None, nulls_first=False)


def _is_plain(value: exp.Expr) -> bool:
    """Whether it is a column by name; ``t.*`` is none."""
    return isinstance(value, exp.Column) and not isinstance(value.this, exp.Star)


def select(
    columns: Sequence[exp.Expr],
    source: exp.Expr,
    *,
    where: exp.Expr | None = None,
    group: Sequence[exp.Expr] = (),
    joins: Sequence[exp.Join] = (),
    distinct: bool = False,
) -> exp.Select:
    """A SELECT whose parts are not copied."""
    # Where tables that share a name are joined, ClickHouse would call its column `u.person`.
    output = [named(c, c.name) if joins and _is_plain(c) else c for c in columns]
    query = exp.Select(expressions=output)
    query.set("from_", exp.From(this=source))
    if joins:
        query.set("joins", list(joins))
    if where is not None:
        query.set("where", exp.Where(this=where))
    if group:
        query.set("group", exp.Group(expressions=list(group)))
    if distinct:
        query.set("distinct", exp.Distinct())
    return query


def table(name: str, alias: str = "") -> exp.Table:
    """A relation by its name, which must be ours."""
    found = exp.Table(this=identifier(name))
    if alias:
        found.set("alias", exp.TableAlias(this=identifier(alias)))
    return found


def nested(query: exp.Query, alias: str) -> exp.Subquery:
    """``(query) AS alias``."""
    return exp.Subquery(this=query, alias=exp.TableAlias(this=identifier(alias)))


def left_join(source: exp.Expr, on: exp.Expr) -> exp.Join:
    """``LEFT JOIN source ON on``."""
    return exp.Join(this=source, side="LEFT", on=on)
