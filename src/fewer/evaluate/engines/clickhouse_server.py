"""A ClickHouse server that someone runs, over HTTP, by clickhouse-connect."""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final
from urllib.parse import parse_qs, unquote, urlsplit
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq
from sqlglot import exp

from fewer.errors import EngineError, MissingExtraError
from fewer.evaluate.engines.base import Dataset, EngineSettings
from fewer.evaluate.engines.clickhouse_local import type_of
from fewer.evaluate.engines.clickhouse_session import (
    arrow_table,
    is_refusal,
    refused,
    settings_of,
)
from fewer.evaluate.engines.staging import staged
from fewer.evaluate.sql.tree import identifier

_OLDEST: Final = (24, 8)
"""Version below which a server would understand the queries in another way."""

_BATCH: Final = 500_000
"""Rows sent at once."""

_SESSION_SECONDS: Final = 3_600
"""How long a server keeps the temporary tables of a client that is silent."""

_KEPT_SECONDS: Final = 86_400
"""Age of a copy that nobody uses any more."""

_ORDERS: Final = {
    "events": "(event, ts)",
    "items": "tuple()",
    "lists": "(list_id, person)",
    "consents": "(purpose, person)",
}

_SCHEMES: Final = {"clickhouse": False, "http": False, "clickhouses": True, "https": True}


@dataclass(frozen=True, slots=True)
class Address:
    """A server and who asks; the password is not shown."""

    host: str
    port: int
    secure: bool
    user: str
    password: str = field(repr=False)
    database: str | None

    @classmethod
    def of(cls, url: str) -> Address:
        """Read ``https://user:password@host:8443/database``; raises `EngineError`."""
        try:
            parts = urlsplit(url)
            port, options = parts.port, parse_qs(parts.query)
        except ValueError:
            raise _no_url("It can't be read") from None
        if parts.scheme not in _SCHEMES:
            raise _no_url(f"It begins with {parts.scheme!r}")
        if not parts.hostname:
            raise _no_url("It has no host")
        unknown = sorted(options.keys() - {"secure"})
        if unknown:
            raise _no_url(f"It has the unknown option {unknown[0]!r}")
        secure = _SCHEMES[parts.scheme] or options.get("secure", [""])[-1] in {"1", "true"}
        return cls(
            host=parts.hostname,
            port=port or (8443 if secure else 8123),
            secure=secure,
            user=unquote(parts.username or "default"),
            password=unquote(parts.password or ""),
            database=unquote(parts.path.strip("/")) or None,
        )

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


def _no_url(why: str) -> EngineError:
    return EngineError(
        f"The URL of the ClickHouse server is not understood. {why}. Write it as"
        " https://user:password@host:8443/database."
    )


class ServerSession:
    """A client with a session on the server."""

    def __init__(self, address: Address, settings: Mapping[str, int | str]) -> None:
        try:
            connect = import_module("clickhouse_connect")
            self._errors = import_module("clickhouse_connect.driver.exceptions")
        except ImportError:
            raise MissingExtraError("The engine 'clickhouse' on a server", "clickhouse") from None
        # What its warnings say is in our errors.
        logging.getLogger("clickhouse_connect").addHandler(logging.NullHandler())
        self._address = address
        self._settings = settings
        self._client = self._connected(connect)

    def _connected(self, connect: Any) -> Any:
        try:
            client = connect.get_client(
                host=self._address.host,
                port=self._address.port,
                interface="https" if self._address.secure else "http",
                username=self._address.user,
                password=self._address.password,
                database=self._address.database,
                session_id=f"fewer-{uuid4().hex}",
                settings={"session_timeout": _SESSION_SECONDS},
                compress=False,  # Arrow is compressed inside
                show_clickhouse_errors="scrub",
            )
            self._check_version(client)
            for name, value in self._settings.items():
                if name in client.server_settings:
                    client.set_client_setting(name, value)
        except self._errors.ProgrammingError as error:  # a setting that is read-only
            raise EngineError(
                f"The ClickHouse server at {self._address} does not let this user change a"
                f" setting: {error}. Ask whoever runs it to allow that."
            ) from None
        except self._errors.ClickHouseError as error:
            raise self._unreachable(error) from None
        return client

    def _check_version(self, client: Any) -> None:
        version = str(client.server_version)
        numbers = tuple(map(int, re.findall(r"\d+", version)[:2]))
        if numbers < _OLDEST:
            oldest = ".".join(map(str, _OLDEST))
            raise EngineError(
                f"The ClickHouse server at {self._address} is of version {version}; this engine"
                f" needs {oldest} or newer."
            )

    def _unreachable(self, error: Exception) -> EngineError:
        said = str(error)
        if is_refusal(said):
            return EngineError(
                f"The ClickHouse server at {self._address} refused the user"
                f" {self._address.user!r} or the password. Correct them in the engine's URL."
            )
        if getattr(error, "code", None):
            return refused(said, "SELECT version()")
        return self._silent(error)

    def _silent(self, error: BaseException) -> EngineError:
        cause = error.__cause__ or error
        return EngineError(
            f"The ClickHouse server at {self._address} does not answer"
            f" ({type(cause).__name__}). Is it running, and reachable from here?"
        )

    def _failed(self, error: Exception, sql: str, *, private: bool = False) -> EngineError:
        if isinstance(error, self._errors.Error) and error.code:
            return refused(str(error), sql, private=private)
        return self._silent(error)

    def execute(self, sql: str) -> None:
        """Run a statement that gives no rows."""
        try:
            self._client.command(sql)
        except self._errors.ClickHouseError as error:
            raise self._failed(error, sql) from None

    def table(self, sql: str, parameters: Mapping[str, str] | None = None) -> pa.Table:
        """Run a query and fetch every row."""
        given = dict(parameters) if parameters else None
        try:
            return arrow_table(self._client.raw_query(sql, given, fmt="Arrow"))
        except (self._errors.ClickHouseError, pa.ArrowException) as error:
            raise self._failed(error, sql, private=bool(parameters)) from None

    def chunks(self, sql: str) -> Iterator[pa.RecordBatch]:
        """Run a query and fetch its rows a chunk at a time, once the server has them all."""
        failures = (self._errors.ClickHouseError, pa.ArrowException, OSError, *_http_errors())
        try:
            # Otherwise a failure half-way would be a shorter answer with a text at its end.
            waiting = {"wait_end_of_query": "1"}
            stream = self._client.raw_stream(sql, settings=waiting, fmt="ArrowStream")
        except failures as error:
            raise self._failed(error, sql) from None
        try:
            with pa.ipc.open_stream(stream) as reader:
                yield from reader
        except failures as error:
            raise self._failed(error, sql) from None
        finally:
            stream.close()

    def insert(self, table: str, path: Path) -> None:
        """Send the rows of a Parquet file to a table."""
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(_BATCH):
                sink = pa.BufferOutputStream()
                with pa.ipc.new_stream(sink, batch.schema) as writer:
                    writer.write_batch(batch)
                block = sink.getvalue().to_pybytes()
                try:
                    self._client.raw_insert(table, batch.schema.names, block, fmt="ArrowStream")
                except self._errors.ClickHouseError as error:
                    raise self._failed(error, f"INSERT INTO {table}") from None

    def count(self, sql: str) -> int:
        """The number that a query gives."""
        number: int = self.table(sql).column(0)[0].as_py()
        return number

    def close(self) -> None:
        """Leave; the server drops temporary tables with the session."""
        self._client.close()


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:16]


def _http_errors() -> tuple[type[Exception], ...]:
    return (import_module("urllib3.exceptions").HTTPError,)


class ServerPlace:
    """Copies of the relations in a database of their own, named by what is in them."""

    def __init__(self, dataset: Dataset, settings: EngineSettings, url: str) -> None:
        self._dataset = dataset
        self._address = Address.of(url)
        self._settings = settings_of(settings)
        self.root = self.session()
        self._lock = threading.Lock()
        self._tables: dict[str, str] = {}
        self._project = f"fewer_{_digest(str(dataset.cache or ''))[:8]}_"
        self._database = self._project + _digest(dataset.fingerprint or uuid4().hex)

    def session(self) -> ServerSession:
        """A new connection."""
        return ServerSession(self._address, self._settings)

    def source(self, relation: str) -> exp.Expr:
        """The relation's table, which is loaded when it is first asked for."""
        with self._lock:
            if relation not in self._tables:
                self._tables[relation] = self._loaded(relation)
        return exp.Table(this=identifier(self._tables[relation]), db=identifier(self._database))

    def _loaded(self, relation: str) -> str:
        sql = self._dataset.relations[relation].sql(dialect="duckdb")
        name = f"{relation}_{_digest(sql)}"
        self.root.execute(f"CREATE DATABASE IF NOT EXISTS {self._database}")
        if not self._exists(name):
            with TemporaryDirectory(prefix="fewer-clickhouse-") as folder:
                path = staged(self._dataset, Path(folder), only=[relation])[relation]
                self._load(relation, name, path)
            with suppress(EngineError):  # not everyone may drop what is there
                self._forget(relation, {name, *self._tables.values()})
        return name

    def _forget(self, relation: str, used: Collection[str]) -> None:
        """Drop old copies of other states of the data: every ingest and every as_of makes some."""
        rows = self.root.table(
            "SELECT database, name, metadata_modification_time < now() -"  # noqa: S608  ours
            f" {_KEPT_SECONDS} AS old FROM system.tables"
            f" WHERE startsWith(database, '{self._project}')"
        ).to_pylist()
        young = {row["database"] for row in rows if not row["old"]}
        for database in {row["database"] for row in rows} - young - {self._database}:
            self.root.execute(f"DROP DATABASE IF EXISTS {database}")
        for row in rows:
            name, is_ours = row["name"], row["database"] == self._database
            is_copy = name.startswith((f"{relation}_", "loading_")) and name not in used
            if is_ours and is_copy and row["old"]:
                self.root.execute(f"DROP TABLE IF EXISTS {self._database}.{name}")

    def _exists(self, name: str) -> bool:
        # Not EXISTS TABLE: with some rights it says yes to everything.
        return (
            self.root.count(
                "SELECT count() FROM system.tables"  # noqa: S608  both are hex digits and ours
                f" WHERE database = '{self._database}' AND name = '{name}'"
            )
            > 0
        )

    def _load(self, relation: str, name: str, path: Path) -> None:
        """Fill a table that nobody knows of, and rename it when it is whole."""
        aside = f"{self._database}.loading_{uuid4().hex}"
        schema = pq.read_schema(path)
        columns = ", ".join(f"{c.name} {type_of(c.name, c.type)}" for c in schema)
        order = _ORDERS.get(relation, "person")
        try:
            self.root.execute(
                f"CREATE TABLE {aside} ({columns}) ENGINE = MergeTree ORDER BY {order}"
            )
            self.root.insert(aside, path)
            rows = self.root.count(f"SELECT count() FROM {aside}")  # noqa: S608  our own name
            expected = pq.read_metadata(path).num_rows
            if rows != expected:
                raise EngineError(
                    f"{rows:,} of {expected:,} rows of {relation!r} arrived at the ClickHouse"
                    f" server at {self._address}. Try again."
                )
            try:
                self.root.execute(f"RENAME TABLE {aside} TO {self._database}.{name}")
            except EngineError:
                if not self._exists(name):  # or else another process was faster
                    raise
        finally:
            with suppress(EngineError):
                self.root.execute(f"DROP TABLE IF EXISTS {aside}")

    def hold(self, relation: str, query: exp.Query) -> None:
        """Nothing: the server has the rows at hand."""

    def described(self, files: Sequence[str]) -> dict[str, str]:
        """Refuse: a server does not see the files of this machine."""
        raise EngineError(
            f"A ClickHouse server reads no files of this machine ({files[0]}). Name tables, or"
            " leave out the URL of the engine."
        )

    def check(self) -> None:
        """Nothing: the tables are the server's own."""

    def close(self) -> None:
        """Leave; copies that nobody can find again are dropped."""
        if not self._dataset.fingerprint:
            with suppress(EngineError):
                self.root.execute(f"DROP DATABASE IF EXISTS {self._database}")
        self.root.close()
