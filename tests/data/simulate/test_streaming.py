"""However a world is cut into files, it is the same world, and its length costs no memory."""

import subprocess
import sys

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fewer.data.simulate.parameters import Parameters
from fewer.data.simulate.shop import simulate

SIZED = {"events": 20_000, "people": 1_500, "days": 80, "seed": 9}
NOT_CUT = ("people", "items", "holdout", "unsubscribed", "arms", "ad-reports", "ad-arms")


@pytest.fixture(scope="module")
def cut(tmp_path_factory):
    """The same world in files of a month, of a day, and in one."""
    folders = {files: tmp_path_factory.mktemp(files) for files in ("month", "day", "all")}
    return {
        files: (folder, simulate(folder, Parameters(**SIZED, files=files)))
        for files, folder in folders.items()
    }


@pytest.mark.parametrize("stem", ["simulated-web", "simulated-touch"])
def test_the_rows_are_the_same_in_the_same_order(cut, stem):
    tables, counts = {}, {}
    for files, (folder, _) in cut.items():
        paths = sorted(folder.glob(f"{stem}-*.parquet"))
        counts[files] = len(paths)
        tables[files] = pa.concat_tables(pq.read_table(path) for path in paths)
    assert counts == {"month": 3, "day": 80, "all": 1}
    assert tables["month"].equals(tables["day"])
    assert tables["month"].equals(tables["all"])


def test_all_other_files_are_the_same_bytes(cut):
    names = [f"simulated-{name}.csv" for name in NOT_CUT] + ["simulated-server.jsonl.gz"]
    for name in names:
        assert len({(folder / name).read_bytes() for folder, _ in cut.values()}) == 1, name


def test_the_truth_is_the_same(cut):
    told = [
        truth.model_dump(exclude={"rows": True, "parameters": {"files"}})
        for _, truth in cut.values()
    ]
    assert told[0] == told[1] == told[2]
    for folder, truth in cut.values():
        found = {p.name: pq.read_metadata(p).num_rows for p in folder.glob("*.parquet")}
        assert found == {name: n for name, n in truth.rows.items() if name.endswith(".parquet")}


@pytest.mark.slow
def test_five_times_as_many_events_take_no_more_memory(tmp_path):
    """Of the same people: memory grows with them, not with what they do day after day."""
    peak = {
        days: _peak(tmp_path / str(days), f"people=10_000, events={2_000 * days}, days={days}")
        for days in (80, 400)
    }
    assert peak[400] < peak[80] + 60  # MB


def _peak(out, sizes):
    program = (
        "import resource; from pathlib import Path\n"
        "from fewer.data.simulate.shop import simulate\n"
        f"simulate(Path({str(out)!r}), {sizes})\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    return int(ran.stdout)
