"""Quarantine: rows that were refused, kept whole and sealed, with file, row number and reason."""

# ruff: noqa: S608  constant SQL: tables and columns are named by us, values are parameters

from __future__ import annotations

import json
import zlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pyarrow as pa
import pyarrow.parquet as pq

from fewer.data.store.tables import TABLES
from fewer.data.store.writer import Writer

if TYPE_CHECKING:
    from fewer.data.store.store import Store

_ROWS_AT_ONCE: Final = 2_000


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """One row that was refused.

    Attributes:
        row: Number of the data row in its file, from 1; the header does not count.
        raw: The row as read: the line itself, or a JSON object of its columns.
    """

    source: str
    file: str
    row: int
    reason: str
    raw: str


def seal_rows(writer: Writer, source: str, staged: str) -> None:
    """Add the rows of a staging table (``seq, line, reason, raw``) to the quarantine."""
    query = f"SELECT seq, reason, line, raw FROM {staged} ORDER BY seq, reason, line"
    cursor = writer.db.cursor()
    chunks: list[dict[str, object]] = []
    held: list[tuple[int, str]] = []
    current: tuple[int, str] | None = None

    def flush() -> None:
        if current is not None and held:
            chunks.append(_chunk(writer, source, current, held))
            held.clear()

    for batch in cursor.sql(query).to_arrow_reader(_ROWS_AT_ONCE):
        for seq, reason, line, raw in zip(*(c.to_pylist() for c in batch.columns), strict=True):
            if (seq, reason) != current or len(held) >= _ROWS_AT_ONCE:
                flush()
                current = (seq, reason)
            held.append((line, raw))
    flush()
    cursor.close()
    spec = pa.schema(list(TABLES["quarantine"].columns.items()))
    writer.write_arrow("quarantine", source, pa.Table.from_pylist(chunks, schema=spec))


def _chunk(
    writer: Writer, source: str, what: tuple[int, str], rows: list[tuple[int, str]]
) -> dict[str, object]:
    text = json.dumps(rows, ensure_ascii=True)
    return {
        "source": source,
        "seq": what[0],
        "reason": what[1],
        "rows": len(rows),
        "first_line": rows[0][0],
        "last_line": rows[-1][0],
        "payload": writer.vault.seal("quarantine", zlib.compress(text.encode(), 6)),
    }


def read_rows(store: Store, *, reasons: Collection[str], limit: int) -> Iterator[RefusedRow]:
    """Refused rows, by file and row number, of `reasons` only if any are given."""
    generation = store.generation()
    active = {entry.seq: entry.file for entry in store.ledger()}
    left = limit
    for path in generation.files("quarantine"):
        chunks = pq.read_table(path).to_pylist()
        for chunk in sorted(chunks, key=lambda c: (c["seq"], c["first_line"])):
            if left <= 0:
                return
            if chunk["seq"] not in active or (reasons and chunk["reason"] not in reasons):
                continue
            rows = json.loads(zlib.decompress(store.vault.open("quarantine", chunk["payload"])))
            for line, raw in rows[:left]:
                file = active[chunk["seq"]]
                yield RefusedRow(chunk["source"], file, line, chunk["reason"], raw)
            left -= len(rows)
