"""Steps in processes of their own, watched from outside: seconds, and memory that is theirs.

What counts is resident anonymous memory (`RssAnon`): a mapped index is not the process's own,
and goes when another needs the room. The parent looks a hundred times a second, since a thread
inside would wait while the work holds the interpreter.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

STEPS: Final = Path(__file__).with_name("steps.py")
_LOOK: Final = 0.01  # seconds between looks


class FailedError(Exception):
    """A process ended otherwise than it should."""


@dataclass(frozen=True, slots=True)
class Ran:
    """What a process took, and what it said."""

    seconds: float  # of the step itself; starting Python is not part of it
    wall: float
    peak: int  # bytes, RssAnon
    cpu: float
    """Seconds of processor in the step, all threads."""

    said: dict[str, Any]


def child(step: str, folder: Path, **arguments: Any) -> Ran:
    """Run a step of `steps.py` over a project, to its end."""
    command = [sys.executable, str(STEPS), step, str(folder), json.dumps(arguments)]
    start = time.perf_counter()
    with (
        tempfile.TemporaryFile("w+") as said,
        tempfile.TemporaryFile("w+") as wrong,
        subprocess.Popen(
            command, stdout=said, stderr=wrong, text=True, env=environment()
        ) as process,
    ):
        peak = 0
        while process.poll() is None:
            peak = max(peak, anonymous(process.pid))
            time.sleep(_LOOK)
        wall = time.perf_counter() - start
        if process.returncode:
            wrong.seek(0)
            raise FailedError(f"{step} failed: {_last(wrong.read())}")
        said.seek(0)
        answer = json.loads(said.read().splitlines()[-1])
    return Ran(answer.pop("seconds"), wall, peak, answer.pop("cpu"), answer)


def _last(said: str) -> str:
    """What a process said last: the beginning of its error."""
    at = max(said.rfind("\nfewer."), said.rfind("\nTraceback"), 0)
    return said[at : at + 1_500]


def environment() -> dict[str, str]:
    """This process's own, with the place where `fewer_bench` is found."""
    return {**os.environ, "PYTHONPATH": str(STEPS.parents[1])}


def anonymous(pid: int | str = "self") -> int:
    """Bytes of resident anonymous memory of a process; 0 once it is gone."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    except OSError:
        return 0
    found = re.search(r"RssAnon:\s+(\d+) kB", status)
    return int(found[1]) * 1_024 if found else 0
