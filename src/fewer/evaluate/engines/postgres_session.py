"""A connection to PostgreSQL: how it is opened, asked, stopped, and what is said when it fails."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as Unfinished
from contextlib import contextmanager, suppress
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final, TypeVar
from uuid import uuid4

from sqlglot import exp

from fewer.errors import EngineError, MissingExtraError, StoppedError, UnsupportedByEngineError
from fewer.evaluate.engines.base import EngineSettings, Stop

if TYPE_CHECKING:
    import psycopg

T = TypeVar("T")

_MOST_SQL: Final = 4_000
"""Characters of a failing query that an error shows."""

_ASKED: Final = 0.05
"""Seconds between two questions whether to stop."""

_OURS: Final = ("schema",)
"""Options that are not settings of the server."""

_DEFAULTS: Final = {
    # Compiling a query of hundreds of columns takes longer than running it.
    "jit": "off",
    # A result joins each step to everyone: in the order written, not in the best of 400! orders.
    "join_collapse_limit": "1",
    "work_mem": "64MB",
    "client_encoding": "UTF8",
    "standard_conforming_strings": "on",
    "TimeZone": "UTC",
    "IntervalStyle": "postgres",
    "extra_float_digits": "1",
    "application_name": "fewer",
}

_TELLS_VALUES: Final = ("22", "23")
"""Classes of errors whose text may quote the data."""

_TOO_LARGE: Final = ("54",)
"""Classes of errors that mean a limit of PostgreSQL itself."""

_NEXT: Final = {
    "08": "The connection was lost: nothing of this evaluation was kept. Run it again.",
    "28": "Check the user and the password in the URL.",
    "3D": "Check the name of the database in the URL.",
    "42501": "Let an administrator grant it: reading the tables, and TEMPORARY on the database.",
    "42P01": "A table was dropped or renamed while it was read, or never was. Run it again.",
    "42703": "A column was dropped or renamed while it was read. Run it again.",
    "53": "The server ran out of room, memory or connections. Nothing of this evaluation was kept.",
    "57014": "The server cancelled it: a statement_timeout, or an administrator.",
    "57": "The server was stopped: nothing of this evaluation was kept. Run it again.",
    "XX": "The server's files are damaged, or PostgreSQL has a fault: see its log.",
}


def driver() -> ModuleType:
    """The psycopg package."""
    try:
        import psycopg  # noqa: PLC0415  an optional part
    except ImportError:
        raise MissingExtraError("The engine 'postgres'", "postgres") from None
    return psycopg


class Session:
    """One connection. Whatever it makes in a `scratch` is gone at its end."""

    def __init__(self, settings: EngineSettings) -> None:
        self._psycopg = driver()
        self.connection: psycopg.Connection[Any] = self._connect(settings)
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="fewer-postgres")
        try:
            self._prepare(settings)
        except BaseException:
            self.close()
            raise

    def _connect(self, settings: EngineSettings) -> psycopg.Connection[Any]:
        if not settings.url:
            raise EngineError(
                "The engine 'postgres' needs the URL of a server: name an environment variable"
                " that holds it, as in `engine: {name: postgres, url_env: DATABASE_URL}`, and set"
                " it to postgresql://USER:PASSWORD@HOST:5432/DATABASE."
            )
        from psycopg.conninfo import conninfo_to_dict  # noqa: PLC0415  an optional part

        try:
            known = conninfo_to_dict(settings.url)
        except self._psycopg.Error:  # its text quotes the URL, with the password
            raise EngineError(
                "The URL of the engine 'postgres' can't be read. Expected"
                " postgresql://USER:PASSWORD@HOST:5432/DATABASE, with %-signs for special"
                " characters; the URL itself is not repeated, as it may hold a password."
            ) from None
        known.setdefault("connect_timeout", "10")
        try:
            connection: psycopg.Connection[Any] = self._psycopg.connect(**known, autocommit=True)
        except self._psycopg.Error as error:
            said = str(error).strip()
            secret = known.get("password")
            if secret:
                said = said.replace(str(secret), "***")
            raise EngineError(
                f"PostgreSQL could not be reached: {said}\nCheck the URL, and that the server runs."
            ) from None
        return connection

    def _prepare(self, settings: EngineSettings) -> None:
        encoding = self.connection.info.parameter_status("server_encoding")
        if encoding != "UTF8":
            raise EngineError(
                f"The database is encoded in {encoding}, expected UTF8: only there does text mean"
                " the same as elsewhere. Use a database made with ENCODING 'UTF8'."
            )
        chosen = dict(_DEFAULTS)
        chosen["max_parallel_workers_per_gather"] = str(max(settings.threads - 1, 0))
        if settings.memory_limit:
            chosen["work_mem"] = _work_mem(settings.memory_limit)
        chosen |= {k: v for k, v in settings.options.items() if k not in _OURS}
        for name, value in chosen.items():
            try:
                self.connection.execute("SELECT set_config(%s, %s, false)", (name, value))
            except self._psycopg.Error as error:
                said = error.diag.message_primary
                raise EngineError(f"PostgreSQL refuses the option {name!r}: {said}.") from None

    def close(self) -> None:
        """End the connection."""
        self._worker.shutdown(wait=False)
        self.connection.close()

    @contextmanager
    def scratch(self) -> Iterator[None]:
        """One view of the data for every query inside; whatever they make is taken back."""
        self.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        try:
            yield
        finally:
            if not self.connection.closed:
                with self._refusing("ROLLBACK"):
                    self.connection.rollback()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing."""
        self.execute("BEGIN")
        try:
            yield
            self.execute("COMMIT")
        except BaseException:
            if not self.connection.closed:
                self.connection.rollback()
            raise

    def execute(
        self, sql: str, parameters: Sequence[Any] = (), *, should_stop: Stop | None = None
    ) -> psycopg.RawCursor[Any]:
        """Run a statement whose parameters are written ``$1``, ``$2``."""
        cursor: psycopg.RawCursor[Any] = self._psycopg.RawCursor(self.connection)

        def run() -> psycopg.RawCursor[Any]:
            with self._refusing(sql):
                cursor.execute(sql.encode(), list(parameters) or None)
            return cursor

        return self.waiting(run, should_stop)

    @contextmanager
    def copy(self, sql: str) -> Iterator[psycopg.Copy]:
        """COPY in or out."""
        cursor = self.connection.cursor()
        with self._refusing(sql), cursor, cursor.copy(sql.encode()) as copy:
            yield copy

    def waiting(self, work: Callable[[], T], should_stop: Stop | None) -> T:
        """Do `work`, which waits for the server; cancel it when the caller asks to stop."""
        if should_stop is None:
            return work()
        future = self._worker.submit(work)
        try:
            while True:
                try:
                    return future.result(timeout=_ASKED)
                except Unfinished:
                    if future.done() or not should_stop():
                        continue
                    raise StoppedError("Stopped on request.") from None
        except BaseException:
            if not future.done():
                with suppress(self._psycopg.Error):
                    self.connection.cancel_safe(timeout=5)
                future.exception()  # whatever it is: it was cancelled
            raise

    @contextmanager
    def _refusing(self, sql: str) -> Iterator[None]:
        try:
            yield
        except self._psycopg.Error as error:
            raise refused(error, sql, lost=self.connection.closed) from None


def refused(error: psycopg.Error, sql: str, *, lost: bool) -> EngineError:
    """What is said of a failed statement: never the data."""
    state = error.sqlstate or ("08006" if lost else "")
    said = error.diag.message_primary or type(error).__name__
    if state[:2] in _TELLS_VALUES:
        said = type(error).__name__
    rest = f"\n... ({len(sql):,} characters in all)" if len(sql) > _MOST_SQL else ""
    shown = f"\n\n{sql[:_MOST_SQL]}{rest}"
    if state[:2] in _TOO_LARGE:
        return UnsupportedByEngineError(
            f"This is larger than PostgreSQL can hold: {said}. Use `--engine duckdb`, or ask for"
            f" fewer segments at once.{shown}"
        )
    hint = _NEXT.get(state) or _NEXT.get(state[:2], "")
    return EngineError(f"PostgreSQL could not run this query: {said}. {hint}".rstrip() + shown)


def as_text(query: exp.Expr) -> str:
    """SQL whose placeholders are ``$1``, ``$2``, ... as they come in the text.

    Callers give parameters in that order, which need not be that of the tree.
    """
    if query.find(exp.Placeholder) is None:
        return query.sql(dialect="postgres")
    mark = f"fewer_{uuid4().hex}"

    def mask(node: exp.Expr) -> exp.Expr:
        is_hole = isinstance(node, exp.Placeholder)
        return exp.Identifier(this=mark, quoted=False) if is_hole else node

    text = query.copy().transform(mask, copy=False).sql(dialect="postgres")
    places = itertools.count(1)
    return re.sub(mark, lambda _: f"${next(places)}", text)


def _work_mem(limit: str) -> str:
    """A share of the limit: a query sorts and groups in several places at once."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kKMGT])i?B", limit.strip())
    if not found:
        raise EngineError(f"A memory limit such as '4GB' was expected, not {limit!r}.")
    bytes_ = float(found[1]) * 1024 ** ("KMGT".index(found[2].upper()) + 1)
    return f"{max(int(bytes_ / 1024 / 8), 1024)}kB"
