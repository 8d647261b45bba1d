"""How single columns of the user's tables are read, against what the model says of each value."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import pytest

from fewer.errors import SettingsError
from fewer.evaluate.engines.base import Dataset, EngineSettings, InPlaceEngine, load
from fewer.evaluate.sql.in_place import ERASED_SALT, in_place
from fewer.model.in_place import OwnTables
from fewer.model.number import to_micros
from fewer.model.window import to_utc_micros

Run = Callable[..., None]


class Database:
    """An empty database of one engine, and what relations over it hold."""

    def __init__(self, kind: type[InPlaceEngine], settings: EngineSettings, run: Run) -> None:
        self.kind, self.settings, self.run = kind, settings, run

    def relation(self, name: str, tables: dict[str, Any], **more: Any) -> list[dict[str, Any]]:
        own = OwnTables.model_validate(tables)
        known = self.kind.described([t.place for t in own.located], self.settings)
        read = in_place(own, known, self.kind.own_functions, zone="Europe/Berlin", **more)
        dataset = Dataset(read.relations, read.catalog, in_place=True)
        engine = self.kind.open(dataset, self.settings)  # type: ignore[attr-defined]
        try:
            from sqlglot import exp

            rows: list[dict[str, Any]] = engine.run(exp.select("*").from_(name)).to_pylist()
        finally:
            engine.close()
        return rows

    def values(self, type_: str, literals: list[str], mapped: Any = "v", **extra: Any) -> list[Any]:
        """A column of that type, read as a trait; None for a missing value."""
        rows = ", ".join(f"('p{n:03}', {literal})" for n, literal in enumerate(literals))
        self.run(f"CREATE TABLE t (id VARCHAR(10), v {type_})")
        self.run(f"INSERT INTO t VALUES {rows}")  # noqa: S608  constants of these tests
        people = {"table": "t", "person": "id", "traits": {"v": mapped}}
        found = self.relation("people", {"people": people}, **extra)
        found.sort(key=lambda row: row["person"])
        return [next(v for k, v in row.items() if k != "person") for row in found]


@pytest.fixture(params=["duckdb", pytest.param("postgres", marks=pytest.mark.postgres)])
def database(request, tmp_path: Path) -> Database:
    if request.param == "duckdb":
        path = str(tmp_path / "own.duckdb")

        def run(sql: str) -> None:
            with duckdb.connect(path) as connection:
                connection.execute("SET TimeZone = 'UTC'")
                connection.execute(sql)
    else:
        import psycopg

        path = request.getfixturevalue("postgres_url")

        def run(sql: str) -> None:
            with psycopg.connect(path) as connection:
                connection.execute("SET TimeZone = 'UTC'")
                connection.execute(sql)

    return Database(load(request.param), EngineSettings(url=path), run)


NUMBERS = [
    "0", "1", "-1", "0.1", "0.3", "2.675", "1e-7", "-1e-7", "0.0000005", "-0.0000005", "0.0000015",
    "0.00000049999", "123456.7890125", "9.2e12", "-9.2e12", "9200000000000.1", "1e15", "-1e300",
    "1234567890123.456", "0.1234565", "0.12345649999",
]  # fmt: skip


class TestNumbers:
    def test_doubles(self, database):
        literals = [f"CAST('{n}' AS DOUBLE PRECISION)" for n in NUMBERS]
        special = [f"CAST('{n}' AS DOUBLE PRECISION)" for n in ("NaN", "Infinity", "-Infinity")]
        found = database.values("DOUBLE PRECISION", [*literals, *special, "NULL"])
        assert found == [*(to_micros(float(n)) for n in NUMBERS), None, None, None, None]

    def test_reals(self, database):
        texts = ["0.1", "16777216", "3.4e38", "-0.3"]
        found = database.values("REAL", [f"CAST('{n}' AS REAL)" for n in texts])
        assert found == [to_micros(n) for n in texts]

    def test_decimals(self, database):
        texts = [
            "0.0000005",
            "-0.0000005",
            "0.00000049",
            "9200000000000.0000001",
            "1.5",
            "-2.345678",
        ]
        found = database.values("NUMERIC(30, 10)", texts)
        assert found == [to_micros(n) for n in texts]

    def test_money_as_people_keep_it(self, database):
        found = database.values("NUMERIC(12, 2)", ["12.50", "-0.01", "9999999999.99", "NULL"])
        assert found == [12_500_000, -10_000, 9_999_999_999_990_000, None]

    @pytest.mark.parametrize("type_", ["SMALLINT", "INTEGER", "BIGINT"])
    def test_integers(self, database, type_):
        texts = ["0", "32767", "-32768", "NULL"]
        assert database.values(type_, texts) == [0, 32_767_000_000, -32_768_000_000, None]

    def test_integers_out_of_range(self, database):
        texts = ["9200000000000", "9200000000001", "-9223372036854775807"]
        assert database.values("BIGINT", texts) == [9_200_000_000_000_000_000, None, None]


WALL = [
    "2026-01-15 12:00:00", "2026-03-29 02:30:00", "2026-10-25 02:30:00", "2026-10-25 03:00:00",
    "2026-07-01 00:00:00.123456", "1950-06-01 00:00:00", "1969-12-31 23:59:59.999999",
]  # fmt: skip


class TestTimes:
    @pytest.mark.parametrize("zone", ["Europe/Berlin", "America/Havana", "UTC"])
    def test_without_zone(self, database, zone):
        mapped = {"column": "v", "type": "timestamp", "zone": zone}
        found = database.values("TIMESTAMP", [f"TIMESTAMP '{w}'" for w in WALL], mapped)
        right = [
            to_utc_micros(datetime.fromisoformat(w).replace(tzinfo=ZoneInfo(zone))) for w in WALL
        ]
        assert found == right

    def test_the_zone_of_the_project(self, database):
        found = database.values("TIMESTAMP", ["TIMESTAMP '2026-07-01 02:00:00'", "NULL"])
        assert found == [to_utc_micros(datetime(2026, 7, 1, tzinfo=UTC)), None]

    def test_with_zone(self, database):
        texts = [
            "2026-03-29 02:30:00.000001+02",
            "0001-01-01 00:00:00+00",
            "2026-01-01 00:00:00-11",
        ]
        found = database.values("TIMESTAMPTZ", [f"TIMESTAMPTZ '{t}'" for t in texts])
        assert found == [to_utc_micros(datetime.fromisoformat(t + ":00")) for t in texts]

    def test_that_are_not_finite(self, database):
        for type_ in ("TIMESTAMP", "TIMESTAMPTZ", "DATE"):
            literals = [f"CAST('{t}infinity' AS {type_})" for t in ("", "-")]
            assert database.values(type_, literals) == [None, None]
            database.run("DROP TABLE t")

    def test_beyond_what_is_kept(self, database):
        texts = ["9999-12-31 23:59:59.999999+00", "20000-01-01 00:00:00+00"]
        last, beyond = database.values(
            "TIMESTAMPTZ", [f"CAST('{t}' AS TIMESTAMPTZ)" for t in texts]
        )
        assert last == to_utc_micros(datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC))
        assert beyond is None

    def test_dates_are_local_midnights(self, database):
        found = database.values("DATE", ["DATE '2026-07-01'"])
        assert found == [to_utc_micros(datetime(2026, 7, 1, tzinfo=ZoneInfo("Europe/Berlin")))]

    @pytest.mark.parametrize(
        "format_, type_, literals, right",
        [
            (
                "epoch_s",
                "BIGINT",
                ["1", "-1", "9223372036854775807"],
                [1_000_000, -1_000_000, None],
            ),
            ("epoch_ms", "BIGINT", ["1", "-1"], [1_000, -1_000]),
            ("epoch_us", "BIGINT", ["1", "-1"], [1, -1]),
            ("epoch_s", "DOUBLE PRECISION", ["1.5", "-0.0000015"], [1_500_000, -2]),
            ("epoch_s", "DOUBLE PRECISION", ["1772000000.1234567"], [1_772_000_000_123_457]),
            ("epoch_s", "NUMERIC(20, 8)", ["0.0000014", "0.0000016"], [1, 2]),
            ("epoch_ms", "NUMERIC(20, 4)", ["0.0019", "-0.0001"], [1, -1]),
        ],
    )
    def test_counted(self, database, format_, type_, literals, right):
        mapped = {"column": "v", "type": "timestamp", "format": format_}
        assert database.values(type_, literals, mapped) == right


class TestTexts:
    def test_as_they_are(self, database):
        texts = ["", " ", "it''s", "a\\b", "é", "日本"]
        found = database.values("VARCHAR(20)", [f"'{t}'" for t in texts])
        assert found == ["", " ", "it's", "a\\b", "é", "日本"]

    @pytest.mark.parametrize(
        "type_, literal, right",
        [
            ("BIGINT", "42", "42"),
            ("BOOLEAN", "TRUE", "true"),
            ("UUID", "CAST('A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11' AS UUID)",
             "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
            ("CHAR(5)", "'ab'", "ab"),
        ],
    )  # fmt: skip
    def test_of_other_columns(self, database, type_, literal, right):
        mapped = {"column": "v", "type": "text"}
        assert database.values(type_, [literal, "NULL"], mapped) == [right, None]

    def test_never_from_a_text_to_a_number(self, database):
        with pytest.raises(SettingsError, match="expected a number"):
            database.values("VARCHAR(5)", ["'5'"], {"column": "v", "type": "number"})


class TestPeopleAndIds:
    def test_the_first_of_several_keys(self, database):
        database.run(
            "CREATE TABLE t (crm BIGINT, cookie VARCHAR(9));"
            "INSERT INTO t VALUES (7, 'x'), (NULL, 'y'), (NULL, ''), (NULL, NULL)"
        )
        person = {"first_of": [{"column": "crm", "prefix": "crm:"}, "cookie"]}
        found = database.relation("persons", {"people": {"table": "t", "person": person}})
        assert sorted((row["person"], row["key"]) for row in found) == [
            ("crm:7", "crm:7"),
            ("y", "y"),
        ]

    def test_an_erased_person_does_not_come_back(self, database):
        from hashlib import sha256

        database.run("CREATE TABLE t (id VARCHAR(9)); INSERT INTO t VALUES ('ann'), ('bob')")
        gone = sha256(f"{ERASED_SALT}ann".encode()).hexdigest()[:16]
        tables = {"people": {"table": "t", "person": "id"}}
        found = database.relation("persons", tables, erased=[gone])
        assert [row["key"] for row in found] == ["bob"]

    def test_ids_of_several_columns_and_none(self, database):
        database.run(
            "CREATE TABLE a (n BIGINT, line INTEGER, u VARCHAR(9), t BIGINT);"
            "INSERT INTO a VALUES (1, 2, 'ann', 5), (1, NULL, 'ann', 5), (1, 2, 'ann', NULL);"
            "CREATE TABLE b (u VARCHAR(9), t BIGINT, v VARCHAR(9));"
            "INSERT INTO b VALUES ('ann', 5, 'x'), ('ann', 5, 'x'), ('ann', 5, 'y'),"
            " ('ann', 5, NULL)"
        )
        common = {"person": "u", "ts": {"column": "t", "format": "epoch_us"}}
        tables = {
            "events": [
                {"table": "a", "event": "a", "id": ["n", "line"], **common},
                {"table": "b", "event": {"column": "v", "prefix": "did "}, **common},
            ]
        }
        found = database.relation("events", tables)
        assert [r["event_id"] for r in found if r["event"] == "a"] == ["1/2"]
        hashed = [(r["event"], r["event_id"]) for r in found if r["event"] != "a"]
        assert sorted(name for name, _ in hashed) == ["did x", "did x", "did y"]
        assert len(set(hashed)) == 2
        assert all(len(id_) == 32 for _, id_ in hashed)

    def test_tables_with_the_names_of_relations(self, database):
        database.run(
            "CREATE TABLE events (person VARCHAR(9), ts BIGINT);"
            "INSERT INTO events VALUES ('ann', 1);"
            "CREATE TABLE persons (person VARCHAR(9)); INSERT INTO persons VALUES ('bob');"
            "CREATE TABLE people (person VARCHAR(9)); INSERT INTO people VALUES ('cy')"
        )
        tables = {
            "events": {"table": "events", "event": "e", "person": "person",
                       "ts": {"column": "ts", "format": "epoch_us"}},
            "people": {"table": "people", "person": "person"},
        }  # fmt: skip
        assert {row["key"] for row in database.relation("persons", tables)} == {"ann", "cy"}

    def test_filters(self, database):
        database.run(
            "CREATE TABLE t (id VARCHAR(9), s VARCHAR(9), n NUMERIC(9, 3), b BOOLEAN);"
            "INSERT INTO t VALUES ('a', 'x', 1.5, TRUE), ('b', 'y', 1.5, TRUE),"
            " ('c', 'x', 2, TRUE), ('d', 'x', 1.5, FALSE), ('e', NULL, NULL, NULL)"
        )
        for when, right in (
            ({"s": "x"}, "acd"),
            ({"s": ["x", "y"], "n": 1.5}, "abd"),
            ({"n": [1.5, 2], "b": True}, "abc"),
            ({"s": "it's\" --"}, ""),
        ):
            people = {"table": "t", "person": "id", "when": when}
            found = database.relation("people", {"people": people})
            assert "".join(sorted(row["person"] for row in found)) == right
