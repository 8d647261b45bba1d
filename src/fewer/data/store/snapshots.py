"""Builds: immutable snapshots of who was in which segment, kept in the control database."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from pyroaring import BitMap

from fewer.data.store import schema
from fewer.data.store.control import writing
from fewer.errors import NotFoundError

if TYPE_CHECKING:
    from fewer.data.store.store import Store


@dataclass(frozen=True, slots=True)
class SegmentResult:
    """One segment of a build.

    Attributes:
        definition: The segment as evaluated, as JSON.
        matched: Person numbers for whom its condition holds.
        members: Those that are left after its exclusions.
        funnel: (exclusion, people removed, people left), in the order applied.
        entered: People who were no members in the build before; None when there was none.
        exited: Members of the build before who are none now; None likewise.
        seconds: Its share of the time that the evaluation took.
        rows: Its share of the rows that the evaluation touched.
    """

    id: str
    definition: str
    matched: BitMap
    members: BitMap
    funnel: Sequence[tuple[str, int, int]] = ()
    entered: int | None = None
    exited: int | None = None
    warnings: Sequence[str] = ()
    proposals: Sequence[str] = ()
    seconds: float = 0.0
    rows: int = 0


@dataclass(frozen=True, slots=True)
class BuildInfo:
    """A build without its members."""

    id: str
    as_of_us: int
    created_us: int
    engine: str
    generation: int
    definitions_fingerprint: str
    data_fingerprint: str
    fingerprint: str
    universe: int
    seconds: float = 0.0
    facts: Mapping[str, Any] = field(default_factory=dict)
    sizes: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A build with its members. The id is given when it is saved.

    `facts` are whatever else the build wants to remember, as plain data.
    """

    id: str
    as_of_us: int
    created_us: int
    engine: str
    generation: int
    definitions_fingerprint: str
    data_fingerprint: str
    fingerprint: str
    universe: int
    seconds: float = 0.0
    facts: Mapping[str, Any] = field(default_factory=dict)
    segments: Mapping[str, SegmentResult] = field(default_factory=dict)


def save_build(store: Store, snapshot: Snapshot) -> Snapshot:
    """Keep a snapshot; return it with the id that it was given.

    Ids are the running number and the beginning of the fingerprint (``12-3f9a0c``), so people
    can tell builds apart and see which are equal.
    """
    builds = schema.builds
    with writing(store.control) as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(sa.text("LOCK TABLE builds IN EXCLUSIVE MODE"))
        last = connection.execute(sa.select(sa.func.max(builds.c.ordinal))).scalar()
        ordinal = (last or 0) + 1
        named = replace(snapshot, id=f"{ordinal}-{snapshot.fingerprint[:6]}")
        connection.execute(builds.insert().values(**_build_row(named), ordinal=ordinal))
        rows = [
            _segment_row(named.id, at, result) for at, result in enumerate(named.segments.values())
        ]
        if rows:
            connection.execute(schema.build_segments.insert(), rows)
    return named


def builds(store: Store) -> list[BuildInfo]:
    """All builds, newest first."""
    table, segments = schema.builds, schema.build_segments
    sizes: dict[str, dict[str, int]] = {}
    sized = sa.select(segments.c.build_id, segments.c.segment_id, segments.c.size).order_by(
        segments.c.position
    )
    with store.control.connect() as connection:
        for row in connection.execute(sized):
            sizes.setdefault(row.build_id, {})[row.segment_id] = row.size
        rows = connection.execute(table.select().order_by(table.c.ordinal.desc())).all()
    return [BuildInfo(**_build(row), sizes=sizes.get(row.id, {})) for row in rows]


def build(store: Store, build_id: str | None = None) -> Snapshot:
    """A build with all members: the newest one, or the one of that id.

    Raises:
        NotFoundError: when there is no such build.
    """
    table, segments = schema.builds, schema.build_segments
    query = table.select().order_by(table.c.ordinal.desc())
    if build_id is not None:
        query = query.where(table.c.id == build_id)
    with store.control.connect() as connection:
        row = connection.execute(query.limit(1)).first()
        if row is None:
            known = connection.execute(sa.select(table.c.id)).scalars().all()
            raise NotFoundError("build", build_id or "newest", known)
        parts = segments.select().where(segments.c.build_id == row.id)
        found = connection.execute(parts.order_by(segments.c.position)).all()
    return Snapshot(**_build(row), segments={part.segment_id: _segment(part) for part in found})


def _build_row(snapshot: Snapshot) -> dict[str, Any]:
    return {
        "id": snapshot.id,
        "as_of_us": snapshot.as_of_us,
        "created_us": snapshot.created_us,
        "engine": snapshot.engine,
        "generation": snapshot.generation,
        "definitions_fingerprint": snapshot.definitions_fingerprint,
        "data_fingerprint": snapshot.data_fingerprint,
        "fingerprint": snapshot.fingerprint,
        "universe": snapshot.universe,
        "facts": json.dumps({**snapshot.facts, "seconds": snapshot.seconds}),
    }


def _build(row: Any) -> dict[str, Any]:
    facts = json.loads(row.facts)
    return {
        "id": row.id,
        "as_of_us": row.as_of_us,
        "created_us": row.created_us,
        "engine": row.engine,
        "generation": row.generation,
        "definitions_fingerprint": row.definitions_fingerprint,
        "data_fingerprint": row.data_fingerprint,
        "fingerprint": row.fingerprint,
        "universe": row.universe,
        "seconds": facts.pop("seconds"),
        "facts": facts,
    }


def _segment_row(build_id: str, position: int, result: SegmentResult) -> dict[str, Any]:
    facts = {
        "definition": result.definition,
        "funnel": [list(step) for step in result.funnel],
        "entered": result.entered,
        "exited": result.exited,
        "warnings": list(result.warnings),
        "proposals": list(result.proposals),
        "rows": result.rows,
    }
    return {
        "build_id": build_id,
        "segment_id": result.id,
        "position": position,
        "matched": result.matched.serialize(),
        "members": result.members.serialize(),
        "size": len(result.members),
        "seconds": result.seconds,
        "facts": json.dumps(facts),
    }


def _segment(row: Any) -> SegmentResult:
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
        seconds=row.seconds,
        rows=facts.get("rows", 0),  # builds of earlier versions did not count them
    )
