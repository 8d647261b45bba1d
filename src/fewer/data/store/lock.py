"""One writer at a time: a file lock that the system releases when its process dies."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fewer.errors import StoreError

_POLL_SECONDS = 0.1


@contextmanager
def writer_lock(path: Path, *, wait_seconds: float) -> Iterator[None]:
    """Hold the lock at `path`; StoreError when another process still has it after the wait."""
    with path.open("a+", encoding="ascii") as file:
        deadline = time.monotonic() + wait_seconds
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError:
                if time.monotonic() >= deadline:
                    raise StoreError(_busy(path)) from None
                time.sleep(_POLL_SECONDS)
        file.seek(0)
        file.truncate()
        file.write(str(os.getpid()))
        file.flush()
        try:
            yield
        finally:
            fcntl.flock(file, fcntl.LOCK_UN)


def _busy(path: Path) -> str:
    holder = path.read_text(encoding="ascii", errors="replace").strip()
    who = f"process {holder}" if holder.isdigit() else "another process"
    return (
        f"The store is being written to by {who}. Nothing was changed. "
        "Wait until it has finished, then run the command again."
    )
