"""The linter: definitions that can be read, and that hardly mean what their writer meant.

Errors stop a build; warnings go with it. All codes are listed in docs/lint.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from zoneinfo import ZoneInfo

from fewer.errors import CycleError, DefinitionError
from fewer.evaluate.plan.order import dependency_order
from fewer.evaluate.plan.order import references as references_of
from fewer.journey.define.rules import graph, kinds, logic, names, windows
from fewer.journey.define.rules.base import UTC, Finding, Severity, Subject, Values
from fewer.language.files import Definitions
from fewer.model.catalog import Catalog
from fewer.model.segment import Segment, expand

__all__ = ["CODES", "Finding", "Severity", "Values", "lint", "order"]

_RULES: Final = (graph, logic, windows, names, kinds)

CODES: Final = {code: text for rule in _RULES for code, text in rule.CODES.items()}
"""Every code a finding can have, and what it says."""


def lint(
    definitions: Definitions,
    exclude: Sequence[str] = (),
    catalog: Catalog | None = None,
    *,
    values: Values | None = None,
    as_of_us: int | None = None,
    zone: ZoneInfo = UTC,
) -> list[Finding]:
    """Everything worth saying about definitions, in the order of files and lines.

    Args:
        definitions: Segments and goals, with their places.
        exclude: The project's default exclusions.
        catalog: What the data holds; without it, names, types and windows are not checked.
        values: All texts stored under a property, ``item.`` attribute or trait, or None where
            they are too many to know; without it, category paths and values are not checked.
        as_of_us: Moment at which windows are compared with the data, in UTC microseconds;
            without it, the end of the data.
        zone: The project's time zone.
    """
    subject = Subject(definitions, tuple(exclude), catalog, values, as_of_us, zone)
    found = [finding for rule in _RULES for finding in rule.check(subject)]
    return sorted(dict.fromkeys(found), key=lambda f: (f.place.file, f.place.line, f.place.column))


def order(definitions: Definitions, exclude: Sequence[str] = ()) -> tuple[Segment, ...]:
    """All segments and their lookback variants, each after those it refers to.

    Raises:
        CycleError: Segments refer to one another in a circle; every circle is named in full.
        DefinitionError: A reference to a segment that does not exist, or a lookback window that
            isn't clear.
    """
    subject = Subject(definitions, tuple(exclude))
    errors = [one for one in graph.check(subject) if one.severity == "error"]
    circles = [one.problem() for one in errors if one.code == "segment_cycle"]
    if errors:
        problems = [one.problem() for one in errors]
        raise CycleError(problems) if circles else DefinitionError(problems)
    expanded = {segment.id: segment for segment in expand(definitions.segments)}
    needs = {i: references_of(segment, tuple(exclude)) for i, segment in expanded.items()}
    return tuple(expanded[i] for i in dependency_order(needs))
