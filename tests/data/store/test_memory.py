"""Files larger than the memory that an ingest may use."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from data.bench import Bench, events

pytestmark = pytest.mark.slow

SCRIPT = Path(__file__).with_name("ingest_here.py")
CEILING_KB = 900_000
ROWS = 4_800_000


@pytest.mark.parametrize("clean", [True, False], ids=["clean", "ragged"])
def test_a_file_of_300_mb(tmp_path, clean):
    bench = Bench(tmp_path).sources(
        {
            "id": "log",
            "files": "log.csv",
            "events": events(properties={"page": "page", "n": {"column": "n", "type": "number"}}),
        }
    )
    rows = ROWS if clean else ROWS // 4
    with (tmp_path / "log.csv").open("w", encoding="utf-8") as file:
        file.write("who,at,page,n\n")
        for i in range(rows):
            at = f"2026-{i % 3 + 1:02d}-{i % 28 + 1:02d} {i % 24:02d}:{i % 60:02d}:00"
            file.write(
                f"person-{i * 7919 % 200_003},{at},/some/longer/page/{i % 5000}/of/it,{i}.5\n"
            )
        file.write("" if clean else "ragged\n")
    size = (tmp_path / "log.csv").stat().st_size
    assert size > (300_000_000 if clean else 75_000_000)
    (tmp_path / "settings.json").write_text(bench.settings.model_dump_json())
    bench.store.close()
    done = subprocess.run(
        [sys.executable, str(SCRIPT), str(tmp_path)],
        env={**os.environ, "FEWER_MEMORY": "500MB", "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["peak_kb"] < CEILING_KB
    with Bench(tmp_path).store as store:
        counts = store.ledger()[0].rows
    assert (counts.read, counts.stored, counts.refused) == (
        rows + (not clean),
        rows,
        int(not clean),
    )
