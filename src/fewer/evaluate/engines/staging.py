"""The store's canonical relations as Parquet files, for engines that can't read the store itself.

DuckDB, which knows the versions valid at an as_of, writes each relation once; a file's name says
what made it, so it is used again for as long as data and query are the same.
"""

from __future__ import annotations

import os
import time
from collections.abc import Collection
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Final
from uuid import uuid4

import duckdb

from fewer.errors import EngineError
from fewer.evaluate.engines.base import Dataset

_KEPT_SECONDS: Final = 86_400

RELATIONS: Final = ("events", "people", "persons", "consents", "items", "lists")


def staged(dataset: Dataset, folder: Path, *, only: Collection[str] = RELATIONS) -> dict[str, Path]:
    """A Parquet file for each relation, below `folder`; made unless it is there already."""
    folder.mkdir(parents=True, exist_ok=True)
    return {name: _file(dataset, name, folder) for name in only}


def _file(dataset: Dataset, name: str, folder: Path) -> Path:
    sql = dataset.relations[name].sql(dialect="duckdb")
    if dataset.fingerprint:
        key = sha256(f"{dataset.fingerprint} {sql}".encode()).hexdigest()[:24]
        path = folder / f"{name}-{key}.parquet"
        with suppress(FileNotFoundError):
            os.utime(path)
            return path
    else:
        path = folder / f"{name}-{uuid4().hex}.parquet"
    # Written aside and renamed: a reader sees a whole file or none.
    aside = folder / f".{path.name}.{uuid4().hex}"
    with duckdb.connect(":memory:") as connection:
        try:
            connection.sql(sql).write_parquet(str(aside), compression="zstd")
        except duckdb.Error as error:
            aside.unlink(missing_ok=True)
            raise EngineError(
                f"Relation {name!r} could not be staged for another engine:"
                f" {type(error).__name__}. Is there room on the disk?"
            ) from None
    aside.replace(path)
    _forget(folder, name)
    return path


def _forget(folder: Path, name: str) -> None:
    """Remove copies of a relation that nobody asked for in a day: every as_of makes new ones."""
    oldest = time.time() - _KEPT_SECONDS
    for pattern in (f"{name}-*.parquet", f".{name}-*"):
        for path in folder.glob(pattern):
            with suppress(FileNotFoundError):  # another process was faster
                if path.stat().st_mtime < oldest:
                    path.unlink()
