"""Runs: what was started and how it ended, in the control database, to look back at."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from fewer.data.store import schema
from fewer.data.store.control import writing

if TYPE_CHECKING:
    from fewer.data.store.store import Store

State = Literal["running", "done", "failed", "stopped"]


@dataclass(frozen=True, slots=True)
class Run:
    """Something that was started.

    Attributes:
        kind: What it does: ``build``.
        facts: Plain data about it; never a person.
    """

    id: str
    kind: str
    state: State
    started_us: int
    finished_us: int | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)


def start_run(store: Store, run: Run) -> None:
    """Remember that a run has begun."""
    with writing(store.control) as connection:
        connection.execute(
            schema.runs.insert().values(
                id=run.id,
                kind=run.kind,
                state=run.state,
                started_us=run.started_us,
                finished_us=run.finished_us,
                facts=json.dumps(dict(run.facts)),
            )
        )


def end_run(
    store: Store, run_id: str, state: State, *, at_us: int | None, facts: Mapping[str, Any]
) -> None:
    """Remember how a run ended, and what is known of it by then."""
    table = schema.runs
    with writing(store.control) as connection:
        connection.execute(
            table.update()
            .where(table.c.id == run_id)
            .values(state=state, finished_us=at_us, facts=json.dumps(dict(facts)))
        )


def runs(store: Store, *, limit: int = 100) -> list[Run]:
    """The newest runs, newest first."""
    table = schema.runs
    newest = table.select().order_by(table.c.started_us.desc(), table.c.id).limit(limit)
    with store.control.connect() as connection:
        rows = connection.execute(newest).all()
    return [
        Run(row.id, row.kind, row.state, row.started_us, row.finished_us, json.loads(row.facts))
        for row in rows
    ]
