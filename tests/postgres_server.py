"""PostgreSQL servers that tests start for themselves: one that is shared, and some to be broken."""

from __future__ import annotations

import atexit
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest


def programs() -> Path:
    """Folder of the server's programs."""
    on_path = shutil.which("initdb")
    folders = [Path(on_path).parent] if on_path else []
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    for folder in folders:
        if (folder / "initdb").exists() and (folder / "pg_ctl").exists():
            return folder
    return pytest.skip("no PostgreSQL on this machine (apt-get install postgresql)")


@dataclass(frozen=True, slots=True)
class Server:
    """A running server; user ``postgres``."""

    home: Path
    port: int

    def url(self, database: str = "postgres", user: str = "postgres", password: str = "") -> str:
        secret = f":{password}" if password else ""
        return f"postgresql://{user}{secret}@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        options = f"-k {self.home} -p {self.port} -c listen_addresses=127.0.0.1 -c fsync=off"
        self.run("pg_ctl", "start", "-w", "-o", options, "-l", self.home / "log")

    def stop(self) -> None:
        self.run("pg_ctl", "stop", "-w", "-m", "immediate")

    def run(self, program: str, *arguments: str | Path) -> None:
        # The server refuses to run as root; Debian's package brings the user.
        user = "postgres" if os.geteuid() == 0 else None
        command = [programs() / program, "-D", self.home / "data", *arguments]
        subprocess.run(
            command, user=user, cwd=self.home, check=True, timeout=120, stdout=subprocess.DEVNULL
        )


@contextmanager
def running(*, auth: str = "trust") -> Iterator[Server]:
    """A server of one's own, empty, on a free port of the loopback interface."""
    # Not tmp_path: a socket's path has at most 107 bytes.
    home = Path(tempfile.mkdtemp(prefix="fewer-pg-", dir="/tmp"))
    if os.geteuid() == 0:
        shutil.chown(home, "postgres")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        server = Server(home, free.getsockname()[1])
    secret = home / "secret"
    secret.write_text("open sesame", encoding="utf-8")
    secret.chmod(0o644)
    encoded = ("-E", "UTF8", "--locale", "C.UTF-8", "--no-sync")
    server.run("initdb", "-U", "postgres", "-A", auth, f"--pwfile={secret}", *encoded)
    server.start()
    try:
        yield server
    finally:
        if (home / "data" / "postmaster.pid").exists():
            server.stop()
        shutil.rmtree(home)


@cache
def shared() -> Server:
    """A server that lives as long as this process."""
    context = running()
    server = context.__enter__()
    atexit.register(context.__exit__, None, None, None)
    return server
