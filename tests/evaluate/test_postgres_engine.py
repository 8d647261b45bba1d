"""PostgreSQL beyond what conformance asks: copies that are kept, faults of every kind."""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from pydantic import TypeAdapter
from sqlglot import exp

from fewer.errors import EngineError, MissingExtraError, StoppedError, UnsupportedByEngineError
from fewer.evaluate.engines.base import Dataset, EngineSettings, load
from fewer.evaluate.engines.postgres import PostgresEngine
from fewer.evaluate.engines.why import why
from fewer.evaluate.sql.functions.postgres import escaped, unescaped
from fewer.model.condition import Condition
from fewer.model.segment import Segment
from postgres_server import Server, running

pytestmark = pytest.mark.postgres

AS_OF = datetime(2026, 3, 31, tzinfo=UTC)
DAY = timedelta(days=1)
CONDITION = TypeAdapter(Condition)

PASSWORD, WRONG = "open%20sesame", "s3cret!"

Open = Callable[..., PostgresEngine]


@pytest.fixture
def shop(world):
    world.did("ann", "view", AS_OF - DAY, path="/pricing")
    world.did("bob", "view", AS_OF - 10 * DAY, path="/Blog")
    world.did("cy", "buy", AS_OF - 9 * DAY, value=7, item_id="i2")
    world.item("i2", category="shoes > boots")
    world.person("dee", plan="free")
    return world


@pytest.fixture
def opened(postgres_url) -> Iterator[Open]:
    made: list[PostgresEngine] = []

    def open_(world: Any, fingerprint: str = "", **settings: Any) -> PostgresEngine:
        dataset = Dataset(world.relations, world.catalog, fingerprint=fingerprint)
        engine = PostgresEngine.open(dataset, EngineSettings(**{"url": postgres_url} | settings))
        made.append(engine)
        return engine

    yield open_
    for engine in made:
        engine.close()


def segment(name: str, where: dict[str, Any], **more: Any) -> Segment:
    return Segment(id=name, where=CONDITION.validate_python(where), **more)


def asked(world: Any, engine: PostgresEngine, *conditions: dict[str, Any]) -> list[set[str]]:
    segments = [segment(f"s{n}", condition) for n, condition in enumerate(conditions)]
    found = engine.evaluate(world.plan(*segments)).matched
    return [world.names(found[s.id]) for s in segments]


def copies(url: str) -> set[str]:
    with psycopg.connect(url) as connection:
        rows = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'fewer'")
        return {name for (name,) in rows}


VIEWED = {"did": "view", "where": {"path": {"matches": "^/[pb]", "ignore_case": True}}}


class TestCopies:
    def test_are_made_once_for_each_state_of_the_data(self, shop, opened, postgres_url):
        first = opened(shop, "one")
        assert asked(shop, first, VIEWED) == [{"ann", "bob"}]
        made = copies(postgres_url)
        assert len(made) == 6
        again = opened(shop, "one")
        assert again.evaluate(shop.plan(segment("a", {"all": []}))).facts["copies"] == 0
        shop.did("cy", "view", AS_OF - DAY, path="/blog")
        newer = opened(shop, "two")
        assert asked(shop, newer, VIEWED) == [{"ann", "bob", "cy"}]
        assert asked(shop, first, VIEWED) == [{"ann", "bob"}], "a copy in use is not dropped"
        assert copies(postgres_url) > made
        for engine in (first, again, newer):
            engine.close()
        last = opened(shop, "three")
        assert copies(postgres_url).isdisjoint(made), "copies of old data are"
        assert len(copies(postgres_url)) == 6
        last.close()

    def test_of_relations_that_stay_the_same_are_used_at_another_moment(
        self, shop, opened, postgres_url
    ):
        opened(shop, "one").close()
        before = copies(postgres_url)
        people = shop.relations["people"].where("person > 0")
        changed = Dataset(shop.relations | {"people": people}, shop.catalog, fingerprint="one")
        PostgresEngine.open(changed, EngineSettings(url=postgres_url)).close()
        assert len(copies(postgres_url) & before) == 5

    def test_of_two_projects_leave_each_other_alone(self, shop, opened, postgres_url, tmp_path):
        opened(shop, "one").close()
        mine = copies(postgres_url)
        other = Dataset(shop.relations, shop.catalog, fingerprint="two", cache=tmp_path)
        PostgresEngine.open(other, EngineSettings(url=postgres_url)).close()
        assert copies(postgres_url) > mine

    def test_two_at_once_make_one(self, shop, postgres_url):
        dataset = Dataset(shop.relations, shop.catalog, fingerprint="one")
        made, failed = [], []

        def build() -> None:
            try:
                engine = PostgresEngine.open(dataset, EngineSettings(url=postgres_url))
                evaluation = engine.evaluate(shop.plan(segment("a", {"all": []})))
                made.append((evaluation.facts["copies"], len(evaluation.universe)))
                engine.close()
            except Exception as error:  # noqa: BLE001  shown below
                failed.append(error)

        threads = [threading.Thread(target=build) for _ in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not failed
        assert sum(n for n, _ in made) == 6
        assert {size for _, size in made} == {4}

    def test_that_failed_halfway_are_never_seen(self, shop, opened, postgres_url):
        broken = exp.select("*", "CASE WHEN person > 0 THEN error('at a row') END AS x")
        relations = shop.relations | {
            "people": broken.from_(shop.relations["people"].subquery("p"))
        }
        with pytest.raises(EngineError, match="'people' could not be read from the store"):
            PostgresEngine.open(
                Dataset(relations, shop.catalog, fingerprint="one"),
                EngineSettings(url=postgres_url),
            )
        assert not any("people" in name for name in copies(postgres_url))
        assert asked(shop, opened(shop, "one"), VIEWED) == [{"ann", "bob"}]

    @pytest.mark.kill
    def test_of_a_loader_that_was_killed_are_never_seen(self, shop, opened, postgres_url):
        """The process dies while its COPY runs; the next one begins anew."""
        slow = (
            "from fewer.evaluate.engines.base import Dataset, EngineSettings\n"
            "from fewer.evaluate.engines.postgres import PostgresEngine\n"
            "from fewer.model.catalog import Catalog\n"
            "import sqlglot, sys\n"
            "q = 'SELECT range AS person FROM range(500000000)'\n"
            "q = sqlglot.parse_one(q, dialect='duckdb')\n"
            "names = ('events', 'people', 'persons', 'consents', 'items', 'lists')\n"
            "d = Dataset(dict.fromkeys(names, q), Catalog(), fingerprint='one')\n"
            "PostgresEngine.open(d, EngineSettings(url=sys.argv[1]))\n"
        )
        process = subprocess.Popen([sys.executable, "-c", slow, postgres_url])
        copying = "SELECT 1 FROM pg_stat_progress_copy WHERE datname = current_database()"
        with psycopg.connect(postgres_url, autocommit=True) as connection:
            while not connection.execute(copying).fetchone():
                time.sleep(0.05)
            process.kill()
            process.wait()
            while connection.execute(copying).fetchone():
                time.sleep(0.05)
        assert copies(postgres_url) == set()
        assert asked(shop, opened(shop, "one"), VIEWED) == [{"ann", "bob"}]


class TestText:
    @pytest.mark.parametrize("text", ["", "\0", "a\0b", "\1\2\2", "\3\2\1\0", "\1", "plain", "é\0"])
    def test_without_nul_and_back(self, text):
        assert "\0" not in escaped(text)
        assert unescaped(escaped(text)) == text

    def test_order_and_parts_stay(self):
        texts = [
            "",
            "\0",
            "\0\0",
            "\0\1",
            "\1",
            "\1\2",
            "\2",
            "\2\2",
            "\3",
            "\4",
            "a",
            "a\0",
            "b\1c",
        ]
        assert sorted(texts) == sorted(texts, key=escaped)
        for whole in texts:
            for part in texts:
                assert (part in whole) == (escaped(part) in escaped(whole))
                assert whole.endswith(part) == escaped(whole).endswith(escaped(part))

    @pytest.mark.parametrize("part", ["\0", "\1", "\2", "\3", "\1\2\2", "a\0", "\0A", "\\", "\n"])
    def test_with_any_character_is_compared_as_elsewhere(self, world, opened, part):
        for n, text in enumerate(["a\0A", "\1\2\2", "\3", "\2", "\\N", "x\ny\tz\r", "\\.", ""]):
            world.person(f"p{n}\0\1" if n else "p0", v=text)
        conditions: list[dict[str, Any]] = [
            {"trait": "v", test: part}
            for test in ("equals", "not_equals", "contains", "starts_with", "ends_with")
        ]
        conditions += [{"trait": "v", "contains": part.lower(), "ignore_case": True}]
        conditions += [{"trait": "v", "matches": "^[^a-z]+$"}, {"trait": "v", "exists": True}]
        conditions += [{"sample": {"percent": p, "salt": "s\0"}} for p in (20, 50, 80)]
        assert asked(world, opened(world), *conditions) == world.ask(*conditions)


class TestWhy:
    def test_says_what_decided(self, shop, opened):
        asked_ = segment("asked", {"all": [VIEWED, {"trait": "plan", "missing": True}]})
        plan = shop.plan(asked_)
        for name in ("ann", "cy"):
            number = shop.number(name)
            found = why(opened(shop), plan, "asked", number)
            assert found == why(shop.engine(), plan, "asked", number)
        assert why(opened(shop), plan, "asked", shop.number("ann")).holds

    def test_sums_are_whole_numbers(self, shop, opened):
        plan = shop.plan(segment("asked", {"did": "buy", "sum": {"of": "value", "at_least": 7}}))
        found = why(opened(shop), plan, "asked", shop.number("cy"))
        assert found.holds
        assert "7" in found.members[0].reason


class TestRefusals:
    def test_the_driver_is_missing(self, shop, monkeypatch):
        monkeypatch.setitem(sys.modules, "psycopg", None)
        dataset = Dataset(shop.relations, shop.catalog)
        with pytest.raises(MissingExtraError, match=r"fewer\[postgres\]"):
            load("postgres").open(dataset, EngineSettings(url="postgresql://x"))

    def test_no_url(self, shop, opened):
        with pytest.raises(EngineError, match="url_env: DATABASE_URL"):
            opened(shop, url=None)

    def test_a_url_that_is_none(self, shop, opened):
        with pytest.raises(EngineError, match="can't be read") as refused:
            opened(shop, url="postgresql://ann:s3cret@[host/db")
        assert "s3cret" not in str(refused.value)

    def test_nobody_listens(self, shop, opened):
        with pytest.raises(EngineError, match="could not be reached") as refused:
            opened(shop, url="postgresql://ann:s3cret@127.0.0.1:1/db")
        assert "s3cret" not in str(refused.value)

    def test_a_database_that_is_not_there(self, shop, opened, postgres_url):
        with pytest.raises(EngineError, match="does not exist"):
            opened(shop, url=f"{postgres_url}_none")

    def test_an_encoding_that_holds_not_all_text(self, shop, opened, postgres_url):
        with psycopg.connect(postgres_url, autocommit=True) as connection:
            connection.execute(
                "CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0 LOCALE 'C'"
            )
        try:
            with pytest.raises(EngineError, match="encoded in LATIN1"):
                opened(shop, url=postgres_url.rpartition("/")[0] + "/latin")
        finally:
            with psycopg.connect(postgres_url, autocommit=True) as connection:
                connection.execute("DROP DATABASE latin")

    def test_an_option_that_is_none(self, shop, opened):
        with pytest.raises(EngineError, match="option 'work_memory'"):
            opened(shop, options={"work_memory": "1GB"})

    def test_a_memory_limit(self, shop, opened):
        engine = opened(shop, memory_limit="4GB")
        found = engine.run(exp.select("current_setting('work_mem') AS m"))
        assert found.to_pylist() == [{"m": "512MB"}]
        with pytest.raises(EngineError, match="'much'"):
            opened(shop, memory_limit="much")

    def test_no_right_to_make_temporary_tables(self, shop, postgres_url):
        name = postgres_url.rpartition("/")[2]
        with psycopg.connect(postgres_url, autocommit=True) as connection:
            connection.execute(f"REVOKE TEMPORARY ON DATABASE {name} FROM PUBLIC")
            connection.execute("DROP ROLE IF EXISTS reader")
            connection.execute("CREATE ROLE reader LOGIN")
        url = postgres_url.replace("postgres@", "reader@")
        with pytest.raises(EngineError, match="TEMPORARY on the database"):
            PostgresEngine.open(Dataset(shop.relations, shop.catalog), EngineSettings(url=url))


class TestErrors:
    def test_quote_no_data(self, shop, opened):
        engine = opened(shop)
        query = exp.select("CAST(key AS BIGINT)").from_("persons")
        with pytest.raises(EngineError, match="InvalidTextRepresentation") as refused:
            engine.run(query)
        assert "ann" not in str(refused.value)
        assert engine.run(exp.select("key").from_("persons")).num_rows == 4, "it goes on"

    def test_a_dropped_table(self, shop, opened, postgres_url):
        engine = opened(shop, "one")
        with psycopg.connect(postgres_url, autocommit=True) as connection:
            connection.execute("DROP SCHEMA fewer CASCADE")
        with pytest.raises(EngineError, match="dropped or renamed"):
            asked(shop, engine, VIEWED)

    def test_a_segment_of_more_tests_than_a_query_has_columns(self, shop, opened):
        tests = [{"did": "view", "within": f"{n + 1}m"} for n in range(1_800)]
        engine = opened(shop)
        with pytest.raises(UnsupportedByEngineError, match="--engine duckdb"):
            asked(shop, engine, {"any": tests})
        many = asked(shop, engine, *({"any": tests[n : n + 40]} for n in range(0, 1_800, 40)))
        assert many[-1] == {"ann"}

    def test_more_properties_than_a_table_has_columns(self, shop, opened):
        columns = [exp.alias_(exp.Literal.number(n), f"p{n}_n") for n in range(1_700)]
        wide = shop.relations["events"].select(*columns)
        with pytest.raises(UnsupportedByEngineError, match="1,6"):
            PostgresEngine.open(
                Dataset(shop.relations | {"events": wide}, shop.catalog),
                EngineSettings(url=opened(shop)._session.connection.info.dsn),
            )

    def test_a_row_larger_than_a_page(self, world, opened):
        world.did("ann", "view", AS_OF - DAY, **{f"p{n}": n + 1 for n in range(1_100)})
        with pytest.raises(UnsupportedByEngineError, match="--engine duckdb"):
            opened(world)


class TestStopping:
    def test_cancels_the_query_that_runs(self, shop, opened):
        engine = opened(shop)
        start = time.monotonic()
        with pytest.raises(StoppedError):
            engine._session.execute("SELECT pg_sleep(60)", should_stop=lambda: True)
        assert time.monotonic() - start < 20
        assert asked(shop, engine, VIEWED) == [{"ann", "bob"}]

    def test_in_a_step(self, shop, opened):
        engine = opened(shop)
        seen: list[str] = []
        with pytest.raises(StoppedError):
            engine.evaluate(
                shop.plan(segment("a", VIEWED)),
                progress=lambda name, _, __: seen.append(name),
                should_stop=lambda: len(seen) > 1,
            )
        assert asked(shop, engine, VIEWED) == [{"ann", "bob"}]

    def test_tells_how_far_it_came(self, shop, opened):
        told: list[tuple[str, int, int]] = []
        engine = opened(shop)
        found = engine.evaluate(
            shop.plan(segment("a", VIEWED)), progress=lambda *what: told.append(what)
        )
        assert [name for name, _, _ in told] == [step.name for step in found.steps]
        assert told[0][0] == "values"
        assert told[-1][1] == told[-1][2]
        assert "EXISTS" in next(step.sql for step in found.steps if step.leaves)
        assert "/pricing" not in "".join(step.sql for step in found.steps), "no data in its SQL"


@pytest.fixture(scope="class")
def server() -> Iterator[Server]:
    with running(auth="scram-sha-256") as own:
        yield own


class TestServer:
    def test_a_wrong_password_is_never_shown(self, shop, server):
        dataset = Dataset(shop.relations, shop.catalog)
        with pytest.raises(EngineError, match="password authentication failed") as refused:
            PostgresEngine.open(dataset, EngineSettings(url=server.url(password=WRONG)))
        assert "s3cret" not in str(refused.value)
        right = EngineSettings(url=server.url(password=PASSWORD))
        assert PASSWORD not in repr(right)
        PostgresEngine.open(dataset, right).close()

    def test_a_full_disk(self, shop, server):
        small = server.home / "small"
        small.mkdir()
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(small)], check=False
        )
        if mounted.returncode:
            pytest.skip("only an administrator can make a small disk")
        try:
            shutil.chown(small, "postgres")
            url = server.url(password=PASSWORD)
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute(f"CREATE TABLESPACE small LOCATION '{small}'")
            for n in range(300):
                shop.did("ann", "view", AS_OF - DAY - timedelta(seconds=n), path="x" * 1_000)
            many = exp.select("e.*").from_(shop.relations["events"].subquery("e"))
            many = many.join(exp.Table(this=exp.func("range", exp.Literal.number(100))))
            dataset = Dataset(shop.relations | {"events": many}, shop.catalog, fingerprint="one")
            options = {"temp_tablespaces": "small"}
            engine = PostgresEngine.open(dataset, EngineSettings(url=url, options=options))
            with pytest.raises(EngineError, match="ran out of room"):
                asked(shop, engine, {"did": "view", "where": {"path": {"starts_with": "x"}}})
            assert asked(shop, engine, {"all": []}) == [{"ann", "bob", "cy", "dee"}]
            engine.close()
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute("DROP TABLESPACE small")
                connection.execute("CHECKPOINT")  # or a recovery would look for it
        finally:
            subprocess.run(["umount", "-l", str(small)], check=True)

    @pytest.mark.parametrize("stoppable", [False, True])
    def test_dies_during_a_query(self, shop, server, stoppable):
        url = server.url(password=PASSWORD)
        engine = PostgresEngine.open(Dataset(shop.relations, shop.catalog), EngineSettings(url=url))
        stopping = threading.Timer(1.0, server.stop)
        stopping.start()
        try:
            with pytest.raises(EngineError, match="nothing of this evaluation was kept"):
                engine._session.execute(
                    "SELECT pg_sleep(60)", should_stop=(lambda: False) if stoppable else None
                )
            with pytest.raises(EngineError, match="Run it again"):
                engine.evaluate(shop.plan(segment("a", VIEWED)))
            engine.close()
        finally:
            stopping.join()
            server.start()
        again = PostgresEngine.open(Dataset(shop.relations, shop.catalog), EngineSettings(url=url))
        assert asked(shop, again, VIEWED) == [{"ann", "bob"}]
        again.close()


@pytest.mark.slow
def test_a_person_with_200_000_events(shop, opened):
    """Frames whose start moves would compute each maximum anew."""
    robot = exp.select(
        "'r' || range AS event_id",
        f"CAST({shop.number('robot')} AS UINTEGER) AS person",
        "1774000000000000 + range * 1000000 AS ts",
        "CASE WHEN range % 2 = 0 THEN 'a' ELSE 'b' END AS event",
    ).from_(exp.Table(this=exp.func("range", exp.Literal.number(200_000))))
    relations = shop.relations
    columns = ["event_id", "person", "ts", "event"]
    own = exp.select(*columns).from_(relations["events"].subquery("e"))
    relations["events"] = exp.union(own, robot, distinct=False)
    shop = replace_relations(shop, relations)
    steps = [{"did": "a"}, {"did": "b", "within_next": "1h"}, {"did_not": "c", "within_next": "1d"}]
    start = time.monotonic()
    assert asked(
        shop, opened(shop), {"sequence": steps}, {"sequence": [steps[0], steps[1], {"did": "c"}]}
    ) == [{"robot"}, set()]
    assert time.monotonic() - start < 60


def replace_relations(world: Any, relations: dict[str, exp.Query]) -> Any:
    class Changed(type(world)):  # type: ignore[misc]
        @property
        def relations(self) -> dict[str, exp.Query]:
            return relations

    world.__class__ = Changed
    return world
