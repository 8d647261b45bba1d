"""The Delta tables: their columns, and how files enter and leave them.

Data files are written first, by DuckDB or Arrow, and become part of a table by one commit that
lists them. The commit log holds row counts and no other statistics: minima and maxima of
identifiers would outlive their erasure there. A file holds rows of one source only, so a source
can be read anew by taking its files out.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pyarrow as pa
from deltalake import DeltaTable, Field, Schema
from deltalake.exceptions import DeltaError
from deltalake.schema import PrimitiveType
from deltalake.transaction import AddAction, RemoveAction

from fewer.errors import StoreError
from fewer.model.values import ValueType

TEXT, LONG, INT, BOOL, BINARY = pa.string(), pa.int64(), pa.int32(), pa.bool_(), pa.binary()

_VERSION: Final = {"source": TEXT, "valid_from": LONG, "seq": INT, "line": LONG, "content": TEXT}


@dataclass(frozen=True, slots=True)
class TableSpec:
    """Name, fixed columns and partition column of a Delta table."""

    name: str
    columns: Mapping[str, pa.DataType]
    partition: str | None = None


TABLES: Final[dict[str, TableSpec]] = {
    spec.name: spec
    for spec in (
        TableSpec(
            "events",
            {
                "event_id": TEXT,
                "person": INT,
                "ts": LONG,
                "event": TEXT,
                "source": TEXT,
                "overflow": TEXT,
                "day": TEXT,
            },
            partition="day",
        ),
        TableSpec("persons", {"person": INT, "kind": TEXT, "key": TEXT}),
        TableSpec("merges", {"person": INT, "root": INT}),
        TableSpec("people", {"person": INT, **_VERSION}),
        TableSpec("consents", {"person": INT, "purpose": TEXT, "state": TEXT, **_VERSION}),
        TableSpec("contacts", {"person": INT, "kind": TEXT, "value": BINARY, **_VERSION}),
        TableSpec("items", {"item_id": TEXT, **_VERSION}),
        TableSpec("lists", {"list_id": TEXT, "person": INT, **_VERSION}),
        TableSpec(
            "ad_reports",
            {
                "day": TEXT,
                "platform": TEXT,
                "account": TEXT,
                "campaign": TEXT,
                "ad_set": TEXT,
                "ad": TEXT,
                "segment": TEXT,
                "arm": TEXT,
                "currency": TEXT,
                "impressions": LONG,
                "clicks": LONG,
                "spend": LONG,
                "conversions": LONG,
                "value": LONG,
                "source": TEXT,
                "seq": INT,
                "line": LONG,
            },
        ),
        TableSpec(
            "quarantine",
            {
                "source": TEXT,
                "seq": INT,
                "reason": TEXT,
                "rows": LONG,
                "first_line": LONG,
                "last_line": LONG,
                "payload": BINARY,
            },
        ),
    )
}

VALUE_COLUMNS: Final[dict[ValueType, str]] = {
    "text": "string",
    "number": "long",
    "boolean": "boolean",
    "timestamp": "long",
}
"""Delta type of a property's column, by type of its values."""

_FILE = re.compile(r"^(?P<source>[a-z][a-z0-9_]*)-g(?P<generation>\d+)-")


@dataclass(frozen=True, slots=True)
class DataFile:
    """A Parquet file below a table's folder, and the partition it belongs to."""

    path: str  # relative to the table's folder, with '/'
    rows: int
    size: int
    partition: str | None = None

    @property
    def source(self) -> str:
        """Source whose rows the file holds (``persons`` for the person table)."""
        return source_of(self.path)


def source_of(path: str) -> str:
    """Source whose rows the file at `path` holds.

    >>> source_of("day=2017-01-01/baskets-g3-0.parquet")
    'baskets'
    """
    found = _FILE.match(path.rsplit("/", 1)[-1])
    return found["source"] if found else ""


class DeltaFolder:
    """One Delta table on disk, opened at the version that a generation pins."""

    def __init__(self, root: Path, spec: TableSpec) -> None:
        self.spec = spec
        self.path = root / spec.name

    def files(self, version: int, *, partitions: Collection[str] | None = None) -> list[str]:
        """Absolute paths of the data files at `version`, sorted; only of `partitions` if given."""
        try:
            table = DeltaTable(self.path, version=version)
            # The folder comes percent-encoded; what is below it needs no encoding (coded names
            # and days).
            below = 2 if self.spec.partition else 1
            root = str(self.path)
            paths = sorted("/".join([root, *u.rsplit("/", below)[1:]]) for u in table.file_uris())
        except DeltaError as error:
            raise StoreError(
                f"Table {self.spec.name!r} can't be opened at version {version}: {error}. "
                "Restore .fewer from a backup, or delete it and ingest again."
            ) from error
        if partitions is None:
            return paths
        wanted = {f"{self.spec.partition}={value}" for value in partitions}
        return [path for path in paths if path.rsplit("/", 2)[-2] in wanted]

    def commit(
        self,
        *,
        pinned: int | None,
        adds: Sequence[DataFile],
        removes: Iterable[str] = (),
        columns: Mapping[str, ValueType],
    ) -> int:
        """Add and remove files in one commit on top of version `pinned`; return the new version.

        `columns` are the coded columns of the added files; new ones join the table's schema.
        """
        table = self._at(pinned)
        missing = [name for name in columns if name not in {f.name for f in table.schema().fields}]
        if missing:
            kinds = {name: PrimitiveType(VALUE_COLUMNS[columns[name]]) for name in missing}
            table.alter.add_columns([Field(name, kind) for name, kind in kinds.items()])
            table = DeltaTable(self.path)
        actions: list[AddAction | RemoveAction] = [self._add(file) for file in adds]
        actions += [self._remove(path) for path in removes]
        table.create_write_transaction(
            actions,
            mode="append",
            schema=table.schema(),
            partition_by=[self.spec.partition] if self.spec.partition else [],
        )
        return DeltaTable(self.path).version()

    def _at(self, pinned: int | None) -> DeltaTable:
        if pinned is None:
            return DeltaTable.create(
                self.path,
                schema=Schema.from_arrow(pa.schema(list(self.spec.columns.items()))),
                partition_by=[self.spec.partition] if self.spec.partition else None,
                # Versions that generations pin must stay readable; vacuum is ours to decide.
                configuration={
                    "delta.logRetentionDuration": "interval 3650 days",
                    "delta.deletedFileRetentionDuration": "interval 3650 days",
                },
            )
        return DeltaTable(self.path)

    def _add(self, file: DataFile) -> AddAction:
        values = {self.spec.partition: file.partition} if self.spec.partition else {}
        modified = int((self.path / file.path).stat().st_mtime * 1000)
        stats = json.dumps({"numRecords": file.rows})
        return AddAction(file.path, file.size, values, modified, True, stats)

    def _remove(self, path: str) -> RemoveAction:
        values: dict[str, str | None] = {}
        if self.spec.partition:
            values = {self.spec.partition: path.split("/", 1)[0].split("=", 1)[1]}
        full = self.path / path
        modified = full.stat()
        return RemoveAction(path, True, int(modified.st_mtime * 1000), modified.st_size, values)

    def recover(self, *, pinned: int | None, published: int) -> None:
        """Undo what a writer that never published has left: its commits and its files.

        `published` is the newest generation; files of later ones have no reader.
        """
        if not self.path.exists():
            return
        if pinned is None:
            shutil.rmtree(self.path)
            return
        table = DeltaTable(self.path)
        if table.version() != pinned:
            table.restore(pinned)
        for folder, _, names in os.walk(self.path):
            for name in names:
                found = _FILE.match(name)
                if found and int(found["generation"]) > published:
                    (Path(folder) / name).unlink()

    def relative(self, paths: Iterable[str]) -> list[str]:
        """`paths` relative to this table's folder."""
        return [Path(path).relative_to(self.path).as_posix() for path in paths]
