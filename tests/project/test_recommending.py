"""Recommendations on a whole project: words that the evidence allows, edits that git applies."""

from __future__ import annotations

import json
import shutil
import subprocess

import pytest

from fewer.interfaces.cli.main import run
from interfaces.conftest import fewer_in
from project import florist

CAUSAL = {"randomised holdout", "randomised arm", "geo or switchback"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = florist.write(florist.florist(), tmp_path_factory.mktemp("florist"))
    fewer = fewer_in(made)
    assert fewer("ingest").status == 0
    for moment in ("2024-04-02", florist.AS_OF):
        assert fewer("build", "--as-of", moment).status == 0
    return made


@pytest.fixture(scope="module")
def said(folder):
    found = fewer_in(folder)("recommend", "--json")
    assert found.status == 0, found.all
    return json.loads(found.out)


def test_every_segment_gets_one_verdict_with_its_reason(said):
    found = said["recommendations"]
    ids = [one["segment"] for one in found]
    assert len(ids) == len(set(ids))
    assert {"roses", "readers", "regulars"} <= set(ids)
    for one in found:
        assert one["reason"]
        assert one["headline"]


def test_people_who_chose_themselves_are_never_scaled_or_stopped(said):
    for one in said["recommendations"]:
        if one["label"] not in CAUSAL:
            assert one["verdict"] not in {"scale", "stop"} or one["rule"] == "twin"


def test_git_applies_the_edits_and_the_project_stays_valid(folder, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    edits = tmp_path / "edits.diff"
    before = {p: p.read_bytes() for p in (copy / "segments").rglob("*")}
    fewer = fewer_in(copy)
    assert fewer("recommend", "--diff", str(edits)).status == 0
    assert {p: p.read_bytes() for p in (copy / "segments").rglob("*")} == before
    if not edits.read_text():
        pytest.fail("the florist's segments are far too small: something has to be proposed")
    for step in (["init", "-q"], ["apply", "--check", str(edits)], ["apply", str(edits)]):
        subprocess.run(["git", *step], cwd=copy, check=True, capture_output=True)
    assert {p: p.read_bytes() for p in (copy / "segments").rglob("*")} != before
    assert fewer("validate").status == 0


def test_one_segment_with_everything_behind_it(folder):
    found = fewer_in(folder)("recommend", "roses")
    assert found.status == 0
    assert "roses" in found.out


def test_an_unknown_segment_is_named(folder, capsys):
    assert run(["--project", str(folder), "recommend", "rosse"]) == 1
    assert "rosse" in capsys.readouterr().err
