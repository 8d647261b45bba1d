"""What is known of people at a moment: traits, activity and outcomes before it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Self

import numpy as np
from pyroaring import BitMap
from sqlglot import exp

from fewer.errors import NotFoundError
from fewer.evaluate.sql.tree import column, named, number, select, table
from fewer.journey.measure.landmark import Landmark
from fewer.journey.measure.query import Reader
from fewer.model.number import from_micros
from fewer.model.window import DAY

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from fewer.evaluate.engines.base import Engine
    from fewer.project.project import Project

_MOST_VALUES: Final = 12
"""Different values of a trait beyond which it is no line of a balance table."""

_DAYS: Final = (7, 30)


class Knowing:
    """A project's people as at a moment; a context manager, as it holds an engine."""

    def __init__(self, project: Project, as_of_us: int) -> None:
        self.project, self.as_of_us = project, as_of_us
        self._opened: AbstractContextManager[Engine] = project.engine(as_of_us)

    def __enter__(self) -> Self:
        self.engine = self._opened.__enter__()
        catalog = self.project.generation.catalog
        self.reader = Reader(self.engine, catalog, self.project.settings.timezone)
        self.everyone = self.reader.everyone(self.as_of_us)
        return self

    def __exit__(self, *error: object) -> None:
        self._opened.__exit__(*error)  # type: ignore[arg-type]  # as it was handed over

    def trait(self, name: str) -> dict[str, BitMap]:
        """Value -> people who have it; raises `NotFoundError` for an unknown trait."""
        traits = self.project.generation.catalog.traits
        if name not in traits:
            raise NotFoundError("trait", name, traits)
        found: dict[str, BitMap] = {}
        for kind, coded in sorted(traits[name].items()):
            given = exp.not_(column(coded).is_(exp.null()))
            query = select([column("person"), named(column(coded), "value")], table("people"))
            rows = self.engine.run(query.where(given))
            people = rows.column("person").to_numpy().astype(np.uint32)
            values = rows.column("value").to_pylist()
            words = [str(from_micros(v)) if kind == "number" else str(v) for v in values]
            labels, at = np.unique(np.array(words, dtype=object), return_inverse=True)
            for i, label in enumerate(labels):
                who = BitMap(people[at == i].tolist())
                found[label] = found.get(label, BitMap()) | who
        return found

    def active(self, days: int) -> BitMap:
        """People with an event in the days before the moment."""
        since, until = self.as_of_us - days * DAY, self.as_of_us
        ts = column("ts")
        inside = exp.and_(
            exp.GTE(this=ts, expression=number(since)), exp.LT(this=ts, expression=number(until))
        )
        rows = self.engine.run(select([column("person")], table("events"), where=inside).distinct())
        return BitMap(rows.column("person").to_numpy().astype(np.uint32).tolist())

    def converted_before(self, goal_id: str) -> BitMap:
        """People who reached a goal within its own window, ending at the moment."""
        goal = self.project.definitions.goal(goal_id)
        start = self.as_of_us - goal.outcome_window.micros
        at = Landmark(start, start, self.as_of_us, self.as_of_us)
        return self.reader.outcomes(goal, at, self.everyone).bitmap

    def things_known(self, people: BitMap) -> dict[str, BitMap]:
        """Lines of a balance table: recent activity, outcomes before, traits of few values."""
        found = {f"active in {d} days": self.active(d) & people for d in _DAYS}
        for goal in self.project.definitions.goals:
            words = f"{goal.title}, in the {goal.outcome_window.words} before"
            found[words] = self.converted_before(goal.id) & people
        for name in self.project.generation.catalog.traits:
            values = {v: who & people for v, who in self.trait(name).items()}
            values = {v: who for v, who in values.items() if who}
            if 1 < len(values) <= _MOST_VALUES:
                found |= {f"{name}: {value}": who for value, who in values.items()}
        return {name: who for name, who in found.items() if 0 < len(who) < len(people)}
