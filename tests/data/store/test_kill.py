"""Killed at any moment, an ingest leaves the state before or the state after."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from conftest import SOAK
from data.bench import Bench, events

pytestmark = pytest.mark.kill

SCRIPT = Path(__file__).with_name("ingest_here.py")
KILLS = 20 * SOAK
SOURCES = [
    {
        "id": "log",
        "files": "log*.csv",
        "events": events(properties={"page": "page", "n": {"column": "n", "type": "number"}}),
        "people": {"person": "who", "traits": {"n": "n"}, "contacts": {"email": "mail"}},
    },
    {"id": "items", "files": "items.jsonl", "items": {"item_id": "sku", "attributes": {"*": {}}}},
]


def files(bench, rounds):
    """The project's files as they are in the given round; each round changes and adds some."""
    lines = [
        f"p{i % 500},2026-03-{i % 28 + 1:02d},/{i % 40},{i or 'x'},m{i % 500}@example.org"
        for i in range(4000 * rounds)
    ]
    bench.write("log1.csv", "who,at,page,n,mail\n" + "\n".join([*lines, "ragged"]) + "\n")
    if rounds > 1:
        bench.write("log2.csv", "who,at,page,n,mail\nnew,2026-04-01,/,1,new@example.org\n")
    bench.write("items.jsonl", [{"sku": f"s{i}", f"k{i % rounds}": rounds} for i in range(200)])


def state(bench):
    generation = bench.store.generation()
    tables = {name: generation.rows(name) for name in generation.tables}
    for name in tables:  # every file that is pinned is there
        assert all(Path(path).exists() for path in generation.files(name))
    return generation.fingerprint, tables, sorted(bench.events("event_id", "key", "page"))


def run(folder, after=None):
    process = subprocess.Popen(
        [sys.executable, str(SCRIPT), str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    with process:
        process.stdout.readline()
        if after is not None:
            time.sleep(after)
            process.send_signal(signal.SIGKILL)
        # Not `communicate`: it would lose what `readline` has buffered beyond its line.
        out, err = process.stdout.read(), process.stderr.read()
    assert process.returncode in ((0,) if after is None else (0, -signal.SIGKILL)), err
    return out


def prepared(folder, rounds):
    folder.mkdir()
    bench = Bench(folder).sources(*SOURCES)
    (folder / "settings.json").write_text(bench.settings.model_dump_json())
    files(bench, 1)
    bench.ingest()
    files(bench, rounds)
    return bench


def test_before_or_after(tmp_path):
    reference = prepared(tmp_path / "reference", 2)
    before = state(reference)
    started = time.monotonic()
    run(reference.folder)
    length = time.monotonic() - started
    after = state(reference)
    assert before[0] != after[0]

    bench = prepared(tmp_path / "killed", 2)
    assert state(bench) == before
    dice = random.Random(2026)
    outcomes = {"before": 0, "after": 0}
    for _ in range(KILLS):
        run(bench.folder, after=dice.uniform(0, length))
        found = state(bench)
        assert found in (before, after)
        if found == after:
            outcomes["after"] += 1
            bench.store.close()
            again = tmp_path / f"killed-{outcomes['after']}"
            bench = prepared(again, 2)
        else:
            outcomes["before"] += 1
    assert outcomes["before"] >= KILLS // 4
    run(bench.folder)
    assert state(bench) == after
    assert json.loads(run(bench.folder).splitlines()[-1])["fingerprint"] == after[0]
    assert list((bench.folder / ".fewer" / "staging").iterdir()) == []


def test_staging_left_by_a_kill_is_sealed_or_empty(tmp_path):
    """What a killed ingest leaves behind names nobody, and the next writer removes it."""
    bench = prepared(tmp_path / "x", 3)
    for after in (0.3, 0.6, 1.0):
        run(bench.folder, after=after)
        for path in (bench.folder / ".fewer").rglob("*"):
            if path.is_file():
                assert b"@example.org" not in path.read_bytes(), path
    run(bench.folder)
    assert list((bench.folder / ".fewer" / "staging").iterdir()) == []
