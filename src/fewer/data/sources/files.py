"""Files as a source: found by path or glob, told apart by content, read by format."""

from __future__ import annotations

import glob
import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from fewer.data.sources.base import Part, Progress, Quiet, Read
from fewer.data.sources.join import joined
from fewer.data.sources.read_csv import CsvFile, read_csv
from fewer.data.sources.read_jsonl import read_jsonl
from fewer.data.sources.read_parquet import read_parquet
from fewer.data.sources.text import Scan, scan
from fewer.data.store.writer import Writer
from fewer.errors import SourceError
from fewer.model.mapping import FileFormat, FileOptions, Join, SourceSettings

_FORMATS: Final[dict[str, FileFormat]] = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".pq": "parquet",
}
_COMPRESSED: Final = (".gz", ".zst")


class FileSource:
    """The files that one entry of ``sources`` names.

    Args:
        settings: The entry.
        base: Folder that paths are relative to.
    """

    def __init__(self, settings: SourceSettings, base: Path) -> None:
        self.id = settings.id
        self.settings = settings
        self._base = base
        self._scans: dict[Path, Scan] = {}

    def paths(self) -> list[Path]:
        """Files that the entry names: in its order, those of a glob sorted.

        Raises:
            SourceError: when a path or glob names nothing.
        """
        return find(self.settings.files, self._base, self.id)

    def parts(self, progress: Progress) -> Iterator[Part]:
        """Each file, with the hash of its content."""
        for path in self.paths():
            format_ = format_of(path, self.settings.format)
            progress.start(self.id, path.name, size=path.stat().st_size)
            found = scan(path, text=format_ != "parquet", progress=progress)
            progress.finish()
            self._scans[path] = found
            yield Part(self._name(path), found.content_hash, found.size, path)

    def joins_hash(self) -> str:
        """Hash of the content of all joined files; empty without joins."""
        digest = hashlib.sha256()
        for join in self.settings.join:
            for path in find(join.files, self._base, self.id):
                digest.update(scan(path, text=False, progress=Quiet()).content_hash.encode())
        return digest.hexdigest() if self.settings.join else ""

    def read(self, writer: Writer, part: Part, *, seq: int, progress: Progress) -> Read:
        """Stage the rows of a file, with the columns that joins add."""
        path: Path = part.where
        has_nul = self._scans[path].has_nul
        return self._read(writer, path, seq=seq, progress=progress, has_nul=has_nul)

    def read_first(self, writer: Writer, path: Path, limit: int) -> Read:
        """Stage the first `limit` rows of a file, without looking at the others."""
        return self._read(writer, path, seq=0, progress=Quiet(), has_nul=False, limit=limit)

    def _read(
        self,
        writer: Writer,
        path: Path,
        *,
        seq: int,
        progress: Progress,
        has_nul: bool,
        limit: int | None = None,
    ) -> Read:
        read = read_file(
            writer,
            path,
            format_=format_of(path, self.settings.format),
            options=self.settings.options,
            missing=self.settings.missing,
            has_nul=has_nul,
            seq=seq,
            progress=progress,
            limit=limit,
        )
        for number, join in enumerate(self.settings.join):
            read = self._join(writer, read, join, number, progress)
        return read

    def _join(
        self, writer: Writer, read: Read, join: Join, number: int, progress: Progress
    ) -> Read:
        table = f"join_{self.id}_{number}"
        there = writer.query("SELECT count(*) FROM duckdb_tables() WHERE table_name = ?", [table])
        others = []
        if not there[0][0]:
            for i, path in enumerate(find(join.files, self._base, self.id)):
                others.append(
                    read_file(
                        writer,
                        path,
                        format_=format_of(path, join.format),
                        options=join.options,
                        missing=join.missing,
                        has_nul=False,
                        seq=-(number * 1000 + i + 1),
                        progress=progress,
                    )
                )
        return joined(writer, read, others, join, table, source=self.id)

    def _name(self, path: Path) -> str:
        try:
            return path.relative_to(self._base).as_posix()
        except ValueError:
            return str(path)


def find(patterns: Sequence[str], base: Path, source: str) -> list[Path]:
    """Files that paths and globs name, each once."""
    found: dict[Path, None] = {}
    for pattern in patterns:
        whole = str(base / pattern)
        plain = Path(whole)
        if plain.is_file():
            found[plain] = None
            continue
        matches = sorted(glob.glob(whole, recursive=True))  # noqa: PTH207  keeps ** and absolute
        files = [Path(match) for match in matches if Path(match).is_file()]
        if not files:
            raise SourceError(
                f"Source {source!r}: no file matches {pattern!r} in {base}. "
                "Paths are relative to the folder of fewer.yaml."
            )
        found.update(dict.fromkeys(files))
    return list(found)


def format_of(path: Path, given: FileFormat | None) -> FileFormat:
    """Format of a file, by its extension unless one is given."""
    if given:
        return given
    suffixes = [s.lower() for s in path.suffixes]
    if suffixes and suffixes[-1] in _COMPRESSED:
        suffixes.pop()
    found = _FORMATS.get(suffixes[-1] if suffixes else "")
    if found is None:
        raise SourceError(
            f"The format of {path.name} is not known from its name. Say it in the source: "
            "format: csv (or tsv, jsonl, parquet)."
        )
    return found


def read_file(
    writer: Writer,
    path: Path,
    *,
    format_: FileFormat,
    options: FileOptions,
    missing: tuple[str, ...] | None,
    has_nul: bool,
    seq: int,
    progress: Progress,
    limit: int | None = None,
) -> Read:
    """Rows of one file (the first `limit`); staging tables are named after `seq`."""
    name = f"{seq}" if seq >= 0 else f"j{-seq}"
    if format_ == "parquet":
        return read_parquet(writer.db, path, missing=missing or (), limit=limit)
    if format_ == "jsonl":
        return read_jsonl(
            writer.db,
            path,
            encoding=options.encoding,
            missing=missing or (),
            name=name,
            progress=progress,
            limit=limit,
        )
    delimiter = options.delimiter or ("\t" if format_ == "tsv" else ",")
    empty = ("",) if missing is None else missing
    file = CsvFile(path, options, delimiter, empty, has_nul)
    return read_csv(writer.db, file, name=name, progress=progress, limit=limit)
