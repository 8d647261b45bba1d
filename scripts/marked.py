"""Run the long suites, two at a time, and print what each said when it ends.

python scripts/marked.py              all of them
python scripts/marked.py spark kill   some
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor

ENGINES = "(spark or clickhouse or postgres)"
SUITES = {
    "slow": f"slow and not kill and not {ENGINES}",
    "spark": "spark",
    "clickhouse": "clickhouse and not spark",
    "postgres": "postgres and not spark and not clickhouse",
    "kill": f"kill and not {ENGINES}",
    "demo": "demo",
    "browser": "browser",
}
"""Suite -> its tests, each test in one of them; longest first, so that both cores end together."""

EMPTY = 5
"""pytest's exit status when nothing was selected."""


def run(name: str) -> tuple[str, int, float, str]:
    """Run one suite; its exit status, minutes and output."""
    start = time.monotonic()
    with tempfile.TemporaryFile("w+") as output:
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-m",
            SUITES[name],
            "-p",
            "no:cacheprovider",
            "--durations=8",
            "--durations-min=10",
        ]
        status = subprocess.call(command, stdout=output, stderr=subprocess.STDOUT)
        output.seek(0)
        return name, status, (time.monotonic() - start) / 60, output.read()


def main(names: list[str]) -> int:
    """Run the suites; 0 when all passed."""
    unknown = [name for name in names if name not in SUITES]
    if unknown:
        print(f"No suite {unknown[0]!r}. There are: {', '.join(SUITES)}", file=sys.stderr)
        return 2
    failed = []
    minutes = []
    with ThreadPoolExecutor(2) as pool:
        for name, status, took, output in pool.map(run, names or SUITES):
            print(f"\n===== {name}: {took:.1f} minutes =====\n{output}", flush=True)
            minutes.append(f"{name} {took:.1f}")
            if status not in (0, EMPTY):
                failed.append(name)
    print(f"minutes: {', '.join(minutes)}")
    print(f"failed: {', '.join(failed)}" if failed else "all passed", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
