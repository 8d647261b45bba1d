"""Tables of the control database. Migrations make them; queries are written with them.

The database pins what the Delta tables mean: a Delta commit that no row of `generations` names
has never happened.
"""

from __future__ import annotations

from sqlalchemy import (
    DDL,
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    event,
)

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_name)s",
    }
)

meta = Table(
    "meta",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("value", Text, nullable=False),
)
"""Single facts: ``writing`` names the run that may have left unpublished Delta commits."""

generations = Table(
    "generations",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("created_us", BigInteger),
    Column("tables", Text, nullable=False),  # JSON: table -> TableState
    Column("facts", Text, nullable=False),  # JSON: Facts
    Column("fingerprint", String(64), nullable=False),
)
"""One row for each published state: versions of all tables, and what readers need to know."""

ledger = Table(
    "ledger",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("generation", ForeignKey("generations.number"), nullable=False, index=True),
    Column("source", String(64), nullable=False, index=True),
    Column("file", Text, nullable=False),  # relative to the project when below it
    Column("content_hash", String(64), nullable=False, index=True),
    Column("mapping_hash", String(64), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("state", String(16), nullable=False),  # active | replaced
    Column("rows", Text, nullable=False),  # JSON: RowCounts
)
"""One row for each file read, in the order read."""

properties = Table(
    "properties",
    metadata,
    Column("kind", String(1), primary_key=True),  # p event property, t trait, i item attribute
    Column("name", Text, primary_key=True),
    Column("type", String(16), primary_key=True),
    Column("number", Integer, nullable=False),
    Column("overflow", Boolean, nullable=False),
    Column("generation", ForeignKey("generations.number"), nullable=False),
)
"""Coded column of each (property, type): kind + number + suffix of the type."""

builds = Table(
    "builds",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("ordinal", Integer, nullable=False, unique=True),
    Column("as_of_us", BigInteger, nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Column("engine", String(64), nullable=False),
    Column("generation", Integer, nullable=False),
    Column("definitions_fingerprint", String(64), nullable=False),
    Column("data_fingerprint", String(64), nullable=False),
    Column("fingerprint", String(64), nullable=False),
    Column("universe", BigInteger, nullable=False),
    Column("facts", Text, nullable=False),  # JSON: whatever the build wants to remember
)
"""Immutable snapshots."""

build_segments = Table(
    "build_segments",
    metadata,
    Column("build_id", ForeignKey("builds.id"), primary_key=True),
    Column("segment_id", String(255), primary_key=True),
    Column("position", Integer, nullable=False),
    Column("matched", LargeBinary, nullable=False),  # roaring bitmap
    Column("members", LargeBinary, nullable=False),  # roaring bitmap
    Column("size", BigInteger, nullable=False),
    Column("seconds", Float, nullable=False),
    Column("facts", Text, nullable=False),  # JSON: definition, funnel, warnings, proposals, ...
)
"""Members of each segment of a build."""

runs = Table(
    "runs",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("kind", String(32), nullable=False),
    Column("state", String(16), nullable=False),  # running | done | failed | stopped
    Column("started_us", BigInteger),
    Column("finished_us", BigInteger),
    Column("facts", Text, nullable=False),
)
"""What ran, for people to look back at."""

leases = Table(
    "leases",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("generation", Integer, nullable=False, index=True),
    Column("holder", String(255), nullable=False),
    Column("expires_us", BigInteger, nullable=False),
)
"""Readers that still need the files of an older generation."""

experiment_records = Table(
    "experiment_records",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("experiment", String(255), nullable=False, index=True),
    Column("kind", String(16), nullable=False),  # plan | assigned | lift
    Column("created_us", BigInteger, nullable=False),
    Column("body", Text, nullable=False),  # canonical JSON
    Column("previous", String(64), nullable=False),  # hash of the record before
    Column("hash", String(64), nullable=False, unique=True),
)
"""What was registered, assigned and imported, in order. Only ever added to: each record holds the
hash of the one before, and triggers refuse changes."""

experiment_people = Table(
    "experiment_people",
    metadata,
    Column("seq", ForeignKey("experiment_records.seq"), primary_key=True, autoincrement=False),
    Column("part", String(255), primary_key=True),  # arm:NAME | segment:ID | stratum ...
    Column("people", LargeBinary, nullable=False),  # roaring bitmap; its hash is in the record
)
"""Who is in which arm of an assignment, and in which segment they count."""

audiences = Table(
    "audiences",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("destination", String(63), nullable=False),
    Column("segment", String(255), nullable=False),
    Column("remote", Text, nullable=False),  # the platform's id of it; empty until it is made
    Column("columns", Text, nullable=False),  # JSON: what a row holds; fixed by the first plan
    Column("facts", Text, nullable=False),  # JSON
    UniqueConstraint("destination", "segment", name="uq_audiences_destination_segment"),
)
"""One audience at one destination; unique by both."""

audience_rows = Table(
    "audience_rows",
    metadata,
    Column("audience", ForeignKey("audiences.id"), primary_key=True),
    Column("token", LargeBinary(16), primary_key=True),  # keyed digest of the row
    Column("person", BigInteger, nullable=False),
    Column("state", String(16), nullable=False),  # there | uncertain
    Column("sealed", LargeBinary, nullable=False),  # the row, encrypted: removing needs it
)
"""Rows that the platform acknowledged, and those of which it is not known: sent, no answer yet."""

sync_plans = Table(
    "sync_plans",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("created_us", BigInteger, nullable=False, index=True),
    Column("state", String(16), nullable=False),  # planned | applying | done | partial | dropped
    Column("hash", String(64), nullable=False),  # of the body and every batch
    Column("body", Text, nullable=False),  # JSON: counts and reasons, never a person
)
"""Frozen plans."""

sync_batches = Table(
    "sync_batches",
    metadata,
    Column("plan", ForeignKey("sync_plans.id"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("audience", ForeignKey("audiences.id"), nullable=False),
    Column("op", String(8), nullable=False),  # add | remove
    Column("tokens", LargeBinary, nullable=False),  # 16 bytes a row
    Column("people", LargeBinary, nullable=False),  # 4 bytes a row, little endian
    Column("state", String(16), nullable=False),  # waiting | sending | done | failed
    Column("attempts", Integer, nullable=False),
    Column("receipt", Text, nullable=False),  # JSON: counts, reasons, the platform's reference
)
"""The outbox: what a plan sends, in order."""

sync_refused = Table(
    "sync_refused",
    metadata,
    Column("plan", ForeignKey("sync_plans.id"), primary_key=True),
    Column("audience", ForeignKey("audiences.id"), primary_key=True),
    Column("token", LargeBinary(16), primary_key=True),
    Column("person", BigInteger, nullable=False),
    Column("op", String(8), nullable=False),
    Column("reason", Text, nullable=False),
    Column("at_us", BigInteger, nullable=False),
)
"""Rows that a platform refused, with its reason: quarantine."""


for _fixed in (experiment_records, experiment_people):
    for _what in ("UPDATE", "DELETE"):
        _trigger = DDL(  # type: ignore[no-untyped-call]
            f"CREATE TRIGGER {_fixed.name}_no_{_what.lower()} BEFORE {_what} ON {_fixed.name}"
            " BEGIN SELECT RAISE(ABORT, 'what was registered can not be changed: register anew');"
            " END"
        )
        event.listen(_fixed, "after_create", _trigger.execute_if(dialect="sqlite"))
