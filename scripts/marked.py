"""Run the long suites, three at a time, and print what each said when it ends.

python scripts/marked.py              all of them
python scripts/marked.py spark kill   some
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field

ENGINES = "(spark or clickhouse or postgres)"
SLOW = f"slow and not kill and not {ENGINES}"
APART = ("tests/conformance", "tests/evaluate", "tests/stats")
SUITES: dict[str, tuple[str, tuple[str, ...]]] = {
    "spark": ("spark", ()),
    "slow": (SLOW, ("src", "tests", *(f"--ignore={folder}" for folder in APART))),
    "clickhouse": ("clickhouse and not spark", ()),
    "postgres": ("postgres and not spark and not clickhouse", ()),
    "definitions": (SLOW, APART[:2]),
    "statistics": (SLOW, APART[2:]),
    "kill": (f"kill and not {ENGINES}", ()),
    "demo": ("demo", ()),
    "browser": ("browser", ()),
}
"""Suite -> its tests by marker and folder, each test in one of them; longest first."""

AT_ONCE = 3
"""One more than the cores that the table of CONTRIBUTING.md is for: suites wait for disks, other
processes and Spark a third of their time."""

EMPTY = 5
"""pytest's exit status when nothing was selected."""


@dataclass(frozen=True)
class Ran:
    """How a suite ended."""

    name: str
    status: int
    minutes: float
    cpu: float
    output: str = field(repr=False)

    @property
    def took(self) -> str:
        """Name, minutes and seconds of processor, as the last line shows them."""
        return f"{self.name} {self.minutes:.1f} ({self.cpu:.0f} s)"


def run(name: str) -> Ran:
    """Run one suite; `cpu` counts the processes that it waited for, too."""
    start = time.monotonic()
    marked, where = SUITES[name]
    command = [sys.executable, "-m", "pytest", "-q", "-n0", "-m", marked, "-p", "no:cacheprovider"]
    command += ["--durations=8", "--durations-min=10", *where]
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
        _, ended, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(ended)
        output.seek(0)
        minutes = (time.monotonic() - start) / 60
        cpu = used.ru_utime + used.ru_stime
        return Ran(name, process.returncode, minutes, cpu, output.read())


def main(names: list[str]) -> int:
    """Run the suites; 0 when all passed."""
    unknown = [name for name in names if name not in SUITES]
    if unknown:
        print(f"No suite {unknown[0]!r}. There are: {', '.join(SUITES)}", file=sys.stderr)
        return 2
    ended = []
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for future in as_completed([pool.submit(run, name) for name in names or SUITES]):
            ended.append(ran := future.result())
            print(f"\n===== {ran.name}: {ran.minutes:.1f} minutes =====\n{ran.output}", flush=True)
    print(f"minutes (and seconds of processor): {', '.join(ran.took for ran in ended)}")
    failed = [ran.name for ran in ended if ran.status not in {0, EMPTY}]
    print(f"failed: {', '.join(failed)}" if failed else "all passed", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
