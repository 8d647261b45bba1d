"""Checkpoints: the finished parts of a build that is not finished, so that it can be resumed.

A folder below ``.fewer/unfinished`` for each running build: ``head.json`` says what is built,
``lock`` is held while the process lives, and each finished batch of segments is a file, whole or
not there. A file that is damaged, or made for other definitions, data or code, is passed over:
its segments are computed again.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import IO, Any, Final, Self

from pyroaring import BitMap

from fewer.errors import StoreError
from fewer.evaluate.engines.base import StepRun

FOLDER: Final = "unfinished"

_BATCHES: Final = "[0-9]*.batch"
_MAGIC: Final = b"fewer batch 1\n"
_DIGEST: Final = sha256().digest_size
_SIZE: Final = 8  # bytes of the length of what describes the bitmaps
_ABANDONED_SECONDS: Final = 3_600
_TRIES: Final = 5
_TRY_SECONDS: Final = 0.05
_MOST_KEPT: Final = 3  # interrupted builds; older ones are hardly ever asked for


@dataclass(frozen=True, slots=True)
class Head:
    """What is built. `key` names all that members depend on."""

    run: str
    key: str
    as_of_us: int
    engine: str
    only: tuple[str, ...]
    segments: int
    started_us: int
    data: str  # fingerprint


@dataclass(frozen=True, slots=True)
class Batch:
    """Segments that are done: who is in them, and what it took."""

    matched: Mapping[str, BitMap]
    members: Mapping[str, BitMap]
    universe: int
    steps: tuple[StepRun, ...]
    figures: Mapping[str, int | float]

    def to_parts(self, key: str) -> list[bytes]:
        """As in a file: checksum, description, bitmaps; members only where some are excluded."""
        described: dict[str, Any] = {
            "key": key,
            "universe": self.universe,
            "figures": dict(self.figures),
            "steps": [{**_step(step), "leaves": list(step.leaves)} for step in self.steps],
            "segments": [],
        }
        maps: list[bytes] = []
        for name, matched in self.matched.items():
            members = self.members[name]
            both = [matched] if members == matched else [matched, members]
            written = [people.serialize() for people in both]
            described["segments"].append([name, *map(len, written)])
            maps += written
        text = json.dumps(described).encode()
        body = [len(text).to_bytes(_SIZE, "big"), text, *maps]
        digest = sha256()
        for part in body:
            digest.update(part)
        return [_MAGIC, digest.digest(), *body]

    @classmethod
    def from_bytes(cls, data: bytes, key: str) -> Self | None:
        """What `to_parts` made; None if it is damaged or of another key."""
        start = len(_MAGIC) + _DIGEST
        body = memoryview(data)[start:]
        if data[:start] != _MAGIC + sha256(body).digest():
            return None
        at = _SIZE + int.from_bytes(body[:_SIZE], "big")
        described = json.loads(bytes(body[_SIZE:at]))
        if described["key"] != key:
            return None
        matched: dict[str, BitMap] = {}
        members: dict[str, BitMap] = {}
        for name, *lengths in described["segments"]:
            for into, length in zip((matched, members), lengths, strict=False):
                into[name] = BitMap.deserialize(bytes(body[at : at + length]))
                at += length
            members.setdefault(name, matched[name].copy())
        steps = tuple(
            StepRun(query=None, dialect="", **{**step, "leaves": tuple(step["leaves"])})
            for step in described["steps"]
        )
        return cls(matched, members, described["universe"], steps, described["figures"])


def _step(step: StepRun) -> dict[str, Any]:
    return {"name": step.name, "rows": step.rows, "seconds": step.seconds, "note": step.note}


class Checkpoint:
    """The checkpoint of one build, held by this process until it is closed."""

    def __init__(self, folder: Path, head: Head, lock: IO[bytes]) -> None:
        self.head = head
        self._folder = folder
        self._lock = lock

    @classmethod
    def begin(cls, store: Path, head: Head) -> Self:
        """A new one below the store's folder.

        Raises `StoreError` when the folder can't be written to.
        """
        try:
            return cls._begun(store / FOLDER, head)
        except OSError as error:
            raise StoreError(
                f"The folder {store / FOLDER} can't be written to: {error.strerror}. Nothing was"
                " evaluated. Make room, or check its permissions."
            ) from error

    @classmethod
    def _begun(cls, root: Path, head: Head) -> Self:
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        made = root / f".{head.run}"  # nobody looks into it before lock and head are there
        made.mkdir(mode=0o700)
        lock = (made / "lock").open("wb")
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        _write(made / "head.json", [json.dumps(asdict(head)).encode()])
        made.rename(root / head.run)
        return cls(root / head.run, head, lock)

    @classmethod
    def claim(cls, store: Path, head: Head) -> Self | None:
        """That of an interrupted build; None when another process has it, or it is gone."""
        folder = store / FOLDER / head.run
        for _ in range(_TRIES):  # others may be looking whether it is alive
            lock = _locked(folder)
            if lock is not None:
                return cls(folder, head, lock)
            time.sleep(_TRY_SECONDS)
        return None

    def keep(self, batch: Batch) -> bool:
        """Keep a finished batch; false when there is no room for it, which stops no build."""
        number = sum(1 for _ in self._folder.glob(_BATCHES)) + 1
        try:
            _write(self._folder / f"{number:06}.batch", batch.to_parts(self.head.key))
        except OSError:
            return False
        return True

    def batches(self) -> Iterator[Batch]:
        """The batches kept so far, less those that can't be used."""
        for path in sorted(self._folder.glob(_BATCHES)):
            with suppress(OSError):
                batch = Batch.from_bytes(path.read_bytes(), self.head.key)
                if batch is not None:
                    yield batch

    def rekey(self, key: str, *, segments: int, data: str) -> None:
        """From now on be of this key: what was kept under another one is of no use."""
        self.head = replace(self.head, key=key, segments=segments, data=data)
        for path in self._folder.glob(_BATCHES):
            path.unlink(missing_ok=True)
        _write(self._folder / "head.json", [json.dumps(asdict(self.head)).encode()])

    def remove(self) -> None:
        """Forget it: the build is finished, or nothing of it is worth keeping."""
        shutil.rmtree(self._folder, ignore_errors=True)
        self.close()

    def close(self) -> None:
        """Let go of it; from now on it counts as interrupted."""
        self._lock.close()


def interrupted(store: Path) -> list[tuple[Head, int]]:
    """Builds that nobody works on any more and how many of their batches are kept.

    Newest first; those of which nothing is kept come last.
    """
    found = []
    for folder in (store / FOLDER).glob("[!.]*"):
        lock = _locked(folder)
        if lock is None:
            continue
        with lock:
            head = _head(folder)
            kept = sum(1 for _ in folder.glob(_BATCHES))
        if head is not None:
            found.append((head, kept))
    return sorted(found, key=lambda one: (one[1] == 0, -one[0].started_us))


def alive(store: Path, run: str) -> bool:
    """Whether a process works on this build now."""
    folder = store / FOLDER / run
    if not folder.is_dir():
        return False
    lock = _locked(folder)
    if lock is not None:
        lock.close()
    return lock is None and folder.is_dir()


def tidy(store: Path, data: str) -> None:
    """Remove what no build can be resumed from: of other data, or too many newer ones."""
    root = store / FOLDER
    useful = [head.run for head, _ in interrupted(store) if head.data == data][:_MOST_KEPT]
    for folder in root.glob("[!.]*"):
        lock = _locked(folder) if folder.name not in useful else None
        if lock is not None:
            with lock:
                shutil.rmtree(folder, ignore_errors=True)
    for folder in root.glob(".*"):  # died while it began
        with suppress(OSError):
            if time.time() - folder.stat().st_mtime > _ABANDONED_SECONDS:
                shutil.rmtree(folder, ignore_errors=True)


def _head(folder: Path) -> Head | None:
    try:
        found = json.loads((folder / "head.json").read_bytes())
        return Head(**{**found, "only": tuple(found["only"])})
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _locked(folder: Path) -> IO[bytes] | None:
    """The lock of a build that nobody works on; None if somebody does, or it is gone."""
    try:
        lock = (folder / "lock").open("r+b")
    except OSError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        gone = not folder.is_dir()
    except OSError:
        gone = True
    if gone:
        lock.close()
        return None
    return lock


def _write(path: Path, parts: Iterable[bytes]) -> None:
    """The whole file or none, also when power fails."""
    aside = path.with_name(f".{path.name}")
    with aside.open("wb") as file:
        file.writelines(parts)
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
