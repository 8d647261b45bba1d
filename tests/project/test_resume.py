"""Builds that are stopped, interrupted or killed, and what a resume makes of them."""

from __future__ import annotations

import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from conftest import SOAK
from fewer.errors import GuardError, NotFoundError, StoppedError
from fewer.evaluate.engines.duckdb import DuckDBEngine
from fewer.project.checkpoint import FOLDER, Checkpoint, interrupted
from fewer.project.project import Project
from project import florist

SEGMENTS = 16


@pytest.fixture
def folder(ingested, tmp_path) -> Path:
    return shutil.copytree(ingested, tmp_path / "florist")


def whole(snapshot):
    """All that a snapshot says, but what time it took and the id that it was given."""
    record = snapshot.record
    return (
        record.as_of_us,
        record.fingerprint,
        record.universe,
        record.engine,
        [
            (
                r.id,
                r.definition,
                r.matched.serialize(),
                r.members.serialize(),
                tuple(map(tuple, r.funnel)),
                tuple(r.warnings),
                tuple(r.proposals),
            )
            for r in record.segments.values()
        ],
    )


@pytest.fixture(scope="module")
def uninterrupted(ingested, tmp_path_factory):
    folder = shutil.copytree(ingested, tmp_path_factory.mktemp("whole") / "florist")
    with Project.open(folder) as project:
        return whole(project.build(as_of=florist.AS_OF))


def batches_kept(folder: Path) -> int:
    """Batches on disk now; folders that another process renames meanwhile hold none yet."""
    try:
        return len(list((folder / ".fewer" / FOLDER).rglob("[0-9]*.batch")))
    except FileNotFoundError:
        return 0


class After:
    """Asks to stop when so many batches were kept."""

    def __init__(self, folder: Path, batches: int) -> None:
        self.kept = lambda: batches_kept(folder)
        self.batches = batches

    def __call__(self) -> bool:
        return self.kept() >= self.batches


def stopped(folder: Path, batches: int, *, batch: int = 3) -> StoppedError:
    with Project.open(folder) as project, pytest.raises(StoppedError) as error:
        project.build(as_of=florist.AS_OF, batch=batch, should_stop=After(folder, batches))
    return error.value


# --------------------------------------------------------------------------------- batches


@pytest.mark.parametrize(
    "batch", [3, *(pytest.param(n, marks=pytest.mark.slow) for n in (1, 7, SEGMENTS))]
)
def test_any_size_of_batches_gives_the_same_snapshot(folder, uninterrupted, batch):
    with Project.open(folder) as project:
        built = project.build(as_of=florist.AS_OF, batch=batch)
        assert whole(built) == uninterrupted
        assert whole(project.snapshot()) == uninterrupted
        assert built.record.facts["batches"] == -(-SEGMENTS // batch)
        assert project.interrupted is None


def test_engines_give_the_same_bytes(folder):
    with Project.open(folder) as project:
        one, other = (project.build(as_of=florist.AS_OF, engine=e) for e in ("embedded", "duckdb"))
        assert whole(one)[-1] == whole(other)[-1]
        assert one.fingerprint == other.fingerprint


# ---------------------------------------------------------------------------------- resume


@pytest.mark.parametrize(
    "batches", [0, 3, *(pytest.param(n, marks=pytest.mark.slow) for n in (1, 6))]
)
def test_a_resume_gives_the_same_bytes(folder, uninterrupted, batches):
    error = stopped(folder, batches)
    assert "`fewer build --resume`" in str(error)
    if batches:
        assert f"of {SEGMENTS} segments are kept" in str(error)
    with Project.open(folder) as project:
        assert project.builds() == []
        [run] = project.runs()
        assert (run.state, run.facts["segments"]) == ("stopped", SEGMENTS)
        built = project.build(resume=True)
        assert whole(built) == uninterrupted
        assert (built.record.facts["kept"] == 0) == (batches == 0)
        [run] = project.runs()
        assert (run.state, run.facts["done"]) == ("done", SEGMENTS)
        assert project.interrupted is None
    assert list((folder / ".fewer" / FOLDER).iterdir()) == []


def test_a_resume_evaluates_only_what_is_left(folder):
    stopped(folder, 3, batch=4)
    with Project.open(folder) as project:
        built = project.build(resume=True, batch=2)
    assert built.record.facts["kept"] == 12
    assert built.record.facts["batches"] == 2


@pytest.mark.slow
def test_stopped_twice(folder, uninterrupted):
    stopped(folder, 1)
    for batches in (2, 4):
        with Project.open(folder) as project, pytest.raises(StoppedError):
            project.build(resume=True, batch=2, should_stop=After(folder, batches))
    with Project.open(folder) as project:
        assert whole(project.build(resume=True)) == uninterrupted


def test_nothing_to_resume(folder):
    with Project.open(folder) as project:
        project.build(as_of=florist.AS_OF)
        with pytest.raises(NotFoundError, match="No interrupted build"):
            project.build(resume=True)
        with pytest.raises(NotFoundError):
            project.build(resume=True)


def test_a_resume_takes_nothing_else(folder):
    stopped(folder, 1)
    with Project.open(folder) as project, pytest.raises(TypeError):
        project.build(resume=True, as_of="2024-04-01")


@pytest.mark.slow
def test_the_newest_is_resumed(folder):
    stopped(folder, 1)
    with Project.open(folder) as project:
        with pytest.raises(StoppedError):
            project.build(as_of="2024-04-02", batch=5, should_stop=After(folder, 2))
        assert project.build(resume=True).as_of_words.startswith("2 April")
        assert project.build(resume=True).as_of_words.startswith("6 April")


def test_one_of_which_something_is_kept_goes_first(folder):
    stopped(folder, 2)
    with Project.open(folder) as project:
        with pytest.raises(StoppedError):
            project.build(as_of="2024-04-02", should_stop=lambda: True)
        assert project.interrupted.as_of_us == florist.micros(florist.MOMENT)
        assert project.build(resume=True).as_of_words.startswith("6 April")
        assert project.interrupted is None  # nothing of the other one is kept, and yet:
        assert project.build(resume=True).as_of_words.startswith("2 April")


@pytest.mark.slow
def test_only_some_are_resumed_as_such(folder):
    with Project.open(folder) as project:
        with pytest.raises(StoppedError):
            project.build(
                as_of=florist.AS_OF, only=["cart_left"], batch=1, should_stop=After(folder, 2)
            )
        assert set(project.build(resume=True).segments) == {
            "cart_left",
            "roses",
            "recent_buyers",
            "staff",
        }


# --------------------------------------------------------- what must not be taken for the same


def _edit_segment(folder: Path) -> None:
    path = folder / "segments/all.yaml"
    path.write_text(path.read_text().replace("within: 21d", "within: 40d"))


def _edit_settings(folder: Path) -> None:
    path = folder / "fewer.yaml"
    path.write_text(path.read_text().replace("[recent_buyers, staff]", "[staff]"))


def _add_data(folder: Path) -> None:
    late = f"f-30,{florist.micros(florist.MOMENT) - 1},page_view,/pricing,,\n"
    (folder / "data/web-c.csv").write_text(f"user,at,action,page,item,note\n{late}")
    with Project.open(folder) as project:
        project.ingest()


@pytest.mark.parametrize(
    "change",
    [
        _edit_segment,
        *(pytest.param(c, marks=pytest.mark.slow) for c in (_edit_settings, _add_data)),
    ],
)
def test_other_definitions_or_data_begin_anew(folder, tmp_path, change):
    stopped(folder, 4)
    change(folder)
    fresh = shutil.copytree(folder, tmp_path / "fresh")
    shutil.rmtree(fresh / ".fewer" / FOLDER)
    told = []
    with Project.open(folder) as project, Project.open(fresh) as other:
        resumed = project.build(resume=True, tell=lambda words, *_: told.append(words))
        assert whole(resumed) == whole(other.build(as_of=florist.AS_OF))
        assert resumed.record.facts["kept"] == 0
    assert any("have changed since" in words for words in told)


DAMAGES = {
    "cut": lambda data: data[: len(data) // 2],
    "emptied": lambda data: data[:0],
    "last byte": lambda data: data[:-1] + bytes([data[-1] ^ 1]),
    "length": lambda data: data[:60] + bytes([data[60] ^ 1]) + data[61:],
    "longer": lambda data: data + b"x",
    "noise": lambda data: os.urandom(len(data)),
}


def test_damaged_batches_are_computed_again(folder, uninterrupted):
    for kind, damage in DAMAGES.items():
        stopped(folder, 3, batch=6)
        paths = sorted((folder / ".fewer" / FOLDER).rglob("[0-9]*.batch"))
        paths[1].write_bytes(damage(paths[1].read_bytes()))
        with Project.open(folder) as project:
            built = project.build(resume=True)
            assert whole(built) == uninterrupted, kind
            assert built.record.facts["kept"] == 11, kind


def test_a_damaged_head_is_no_interrupted_build(folder):
    stopped(folder, 2)
    [head] = (folder / ".fewer" / FOLDER).rglob("head.json")
    head.write_text(head.read_text()[:-9])
    with Project.open(folder) as project:
        assert project.interrupted is None
        project.build(as_of=florist.AS_OF)
    assert list((folder / ".fewer" / FOLDER).iterdir()) == []


def test_a_full_disk_keeps_nothing_and_stops_nothing(folder, uninterrupted, monkeypatch):
    def full(_path: Path, _parts: object) -> None:
        raise OSError(28, "No space left on device")

    begin = Checkpoint.begin.__func__

    def begun(cls, store, head):
        made = begin(cls, store, head)
        monkeypatch.setattr("fewer.project.checkpoint._write", full)
        return made

    monkeypatch.setattr(Checkpoint, "begin", classmethod(begun))
    with Project.open(folder) as project:
        assert whole(project.build(as_of=florist.AS_OF, batch=4)) == uninterrupted


# -------------------------------------------------------------------------------- other ends


def test_a_broken_guard_leaves_nothing_to_resume(folder):
    path = folder / "segments/all.yaml"
    path.write_text(path.read_text().replace("{min: 2, max: 3}", "{min: 2, max: 3, enforce: true}"))
    with Project.open(folder) as project:
        with pytest.raises(GuardError):
            project.build(as_of=florist.AS_OF)
        assert project.interrupted is None
        [run] = project.runs()
        assert (run.state, run.facts["error"]) == ("failed", "refused_by_guard")


def test_an_engine_that_dies_leaves_what_was_done(folder, uninterrupted, monkeypatch):
    evaluate, calls = DuckDBEngine.evaluate, []

    def dies(self, plan, **how):
        calls.append(plan)
        if len(calls) == 4:
            raise MemoryError
        return evaluate(self, plan, **how)

    with Project.open(folder) as project:
        with monkeypatch.context() as patched:
            patched.setattr(DuckDBEngine, "evaluate", dies)
            with pytest.raises(MemoryError):
                project.build(as_of=florist.AS_OF, batch=3, engine="duckdb")
        [run] = project.runs()
        assert (run.state, run.facts["error"]) == ("failed", "unexpected")
        built = project.build(resume=True)
        assert built.record.facts["kept"] == 8
        assert whole(built)[-1] == uninterrupted[-1]


def test_a_running_build_is_not_resumed_by_another(folder):
    with Project.open(folder) as project, Project.open(folder) as other:

        def look() -> bool:
            assert other.interrupted is None
            assert [run.state for run in other.runs()] == ["running"]
            return False

        project.build(as_of=florist.AS_OF, batch=4, should_stop=look)
        assert [run.state for run in other.runs()] == ["done"]


@pytest.mark.slow
def test_old_ones_are_tidied_away(folder):
    for batches in range(5):
        stopped(folder, batches)
    with Project.open(folder) as project:
        assert len(interrupted(project.folder.store)) == 5
        project.build(as_of=florist.AS_OF)
        assert len(interrupted(project.folder.store)) == 3
        _add_data(folder)
        project.refresh()
        project.build(as_of=florist.AS_OF)
        assert interrupted(project.folder.store) == []


# --------------------------------------------------------------------------- real processes


def start(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [Path(sys.executable).with_name("fewer"), "build", *arguments],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for_batches(folder: Path, process: subprocess.Popen[str], batches: int) -> None:
    kept, deadline = After(folder, batches), time.monotonic() + 60
    while not kept() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.002)


ONE_BY_ONE = ("--as-of", florist.AS_OF, "--batch", "1")


@pytest.mark.kill
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
@pytest.mark.parametrize("batches", [1, 6, 15])
def test_a_process_ended_by_a_signal(folder, uninterrupted, number, batches):
    with start(folder, *ONE_BY_ONE) as process:
        wait_for_batches(folder, process, batches)
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
    assert out == ""
    if number == signal.SIGKILL:
        assert process.returncode == -number
    else:
        assert process.returncode == 130, err
        assert "segments are kept. `fewer build --resume`" in " ".join(err.split())
        assert "Traceback" not in err
    with Project.open(folder) as project:
        assert project.builds() == []
        assert [run.state for run in project.runs()] == ["stopped"]
        assert project.interrupted
        built = project.build(resume=True)
        assert whole(built) == uninterrupted
        assert built.record.facts["kept"] >= batches


@pytest.mark.kill
def test_killed_at_any_moment(folder, uninterrupted):
    """Whenever it dies, resumes until it is done give the same snapshot."""
    started = time.monotonic()
    with start(folder, *ONE_BY_ONE) as process:
        process.communicate(timeout=60)
    length = time.monotonic() - started
    dice = random.Random(2026)
    for _ in range(12 * SOAK):
        number = dice.choice([signal.SIGINT, signal.SIGKILL])
        with Project.open(folder) as project:
            before = len(project.builds())
            again = ["--resume", "--batch", "1"] if project.interrupted else ONE_BY_ONE
        with start(folder, *again) as process:
            time.sleep(dice.uniform(0, length))
            process.send_signal(number)
            process.communicate(timeout=60)
        with Project.open(folder) as project:
            if len(project.builds()) > before:  # it was done already
                assert whole(project.snapshot()) == uninterrupted
    with Project.open(folder) as project:
        while project.interrupted:
            assert whole(project.build(resume=True)) == uninterrupted
        assert all(run.state in ("done", "stopped") for run in project.runs(1_000))
        assert {
            whole(project.snapshot(info.id))[1] for info in project.builds()
        } == {uninterrupted[1]}  # fmt: skip


@pytest.mark.kill
@pytest.mark.parametrize("kilobytes", [0, 16, 40, 64, 112])
def test_a_disk_that_is_full(folder, uninterrupted, kilobytes):
    """Files can't grow beyond a limit: whatever can't be written is said, nothing is half there."""
    limit = kilobytes * 1024

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    done = subprocess.run(
        [Path(sys.executable).with_name("fewer"), "build", *ONE_BY_ONE, "--engine", "duckdb"],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        preexec_fn=limited,
        check=False,
    )
    assert "Traceback" not in done.stderr
    with Project.open(folder) as project:
        if done.returncode == 0:
            assert len(project.builds()) == 1
        else:
            assert done.returncode == 1
            assert "error[store_error]" in done.stderr
            assert project.builds() == []
        if project.interrupted:
            project.build(resume=True)
        else:
            project.build(as_of=florist.AS_OF, engine="duckdb")
        assert whole(project.snapshot())[-1] == uninterrupted[-1]


@pytest.mark.kill
def test_two_builds_at_once_are_both_right(folder, uninterrupted):
    both = [start(folder, *ONE_BY_ONE, "--json") for _ in range(2)]
    said = [process.communicate(timeout=120) for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    ids = {json.loads(out)["build"] for out, _ in said}
    assert len(ids) == 2
    with Project.open(folder) as project:
        for build_id in ids:
            assert whole(project.snapshot(build_id)) == uninterrupted
        assert [run.state for run in project.runs()] == ["done", "done"]


@pytest.mark.kill
def test_a_long_query_is_interrupted_at_once(folder, tmp_path):
    """A stop does not wait for the query that is running."""
    script = tmp_path / "long.py"
    script.write_text(
        "import sys\n"
        "from sqlglot import parse_one\n"
        "from fewer.evaluate.engines import duckdb as engine\n"
        "program = engine.program\n"
        "def slow(plan, functions):\n"
        "    found = program(plan, functions)\n"
        "    endless = parse_one('SELECT COUNT(*) AS n FROM range(1000000000000) AS r(i)'\n"
        "                        ' WHERE hash(i) % 7 = 3', dialect='duckdb')\n"
        "    step = engine.Step('slow', endless)\n"
        "    return type(found)(plan, functions, (step, *found.steps), found.results)\n"
        "engine.program = slow\n"
        "from fewer.interfaces.cli.main import run\n"
        "sys.exit(run(['build', '--engine', 'duckdb', '--as-of', sys.argv[1]]))\n"
    )
    with subprocess.Popen(
        [sys.executable, script, florist.AS_OF], cwd=folder, stdout=-1, stderr=-1, text=True
    ) as process:
        wait = time.monotonic() + 60
        while not list((folder / ".fewer" / FOLDER).glob("[!.]*")) and time.monotonic() < wait:
            time.sleep(0.01)
        time.sleep(1)
        asked = time.monotonic()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert time.monotonic() - asked < 5
    assert "nothing was saved" in " ".join(err.split())


@pytest.mark.kill
def test_the_second_signal_ends_at_once(folder, tmp_path):
    script = tmp_path / "deaf.py"
    script.write_text(
        "import sys, time\n"
        "from fewer.evaluate.engines import duckdb\n"
        "def deaf(self, plan, **how):\n"
        "    time.sleep(600)\n"
        "duckdb.DuckDBEngine.evaluate = deaf\n"
        "from fewer.interfaces.cli.main import run\n"
        "sys.exit(run(['build', '--engine', 'duckdb', '--as-of', sys.argv[1]]))\n"
    )
    with subprocess.Popen(
        [sys.executable, script, florist.AS_OF], cwd=folder, stdout=-1, stderr=-1, text=True
    ) as process:
        wait = time.monotonic() + 60
        while not list((folder / ".fewer" / FOLDER).glob("[!.]*")) and time.monotonic() < wait:
            time.sleep(0.01)
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        time.sleep(0.5)
        assert process.poll() is None
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=10)
    assert process.returncode == 130
