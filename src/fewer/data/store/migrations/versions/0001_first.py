"""The first tables.

Written out, not taken from `schema`: what a migration does must not change when the schema does.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create all tables."""
    op.create_table(
        "meta",
        sa.Column("key", sa.String(64), primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
    )
    op.create_table(
        "generations",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("created_us", sa.BigInteger),
        sa.Column("tables", sa.Text, nullable=False),
        sa.Column("facts", sa.Text, nullable=False),
        sa.Column("fingerprint", sa.String(64), nullable=False),
    )
    op.create_table(
        "ledger",
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("generation", sa.Integer, sa.ForeignKey("generations.number"), nullable=False),
        sa.Column("source", sa.String(64), nullable=False),
        sa.Column("file", sa.Text, nullable=False),
        sa.Column("content_hash", sa.String(64), nullable=False),
        sa.Column("mapping_hash", sa.String(64), nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("rows", sa.Text, nullable=False),
    )
    for name in ("generation", "source", "content_hash"):
        op.create_index(f"ix_ledger_{name}", "ledger", [name])
    op.create_table(
        "properties",
        sa.Column("kind", sa.String(1), primary_key=True),
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("type", sa.String(16), primary_key=True),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("overflow", sa.Boolean, nullable=False),
        sa.Column("generation", sa.Integer, sa.ForeignKey("generations.number"), nullable=False),
    )
    op.create_table(
        "builds",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("ordinal", sa.Integer, nullable=False, unique=True),
        sa.Column("as_of_us", sa.BigInteger, nullable=False),
        sa.Column("created_us", sa.BigInteger, nullable=False),
        sa.Column("engine", sa.String(64), nullable=False),
        sa.Column("generation", sa.Integer, nullable=False),
        sa.Column("definitions_fingerprint", sa.String(64), nullable=False),
        sa.Column("data_fingerprint", sa.String(64), nullable=False),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("universe", sa.BigInteger, nullable=False),
        sa.Column("facts", sa.Text, nullable=False),
    )
    op.create_table(
        "build_segments",
        sa.Column("build_id", sa.String(64), sa.ForeignKey("builds.id"), primary_key=True),
        sa.Column("segment_id", sa.String(255), primary_key=True),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("matched", sa.LargeBinary, nullable=False),
        sa.Column("members", sa.LargeBinary, nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("seconds", sa.Float, nullable=False),
        sa.Column("facts", sa.Text, nullable=False),
    )
    op.create_table(
        "runs",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("started_us", sa.BigInteger),
        sa.Column("finished_us", sa.BigInteger),
        sa.Column("facts", sa.Text, nullable=False),
    )
    op.create_table(
        "leases",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("generation", sa.Integer, nullable=False),
        sa.Column("holder", sa.String(255), nullable=False),
        sa.Column("expires_us", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_leases_generation", "leases", ["generation"])


def downgrade() -> None:
    """Drop all tables."""
    for name in (
        "leases",
        "runs",
        "build_segments",
        "builds",
        "properties",
        "ledger",
        "generations",
        "meta",
    ):
        op.drop_table(name)
