"""Ingestion: from files to a new generation, all of it or nothing.

Files are read in order into the writer's staging database, mapped by one query per mapping, and
handed to the store. Content that the ledger knows is skipped; every row of a new file is
accounted for as stored, duplicate, refused or filtered.
"""

# ruff: noqa: S608  tables and columns are named by us

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from fewer.data.sources import pieces
from fewer.data.sources.base import FileResult, IngestResult, Part, Progress, Quiet, Read
from fewer.data.sources.files import FileSource
from fewer.data.sources.known import Known, check_mappings, mapping_hash_of
from fewer.data.sources.pieces import Survey
from fewer.data.sources.targets import Staged, sheets
from fewer.data.sources.watch import watched
from fewer.data.store import batch as accounts
from fewer.data.store.append_ads import append_ad_reports
from fewer.data.store.append_events import append_events
from fewer.data.store.append_versions import append_versions, seal_contacts
from fewer.data.store.batch import Batch
from fewer.data.store.quarantine import seal_rows
from fewer.data.store.registry import Entry
from fewer.data.store.sql import text
from fewer.data.store.state import RowCounts
from fewer.data.store.store import Store
from fewer.data.store.writer import LedgerEntry, Writer
from fewer.errors import NotFoundError, Problem, SettingsError, did_you_mean
from fewer.model.settings import ProjectSettings

_FLUSH_ROWS: Final = 2_000_000
"""Rows staged before they are written."""


@dataclass(slots=True)
class _File:
    """One file on its way in."""

    part: Part
    seq: int
    place: int
    read: int = 0
    warnings: dict[str, int] = field(default_factory=dict)
    reasons: dict[str, int] = field(default_factory=dict)
    before: RowCounts | None = None
    notes: dict[str, None] = field(default_factory=dict)


@dataclass(slots=True)
class _Load:
    """Staged files of one source that are not yet written."""

    files: list[_File] = field(default_factory=list)
    tables: dict[str, list[str]] = field(default_factory=dict)
    columns: dict[str, dict[str, Entry]] = field(default_factory=dict)
    refusals: list[str] = field(default_factory=list)
    staged: dict[str, str] = field(default_factory=dict)
    surveys: list[Survey] = field(default_factory=list)
    drop: list[str] = field(default_factory=list)
    rows: int = 0
    single: bool = True
    large: bool = False


def ingest(
    store: Store,
    settings: ProjectSettings,
    base: Path,
    *,
    only: Collection[str] = (),
    rebuild: bool = False,
    progress: Progress | None = None,
    dry_run: bool = False,
    now_us: int | None = None,
) -> IngestResult:
    """Read what is new in the project's sources, and publish it as one generation.

    Args:
        store: The project's store.
        settings: What ``fewer.yaml`` says.
        base: Folder of ``fewer.yaml``; paths in it are relative to it.
        only: Source ids to read; all when empty.
        rebuild: Drop what the chosen sources gave before, and read all their files again, under
            the mapping of today.
        progress: Told how far it is.
        dry_run: Count everything, store nothing.
        now_us: Remembered as the time of the generation; nothing depends on it.

    Raises:
        SettingsError: a mapping names columns that a file does not have, or was changed since
            files were read with it.
        SourceError: a file is missing or can't be read at all.
        StoreError: another process is writing.
    """
    watch = progress or Quiet()
    chosen = _choose(settings, only)
    sources = {s.id: FileSource(s, base) for s in settings.sources if s.id in chosen}
    parts = {id_: list(source.parts(watch)) for id_, source in sources.items()}
    hashes = {id_: mapping_hash_of(source, settings) for id_, source in sources.items()}
    known = Known(store.ledger())
    if not rebuild:
        check_mappings(known, hashes)
    if not rebuild and all(known.has(i, part) for i, found in parts.items() for part in found):
        return _unchanged(store, parts, dry_run=dry_run)
    with store.write(dry_run=dry_run) as writer:
        # Another process may have published while files were hashed.
        known = Known(store.ledger(), without=sources if rebuild else ())
        if not rebuild:
            check_mappings(known, hashes)
        run = _Run(store, writer, settings, watch)
        if rebuild:
            for id_ in sources:
                writer.drop_source(id_)
            run.recount()
        for id_, source in sources.items():
            run.source(source, parts[id_], hashes[id_], known)
        if dry_run or not run.entries:
            current = store.generation()
            return run.result(current.number, current.fingerprint, dry_run=dry_run)
        published = writer.publish(run.entries, now_us=now_us)
        return run.result(published.number, published.fingerprint, dry_run=False)


def _choose(settings: ProjectSettings, only: Collection[str]) -> set[str]:
    ids = [source.id for source in settings.sources]
    for wanted in only:
        if wanted not in ids:
            raise NotFoundError("source", wanted, ids)
    return set(only) if only else set(ids)


def _unchanged(store: Store, parts: dict[str, list[Part]], *, dry_run: bool) -> IngestResult:
    current = store.generation()
    files = tuple(
        FileResult(source=id_, file=part.name, state="unchanged")
        for id_, found in parts.items()
        for part in found
    )
    return IngestResult(
        files=files,
        generation=current.number,
        fingerprint=current.fingerprint,
        dry_run=dry_run,
        changed=False,
    )


class _Run:
    """One ingest, under the writer's lock."""

    def __init__(
        self, store: Store, writer: Writer, settings: ProjectSettings, watch: Progress
    ) -> None:
        self.entries: list[LedgerEntry] = []
        self._results: dict[int, FileResult] = {}  # by place: files are told in the order named
        self._places = 0
        self._store = store
        self._writer = writer
        self._settings = settings
        self._watch = watch
        accounts.start(writer)
        order = [source.id for source in settings.sources]
        gone = [id_ for id_ in writer.facts.sources if id_ not in order]
        self._facts(sources=(*order, *gone))

    def _facts(self, **changes: object) -> None:
        self._writer.facts = self._writer.facts.model_copy(update=changes)

    # ------------------------------------------------------------------------------ sources

    def source(
        self,
        source: FileSource,
        parts: Sequence[Part],
        mapping_hash: str,
        known: Known,
    ) -> None:
        """Read the files of one source that the ledger does not have."""
        load = _Load()
        for part in parts:
            self._places += 1
            if known.has(source.id, part):
                same = FileResult(source=source.id, file=part.name, state="unchanged")
                self._results[self._places] = same
                continue
            before = known.rows(source.id, part)
            known.add(source.id, part, mapping_hash)
            seq = self._writer.facts.next_seq
            self._facts(next_seq=seq + 1)
            self._watch.start(source.id, part.name, size=part.size)
            with watched(self._writer.db, self._watch, part.size):
                read = source.read(self._writer, part, seq=seq, progress=self._watch)
            file = _File(part, seq, self._places, read.rows, dict(read.warnings), before=before)
            large = bool(source.settings.events) and read.rows > pieces.PIECE_ROWS
            if large:  # written alone, so that nothing else is held meanwhile
                self._write(source, load, mapping_hash)
                load = _Load(large=True)
            self._stage(source, file, read, load)
            if large or load.rows >= _FLUSH_ROWS:
                self._write(source, load, mapping_hash)
                load = _Load()
            self._watch.advance(part.size)
            self._watch.rows(read.rows)
            self._watch.finish()
        self._write(source, load, mapping_hash)

    def _stage(self, source: FileSource, file: _File, read: Read, load: _Load) -> None:
        part, seq = file.part, file.seq
        zone = self._settings.timezone
        made = sheets(self._writer, source.settings, read.relation, zone=zone, seq=seq)
        _refuse_unknown_columns(made, read, source, part)
        for staged in made:
            file.notes |= dict.fromkeys(staged.sheet.scope.unseen())
        load.single = load.single and len(made) == 1 and not _explodes(source)
        with watched(self._writer.db, Quiet() if load.large else self._watch, part.size):
            for number, staged in enumerate(made):
                self._run(staged, f"s{seq}_{number}", file, load)
        if read.refused:
            self._torn(read.refused, file, load)
        load.drop += read.drop
        if not load.large:
            self._drop(load)
        load.files.append(file)
        load.rows += read.rows

    def _drop(self, load: _Load) -> None:
        for table in load.drop:
            self._writer.db.execute(f"DROP TABLE {table}")
        load.drop.clear()

    def _run(self, staged: Staged, table: str, file: _File, load: _Load) -> None:
        """Run the query of one mapping; split accepted rows from refused ones."""
        writer = self._writer
        for note, count in staged.notes:
            file.warnings[note] = file.warnings.get(note, 0) + count
        lost, sheet = staged.lost, staged.sheet
        large = load.large and staged.target == "events"
        load.staged[table] = kind = "VIEW" if large else "TABLE"
        writer.db.execute(f"CREATE {kind} {table} AS {text(sheet.query())}")
        good = f"{table}_good"
        tests = {} if staged.secondary else {name: name for name in lost}
        tests |= {name: f"{name} IS NOT NULL" for name in sheet.open}
        refused = not staged.secondary
        if large:
            seen = Survey(table, good, sheet.given_ids, sheet.scope.relation.document)
            pieces.survey(writer, seen, tests)
            load.surveys.append(seen)
            found, refused = seen.counts, bool(seen.refused)
        else:
            found = _counted(writer, table, tests)
        for name, warning in lost.items():
            if found.get(name):
                file.warnings[warning] = file.warnings.get(warning, 0) + found[name]
        sheet.code_open([name for name in sheet.open if found[name]])
        derived = ["day"] if staged.target == "events" else []
        drop = ", ".join(["reason", "raw", *derived, *lost, *sheet.open])
        coded = "".join(
            f", {name} AS {entry.column}"
            for name, entry in sheet.coded.items()
            if name in sheet.open
        )
        writer.db.execute(
            f"CREATE VIEW {good} AS SELECT * EXCLUDE ({drop}){coded} FROM {table} "
            "WHERE reason IS NULL"
        )
        load.tables.setdefault(staged.target, []).append(good)
        columns = load.columns.setdefault(staged.target, {})
        columns.update({entry.column: entry for entry in sheet.coded.values()})
        if refused:
            self._refusals(
                f"SELECT line, reason, raw FROM {table} WHERE reason IS NOT NULL", file, load
            )

    def _torn(self, table: str, file: _File, load: _Load) -> None:
        self._refusals(f"SELECT line, reason, raw FROM {table}", file, load)
        self._writer.db.execute(f"DROP TABLE {table}")

    def _refusals(self, query: str, file: _File, load: _Load) -> None:
        """Account for refused rows, and put them aside for the quarantine."""
        writer = self._writer
        told = [name for name in load.refusals if name.startswith(f"refused_{file.seq}_")]
        if told:  # one row that an event and a person were to be made of is refused once
            earlier = " UNION ALL ".join(f"SELECT line, reason FROM {name}" for name in told)
            query = f"SELECT * FROM ({query}) AS q ANTI JOIN ({earlier}) AS e USING (line, reason)"
        name = f"refused_{file.seq}_{len(load.refusals)}"
        writer.db.execute(f"CREATE TABLE {name} AS SELECT {file.seq} AS seq, * FROM ({query})")
        counts = writer.query(f"SELECT reason, count(*) FROM {name} GROUP BY reason")
        if not counts:
            writer.db.execute(f"DROP TABLE {name}")
            return
        for reason, count in counts:
            file.reasons[reason] = file.reasons.get(reason, 0) + count
        load.refusals.append(name)
        writer.db.execute(f"INSERT INTO outcomes SELECT seq, line, {accounts.REFUSED} FROM {name}")

    # ------------------------------------------------------------------------------- writing

    def _write(self, source: FileSource, load: _Load, mapping_hash: str) -> None:
        if not load.files:
            return
        writer = self._writer
        made: dict[str, int] = {}
        for target, tables in load.tables.items():
            columns = sorted(load.columns[target].values(), key=lambda e: (e.number, e.type))
            large = target == "events" and load.large
            parts = self._told(pieces.cut(writer, load.surveys), load) if large else None
            batch = Batch(source.id, tables, columns, single=load.single, pieces=parts)
            made[target] = self._append(target, batch)
        for name in load.refusals:
            seal_rows(writer, source.id, name)
            writer.db.execute(f"DROP TABLE {name}")
        for file in load.files:
            self._finish(source, file, mapping_hash, made if len(load.files) == 1 else {})
        for table, kind in load.staged.items():
            writer.db.execute(f"DROP VIEW {table}_good")
            writer.db.execute(f"DROP {kind} {table}")
            shutil.rmtree(writer.scratch / table, ignore_errors=True)
        self._drop(load)

    def _told(self, found: Sequence[Sequence[str]], load: _Load) -> Iterator[Sequence[str]]:
        """The pieces of the large file of `load`, told as they are asked for."""
        size = load.files[0].part.size
        for number, piece in enumerate(found):
            self._watch.advance(size * number // len(found))
            yield piece

    def _append(self, target: str, batch: Batch) -> int:
        writer = self._writer
        if target == "events":
            return append_events(writer, batch)
        if target == "ad_reports":
            return append_ad_reports(writer, batch)
        if target == "contacts":
            batch = Batch(batch.source, [seal_contacts(writer, name) for name in batch.tables], ())
        for table, column, fact in (
            ("lists", "list_id", "lists"),
            ("consents", "purpose", "purposes"),
        ):
            if target == table:
                self._remember(batch, column, fact)
        return append_versions(writer, target, batch)

    def _remember(self, batch: Batch, column: str, fact: str) -> None:
        batch.stage(self._writer)
        rows = self._writer.query(f"SELECT DISTINCT {column} FROM batch")
        known = getattr(self._writer.facts, fact)
        self._facts(**{fact: tuple(sorted({*known, *(name for (name,) in rows)}))})

    def _finish(
        self, source: FileSource, file: _File, mapping_hash: str, made: dict[str, int]
    ) -> None:
        found = accounts.tally(self._writer, file.seq)
        stored = found.get(accounts.STORED, 0)
        duplicate = found.get(accounts.DUPLICATE, 0)
        refused = found.get(accounts.REFUSED, 0)
        counts = RowCounts(
            read=file.read,
            stored=stored,
            duplicate=duplicate,
            refused=refused,
            filtered=file.read - stored - duplicate - refused,
            reasons=dict(sorted(file.reasons.items())),
            warnings=dict(sorted(file.warnings.items())),
            made=made,
        )
        part = file.part
        self.entries.append(
            LedgerEntry(
                file.seq, source.id, part.name, part.content_hash, mapping_hash, part.size, counts
            )
        )
        self._results[file.place] = FileResult(
            source=source.id,
            file=part.name,
            state="read",
            rows=counts,
            notes=tuple(self._notes(source, file, counts)),
        )

    def _notes(self, source: FileSource, file: _File, counts: RowCounts) -> Iterator[str]:
        """What a person should know of a file, beside the counts."""
        yield from file.notes
        twins = accounts.twins(self._writer, file.seq)
        if twins:
            yield (
                f"{twins:,} rows gave two events with the same id on the same day; the second was "
                "left out. Give one of the mappings an id with a prefix: id: {columns: ..., "
                "prefix: 'refund-'}"
            )
        settings = source.settings
        only_events = not (settings.people or settings.items or settings.lists)
        if file.before is None or not settings.events or not only_events or settings.ad_reports:
            return
        gone = file.before.stored + file.before.duplicate - counts.duplicate
        if gone > 0:
            yield (
                f"{gone:,} rows that the file held when it was last read are no longer in it, or "
                "were changed. What they gave stays stored; to drop it: "
                f"fewer ingest --only {source.id} --rebuild"
            )

    # ------------------------------------------------------------------------------- rebuild

    def recount(self) -> None:
        """Take facts about events, lists and purposes anew from the files that remain."""
        writer = self._writer
        changes: dict[str, object] = {"events": {}, "first_ts": None, "last_ts": None}
        files = writer.files("events")
        if files:
            rows = writer.query(
                "SELECT event, count(*), min(ts), max(ts) FROM read_parquet(?, "
                "union_by_name = true) GROUP BY event",
                [files],
            )
            changes = {
                "events": {event: count for event, count, _, _ in rows},
                "first_ts": min(low for _, _, low, _ in rows),
                "last_ts": max(high for _, _, _, high in rows),
            }
        for table, column, fact in (
            ("lists", "list_id", "lists"),
            ("consents", "purpose", "purposes"),
        ):
            files = writer.files(table)
            query = f"SELECT DISTINCT {column} FROM read_parquet(?) ORDER BY 1"
            changes[fact] = tuple(n for (n,) in writer.query(query, [files])) if files else ()
        self._facts(**changes)

    def result(self, number: int, fingerprint: str, *, dry_run: bool) -> IngestResult:
        """What was done."""
        return IngestResult(
            files=tuple(self._results[place] for place in sorted(self._results)),
            generation=number,
            fingerprint=fingerprint,
            dry_run=dry_run,
            changed=bool(self.entries) and not dry_run,
        )


def _counted(writer: Writer, table: str, tests: Mapping[str, str]) -> dict[str, int]:
    """Rows of a staged table for which each test holds."""
    if not tests:
        return {}
    sums = ", ".join(f"count(*) FILTER (WHERE {test})" for test in tests.values())
    return dict(zip(tests, writer.query(f"SELECT {sums} FROM {table}")[0], strict=True))


def _explodes(source: FileSource) -> bool:
    return any(mapping.explode for mapping in source.settings.events)


def _refuse_unknown_columns(
    made: Sequence[Staged], read: Read, source: FileSource, part: Part
) -> None:
    """Report every column that mappings name and the file does not have."""
    if not read.relation.columns and not read.rows:
        return  # an empty file has no columns, and no rows to miss them
    unknown = dict.fromkeys(name for staged in made for name in staged.sheet.scope.unknown)
    if not unknown:
        return
    known = read.relation.known
    raise SettingsError(
        [
            Problem(
                "unknown_column",
                f"Source {source.id!r}: {part.name} has no column {name!r}."
                f"{did_you_mean(name, known)}",
                text=name,
                hint=f"Its columns: {', '.join(known)}.",
            )
            for name in unknown
        ]
    )
