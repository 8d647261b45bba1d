"""JSON lines: one object per line; a line that is none is refused alone."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Final

import duckdb
import pyarrow as pa
import sqlglot.expressions as exp

from fewer.data.sources import digits, text
from fewer.data.sources.base import Progress, Read
from fewer.data.sources.fields import Relation
from fewer.data.store.sql import fill
from fewer.errors import SourceError

_ROWS_AT_ONCE: Final = 20_000
_SAMPLE: Final = 1_000
_DEEPEST: Final = 100  # DuckDB stops at 128


def read_jsonl(
    db: duckdb.DuckDBPyConnection,
    path: Path,
    *,
    encoding: str,
    missing: tuple[str, ...],
    name: str,
    progress: Progress,
    limit: int | None = None,
) -> Read:
    """Stage the objects of a file in the table ``raw_<name>``, as JSON in the column ``doc``."""
    table, refused = f"raw_{name}", f"torn_{name}"
    db.execute(f"CREATE TABLE {table} (line BIGINT, doc JSON)")
    db.execute(f"CREATE TABLE {refused} (line BIGINT, reason VARCHAR, raw VARCHAR)")
    numbers: list[int] = []
    documents: list[str] = []
    bad: list[tuple[int, str, str]] = []
    line = 0
    marked = False

    def flush() -> None:
        _insert(db, table, refused, numbers, documents, bad)
        numbers.clear()
        documents.clear()
        bad.clear()
        progress.rows(line)

    for physical in text.lines(path, encoding):
        row = physical.strip()
        if not row:
            continue
        if line == limit:
            break
        if line == 0 and row.startswith("["):
            raise SourceError(
                f"{path.name} begins with '[': it holds one JSON array, not one object per line. "
                "Rewrite it, for example with: jq -c '.[]' FILE > FILE.jsonl"
            )
        line += 1
        reason = _reason(row)
        if reason:
            bad.append((line, reason, text.readable(row)))
        else:
            numbers.append(line)
            kept = digits.keep(row)
            marked = marked or kept is not row
            documents.append(kept)
        if len(documents) + len(bad) >= _ROWS_AT_ONCE:
            flush()
    flush()
    torn = db.execute(f"SELECT count(*) FROM {refused}").fetchone()  # noqa: S608
    raw = fill("CAST(doc AS VARCHAR)")
    relation = Relation(
        source=exp.to_table(table),
        columns={},
        missing=missing,
        raw=digits.unmarked(raw) if marked else raw,
        document=True,
        marked=marked,
        known=_keys(db, table),
    )
    has_torn = bool(torn and torn[0])
    drop = (table,) if has_torn else (table, refused)
    warnings = (("empty_file", 1),) if line == 0 else ()
    return Read(relation, line, refused if has_torn else None, drop, warnings)


def _reason(row: str) -> str:
    if "\0" in row:
        return "nul_byte"
    if text.is_broken(row):
        return "bad_encoding"
    if len(row) >= text.MAX_LINE:
        return "row_too_long"
    if row.count("{") + row.count("[") > _DEEPEST and _depth(row) > _DEEPEST:
        return "json_too_deep"
    return ""


def _depth(row: str) -> int:
    """Objects and arrays inside one another."""
    depth = deepest = 0
    for mark in re.sub(r'"(?:[^"\\]|\\.)*"', "", row):
        if mark in "{[":
            depth += 1
            deepest = max(deepest, depth)
        elif mark in "}]":
            depth -= 1
    return deepest


def _insert(
    db: duckdb.DuckDBPyConnection,
    table: str,
    refused: str,
    numbers: list[int],
    documents: list[str],
    bad: list[tuple[int, str, str]],
) -> None:
    if documents:
        rows = pa.table([pa.array(numbers, pa.int64()), pa.array(documents)], names=["line", "row"])
        db.register("incoming", rows)
        is_object = (
            "json_valid(row) AND json_type(CASE WHEN json_valid(row) THEN row END) = 'OBJECT'"
        )
        db.execute(
            f"INSERT INTO {table} SELECT line, CAST(row AS JSON) FROM incoming WHERE {is_object}"  # noqa: S608
        )
        db.execute(
            f"INSERT INTO {refused} SELECT line, 'bad_json', replace(row, '{digits.MARK}', '') "  # noqa: S608
            f"FROM incoming WHERE NOT coalesce({is_object}, false)"
        )
        db.unregister("incoming")
    if bad:
        db.executemany(f"INSERT INTO {refused} VALUES (?, ?, ?)", bad)  # noqa: S608


def _keys(db: duckdb.DuckDBPyConnection, table: str) -> list[str]:
    """Top-level keys of the first objects, to suggest for a name that no row has."""
    rows = db.execute(f"SELECT doc FROM {table} LIMIT {_SAMPLE}").fetchall()  # noqa: S608
    keys: dict[str, None] = {}
    for (document,) in rows:
        keys.update(dict.fromkeys(json.loads(document)))
    return list(keys)
