"""What every test shares: the clock's zone, how hard to search, and servers found on the machine.

Suites that draw at random multiply their counts by `FEWER_SOAK` (default 1): hypothesis through
the profiles below, all others through the `soak` fixture.
"""

from __future__ import annotations

import os
import shutil
import sys
import time
import uuid

import pytest
from hypothesis import HealthCheck, settings

SOAK = max(1, int(os.environ.get("FEWER_SOAK", "1")))

os.environ["TZ"] = "UTC"
time.tzset()
# What a developer exported must not change what tests see.
for name in [name for name in os.environ if name.startswith("FEWER_")]:
    if name not in {"FEWER_SEED", "FEWER_SOAK"}:
        del os.environ[name]
os.environ["NO_COLOR"] = "1"
# Hundreds of processes are started; without this each may have to compile the program anew.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

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


@pytest.fixture
def postgres_url() -> str:
    """URL of an empty PostgreSQL database, new for each test."""
    import psycopg

    from postgres_server import shared

    name = f"t{uuid.uuid4().hex}"
    with psycopg.connect(shared().url(), autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    return shared().url(name)
