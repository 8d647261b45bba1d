"""People, items, consents, contacts and lists enter the store: rows that replace earlier rows.

A row describes a key from `valid_from` on (always, when the source has no time). It is a
duplicate when the same source's newest row of that key and time says the same.
"""

# ruff: noqa: S608  constant SQL: tables and columns are named by us, values are parameters

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import pyarrow as pa

from fewer.data.store.batch import WINNERS, Batch, account, number_persons
from fewer.data.store.writer import Writer

KEYS: Final[dict[str, tuple[str, ...]]] = {
    "people": ("person",),
    "items": ("item_id",),
    "consents": ("person", "purpose"),
    "contacts": ("person", "kind"),
    "lists": ("list_id", "person"),
}
_VALUES: Final[dict[str, tuple[str, ...]]] = {"consents": ("state",), "contacts": ("value",)}
_SEAL_AT_ONCE: Final = 50_000


def append_versions(writer: Writer, table: str, batch: Batch) -> int:
    """Store the rows of `batch` that say something new; return how many.

    Its staging tables hold the key (``pkind`` and ``pkey`` for a person), ``valid_from``,
    ``content`` (hash of the values) and the values. Of several rows for one key and time the last
    counts.
    """
    key = KEYS[table]
    batch.stage(writer)
    person, join = "", ""
    if "person" in key:
        number_persons(writer)
        person, join = "p.person, ", "JOIN persons AS p ON p.key = b.pkey"
    writer.db.execute(
        f"CREATE OR REPLACE TEMP VIEW keyed AS SELECT {person}b.* FROM batch AS b {join}"
    )
    keys = ", ".join(key)
    writer.db.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE losers AS
        SELECT seq, line, part FROM keyed
        QUALIFY row_number() OVER (
          PARTITION BY {keys}, valid_from ORDER BY seq DESC, line DESC, part DESC) > 1
        """
    )
    files = writer.files(table)
    if files:
        _drop_known(writer, batch.source, keys, files)
    _note_versions(writer, table, key, files)
    names = [*key, *_VALUES.get(table, ()), "valid_from", "seq", "line", "content", *batch.types]
    select = f"""
        SELECT {", ".join(f"f.{name}" for name in names)}, '{batch.source}' AS source
        FROM keyed AS f {WINNERS} ORDER BY {", ".join(f"f.{name}" for name in key)}, f.line
    """
    stored = writer.copy(table, batch.source, select, batch.types)
    account(writer, batch)
    return stored


def _drop_known(writer: Writer, source: str, keys: str, files: Sequence[str]) -> None:
    same = " AND ".join(f"n.{name} = k.{name}" for name in keys.split(", "))
    # Held, so that DuckDB can't join what is known to the batch before the batch has its persons:
    # by purpose and state alone, everyone would meet everyone.
    writer.db.execute(
        f"CREATE OR REPLACE TEMP TABLE said AS "
        f"SELECT {keys}, valid_from, content, seq, line, part FROM keyed"
    )
    writer.db.execute(
        f"""
        INSERT INTO losers
        SELECT k.seq, k.line, k.part FROM said AS k
        JOIN (
          SELECT {keys}, valid_from, content FROM read_parquet(?, union_by_name = true)
          WHERE source = ?
          QUALIFY row_number() OVER (
            PARTITION BY {keys}, valid_from ORDER BY seq DESC, line DESC) = 1
        ) AS n ON {same} AND n.content = k.content
          AND n.valid_from IS NOT DISTINCT FROM k.valid_from
        """,
        [files, source],
    )
    writer.db.execute("DROP TABLE said")


def _note_versions(writer: Writer, table: str, key: Sequence[str], files: Sequence[str]) -> None:
    """Remember that versions must be chosen: rows have a time, or a key has a second row."""
    facts = writer.facts
    if table in facts.versioned:
        return
    keys = ", ".join(f"f.{name}" for name in key)
    found = writer.query(f"SELECT bool_or(valid_from IS NOT NULL) FROM keyed AS f {WINNERS}")[0][0]
    if not found and files:
        names = ", ".join(key)
        found = writer.query(
            f"""
            SELECT count(*) > 0 FROM (
              SELECT {keys} FROM keyed AS f {WINNERS}
            ) SEMI JOIN read_parquet(?, union_by_name = true) USING ({names})
            """,
            [files],
        )[0][0]
    if found:
        names_now = tuple(sorted({*facts.versioned, table}))
        writer.facts = facts.model_copy(update={"versioned": names_now})


def seal_contacts(writer: Writer, staged: str) -> str:
    """Encrypt the column ``value`` of staged contacts; return the name of the sealed table.

    ``content`` becomes a keyed token, so that equal contacts are known without opening any.
    """
    vault, cursor = writer.vault, writer.db.cursor()
    sealed_name = f"{staged}_sealed"
    made = False
    for chunk in writer.db.sql(f"SELECT * FROM {staged}").to_arrow_reader(_SEAL_AT_ONCE):
        pairs = list(
            zip(chunk.column("kind").to_pylist(), chunk.column("value").to_pylist(), strict=True)
        )
        sealed = [vault.seal("contacts", value.encode(), kind.encode()) for kind, value in pairs]
        tokens = [vault.token(kind, value).hex() for kind, value in pairs]
        rows = pa.Table.from_batches([chunk]).drop_columns(["value", "content"])
        rows = rows.append_column("value", pa.array(sealed, pa.binary()))
        rows = rows.append_column("content", pa.array(tokens, pa.string()))
        cursor.register("sealed_rows", rows)
        verb = f"INSERT INTO {sealed_name} BY NAME" if made else f"CREATE TABLE {sealed_name} AS"
        cursor.execute(f"{verb} SELECT * FROM sealed_rows")
        cursor.unregister("sealed_rows")
        made = True
    cursor.close()
    if not made:
        writer.db.execute(
            f"CREATE TABLE {sealed_name} AS SELECT * REPLACE "
            f"(CAST(NULL AS BLOB) AS value, CAST(NULL AS VARCHAR) AS content) FROM {staged} LIMIT 0"
        )
    return sealed_name
