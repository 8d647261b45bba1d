"""ClickHouse on a server, simulated: its own program in another process, behind a small front.

The client is the real one. See `clickhouse_stand_in`.
"""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import sqlglot
from sqlglot import exp

from clickhouse_stand_in import PASSWORD, USER, Server, standing_in
from conformance.engines import answered, expected, planned
from fewer.errors import EngineError
from fewer.evaluate.engines import clickhouse_server
from fewer.evaluate.engines.base import Dataset, EngineSettings
from fewer.evaluate.engines.clickhouse import ClickHouseEngine
from strategies.definition import Asked, seeded
from strategies.scene import Scene
from worlds import load

pytestmark = pytest.mark.clickhouse


@pytest.fixture(scope="module")
def simulated() -> Iterator[Server]:
    with standing_in() as server:
        yield server


@pytest.fixture
def drawn() -> tuple[Scene, Asked]:
    return seeded(20_100, 15)


@pytest.fixture
def data(drawn, tmp_path: Path) -> Dataset:
    loaded = load(drawn[0].world, tmp_path)
    return Dataset(loaded.relations, loaded.catalog, fingerprint=tmp_path.name)


def open_(data: Dataset, url: str, **settings: Any) -> ClickHouseEngine:
    return ClickHouseEngine.open(data, EngineSettings(url=url, **settings))


def found(data: Dataset, drawn: tuple[Scene, Asked], url: str) -> Any:
    engine = open_(data, url)
    try:
        return answered(engine.evaluate(planned(*drawn, data.catalog)))
    finally:
        engine.close()


def tables(data: Dataset, url: str) -> set[tuple[str, str]]:
    """Tables that stay on the server."""
    engine = open_(data, url)
    sql = "SELECT database, name FROM system.tables WHERE database LIKE 'fewer%'"
    rows = engine.run(sqlglot.parse_one(sql, dialect="clickhouse", into=exp.Select)).to_pylist()
    engine.close()
    return {(row["database"], row["name"]) for row in rows}


# ------------------------------------------------------------------------------------------ loading


def test_relations_are_loaded_once_while_they_are_the_same(simulated, data, drawn):
    before = tables(data, simulated.url())
    assert found(data, drawn, simulated.url()) == expected(*drawn)
    loaded = tables(data, simulated.url()) - before
    assert {name.rsplit("_", 1)[0] for _, name in loaded} >= {"events", "people", "persons"}
    assert len({database for database, _ in loaded}) == 1
    assert found(data, drawn, simulated.url()) == expected(*drawn)
    assert tables(data, simulated.url()) - before == loaded
    assert found(replace(data, fingerprint="more"), drawn, simulated.url()) == expected(*drawn)
    assert len(tables(data, simulated.url()) - before) == 2 * len(loaded)


def test_copies_that_nobody_could_find_again_are_dropped(simulated, data, drawn):
    before = tables(data, simulated.url())
    assert found(replace(data, fingerprint=""), drawn, simulated.url()) == expected(*drawn)
    assert tables(data, simulated.url()) == before


def test_two_that_load_the_same_at_once(simulated, data, drawn):
    before = tables(data, simulated.url())
    answers: list[Any] = []

    def work() -> None:
        answers.append(found(data, drawn, simulated.url()))

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [expected(*drawn)] * 2
    loaded = [name for _, name in tables(data, simulated.url()) - before]
    assert len(loaded) == len({name.rsplit("_", 1)[0] for name in loaded})


def test_copies_of_a_project_that_grew_old_are_dropped(data, drawn, monkeypatch):
    """A day later: of the same state but another moment, and of another state of the data."""
    other = replace(data, cache=Path("another project"))
    earlier = replace(data, fingerprint="earlier")
    people = data.relations["people"].copy().limit(10**9)  # as for another as_of
    later = replace(data, relations={**data.relations, "people": people})
    with standing_in() as server:
        for each in (other, earlier, data):
            found(each, drawn, server.url())
        before = tables(data, server.url())
        found(later, drawn, server.url())
        assert tables(data, server.url()) > before  # too young
        monkeypatch.setattr(clickhouse_server, "_KEPT_SECONDS", -60)
        newest = replace(later, fingerprint="newest")
        found(newest, drawn, server.url())
        found(replace(newest, relations=data.relations), drawn, server.url())
        left = tables(data, server.url())
        projects = {database.rsplit("_", 1)[0] for database, _ in left}
        assert len(projects) == len({database for database, _ in left}) == 2
        assert len([name for _, name in left if name.startswith("people_")]) == 2


@pytest.mark.parametrize("at", ["RENAME TABLE", "INSERT INTO", "SELECT count() FROM fewer"])
def test_what_is_half_loaded_is_never_seen(data, drawn, at):
    with standing_in(fail_at=at) as server:
        with pytest.raises(EngineError, match="CANNOT_ALLOCATE_MEMORY"):
            found(data, drawn, server.url())
        assert tables(data, server.url()) == set()


def test_a_parameter_and_a_literal_arrive_as_they_are(simulated, data):
    awkward = "ann'\\x\n\t\0é%s {p0:String} ?"
    engine = open_(data, simulated.url())
    query = exp.select(
        exp.alias_(exp.Placeholder(), "a"), exp.alias_(exp.Literal.string(awkward), "b")
    )
    assert engine.run(query, parameters=[awkward]).to_pylist() == [{"a": awkward, "b": awkward}]
    assert engine.run(exp.select(exp.alias_(exp.Literal.string(awkward), "b"))).num_rows == 1
    with pytest.raises(EngineError) as caught:
        engine.run(
            sqlglot.parse_one("SELECT toInt64(?)", dialect="clickhouse", into=exp.Select),
            parameters=["ann@example.com"],
        )
    assert "ann@" not in str(caught.value)
    engine.close()


# --------------------------------------------------------------------------------- what goes wrong


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def test_a_server_that_is_not_there(data):
    port = free_port()
    with pytest.raises(EngineError, match=f"127.0.0.1:{port} does not answer") as caught:
        open_(data, f"http://someone:{PASSWORD[:4]}word@127.0.0.1:{port}/shop")
    assert "passw" not in str(caught.value)


def test_a_wrong_password_is_never_shown(simulated, data, caplog, capfd):
    caplog.set_level(logging.DEBUG)
    with pytest.raises(EngineError, match=f"refused the user '{USER}' or the password") as caught:
        open_(data, simulated.url(secret=PASSWORD[::-1]))
    shown = f"{caught.value} {caught.value!r} {caplog.text} {capfd.readouterr()}"
    assert PASSWORD[::-1] not in shown
    assert quote(PASSWORD[::-1], safe="") not in shown


@pytest.mark.parametrize(
    "url, why",
    [
        ("ftp://me:hidden@host", "begins with 'ftp'"),
        ("https://", "has no host"),
        ("host:8123", "begins with 'host'"),
        ("http://me:hidden@host:port", "can't be read"),
        ("https://me:hidden@host/?verify=0", "unknown option 'verify'"),
    ],
)
def test_a_url_that_is_none(data, url, why):
    with pytest.raises(EngineError, match=why) as caught:
        open_(data, url)
    assert "hidden" not in str(caught.value)


def test_files_of_this_machine_are_not_on_a_server(simulated):
    with pytest.raises(EngineError, match=r"reads no files of this machine \(/x.parquet\)"):
        ClickHouseEngine.described([("", "/x.parquet")], EngineSettings(url=simulated.url()))


def test_a_server_of_long_ago(data):
    with (
        standing_in(version="23.8.1.1") as server,
        pytest.raises(EngineError, match=r"is of version 23\.8\.1\.1; .* needs 24\.8 or newer"),
    ):
        open_(data, server.url())


@pytest.mark.parametrize(
    "dies",
    [
        {"die_at": "INSERT INTO"},
        {"die_at": "CREATE TEMPORARY TABLE base"},
        {"die_at": "AS w0"},
        {"die_at": "AS w0", "half": "1"},
        {"die_at": "SELECT person FROM universe", "half": "1"},
    ],
    ids=lambda dies: " half of ".join(dies.values()),
)
def test_a_server_that_dies(data, drawn, dies):
    """Killed while it loads, works, or sends its answer: an error, never a smaller answer."""
    with standing_in(**dies) as server, pytest.raises(EngineError) as caught:
        found(data, drawn, server.url())
    assert "does not answer" in str(caught.value)


def test_a_server_that_is_killed_between_two_questions(data, drawn):
    with standing_in() as server:
        engine = open_(data, server.url())
        made = planned(*drawn, data.catalog)
        assert answered(engine.evaluate(made)) == expected(*drawn)
        server.kill()
        with pytest.raises(EngineError, match="does not answer"):
            engine.evaluate(made)
        engine.close()
