"""What each segment and each leaf of a build cost: time and rows, shared fairly. Pure.

A step's cost is split evenly between the leaves that it answers, a leaf's between the segments
that ask it. What answers no leaf (reading events, combining to segments) is everyone's, so the
costs of all segments add up to what the build took.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from fewer.evaluate.engines.base import StepRun
from fewer.evaluate.plan.plan import Plan, leaf_numbers


@dataclass(frozen=True, slots=True)
class Cost:
    """Time, and rows made or read; shares of rows are no whole numbers."""

    seconds: float = 0.0
    rows: float = 0.0

    def __add__(self, other: Self) -> Cost:
        return Cost(self.seconds + other.seconds, self.rows + other.rows)

    def __truediv__(self, parts: int) -> Cost:
        return Cost(self.seconds / parts, self.rows / parts)


def leaf_costs(plan: Plan, steps: Sequence[StepRun]) -> list[Cost]:
    """Cost of each leaf of the plan, by its number; steps of several evaluations add up."""
    found = [Cost()] * len(plan.leaves)
    for step in steps:
        for leaf in step.leaves:
            found[leaf] += Cost(step.seconds, step.rows) / len(step.leaves)
    return found


def segment_costs(plan: Plan, steps: Sequence[StepRun]) -> dict[str, Cost]:
    """Cost of each segment of the plan, by id."""
    if not plan.segments:
        return {}
    shared = sum((Cost(s.seconds, s.rows) for s in steps if not s.leaves), Cost())
    found = dict.fromkeys(plan.ids, shared / len(plan.segments))
    users = leaf_users(plan)
    for cost, asking in zip(leaf_costs(plan, steps), users, strict=True):
        for segment in asking:
            found[segment] += cost / len(asking)
    return found


def leaf_users(plan: Plan) -> list[tuple[str, ...]]:
    """Segments whose own condition asks each leaf, by the leaf's number."""
    users: list[list[str]] = [[] for _ in plan.leaves]
    for planned in plan.segments:
        for leaf in leaf_numbers(planned):
            users[leaf].append(planned.id)
    return [tuple(asking) for asking in users]
