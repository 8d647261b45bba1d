"""A write to the store: files first, then one commit per table, then one row that publishes all.

Until that row is there readers see nothing of it; a writer that dies leaves commits and files
that the next writer takes back before it starts.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import sqlalchemy as sa

from fewer.data.store import schema
from fewer.data.store.control import writing
from fewer.data.store.crypto import Vault
from fewer.data.store.day_files import write_days
from fewer.data.store.generation import Generation
from fewer.data.store.registry import KINDS, Registry
from fewer.data.store.state import Facts, RowCounts, TableState
from fewer.data.store.tables import TABLES, DataFile, DeltaFolder
from fewer.errors import StoreError
from fewer.model.values import ValueType

if TYPE_CHECKING:
    from fewer.data.store.store import Store

_DIRTY: Final = "writing"
_MEMORY: Final = "1GB"
_SYNCS_AT_ONCE: Final = 16
_ROWS_AT_ONCE: Final = 122_880
_FOLDER_ROWS: Final = 16_384


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One file that was read."""

    seq: int
    source: str
    file: str
    content_hash: str
    mapping_hash: str
    size: int
    rows: RowCounts

    @property
    def line(self) -> str:
        """What the entry adds to a generation's fingerprint; no path, no time."""
        counts = self.rows
        facts = (self.source, self.content_hash, self.mapping_hash, counts.read, counts.stored)
        return "\t".join(map(str, facts)) + "\n"


@dataclass(slots=True)
class _Pending:
    adds: list[DataFile] = field(default_factory=list)
    removes: list[str] = field(default_factory=list)
    columns: dict[str, ValueType] = field(default_factory=dict)
    by_source: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))


class Writer:
    """What an ingest needs: a staging database, new codes, and places for files.

    Attributes:
        db: DuckDB connection in memory, spilling into an encrypted staging folder.
        base: The generation that the write builds upon.
        registry: Codes; ask it for new ones.
        facts: Of the generation to be; replace it to change it.
        scratch: Folder for what a later step reads again; gone when the write ends.
    """

    def __init__(self, store: Store, base: Generation, *, scratch: Path, out: Path) -> None:
        self.base = base
        self.registry = Registry(entry for kind in KINDS for entry in base.registry.of(kind))
        self.facts: Facts = base.facts
        self.vault: Vault = store.vault
        self.db = _staging(scratch)
        self.scratch = scratch
        self._out = out
        self._store = store
        self._pending: dict[str, _Pending] = defaultdict(_Pending)
        self._dropped: set[str] = set()
        self._batches = 0

    @property
    def number(self) -> int:
        """Generation to be published."""
        return self.base.number + 1

    def query(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run constant SQL on the staging database and fetch all rows."""
        rows: list[tuple[Any, ...]] = self.db.execute(sql, parameters).fetchall()
        return rows

    @contextmanager
    def in_any_order(self) -> Iterator[None]:
        """Queries of the block may give rows in any order, which takes less memory."""
        self.db.execute("SET preserve_insertion_order = false")
        # Few rows are held for each folder of a partitioned write: there can be many of them.
        self.db.execute(f"SET partitioned_write_flush_threshold = {_FOLDER_ROWS}")
        try:
            yield
        finally:
            self.db.execute("SET preserve_insertion_order = true")
            self.db.execute("RESET partitioned_write_flush_threshold")

    # ------------------------------------------------------------------------------ files

    def files(self, table: str, *, days: set[str] | None = None) -> list[str]:
        """Data files of a table as the write has it so far: published, less removed, plus new."""
        removed = set(self._pending[table].removes)
        folder = DeltaFolder(self._store.root, TABLES[table])
        published = self.base.files(table, days=days)
        kept = [p for p in published if not removed or folder.relative([p])[0] not in removed]
        new = self._pending[table].adds
        kept += [
            str(self._out / table / file.path)
            for file in new
            if days is None or file.partition in days
        ]
        return kept

    def copy(
        self, table: str, source: str, select: str, columns: Mapping[str, ValueType] | None = None
    ) -> int:
        """Write the rows of `select` (constant SQL on the staging database) to new data files.

        `columns` are the coded columns among its output. Returns the rows written.
        """
        spec = TABLES[table]
        self._batches += 1
        folder = self._out / table
        folder.mkdir(parents=True, exist_ok=True)
        name = f"{source}-g{self.number}-{self._batches}"
        if spec.partition:
            options = f"PARTITION_BY ({spec.partition}), FILENAME_PATTERN '{name}_{{i}}', "
            target = folder
        else:
            options, target = "", folder / f"{name}.parquet"
        written = self.db.execute(
            f"COPY ({select}) TO {_literal(target)} (FORMAT parquet, COMPRESSION zstd, {options}"
            "OVERWRITE_OR_IGNORE true, RETURN_STATS true)"
        ).fetchall()
        files = [
            DataFile(
                Path(path).relative_to(folder).as_posix(),
                rows,
                size,
                (keys or {}).get(spec.partition) if spec.partition else None,
            )
            for path, rows, size, _, _, keys, *_ in written
        ]
        return self._add(table, source, files, columns or {})

    def copy_days(
        self, source: str, select: str, columns: Mapping[str, ValueType] | None = None
    ) -> int:
        """Write the rows of `select`, events in the order of ``ts``, to a new file for each day.

        `columns` are the coded columns among its output. Returns the rows written.
        """
        self._batches += 1
        folder = self._out / "events"
        name = f"{source}-g{self.number}-{self._batches}_0"
        batches = self.db.sql(select).to_arrow_reader(_ROWS_AT_ONCE)
        files = write_days(batches, folder, name, distinct=("event_id",))
        return self._add("events", source, files, columns or {})

    def write_arrow(self, table: str, source: str, rows: pa.Table) -> int:
        """Write an Arrow table to a new data file of an unpartitioned table."""
        if rows.num_rows == 0:
            return 0
        self._batches += 1
        folder = self._out / table
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{source}-g{self.number}-{self._batches}.parquet"
        pq.write_table(rows, path, compression="zstd", write_statistics=False)
        return self._add(
            table, source, [DataFile(path.name, rows.num_rows, path.stat().st_size)], {}
        )

    def _add(
        self, table: str, source: str, files: Sequence[DataFile], columns: Mapping[str, ValueType]
    ) -> int:
        kept = [file for file in files if file.rows]
        for file in files:
            path = self._out / table / file.path
            if not file.rows:
                path.unlink()  # an empty result still makes a file
        pending = self._pending[table]
        pending.adds += kept
        if kept:
            pending.columns.update(columns)
            pending.by_source[source] |= set(columns)
        return sum(file.rows for file in kept)

    def drop_source(self, source: str) -> None:
        """Take all files of a source out of every table, so that it can be read anew."""
        self._dropped.add(source)
        for table, state in self.base.tables.items():
            folder = DeltaFolder(self._store.root, TABLES[table])
            mine = [
                path
                for path in folder.relative(folder.files(state.version))
                if DataFile(path, 0, 0).source == source
            ]
            self._pending[table].removes += mine

    def take_out(self, table: str) -> None:
        """Take all files out of a table that is written anew as a whole."""
        folder = DeltaFolder(self._store.root, TABLES[table])
        self._pending[table].removes += folder.relative(self.base.files(table))

    # ---------------------------------------------------------------------------- persons

    def asked_persons(self) -> list[str]:
        """Make sure that the staging table `persons` is there; return files of those in none.

        It holds the people that this write has met, not all that were ever numbered.
        """
        self.db.execute(
            "CREATE TABLE IF NOT EXISTS persons (person INTEGER, kind VARCHAR, key VARCHAR)"
        )
        return list(self.base.files("persons"))

    # ---------------------------------------------------------------------------- publish

    def publish(self, entries: Sequence[LedgerEntry], *, now_us: int | None) -> Generation:
        """Commit every table, then make all of it visible at once."""
        tables = dict(self.base.tables)
        _to_disk(
            self._out / name / file.path for name, p in self._pending.items() for file in p.adds
        )
        for name, pending in self._pending.items():
            if pending.adds or pending.removes:
                tables[name] = self._commit(name, pending, self.base.tables.get(name))
        with writing(self._store.control) as connection:
            if self._dropped:
                connection.execute(
                    schema.ledger.update()
                    .where(schema.ledger.c.source.in_(sorted(self._dropped)))
                    .values(state="replaced")
                )
            lines = _lines(connection) + [entry.line for entry in entries]
            if self.facts.merges:
                lines.append(f"merges\t{self.facts.merges}\n")
            fingerprint = hashlib.sha256("".join(lines).encode()).hexdigest()
            connection.execute(
                schema.generations.insert().values(
                    number=self.number,
                    created_us=now_us,
                    tables=json.dumps({k: v.model_dump() for k, v in tables.items()}),
                    facts=self.facts.model_dump_json(),
                    fingerprint=fingerprint,
                )
            )
            if entries:
                rows = [_ledger_row(entry, self.number) for entry in entries]
                connection.execute(schema.ledger.insert(), rows)
            if self.registry.new:
                new = [_property_row(entry, self.number) for entry in self.registry.new]
                connection.execute(schema.properties.insert(), new)
            connection.execute(schema.meta.delete().where(schema.meta.c.key == _DIRTY))
        return self._store.generation()

    def _commit(self, name: str, pending: _Pending, state: TableState | None) -> TableState:
        folder = DeltaFolder(self._store.root, TABLES[name])
        version = folder.commit(
            pinned=state.version if state else None,
            adds=pending.adds,
            removes=pending.removes,
            columns=pending.columns,
        )
        columns = dict(state.columns) if state else {}
        if pending.removes:
            columns = {s: names for s, names in columns.items() if s not in self._dropped}
        for source, names in pending.by_source.items():
            columns[source] = tuple(sorted({*columns.get(source, ()), *names}))
        if pending.removes:
            files = self.files(name)
            counted = (
                self.query("SELECT count(*) FROM read_parquet(?)", [files]) if files else [(0,)]
            )
            rows = int(counted[0][0])
        else:
            rows = sum(file.rows for file in pending.adds) + (state.rows if state else 0)
        return TableState(version=version, rows=rows, columns=columns)

    def close(self) -> None:
        """Drop the staging database."""
        self.db.close()
        shutil.rmtree(self.scratch, ignore_errors=True)


def _to_disk(paths: Iterable[Path]) -> None:
    """Wait until files, and the folders that list them, survive a loss of power."""

    def sync(path: Path) -> None:
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

    files = list(paths)
    with ThreadPoolExecutor(_SYNCS_AT_ONCE) as pool:  # together they share the disk's round trips
        list(pool.map(sync, files))
        list(pool.map(sync, {path.parent for path in files}))


def _lines(connection: sa.Connection) -> list[str]:
    ledger = schema.ledger
    query = ledger.select().where(ledger.c.state == "active").order_by(ledger.c.seq)
    return [ledger_entry(row).line for row in connection.execute(query)]


def ledger_entry(row: Any) -> LedgerEntry:
    """Entry of a row of the ledger."""
    return LedgerEntry(
        seq=row.seq,
        source=row.source,
        file=row.file,
        content_hash=row.content_hash,
        mapping_hash=row.mapping_hash,
        size=row.size,
        rows=RowCounts.model_validate_json(row.rows),
    )


def _ledger_row(entry: LedgerEntry, number: int) -> dict[str, Any]:
    return {
        "seq": entry.seq,
        "generation": number,
        "source": entry.source,
        "file": entry.file,
        "content_hash": entry.content_hash,
        "mapping_hash": entry.mapping_hash,
        "size": entry.size,
        "state": "active",
        "rows": entry.rows.model_dump_json(),
    }


def _property_row(entry: Any, number: int) -> dict[str, Any]:
    return {
        "kind": entry.kind,
        "name": entry.name,
        "type": entry.type,
        "number": entry.number,
        "overflow": entry.overflow,
        "generation": number,
    }


def _literal(path: str | Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"


def _staging(scratch: Path) -> duckdb.DuckDBPyConnection:
    db = duckdb.connect(
        config={
            "memory_limit": os.environ.get("FEWER_MEMORY", _MEMORY),
            "temp_directory": str(scratch),
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
        }
    )
    # What is spilled holds raw rows. DuckDB warns that its bundled random numbers are weak; the
    # key lives as long as this process, and a file that a crash left must not be readable.
    db.execute("SET force_mbedtls_unsafe = 'true'")
    db.execute("SET temp_file_encryption = true")
    db.execute("SET TimeZone = 'UTC'")
    db.execute("SET enable_progress_bar = true")  # measured, for whoever asks; never printed
    db.execute("SET enable_progress_bar_print = false")
    db.execute("SET partitioned_write_max_open_files = 1000")
    return db


@contextmanager
def begin(store: Store, *, dry_run: bool) -> Iterator[Writer]:
    """A writer on the newest generation; the caller holds the writer's lock unless `dry_run`."""
    staging = store.root / "staging"
    if not dry_run:
        recover(store)
        with writing(store.control) as connection:
            connection.execute(schema.meta.insert().values(key=_DIRTY, value=str(os.getpid())))
    staging.mkdir(mode=0o700, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix="dry-" if dry_run else "run-", dir=staging))
    out = scratch.with_name(f"{scratch.name}-out") if dry_run else store.root
    writer = Writer(store, store.generation(), scratch=scratch, out=out)
    try:
        yield writer
    finally:
        writer.close()
        if dry_run:
            shutil.rmtree(out, ignore_errors=True)
        else:
            with suppress(StoreError):
                recover(store)


def recover(store: Store) -> None:
    """Take back what writers that never published have left. Call it under the lock only."""
    with store.control.connect() as connection:
        query = sa.select(schema.meta.c.value).where(schema.meta.c.key == _DIRTY)
        if connection.execute(query).first() is None:
            return
    base = store.generation()
    for name, spec in TABLES.items():
        state = base.tables.get(name)
        folder = DeltaFolder(store.root, spec)
        folder.recover(pinned=state.version if state else None, published=base.number)
    for left in (store.root / "staging").glob("run-*"):
        shutil.rmtree(left, ignore_errors=True)
    with writing(store.control) as connection:
        connection.execute(schema.meta.delete().where(schema.meta.c.key == _DIRTY))
