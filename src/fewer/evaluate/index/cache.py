"""The index of a set of data files: one part for each, made when it is missing or damaged.

Parts depend on their data file and on which of its identities were merged. They are written aside
and renamed, and named after the file, its size and its time: several processes can open and make
them at once, and deleting the folder loses nothing.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType
from typing import Final

from fewer.errors import EngineError, StoppedError
from fewer.evaluate.index.digest import digest, gone
from fewer.evaluate.index.layout import DamagedPartError, PartFile, write
from fewer.evaluate.index.part import Part

_TRIES: Final = 3
"""Times that a part is made, as a process at work on other files may sweep away or replace it."""

_ROOM: Final = 512 << 20
"""Bytes that all parts may remember of what was derived from their dictionaries."""

_ABANDONED: Final = 3_600.0
"""Seconds after which a half-written part belongs to nobody who lives."""

Told = Callable[[str, int, int], None]
Stop = Callable[[], bool]


class Index:
    """Parts for data files, in the order of time.

    Attributes:
        parts: One for each data file that has rows.
        made: How many had to be made when the index was last opened.
    """

    def __init__(self, folder: Path, mapped: Sequence[Part] = ()) -> None:
        self.folder = folder
        self.parts = tuple(mapped)
        self.made = 0

    @property
    def rows(self) -> int:
        """Events in all parts."""
        return sum(part.rows for part in self.parts)

    @property
    def bytes(self) -> int:
        """Size of all parts on disk."""
        return sum(part.file.size for part in self.parts)

    def open(
        self,
        files: Sequence[str],
        *,
        merges: Mapping[int, int] = MappingProxyType({}),
        threads: int = 2,
        progress: Told | None = None,
        should_stop: Stop | None = None,
    ) -> None:
        """Map the part of every file; make those that are missing, damaged or of an older format.

        `merges` say which identities are other persons; parts that they concern are made anew.
        Parts made are kept when this is stopped or killed, so the next one goes on from there.

        Raises:
            EngineError: a data file is gone or unreadable, or the disk is full.
            StoppedError: `should_stop` said so.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _unwritable(self.folder, error) from None
        data = [Path(file) for file in files]
        paths = [self.folder / part_name(path) for path in data]
        known = {part.file.path: part for part in self.parts}
        found: dict[Path, Part | None] = {
            path: _current(known.get(path) or _mapped(path, file), merges)
            for path, file in zip(paths, data, strict=True)
        }
        missing = [(p, f) for p, f in zip(paths, data, strict=True) if found[p] is None]
        with ThreadPoolExecutor(max(1, threads)) as pool:
            waiting = [pool.submit(_made, p, f, merges, should_stop) for p, f in missing]
            for number, (job, (path, _)) in enumerate(zip(waiting, missing, strict=True), 1):
                found[path] = job.result()
                if progress:
                    progress("indexing", number, len(missing))
        parts = [part for part in found.values() if part is not None and part.rows]
        self.parts = tuple(sorted(parts, key=lambda part: (part.first, part.file.path.name)))
        for part in self.parts:
            part.room = max(part.room, _ROOM // len(self.parts))
        self.made = len(missing)
        self._sweep({path.name for path in paths}, at_once=bool(missing))

    def _sweep(self, current: set[str], *, at_once: bool) -> None:
        """Remove parts of files that are no more, and what a killed process left half-written.

        A process that still has one of them mapped goes on with it. Where nothing was made, young
        parts stay: two processes may work on different files in turn.
        """
        now = time.time()  # the age of files on this machine; nothing that is evaluated
        with os.scandir(self.folder) as scanned:
            entries = list(scanned)
        for entry in entries:
            half = entry.name.startswith(".") and ".part." in entry.name
            if not half and (not entry.name.endswith(".part") or entry.name in current):
                continue
            try:
                old = now - entry.stat().st_mtime >= _ABANDONED
                if old or (at_once and not half):
                    Path(entry.path).unlink(missing_ok=True)
            except OSError:
                continue  # another process was quicker, or nothing can be written here


def part_name(data: Path) -> str:
    """Name of the part for a data file as it is now.

    Raises `EngineError` when there is no such file.
    """
    try:
        state = data.stat()
    except FileNotFoundError:
        raise gone(data) from None
    key = f"{data.parent.name}/{data.name} {state.st_size} {state.st_mtime_ns}"
    return f"{sha256(key.encode()).hexdigest()[:32]}.part"


def _mapped(path: Path, data: Path) -> Part | None:
    try:
        return Part(PartFile(path), data)
    except (FileNotFoundError, DamagedPartError, ValueError, KeyError):
        return None


def _current(part: Part | None, merges: Mapping[int, int]) -> Part | None:
    """The part, unless identities in it were merged or split since it was made."""
    try:
        return part if part is not None and part.is_of(merges) else None
    except DamagedPartError:
        return None


def _made(path: Path, data: Path, merges: Mapping[int, int], should_stop: Stop | None) -> Part:
    if should_stop and should_stop():
        raise StoppedError("Stopped on request. What was indexed so far is kept.")
    try:
        for _ in range(_TRIES):
            write(path, *digest(data, merges))
            part = _current(_mapped(path, data), merges)
            if part is not None:
                return part
    except OSError as error:
        raise _unwritable(path.parent, error) from None
    raise DamagedPartError(path.name)


def _unwritable(folder: Path, error: OSError) -> EngineError:
    return EngineError(
        f"The index can't be written to {folder.name}/: {error.strerror or type(error).__name__}."
        " Make room on the disk, or evaluate without an index: --engine duckdb"
    )
