"""Identities of a project's people: which of them are one person."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING

from fewer.errors import DefinitionError, Problem

if TYPE_CHECKING:
    from fewer.data.store.merging import Merging
    from fewer.project.project import Project

Pairs = list[tuple[str, str]]


def merge(project: Project, pairs: Pairs, *, dry_run: bool = False) -> Merging:
    """Make each two ids one person, from the next refresh on; history included."""
    found = project.store.merge(pairs, dry_run=dry_run)
    project.refresh()
    return found


def split(project: Project, ids: list[str], *, dry_run: bool = False) -> Merging:
    """Make ids persons of their own again, and those that were merged into them."""
    found = project.store.split(ids, dry_run=dry_run)
    project.refresh()
    return found


def pairs_in(path: Path) -> Pairs:
    """Pairs of ids from a CSV file of two columns, with or without a header ``id,same_as``.

    Raises `DefinitionError` that names every line without exactly two ids.
    """
    problems: list[Problem] = []
    pairs: Pairs = []
    with path.open(newline="", encoding="utf-8-sig") as file:
        for row in csv.reader(file):
            if not row or row == ["id", "same_as"]:
                continue
            line = len(pairs) + len(problems) + 1
            ids = [cell.strip() for cell in row]
            if len(ids) == 2 and all(ids):  # noqa: PLR2004  a pair
                pairs.append((ids[0], ids[1]))
            else:
                hint = "Write two ids on each line: id,same_as"
                message = f"{len(row)} columns, or an empty one, where two ids belong."
                problems.append(Problem("pair_unreadable", message, str(path), line, 1, hint=hint))
    if problems:
        raise DefinitionError(problems)
    return pairs
