"""Stopping a query that is running: what every engine that waits for a database does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import Final

from fewer.errors import StoppedError
from fewer.evaluate.engines.base import Stop

_POLL_SECONDS: Final = 0.1


@contextmanager
def interruptible(should_stop: Stop | None, interrupt: Callable[[], None]) -> Iterator[None]:
    """Call `interrupt` from another thread, again and again, once `should_stop` says so.

    A driver that waits in C for its database lets nothing else happen in its thread. The work
    inside may begin one query after another; each of them is interrupted.

    Raises:
        StoppedError: for whatever the interrupted work raises.
    """
    if should_stop is None:
        yield
        return
    done = Event()

    def watch() -> None:
        while not done.wait(_POLL_SECONDS):
            if should_stop():
                interrupt()

    watcher = Thread(target=watch, name="fewer-interrupt", daemon=True)
    watcher.start()
    try:
        yield
    except Exception:
        if should_stop():
            raise StoppedError("Stopped on request.") from None
        raise
    finally:
        done.set()
        watcher.join()
