"""How a world becomes a project: the files a user would have, and what `fewer.yaml` says of them.

Files hold less than a world can: JSON has no word for a time, a column has one type, a CSV file
no empty text, an empty id is no id. `storable` takes that away beforehand, so that what is left
must come out of the store as it went in.
"""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.parquet as pq

from fewer.model.segment import Segment
from oracle.world import Event, Instant, Value, Values, World, kind
from strategies.definition import Asked
from strategies.scene import Scene

Form = Literal["jsonl", "csv", "parquet"]
FORMS: tuple[Form, ...] = ("jsonl", "csv", "parquet")

Record = dict[str, Any]

ARROW = {
    "text": pa.string(),
    "number": pa.decimal128(38, 6),
    "boolean": pa.bool_(),
    "timestamp": pa.timestamp("us", "UTC"),
}


def storable(world: World, form: Form) -> World:
    """The part of a world that such files can say, with people who exist."""
    persons = {p: key for p, key in world.persons.items() if key.strip() == key != ""}
    in_events = _sayable(form, [e.properties for e in world.events])
    in_people = _sayable(form, world.people.values())
    in_items = _sayable(form, world.items.values())
    return World(
        persons=persons,
        events=tuple(_events(world.events, set(persons), in_events)),
        people={p: in_people(traits) for p, traits in world.people.items() if p in persons},
        consents={
            (p, purpose): state
            for (p, purpose), state in world.consents.items()
            if p in persons and p in world.people and state != "unknown"
        },
        items={id_: in_items(values) for id_, values in world.items.items()},
        lists={name: people & set(persons) for name, people in world.lists.items()},
    )


def _events(
    events: Sequence[Event], persons: set[int], said: Callable[[Values], Values]
) -> Iterable[Event]:
    for event in events:
        if event.person in persons and event.event.strip():
            id_ = event.event_id.strip() or "none"
            yield replace(event, event_id=id_, properties=said(event.properties))


def _sayable(form: Form, rows: Iterable[Values]) -> Callable[[Values], Values]:
    """What is left of a row: of values of two types in one column, the more frequent type."""
    rows = list(rows)
    types = {name: _commonest(row[name] for row in rows if name in row) for name in _names(rows)}

    def is_said(name: str, value: Value) -> bool:
        match form:
            case "jsonl":
                return "." not in name and not isinstance(value, Instant) and _is_double(value)
            case "csv":
                return kind(value) == types[name] and value != ""
            case "parquet":
                return kind(value) == types[name]

    def said(row: Values) -> Values:
        kept = {name: value for name, value in row.items() if is_said(name, value)}
        return {n: str(v) if n == "item_id" else v for n, v in kept.items()}  # item_id is text

    return said


def _is_double(value: Value) -> bool:
    return not isinstance(value, Decimal) or Decimal(repr(float(value))) == value


def _commonest(values: Iterable[Value]) -> str:
    return Counter(map(kind, values)).most_common(1)[0][0]


def _names(rows: Iterable[Values]) -> list[str]:
    return sorted({name for row in rows for name in row})


# -------------------------------------------------------------------------------------- project


def write(scene: Scene, asked: Asked, folder: Path, form: Form) -> None:
    """Files, `fewer.yaml` and segments of a project with this world and these questions."""
    world, key = scene.world, scene.world.persons
    purposes = sorted({purpose for _, purpose in world.consents})
    consents = {
        purpose: {"column": f"consent_{n}", "granted": ["granted"], "denied": ["denied"]}
        for n, purpose in enumerate(purposes)
    }
    events = _File(form, [e.properties for e in world.events])
    people = _File(form, list(world.people.values()))
    items = _File(form, list(world.items.values()))
    lists = _File(form, [{} for members in world.lists.values() for _ in members])
    mappings: dict[str, tuple[_File, list[Record], Any]] = {
        "events": (
            events,
            [{"id": e.event_id, "who": key[e.person], "at": e.ts, "what": e.event}
             for e in world.events],
            [{
                "event": {"column": "what"},
                "person": "who",
                "ts": {"column": "at", "format": "epoch_us"},
                "id": "id",
                "properties": events.mapping,
            }],
        ),
        "people": (
            people,
            [{"who": key[p], **{f"consent_{n}": world.consents.get((p, purpose))
                                for n, purpose in enumerate(purposes)}}
             for p in world.people],
            {"person": "who", "traits": people.mapping, "consents": consents},
        ),
        "items": (
            items,
            [{"item": id_} for id_ in world.items],
            {"item_id": "item", "attributes": items.mapping},
        ),
        "lists": (
            lists,
            [{"list": name, "who": key[p]} for name, members in world.lists.items()
             for p in members],
            {"list": {"column": "list"}, "person": "who"},
        ),
    }  # fmt: skip
    sources = []
    for name, (file, keys, mapping) in mappings.items():
        if keys:
            file.write(folder / f"{name}.{form}", keys)
            missing = [""] if form == "csv" else []
            source = {"id": name, "files": f"{name}.{form}", "missing": missing, name: mapping}
            sources.append(source)
    settings = {
        "version": 1,
        "name": "Drawn",
        "timezone": scene.timezone,
        "identity": {"session_gap": str(scene.session_gap)},
        "exclude": list(asked.default_exclude),
        "sources": sources,
    }
    (folder / "fewer.yaml").write_text(_json(settings), encoding="utf-8")
    (folder / "segments").mkdir()
    written = [_written(segment) for segment in asked.segments]
    (folder / "segments" / "all.yaml").write_text(_json(written), encoding="utf-8")


def _written(segment: Segment) -> Record:
    return segment.model_dump(by_alias=True, exclude_defaults=True, mode="python")


class _File:
    """Values in a file: as an object in JSON lines, else in columns named by number."""

    def __init__(self, form: Form, rows: Sequence[Values]) -> None:
        self.form = form
        self.rows = rows
        self.columns = {name: f"c{n}" for n, name in enumerate(_names(rows))}
        self.types = {n: _commonest(row[n] for row in rows if n in row) for n in self.columns}

    @property
    def mapping(self) -> Record:
        """What `fewer.yaml` says of the values."""
        if self.form == "jsonl":
            return {"*": "values"}
        if self.form == "parquet":
            return dict(self.columns)
        formats = {"timestamp": {"format": "epoch_us"}}
        return {
            name: {"column": column, "type": self.types[name], **formats.get(self.types[name], {})}
            for name, column in self.columns.items()
        }

    def write(self, path: Path, keys: Sequence[Record]) -> None:
        """A row for each of `keys`, beside its values."""
        match self.form:
            case "jsonl":
                both = zip(keys, self.rows, strict=True)
                lines = [_json({**key, "values": row}) + "\n" for key, row in both]
                path.write_text("".join(lines), encoding="utf-8")
            case "csv":
                self._csv(path, keys)
            case "parquet":
                self._parquet(path, keys)

    def _csv(self, path: Path, keys: Sequence[Record]) -> None:
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow([*keys[0], *self.columns.values()])
            for key, row in zip(keys, self.rows, strict=True):
                cells = [_cell(row[n]) if n in row else "" for n in self.columns]
                writer.writerow([*("" if v is None else v for v in key.values()), *cells])

    def _parquet(self, path: Path, keys: Sequence[Record]) -> None:
        arrays = {name: pa.array([key[name] for key in keys]) for name in keys[0]}
        for name, column in self.columns.items():
            held = [_bare(row[name]) if name in row else None for row in self.rows]
            arrays[column] = pa.array(held, ARROW[self.types[name]])
        pq.write_table(pa.table(arrays), path)


def _bare(value: Value) -> Any:
    return value.us if isinstance(value, Instant) else value


def _cell(value: Value) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case Decimal():
            return f"{value:f}"
        case _:
            return str(_bare(value))


def _json(tree: Any) -> str:
    """JSON with every digit of decimals, which `json.dumps` would take for floats."""
    match tree:
        case Mapping():
            return "{" + ", ".join(f"{_json(str(k))}: {_json(v)}" for k, v in tree.items()) + "}"
        case list() | tuple():
            return "[" + ", ".join(map(_json, tree)) + "]"
        case Decimal() | float():
            return f"{Decimal(str(tree)):f}"
        case str() | bool() | int() | None:
            return json.dumps(tree, ensure_ascii=False)
        case _:
            return _json(str(tree))
