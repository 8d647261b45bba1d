"""Snapshots: who was in each segment at one moment, kept for good in the control database."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa
from pyroaring import BitMap

from fewer.data.store import schema
from fewer.errors import NotFoundError, StoreError

if TYPE_CHECKING:
    from fewer.data.store.store import Store

_TRIES: Final = 5


@dataclass(frozen=True, slots=True)
class SegmentResult:
    """One segment of a snapshot. Bitmaps hold person numbers."""

    id: str
    definition: str  # JSON of the definition it was evaluated with
    matched: BitMap  # people for whom the condition held
    members: BitMap  # those of them whom no exclusion removed
    funnel: tuple[tuple[str, int, int], ...] = ()  # (exclusion, removed, remaining)
    entered: int | None = None  # people new since the snapshot before; None: there was none
    exited: int | None = None
    warnings: tuple[str, ...] = ()
    proposals: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Members of all segments at `as_of_us`. Never changes once saved.

    The same `fingerprint` means the same members, bit by bit.
    """

    id: str
    as_of_us: int
    created_us: int
    engine: str
    generation: int
    definitions_fingerprint: str
    data_fingerprint: str
    fingerprint: str
    universe: int  # people in all
    segments: Mapping[str, SegmentResult]
    seconds: float = 0.0  # time the evaluation took


@dataclass(frozen=True, slots=True)
class BuildInfo:
    """A snapshot in a list: everything but its members."""

    id: str
    as_of_us: int
    created_us: int
    engine: str
    generation: int
    fingerprint: str
    universe: int
    segments: int
    seconds: float


def save_build(store: Store, snapshot: Snapshot) -> Snapshot:
    """Save a snapshot in one transaction; returns it with the id it was given (``b1``, ``b2``).

    Raises `StoreError` when other processes keep saving at the same moment.
    """
    for _ in range(_TRIES):
        try:
            with store.control.begin() as connection:
                return _insert(connection, snapshot)
        except sa.exc.IntegrityError:  # another process took the number: take the next
            continue
    raise StoreError("Other processes keep saving snapshots at the same moment. Try again.")


def builds(store: Store) -> list[BuildInfo]:
    """All snapshots, newest first."""
    table, parts = schema.builds, schema.build_segments
    counted = (
        sa.select(parts.c.build_id, sa.func.count().label("segments"))
        .group_by(parts.c.build_id)
        .subquery()
    )
    query = (
        sa.select(table, counted.c.segments)
        .outerjoin(counted, counted.c.build_id == table.c.id)
        .order_by(table.c.ordinal.desc())
    )
    with store.control.connect() as connection:
        return [
            BuildInfo(
                row.id,
                row.as_of_us,
                row.created_us,
                row.engine,
                row.generation,
                row.fingerprint,
                row.universe,
                row.segments or 0,
                json.loads(row.facts)["seconds"],
            )
            for row in connection.execute(query)
        ]


def build(store: Store, build_id: str | None = None) -> Snapshot:
    """A snapshot by id, or the newest one.

    Raises `NotFoundError` when there is no such snapshot, or none at all.
    """
    table, parts = schema.builds, schema.build_segments
    query = sa.select(table).order_by(table.c.ordinal.desc()).limit(1)
    if build_id is not None:
        query = sa.select(table).where(table.c.id == build_id)
    with store.control.connect() as connection:
        row = connection.execute(query).first()
        if row is None:
            known = connection.execute(sa.select(table.c.id)).scalars().all()
            raise NotFoundError("refresh", build_id or "newest", known)
        members = sa.select(parts).where(parts.c.build_id == row.id).order_by(parts.c.position)
        segments = {part.segment_id: _result(part) for part in connection.execute(members)}
    return Snapshot(
        id=row.id,
        as_of_us=row.as_of_us,
        created_us=row.created_us,
        engine=row.engine,
        generation=row.generation,
        definitions_fingerprint=row.definitions_fingerprint,
        data_fingerprint=row.data_fingerprint,
        fingerprint=row.fingerprint,
        universe=row.universe,
        segments=segments,
        seconds=json.loads(row.facts)["seconds"],
    )


def _insert(connection: sa.Connection, snapshot: Snapshot) -> Snapshot:
    newest = sa.select(sa.func.max(schema.builds.c.ordinal))
    ordinal = (connection.execute(newest).scalar() or 0) + 1
    saved = replace(snapshot, id=f"b{ordinal}")
    connection.execute(
        schema.builds.insert(),
        {
            "id": saved.id,
            "ordinal": ordinal,
            "as_of_us": saved.as_of_us,
            "created_us": saved.created_us,
            "engine": saved.engine,
            "generation": saved.generation,
            "definitions_fingerprint": saved.definitions_fingerprint,
            "data_fingerprint": saved.data_fingerprint,
            "fingerprint": saved.fingerprint,
            "universe": saved.universe,
            "facts": json.dumps({"seconds": saved.seconds}),
        },
    )
    rows = [_row(saved.id, at, result) for at, result in enumerate(saved.segments.values())]
    if rows:
        connection.execute(schema.build_segments.insert(), rows)
    return saved


def _row(build_id: str, position: int, result: SegmentResult) -> dict[str, Any]:
    facts = {
        "definition": result.definition,
        "funnel": result.funnel,
        "entered": result.entered,
        "exited": result.exited,
        "warnings": result.warnings,
        "proposals": result.proposals,
    }
    return {
        "build_id": build_id,
        "segment_id": result.id,
        "position": position,
        "matched": result.matched.serialize(),
        "members": result.members.serialize(),
        "size": len(result.members),
        "seconds": 0.0,
        "facts": json.dumps(facts, ensure_ascii=False),
    }


def _result(row: Any) -> SegmentResult:
    facts = json.loads(row.facts)
    return SegmentResult(
        id=row.segment_id,
        definition=facts["definition"],
        matched=BitMap.deserialize(row.matched),
        members=BitMap.deserialize(row.members),
        funnel=tuple((name, removed, left) for name, removed, left in facts["funnel"]),
        entered=facts["entered"],
        exited=facts["exited"],
        warnings=tuple(facts["warnings"]),
        proposals=tuple(facts["proposals"]),
    )
