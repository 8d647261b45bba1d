"""What every part of the compiler knows about the plan it compiles."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from sqlglot import exp

from fewer.evaluate.plan.leaf import Leaf, Pick
from fewer.evaluate.plan.passes import since_of
from fewer.evaluate.plan.plan import Plan
from fewer.evaluate.sql.functions.base import Functions
from fewer.evaluate.sql.tree import column, named, negated, nested, select, some

L = TypeVar("L")


@dataclass(frozen=True, slots=True)
class Answer:
    """SQL for one leaf, for a person of whom the pass has rows: never null, and how it is known.

    `number` is what the bounds are compared with, or the instant of the event that decides;
    `of` is what it is divided by, for means and shares. Either may be null, or there is none.
    Both may be part of `holds`; they are copied when they are shown.
    """

    leaf: int
    holds: exp.Expr
    number: exp.Expr | None = None
    of: exp.Expr | None = None


@dataclass(frozen=True, slots=True)
class Context:
    """A plan, and how the engine speaks.

    With `explains`, steps also carry what was compared (`n4`, and `d4` that it is divided by),
    everyone they know of, and the id of each event: for `why`.
    """

    plan: Plan
    functions: Functions
    explains: bool = False

    def leaf(self, number: int, kind: type[L]) -> L:
        """Leaf by its number, which must be of that kind."""
        found = self.plan.leaves[number]
        if not isinstance(found, kind):
            message = f"leaf {number} is a {type(found).__name__}, not a {kind.__name__}"
            raise TypeError(message)
        return found

    def since(self, leaves: Iterable[Leaf]) -> int | None:
        """Earliest time that the leaves read; None for all history.

        To say when the last match was, and not only that it was too early, nothing is left out.
        """
        starts = [
            None if self.explains and isinstance(leaf, Pick) else since_of(leaf) for leaf in leaves
        ]
        return None if None in starts else min((s for s in starts if s is not None), default=None)

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
            if self.explains:
                for letter, shown in (("n", answer.number), ("d", answer.of)):
                    value = shown.copy() if shown is not None else exp.Null()
                    output.append(named(value, f"{letter}{answer.leaf}"))
        group = [person.copy()] if grouped else []
        query = select(output, source, where=where, group=group)
        if self.explains:
            return query
        unusual = some(self._unusual(answer.leaf) for answer in answers)
        return select([exp.Star()], nested(query, "a"), where=unusual)

    def _unusual(self, number: int) -> exp.Expr:
        flag = column(leaf_name(number))
        return negated(flag) if self.plan.leaves[number].default else flag


def leaf_name(number: int) -> str:
    """Name of the column that holds a leaf."""
    return f"l{number}"
