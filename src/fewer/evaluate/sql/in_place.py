"""The user's own tables as the canonical relations: one query for each, made of the mapping.

Tables and columns are looked up in the database's catalog and quoted; values that the mapping
names are literals. A person is a text here. Rows that could not be stored either (without a
person, a time, a name or an id that is mapped) are left out, as a source's would be refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sqlglot import exp

from fewer.errors import SettingsError
from fewer.evaluate.sql.functions.base import Functions
from fewer.evaluate.sql.own_table import Known, Raw, Reader, union
from fewer.evaluate.sql.tree import column, named, nested, select
from fewer.evaluate.sql.tree import table as relation
from fewer.model.catalog import Catalog
from fewer.model.in_place import OwnTables


@dataclass(frozen=True, slots=True)
class InPlace:
    """The canonical relations over the user's tables, and what they hold."""

    relations: Mapping[str, exp.Query]
    catalog: Catalog
    raw: Mapping[str, tuple[Raw, ...]]
    """The mapped tables behind each of events, people, items and lists."""


def in_place(
    tables: OwnTables,
    known: Known,
    functions: Functions,
    *,
    zone: str,
    erased: Iterable[str] = (),
) -> InPlace:
    """The relations of a mapping; the catalog counts no events yet (see `counts`).

    Args:
        tables: The mapping.
        known: What the database's catalog says of every table named.
        functions: How the engine speaks.
        zone: Time zone of times that have none.
        erased: Who must not appear again: the first 16 hex digits of SHA-256 of `ERASED_SALT`
            and the person.

    Raises:
        SettingsError: a table or column that is not there, or has a type that can't be used;
            every mistake is named.
    """
    own = functions.own
    if own is None:
        raise TypeError(f"{functions.dialect} reads no tables in place")
    reader = Reader(own, known, zone)
    raw = {
        "events": tuple(reader.events(each) for each in tables.events),
        "people": (reader.people(tables.people),) if tables.people else (),
        "items": (reader.items(tables.items),) if tables.items else (),
        "lists": tuple(reader.lists(each) for each in tables.lists),
    }
    if reader.problems:
        raise SettingsError(reader.problems)
    codes = reader.codes
    null = reader.null
    relations: dict[str, exp.Query] = {
        "events": union(
            raw["events"],
            ["event_id", "person", "ts", "event", "source", *codes.columns("p")],
            null,
        ),
        "people": union(raw["people"], ["person", *codes.columns("t")], null),
        "items": union(raw["items"], ["item_id", *codes.columns("i")], null),
        "lists": union(raw["lists"], ["list_id", "person"], null),
        "consents": reader.consents(tables.people, raw["people"]),
    }
    relations["persons"] = _persons(relations, functions, tuple(erased))
    for kind, each in raw.items():
        relations |= {raw_name(kind, n): part.query for n, part in enumerate(each)}
    catalog = Catalog(
        properties=codes.named("p"),
        traits=codes.named("t"),
        items=codes.named("i"),
        purposes=tuple(sorted(tables.people.consents)) if tables.people else (),
    )
    return InPlace(relations, catalog, raw)


def raw_name(kind: str, place: int) -> str:
    """Relation with the columns that a mapped table is read by, in all its rows."""
    return f"raw_{kind}_{place}"


def counts() -> exp.Select:
    """Query over the relations: events by name, with the first and the last time of each."""
    ts = column("ts")
    shown = [
        column("event"),
        named(exp.Count(this=exp.Star()), "n"),
        named(exp.Min(this=ts.copy()), "first_ts"),
        named(exp.Max(this=ts), "last_ts"),
    ]
    return select(shown, relation("events"), group=[column("event")])


def list_ids() -> exp.Select:
    """Query over the relations: the ids of all lists."""
    return select([column("list_id")], relation("lists"), distinct=True)


ERASED_SALT: Final = "erased:"


def _persons(
    relations: Mapping[str, exp.Query], functions: Functions, erased: Sequence[str]
) -> exp.Select:
    """Everyone whom an event or a record names, once, less the erased."""
    everyone = exp.Union(
        this=select([column("person")], nested(relations["events"].copy(), "e")),
        expression=select([column("person")], nested(relations["people"].copy(), "p")),
        distinct=True,
    )
    shown = [column("person"), named(column("person"), "key")]
    where = None
    if erased:
        digest = functions.digest(ERASED_SALT, column("person"))
        gone = [exp.Literal.string(each) for each in erased]
        where = exp.Not(this=exp.Paren(this=exp.In(this=digest, expressions=gone)))
    kind = named(exp.Literal.string("known"), "kind")
    return select([*shown, kind], nested(everyone, "everyone"), where=where)
