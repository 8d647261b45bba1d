"""Staged rows on their way into the tables: numbering people, and accounting for every row.

Sources stage rows in tables of the writer's database; functions of this package append them. All
staged tables have ``seq`` (the file), ``line`` (the row in it, from 1) and ``part`` (which of the
things that the row became).
"""

# ruff: noqa: S608  constant SQL: tables and columns are named by us, values are parameters

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from fewer.data.store.registry import Entry
from fewer.data.store.writer import Writer
from fewer.model.values import ValueType

STORED: Final = 1
REFUSED: Final = 2
DUPLICATE: Final = 3


@dataclass(frozen=True, slots=True)
class Batch:
    """Staged rows of one source for one table.

    Attributes:
        source: Id of the source.
        tables: Staging tables; those about people have ``pkind`` and ``pkey``.
        columns: Coded columns that the staging tables have beside the table's own.
        single: Whether a row of a file becomes one thing at most, which makes accounting cheap.
        pieces: What to read instead of `tables`, piece after piece, when these hold many rows.
            Rows of one day that could have the same id are in the same piece.
    """

    source: str
    tables: Sequence[str]
    columns: Sequence[Entry] = ()
    single: bool = False
    pieces: Iterable[Sequence[str]] | None = None

    def stage(self, writer: Writer) -> None:
        """Make the view `batch` of all its rows."""
        writer.db.execute(f"CREATE OR REPLACE TEMP VIEW batch AS {union(self.tables)}")

    @property
    def types(self) -> dict[str, ValueType]:
        """Coded column -> type of its values."""
        return {entry.column: entry.type for entry in self.columns}


def union(names: Sequence[str]) -> str:
    """Query of all rows of tables, by the names of their columns."""
    return " UNION ALL BY NAME ".join(f"SELECT * FROM {name}" for name in names)


def start(writer: Writer) -> None:
    """Make the staging tables in which rows are accounted for."""
    writer.db.execute("CREATE TABLE outcomes (seq INTEGER, line BIGINT, code TINYINT)")
    writer.db.execute("CREATE TABLE tallies (seq INTEGER, code TINYINT, lines BIGINT)")
    writer.db.execute("CREATE TABLE twins (seq INTEGER, line BIGINT)")


def number_persons(writer: Writer) -> None:
    """Give a number to everyone in the view `batch` who has none, in the order of their keys.

    Afterwards the staging table `persons` has them all. People whom the batch does not name are
    not held, so that a day costs what its people cost.
    """
    files = writer.asked_persons()
    writer.db.execute(
        """
        CREATE OR REPLACE TEMP TABLE wanted AS
        SELECT pkey AS key, max(pkind) AS kind FROM batch AS b
        WHERE NOT EXISTS (SELECT 1 FROM persons AS p WHERE p.key = b.pkey)
        GROUP BY pkey
        """
    )
    if files:
        writer.db.execute(
            """
            INSERT INTO persons
            SELECT p.person, p.kind, p.key FROM read_parquet(?) AS p SEMI JOIN wanted USING (key)
            """,
            [files],
        )
    first = writer.facts.next_person
    writer.db.execute(
        """
        CREATE OR REPLACE TEMP TABLE fresh AS
        SELECT CAST(? + row_number() OVER (ORDER BY key) - 1 AS INTEGER) AS person, kind, key
        FROM wanted ANTI JOIN persons USING (key)
        """,
        [first],
    )
    made = int(writer.query("SELECT count(*) FROM fresh")[0][0])
    if made:
        writer.db.execute("INSERT INTO persons BY NAME SELECT * FROM fresh")
        writer.copy("persons", "persons", "SELECT person, kind, key FROM fresh ORDER BY person")
        writer.facts = writer.facts.model_copy(update={"next_person": first + made})
    writer.db.execute("DROP TABLE fresh")
    writer.db.execute("DROP TABLE wanted")


def account(writer: Writer, batch: Batch) -> None:
    """Note which rows of the view `batch` were stored, given the staging table `losers`."""
    if batch.single:
        writer.db.execute(
            f"""
            INSERT INTO tallies
            SELECT b.seq, {STORED}, b.n - coalesce(l.n, 0)
            FROM (SELECT seq, count(*) AS n FROM batch GROUP BY seq) AS b
            LEFT JOIN (
              SELECT seq, count(DISTINCT line) AS n FROM losers GROUP BY seq
            ) AS l USING (seq)
            """
        )
        writer.db.execute(
            f"INSERT INTO tallies SELECT seq, {DUPLICATE}, count(DISTINCT line) "
            "FROM losers GROUP BY seq"
        )
        return
    writer.db.execute(
        f"""
        INSERT INTO outcomes
        SELECT b.seq, b.line, min(CASE WHEN l.seq IS NULL THEN {STORED} ELSE {DUPLICATE} END)
        FROM batch AS b LEFT JOIN (SELECT DISTINCT seq, line, part FROM losers) AS l
          ON l.seq = b.seq AND l.line = b.line AND l.part = b.part
        GROUP BY b.seq, b.line
        """
    )


def tally(writer: Writer, seq: int) -> dict[int, int]:
    """Rows of a file by what to tell of them: `STORED`, else `REFUSED`, else `DUPLICATE`.

    A row whose event is refused and whose item is known already is refused, not seen before.
    """
    counted = writer.query(
        """
        SELECT code, sum(lines) FROM (
          SELECT code, lines FROM tallies WHERE seq = $1
          UNION ALL
          SELECT code, count(*) FROM (
            SELECT line, min(code) AS code FROM outcomes WHERE seq = $1 GROUP BY line
          ) GROUP BY code
        ) GROUP BY code
        """,
        [seq],
    )
    return {int(code): int(lines) for code, lines in counted}


def twins(writer: Writer, seq: int) -> int:
    """Rows of a file that gave two events with one id, of which the second was left out."""
    found = writer.query("SELECT count(DISTINCT line) FROM twins WHERE seq = ?", [seq])
    return int(found[0][0])


WINNERS: Final = "ANTI JOIN losers AS l ON l.seq = f.seq AND l.line = f.line AND l.part = f.part"
"""Keeps, of a relation ``f``, what the staging table `losers` does not name."""
