"""What every part of the compiler knows about the plan it compiles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from sqlglot import exp

from fewer.evaluate.plan.plan import Plan
from fewer.evaluate.sql.functions.base import Functions
from fewer.evaluate.sql.tree import column, named, negated, nested, select, some

L = TypeVar("L")


@dataclass(frozen=True, slots=True)
class Answer:
    """SQL for one leaf, for a person of whom the pass has rows: never null, and how it is known.

    `number` is what the bounds are compared with (None where there is no number); `of` is what
    it is divided by, for means and shares.
    """

    leaf: int
    holds: exp.Expr
    number: exp.Expr | None = None
    of: exp.Expr | None = None


@dataclass(frozen=True, slots=True)
class Context:
    """A plan, and how the engine speaks.

    With `numbers`, steps also carry the numbers that were compared (`n4`, `d4`), and every
    person they know of: for `why`.
    """

    plan: Plan
    functions: Functions
    numbers: bool = False

    def leaf(self, number: int, kind: type[L]) -> L:
        """Leaf by its number, which must be of that kind."""
        found = self.plan.leaves[number]
        if not isinstance(found, kind):
            message = f"leaf {number} is a {type(found).__name__}, not a {kind.__name__}"
            raise TypeError(message)
        return found

    def answers(
        self,
        person: exp.Expr,
        answers: Sequence[Answer],
        source: exp.Expr,
        *,
        where: exp.Expr | None = None,
        grouped: bool = False,
    ) -> exp.Select:
        """Person and one boolean per leaf, without the persons for whom all are the default."""
        output = [person]
        for answer in answers:
            output.append(named(answer.holds, leaf_name(answer.leaf)))
            if self.numbers and answer.number is not None:
                output.append(named(answer.number, f"n{answer.leaf}"))
            if self.numbers and answer.of is not None:
                output.append(named(answer.of, f"d{answer.leaf}"))
        group = [person.copy()] if grouped else []
        query = select(output, source, where=where, group=group)
        if self.numbers:
            return query
        unusual = some(self._unusual(answer.leaf) for answer in answers)
        return select([exp.Star()], nested(query, "a"), where=unusual)

    def _unusual(self, number: int) -> exp.Expr:
        flag = column(leaf_name(number))
        return negated(flag) if self.plan.leaves[number].default else flag


def leaf_name(number: int) -> str:
    """Name of the column that holds a leaf."""
    return f"l{number}"
