"""The example projects, copied to a folder of their own and loaded once a session."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from fewer.project.project import Project

EXAMPLES = Path(__file__).parents[2] / "examples"


def copied(name: str, to: Path) -> Path:
    """A copy of an example without its data, which is linked."""
    folder = to / name
    shutil.copytree(EXAMPLES / name, folder, ignore=shutil.ignore_patterns("data", ".fewer"))
    (folder / "data").symlink_to(EXAMPLES / name / "data")
    return folder


def _loaded(name: str, to: Path) -> Iterator[Project]:
    with Project.open(copied(name, to)) as project:
        project.ingest()
        yield project


@pytest.fixture(scope="session")
def grocer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """The grocer with its data ingested."""
    yield from _loaded("grocer", tmp_path_factory.mktemp("grocer"))


@pytest.fixture(scope="session")
def retailer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """The retailer with its data ingested."""
    yield from _loaded("retailer", tmp_path_factory.mktemp("retailer"))


@pytest.fixture(scope="session")
def examples() -> Path:
    """Folder of the examples as they are in the repository."""
    return EXAMPLES
