"""Tables of experiments, which can only be added to."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_TABLES = ("experiment_records", "experiment_people")


def upgrade() -> None:
    """Create the tables, and triggers that refuse to change or delete a row."""
    op.create_table(
        "experiment_records",
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("experiment", sa.String(255), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("created_us", sa.BigInteger, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("previous", sa.String(64), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False, unique=True),
    )
    op.create_index("ix_experiment_records_experiment", "experiment_records", ["experiment"])
    op.create_table(
        "experiment_people",
        sa.Column(
            "seq",
            sa.Integer,
            sa.ForeignKey("experiment_records.seq"),
            primary_key=True,
            autoincrement=False,
        ),
        sa.Column("part", sa.String(255), primary_key=True),
        sa.Column("people", sa.LargeBinary, nullable=False),
    )
    for table in _TABLES:
        for statement in _refuse_changes(table, op.get_bind().dialect.name):
            op.execute(statement)


def _refuse_changes(table: str, dialect: str) -> list[str]:
    words = "what was registered can not be changed: register anew"
    if dialect == "postgresql":
        return [
            (
                f"CREATE FUNCTION {table}_fixed() RETURNS trigger LANGUAGE plpgsql AS"
                f" $$ BEGIN RAISE EXCEPTION '{words}'; END $$"
            ),
            (
                f"CREATE TRIGGER {table}_fixed BEFORE UPDATE OR DELETE ON {table}"
                f" FOR EACH ROW EXECUTE FUNCTION {table}_fixed()"
            ),
        ]
    return [
        f"CREATE TRIGGER {table}_no_{what.lower()} BEFORE {what} ON {table}"
        f" BEGIN SELECT RAISE(ABORT, '{words}'); END"
        for what in ("UPDATE", "DELETE")
    ]


def downgrade() -> None:
    """Drop the tables; their triggers go with them."""
    for table in reversed(_TABLES):
        op.drop_table(table)
        if op.get_bind().dialect.name == "postgresql":
            op.execute(f"DROP FUNCTION {table}_fixed()")
