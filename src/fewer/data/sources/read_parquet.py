"""Parquet: read in place by DuckDB, only the columns that a mapping uses."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import sqlglot.expressions as exp

from fewer.data.sources.base import Read
from fewer.data.sources.fields import Field, Relation, shape_of
from fewer.data.store.sql import call, cast, column, fill, raw
from fewer.errors import SourceError

_OWN = "file_row_number"


def read_parquet(
    db: duckdb.DuckDBPyConnection, path: Path, *, missing: tuple[str, ...], limit: int | None = None
) -> Read:
    """The rows of a file, not staged: selecting from the relation reads the file.

    Raises:
        SourceError: when the file is no Parquet file, or is damaged.
    """
    try:
        with pq.ParquetFile(path) as file:
            names, count = list(file.schema_arrow.names), file.metadata.num_rows
        scan = fill(f"read_parquet($path, {_OWN} = true)", path=str(path))
        described = db.sql(exp.select("*").from_(exp.Table(this=scan)).sql(dialect="duckdb"))
    except (pa.ArrowException, OSError, duckdb.Error) as error:
        reason = str(error).splitlines()[0]
        raise SourceError(f"{path.name} can't be read as Parquet: {reason}") from error
    selected: list[exp.Expr] = [exp.alias_(fill(f"{_OWN} + 1"), "line")]
    columns: dict[str, Field] = {}
    # By position: DuckDB renames columns that differ only in case.
    own = [(n, t) for n, t in zip(described.columns, described.types, strict=True) if n != _OWN]
    for i, (name, (duck_name, type_)) in enumerate(zip(names, own, strict=True)):
        shape = shape_of(type_)
        value: exp.Expr = raw(duck_name)
        if shape == "other":
            value, shape = cast(value, "VARCHAR"), "text"
        selected.append(exp.alias_(value, f"c{i}"))
        columns[name] = Field(column(f"c{i}"), shape, type_)
    rows = exp.select(*selected).from_(exp.Table(this=scan))
    if limit is not None:
        rows, count = rows.limit(limit), min(count, limit)
    pairs = [part for name, field in columns.items() for part in (name, field.sql)]
    relation = Relation(
        source=rows.subquery("p"),
        columns=columns,
        missing=missing,
        raw=fill("CAST($o AS VARCHAR)", o=call("json_object", *pairs)),
        known=names,
    )
    return Read(relation, count, None)
