"""What was read before, and with which mapping: the ledger as an ingest asks it."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable

from fewer.data.sources.base import Part
from fewer.data.sources.files import FileSource
from fewer.data.store.state import RowCounts
from fewer.data.store.writer import LedgerEntry
from fewer.errors import Problem, SettingsError
from fewer.model.settings import ProjectSettings


class Known:
    """What the ledger says was read."""

    def __init__(self, entries: Iterable[LedgerEntry], *, without: Collection[str] = ()) -> None:
        self.mappings: dict[tuple[str, str], str] = {}
        self._newest: dict[tuple[str, str], str] = {}
        self._rows: dict[tuple[str, str], RowCounts] = {}
        for entry in entries:
            if entry.source not in without:
                self.mappings[entry.source, entry.content_hash] = entry.mapping_hash
                self._newest[entry.source, entry.file] = entry.content_hash
                self._rows[entry.source, entry.file] = entry.rows

    def has(self, source: str, part: Part) -> bool:
        """Whether there is nothing new in a part.

        That is so when the same name held the same content last, and when a new name holds
        content that is known. A name that returns to content of long ago is read: it may say
        again what was true of people then.
        """
        last = self._newest.get((source, part.name))
        if last is not None:
            return last == part.content_hash
        return (source, part.content_hash) in self.mappings

    def rows(self, source: str, part: Part) -> RowCounts | None:
        """What became of the rows that the part held last; None when its name is new."""
        return self._rows.get((source, part.name))

    def add(self, source: str, part: Part, mapping_hash: str) -> None:
        """Note a part that is being read."""
        self.mappings[source, part.content_hash] = mapping_hash
        self._newest[source, part.name] = part.content_hash


def mapping_hash_of(source: FileSource, settings: ProjectSettings) -> str:
    """Hash of all that decides what a file's rows become: mapping, time zone, joined files."""
    mapping = source.settings.model_dump_json(exclude={"id", "files"}, exclude_defaults=True)
    facts = f"{mapping}\n{settings.timezone}\n{source.joins_hash()}"
    return hashlib.sha256(facts.encode()).hexdigest()


def check_mappings(known: Known, hashes: dict[str, str]) -> None:
    """SettingsError naming every source whose mapping is not the one its files were read with."""
    changed = {
        source
        for (source, _), old in known.mappings.items()
        if source in hashes and old != hashes[source]
    }
    if changed:
        raise SettingsError(
            [
                Problem(
                    "mapping_changed",
                    f"The mapping of source {source!r} (or a file it joins, or the project's "
                    "timezone) was changed since its files were read.",
                    hint="Read them again with the new mapping: "
                    f"fewer ingest --only {source} --rebuild (or undo the change).",
                )
                for source in sorted(changed)
            ]
        )
