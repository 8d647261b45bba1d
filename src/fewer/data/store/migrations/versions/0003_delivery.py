"""Tables of delivery: audiences at destinations, frozen plans, the outbox."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "audiences",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("destination", sa.String(63), nullable=False),
        sa.Column("segment", sa.String(255), nullable=False),
        sa.Column("remote", sa.Text, nullable=False),
        sa.Column("columns", sa.Text, nullable=False),
        sa.Column("facts", sa.Text, nullable=False),
        sa.UniqueConstraint("destination", "segment", name="uq_audiences_destination_segment"),
    )
    op.create_table(
        "audience_rows",
        sa.Column("audience", sa.Integer, sa.ForeignKey("audiences.id"), primary_key=True),
        sa.Column("token", sa.LargeBinary(16), primary_key=True),
        sa.Column("person", sa.BigInteger, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "sync_plans",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("created_us", sa.BigInteger, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Column("body", sa.Text, nullable=False),
    )
    op.create_index("ix_sync_plans_created_us", "sync_plans", ["created_us"])
    op.create_table(
        "sync_batches",
        sa.Column("plan", sa.String(64), sa.ForeignKey("sync_plans.id"), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("audience", sa.Integer, sa.ForeignKey("audiences.id"), nullable=False),
        sa.Column("op", sa.String(8), nullable=False),
        sa.Column("tokens", sa.LargeBinary, nullable=False),
        sa.Column("people", sa.LargeBinary, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("receipt", sa.Text, nullable=False),
    )
    op.create_table(
        "sync_refused",
        sa.Column("plan", sa.String(64), sa.ForeignKey("sync_plans.id"), primary_key=True),
        sa.Column("audience", sa.Integer, sa.ForeignKey("audiences.id"), primary_key=True),
        sa.Column("token", sa.LargeBinary(16), primary_key=True),
        sa.Column("person", sa.BigInteger, nullable=False),
        sa.Column("op", sa.String(8), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("at_us", sa.BigInteger, nullable=False),
    )
