"""Exporting an audience: members of a segment, consent checked, identifiers hashed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlglot.expressions as exp
from pyroaring import BitMap

from fewer.destinations.base import Audience
from fewer.destinations.file import Export, export
from fewer.destinations.prepare import Consent
from fewer.project.holding import held_out

if TYPE_CHECKING:
    import pyarrow as pa

    from fewer.project.project import Project


class StoreBook:
    """Looks identifiers up in the project's store; nothing of it is kept."""

    def __init__(self, project: Project) -> None:
        self._project = project

    def contacts(self, persons: BitMap, kinds: Any) -> pa.Table:
        """(person, kind, value), decrypted; several rows per person and kind."""
        return self._project.store.contacts(persons, kinds)

    def keys(self, persons: BitMap) -> pa.Table:
        """(person, key): the project's own id of each person."""
        return self._project.keys.table(persons)


def export_segment(
    project: Project,
    segment: str,
    path: Path,
    *,
    keys: Any,
    platform: str,
    allow_small: bool,
    build_id: str | None,
) -> Export:
    """Write the audience of a segment of a snapshot to a file; see `fewer.destinations.file`."""
    snapshot = project.snapshot(build_id)
    view = snapshot.segment(segment)
    audience = Audience(
        id=view.id,
        name=view.title,
        members=view.members,
        as_of_us=snapshot.as_of_us,
        build=snapshot.id,
        fingerprint=snapshot.fingerprint,
        data=project.settings.data,
        held_out=held_out(project, snapshot, segment),
    )
    return write_audience(
        project, audience, path, keys=keys, platform=platform, allow_small=allow_small
    )


def write_audience(
    project: Project, audience: Audience, path: Path, *, keys: Any, platform: str, allow_small: bool
) -> Export:
    """Write an audience to a file, by the project's rules of consent and of phone numbers."""
    settings = project.settings
    return export(
        audience,
        path,
        book=StoreBook(project),
        keys=keys,
        platform=platform,
        region=settings.identity.phone_region,
        consent=consent_now(project, settings.consent.purpose) if settings.consent else None,
        allow_small=allow_small,
    )


def consent_now(project: Project, purpose: str) -> Consent:
    """Who consents to a purpose now: consent is read when people are sent, not when chosen."""
    from fewer.project import clock

    query = (
        exp.select("person")
        .from_("consents")
        .where(exp.column("purpose").eq(exp.Placeholder()))
        .where(exp.column("state").eq(exp.Placeholder()))
    )
    with project.engine(clock.now_us()) as engine:
        rows = engine.run(query, parameters=[purpose, "granted"])
    people = rows.column("person").combine_chunks()
    if project.is_in_place:
        from fewer.project.in_place import numbering

        people = numbering(project)(people)
    return Consent(purpose, BitMap(people.to_numpy(zero_copy_only=False)))
