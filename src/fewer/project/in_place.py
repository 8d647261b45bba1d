"""A project's tables in place, in the role that a generation of the store has otherwise."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import sqlglot.expressions as exp

from fewer.errors import UnsupportedByEngineError
from fewer.evaluate.engines.base import Dataset, InPlaceEngine, load
from fewer.evaluate.sql.functions.base import Functions
from fewer.evaluate.sql.in_place import InPlace, counts, in_place, list_ids
from fewer.model.catalog import Catalog
from fewer.model.in_place import Located, OwnTables
from fewer.project.engines import settings_of

if TYPE_CHECKING:
    import pyarrow as pa

    from fewer.evaluate.engines.base import Engine
    from fewer.project.project import Project


class OwnData:
    """The user's tables as they are now. Nothing of them is copied, and nothing is pinned."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self.number = project.store.generation().number
        self.fingerprint = f"in-place-{uuid4().hex}"
        """New whenever the tables are looked at: nobody can say that they have not changed."""

    @property
    def is_empty(self) -> bool:
        """Never: the tables are there."""
        return False

    @cached_property
    def read(self) -> InPlace:
        """The canonical relations; raises `SettingsError` with every mistake of the mapping."""
        kind, settings = self._kind, settings_of(self._project, self._project.engine_name)
        tables = self.tables
        known = kind.described([each.place for each in tables.located], settings)
        zone = self._project.settings.timezone
        return in_place(tables, known, kind.own_functions, zone=zone)

    @cached_property
    def tables(self) -> OwnTables:
        """The mapping, with files by their whole path."""
        tables, root = self._project.settings.tables, self._project.folder.root
        if tables is None:
            raise TypeError("the project has no tables in place")

        def placed(each: Any) -> Any:
            if not isinstance(each, Located) or each.files is None:
                return each
            return each.model_copy(update={"files": tuple(str(root / f) for f in each.files)})

        return tables.model_copy(
            update={
                "events": tuple(map(placed, tables.events)),
                "people": placed(tables.people),
                "items": placed(tables.items),
                "lists": tuple(map(placed, tables.lists)),
            }
        )

    @property
    def _kind(self) -> type[InPlaceEngine]:
        name = self._project.engine_name
        kind = load(name)
        if not (kind.capabilities.in_place and hasattr(kind, "described")):
            raise UnsupportedByEngineError(
                f"The engine {name!r} reads no tables in place. Use duckdb, postgres, clickhouse"
                " or spark, or ingest the data."
            )
        return kind

    @property
    def functions(self) -> Functions:
        """How the engine speaks of the tables."""
        return self._kind.own_functions

    @cached_property
    def catalog(self) -> Catalog:
        """Names, with the events counted: one pass over their tables."""
        bare = self.read.catalog
        engine: Engine = load(self._project.engine_name).open(
            Dataset(self.read.relations, bare, in_place=True),
            settings_of(self._project, self._project.engine_name),
        )
        try:
            rows = engine.run(counts()).to_pylist()
            lists = engine.run(list_ids()).to_pylist() if self.tables.lists else []
        finally:
            engine.close()
        return bare.model_copy(
            update={
                "events": {row["event"]: row["n"] for row in rows},
                "lists": tuple(sorted(row["list_id"] for row in lists)),
                "first_ts": min((row["first_ts"] for row in rows), default=None),
                "last_ts": max((row["last_ts"] for row in rows), default=None),
            }
        )

    def relations(self, _: int) -> dict[str, exp.Query]:
        """The relations as they are now, whatever the moment: tables have no versions."""
        return dict(self.read.relations)

    def rows(self, _: str) -> int:
        """Nothing is stored."""
        return 0

    def files(self, _: str) -> Sequence[str]:
        """No file holds the relations."""
        return ()


def numbering(project: Project) -> Callable[[pa.Array], pa.Array]:
    """Numbers of people by their texts, kept in the project's store."""
    from fewer.data.store.numbering import numbered

    def number(keys: pa.Array) -> pa.Array:
        found = numbered(project.store, keys)
        project.__dict__.pop("keys", None)  # there may be new ones
        return found

    return number


def known_people(project: Project) -> pa.Table:
    """(person, key) of everyone who was ever given a number."""
    from fewer.evaluate.engines.duckdb import DuckDBEngine

    stored = project.store.generation()
    engine = DuckDBEngine(stored.relations(0), stored.catalog)
    try:
        return engine.run(exp.select("person", "key").from_("persons"))
    finally:
        engine.close()
