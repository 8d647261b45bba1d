"""The folder of the index: parts come and go with data files, under several hands at once."""

from __future__ import annotations

import json
import os
import pickle
import random
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from conformance.engines import answered, planned
from conftest import SOAK
from evaluate.index.bulk import ASKED, bulk
from evaluate.index.indexed import EVERY, TINY, afresh, indexed
from evaluate.index.test_damage import is_whole
from fewer.errors import EngineError, StoppedError
from fewer.evaluate.engines.duckdb import DuckDBEngine
from fewer.evaluate.index.cache import Index
from fewer.evaluate.index.layout import VERSION, write

SCRIPT = Path(__file__).with_name("evaluate_here.py")
KILLS = 8 * SOAK


@pytest.fixture
def shop(tmp_path):
    return indexed(TINY, tmp_path)


def held(shop):
    """Names of all files in the folder of the index."""
    return sorted(path.name for path in shop.cache.iterdir())


def wanted(shop):
    """Names of the parts that it should hold."""
    return sorted(part.name for part in shop.parts)


# ---------------------------------------------------------------------------------- come and go


def test_a_new_data_file_makes_one_part(shop):
    before = shop.only(*shop.files[:3])
    assert before.agrees().facts["parts_made"] == 3
    assert held(shop) == wanted(before)
    times = {path: path.stat().st_mtime_ns for path in before.parts}
    more = shop.only(*shop.files[:4])
    assert more.agrees().facts["parts_made"] == 1
    assert held(shop) == wanted(more)
    assert more.agrees().facts["parts_made"] == 0
    assert {path: path.stat().st_mtime_ns for path in before.parts} == times
    afresh()
    found = more.agrees()
    assert (found.facts["parts_made"], found.facts["parts"]) == (0, 4)


def test_parts_made_are_those_of_the_last_opening(shop):
    scene, asked = shop.asked()
    with shop.engine() as engine:
        plan = planned(scene, asked, shop.catalog)
        assert engine.evaluate(plan).facts["parts_made"] == len(shop.files)
    with shop.engine() as engine:
        assert engine.evaluate(plan).facts["parts_made"] == 0


def test_the_part_of_a_data_file_that_is_gone_goes_with_the_next_change(shop):
    shop.agrees()
    fewer = shop.only(*shop.files[1:])
    assert fewer.agrees().facts["parts_made"] == 0
    shutil.copyfile(fewer.files[0], Path(fewer.files[0]).with_name("part-9.parquet"))
    Path(fewer.files[0]).unlink()
    again = fewer.only(str(Path(fewer.files[0]).with_name("part-9.parquet")), *fewer.files[1:])
    assert again.agrees().facts["parts_made"] == 1
    assert held(shop) == wanted(again)


def test_the_part_of_a_data_file_that_is_gone_goes_within_the_hour(shop):
    """Of erased people nothing may be left, even when nothing new has to be indexed."""
    shop.agrees()
    fewer = shop.only(*shop.files[1:])
    fewer.agrees()
    assert held(shop) == wanted(shop)  # somebody may be at work on the files as they were
    os.utime(shop.parts[0], (0, 0))
    fewer.agrees()
    assert held(shop) == wanted(fewer)


def test_a_rewritten_data_file_replaces_its_part(shop):
    shop.agrees()
    path = Path(shop.files[2])
    table = pq.read_table(path, partitioning=None)
    pq.write_table(table, path, compression="zstd")
    os.utime(path, ns=(1, 1))
    found = shop.agrees()
    assert found.facts["parts_made"] == 1
    assert held(shop) == wanted(shop)


def test_what_a_dead_process_left_half_written(shop):
    shop.cache.mkdir()
    old, young = (shop.cache / f".{name}.part.12345" for name in ("aaaa", "bbbb"))
    stranger = shop.cache / "notes.txt"
    lost = shop.cache / f"{'c' * 32}.part"
    for path in (old, young, stranger):
        path.write_bytes(b"half")
    write(lost, {}, {})
    for path in (old, stranger):
        os.utime(path, (0, 0))
    shop.agrees()
    assert held(shop) == sorted([young.name, stranger.name, *wanted(shop)])


def test_stopped_while_indexing(shop):
    """What was made is kept, and the next one goes on from there."""
    asked = 0

    def should_stop():
        nonlocal asked
        asked += 1
        return asked > 3

    told = []
    with shop.engine() as engine:
        with pytest.raises(StoppedError, match="Stopped on request"):
            engine.prepare(should_stop=should_stop)
        assert all(name.endswith(".part") for name in held(shop))
        assert 0 < len(held(shop)) < len(shop.files)
        engine.prepare(progress=lambda *what: told.append(what))
        scene, question = shop.asked()
        found = engine.evaluate(planned(scene, question, shop.catalog))
    assert answered(found) == shop.right()
    assert [name for name, _, _ in told] == ["indexing"] * len(told)
    assert 0 < len(told) < len(shop.files)
    assert [done for _, done, _ in told] == list(range(1, len(told) + 1))


# -------------------------------------------------------------------------------- generations


def test_two_generations_are_open_at_once(shop):
    """Each engine answers from its own files, whichever was prepared last."""
    old = shop.only(*shop.files[:-2])
    scene, asked = shop.asked()
    plan = planned(scene, asked, shop.catalog)
    with old.engine() as one, shop.engine() as two:
        one.prepare()
        two.prepare()
        assert answered(one.evaluate(plan)) == old.right()
        assert answered(two.evaluate(plan)) == shop.right()
        assert one.evaluate(plan).facts["parts"] == len(old.files)
        assert two.evaluate(plan).facts["parts"] == len(shop.files)
        with old.engine() as three:
            assert answered(three.evaluate(plan)) == old.right()
        assert answered(two.evaluate(plan)) == shop.right()


def test_two_generations_alternate(shop):
    old, new = shop.only(*shop.files[:4]), shop.only(*shop.files[2:])
    for number in range(6):
        (old, new)[number % 2].agrees()
        if number % 3 == 2:
            afresh()
    shop.agrees()
    assert held(shop) == wanted(shop)


def test_the_other_generation_removes_parts_that_are_in_use(shop):
    old, new = shop.only(*shop.files[:4]), shop.only(*shop.files[4:])
    scene, asked = shop.asked()
    plan = planned(scene, asked, shop.catalog)
    with old.engine() as one:
        one.prepare()
        afresh()
        new.agrees()
        assert held(shop) == wanted(new)
        assert answered(one.evaluate(plan)) == old.right()


# ------------------------------------------------------------------------------ several processes


def pickled(folder: Path, shops, conditions) -> Path:
    """What `evaluate_here.py` is to evaluate."""
    scene, asked = shops[0].asked(*conditions)
    plan = planned(scene, asked, shops[0].catalog)
    path = folder / "asked.pickle"
    path.write_bytes(pickle.dumps(([shop.dataset() for shop in shops], plan)))
    return path


def started(path: Path, rounds: int = 1, descriptors: int = 0, most_rows: int = 0):
    numbers = [str(number) for number in (rounds, descriptors, most_rows)]
    return subprocess.Popen(
        [sys.executable, str(SCRIPT), str(path), *numbers],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )


def lines(process: subprocess.Popen[str]) -> list[dict]:
    """What it said, after it ended well."""
    with process:
        out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err[-3_000:]
    return [json.loads(line) for line in out.splitlines() if line != "begin"]


def right(shop, conditions):
    """Members according to DuckDB."""
    scene, asked = shop.asked(*conditions)
    engine = DuckDBEngine(shop.relations, shop.catalog)
    found = engine.evaluate(planned(scene, asked, shop.catalog))
    engine.close()
    return {id_: sorted(people) for id_, people in found.members.items()}


@pytest.mark.slow
def test_four_processes_make_the_same_index_at_once(tmp_path):
    shop = bulk(tmp_path, files=12, rows=2_000, people=500)
    path = pickled(tmp_path, [shop], ASKED)
    processes = [started(path) for _ in range(4)]
    found = [line["members"] for process in processes for line in lines(process)]
    assert found == [right(shop, ASKED)] * 4
    assert held(shop) == wanted(shop)
    assert all(map(is_whole, shop.parts))


@pytest.mark.slow
def test_processes_of_two_generations_take_turns(tmp_path):
    """Each sweeps away what the other makes, and still every answer is right."""
    shop = bulk(tmp_path, files=10, rows=300, people=100)
    old, new = (
        _of(shop, shop.files[:5]),
        _of(shop, shop.files[5:]),
    )
    some = ASKED[:4]
    first = started(pickled(tmp_path, [old, new], some), rounds=12)
    (tmp_path / "two").mkdir()
    second = started(pickled(tmp_path / "two", [new, old], some), rounds=12)
    wants = [right(old, some), right(new, some)]
    for process, order in ((first, wants), (second, wants[::-1])):
        said = lines(process)
        assert [line.get("error") for line in said] == [None] * 12
        assert [line["members"] for line in said] == order * 6
    assert all(name.endswith(".part") for name in held(shop))


def _of(shop, files):
    from dataclasses import replace

    from evaluate.index.indexed import reading

    return replace(shop, files=files, relations=shop.relations | {"events": reading(files)})


LIGHT = (
    {"did": "view", "count": {"between": [3, 40]}},
    {"did": "*", "count": {"at_least": 300}},
    {"did": "buy", "where": {"path": {"contains": "/1"}, "value": {"at_most": 3}}, "within": "5d"},
    {"did": "*", "where": {"value": {"not_in": [1, 2.5]}}, "count": {"at_most": 20}},
    {"did": ["cart", "buy"], "where": {"value": {"missing": True}, "item_id": ["item-1"]}},
    {"did_not": "like", "within": "3d"},
    {"first": {"did": "buy"}, "within": "6d"},
)
"""Conditions that a process which just began answers without a compiler."""


def test_the_first_question_of_a_process(tmp_path):
    """Answered by numpy; and again by compiled kernels, which another question loaded."""
    shop = bulk(tmp_path, files=10, rows=3_000, people=300)
    (said,) = lines(started(pickled(tmp_path, [shop], LIGHT)))
    assert said["members"] == right(shop, LIGHT)
    scene, asked = shop.asked(*LIGHT)
    heavy = planned(*shop.asked(*ASKED), shop.catalog)
    with shop.engine() as engine:
        engine.evaluate(heavy)
        found = engine.evaluate(planned(scene, asked, shop.catalog))
    assert {id_: sorted(people) for id_, people in found.members.items()} == said["members"]


@pytest.mark.kill
def test_killed_at_any_moment(tmp_path):
    """Killed while it makes the index: the next process completes it and answers right."""
    shop = bulk(tmp_path, files=40, rows=12_000, people=2_000)
    path = pickled(tmp_path, [shop], ASKED)
    begun = time.monotonic()
    with started(path) as whole:
        whole.stdout.readline()
        begun = time.monotonic()
        whole.communicate(timeout=300)
        length = time.monotonic() - begun
    members = right(shop, ASKED)
    dice = random.Random(2026)
    left = []
    for number in range(KILLS):
        if number % 4 == 0:
            shutil.rmtree(shop.cache, ignore_errors=True)
        process = started(path)
        process.stdout.readline()
        time.sleep(dice.uniform(0, length))
        process.send_signal(signal.SIGKILL)
        with process:
            process.communicate(timeout=60)
        assert process.returncode in (0, -signal.SIGKILL)
        if shop.cache.exists():
            names = held(shop)
            assert all(is_whole(shop.cache / name) for name in names if name.endswith(".part"))
            left += [name for name in names if not name.endswith(".part")]
        if number % 2:
            continue  # and killed again, over what is left
        (said,) = lines(started(path))
        assert said["members"] == members
        assert set(wanted(shop)) <= set(held(shop))
        assert all(map(is_whole, shop.parts))
    for name in set(held(shop)) - set(wanted(shop)):
        assert name.startswith(".")
        os.utime(shop.cache / name, (0, 0))  # an hour later
    shop.parts[0].unlink()
    lines(started(path))
    assert held(shop) == wanted(shop)


@pytest.mark.slow
def test_more_data_files_than_a_process_may_open(tmp_path):
    shop = bulk(tmp_path, files=150, rows=40, people=50)
    path = pickled(tmp_path, [shop], ASKED)
    (said,) = lines(started(path, descriptors=100))
    assert said.get("error") is None
    assert said["members"] == right(shop, ASKED)


# ---------------------------------------------------------------------------------- bad disks


@contextmanager
def mounted(folder: Path, options: str):
    """A small disk of its own; skips where it can't be had."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"no file system can be mounted here: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def test_the_disk_is_full(tmp_path):
    shop = bulk(tmp_path / "data", files=6, rows=30_000, people=3_000)
    scene, asked = shop.asked(*ASKED)
    plan = planned(scene, asked, shop.catalog)
    disk = tmp_path / "disk"
    with mounted(disk, "size=2m"):
        with shop.engine(cache=disk / "index") as engine:
            with pytest.raises(EngineError) as caught:
                engine.evaluate(plan)
            text = str(caught.value)
            assert "No space left" in text
            assert "Make room" in text
            assert "--engine duckdb" in text
            kept = sorted((disk / "index").iterdir())
            assert all(path.name.endswith(".part") and is_whole(path) for path in kept)
            subprocess.run(["mount", "-o", "remount,size=100m", str(disk)], check=True)
            found = engine.evaluate(plan)
        members = {id_: sorted(people) for id_, people in found.members.items()}
        assert members == right(shop, ASKED)
        del engine, found
        afresh()


def test_the_folder_is_read_only(shop, tmp_path):
    disk = tmp_path / "disk"
    scene, asked = shop.asked()
    plan = planned(scene, asked, shop.catalog)
    with mounted(disk, "size=20m"):
        (disk / "index").mkdir()
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        for cache in (disk / "index", disk / "new"):
            with (
                shop.engine(cache=cache) as engine,
                pytest.raises(EngineError, match=r"Read-only.*--engine duckdb"),
            ):
                engine.evaluate(plan)
        subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)
        with shop.engine(cache=disk / "index") as engine:
            assert answered(engine.evaluate(plan)) == shop.right()
        stale = disk / "index" / f"{'c' * 32}.part"
        stale.touch()
        os.utime(stale, (0, 0))
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        afresh()
        with shop.engine(cache=disk / "index") as engine:  # all there: nothing is to be written
            assert answered(engine.evaluate(plan)) == shop.right()
        afresh()


def test_a_file_is_where_the_folder_should_be(shop):
    shop.cache.write_text("a file")
    with pytest.raises(EngineError, match="index can't be written"):
        shop.evaluate(*EVERY)
    assert shop.cache.read_text() == "a file"


def test_without_a_folder_the_index_is_temporary(shop, monkeypatch, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    scene, asked = shop.asked()
    with shop.engine(cache=None) as engine:
        assert answered(engine.evaluate(planned(scene, asked, shop.catalog))) == shop.right()
        assert list((tmp_path / "tmp").glob("fewer-index-*/*.part"))
    assert not list((tmp_path / "tmp").glob("fewer-index-*"))
    assert not shop.cache.exists()


def test_an_index_over_no_files(tmp_path):
    index = Index(tmp_path / "index")
    index.open([])
    assert (index.parts, index.rows, index.bytes, index.made) == ((), 0, 0, 0)
    assert VERSION >= 1


# ---------------------------------------------------------------------------------------- memory


HEAVY = (
    {"sequence": [{"did": "view"}, {"did": "view", "within_next": "1h"}]},
    {"sequence": [{"did": "*"}, {"did": "*", "within_next": "1d"}], "same": ["item_id"]},
    {"sequence": [{"did": "view"}, {"did": "buy"}], "same": ["session_id"]},
    {"did": "*", "burst": {"count": 3, "in": "1h"}},
    {"did": "*", "distinct": {"of": "value", "at_least": 5}},
    {"last": {"did": "*"}, "within": "60d", "having": {"path": {"ends_with": "7"}}},
)
"""Conditions that bring all events of all people into order."""


@pytest.mark.slow
def test_memory_does_not_grow_with_history(tmp_path):
    """Anonymous memory of indexing and evaluating: four times the events, about the same."""
    peaks = {}
    for files in (15, 60):
        shop = bulk(tmp_path / str(files), files=files, rows=50_000, people=100_000)
        for name, conditions in (("cold", ASKED), ("warm", ASKED), ("heavy", HEAVY)):
            path = pickled(tmp_path, [shop], conditions)
            (said,) = lines(started(path, most_rows=200_000))
            peaks[name, files] = said["peak_kb"] // 1024
        assert said["facts"]["events"] == files * 50_000
    print(peaks)  # noqa: T201  shown when the test fails
    assert max(peaks.values()) < 500
    for name in ("cold", "warm", "heavy"):
        assert peaks[name, 60] - peaks[name, 15] < 90, peaks
