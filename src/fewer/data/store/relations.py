"""The canonical relations: DuckDB queries over the active files, in the version valid at a time.

A table in which every key has one row is read as it is. Otherwise each source's newest row
valid at `as_of` counts, and a value that it lacks comes from the next source in the order of
``fewer.yaml``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import sqlglot.expressions as exp

from fewer.data.store.registry import Entry
from fewer.data.store.sql import call, cast, column, fill, first_of, null, texts
from fewer.model.values import SUFFIX, ValueType

SQL_TYPES: Final[dict[ValueType, str]] = {
    "text": "VARCHAR",
    "number": "BIGINT",
    "boolean": "BOOLEAN",
    "timestamp": "BIGINT",
}
_FIXED: Final[dict[str, str]] = {
    "person": "UINTEGER",
    "ts": "BIGINT",
    "seq": "INTEGER",
    "line": "BIGINT",
    "valid_from": "BIGINT",
    "day": "DATE",
    "impressions": "BIGINT",
    "clicks": "BIGINT",
    "spend": "BIGINT",
    "conversions": "BIGINT",
    "value": "BIGINT",
}
AD_COLUMNS: Final = (
    "day",
    "platform",
    "account",
    "campaign",
    "ad_set",
    "ad",
    "segment",
    "arm",
    "currency",
    "impressions",
    "clicks",
    "spend",
    "conversions",
    "value",
    "source",
)
AD_NAMES: Final = ("campaign_name", "ad_set_name", "ad_name")
"""What people call what the key calls by an id: not in the key, since names change."""
AD_KEY: Final = ("platform", "account", "campaign", "ad_set", "ad", "segment", "arm")


_READ: Final = "read_parquet($files, union_by_name = true, hive_partitioning = false)"


@dataclass(frozen=True, slots=True)
class Table:
    """The active files of one table.

    Attributes:
        columns: Columns that some file of the table has.
        partial: Whether `files` are some only, so that a column may be in none of them.
        merges: Files that say which identities are one person, for tables about persons.
    """

    files: Sequence[str]
    columns: frozenset[str]
    versioned: bool
    partial: bool = False
    merges: Sequence[str] = ()

    def read(self) -> exp.Expr:
        """``read_parquet`` over the files, identities replaced by the person they belong to."""
        files = texts(self.files)
        if not self.merges:
            return exp.Table(this=fill(_READ, files=files))
        merged = fill(
            "SELECT f.* REPLACE (coalesce(m.root, f.person) AS person) FROM "
            "read_parquet($files, union_by_name = true, hive_partitioning = false) AS f "
            "LEFT JOIN read_parquet($merges) AS m ON m.person = f.person",
            files=files,
            merges=texts(self.merges),
        )
        return exp.Subquery(this=merged, alias=exp.TableAlias(this=exp.to_identifier("f")))

    def select(self, *columns: exp.Expr) -> exp.Select:
        """SELECT over the files; over nothing, with the same columns, when there are none."""
        if self.files and self.partial:
            return exp.select(*columns).from_(self._padded().subquery("e"))
        if self.files:
            return exp.select(*columns).from_(self.read())
        return _nothing([c.alias_or_name for c in columns])

    def _padded(self) -> exp.Select:
        """The files' rows, after an empty relation that has every column."""
        every = exp.select("*").from_(self.read())
        if not self.columns:
            return every
        both = exp.Union(
            this=_nothing(sorted(self.columns)), expression=every, distinct=False, by_name=True
        )
        return exp.select("*").from_(both.subquery("u"))


def _nothing(names: Sequence[str]) -> exp.Select:
    """No rows, with columns of these names."""
    typed = [exp.alias_(null(_type_of(name)), name) for name in names]
    return exp.select(*typed).where(exp.false())


def _type_of(name: str) -> str:
    if name[:1] in "pti" and name[1:-2].isdigit():
        return next(SQL_TYPES[t] for t, suffix in SUFFIX.items() if name.endswith(suffix))
    return _FIXED.get(name, "VARCHAR")


def _coded(entries: Sequence[Entry], columns: frozenset[str]) -> list[exp.Expr]:
    """Each coded column; a typed NULL for one that no active file has."""
    made: list[exp.Expr] = []
    for entry in entries:
        sql_type = SQL_TYPES[entry.type]
        value: exp.Expr
        if entry.overflow and "overflow" in columns:
            path = f'$."{entry.column}"'
            value = cast(fill("json_extract_string(overflow, $path)", path=path), sql_type)
        elif entry.column in columns:
            value = column(entry.column)
        else:
            value = null(sql_type)
        made.append(exp.alias_(value, entry.column) if not isinstance(value, exp.Column) else value)
    return made


def _person() -> exp.Expr:
    return exp.alias_(cast(column("person"), "UINTEGER"), "person")


def events(table: Table, entries: Sequence[Entry]) -> exp.Select:
    """All events, past and future."""
    fixed = (column("event_id"), _person(), column("ts"), column("event"), column("source"))
    return table.select(*fixed, *_coded(entries, table.columns))


def persons(table: Table, merges: Sequence[str] = ()) -> exp.Select:
    """Every person, and the key that people know the person by."""
    query = table.select(_person(), column("key"), column("kind"))
    if not merges or not table.files:
        return query
    apart = fill("person NOT IN (SELECT person FROM read_parquet($merges))", merges=texts(merges))
    return query.where(apart, copy=False)


def identities(table: Table) -> exp.Select:
    """Every identity: the key, and the person it belongs to."""
    return table.select(_person(), column("key"), column("kind"))


def people(
    table: Table, entries: Sequence[Entry], *, as_of_us: int, sources: Sequence[str]
) -> exp.Select:
    """One row per person valid at `as_of_us`, with the traits of all sources."""
    return _latest(table, "person", entries, as_of_us=as_of_us, sources=sources)


def items(
    table: Table, entries: Sequence[Entry], *, as_of_us: int, sources: Sequence[str]
) -> exp.Select:
    """One row per item valid at `as_of_us`."""
    return _latest(table, "item_id", entries, as_of_us=as_of_us, sources=sources)


def _latest(
    table: Table, key: str, entries: Sequence[Entry], *, as_of_us: int, sources: Sequence[str]
) -> exp.Select:
    shown = _person() if key == "person" else column(key)
    coded = _coded(entries, table.columns)
    if not table.files or not table.versioned:
        return table.select(shown, *coded)
    per_source = _newest(table, (key,), coded, as_of_us=as_of_us, sources=sources)
    names: dict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        names[entry.name].append(entry)
    merged = [
        exp.alias_(_first_source(entry, names[entry.name]), entry.column) for entry in entries
    ]
    return exp.select(shown, *merged).from_(per_source.subquery("v")).group_by(column(key))


def _newest(
    table: Table,
    key: Sequence[str],
    values: Sequence[exp.Expr],
    *,
    as_of_us: int,
    sources: Sequence[str],
) -> exp.Select:
    """Each source's newest valid row of each key, with the source's `rank` (0 comes first)."""
    rank = call("list_position", texts(sources), column("source"))
    query = table.select(*(column(name) for name in key), *values, exp.alias_(rank, "rank"))
    query = query.where(
        fill("valid_from IS NULL OR valid_from <= $as_of", as_of=as_of_us), copy=False
    )
    window = fill(
        "row_number() OVER (PARTITION BY source ORDER BY valid_from DESC NULLS LAST, "
        "seq DESC, line DESC) = 1"
    )
    return query.qualify(_partitioned(window, (*key, "source")), copy=False)


def _first_source(entry: Entry, siblings: Sequence[Entry]) -> exp.Expr:
    """The value from the first source that has the name at all, whatever its type there."""
    if len(siblings) == 1:
        return call("arg_min", column(entry.column), column("rank"))
    present = exp.or_(*(column(e.column).is_(exp.null()).not_() for e in siblings))
    struct = exp.Struct(
        expressions=[exp.PropertyEQ(this=exp.to_identifier("v"), expression=column(entry.column))]
    )
    chosen = fill("arg_min($s, rank) FILTER (WHERE $p)", s=struct, p=present)
    return call("struct_extract", chosen, "v")


def consents(table: Table, *, as_of_us: int, sources: Sequence[str]) -> exp.Select:
    """One row per person and purpose: the first source whose newest word is not unknown."""
    if not table.files or not table.versioned:
        return table.select(_person(), column("purpose"), column("state"))
    newest = _newest(
        table, ("person", "purpose"), [column("state")], as_of_us=as_of_us, sources=sources
    )
    known = fill("arg_min(state, rank) FILTER (WHERE state <> 'unknown')")
    state = exp.alias_(first_of(known, exp.Literal.string("unknown")), "state")
    return (
        exp.select(_person(), column("purpose"), state)
        .from_(newest.subquery("v"))
        .group_by(column("person"), column("purpose"))
    )


def lists(table: Table, *, as_of_us: int) -> exp.Select:
    """Who is on which list at `as_of_us`."""
    query = table.select(column("list_id"), _person())
    if not table.files or not table.versioned:
        return query
    valid = fill("valid_from IS NULL OR valid_from <= $as_of", as_of=as_of_us)
    return query.where(valid, copy=False).distinct()


def ad_reports(table: Table) -> exp.Select:
    """Report rows; of a day and campaign that a source reported again, the newest report."""
    day = exp.alias_(cast(column("day"), "DATE"), "day")
    names = [_named(name, table.columns) for name in AD_NAMES]
    query = table.select(day, *(column(name) for name in AD_COLUMNS[1:]), *names)
    if not table.files or not table.versioned:
        return query
    newest = fill("seq = max(seq) OVER (PARTITION BY source)")
    return query.qualify(_partitioned(newest, ("source", "day", *AD_KEY)), copy=False)


def _named(name: str, there: frozenset[str]) -> exp.Expr:
    """A column that tables of earlier versions lack."""
    return column(name) if name in there else exp.alias_(null("VARCHAR"), name)


def _partitioned(test: exp.Expr, names: Sequence[str]) -> exp.Expr:
    for window in test.find_all(exp.Window):
        window.set("partition_by", [column(name) for name in names])
    return test
