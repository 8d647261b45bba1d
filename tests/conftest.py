"""What every test shares: the clock's zone, how hard to search, and servers found on the machine.

Suites that draw at random multiply their counts by `FEWER_SOAK` (default 1): hypothesis through
the profiles below, all others through the `soak` fixture.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

SOAK = max(1, int(os.environ.get("FEWER_SOAK", "1")))

os.environ["TZ"] = "UTC"
time.tzset()
# What a developer exported must not change what tests see.
for name in [name for name in os.environ if name.startswith("FEWER_") and name != "FEWER_SOAK"]:
    del os.environ[name]
os.environ["NO_COLOR"] = "1"

# Two busy cores make any deadline a coin toss; the suites' own counts bound their time.
settings.register_profile(
    "default", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.register_profile("ci", settings.get_profile("default"), derandomize=True, database=None)
settings.register_profile(
    "soak",
    settings.get_profile("default"),
    max_examples=settings.get_profile("default").max_examples * SOAK,
)
settings.load_profile("soak" if SOAK > 1 else "ci" if os.environ.get("CI") else "default")


@pytest.fixture(scope="session")
def soak() -> int:
    """Multiplier for the counts of random suites."""
    return SOAK


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of the system's Chromium."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    return found or pytest.skip("no chromium on this machine (apt-get install chromium)")


def _postgres_programs() -> Path:
    on_path = shutil.which("initdb")
    folders = [Path(on_path).parent] if on_path else []
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    for folder in folders:
        if (folder / "initdb").exists() and (folder / "pg_ctl").exists():
            return folder
    return pytest.skip("no PostgreSQL on this machine (apt-get install postgresql)")


@pytest.fixture(scope="session")
def postgres_socket() -> Iterator[Path]:
    """Folder with the socket of a PostgreSQL server of this session's own; user ``postgres``."""
    programs = _postgres_programs()
    # The server refuses to run as root; Debian's package brings the user.
    user = "postgres" if os.geteuid() == 0 else None
    # Not tmp_path: a socket's path has at most 107 bytes.
    home = Path(tempfile.mkdtemp(prefix="fewer-pg-", dir="/tmp"))
    if user:
        shutil.chown(home, user)

    def run(*command: str | Path) -> None:
        subprocess.run(
            command, user=user, cwd=home, check=True, timeout=120, stdout=subprocess.DEVNULL
        )

    data = home / "data"
    run(programs / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync")
    options = f"-k {home} -c listen_addresses= -c fsync=off"
    run(programs / "pg_ctl", "start", "-w", "-D", data, "-o", options, "-l", home / "log")
    try:
        yield home
    finally:
        run(programs / "pg_ctl", "stop", "-w", "-D", data, "-m", "immediate")
        shutil.rmtree(home)


@pytest.fixture
def postgres_url(postgres_socket: Path) -> str:
    """URL of an empty PostgreSQL database, new for each test."""
    import psycopg

    name = f"t{uuid.uuid4().hex}"
    where = {"host": str(postgres_socket), "user": "postgres"}
    with psycopg.connect(dbname="postgres", autocommit=True, **where) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    return f"postgresql://postgres@/{name}?host={postgres_socket}"
