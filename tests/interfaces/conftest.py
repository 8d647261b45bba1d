"""The command, called in this process, and the florist's project at two moments."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from fewer.interfaces.cli.main import run
from project import florist

EARLIER = "2024-04-02"


@dataclass(frozen=True, slots=True)
class Said:
    """What a command printed, and how it ended."""

    status: int
    out: str
    err: str

    @property
    def all(self) -> str:
        return self.out + self.err

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Fewer = Callable[..., Said]


def fewer_in(folder: Path) -> Fewer:
    """The command with `folder` as its project."""

    def fewer(*arguments: str, project: Path | None = folder) -> Said:
        where = [] if project is None else ["--project", str(project)]
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            status = run([*where, *arguments])
        return Said(status, out.getvalue(), err.getvalue())

    return fewer


@pytest.fixture(scope="session")
def world() -> florist.Florist:
    return florist.florist()


@pytest.fixture(scope="session")
def shop(world, tmp_path_factory) -> Path:
    """The florist's folder, built as at two moments; not to be written to."""
    folder = florist.write(world, tmp_path_factory.mktemp("florist"))
    fewer = fewer_in(folder)
    assert fewer("ingest").status == 0
    for moment in (EARLIER, florist.AS_OF):
        assert fewer("build", "--as-of", moment).status == 0
    return folder


@pytest.fixture(scope="session")
def fewer(shop) -> Fewer:
    """The command on the florist's project."""
    return fewer_in(shop)


@pytest.fixture
def fresh(world, tmp_path: Path) -> Iterator[Path]:
    """A florist of the test's own: files written, nothing ingested."""
    return florist.write(world, tmp_path / "florist")
