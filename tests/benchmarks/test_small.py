"""Every benchmark runs over little data, and all that it compares is equal; no second is judged."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
import run
from fewer_bench.events import NAMES, Log
from fewer_bench.mix import KINDS, MIXES, drawn, edits, every
from fewer_bench.peers.base import Inexpressible
from fewer_bench.picture import Line, Panel, picture

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    return tmp_path_factory.mktemp("worlds")


def ran(work, letters, *more):
    """The sections of a run, as JSON."""
    path = work / "found.json"
    run.main([
        *("--events", "6k", "--people", "300", "--segments", "40", "--seed", "3"),
        *("--edits", "20", "--every", "1", "--only", letters, "--work", str(work)),
        *("--json", str(path), "--markdown", str(work / "found.md"), *more),
    ])  # fmt: skip
    return {section["key"]: section for section in json.loads(path.read_text())["sections"]}


@pytest.mark.parametrize("mix", ["standard", "sequences", "micro"])
def test_membership_is_equal_everywhere(work, mix):
    pytest.importorskip("chdb")
    found = ran(work, "a", "--mix", mix)["a"]
    assert found["wrong"] == []
    (table,) = found["tables"]
    assert [row[0] for row in table["rows"]] == [
        "numpy.bincount over the matched rows",
        "DuckDB, one plain query each",
        "DuckDB, fewer's own query each",
        "PostHog-shaped SQL on chdb, one query each",
        "Polars, one lazy scan each",
        "DuckDB, one shared plan",
    ]
    assert len(found["budgets"]) == 3
    assert "Matched rows: " in (work / "found.md").read_text()


def test_live_answers(work):
    found = ran(work, "b")["b"]
    assert found["wrong"] == []
    assert any("cold process" in budget["what"] for budget in found["budgets"])


def test_ingestion_refresh_and_memory(work):
    found = ran(work, "c,d,g", "--sizes", "6k")
    assert [found[letter]["wrong"] for letter in "cdg"] == [[], [], []]
    assert [row[0] for row in found["c"]["tables"][0]["rows"]] == [6_000]
    assert {budget["what"] for budget in found["g"]["budgets"]} == {
        f"{step}: anonymous memory" for step in ("ingest", "index", "build", "preview", "export")
    }


def test_growth_draws_a_picture(work):
    path = work / "growth.svg"
    found = ran(work, "e", "--sizes", "2k,6k", "--picture", str(path))["e"]
    assert found["wrong"] == []
    titles = [node.text for node in ET.parse(path).iter("{http://www.w3.org/2000/svg}title")]  # noqa: S314
    assert any("DuckDB, one plain query each" in (title or "") for title in titles)


@pytest.mark.clickhouse
def test_other_engines_clickhouse(work):
    assert ran(work, "f", "--engines", "clickhouse")["f"]["wrong"] == []


@pytest.mark.spark
def test_other_engines_spark(work):
    found = ran(work, "f", "--engines", "spark", "--few", "10")
    assert found["f"]["wrong"] == []


def test_a_section_that_fails_is_told_and_stops_no_other(work):
    found = ran(work, "f,b", "--engines", "nothing")
    assert "No engine 'nothing' is installed" in found["f"]["wrong"][0]
    assert found["b"]["wrong"] == []


def test_a_mix_has_the_shares_it_states():
    found = drawn("standard", 501, 1)
    kinds = [segment.kind for segment in found]
    assert len({segment.id for segment in found}) == 501
    assert set(kinds) == set(KINDS)
    for kind, share in MIXES["standard"].shares.items():
        assert abs(kinds.count(kind) - 501 * share / 100) < 1
    sample = [segment.kind for segment in every(found, 5)]
    assert abs(sample.count("counts") - kinds.count("counts") / 5) <= 1


def test_the_same_seed_draws_the_same():
    assert drawn("heavy", 40, 7) == drawn("heavy", 40, 7)
    assert [e.where for e in edits(40, 7)] == [e.where for e in edits(40, 7)]
    assert drawn("heavy", 40, 7) != drawn("heavy", 40, 8)


def test_shares_sum_to_a_hundred():
    assert {sum(mix.shares.values()) for mix in MIXES.values()} == {100}
    assert round(sum(share for _, share in NAMES), 9) == 1


def test_a_log_is_the_same_on_every_machine(tmp_path):
    import duckdb

    for name in "ab":
        Log(900, 50, 4).write(tmp_path / name)
    rows = [
        duckdb.sql(f"SELECT * FROM '{tmp_path}/{name}/*.parquet' ORDER BY ts").fetchall()  # noqa: S608
        for name in "ab"
    ]
    assert rows[0] == rows[1]
    assert len({row[0] for row in rows[0]}) == 900


def test_what_a_peer_cannot_say_is_left_out():
    from fewer_bench.peers.posthog import _Cohort

    cohort = _Cohort(1_800_000_000_000_000)
    for where in (
        {"did_not": "purchase", "within": "7d"},
        {"did": "a", "within": "7d", "days": {}},
    ):
        with pytest.raises(Inexpressible):
            cohort.write(where)


def test_a_picture_keeps_inside_its_frame():
    panel = Panel("events", [Line("one", [(1e5, 0.01), (5e7, 30.0)])])
    root = ET.fromstring(picture([panel, panel], "Seconds"))  # noqa: S314
    width, height = (float(root.attrib[side]) for side in ("width", "width"))
    for circle in root.iter("{http://www.w3.org/2000/svg}circle"):
        assert 0 < float(circle.attrib["cx"]) < width
        assert 0 < float(circle.attrib["cy"]) < height


@pytest.mark.parametrize(
    "text, number", [("50M", 50_000_000), ("875k", 875_000), ("501", 501), ("0.5M", 500_000)]
)
def test_amounts(text, number):
    assert run.amount(text) == number


def test_files_stay_short():
    folder = Path(run.__file__).parent
    lengths = {path.name: len(path.read_text().splitlines()) for path in folder.rglob("*.py")}
    assert {name: n for name, n in lengths.items() if n >= 400} == {}
