"""The store by itself: opening, migrating, locking, recovering, builds, keys."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time

import duckdb
import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from deltalake import DeltaTable
from pyroaring import BitMap

from data.bench import Bench, events, utc
from fewer.data.store import control, schema
from fewer.data.store.crypto import Vault
from fewer.data.store.snapshots import SegmentResult, Snapshot
from fewer.data.store.store import Store
from fewer.errors import MissingExtraError, NotFoundError, StoreError

LOG = {"id": "log", "files": "log.csv", "events": events(properties={"page": "page"})}
HEAD = "who,at,page\n"


def _objects(engine):
    """Every table, index and trigger as it was made, and the revision."""
    with engine.connect() as connection:
        made = connection.execute(sa.text("SELECT type, name, sql FROM sqlite_master"))
        objects = {(kind, name): " ".join((sql or "").split()) for kind, name, sql in made}
        revision = connection.execute(sa.text("SELECT version_num FROM alembic_version"))
        return objects, revision.scalars().all()


class TestOpening:
    def test_makes_a_private_folder(self, tmp_path):
        with Store.open(tmp_path / "a" / ".fewer") as store:
            assert store.generation().is_empty
            assert store.generation().number == 0
        assert (tmp_path / "a" / ".fewer").stat().st_mode & 0o777 == 0o700

    def test_opening_again_loads_no_migrations(self, tmp_path):
        Store.open(tmp_path).close()
        script = (
            "import sys; from pathlib import Path; from fewer.data.store.store import Store;"
            f"Store.open(Path({str(tmp_path)!r})).generation();"
            "sys.exit('alembic' in sys.modules)"
        )
        assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0

    def test_every_relation_of_an_empty_store_has_its_columns(self, bench):
        for name in bench.store.generation().relations(0):
            assert bench.rows(name) == []

    def test_migrations_make_what_the_schema_says(self, tmp_path):
        engine = control.connect(control.sqlite_url(tmp_path / "control.db"))
        with engine.connect() as connection:
            context = MigrationContext.configure(connection, opts={"compare_type": True})
            assert compare_metadata(context, schema.metadata) == []
            assert context.get_current_revision() == control.REVISION

    def test_tables_made_at_once_are_those_of_the_migrations(self, tmp_path):
        migrated = sa.create_engine(control.sqlite_url(tmp_path / "migrated.db"))
        config = Config()
        config.set_main_option("script_location", str(control.MIGRATIONS))
        config.set_main_option("path_separator", "os")
        with migrated.begin() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
        made = control.connect(control.sqlite_url(tmp_path / "made.db"))
        assert _objects(made) == _objects(migrated)
        again = control.connect(control.sqlite_url(tmp_path / "made.db"))
        assert _objects(again) == _objects(made)

    def test_a_store_of_a_newer_version_is_left_alone(self, tmp_path):
        with Store.open(tmp_path) as store, control.writing(store.control) as connection:
            connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
        with pytest.raises(StoreError, match="newer version of fewer"):
            Store.open(tmp_path)

    def test_a_damaged_control_database(self, tmp_path):
        (tmp_path / "control.db").write_bytes(b"not a database" * 100)
        with pytest.raises(StoreError, match="can't be opened"):
            Store.open(tmp_path)

    @pytest.mark.parametrize("url", ["mysql://x/y", "what"])
    def test_other_databases(self, tmp_path, url):
        with pytest.raises((StoreError, MissingExtraError)):
            Store.open(tmp_path, control_url=url)

    def test_a_missing_table_is_explained(self, bench):
        bench.write("log.csv", HEAD + "ann,2026-03-01,/a\n")
        bench.sources(LOG).ingest()
        for path in (bench.folder / ".fewer" / "events" / "_delta_log").iterdir():
            path.unlink()
        with pytest.raises(StoreError, match="from a backup"):
            bench.rows("events")


class TestDelta:
    def test_the_log_holds_no_statistics_of_values(self, bench):
        bench.write("log.csv", HEAD + "secret-person,2026-03-01,/secret-page\n")
        bench.sources({**LOG, "people": {"person": "who", "traits": {"page": "page"}}}).ingest()
        for log in (bench.folder / ".fewer").glob("*/_delta_log/*.json"):
            assert "secret" not in log.read_text()
            for line in log.read_text().splitlines():
                added = json.loads(line).get("add")
                if added:
                    assert set(json.loads(added["stats"])) == {"numRecords"}

    def test_other_readers_of_delta_see_the_same(self, bench):
        bench.write("log.csv", HEAD + "ann,2026-03-01,/a\nbob,2026-03-02,/b\n")
        bench.sources(LOG).ingest()
        mapping = events(properties={"page": "page", "n": {"column": "n", "type": "number"}})
        bench.sources({**LOG, "id": "more", "files": "more.csv", "events": mapping})
        bench.write("more.csv", "who,at,page,n\ncy,2026-03-02,/c,1.5\n")
        bench.ingest()
        table = DeltaTable(bench.folder / ".fewer" / "events").to_pyarrow_table()
        rows = sorted((row["ts"], row["p1_t"], row["p2_n"]) for row in table.to_pylist())
        assert rows == [
            (utc("2026-03-01"), "/a", None),
            (utc("2026-03-02"), "/b", None),
            (utc("2026-03-02"), "/c", 1_500_000),
        ]
        assert set(table.column("day").to_pylist()) == {"2026-03-01", "2026-03-02"}

    def test_events_of_a_span_read_only_its_days(self, bench):
        days = [f"2026-03-{d:02d}" for d in range(1, 8)]
        bench.write("log.csv", HEAD + "".join(f"ann,{day}T12:00,/{day}\n" for day in days))
        bench.sources(LOG).ingest()
        generation = bench.store.generation()
        text = generation.events(since_us=utc(days[2]), until_us=utc(days[4])).sql("duckdb")
        assert [day in text for day in days] == [False, False, True, True, False, False, False]

    def test_a_span_before_a_property_existed_still_has_its_column(self, bench):
        bench.write("log.csv", HEAD + "ann,2026-03-01,/a\n")
        bench.sources(LOG).ingest()
        late = {"id": "late", "files": "late.csv", "events": events(properties={"n": "n"})}
        bench.write("late.csv", "who,at,n\nann,2026-03-05,x\n")
        bench.sources(LOG, late).ingest()
        generation = bench.store.generation()
        query = generation.events(until_us=utc("2026-03-02")).sql("duckdb")
        found = duckdb.sql(f"SELECT p1_t, p2_t FROM ({query})").fetchall()  # noqa: S608
        assert found == [("/a", None)]


class TestWriting:
    def test_a_second_writer_is_told_who_writes(self, bench):
        second = bench.store.write(wait_seconds=0.2)
        with bench.store.write(), pytest.raises(StoreError, match=f"process {os.getpid()}"):
            second.__enter__()

    def test_a_second_writer_waits(self, bench):
        script = (
            "import sys, time; from pathlib import Path; from fewer.data.store.store import Store\n"
            "with Store.open(Path(sys.argv[1])) as store, store.write():\n"
            "    print('writing', flush=True); time.sleep(0.6)"
        )
        command = [sys.executable, "-c", script, str(bench.folder / ".fewer")]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            process.stdout.readline()
            started = time.monotonic()
            with bench.store.write(wait_seconds=30):
                assert time.monotonic() - started > 0.3

    def test_what_was_not_published_never_happened(self, bench):
        bench.write("log.csv", HEAD + "ann,2026-03-01,/a\n")
        bench.sources(LOG).ingest()
        before = snapshot(bench)
        with bench.store.write() as writer:
            writer.db.execute("CREATE TABLE t AS SELECT 1 AS person, 'x' AS kind, 'y' AS key")
            writer.copy("persons", "persons", "SELECT * FROM t")
            writer.registry.code("p", "new", "text")
        assert snapshot(bench) == before
        assert bench.rows("persons") == [{"person": 0, "key": "ann", "kind": "known"}]

    def test_commits_without_publication_are_taken_back(self, bench, monkeypatch):
        bench.write("log.csv", HEAD + "ann,2026-03-01,/a\n")
        bench.sources(LOG).ingest()
        before = bench.rows("events")
        bench.write("log.csv", HEAD + "ann,2026-03-01,/a\nbob,2026-03-02,/b\n")

        def dies(*_: object) -> None:
            raise KeyboardInterrupt

        with monkeypatch.context() as patched:
            patched.setattr("fewer.data.store.writer._lines", dies)
            with pytest.raises(KeyboardInterrupt):
                bench.ingest()
        assert DeltaTable(bench.folder / ".fewer" / "events").version() > 1
        assert bench.rows("events") == before
        assert bench.ingest().rows.stored == 1
        assert bench.events("key") == [("ann",), ("bob",)]
        assert DeltaTable(bench.folder / ".fewer" / "events").count() == 2


def snapshot(bench):
    """All data files and what is published."""
    root = bench.folder / ".fewer"
    files = {
        str(p): p.stat().st_size for p in root.rglob("*.parquet") if "_delta_log" not in p.parts
    }
    generation = bench.store.generation()
    return files, generation.number, generation.fingerprint


class TestKeys:
    def test_key_from_the_environment(self, tmp_path, monkeypatch):
        monkeypatch.setenv("FEWER_KEY", "A" * 43 + "=")
        sealed = Vault.at(tmp_path).seal("x", b"value")
        assert not (tmp_path / "key").exists()
        assert Vault.at(tmp_path).open("x", sealed) == b"value"

    def test_a_wrong_key_is_explained(self, tmp_path):
        sealed = Vault.at(tmp_path).seal("x", b"value")
        (tmp_path / "key").unlink()
        with pytest.raises(StoreError, match="Restore the key file"):
            Vault.at(tmp_path).open("x", sealed)

    def test_a_key_that_is_none(self, tmp_path, monkeypatch):
        monkeypatch.setenv("FEWER_KEY", "short")
        with pytest.raises(StoreError, match="32 bytes in base64"):
            Vault.at(tmp_path)

    def test_purposes_and_contexts_have_keys_of_their_own(self):
        vault = Vault(bytes(32))
        sealed = vault.seal("a", b"x", b"1")
        assert sealed != vault.seal("a", b"x", b"1")
        assert vault.token("a", "x") == vault.token("a", "x") != vault.token("b", "x")
        for purpose, context in (("b", b"1"), ("a", b"2")):
            with pytest.raises(StoreError):
                vault.open(purpose, sealed, context)


def made(n=1, **changes):
    segments = {
        f"s{i}": SegmentResult(
            id=f"s{i}",
            definition='{"id": "s"}',
            matched=BitMap(range(i, 5000, 3)),
            members=BitMap(range(i, 4000, 3)),
            funnel=(("buyers", 10, 20),),
            entered=3,
            exited=None,
            warnings=("covers 3 of 7 days",),
            proposals=("within: 21d would give 214",),
            seconds=0.25,
        )
        for i in range(n)
    }
    given = {
        "id": "",
        "as_of_us": 2**60,
        "created_us": 2**59,
        "engine": "duckdb",
        "generation": 1,
        "definitions_fingerprint": "d" * 64,
        "data_fingerprint": "e" * 64,
        "fingerprint": "f0f1f2f3",
        "universe": 5000,
        "seconds": 1.5,
        "segments": segments,
        **changes,
    }
    return Snapshot(**given)


class TestBuilds:
    def test_kept_as_they_are(self, bench):
        saved = bench.store.save_build(made(3))
        assert saved.id == "1-f0f1f2"
        assert bench.store.build() == saved == bench.store.build("1-f0f1f2")
        assert list(bench.store.build().segments) == ["s0", "s1", "s2"]

    def test_newest_first_with_sizes(self, bench):
        bench.store.save_build(made(1))
        bench.store.save_build(made(2, fingerprint="aaaaaaa"))
        infos = bench.store.builds()
        assert [info.id for info in infos] == ["2-aaaaaa", "1-f0f1f2"]
        assert infos[0].sizes == {"s0": 1334, "s1": 1333}

    def test_none_of_that_id(self, bench):
        with pytest.raises(NotFoundError):
            bench.store.build()
        bench.store.save_build(made())
        with pytest.raises(NotFoundError, match="1-f0f1f2"):
            bench.store.build("1-f0f1f3")


class TestQuarantine:
    def test_counts_and_rows_by_reason(self, bench):
        rows = ",2026-03-01,/a\nann,never,/b\nbob,2026-03-01\n"
        bench.write("log.csv", HEAD + rows)
        bench.sources(LOG).ingest()
        counts = bench.store.quarantine_counts()
        assert [(c["file"], c["reason"], c["rows"]) for c in counts] == [
            ("log.csv", "person_missing", 1),
            ("log.csv", "ts_unparseable", 1),
            ("log.csv", "wrong_column_count", 1),
        ]
        found = bench.store.quarantine("ts_unparseable")
        assert [(row.row, json.loads(row.raw)) for row in found] == [
            (2, {"who": "ann", "at": "never", "page": "/b"})
        ]
        assert len(bench.store.quarantine(limit=2)) == 2
        assert len(bench.store.quarantine(["person_missing", "wrong_column_count"])) == 2

    def test_many_rows_in_order(self, bench):
        bench.write("log.csv", HEAD + "".join(f"p{i},never,/{i}\n" for i in range(4500)))
        bench.sources(LOG).ingest()
        rows = bench.store.quarantine(limit=10_000)
        assert [row.row for row in rows] == list(range(1, 4501))

    def test_rows_of_a_rebuilt_source_are_forgotten(self, bench):
        bench.write("log.csv", HEAD + "ann,never,/a\n")
        bench.sources(LOG).ingest()
        times = {**LOG, "events": events(ts={"constant": "2026-03-01"})}
        bench.sources(times).ingest(rebuild=True)
        assert bench.store.quarantine() == []
        assert bench.store.quarantine_counts() == []


def test_two_stores_of_the_same_files_are_the_same(tmp_path):
    """Numbers of people, files' rows and the fingerprint depend on what was read only."""
    seen = []
    for name in ("x", "y"):
        folder = tmp_path / name
        folder.mkdir()
        bench = Bench(folder).sources(LOG)
        bench.write("log.csv", HEAD + "".join(f"p{i * 7919 % 997},2026-03-0{i % 7 + 1},/{i}\n"
                                              for i in range(3000)))  # fmt: skip
        bench.ingest()
        generation = bench.store.generation()
        seen.append((generation.fingerprint, bench.rows("persons"), bench.rows("events")))
        bench.store.close()
    assert seen[0] == seen[1]
