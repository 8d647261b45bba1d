"""Tests of text that PostgreSQL would read otherwise, answered as tables of the values that pass.

PostgreSQL's patterns are not RE2's, and its lower case is its locale's. So the distinct values of
a column are fetched, DuckDB says which of them pass, and those become a temporary table.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import count
from typing import Final

import duckdb
import pyarrow as pa

from fewer.evaluate.engines.base import Stop
from fewer.evaluate.engines.postgres_load import distinct_values
from fewer.evaluate.engines.postgres_session import Session
from fewer.evaluate.plan.atom import Atom, Column, OneOf, TextTest
from fewer.evaluate.plan.atom import conjunction as normal
from fewer.evaluate.plan.leaf import (
    Behaviour,
    Chain,
    Leaf,
    Match,
    Person,
    Pick,
    Share,
    is_constant,
)
from fewer.evaluate.plan.plan import Plan
from fewer.evaluate.sql.functions.duckdb import DUCKDB
from fewer.evaluate.sql.functions.postgres import escaped, unescaped
from fewer.evaluate.sql.predicate import conjunction
from fewer.evaluate.sql.tree import column, select, table

Atoms = tuple[Atom, ...]

_ESCAPES: Final = str.maketrans({"\\": r"\\", "\n": r"\n", "\r": r"\r", "\t": r"\t"})
_VALUES: Final = "text_values"


class Sets:
    """Tables of values, each made when a plan first needs it; they live as the session's do."""

    _numbers = count(1)

    def __init__(self, session: Session, *, in_place: bool, should_stop: Stop | None) -> None:
        self._session = session
        self._in_place = in_place
        self._should_stop = should_stop
        self._tables: dict[Atom, str] = {}
        self.rows = 0

    def __bool__(self) -> bool:
        return bool(self._tables)

    def resolve(self, plan: Plan) -> Plan:
        """The plan, with such tests replaced by tables."""
        asked: dict[Column, dict[Atom, None]] = defaultdict(dict)

        def note(atoms: Atoms) -> Atoms:
            for atom in atoms:
                if isinstance(atom, OneOf | TextTest) and _differs(atom):
                    asked[atom.column][atom] = None
            return atoms

        for leaf in plan.leaves:
            if not is_constant(leaf):
                _with_atoms(leaf, note)
        for stored, tests in asked.items():
            self._make(stored, tests)
        if not asked:
            return plan
        return replace(plan, leaves=tuple(_with_atoms(leaf, self._named) for leaf in plan.leaves))

    def _named(self, atoms: Atoms) -> Atoms:
        """The atoms, those that have a table as a match of its name."""
        return normal(
            TextTest(atom.column, "matches", self._tables[atom])
            if isinstance(atom, OneOf | TextTest) and atom in self._tables
            else atom
            for atom in atoms
        )

    def _make(self, stored: Column, tests: Iterable[Atom]) -> None:
        values = pa.table({"value": pa.array(self._distinct(stored), pa.string())})
        with duckdb.connect(":memory:", config={"threads": 1}) as local:
            local.register(_VALUES, values)
            for atom in tests:
                passes = conjunction([atom], lambda _: column("value"), DUCKDB)
                query = select([column("value")], table(_VALUES), where=passes)
                found = local.execute(query.sql(dialect="duckdb")).fetchall()
                self._tables[atom] = self._stored([value for (value,) in found])

    def _distinct(self, stored: Column) -> list[str]:
        query = distinct_values(stored.name, stored.table).sql(dialect="postgres")
        cursor = self._session.execute(query, should_stop=self._should_stop)
        values = (value for (value,) in cursor)
        return list(values) if self._in_place else [unescaped(value) for value in values]

    def _stored(self, values: list[str]) -> str:
        name = f"values_{next(self._numbers)}"
        self._session.execute(f'CREATE TEMPORARY TABLE {name} (value TEXT COLLATE "C" PRIMARY KEY)')
        with self._session.copy(f"COPY {name} (value) FROM STDIN") as copy:
            for lines in self._lines(values):
                copy.write(lines)
        self._session.execute(f"ANALYZE {name}")
        self.rows += len(values)
        return name

    def _lines(self, values: list[str]) -> Iterator[str]:
        for at in range(0, len(values), 10_000):
            part = values[at : at + 10_000]
            plain = part if self._in_place else [escaped(value) for value in part]
            yield "".join(f"{value.translate(_ESCAPES)}\n" for value in plain)


def _differs(atom: OneOf | TextTest) -> bool:
    return atom.fold or (isinstance(atom, TextTest) and atom.kind == "matches")


def _with_atoms(leaf: Leaf, change: Callable[[Atoms], Atoms]) -> Leaf:
    """The leaf, with each conjunction in it changed."""

    def of(match: Match) -> Match:
        return replace(match, atoms=change(match.atoms))

    match leaf:
        case Behaviour(measure=Share(atoms=atoms)):
            return replace(leaf, match=of(leaf.match), measure=Share(change(atoms)))
        case Behaviour():
            return replace(leaf, match=of(leaf.match))
        case Pick():
            return replace(leaf, match=of(leaf.match), having=change(leaf.having))
        case Chain():
            links = tuple(replace(link, match=of(link.match)) for link in leaf.shape.links)
            return replace(leaf, shape=replace(leaf.shape, links=links))
        case Person():
            return replace(leaf, atoms=change(leaf.atoms))
        case _:
            return leaf
