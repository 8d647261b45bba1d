"""Validating a project: its files as such, then what its definitions say."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Final

from sqlglot import exp

from fewer.errors import DefinitionError, Problem
from fewer.model.catalog import ITEM_PREFIX, Catalog
from fewer.project import clock
from fewer.project.folder import CLAIMS

if TYPE_CHECKING:
    from fewer.evaluate.engines.base import Engine
    from fewer.journey.define.lint import Finding
    from fewer.project.project import Project

_MOST_TEXTS: Final = 20_000
"""Different texts of one name beyond which a definition's are not compared with them."""


def validate(
    project: Project, *, look_up: bool = True, as_of_us: int | None = None
) -> list[Finding]:
    """Findings on every definition, errors first.

    With `look_up`, texts and category paths that definitions name are compared with those
    stored, which reads the data. Windows are compared with the data as at `as_of_us`; without
    it, as at the end of the data.

    Raises:
        DefinitionError: files that can't be read as definitions; every mistake in all of them.
    """
    from fewer.journey.define.lint import lint
    from fewer.project.creatives import library

    definitions, generation = project.definitions, project.generation
    library(project)  # creatives have no lint beyond being right, nor have claims
    if any((project.folder.root / name).is_file() for name in CLAIMS):
        from fewer.project.claims_reading import read_claims

        read_claims(project)
    if generation.is_empty:
        found = lint(definitions, project.settings.exclude, zone=project.zone)
    else:
        with project.engine(clock.now_us()) as engine:
            found = lint(
                definitions,
                project.settings.exclude,
                generation.catalog,
                values=Texts(engine, generation.catalog) if look_up else None,
                as_of_us=as_of_us if as_of_us is not None else _end(project),
                zone=project.zone,
            )
    return sorted(found, key=lambda f: f.severity != "error")


def _end(project: Project) -> int | None:
    newest = project.newest_event_us
    return None if newest is None else clock.end_of(newest)


def newest_event(project: Project, now_us: int) -> int | None:
    """Time of the newest event before now; None without any."""
    last = project.generation.catalog.last_ts
    if last is None or last < now_us:
        return last
    query = exp.select(exp.Max(this=exp.column("ts")).as_("newest")).from_("events")
    with project.engine(now_us) as engine:
        found = engine.run(query.where(exp.column("ts") < now_us)).column("newest")[0].as_py()
    return None if found is None else int(found)


class Texts:
    """All texts stored under a name, read when first asked for."""

    def __init__(self, engine: Engine, catalog: Catalog) -> None:
        self._engine, self._catalog = engine, catalog
        self._known: dict[str, Collection[str] | None] = {}

    def __call__(self, name: str) -> Collection[str] | None:
        """The texts, or None when they are too many to compare with, or none are stored."""
        if name not in self._known:
            self._known[name] = self._read(name)
        return self._known[name]

    def _read(self, name: str) -> Collection[str] | None:
        catalog = self._catalog
        if name.startswith(ITEM_PREFIX):
            relation, columns = "items", catalog.items.get(name.removeprefix(ITEM_PREFIX), {})
        elif name in catalog.properties:
            relation, columns = "events", catalog.properties[name]
        else:
            relation, columns = "people", catalog.traits.get(name, {})
        if "text" not in columns:
            return None
        text = exp.column(columns["text"])
        query = exp.select(text.as_("text")).from_(relation).where(exp.not_(text.is_(exp.null())))
        rows = self._engine.run(query.distinct().limit(_MOST_TEXTS + 1))
        return None if len(rows) > _MOST_TEXTS else frozenset(rows.column("text").to_pylist())


def refuse_errors(project: Project, as_of_us: int) -> dict[str, list[str]]:
    """Warnings by segment; raises `DefinitionError` when there are errors."""
    errors, warnings = split(validate(project, look_up=False, as_of_us=as_of_us))
    if errors:
        raise DefinitionError(errors)
    return warnings


def split(findings: list[Finding]) -> tuple[list[Problem], dict[str, list[str]]]:
    """Errors as problems, and warnings as words by segment."""
    errors = [f.problem() for f in findings if f.severity == "error"]
    warnings: dict[str, list[str]] = {}
    for f in findings:
        if f.severity == "warning":
            warnings.setdefault(f.segment, []).append(f.message)
    return errors, warnings
