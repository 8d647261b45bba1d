"""How a world becomes a project: the files a user would have, and what `fewer.yaml` says of them.

Files hold less than a world can: one has to say what a time is, a key with a dot needs another
name, an empty id is no id. `storable` takes that away beforehand, so that what is left must come
out of the store as it went in.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from fewer.model.segment import Segment
from oracle.world import Event, Instant, Value, Values, World
from strategies.definition import Asked
from strategies.scene import Scene

Record = dict[str, Any]


def storable(world: World) -> World:
    """The part of a world that JSON lines can say, with people who exist."""
    persons = {p: key for p, key in world.persons.items() if key.strip() == key != ""}
    return World(
        persons=persons,
        events=tuple(_events(world.events, set(persons))),
        people={p: _values(traits) for p, traits in world.people.items() if p in persons},
        consents={
            (p, purpose): state
            for (p, purpose), state in world.consents.items()
            if p in persons and p in world.people and state != "unknown"
        },
        items={id_: _values(values) for id_, values in world.items.items()},
        lists={name: people & set(persons) for name, people in world.lists.items()},
    )


def _events(events: Sequence[Event], persons: set[int]) -> Iterable[Event]:
    for event in events:
        if event.person in persons and event.event.strip():
            id_ = event.event_id.strip() or "none"
            yield replace(event, event_id=id_, properties=_values(event.properties))


def _values(values: Values) -> Values:
    said = {k: v for k, v in values.items() if "." not in k and _is_said(v)}
    return {k: str(v) if k == "item_id" else v for k, v in said.items()}  # item_id is text


def _is_said(value: Value) -> bool:
    """Not a time, which JSON has no word for, nor a number with more digits than a double."""
    match value:
        case Instant():
            return False
        case Decimal():
            return Decimal(repr(float(value))) == value
        case _:
            return True


# ---------------------------------------------------------------------------------------- files


def write(scene: Scene, asked: Asked, folder: Path) -> None:
    """Files, `fewer.yaml` and segments of a project with this world and these questions."""
    world, key = scene.world, scene.world.persons
    files: dict[str, list[Record]] = {
        "events": [
            {"id": e.event_id, "who": key[e.person], "at": e.ts, "what": e.event, "p": e.properties}
            for e in world.events
        ],
        "people": [
            {"who": key[p], "t": traits, "c": _consents(world, p)}
            for p, traits in world.people.items()
        ],
        "items": [{"item": id_, "a": values} for id_, values in world.items.items()],
        "lists": [
            {"list": name, "who": key[p]} for name, people in world.lists.items() for p in people
        ],
    }
    for name, records in files.items():
        _write_lines(folder / f"{name}.jsonl", records)
    settings = {
        "version": 1,
        "name": "Drawn",
        "timezone": scene.timezone,
        "identity": {"session_gap": str(scene.session_gap)},
        "exclude": list(asked.default_exclude),
        "sources": [_source(name, world) for name, records in files.items() if records],
    }
    (folder / "fewer.yaml").write_text(_json(settings), encoding="utf-8")
    (folder / "segments").mkdir()
    written = [_written(segment) for segment in asked.segments]
    (folder / "segments" / "all.yaml").write_text(_json(written), encoding="utf-8")


def _written(segment: Segment) -> Record:
    return segment.model_dump(by_alias=True, exclude_defaults=True, mode="python")


def _consents(world: World, person: int) -> dict[str, str]:
    return {purpose: state for (p, purpose), state in world.consents.items() if p == person}


def _source(name: str, world: World) -> Record:
    purposes = sorted({purpose for _, purpose in world.consents})
    mappings: Mapping[str, Any] = {
        "events": [
            {
                "event": {"column": "what"},
                "person": "who",
                "ts": {"column": "at", "format": "epoch_us"},
                "id": "id",
                "properties": {"*": "p"},
            }
        ],
        "people": {
            "person": "who",
            "traits": {"*": "t"},
            "consents": {
                purpose: {"column": f"c.{purpose}", "granted": ["granted"], "denied": ["denied"]}
                for purpose in purposes
            },
        },
        "items": {"item_id": "item", "attributes": {"*": "a"}},
        "lists": {"list": {"column": "list"}, "person": "who"},
    }
    return {"id": name, "files": f"{name}.jsonl", "missing": [], name: mappings[name]}


def _write_lines(path: Path, records: Sequence[Record]) -> None:
    path.write_text("".join(_json(record) + "\n" for record in records), encoding="utf-8")


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
