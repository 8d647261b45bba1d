"""Health: is everything there that a project needs, and if not, how to mend it."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from fewer.errors import FewerError
from fewer.project.folder import Folder, find
from fewer.project.project import Project

_OLDEST: Final = (3, 11)
_FREE_GIGABYTES: Final = 1.0


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at."""

    what: str
    ok: bool
    words: str
    fix: str = ""


def examine(given: Path | None = None) -> list[Finding]:
    """Look at Python, the machine, the project's files, its store and its key; changes nothing."""
    found = [_python(), _parts()]
    try:
        folder = find(given)
    except FewerError as error:
        return [*found, Finding("project", ok=False, words=str(error))]
    checks: tuple[Callable[[Folder], Iterator[Finding]], ...] = (_files, _disk, _key, _store)
    for check in checks:
        found += check(folder)
    return found


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    return Finding("python", sys.version_info >= _OLDEST, version, "")


def _parts() -> Finding:
    from importlib.metadata import version

    parts = ("duckdb", "deltalake", "pyarrow", "sqlglot")
    return Finding("parts", ok=True, words=", ".join(f"{p} {version(p)}" for p in parts))


def _files(folder: Folder) -> Iterator[Finding]:
    try:
        project = Project.open(folder.root)
        counts = project.counts()
    except FewerError as error:
        yield Finding("definitions", ok=False, words=str(error), fix="Run `fewer validate`.")
        return
    words = ", ".join(f"{n} {kind}" for kind, n in counts.items())
    yield Finding("definitions", ok=True, words=f"{folder.root}: {words}")
    for source in project.settings.sources:
        for name in source.files:
            there = bool(sorted(folder.root.glob(name))) or (folder.root / name).exists()
            if not there:
                yield Finding(
                    f"source {source.id}",
                    ok=False,
                    words=f"no file matches {name}",
                    fix="Put the file there, or change `files` in fewer.yaml.",
                )


def _disk(folder: Folder) -> Iterator[Finding]:
    free = shutil.disk_usage(folder.root).free / 1e9
    yield Finding(
        "disk",
        free >= _FREE_GIGABYTES,
        f"{free:.1f} GB free",
        "" if free >= _FREE_GIGABYTES else "Free some space before ingesting.",
    )


def _key(folder: Folder) -> Iterator[Finding]:
    key = folder.store / "key"
    if "FEWER_KEY" in os.environ:
        yield Finding("key", ok=True, words="from the environment (FEWER_KEY)")
    elif key.exists():
        private = key.stat().st_mode & 0o077 == 0
        fix = "" if private else f"chmod 600 {key}"
        yield Finding("key", private, "in the store, readable by its owner only", fix)


def _store(folder: Folder) -> Iterator[Finding]:
    if not folder.store.exists():
        yield Finding("store", ok=True, words="none yet: `fewer ingest` makes it")
        return
    try:
        with Project.open(folder.root) as project:
            generation = project.generation
            rows = sum(generation.catalog.events.values())
            builds = len(project.builds())
    except FewerError as error:
        yield Finding("store", ok=False, words=str(error), fix="See docs/errors.md.")
        return
    words = f"generation {generation.number}, {rows:,} events, {builds} refreshes"
    yield Finding("store", ok=True, words=words)
