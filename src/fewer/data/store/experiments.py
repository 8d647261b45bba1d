"""Records of experiments in the control database: only ever added to, and chained by hashes.

The hash of a record covers its content, its people and the hash of the record before it, so a
row that was changed, taken out or put between others no longer fits. Triggers of the database
refuse such changes as well; the hashes notice what was done around them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final, Literal

import sqlalchemy as sa
from pyroaring import BitMap

from fewer.data.store import schema
from fewer.data.store.control import writing
from fewer.errors import StoreError

if TYPE_CHECKING:
    from fewer.data.store.store import Store

Kind = Literal["plan", "assigned", "lift"]

FIRST: Final = "0" * 64
"""What the first record names as the hash before it."""


class TamperedError(StoreError):
    """A record of experiments is not what was written."""

    code = "record_changed"


@dataclass(frozen=True, slots=True)
class Record:
    """One record, as it was written.

    Attributes:
        seq: Running number, from 1.
        kind: ``plan`` (pre-registration), ``assigned`` (people put into arms) or ``lift``
            (a result measured elsewhere).
        body: Plain data; never a person.
        previous: Hash of the record before.
    """

    seq: int
    experiment: str
    kind: Kind
    created_us: int
    body: Mapping[str, Any]
    previous: str
    hash: str


def append(
    store: Store,
    experiment: str,
    kind: Kind,
    body: Mapping[str, Any],
    *,
    at_us: int,
    people: Mapping[str, BitMap] | None = None,
    after: int | None = None,
) -> Record:
    """Add a record at the end; `people` are kept beside it, and their hashes in it.

    With `after`, only when that is the number of the experiment's newest record (0: it has
    none), so that two who write at once can't both believe themselves the first.

    Raises:
        StoreError: somebody else wrote meanwhile, or the records were tampered with.
    """
    kept = {part: _bytes(who) for part, who in (people or {}).items()}
    whole = dict(body)
    if kept:
        whole["people"] = {part: sha256(data).hexdigest() for part, data in kept.items()}
    table = schema.experiment_records
    with writing(store.control) as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(sa.text("LOCK TABLE experiment_records IN EXCLUSIVE MODE"))
        rows = _rows(connection)
        mine = [row.seq for row in rows if row.experiment == experiment]
        if after is not None and (mine[-1] if mine else 0) != after:
            raise StoreError(
                f"Experiment {experiment!r} was changed by somebody else meanwhile. Look at"
                f" `fewer experiment show {experiment}`, then try again."
            )
        seq, previous = (rows[-1].seq + 1, rows[-1].hash) if rows else (1, FIRST)
        text = _text(whole)
        digest = _digest(seq, experiment, kind, at_us, text, previous)
        connection.execute(
            table.insert().values(
                seq=seq,
                experiment=experiment,
                kind=kind,
                created_us=at_us,
                body=text,
                previous=previous,
                hash=digest,
            )
        )
        if kept:
            connection.execute(
                schema.experiment_people.insert(),
                [{"seq": seq, "part": part, "people": data} for part, data in kept.items()],
            )
    return Record(seq, experiment, kind, at_us, json.loads(text), previous, digest)


def records(store: Store, experiment: str | None = None) -> list[Record]:
    """All records in the order written, or those of one experiment, after checking the chain.

    Raises:
        TamperedError: a record was changed, taken out or put between others.
    """
    with store.control.connect() as connection:
        found = _rows(connection)
    return [r for r in found if experiment is None or r.experiment == experiment]


def people(store: Store, record: Record) -> dict[str, BitMap]:
    """Who is in which part of an assignment, after checking them against its record.

    Raises:
        TamperedError: the people are not those that were written.
    """
    table = schema.experiment_people
    query = table.select().where(table.c.seq == record.seq)
    with store.control.connect() as connection:
        rows = {row.part: bytes(row.people) for row in connection.execute(query)}
    expected = record.body.get("people", {})
    if {part: sha256(data).hexdigest() for part, data in rows.items()} != dict(expected):
        raise _tampered(record.seq, record.experiment, "its people are not those written")
    return {part: BitMap.deserialize(rows[part]) for part in expected}


def _rows(connection: sa.Connection) -> list[Record]:
    table = schema.experiment_records
    found: list[Record] = []
    previous = FIRST
    for row in connection.execute(table.select().order_by(table.c.seq)):
        digest = _digest(row.seq, row.experiment, row.kind, row.created_us, row.body, row.previous)
        if row.hash != digest:
            raise _tampered(row.seq, row.experiment, "it is not what was written")
        if row.previous != previous or row.seq != len(found) + 1:
            raise _tampered(row.seq, row.experiment, "a record before it is missing or was added")
        previous = row.hash
        found.append(
            Record(
                row.seq,
                row.experiment,
                row.kind,
                row.created_us,
                json.loads(row.body),
                row.previous,
                row.hash,
            )
        )
    return found


def _tampered(seq: int, experiment: str, what: str) -> TamperedError:
    return TamperedError(
        f"Record {seq} of experiment {experiment!r} can't be trusted: {what}. Nothing after it"
        " may be read. Restore the control database from a copy, or compare with the hash that"
        " was printed when it was registered."
    )


def _digest(*parts: str | int) -> str:
    return sha256(_text(list(parts)).encode()).hexdigest()


def _text(data: Mapping[str, Any] | Sequence[Any]) -> str:
    return json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _bytes(who: BitMap) -> bytes:
    data: bytes = BitMap(who).serialize()
    return data
