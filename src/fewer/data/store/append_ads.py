"""Ad reports enter the store: a day that a source reports again replaces what it said before.

Rows of one file for the same day and ad are parts of one figure and all count; rows of a later
file supersede them. A day reported again unchanged adds nothing.
"""

# ruff: noqa: S608  constant SQL: tables and columns are named by us, values are parameters

from __future__ import annotations

from fewer.data.store.batch import WINNERS, Batch, account
from fewer.data.store.relations import AD_COLUMNS, AD_KEY, AD_NAMES
from fewer.data.store.writer import Writer


def append_ad_reports(writer: Writer, batch: Batch) -> int:
    """Store the rows of `batch` whose day and ad have new figures; return how many."""
    batch.stage(writer)
    key = ", ".join(("day", *AD_KEY))
    figures = "hash(currency, impressions, clicks, spend, conversions, value)"
    digest = f"count(*) || '/' || sum(CAST({figures} AS HUGEINT))"
    writer.db.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE losers AS
        SELECT seq, line, part FROM batch AS b
        WHERE seq < (SELECT max(c.seq) FROM batch AS c WHERE {_same("b", "c")})
        """
    )
    files = writer.files("ad_reports")
    if files:
        writer.db.execute(
            f"""
            CREATE OR REPLACE TEMP TABLE known AS
            SELECT {key}, {digest} AS digest FROM (
              SELECT * FROM read_parquet(?, union_by_name = true) WHERE source = ?
              QUALIFY seq = max(seq) OVER (PARTITION BY {key})
            ) GROUP BY {key}
            """,
            [files, batch.source],
        )
        writer.db.execute(
            f"""
            INSERT INTO losers
            SELECT b.seq, b.line, b.part FROM batch AS b
            JOIN (SELECT {key}, seq, {digest} AS digest FROM batch GROUP BY {key}, seq) AS g
              ON g.seq = b.seq AND {_same("b", "g")}
            JOIN known AS k ON {_same("b", "k")} AND k.digest = g.digest
            """
        )
    _note_versions(writer, bool(files))
    names = ", ".join(f"f.{name}" for name in (*AD_COLUMNS, *AD_NAMES) if name != "source")
    stored = writer.copy(
        "ad_reports",
        batch.source,
        f"SELECT {names}, '{batch.source}' AS source, f.seq, f.line "
        f"FROM batch AS f {WINNERS} ORDER BY f.day, f.seq, f.line",
        dict.fromkeys(AD_NAMES, "text"),
    )
    account(writer, batch)
    return stored


def _same(a: str, b: str) -> str:
    return " AND ".join(f"{a}.{k} IS NOT DISTINCT FROM {b}.{k}" for k in ("day", *AD_KEY))


def _note_versions(writer: Writer, again: bool) -> None:
    if not again or "ad_reports" in writer.facts.versioned:
        return
    names = tuple(sorted({*writer.facts.versioned, "ad_reports"}))
    writer.facts = writer.facts.model_copy(update={"versioned": names})
