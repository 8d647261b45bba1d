"""Preview: the first rows of a source as they are read, and what a mapping makes of them."""

from __future__ import annotations

import json
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import duckdb
from pydantic import Field

from fewer.data.sources.fields import Relation, Shape
from fewer.data.sources.files import FileSource
from fewer.data.sources.targets import Staged, sheets
from fewer.data.store.sql import text
from fewer.data.store.store import Store
from fewer.data.store.writer import Writer
from fewer.errors import NotFoundError, did_you_mean
from fewer.model.base import Frozen
from fewer.model.number import from_micros, plain
from fewer.model.settings import ProjectSettings
from fewer.model.values import ValueType
from fewer.model.window import from_utc_micros

_HIDDEN: Final = frozenset({"seq", "line", "part", "gid", "h", "content", "pkind", "reason", "raw"})
_TITLES: Final = {"pkey": "person"}
_TIMES: Final = frozenset({"ts", "valid_from"})
_AMOUNTS: Final = frozenset({"spend", "conversions", "value"})
_WORDS: Final[dict[Shape, str]] = {
    "int": "number",
    "float": "number",
    "decimal": "number",
    "bool": "boolean",
    "naive": "time without zone",
    "nanos": "time without zone",
    "aware": "time with zone",
    "struct": "object",
    "map": "object",
}
_JSON: Final = {dict: "object", list: "list", str: "text", bool: "boolean", int: "number"}


class Made(Frozen):
    """One thing that a row became, or would have."""

    table: str = Field(description="events, people, items, consents, contacts, lists, ad_reports.")
    values: dict[str, Any] = Field(description="By the names that conditions use.")
    refused: str | None = Field(None, description="Reason, when the row was refused for it.")
    lost: tuple[str, ...] = Field((), description="Values that were there and can't be read.")


class PreviewRow(Frozen):
    """One row of the file."""

    row: int
    read: dict[str, Any] | str = Field(description="As read; a text when it is no row at all.")
    made: tuple[Made, ...] = ()


class Preview(Frozen):
    """The first rows of a source's first file."""

    source: str
    file: str
    columns: dict[str, str] = Field(description="Column -> type in the file.")
    rows: tuple[PreviewRow, ...]
    notes: tuple[str, ...] = ()


def preview(
    store: Store, settings: ProjectSettings, base: Path, source_id: str, n: int = 5
) -> Preview:
    """Read the first `n` rows of a source, and what its mapping makes of them. Stores nothing.

    Unknown columns are told in `Preview.notes` instead of raising, so that a mapping can be
    mended while looking at the file.

    Raises:
        NotFoundError: when there is no such source.
        SourceError: when its first file can't be read.
    """
    source = settings.source(source_id)
    if source is None:
        raise NotFoundError("source", source_id, [s.id for s in settings.sources])
    files = FileSource(source, base)
    path = files.paths()[0]
    with store.write(dry_run=True) as writer:
        read = files.read_first(writer, path, n)
        staged = sheets(writer, source, read.relation, zone=settings.timezone, seq=0)
        notes = [*_notes(staged, read.relation)]
        raws = _raws(writer, read.relation)
        torn: list[tuple[int, str, str]] = []
        if read.refused:
            torn = writer.query(f"SELECT line, reason, raw FROM {read.refused} ORDER BY line")  # noqa: S608
        made: dict[int, list[Made]] = {}
        for one in staged:
            notes += [note for note, _ in one.notes]
            for line, thing in _made(writer, one):
                made.setdefault(line, []).append(thing)
    rows = [PreviewRow(row=line, read=raw, made=tuple(made.get(line, ()))) for line, raw in raws]
    rows += [
        PreviewRow(row=line, read=raw, made=(Made(table="", values={}, refused=reason),))
        for line, reason, raw in torn
    ]
    return Preview(
        source=source_id,
        file=path.name,
        columns=_types(read.relation, [raw for _, raw in raws]),
        rows=tuple(sorted(rows, key=lambda row: row.row)),
        notes=tuple(dict.fromkeys(notes)),
    )


def _notes(staged: list[Staged], relation: Relation) -> list[str]:
    unknown = dict.fromkeys(name for one in staged for name in one.sheet.scope.unknown)
    missing = [f"No column {name!r}.{did_you_mean(name, relation.known)}" for name in unknown]
    return missing + [note for one in staged for note in one.sheet.scope.unseen()]


def _raws(writer: Writer, relation: Relation) -> list[tuple[int, dict[str, Any]]]:
    import sqlglot.expressions as exp  # noqa: PLC0415  only here

    query = exp.select("line", exp.alias_(relation.raw, "raw")).from_(relation.source)
    return [(line, json.loads(raw)) for line, raw in sorted(writer.query(text(query)))]


def _types(relation: Relation, rows: list[dict[str, Any]]) -> dict[str, str]:
    if not relation.document:
        return {
            name: _WORDS.get(field.shape, field.shape) for name, field in relation.columns.items()
        }
    found: dict[str, dict[str, None]] = {}
    for row in rows:
        for name, value in row.items():
            found.setdefault(name, {})[_json_type(value)] = None
    return {name: " or ".join(types) for name, types in found.items()}


def _json_type(value: Any) -> str:
    if value is None:
        return "missing"
    return _JSON.get(type(value), "number")


def _made(writer: Writer, staged: Staged) -> list[tuple[int, Made]]:
    """What one mapping makes, by row; a row's refusal is told once."""
    sheet = staged.sheet
    found: duckdb.DuckDBPyRelation = writer.db.sql(text(sheet.query()))
    rows = [dict(zip(found.columns, row, strict=True)) for row in found.fetchall()]
    rows.sort(key=lambda row: (row["line"], row["part"]))
    made = []
    names: dict[str, tuple[str, ValueType | None]] = {
        column: (entry.name, entry.type) for column, entry in sheet.coded.items()
    }
    names |= {column: (name, kind) for column, (_, name, kind) in sheet.open.items()}
    for row in rows:
        if row["reason"] and staged.secondary:
            continue
        values: dict[str, Any] = {}
        for column, value in row.items():
            derived = column == "day" and staged.target == "events"
            if column in _HIDDEN or column in staged.lost or derived or value is None:
                continue
            name, kind = names.get(column, (_TITLES.get(column, column), None))
            values[name] = _shown(column, value, kind)
        lost = tuple(warning for column, warning in staged.lost.items() if row[column])
        refused = row["reason"]
        made.append(
            (
                row["line"],
                Made(
                    table=staged.target,
                    values={} if refused else values,
                    refused=refused,
                    lost=lost,
                ),
            )
        )
    return made


def _shown(column: str, value: Any, kind: ValueType | None) -> Any:
    if kind == "number" or (column in _AMOUNTS and isinstance(value, int)):
        number = plain(from_micros(value))
        return float(number) if isinstance(number, Decimal) else number
    if kind == "timestamp" or (kind is None and column in _TIMES):
        return from_utc_micros(value).isoformat().replace("+00:00", "Z")
    if isinstance(value, date | datetime):
        return value.isoformat()
    return value
