"""Which engine a project uses, and the data it is opened over."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fewer.evaluate.engines.base import Dataset, Engine, EngineSettings, load

if TYPE_CHECKING:
    from fewer.project.project import Project


def opened(project: Project, as_of_us: int, name: str) -> Engine:
    """The engine of that name over the project's data as it was known at `as_of_us`."""
    engine: Engine = load(name).open(dataset(project, as_of_us), EngineSettings())
    return engine


def dataset(project: Project, as_of_us: int) -> Dataset:
    """The project's own store, as engines get it."""
    generation = project.generation
    return Dataset(
        relations=generation.relations(as_of_us),
        catalog=generation.catalog,
        files=tuple(generation.files("events")),
        fingerprint=generation.fingerprint,
        cache=project.folder.store / "index",
    )
