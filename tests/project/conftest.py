"""The florist's project, built once for the tests that only look at it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from fewer.project.project import Project
from project import florist


@pytest.fixture(scope="session")
def world() -> florist.Florist:
    return florist.florist()


@pytest.fixture(scope="session")
def ingested(world, tmp_path_factory) -> Path:
    """The florist's folder, ingested once: to be copied, not to be written to."""
    folder = florist.write(world, tmp_path_factory.mktemp("ingested"))
    with Project.open(folder) as project:
        project.ingest()
    return folder


@pytest.fixture(scope="session")
def built(ingested, tmp_path_factory) -> Iterator[Project]:
    """Ingested and built once; not to be written to."""
    folder = shutil.copytree(ingested, tmp_path_factory.mktemp("florist") / "built")
    with Project.open(folder) as project:
        project.build(as_of=florist.AS_OF)
        yield project
