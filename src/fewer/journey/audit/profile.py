"""Properties, traits and attributes: fill, range, distinct and top values of every column.

One pass counts how often each value of each column occurs on each event; everything else is
computed from those counts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

import sqlglot.expressions as exp

from fewer.journey.audit.facts import POSITIVE, QUANTILES, PropertyFacts, Size
from fewer.journey.audit.sql import column, query, sql, union
from fewer.model.values import VALUE_TYPES, ValueType

TOP: Final = 10
AT_ONCE: Final = 40  # columns counted in one statement: GROUPING has 64 bits

Run = Callable[[exp.Query], list[dict[str, Any]]]
Stored = tuple[str, ValueType, str]  # name, type, coded column


def profile(
    run: Run, relation: str, names: Mapping[str, Mapping[ValueType, str]]
) -> Iterator[PropertyFacts]:
    """Facts of each (event, property, type) that holds a value; `event` is empty beside events."""
    columns = [
        (name, kind, types[kind])
        for name, types in sorted(names.items())
        for kind in VALUE_TYPES
        if kind in types
    ]
    for start in range(0, len(columns), AT_ONCE):
        part = columns[start : start + AT_ONCE]
        found: dict[str, list[dict[str, Any]]] = {coded: [] for _, _, coded in part}
        for row in run(_statement(relation, part)):
            found[row.pop("coded")].append(row)
        for name, kind, coded in part:
            for row in sorted(found[coded], key=lambda row: (-row["filled"], row["event"])):
                yield _facts(name, kind, coded, row)


def _facts(name: str, kind: ValueType, coded: str, row: dict[str, Any]) -> PropertyFacts:
    if kind in ("number", "timestamp"):
        row |= {"low": int(row["low"]), "high": int(row["high"]), "total": int(row["total"])}
    positive = tuple(each for each in row.pop("positive") or () if each is not None)
    return PropertyFacts(
        name=name,
        type=kind,
        column=coded,
        **row
        | {
            "quantiles": tuple(row["quantiles"] or ()),
            "positive": positive,
            "sizes": tuple(Size(**each) for each in row["sizes"] or ()),
            "top": tuple((str(each["v"]), int(each["n"])) for each in row["top"]),
        },
    )


def _statement(relation: str, columns: Sequence[Stored]) -> exp.Query:
    """One row for each (column, event): its facts."""
    parts = []
    for place, (_, kind, coded) in enumerate(columns):
        values = sql(
            "SELECT event, $c AS v, n FROM counted WHERE g = $set AND $c IS NOT NULL",
            c=column(coded),
            set=_only(place, len(columns)),
        )
        text = {"text": TEXT, "number": NUMBER}.get(kind, PLAIN)
        parts.append(
            query(
                text,
                coded=coded,
                values=values.subquery(),
                top=TOP,
                at=_cuts("upto", "rows", QUANTILES),
                at_positive=_cuts("upto_positive", "rows_positive", POSITIVE),
            )
        )
    whole = union(parts)
    assert whole is not None  # noqa: S101  there is at least one column
    return whole.with_("counted", as_=_counted(relation, columns), materialized=True)


def _counted(relation: str, columns: Sequence[Stored]) -> exp.Query:
    """How often each value occurs: one grouping set for each column."""
    coded = [column(name) for _, _, name in columns]
    by_event = relation == "events"
    label = exp.column("event") if by_event else exp.alias_(exp.Literal.string(""), "event")
    sets = [
        exp.Tuple(expressions=[exp.column("event"), each.copy()])
        if by_event
        else exp.Tuple(expressions=[each.copy()])
        for each in coded
    ]
    tree = query("SELECT count(*) AS n FROM $source", source=exp.to_identifier(relation))
    grouping = exp.func("GROUPING", *(each.copy() for each in coded), dialect="duckdb")
    tree = tree.select(label, *coded, exp.alias_(grouping, "g"), copy=False)
    tree.set("group", exp.Group(grouping_sets=[exp.GroupingSets(expressions=sets)]))
    return tree


def _only(place: int, columns: int) -> int:
    """What GROUPING gives for the set that holds the column at `place`: a 1 for all others."""
    return (1 << columns) - 1 - (1 << (columns - 1 - place))


def _cuts(upto: str, rows: str, shares: Sequence[float]) -> exp.Expr:
    """The values at which the given shares of rows are reached."""
    cuts = [
        sql("min(v) FILTER (WHERE $upto >= $share * $rows)", upto=exp.column(upto),
            share=share, rows=exp.column(rows))
        for share in shares
    ]  # fmt: skip
    return exp.Array(expressions=cuts)


TEXT: Final = r"""
    SELECT $coded AS coded, event, sum(n)::BIGINT AS filled, count(*) AS "distinct",
           min(v) AS low, max(v) AS high, NULL::BIGINT[] AS quantiles, NULL::BIGINT[] AS positive,
           0::HUGEINT AS total, 0::BIGINT AS negative, 0::BIGINT AS zero,
           NULL::STRUCT(size BIGINT, n HUGEINT, low BIGINT, high BIGINT)[] AS sizes,
           (coalesce(sum(n) FILTER (WHERE contains(v, '@')
              AND regexp_matches(v, '[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+\.[A-Za-z]')), 0))::BIGINT
             AS emails,
           (coalesce(sum(n) FILTER (WHERE regexp_full_match(v, '[+-]?\d+([.,]\d+)?')), 0))::BIGINT
             AS "numeric",
           (coalesce(sum(n) FILTER (WHERE v <> trim(v)), 0))::BIGINT AS padded,
           count(DISTINCT lower(regexp_replace(trim(v), '[\s_-]+', ' ', 'g'))) AS folded,
           max_by({'v': v, 'n': n}, (n, v), $top) AS top
    FROM $values AS v GROUP BY event
"""
NUMBER: Final = """
    SELECT $coded AS coded, event, sum(n)::BIGINT AS filled, count(*) AS "distinct",
           min(v)::VARCHAR AS low, max(v)::VARCHAR AS high,
           $at AS quantiles, $at_positive AS positive,
           sum(v::HUGEINT * n) AS total,
           (coalesce(sum(n) FILTER (WHERE v < 0), 0))::BIGINT AS negative,
           (coalesce(sum(n) FILTER (WHERE v = 0), 0))::BIGINT AS zero,
           any_value(sizes) AS sizes,
           0::BIGINT AS emails, 0::BIGINT AS "numeric", 0::BIGINT AS padded, 0::BIGINT AS folded,
           max_by({'v': v::VARCHAR, 'n': n}, (n, v), $top) AS top
    FROM (
      SELECT event, v, n,
             sum(n) OVER (PARTITION BY event ORDER BY v) AS upto,
             sum(n) OVER (PARTITION BY event) AS rows,
             CASE WHEN v > 0 THEN sum(CASE WHEN v > 0 THEN n ELSE 0 END)
               OVER (PARTITION BY event ORDER BY v) END AS upto_positive,
             sum(CASE WHEN v > 0 THEN n ELSE 0 END) OVER (PARTITION BY event) AS rows_positive
      FROM $values AS each
    ) AS v LEFT JOIN (
      SELECT event, list({'size': size, 'n': n, 'low': low, 'high': high} ORDER BY size) AS sizes
      FROM (
        SELECT event, floor(log10(v))::BIGINT AS size, sum(n) AS n, min(v) AS low, max(v) AS high
        FROM $values AS each WHERE v > 0 GROUP BY ALL
      ) AS sized GROUP BY event
    ) AS sized USING (event) GROUP BY event
"""
PLAIN: Final = """
    SELECT $coded AS coded, event, sum(n)::BIGINT AS filled, count(*) AS "distinct",
           min(v)::VARCHAR AS low, max(v)::VARCHAR AS high,
           NULL::BIGINT[] AS quantiles, NULL::BIGINT[] AS positive,
           0::HUGEINT AS total, 0::BIGINT AS negative, 0::BIGINT AS zero,
           NULL::STRUCT(size BIGINT, n HUGEINT, low BIGINT, high BIGINT)[] AS sizes,
           0::BIGINT AS emails, 0::BIGINT AS "numeric", 0::BIGINT AS padded, 0::BIGINT AS folded,
           max_by({'v': v::VARCHAR, 'n': n}, (n, v::VARCHAR), $top) AS top
    FROM $values AS v GROUP BY event
"""
