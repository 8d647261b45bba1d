"""Atoms as SQL. A condition made here is true, false or null; null counts as not true."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import assert_never

from sqlglot import exp

from fewer.evaluate.plan.atom import Atom, Column, Given, Never, OneOf, Range, TextTest
from fewer.evaluate.plan.bounds import Bounds
from fewer.evaluate.plan.leaf import Match
from fewer.evaluate.sql.functions.base import Functions
from fewer.evaluate.sql.tree import boolean, column, every, inside, negated, number, some

Place = Callable[[Column], exp.Expr]
"""How a query refers to a stored column; gives a new expression at every call."""

BELOW = " > "
"""What separates the parts of a category path."""


def conjunction(atoms: Iterable[Atom], place: Place, functions: Functions) -> exp.Expr | None:
    """All atoms joined by AND; None when there is none, which holds for every row."""
    return every(_atom(atom, place, functions) for atom in atoms)


def match_condition(
    match: Match, place: Place, functions: Functions, *, event: exp.Expr | None
) -> exp.Expr | None:
    """Whether an event is a match; None when all are.

    Without `event`, the caller has seen to the names already.
    """
    tests = [_atom(atom, place, functions) for atom in match.atoms]
    if event is not None and match.events is not None:
        tests.insert(0, one_of_texts(event, match.events, functions))
    return every(tests)


def one_of_texts(value: exp.Expr, texts: Iterable[str], functions: Functions) -> exp.Expr:
    """Whether the text is one of some; FALSE when there is none."""
    return _in(value, [functions.literal(text) for text in texts])


def _in(value: exp.Expr, literals: list[exp.Expr]) -> exp.Expr:
    if not literals:
        return boolean(False)
    if len(literals) == 1:
        return exp.EQ(this=value, expression=literals[0])
    return exp.In(this=value, expressions=literals)


def _atom(atom: Atom, place: Place, functions: Functions) -> exp.Expr:
    match atom:
        case Never():
            return boolean(False)
        case Given():
            return _given(atom, place)
        case Range():
            return _range(atom, place)
        case OneOf():
            return _one_of(atom, place, functions)
        case TextTest():
            return _text(atom, place, functions)
        case _:
            assert_never(atom)


def _given(atom: Given, place: Place) -> exp.Expr:
    nulls = [exp.Is(this=place(c), expression=exp.Null()) for c in atom.columns]
    if not atom.present:
        return every(nulls) or boolean(True)
    present = some([exp.Not(this=null) for null in nulls]) or boolean(False)
    return exp.Paren(this=present) if len(nulls) > 1 else present


def _range(atom: Range, place: Place) -> exp.Expr:
    if atom.low is None and atom.high is None:
        return exp.Not(this=exp.Is(this=place(atom.column), expression=exp.Null()))
    return inside(Bounds(atom.low, atom.high), place(atom.column))


def _one_of(atom: OneOf, place: Place, functions: Functions) -> exp.Expr:
    value = place(atom.column)
    if atom.fold:
        value = functions.lower(value)
    literals = [_literal(v, functions) for v in atom.values]
    if not atom.negated:
        return _in(value, literals)
    if len(literals) == 1:
        return exp.NEQ(this=value, expression=literals[0])
    return negated(_in(value, literals))


def _literal(value: str | bool | int, functions: Functions) -> exp.Expr:
    if isinstance(value, bool):
        return boolean(value)
    return number(value) if isinstance(value, int) else functions.literal(value)


def _text(atom: TextTest, place: Place, functions: Functions) -> exp.Expr:
    value = place(atom.column)
    if atom.fold:
        value = functions.lower(value)
    if atom.kind == "matches":
        return functions.matches(value, atom.text, atom.fold)
    if atom.kind == "under":
        equal = exp.EQ(this=value, expression=functions.literal(atom.text))
        below = functions.starts_with(value.copy(), atom.text + BELOW)
        return exp.Paren(this=exp.Or(this=equal, expression=below))
    if not atom.text:  # every text contains, starts and ends with nothing
        return exp.Not(this=exp.Is(this=place(atom.column), expression=exp.Null()))
    needle = {
        "contains": functions.contains,
        "starts_with": functions.starts_with,
        "ends_with": functions.ends_with,
    }[atom.kind]
    return needle(value, atom.text)


def plain(table: str = "") -> Place:
    """Columns by their stored name."""
    return lambda c: column(c.name, table)
