"""Events enter the store: ids are made, and a repeated id on the same UTC day is stored once."""

# ruff: noqa: S608  constant SQL: tables and columns are named by us, values are parameters

from __future__ import annotations

from collections.abc import Sequence

from fewer.data.store.batch import WINNERS, Batch, account, number_persons, union
from fewer.data.store.registry import Entry
from fewer.data.store.writer import Writer


def append_events(writer: Writer, batch: Batch) -> int:
    """Store a batch of events; return how many were stored.

    Beside the coded columns, its staging tables hold ``event``, ``ts``, ``gid`` (the source's own
    id, or NULL) and ``h`` (hash of the content).
    """
    batch.stage(writer)
    number_persons(writer)
    there = frozenset(writer.files("events"))
    if batch.pieces is None:
        return _append(writer, batch, there)
    stored = 0
    for names in batch.pieces:
        # Held while it is at hand: a piece is read several times, and its ids are hashes.
        with writer.in_any_order():
            writer.db.execute(f"CREATE TEMP TABLE piece AS {union(names)}")
        writer.db.execute("CREATE OR REPLACE TEMP VIEW batch AS SELECT * FROM piece")
        stored += _append(writer, batch, there)
        writer.db.execute("DROP TABLE piece")
    return stored


def _append(writer: Writer, batch: Batch, there: frozenset[str]) -> int:
    """Store the rows of the relation `batch`; `there` are the files from before."""
    losers = _find_losers(writer, _give_ids(writer), there)
    plain = [entry for entry in batch.columns if not entry.overflow]
    rare = [entry for entry in batch.columns if entry.overflow]
    types = {entry.column: entry.type for entry in plain}
    winners = WINNERS if losers else ""
    select = f"""
        SELECT f.event_id, p.person, f.ts, f.event, '{batch.source}' AS source,
          {"".join(f"f.{entry.column}, " for entry in plain)}
          {_object(rare)} AS overflow
        FROM final AS f JOIN persons AS p ON p.key = f.pkey
        {winners}
        ORDER BY f.ts, f.event_id
    """
    stored = writer.copy_days(
        batch.source, select, {**types, "overflow": "text"} if rare else types
    )
    _remember(writer, winners)
    if losers and not batch.single:
        _find_twins(writer)
    account(writer, batch)
    return stored


def _give_ids(writer: Writer) -> bool:
    """Make the view `final`, in which events have ids; return whether any id comes twice.

    Counting 8-byte hashes first finds, in most files, that none does.
    """
    again = bool(
        writer.query(
            "SELECT 1 FROM batch GROUP BY hash(coalesce(gid, h)) HAVING count(*) > 1 LIMIT 1"
        )
    )
    day = "strftime(make_timestamp(b.ts), '%Y-%m-%d') AS day"
    if not again:
        writer.db.execute(
            f"""
            CREATE OR REPLACE TEMP VIEW final AS
            SELECT b.* EXCLUDE (gid, h), coalesce(b.gid, b.h) AS event_id, {day} FROM batch AS b
            """
        )
        return False
    _number_equal_rows(writer)
    writer.db.execute(
        f"""
        CREATE OR REPLACE TEMP VIEW final AS
        SELECT b.* EXCLUDE (gid, h),
          CASE WHEN b.gid IS NOT NULL THEN b.gid
               WHEN o.nth IS NULL THEN b.h
               ELSE substr(sha256(b.h || '#' || o.nth), 1, 32) END AS event_id, {day}
        FROM batch AS b LEFT JOIN ordinals AS o
          ON o.seq = b.seq AND o.line = b.line AND o.part = b.part
        """
    )
    return True


def _number_equal_rows(writer: Writer) -> None:
    """Rows of a file with equal content are different events: number the second, third ..."""
    writer.db.execute(
        """
        CREATE OR REPLACE TEMP TABLE ordinals AS
        WITH again AS (
          SELECT hash(h) AS k FROM batch WHERE gid IS NULL GROUP BY k HAVING count(*) > 1
        )
        SELECT seq, line, part, row_number() OVER (PARTITION BY seq, h ORDER BY line, part) AS nth
        FROM batch WHERE gid IS NULL AND hash(h) IN (SELECT k FROM again)
        QUALIFY nth > 1
        """
    )


def _find_losers(writer: Writer, again: bool, there: frozenset[str]) -> int:
    """Name the events whose id is already there: earlier in the batch, or in the store."""
    writer.db.execute("CREATE OR REPLACE TEMP TABLE losers (seq INTEGER, line BIGINT, part BIGINT)")
    if again:
        writer.db.execute(
            """
            INSERT INTO losers
            WITH again AS (
              SELECT hash(event_id) AS k FROM final GROUP BY k HAVING count(*) > 1
            )
            SELECT seq, line, part FROM final WHERE hash(event_id) IN (SELECT k FROM again)
            QUALIFY row_number() OVER (PARTITION BY day, event_id ORDER BY seq, line, part) > 1
            """
        )
    if there:
        found = writer.query("SELECT DISTINCT CAST(make_timestamp(ts) AS DATE) FROM batch")
        days = {day.isoformat() for (day,) in found}
        files = [path for path in writer.files("events", days=days) if path in there]
        if files:
            writer.db.execute(
                """
                INSERT INTO losers
                SELECT seq, line, part FROM final SEMI JOIN (
                  SELECT event_id, day
                  FROM read_parquet(?, hive_partitioning = true, hive_types = {'day': VARCHAR})
                ) AS there USING (day, event_id)
                """,
                [files],
            )
    return int(writer.query("SELECT count(*) FROM losers")[0][0])


def _find_twins(writer: Writer) -> None:
    """Note rows whose own first event took the id of their second."""
    writer.db.execute(
        f"""
        INSERT INTO twins
        SELECT seq, line FROM (
          SELECT f.seq, f.line, f.day, f.event_id FROM final AS f SEMI JOIN losers AS l
            ON l.seq = f.seq AND l.line = f.line AND l.part = f.part
        ) SEMI JOIN (
          SELECT f.seq, f.line, f.day, f.event_id FROM final AS f {WINNERS}
        ) AS won USING (seq, line, day, event_id)
        """
    )


def _object(rare: Sequence[Entry]) -> str:
    """JSON of the overflowing properties that an event has; NULL when it has none."""
    if not rare:
        return "CAST(NULL AS VARCHAR)"
    pairs = ", ".join(f"'{entry.column}': f.{entry.column}" for entry in rare)
    return f"nullif(CAST(json_merge_patch('{{}}', to_json({{{pairs}}})) AS VARCHAR), '{{}}')"


def _remember(writer: Writer, winners: str) -> None:
    """Carry names, counts and the span of time over into the generation's facts."""
    rows = writer.query(
        f"SELECT event, count(*), min(ts), max(ts) FROM final AS f {winners} GROUP BY event"
    )
    if not rows:
        return
    facts = writer.facts
    counts = dict(facts.events)
    for event, count, _, _ in rows:
        counts[event] = counts.get(event, 0) + count
    known = [ts for ts in (facts.first_ts, facts.last_ts) if ts is not None]
    writer.facts = facts.model_copy(
        update={
            "events": counts,
            "first_ts": min([low for _, _, low, _ in rows] + known),
            "last_ts": max([high for _, _, _, high in rows] + known),
        }
    )
