"""A project folder in which tests write files, ingest them and look at what came of it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from fewer.data.sources.ingest import ingest
from fewer.data.store.store import Store
from fewer.model.settings import ProjectSettings

END = 4_000_000_000_000_000  # 2096: every version is valid, every event is past


class Bench:
    """Files, settings and a store of their own."""

    def __init__(self, folder: Path, **settings):
        self.folder = folder
        self.store = Store.open(folder / ".fewer")
        self.settings = ProjectSettings.model_validate({"name": "Test", **settings})

    def sources(self, *sources, **settings):
        given = {**self.settings.model_dump(exclude={"sources"}), **settings}
        self.settings = ProjectSettings.model_validate({**given, "sources": list(sources)})
        return self

    def write(self, name, content):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, list):
            content = "\n".join(json.dumps(row) for row in content) + "\n"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def ingest(self, **options):
        return ingest(self.store, self.settings, self.folder, **options)

    def rows(self, relation, *, as_of=END, order="ALL"):
        """Rows of a canonical relation, coded columns under the names they stand for."""
        generation = self.store.generation()
        db = duckdb.connect()
        query = generation.relations(as_of)[relation].sql(dialect="duckdb")
        found = db.sql(f"SELECT * FROM ({query}) ORDER BY {order}")  # noqa: S608
        names = {}
        for kind in ("properties", "traits", "items"):
            for name, columns in getattr(generation.catalog, kind).items():
                for value_type, column in columns.items():
                    suffix = "" if len(columns) == 1 else f":{value_type}"
                    names[column] = name + suffix
        titles = [names.get(column, column) for column in found.columns]
        return [dict(zip(titles, row, strict=True)) for row in found.fetchall()]

    def column(self, relation, name, **options):
        return [row[name] for row in self.rows(relation, **options)]

    def events(self, *names):
        """Events in the order of time, the given columns only, with the person's key."""
        keys = {row["person"]: row["key"] for row in self.rows("persons")}
        found = []
        for row in self.rows("events", order="ts, event_id"):
            shown = {**row, "key": keys[row["person"]]}
            found.append(tuple(shown[name] for name in names))
        return found


def utc(text):
    """UTC microseconds of an ISO time."""
    moment = datetime.fromisoformat(text)
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    return (moment - epoch) // (datetime.resolution)


VIEW = {"event": "view", "person": "who", "ts": "at"}


def events(**mapping):
    """An event mapping of columns ``who`` and ``at``."""
    return {**VIEW, **mapping}
