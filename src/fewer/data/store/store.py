"""The store of a project: Delta tables, the control database that pins them, and the key."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Final, Self

import pyarrow as pa
import sqlalchemy as sa
from pyroaring import BitMap

from fewer.data.store import schema
from fewer.data.store.contacts import read_contacts
from fewer.data.store.control import connect, sqlite_url
from fewer.data.store.crypto import Vault
from fewer.data.store.generation import Generation
from fewer.data.store.lock import writer_lock
from fewer.data.store.merging import Merging, merge, take_apart
from fewer.data.store.quarantine import RefusedRow, read_rows
from fewer.data.store.registry import Entry, Registry
from fewer.data.store.snapshots import BuildInfo, Snapshot, build, builds, save_build
from fewer.data.store.state import Facts, TableState
from fewer.data.store.writer import LedgerEntry, Writer, begin, ledger_entry

_EMPTY: Final = "0" * 64
"""Fingerprint of a store that nothing was read into."""

WAIT_SECONDS: Final = 10.0


class Store:
    """Opened with `Store.open`; readers ask it for generations, ingestion for a writer."""

    def __init__(self, root: Path, control: sa.Engine) -> None:
        self.root = root
        self.control = control

    @classmethod
    def open(cls, root: Path, *, control_url: str | None = None) -> Self:
        """Open the store in the folder `root` (a project's ``.fewer``); make it if need be.

        Raises:
            StoreError: when the control database can't be opened, or is newer than this program.
        """
        root = root.resolve()
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        return cls(root, connect(control_url or sqlite_url(root / "control.db")))

    def close(self) -> None:
        """Release the connections to the control database."""
        self.control.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @cached_property
    def vault(self) -> Vault:
        """What seals contacts and quarantined rows."""
        return Vault.at(self.root)

    def generation(self) -> Generation:
        """The newest published generation. It stays as it is while others are published."""
        generations, properties = schema.generations, schema.properties
        newest = generations.select().order_by(generations.c.number.desc()).limit(1)
        with self.control.connect() as connection:
            row = connection.execute(newest).first()
            if row is None:
                return Generation(
                    self.root,
                    number=0,
                    fingerprint=_EMPTY,
                    facts=Facts(),
                    tables={},
                    registry=Registry(),
                )
            coded = properties.select().where(properties.c.generation <= row.number)
            entries = [
                Entry(p.kind, p.name, p.type, p.number, p.overflow)
                for p in connection.execute(coded)
            ]
        states = json.loads(row.tables)
        return Generation(
            self.root,
            number=row.number,
            fingerprint=row.fingerprint,
            facts=Facts.model_validate_json(row.facts),
            tables={name: TableState.model_validate(state) for name, state in states.items()},
            registry=Registry(entries),
        )

    def ledger(self) -> list[LedgerEntry]:
        """Files read, in the order read; those that a rebuild replaced are left out."""
        table = schema.ledger
        query = table.select().where(table.c.state == "active").order_by(table.c.seq)
        with self.control.connect() as connection:
            return [ledger_entry(row) for row in connection.execute(query)]

    def quarantine_counts(self) -> list[dict[str, object]]:
        """Refused rows by source, file and reason; a row refused for two things counts twice."""
        return [
            {"source": entry.source, "file": entry.file, "reason": reason, "rows": rows}
            for entry in self.ledger()
            for reason, rows in entry.rows.reasons.items()
        ]

    def quarantine(
        self, reason: str | Collection[str] | None = None, limit: int = 100
    ) -> list[RefusedRow]:
        """Refused rows as they were read, of one or some reasons; they may hold personal data."""
        reasons = {reason} if isinstance(reason, str) else set(reason or ())
        return list(read_rows(self, reasons=reasons, limit=limit))

    def contacts(self, persons: BitMap, kinds: Collection[str]) -> pa.Table:
        """Contacts of `persons`, decrypted, for exports: (person uint32, kind, value)."""
        return read_contacts(self, persons, kinds)

    def merge(self, pairs: Sequence[tuple[str, str]], *, dry_run: bool = False) -> Merging:
        """Make each two ids one person; see `merging.merge`."""
        return merge(self, pairs, dry_run=dry_run)

    def split(self, ids: Sequence[str], *, dry_run: bool = False) -> Merging:
        """Make identities persons of their own again; see `merging.take_apart`."""
        return take_apart(self, ids, dry_run=dry_run)

    def save_build(self, snapshot: Snapshot) -> Snapshot:
        """Keep a snapshot; return it with its id."""
        return save_build(self, snapshot)

    def builds(self) -> list[BuildInfo]:
        """All builds without their members, newest first."""
        return builds(self)

    def build(self, build_id: str | None = None) -> Snapshot:
        """The newest build, or the one of that id; NotFoundError when there is none."""
        return build(self, build_id)

    @contextmanager
    def write(
        self, *, dry_run: bool = False, wait_seconds: float = WAIT_SECONDS
    ) -> Iterator[Writer]:
        """A writer; whatever it wrote vanishes unless it publishes.

        Raises:
            StoreError: when another process is still writing after `wait_seconds`.
        """
        if dry_run:
            with begin(self, dry_run=True) as writer:
                yield writer
            return
        lock = writer_lock(self.root / "writer.lock", wait_seconds=wait_seconds)
        with lock, begin(self, dry_run=False) as writer:
            yield writer
