"""Ctrl-C and SIGTERM during long work: the first asks it to stop, the second ends at once."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from fewer.interfaces.cli.shell import Shell

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)
_INTERRUPTED: Final = 130


@contextmanager
def stopping(shell: Shell) -> Iterator[Callable[[], bool]]:
    """Whether to stop, as a callable; outside the main thread nobody can ask for it.

    A handler in Python would wait until the query that is running returns, which is when nobody
    needs it any more. So a thread reads the numbers of signals from a pipe that Python's own
    handler, in C, writes them to.
    """
    asked = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield asked.is_set
        return
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    before = {number: signal.signal(number, lambda *_: None) for number in _SIGNALS}
    woken = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    watcher = threading.Thread(target=_watch, args=(reading, asked, shell), daemon=True)
    watcher.start()
    try:
        yield asked.is_set
    finally:
        signal.set_wakeup_fd(woken)
        for number, handler in before.items():
            signal.signal(number, handler)
        os.close(writing)  # the watcher reads the end of the pipe
        watcher.join()
        os.close(reading)


def _watch(reading: int, asked: threading.Event, shell: Shell) -> None:
    while heard := os.read(reading, 64):
        for number in heard:
            if number not in _SIGNALS:
                continue
            if asked.is_set():
                shell.err.show_cursor()  # a progress bar hides it
                os._exit(_INTERRUPTED)  # every file is written whole or not at all
            asked.set()
            shell.err.print("Stopping … (again: at once)")
