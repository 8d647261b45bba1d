"""Validating a project: its files as such, then what its definitions say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fewer.errors import Problem

if TYPE_CHECKING:
    from fewer.journey.define.lint import Finding
    from fewer.project.project import Project


def validate(project: Project) -> list[Finding]:
    """Findings on every definition, errors first.

    Raises:
        DefinitionError: files that can't be read as definitions; every mistake in all of them.
    """
    from fewer.journey.define.lint import lint
    from fewer.project.creatives import library

    definitions = project.definitions
    library(project)  # creatives have no lint beyond being right
    catalog = None if project.generation.is_empty else project.generation.catalog
    found = lint(definitions, project.settings.exclude, catalog, zone=project.zone)
    return sorted(found, key=lambda f: f.severity != "error")


def split(findings: list[Finding]) -> tuple[list[Problem], dict[str, list[str]]]:
    """Errors as problems, and warnings as words by segment."""
    errors = [f.problem() for f in findings if f.severity == "error"]
    warnings: dict[str, list[str]] = {}
    for f in findings:
        if f.severity == "warning":
            warnings.setdefault(f.segment, []).append(f.message)
    return errors, warnings
