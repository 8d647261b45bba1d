"""A generation: one published state of all tables, as readers see it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Final

import sqlglot.expressions as exp

from fewer.data.store import relations
from fewer.data.store.merging import mapping
from fewer.data.store.registry import Registry
from fewer.data.store.relations import Table
from fewer.data.store.state import Facts, TableState
from fewer.data.store.tables import TABLES, DeltaFolder
from fewer.errors import StoreError
from fewer.model.catalog import Catalog
from fewer.model.window import DAY

Relations = dict[str, exp.Query]

_ABOUT_PEOPLE: Final = ("events", "people", "consents", "lists")


class Generation:
    """Pinned versions of all tables. What it shows never changes.

    Attributes:
        number: 0 before anything was ingested, then one more with each ingest that added something.
        fingerprint: Text that depends on what was read, in which order, and on nothing else.
    """

    def __init__(
        self,
        root: Path,
        *,
        number: int,
        fingerprint: str,
        facts: Facts,
        tables: Mapping[str, TableState],
        registry: Registry,
    ) -> None:
        self.number = number
        self.fingerprint = fingerprint
        self.facts = facts
        self.tables = tables
        self.registry = registry
        self._root = root
        self._files: dict[str, Sequence[str]] = {}

    @property
    def is_empty(self) -> bool:
        """Whether nothing was ever stored."""
        return not any(self.rows(name) for name in TABLES if name != "quarantine")

    @cached_property
    def catalog(self) -> Catalog:
        """Names of events, properties, traits, attributes, lists and purposes."""
        return Catalog(
            events=dict(sorted(self.facts.events.items())),
            properties=self.registry.by_name("p"),
            traits=self.registry.by_name("t"),
            items=self.registry.by_name("i"),
            lists=self.facts.lists,
            purposes=self.facts.purposes,
            first_ts=self.facts.first_ts,
            last_ts=self.facts.last_ts,
        )

    @cached_property
    def merges(self) -> Mapping[int, int]:
        """Identity -> the one that stands for its person, for those that don't themselves."""
        return mapping(self.files("merges"))

    def rows(self, table: str) -> int:
        """Rows of a table; 0 for one that does not exist yet."""
        state = self.tables.get(table)
        return state.rows if state else 0

    def files(self, table: str, *, days: Collection[str] | None = None) -> Sequence[str]:
        """Paths of a table's data files, of `days` (``2017-01-31``) only if given."""
        state = self.tables.get(table)
        if state is None:
            return ()
        if table not in self._files:
            self._files[table] = DeltaFolder(self._root, TABLES[table]).files(state.version)
        paths = self._files[table]
        if days is None:
            return paths
        return [path for path in paths if _day(path) in days]

    def relations(self, as_of_us: int) -> Relations:
        """The canonical relations, by name, in the versions valid at `as_of_us`.

        DuckDB queries over this generation's files. `events` holds all events, those at or
        after `as_of_us` too.
        """
        order = self.facts.sources
        return {
            "events": self.events(),
            "people": relations.people(
                self._table("people"), self.registry.of("t"), as_of_us=as_of_us, sources=order
            ),
            "persons": relations.persons(self._table("persons"), self.files("merges")),
            "identities": relations.identities(self._table("persons", merged=True)),
            "consents": relations.consents(
                self._table("consents"), as_of_us=as_of_us, sources=order
            ),
            "items": relations.items(
                self._table("items"), self.registry.of("i"), as_of_us=as_of_us, sources=order
            ),
            "lists": relations.lists(self._table("lists"), as_of_us=as_of_us),
            "ad_reports": relations.ad_reports(self._table("ad_reports")),
        }

    def events(self, *, since_us: int | None = None, until_us: int | None = None) -> exp.Query:
        """The relation `events`, read only from files that can hold ``[since_us, until_us)``.

        Files are pruned by UTC day, so events a little outside may still appear.
        """
        table = self._table("events")
        if since_us is not None or until_us is not None:
            low = _iso_day(since_us) if since_us is not None else ""
            high = _iso_day(until_us - 1) if until_us is not None else "9"
            files = [path for path in table.files if low <= _day(path) <= high]
            table = replace(table, files=files, partial=True)
        return relations.events(table, self.registry.of("p"))

    def _table(self, name: str, *, merged: bool = False) -> Table:
        """A table; with identities replaced by their person if it is about people, or `merged`."""
        state = self.tables.get(name)
        columns = {c for names in state.columns.values() for c in names} if state else set()
        merges = self.files("merges") if merged or name in _ABOUT_PEOPLE else ()
        versioned = name in self.facts.versioned or bool(merges)
        return Table(self.files(name), frozenset(columns), versioned, merges=merges)


def _day(path: str) -> str:
    folder = path.rsplit("/", 2)[-2]
    if not folder.startswith("day="):
        raise StoreError(f"A file of the events table lies outside a day's folder: {path}")
    return folder[len("day=") :]


def _iso_day(micros: int) -> str:
    return datetime.fromtimestamp(micros // DAY * 86_400, UTC).strftime("%Y-%m-%d")
