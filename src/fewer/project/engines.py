"""Which engine a project uses, how it is reached, and the data it is opened over."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, cast

from fewer.errors import EngineError, UnsupportedByEngineError
from fewer.evaluate.engines.base import Dataset, Engine, EngineSettings, load
from fewer.model.in_place import EngineChoice

if TYPE_CHECKING:
    from fewer.data.store.generation import Generation
    from fewer.project.project import Project


def opened(project: Project, as_of_us: int, name: str) -> Engine:
    """The engine of that name over the project's data as it was known at `as_of_us`.

    Raises:
        EngineError: the engine can't be reached, or the variable with its URL is not set.
        UnsupportedByEngineError: the project's tables are in another engine's database.
    """
    kind, settings = load(name), settings_of(project, name)
    engine: Engine = kind.open(dataset(project, as_of_us), settings)
    return engine


def dataset(project: Project, as_of_us: int) -> Dataset:
    """The project's own store, or its tables in place, as engines get them."""
    if project.is_in_place:
        from fewer.project.in_place import numbering  # loads what a store does not need

        return Dataset(
            relations=project.generation.relations(as_of_us),
            catalog=project.generation.catalog,
            in_place=True,
            number=numbering(project),
        )
    generation = cast("Generation", project.generation)
    files, merges = tuple(generation.files("events")), generation.merges
    return Dataset(
        relations=generation.relations(as_of_us),
        catalog=generation.catalog,
        files=() if merges else files,
        unmerged=files if merges else (),
        merges=merges,
        fingerprint=generation.fingerprint,
        cache=project.folder.store / "index",
    )


def settings_of(project: Project, name: str) -> EngineSettings:
    """How the project reaches the engine of that name; defaults for one that it does not name."""
    choice = project.settings.engine
    if choice is None or choice.name != name:
        if project.is_in_place and choice is not None:
            raise UnsupportedByEngineError(
                f"The tables of this project are read where they are, by {choice.name!r}:"
                f" {name!r} can't see them. Leave --engine out, or ingest the data."
            )
        return EngineSettings()
    usual = EngineSettings()
    return EngineSettings(
        url=_url(project, choice),
        threads=choice.threads or usual.threads,
        memory_limit=choice.memory_limit,
        options=dict(choice.options),
    )


def _url(project: Project, choice: EngineChoice) -> str | None:
    if choice.file is not None:
        return str(project.folder.root / choice.file)
    if choice.url_env is None:
        return choice.url
    url = os.environ.get(choice.url_env)
    if not url:
        raise EngineError(
            f"The engine {choice.name!r} is reached by the URL in the environment variable"
            f" {choice.url_env}, which is not set. Set it, or change `engine` in fewer.yaml."
        )
    return url


def need_store(project: Project, what: str) -> None:
    """Refuse what reads the store alone, for a project whose tables stay where they are."""
    if project.is_in_place:
        raise UnsupportedByEngineError(
            f"{what} reads the project's own store, and this project's tables are read in place."
            " Use sources instead of tables, and ingest them: see docs/engines/in-place.md."
        )
