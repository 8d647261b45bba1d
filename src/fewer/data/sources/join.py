"""Columns of another file, looked up by equal keys: a left join in which the first match counts."""

# ruff: noqa: S608  tables and columns are named by us

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import sqlglot.expressions as exp

from fewer.data.sources import values
from fewer.data.sources.base import Read
from fewer.data.sources.fields import Field, Scope, shape_of
from fewer.data.store.sql import column, text
from fewer.data.store.writer import Writer
from fewer.errors import Problem, SettingsError, did_you_mean
from fewer.model.mapping import Join


def joined(
    writer: Writer, read: Read, others: Sequence[Read], join: Join, table: str, *, source: str
) -> Read:
    """`read` with the columns of the joined files; `others` are empty when `table` is there."""
    if others:
        _stage(writer, others, join, table, source)
    shown = writer.db.sql(f"SELECT * FROM {table}")
    names = _names(writer, table)
    scope = Scope(read.relation)
    here = [values.plain_text(scope, scope.get(name)) for name in join.on]
    _refuse_unknown(scope.unknown, read.relation.known, source)
    matches = [
        exp.EQ(this=key, expression=column(f"k{i}", table="j")) for i, key in enumerate(here)
    ]
    added: dict[str, Field] = {}
    for name, type_ in zip(shown.columns, shown.types, strict=True):
        if name in names:
            full = join.prefix + names[name]
            if full in read.relation.columns:
                if names[name] in join.on.values():
                    continue  # the key itself, under the name it has here
                raise SettingsError(
                    f"Source {source!r}: the join adds a column {full!r} that is there already. "
                    "Give the join a prefix: prefix: 'other_'"
                )
            added[full] = Field(column(f"{table}_{name}"), shape_of(type_), type_)
    columns = [
        exp.alias_(column(name, table="j"), f"{table}_{name}")
        for name in shown.columns
        if name in names
    ]
    left = scope.query().subquery("r")
    star = exp.Column(this=exp.Star(), table=exp.to_identifier("r"))
    query = exp.select(star, *columns).from_(left)
    query = query.join(exp.to_table(table).as_("j"), on=exp.and_(*matches), join_type="left")
    # What this scope added, another adds again for the rows that come out of the join.
    own = [exp.to_identifier(name) for name in scope.added]
    relation = replace(
        read.relation,
        source=exp.select(exp.Star(except_=own)).from_(query.subquery("q")).subquery("q"),
        columns={**read.relation.columns, **added},
        known=[*read.relation.known, *added],
    )
    return replace(read, relation=relation)


def _stage(writer: Writer, others: Sequence[Read], join: Join, table: str, source: str) -> None:
    selects = []
    names: dict[str, str] = {}
    for at, other in enumerate(others):
        scope = Scope(other.relation)
        keys = [values.plain_text(scope, scope.get(name)) for name in join.on.values()]
        _refuse_unknown(scope.unknown, other.relation.known, source)
        wanted = list(other.relation.columns) or list(other.relation.known)
        shown = [
            exp.alias_(exp.Literal.number(at), "file"),
            exp.alias_(column("line"), "line"),
            *(exp.alias_(key, f"k{i}") for i, key in enumerate(keys)),
        ]
        for name in wanted:
            code = names.setdefault(name, f"x{len(names)}")
            shown.append(exp.alias_(scope.get(name).sql, code))
        selects.append(
            f"SELECT * FROM ({text(exp.select(*shown).from_(scope.query().subquery('r')))})"
        )
    listed = ", ".join(f"k{i}" for i in range(len(join.on)))
    union = " UNION ALL BY NAME ".join(selects)
    writer.db.execute(
        f"CREATE TABLE {table} AS SELECT * EXCLUDE (file, line) FROM ({union}) "
        f"QUALIFY row_number() OVER (PARTITION BY {listed} ORDER BY file, line) = 1"
    )
    writer.db.execute(f"CREATE TABLE {table}_names (code VARCHAR, name VARCHAR)")
    if names:
        writer.db.executemany(
            f"INSERT INTO {table}_names VALUES (?, ?)",
            [(code, name) for name, code in names.items()],
        )
    for other in others:
        for staged in other.drop:
            writer.db.execute(f"DROP TABLE {staged}")


def _names(writer: Writer, table: str) -> dict[str, str]:
    return dict(writer.query(f"SELECT code, name FROM {table}_names"))


def _refuse_unknown(unknown: Sequence[str], known: Sequence[str], source: str) -> None:
    if unknown:
        raise SettingsError(
            [
                Problem(
                    "unknown_column",
                    f"Source {source!r}: a join names the column {name!r}, which the file does "
                    f"not have.{did_you_mean(name, known)}",
                    hint=f"Its columns: {', '.join(known)}.",
                )
                for name in unknown
            ]
        )
