"""The florist's project, built once for the tests that only look at it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fewer.project.project import Project
from project import florist


@pytest.fixture(scope="session")
def world() -> florist.Florist:
    return florist.florist()


@pytest.fixture(scope="session")
def built(world, tmp_path_factory) -> Iterator[Project]:
    """Ingested and built once; not to be written to."""
    folder = florist.write(world, tmp_path_factory.mktemp("florist"))
    with Project.open(folder) as project:
        project.ingest()
        project.build(as_of=florist.AS_OF)
        yield project
