"""A project over tables that stay where they are: build, members, why, and what is refused."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import duckdb
import psycopg
import pytest

from fewer.errors import (
    EngineError,
    PersonNotFoundError,
    SettingsError,
    UnsupportedByEngineError,
)
from fewer.project.project import Project

ROWS = """
CREATE SCHEMA shop;
CREATE TABLE shop."Page views" (
  "Visitor" TEXT, "at" TIMESTAMPTZ, "URL path" VARCHAR(80), seconds NUMERIC(12, 2), bot BOOLEAN
);
INSERT INTO shop."Page views" VALUES
  ('ann', '2026-03-01 10:00:00+01', '/pricing', 12.50, false),
  ('ann', '2026-03-02 10:00:00+00', '/blog', 3.25, false),
  ('bob', '2026-03-02 11:00:00+00', '/pricing', NULL, false),
  ('crawler', '2026-03-02 11:00:00+00', '/pricing', 0.01, true),
  (NULL, '2026-03-02 11:00:00+00', '/pricing', 1, false),
  ('', '2026-03-02 11:00:00+00', '/pricing', 1, false);
CREATE TABLE orders (
  order_no BIGINT, customer TEXT, placed TIMESTAMP, state TEXT, total DOUBLE PRECISION, item TEXT
);
INSERT INTO orders VALUES
  (1, 'bob', '2026-03-02 12:00:00', 'done', 19.9, 'i1'),
  (2, 'cy', '2026-03-03 00:30:00', 'done', 5, 'i2'),
  (3, 'ann', '2026-03-03 00:30:00', 'cancelled', 5, 'i2');
CREATE TABLE customers (id TEXT, plan TEXT, since DATE, newsletter BOOLEAN, phone_ok TEXT);
INSERT INTO customers VALUES
  ('ann', 'pro', '2025-01-01', true, 'YES '), ('bob', 'free', NULL, false, 'no'),
  ('dee', 'free', '2026-01-01', NULL, 'perhaps');
CREATE TABLE items (id TEXT, category TEXT);
INSERT INTO items VALUES ('i1', 'shoes > boots'), ('i2', 'hats');
CREATE TABLE members (who TEXT, list TEXT);
INSERT INTO members VALUES ('ann', 'vip'), ('bob', 'vip'), ('dee', 'press');
"""

TABLES = """
tables:
  events:
    - table: [shop, Page views]
      event: view
      person: Visitor
      ts: at
      when: {bot: false}
      properties: {path: URL path, seconds: seconds}
    - table: orders
      event: order
      person: customer
      ts: {column: placed, zone: Europe/Berlin}
      id: order_no
      when: {state: [done, sent]}
      properties: {total: total, item_id: item, order_no: {column: order_no, type: text}}
  people:
    table: customers
    person: id
    traits: {plan: plan, since: since}
    consents:
      mail: newsletter
      phone: phone_ok
  items: {table: items, item_id: id, attributes: {category: category}}
  lists: {table: members, list: {column: list}, person: who}
"""

SEGMENTS = """
- {id: priced, where: {did: view, where: {path: {matches: "^/PRIC", ignore_case: true}}}}
- {id: short, where: {did: view, sum: {of: seconds, between: [0.02, 15.75]}}}
- {id: booted, where: {did: order, where: {item.category: {under: shoes}}, within: 30d}}
- {id: paid, where: {did: order, sum: {of: total, at_least: 19.9}}}
- {id: by_day, where: {did: order, since: "2026-03-02", until: "2026-03-03"}}
- {id: early, where: {trait: since, before: "2025-06-01"}}
- {id: mail, where: {consent: mail}}
- {id: phone, where: {consent: phone}}
- {id: vips, where: {in_list: vip}}
- {id: none_at_all, where: {none: [{did: "*"}]}}
- {id: numbered, where: {did: order, where: {order_no: "2"}}}
- {id: free_buyers, where: {all: [{did: order}, {trait: plan, equals: free}]}, exclude: [vips]}
"""

RIGHT = {
    "priced": {"ann", "bob"},
    "short": {"ann"},
    "booted": {"bob"},
    "paid": {"bob"},
    "by_day": {"bob"},
    "early": {"ann"},
    "mail": {"ann"},
    "phone": {"ann"},
    "vips": {"ann", "bob"},
    "none_at_all": {"dee"},
    "numbered": {"cy"},
    "free_buyers": set(),
}

AS_OF = "2026-03-10"

Make = Callable[..., Project]


@pytest.fixture(params=["duckdb", pytest.param("postgres", marks=pytest.mark.postgres)])
def made(request, tmp_path: Path, monkeypatch) -> Project:
    """The project, over the tables in a database of that engine."""
    if request.param == "duckdb":
        with duckdb.connect(str(tmp_path / "data.duckdb")) as connection:
            connection.execute(ROWS)
        engine = "{name: duckdb, file: data.duckdb}"
    else:
        url = request.getfixturevalue("postgres_url")
        with psycopg.connect(url) as connection:
            connection.execute(ROWS)
        monkeypatch.setenv("SHOP_URL", url)
        engine = "{name: postgres, url_env: SHOP_URL, options: {statement_timeout: '60000'}}"
    return written(tmp_path, engine)


def written(folder: Path, engine: str, tables: str = TABLES, more: str = "") -> Project:
    settings = f"version: 1\nname: Shop\ntimezone: Europe/Berlin\nengine: {engine}\n{tables}{more}"
    (folder / "fewer.yaml").write_text(settings, encoding="utf-8")
    (folder / "segments").mkdir(exist_ok=True)
    (folder / "segments" / "all.yaml").write_text(SEGMENTS, encoding="utf-8")
    return Project.open(folder)


def keys(project: Project, snapshot) -> dict[str, set[str]]:
    return {
        id_: set(project.keys.of(view.members).to_pylist())
        for id_, view in snapshot.segments.items()
    }


def test_a_build_finds_who_the_tables_say(made):
    with made as project:
        snapshot = project.build(as_of=AS_OF)
        assert keys(project, snapshot) == RIGHT
        assert snapshot.universe == 4
        assert project.generation.catalog.events == {"view": 3, "order": 2}
        assert {f.code for f in project.validate()} == {"window_beyond_data"}


def test_numbers_are_kept_and_snapshots_stay_true(made):
    with made as project:
        first = project.build(as_of=AS_OF)
        numbers = {k: project.keys.number(k) for k in ("ann", "bob", "cy", "dee")}
        again = project.build(as_of=AS_OF)
        assert {k: project.keys.number(k) for k in numbers} == numbers
        assert first.fingerprint != again.fingerprint, "tables may have changed meanwhile"
    with Project.open(made.folder.root) as later:
        assert keys(later, later.snapshot()) == RIGHT


def test_why(made):
    with made as project:
        project.build(as_of=AS_OF)
        reasons = project.why("priced", "bob")
        assert reasons.member
        assert reasons.root.holds
        assert "path=/pricing" in reasons.tree()
        assert not project.why("paid", "cy").root.holds
        assert "it is 'free'" in project.why("free_buyers", "bob").tree()
        assert any(s.removed_by == ("vips",) for s in project.standings("bob"))
        with pytest.raises(PersonNotFoundError) as unknown:
            project.why("priced", "nobody@example.com")
        assert "nobody" not in str(unknown.value)


def test_export_asks_for_consent_in_the_tables(made, tmp_path):
    root = made.folder.root
    text = (root / "fewer.yaml").read_text(encoding="utf-8") + "consent: {purpose: mail}\n"
    (root / "fewer.yaml").write_text(text, encoding="utf-8")
    with Project.open(root) as project:
        project.build(as_of=AS_OF)
        project.export("priced", tmp_path / "out.csv", keys="person", allow_small=True)
        written_ids = (tmp_path / "out.csv").read_text(encoding="utf-8").split()[1:]
        assert written_ids == [hashlib.sha256(b"ann").hexdigest()]


def test_what_needs_the_store_says_so(made):
    with made as project:
        project.build(as_of=AS_OF)
        other = "duckdb" if project.engine_name == "postgres" else "postgres"
        for ask in (
            project.ingest,
            project.measure,
            project.tailor,
            lambda: project.build(engine="embedded"),
            lambda: project.build(engine=other),
        ):
            with pytest.raises(UnsupportedByEngineError, match="ingest"):
                ask()


class TestMistakes:
    """Every one of a mapping is named, with what the database has."""

    def test_tables_columns_and_types(self, made):
        root = made.folder.root
        text = (root / "fewer.yaml").read_text(encoding="utf-8")
        for old, new in (
            ("table: customers", "table: custmers"),
            ("path: URL path", "path: url path"),
            ("ts: at", "ts: URL path"),
            ("total: total", "total: {column: item, type: number}"),
            ("bot: false", "bot: 0"),
        ):
            text = text.replace(old, new)
        (root / "fewer.yaml").write_text(text, encoding="utf-8")
        with Project.open(root) as project, pytest.raises(SettingsError) as refused:
            project.build(as_of=AS_OF)
        codes = [problem.code for problem in refused.value.problems]
        assert sorted(codes) == ["column_type"] * 3 + ["unknown_column", "unknown_table"]
        assert "Did you mean 'URL path'?" in str(refused.value)

    def test_the_variable_is_not_set(self, tmp_path, monkeypatch):
        monkeypatch.delenv("SHOP_URL", raising=False)
        project = written(tmp_path, "{name: postgres, url_env: SHOP_URL}")
        with project, pytest.raises(EngineError, match="SHOP_URL, which is not set"):
            project.build(as_of=AS_OF)

    @pytest.mark.parametrize(
        "engine, words",
        [
            ("{name: postgres, url: 'postgresql://ann:secret@db/shop'}", "url_env"),
            ("{name: postgres, url_env: A, file: b}", "only one of"),
            ("{name: duckdb, threads: 0}", "at least 1"),
        ],
    )
    def test_settings_that_are_wrong(self, tmp_path, engine, words):
        with pytest.raises(SettingsError, match=words):
            written(tmp_path, engine)

    def test_sources_beside_tables(self, tmp_path):
        source = "sources: [{id: a, files: a.csv, lists: {list: a, person: b}}]\n"
        with pytest.raises(SettingsError, match="either 'sources'"):
            written(tmp_path, "{name: duckdb, file: data.duckdb}", more=source)

    def test_a_database_file_that_is_none(self, tmp_path):
        (tmp_path / "data.duckdb").write_text("no database", encoding="utf-8")
        project = written(tmp_path, "{name: duckdb, file: data.duckdb}")
        with project, pytest.raises(EngineError, match="can't be opened"):
            project.build(as_of=AS_OF)

    def test_an_engine_without_tables(self, tmp_path):
        project = written(tmp_path, "embedded")
        with project, pytest.raises(UnsupportedByEngineError, match="in place"):
            project.build(as_of=AS_OF)


@pytest.mark.parametrize(
    "engine",
    [
        "{name: duckdb, options: {threads: '1'}}",
        pytest.param("clickhouse", marks=pytest.mark.clickhouse),
        pytest.param("{name: spark, url: 'local[2]'}", marks=pytest.mark.spark),
    ],
    ids=["duckdb", "clickhouse", "spark"],
)
def test_files_in_place(tmp_path, engine):
    (tmp_path / "data").mkdir()
    with duckdb.connect() as connection:
        rows = "'u' || range % 5 AS user, 1772000000 + range * 3600 AS t, range AS n"
        for name, query in (
            ("a1", f"SELECT {rows} FROM range(50)"),  # noqa: S608  constant
            ("a2", f"SELECT {rows} FROM range(50, 100)"),  # noqa: S608  constant
            ("people", "SELECT * FROM (VALUES ('u1', 'pro'), ('u9', 'free')) AS p(user, plan)"),
        ):
            connection.sql(query).write_parquet(str(tmp_path / "data" / f"{name}.parquet"))
    tables = """
tables:
  events:
    files: data/a*.parquet
    event: ping
    person: {first_of: [{column: user, prefix: "x:"}]}
    ts: {column: t, format: epoch_s}
    properties: {n: n}
  people:
    files: data/people.parquet
    person: {column: user, prefix: "x:"}
    traits: {plan: plan}
"""
    with written(tmp_path, engine, tables) as project:
        (tmp_path / "segments" / "all.yaml").write_text(
            "- {id: many, where: {did: ping, sum: {of: n, at_least: 1000}}}\n"
            "- {id: pros, where: {trait: plan, equals: pro}}\n"
            "- {id: all_of_them, where: {all: []}}\n"
            "- {id: chained, where: {all: [{sample: {percent: 100, salt: a}}, {trait: plan,"
            " matches: '^P', ignore_case: true}, {sequence: [{did: ping}, {did: ping,"
            " within_next: 1d}], same: [session_id]}, {did: ping, days: {at_least: 2}}]}}\n",
            encoding="utf-8",
        )
        snapshot = project.build(as_of=AS_OF)
        found = keys(project, snapshot)
        assert found["pros"] == {"x:u1"}
        assert found["many"] == {"x:u3", "x:u4"}
        assert len(found["all_of_them"]) == 6
        assert {f.code for f in project.audit(AS_OF).findings} >= {"IP001", "IP007"}
        assert project.why("many", "x:u4").root.holds
        assert found["chained"] == set(), "no two pings of one person are in one session"
        assert not project.why("chained", "x:u1").root.holds


def test_csv_files_and_a_wrong_option(tmp_path):
    (tmp_path / "people.csv").write_text("user,plan\nu1,pro\nu9,free\n", encoding="utf-8")
    tables = "tables: {people: {files: people.csv, person: user, traits: {plan: plan}}}\n"
    segments = "- {id: pros, where: {trait: plan, equals: pro}}\n"
    with written(tmp_path, "duckdb", tables) as project:
        (tmp_path / "segments" / "all.yaml").write_text(segments, encoding="utf-8")
        assert keys(project, project.build(as_of=AS_OF)) == {"pros": {"u1"}}
    wrong = written(tmp_path, "{name: duckdb, options: {thread: '1'}}", tables)
    (tmp_path / "segments" / "all.yaml").write_text(segments, encoding="utf-8")
    with wrong, pytest.raises(EngineError, match="refuses an option"):
        wrong.build(as_of=AS_OF)


@pytest.mark.postgres
def test_a_project_of_its_own_store_may_build_on_postgres(tmp_path, postgres_url, monkeypatch):
    (tmp_path / "data.csv").write_text(
        "who,at,what\nann,2026-03-01 10:00,view\nbob,2026-03-02 10:00,buy\n", encoding="utf-8"
    )
    sources = """
sources:
  - id: log
    files: data.csv
    events: {event: {column: what}, person: who, ts: at}
"""
    monkeypatch.setenv("SHOP_URL", postgres_url)
    with written(tmp_path, "{name: postgres, url_env: SHOP_URL}", sources) as project:
        segments = "- {id: viewers, where: {did: view}}\n- {id: idle, where: {did_not: view}}\n"
        (tmp_path / "segments" / "all.yaml").write_text(segments, encoding="utf-8")
        project.ingest()
        snapshot = project.build(as_of=AS_OF)
        assert keys(project, snapshot) == {"viewers": {"ann"}, "idle": {"bob"}}
        assert project.build(as_of=AS_OF, engine="embedded").universe == 2
        assert project.why("viewers", "ann").root.holds
        assert json.loads(project.audit(AS_OF).to_json())["inventory"]["rows"] == 2


def test_an_audit_of_tables_that_keep_the_contract(made):
    with made as project:
        audit = project.audit(AS_OF)
        found = {finding.code: finding for finding in audit.findings}
        assert set(found) == {"IP001", "IP002", "IP007"}
        assert found["IP001"].severity == "info", "page views have no id"
        assert found["IP002"].evidence.table.rows == (("shop.Page views", "without a person", 2),)
        assert "read as they are now" in found["IP007"].detail
        inventory = audit.inventory
        assert (inventory.rows, inventory.people, inventory.items) == (5, 4, 2)
        assert [(p.event, p.rows, p.people) for p in inventory.events] == [
            ("view", 3, 2), ("order", 2, 2)
        ]  # fmt: skip
        seconds = next(p for p in inventory.events[0].properties if p.name == "seconds")
        assert (seconds.filled, seconds.distinct, seconds.hidden) == (2, 2, True)
        assert [(c.purpose, c.granted, c.denied, c.unknown) for c in inventory.consents] == [
            ("mail", 1, 1, 2), ("phone", 1, 1, 2)
        ]  # fmt: skip
        assert "ann" not in audit.to_json()


SPOILT = """
INSERT INTO orders VALUES
  (1, 'ann', '2026-03-02 12:00:00', 'done', 'NaN', 'i1'),
  (4, 'ann', '2999-03-02 12:00:00', 'done', 1e300, 'i1'),
  (5, 'ann', '1970-01-01 00:00:00', 'done', 1, 'i1'),
  (NULL, 'ann', '2026-03-02 12:00:00', 'done', 1, 'i1'),
  (6, 'ann', NULL, 'done', 1, 'i1'),
  (7, 'jose\u0301', '2026-03-02 12:00:00', 'done', 1, 'cafe\u0301');
INSERT INTO customers VALUES ('ann', 'free', NULL, NULL, NULL);
INSERT INTO items VALUES ('i1', 'hats');
"""


def test_an_audit_of_tables_that_do_not(made, request):
    if made.engine_name == "duckdb":
        with duckdb.connect(str(made.folder.root / "data.duckdb")) as connection:
            connection.execute(SPOILT)
    else:
        with psycopg.connect(request.getfixturevalue("postgres_url")) as connection:
            connection.execute(SPOILT)
    with made as project:
        audit = project.audit(AS_OF)
        found: dict[str, list[str]] = {}
        for finding in audit.findings:
            found.setdefault(finding.code, []).append(finding.title)
        assert found["IP001"][0] == "1 event ids belong to several events"
        assert found["IP002"] == ["4 rows of your tables are left out"]
        assert found["IP003"] == ["2 texts are not in Unicode's normal form C"]
        assert found["IP004"] == ["2 numbers are read as missing"]
        assert found["IP005"] == ["1 events lie in the future", "1 events lie before 1990"]
        assert found["IP006"] == [
            "The table of people has 1 rows too many",
            "The table of items has 1 rows too many",
        ]
        assert {t.event: t.verdict for t in audit.trust} == {"view": "low", "order": "low"}
        assert "jos" not in audit.to_json()
    root = made.folder.root
    text = (root / "fewer.yaml").read_text(encoding="utf-8") + "audit: {ignore: [IP003, IP006]}\n"
    (root / "fewer.yaml").write_text(text, encoding="utf-8")
    with Project.open(root) as project:
        codes = {finding.code for finding in project.audit(AS_OF).findings}
        assert not codes & {"IP003", "IP006"}
