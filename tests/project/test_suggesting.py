"""Suggestions on logs nobody has seen: what can be said, in five types, and what is left out."""

from __future__ import annotations

import json
import resource
import subprocess

import pytest

from conftest import SOAK
from fewer.journey.discover.ready import ALIKE
from fewer.project.project import Project
from interfaces.conftest import fewer_in
from project import logs

pytestmark = pytest.mark.slow

SAID = {
    "saas": {"feature"},
    "publisher": {"section"},
    "marktplatz": {"item.warengruppe", "item.marke"},
}
LEFT_OUT = {
    "saas": {"request_id": "shared", "app_version": "codes", "took": "measures"},
    "publisher": {"article": "shared", "agent": "technical"},
    "marktplatz": {
        "währung": "same value", "item.hersteller_nr": "codes", "item.packung": "measures",
        "item.preis": "money",
    },
}  # fmt: skip


def suggested(folder, *options):
    fewer = fewer_in(folder)
    if not (folder / ".fewer").exists():
        assert fewer("ingest").status == 0
    said = fewer("suggest", "--json", *options)
    assert said.status == 0, said.all
    return json.loads(said.out)


@pytest.fixture(scope="module", params=sorted(logs.LOGS))
def seen(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param) / "log"
    logs.LOGS[request.param]().write(folder)
    return request.param, folder, suggested(folder)


def test_a_dozen_in_the_band_of_all_types_that_the_data_allows(seen):
    _, _, found = seen
    segments = found["segments"]
    assert len(segments) == 12
    assert all(200 <= one["size"] <= 2_000 for one in segments)
    kinds = {one["type"] for one in segments}
    assert {"engagement", "recency_frequency", "lookback"} <= kinds
    assert kinds & {"interest", "content"}
    assert found["hint"] == ""
    assert all(len(one["sizes"]) > 4 for one in segments)


def test_they_speak_of_what_people_like_and_of_no_codes(seen):
    name, _, found = seen
    text = json.dumps([one["segment"]["where"] for one in found["segments"]], ensure_ascii=False)
    assert any(f'"{prop}"' in text for prop in SAID[name])
    left = {one["property"]: one["reason"] for one in found["refused_properties"]}
    for prop, why in LEFT_OUT[name].items():
        assert why in left[prop], (prop, left[prop])
        assert f'"{prop}"' not in text
    assert not left.keys() & SAID[name]
    titles = [one["name"] for one in found["segments"]]
    assert len(set(titles)) == len(titles)
    assert not any("_" in title for title in titles)


def test_no_two_are_much_alike_and_the_measure_is_said(seen):
    _, _, found = seen
    assert 0 < found["in_common"]["most"] <= found["in_common"]["limit"] == ALIKE
    assert "over people in either" in found["in_common"]["measure"]


def test_what_is_left_out_is_told_when_asked(seen):
    name, folder, _ = seen
    said = fewer_in(folder)("suggest", "--verbose")
    assert said.status == 0, said.all
    for prop in LEFT_OUT[name]:
        assert f"  {prop}: " in said.out


def test_adopted_ones_validate_and_build_to_the_size_that_was_said(seen):
    _, folder, found = seen
    fewer = fewer_in(folder)
    chosen = [found["segments"][at] for at in (0, 5, 9)]
    before = fewer("suggest", "--adopt", chosen[0]["id"], "--dry-run")
    assert before.status == 0, before.all
    assert not (folder / "segments/suggested.yaml").exists()
    # Each is added to what is there; none is shown again.
    for one in chosen:
        done = fewer("suggest", "--adopt", one["id"])
        assert done.status == 0, done.all
        assert "undo" in done.all.lower()
    assert fewer("validate").status == 0
    assert fewer("build", "--as-of", found["as_of"]).status == 0
    with Project.open(folder) as project:
        built = project.snapshot().segments
        assert [built[one["id"]].size for one in chosen] == [one["size"] for one in chosen]
    again = suggested(folder)
    assert not {one["id"] for one in chosen} & {one["id"] for one in again["segments"]}


def test_few_people_get_smaller_ones_or_are_told_how(tmp_path):
    folder = logs.small().write(tmp_path / "log")
    found = suggested(folder)
    if len(found["segments"]) < 6:
        assert "--min" in found["hint"]
    fewer = suggested(folder, "--min", "25", "--max", "160")
    assert len(fewer["segments"]) == 12
    assert all(25 <= one["size"] <= 160 for one in fewer["segments"])


def test_without_properties_there_is_still_something_to_say(tmp_path):
    found = suggested(logs.bare().write(tmp_path / "log"))
    assert len(found["segments"]) >= 6
    assert {one["type"] for one in found["segments"]} >= {"engagement", "recency_frequency"}
    assert found["refused_properties"] == []


@pytest.mark.skipif(SOAK < 2, reason="a million events; FEWER_SOAK=2 runs it")
def test_a_million_events_take_ten_seconds(tmp_path):
    folder = logs.marktplatz(120_000, 1_000_000).write(tmp_path / "log")
    assert fewer_in(folder)("ingest").status == 0
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        ["fewer", "--project", str(folder), "suggest", "--json"], check=True, capture_output=True
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    assert spent < 10
