"""Conditions answered in a process that has done nothing before."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fewer.project.project import Project


def sizes(project: Project, conditions: Sequence[Any], engine: str) -> list[int]:
    """People for whom each condition is true at the end of the data, one plan after another."""
    from fewer.evaluate.plan.plan import plan  # noqa: PLC0415
    from fewer.model.segment import Segment  # noqa: PLC0415

    as_of = (project.generation.catalog.last_ts or 0) + 1
    with project.engine(as_of, engine) as opened:
        return [
            len(
                opened.evaluate(
                    plan(
                        [Segment.model_validate({"id": "asked", "where": where})],
                        as_of_us=as_of,
                        timezone=project.settings.timezone,
                        session_gap=project.settings.identity.session_gap,
                        catalog=project.generation.catalog,
                    )
                ).members["asked"]
            )
            for where in conditions
        ]


def answer(folder: str, where: str, engine: str, *, start: float) -> dict[str, Any]:
    """Open the project, map the index, count; seconds since `start` at each point."""
    from fewer.evaluate.engines.base import load  # noqa: PLC0415
    from fewer.project.project import Project  # noqa: PLC0415

    load(engine)
    imported = time.perf_counter()
    with Project.open(folder) as project:
        _ = project.generation
        opened = time.perf_counter()
        (size,) = sizes(project, [json.loads(where)], engine)
    end = time.perf_counter()
    return {
        "imports": imported - start,
        "opened": opened - imported,
        "answer": end - opened,
        "size": size,
    }
