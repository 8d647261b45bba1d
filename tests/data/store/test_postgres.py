"""The control database in PostgreSQL: the same promises as in SQLite."""

from __future__ import annotations

import pytest
from pyroaring import BitMap

from data.bench import Bench, events
from fewer.data.store.snapshots import SegmentResult, Snapshot
from fewer.data.store.store import Store
from fewer.errors import StoreError

pytestmark = pytest.mark.postgres

LOG = {"id": "log", "files": "log.csv", "events": events(properties={"page": "page"})}


@pytest.fixture
def shared(tmp_path, postgres_url):
    made = Bench(tmp_path)
    made.store.close()
    made.store = Store.open(tmp_path / ".fewer", control_url=postgres_url)
    yield made
    made.store.close()


def test_ingest_grow_and_build(shared, postgres_url):
    shared.write("log.csv", "who,at,page\nann,2026-03-01,/é'\n,2026-03-01,/\n")
    first = shared.sources(LOG).ingest()
    assert first.rows.stored == 1
    shared.write("log.csv", "who,at,page\nann,2026-03-01,/é'\n,2026-03-01,/\nbob,2026-03-02,/\n")
    assert shared.ingest().rows.stored == 1
    assert shared.ingest().changed is False
    assert shared.events("key", "page") == [("ann", "/é'"), ("bob", "/")]
    assert shared.store.quarantine_counts()[0]["reason"] == "person_missing"
    result = SegmentResult("s", "{}", BitMap([1, 2]), BitMap([2]))
    build = Snapshot("", 1, 2, "duckdb", 1, "d", "e", "f0f0f0", 2, 0.5, segments={"s": result})
    saved = shared.store.save_build(build)
    with Store.open(shared.folder / ".fewer", control_url=postgres_url) as again:
        assert again.build() == saved
        assert again.generation().fingerprint == shared.store.generation().fingerprint


def test_rebuild_and_unpublished_writes(shared):
    shared.write("log.csv", "who,at,page\nann,2026-03-01,/a\n")
    shared.sources(LOG).ingest()
    with shared.store.write() as writer:
        writer.registry.code("p", "never", "text")
    assert shared.store.generation().number == 1
    shared.sources({**LOG, "events": events()}).ingest(rebuild=True)
    assert shared.store.generation().number == 2
    assert shared.store.ledger()[0].rows.stored == 1


def test_no_server(tmp_path):
    with pytest.raises(StoreError, match="can't be opened"):
        Store.open(tmp_path, control_url="postgresql://127.0.0.1:1/none?connect_timeout=2")
