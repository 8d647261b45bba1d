"""The control database: SQLite in the project by default, PostgreSQL by URL.

Opening is cheap: Alembic is loaded only when the tables are old, or missing in PostgreSQL.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa

from fewer.data.store import schema
from fewer.errors import MissingExtraError, StoreError

REVISION: Final = "0003"
"""Newest migration; a test compares it with the folder."""

MIGRATIONS: Final = Path(__file__).parent / "migrations"
_BUSY_MS: Final = 30_000


def connect(url: str) -> sa.Engine:
    """Engine for `url`, its tables made or migrated.

    Raises:
        StoreError: when the database can't be opened, or a newer version of the program made it.
        MissingExtraError: for a PostgreSQL URL without its driver.
    """
    engine = _engine(url)
    try:
        revision = _revision(engine) or _create(engine)
        if revision != REVISION:
            _migrate(engine, revision)
    except sa.exc.DBAPIError as error:
        engine.dispose()
        reason = str(error.orig).strip().splitlines()[0] if error.orig else "unknown reason"
        raise StoreError(
            f"The control database can't be opened: {reason}. "
            "Check that its folder can be written to, or the URL."
        ) from error
    return engine


def sqlite_url(path: Path) -> str:
    """URL of a SQLite file."""
    return sa.URL.create("sqlite", database=str(path)).render_as_string(hide_password=False)


def _engine(url: str) -> sa.Engine:
    try:
        parsed = sa.make_url(url)
    except sa.exc.ArgumentError as error:
        raise StoreError(
            "The control database's URL can't be read. It looks like "
            "postgresql://user@host/name or sqlite:///path."
        ) from error
    if parsed.drivername == "postgresql":
        parsed = parsed.set(drivername="postgresql+psycopg")
    if parsed.get_backend_name() not in ("sqlite", "postgresql"):
        raise StoreError(
            f"The control database can't be {parsed.get_backend_name()}: "
            "SQLite and PostgreSQL are supported."
        )
    try:
        engine = sa.create_engine(parsed)
    except ModuleNotFoundError as error:
        raise MissingExtraError("A control database in PostgreSQL", "postgres") from error
    if engine.dialect.name == "sqlite":
        _tune_sqlite(engine)
    return engine


def _tune_sqlite(engine: sa.Engine) -> None:
    @sa.event.listens_for(engine, "connect")
    def on_connect(connection: Any, _: Any) -> None:
        connection.isolation_level = None  # BEGIN is ours, see on_begin
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {_BUSY_MS}")
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA synchronous = FULL")  # a published generation survives power loss
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.close()

    @sa.event.listens_for(engine, "begin")
    def on_begin(connection: sa.Connection) -> None:
        # A deferred transaction that turns to writing fails at once when another one writes.
        writes = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


@contextmanager
def writing(engine: sa.Engine) -> Iterator[sa.Connection]:
    """A transaction that writes: committed at the end, rolled back on any error.

    Raises `StoreError` when the database can't be written to.
    """
    try:
        with engine.connect() as plain:
            connection = plain.execution_options(writes=True)
            with connection.begin():
                yield connection
    except sa.exc.OperationalError as error:
        reason = str(error.orig).strip().splitlines()[0] if error.orig else "unknown reason"
        raise StoreError(
            f"The control database can't be written to: {reason}. What was being saved is not."
            " Make room on its disk, or check that it can be reached, and try again."
        ) from error


def _revision(engine: sa.Engine) -> str | None:
    with engine.connect() as connection:
        return _revision_in(connection)


def _revision_in(connection: sa.Connection) -> str | None:
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    query = sa.text("SELECT version_num FROM alembic_version")
    return connection.execute(query).scalar_one_or_none()


def _create(engine: sa.Engine) -> str | None:
    """Make all tables of an empty SQLite file at once, as the migrations would; its revision.

    A test compares the two. Any other database is left to the migrations.
    """
    if engine.dialect.name != "sqlite":
        return None
    with writing(engine) as connection:
        if sa.inspect(connection).get_table_names():
            return _revision_in(connection)  # another process was faster
        schema.metadata.create_all(connection, checkfirst=False)
        version = "CREATE TABLE alembic_version ( version_num VARCHAR(32) NOT NULL, "
        connection.execute(
            sa.text(version + "CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num) )")
        )
        connection.execute(
            sa.text("INSERT INTO alembic_version (version_num) VALUES (:revision)"),
            {"revision": REVISION},
        )
    return REVISION


def _migrate(engine: sa.Engine, revision: str | None) -> None:
    from alembic import command  # noqa: PLC0415  slow to load, rarely needed
    from alembic.config import Config  # noqa: PLC0415  same
    from alembic.script import ScriptDirectory  # noqa: PLC0415  same

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "os")
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if revision is not None and revision not in known:
        raise StoreError(
            f"This store was made by a newer version of fewer (tables {revision}, this version "
            f"knows {REVISION}). Upgrade fewer: pip install -U fewer"
        )
    with writing(engine) as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
