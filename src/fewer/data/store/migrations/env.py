"""Alembic runs this to migrate the connection that `control.connect` hands over."""

from __future__ import annotations

from alembic import context

from fewer.data.store.schema import metadata

if hasattr(context, "config"):  # imported by anyone else, there is nothing to migrate
    context.configure(
        connection=context.config.attributes["connection"],
        target_metadata=metadata,
        render_as_batch=True,
    )
    with context.begin_transaction():
        context.run_migrations()
