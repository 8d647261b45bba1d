"""CSV and TSV: DuckDB reads a clean file; one that is not clean is read row by row.

The careful reader accounts for every row: one that is no row (wrong number of columns, a quote
that is never closed, bytes that are no text) is refused alone, and the next line is read on.
"""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import duckdb
import pyarrow as pa
import sqlglot.expressions as exp

from fewer.data.sources import text
from fewer.data.sources.base import Progress, Read
from fewer.data.sources.fields import Field, Relation
from fewer.data.store.sql import call, column
from fewer.errors import SourceError
from fewer.model.mapping import FileOptions

_ROWS_AT_ONCE: Final = 20_000
_MAX_RECORD_LINES: Final = 1_000
_MAX_RECORD_CHARS: Final = 4_000_000
_NO_NULL: Final = "\x01\x02no null\x02\x01"


@dataclass(frozen=True, slots=True)
class CsvFile:
    """A CSV file and how it is written."""

    path: Path
    options: FileOptions
    delimiter: str
    missing: tuple[str, ...]
    has_nul: bool = False

    @property
    def dialect(self) -> dict[str, object]:
        """Arguments of `csv.reader`."""
        quote = self.options.quote
        return {
            "delimiter": self.delimiter,
            "quotechar": quote or None,
            "quoting": csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE,
            "doublequote": self.options.escape is None,
            "escapechar": self.options.escape,
            "strict": True,
        }


def header(file: CsvFile) -> list[str]:
    """Column names; unique: the second ``name`` becomes ``name_2``. Empty for an empty file.

    Raises:
        SourceError: The header is in another encoding: no column could be told by its name.
    """
    found = list(file.options.columns or ())
    if not found:
        first = next(_records(file, skip_header=False), None)
        if first is None:
            return []
        if file.options.header and text.is_broken(first.raw):
            raise SourceError(_not_text(file))
        if first.fields is None:
            return []
        found = first.fields
        if not file.options.header:
            found = [f"column_{i + 1}" for i in range(len(found))]
    names: list[str] = []
    for i, given in enumerate(found):
        name = given.strip() or f"column_{i + 1}"
        again = 2
        unique = name
        while unique in names:
            unique, again = f"{name}_{again}", again + 1
        names.append(unique)
    return names


def _not_text(file: CsvFile) -> str:
    return (
        f"{file.path.name}: its first line is not {file.options.encoding}."
        " Name the encoding under the source's options: cp1252 is usual for exports of Windows"
        " programs in Western Europe, utf-16 for 'Unicode text'."
    )


def read_csv(
    db: duckdb.DuckDBPyConnection,
    file: CsvFile,
    *,
    name: str,
    progress: Progress,
    limit: int | None = None,
) -> Read:
    """Stage the rows of a file in the table ``raw_<name>`` (and refused ones beside it)."""
    csv.field_size_limit(text.MAX_LINE)
    names = header(file)
    warnings: list[tuple[str, int]] = []
    if not names:
        warnings.append(("empty_file", 1))
    table, refused = f"raw_{name}", f"torn_{name}"
    columns = [f"c{i}" for i in range(len(names))]
    db.execute(f"CREATE TABLE {refused} (line BIGINT, reason VARCHAR, raw VARCHAR)")
    if limit is not None or not _fast(db, file, table, columns):
        _careful(db, file, table, columns, refused, progress, limit=limit)
    counted = db.execute(
        f"SELECT (SELECT count(*) FROM {table}), (SELECT count(*) FROM {refused})"  # noqa: S608
    ).fetchone()
    stored, torn = counted or (0, 0)
    relation = Relation(
        source=exp.to_table(table),
        columns={title: Field(column(c), "text") for title, c in zip(names, columns, strict=True)},
        missing=file.missing,
        raw=call(
            "json_object",
            *(part for title, c in zip(names, columns, strict=True) for part in (title, column(c))),
        ),
        known=names,
    )
    drop = (table,) if torn else (table, refused)
    return Read(relation, stored + torn, refused if torn else None, drop, tuple(warnings))


def _fast(db: duckdb.DuckDBPyConnection, file: CsvFile, table: str, columns: list[str]) -> bool:
    """Let DuckDB read the file; False when it is not as clean as that needs."""
    options = file.options
    plain = text.is_utf8(options.encoding) and not file.has_nul and options.skip == 0
    if not plain or len(columns) < 2:  # noqa: PLR2004  in one column an empty line is ambiguous
        return False
    try:
        db.execute(
            f"""
            CREATE TABLE {table} AS
            SELECT row_number() OVER () AS line, * FROM read_csv(
              $path, columns = $columns, header = $header, auto_detect = false, delim = $delim,
              quote = $quote, escape = $escape, nullstr = $none, strict_mode = true)
            """,  # noqa: S608  the table's name is ours
            {
                "path": str(file.path),
                "columns": dict.fromkeys(columns, "VARCHAR"),
                "header": options.header,
                "delim": file.delimiter,
                "quote": options.quote,
                "escape": options.escape or options.quote,
                "none": _NO_NULL,
            },
        )
    except duckdb.Error:
        db.execute(f"DROP TABLE IF EXISTS {table}")
        return False
    return True


@dataclass(frozen=True, slots=True)
class _Record:
    fields: list[str] | None
    raw: str
    reason: str = ""


def _records(file: CsvFile, *, skip_header: bool) -> Iterator[_Record]:
    """Records of a file, those that can't be read included; empty lines are no records."""
    physical = text.lines(file.path, file.options.encoding)
    for _ in range(file.options.skip):
        next(physical, None)
    back: deque[str] = deque()
    taken: list[str] = []

    def feed() -> Iterator[str]:
        chars = 0
        while True:
            line = back.popleft() if back else next(physical, None)
            if line is None:
                return
            if not taken:
                chars = 0
            taken.append(line)
            chars += len(line)
            if len(taken) > _MAX_RECORD_LINES or chars > _MAX_RECORD_CHARS + text.MAX_LINE:
                raise csv.Error("a quote that is never closed")
            yield line

    reader = csv.reader(feed(), **file.dialect)  # type: ignore[arg-type]
    skipped = not skip_header
    while True:
        taken.clear()
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error:
            # Only the first line is given up: the rest may be good rows.
            back.extendleft(reversed(taken[1:]))
            reader = csv.reader(feed(), **file.dialect)  # type: ignore[arg-type]
            skipped, was = True, skipped
            if was:
                yield _Record(None, taken[0], "bad_quotes")
            continue
        if not fields:
            continue
        if skipped:
            yield _Record(fields, "".join(taken))
        skipped = True


def _careful(
    db: duckdb.DuckDBPyConnection,
    file: CsvFile,
    table: str,
    columns: list[str],
    refused: str,
    progress: Progress,
    *,
    limit: int | None = None,
) -> None:
    names = ", ".join(f"{c} VARCHAR" for c in columns)
    db.execute(f"CREATE TABLE {table} (line BIGINT{', ' if names else ''}{names})")
    good: list[list[str]] = []
    numbers: list[int] = []
    bad: list[tuple[int, str, str]] = []
    line = 0

    def flush() -> None:
        if good:
            arrays = [pa.array(values, pa.string()) for values in zip(*good, strict=True)]
            rows = pa.table([pa.array(numbers, pa.int64()), *arrays], names=["line", *columns])
            _insert(db, table, rows)
        if bad:
            where, reasons, raws = zip(*bad, strict=True)
            rows = pa.table(
                [pa.array(where, pa.int64()), pa.array(reasons), pa.array(raws)],
                names=["line", "reason", "raw"],
            )
            _insert(db, refused, rows)
        good.clear()
        numbers.clear()
        bad.clear()
        progress.rows(line)

    has_header = file.options.header
    for record in _records(file, skip_header=has_header):
        if line == limit:
            break
        line += 1
        reason, fields = _judge(record, file, len(columns))
        if reason or fields is None:
            bad.append((line, reason, text.readable(record.raw.rstrip("\r\n"))))
        else:
            good.append(fields)
            numbers.append(line)
        if len(good) + len(bad) >= _ROWS_AT_ONCE:
            flush()
    flush()


def _judge(record: _Record, file: CsvFile, width: int) -> tuple[str, list[str] | None]:
    """Why a record is refused, or nothing and its fields."""
    raw = record.raw
    if "\0" in raw:
        return "nul_byte", None
    if text.is_broken(raw):
        return "bad_encoding", None
    if len(raw) >= text.MAX_LINE:
        return "row_too_long", None
    if record.fields is None:
        return record.reason, None
    if len(record.fields) == width:
        return "", record.fields
    # A space before an opening quote: 1, "a,b"
    spaced = {**file.dialect, "skipinitialspace": True}
    try:
        fields = next(csv.reader([raw], **spaced), [])  # type: ignore[arg-type]
    except csv.Error:
        fields = []
    return ("", fields) if len(fields) == width else ("wrong_column_count", None)


def _insert(db: duckdb.DuckDBPyConnection, table: str, rows: pa.Table) -> None:
    db.register("incoming", rows)
    db.execute(f"INSERT INTO {table} SELECT * FROM incoming")  # noqa: S608  a name of ours
    db.unregister("incoming")
