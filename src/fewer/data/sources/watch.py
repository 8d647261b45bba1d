"""How far DuckDB is with a query, told while it runs."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import duckdb

from fewer.data.sources.base import Progress, Quiet

_EVERY_SECONDS: Final = 0.2


@contextmanager
def watched(db: duckdb.DuckDBPyConnection, progress: Progress, size: int) -> Iterator[None]:
    """Tell `progress` which share of a file's `size` bytes the queries of the block have read.

    Told from another thread; never falls, although each query begins at nothing.
    """
    if isinstance(progress, Quiet):
        yield
        return
    done = threading.Event()
    furthest = 0

    def tell() -> None:
        nonlocal furthest
        while not done.wait(_EVERY_SECONDS):
            percent = db.query_progress()
            furthest = max(furthest, int(size * max(percent, 0) / 100))
            progress.advance(furthest)

    thread = threading.Thread(target=tell, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
