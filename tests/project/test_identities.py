"""Ids that are one person: the same answers as if the files had said so from the beginning."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import pytest

from fewer.errors import DefinitionError, NotFoundError
from fewer.project.identities import merge, pairs_in, split
from fewer.project.project import Project
from project import florist

PAIRS = [("f-04", "f-09"), ("f-21", "f-09"), ("f-12", "f-20")]
SAME = {"f-09": "f-04", "f-21": "f-04", "f-20": "f-12"}


def renamed(world):
    """The world in which each of these people had one id all along."""

    def mine(by_person):
        return {SAME.get(p, p): value for p, value in sorted(by_person.items()) if p not in SAME}

    events = tuple(replace(e, person=SAME.get(e.person, e.person)) for e in world.events)
    return replace(world, events=events, plans=mine(world.plans), consents=mine(world.consents))


def without(world):
    """The world in which nothing is known of the further ids but what they did."""

    def mine(by_person):
        return {p: value for p, value in by_person.items() if p not in SAME}

    return replace(world, plans=mine(world.plans), consents=mine(world.consents))


def members(project, engine):
    snapshot = project.build(as_of=florist.AS_OF, engine=engine)
    ids = snapshot.record.segments
    return {i: sorted(snapshot.members(i).to_pylist()) for i in ids}, snapshot


@pytest.fixture(scope="module")
def ingested(world, tmp_path_factory):
    """The project's folder, to be copied: nobody is merged."""
    folder = florist.write(without(world), tmp_path_factory.mktemp("apart") / "florist")
    with Project.open(folder) as opened:
        opened.ingest()
    return folder


@pytest.fixture
def project(ingested, tmp_path):
    with Project.open(shutil.copytree(ingested, tmp_path / "apart")) as opened:
        yield opened


@pytest.mark.parametrize("engine", ["embedded", "duckdb"])
def test_merged_people_are_as_if_they_had_one_id(world, project, tmp_path, engine):
    before, first = members(project, engine)
    found = merge(project, PAIRS)
    assert (found.before, found.after, found.unknown) == (0, 3, 0)
    merged, second = members(project, engine)
    folder = florist.write(renamed(world), tmp_path / "one")
    with Project.open(folder) as one:
        one.ingest()
        expected, of_one = members(one, engine)
    assert merged == expected != before
    assert second.record.universe == of_one.record.universe == first.record.universe - 3
    assert second.record.fingerprint != first.record.fingerprint


def test_splitting_gives_back_what_was(project):
    before, first = members(project, "embedded")
    merge(project, PAIRS)
    split(project, ["f-04", "f-20"])
    after, second = members(project, "embedded")
    assert after == before
    assert second.record.fingerprint == first.record.fingerprint
    with pytest.raises(NotFoundError, match="not repeated") as caught:
        split(project, ["somebody@example.com"])
    assert "somebody" not in str(caught.value)


def test_why_knows_a_person_by_any_id(project):
    merge(project, PAIRS)
    members(project, "embedded")
    reasons = {p: project.standings(p) for p in ("f-04", "f-09")}
    assert reasons["f-04"] == reasons["f-09"]


def test_only_parts_that_hold_the_ids_are_made_anew(project):
    _, first = members(project, "embedded")
    folder = project.folder.store / "index"
    times = {p.name: p.stat().st_mtime_ns for p in folder.glob("*.part")}
    merge(project, PAIRS)
    members(project, "embedded")
    again = {p.name: p.stat().st_mtime_ns for p in folder.glob("*.part")}
    changed = [name for name, at in again.items() if at != times[name]]
    assert again.keys() == times.keys()
    assert 0 < len(changed) < len(times)
    assert first.record.universe


def test_a_dry_run_changes_nothing_and_unknown_ids_are_counted(project):
    found = merge(project, [("f-04", "f-09"), ("f-04", "nobody")], dry_run=True)
    assert (found.after, found.unknown) == (1, 1)
    assert project.store.generation().merges == {}


def test_pairs_in_a_file(tmp_path):
    path = tmp_path / "pairs.csv"
    path.write_text("id,same_as\na,b\n c , d \n")
    assert pairs_in(path) == [("a", "b"), ("c", "d")]
    path.write_text("a,b\na\nb,\n")
    with pytest.raises(DefinitionError) as caught:
        pairs_in(path)
    assert [p.line for p in caught.value.problems] == [2, 3]


def test_the_command(project, capsys):
    from fewer.interfaces.cli.main import run

    where = ["--project", str(project.folder.root), "--json"]
    assert run(["identities", "merge", "f-04", "f-09", "f-21", *where]) == 0
    assert json.loads(capsys.readouterr().out)["merged"] == 2
    assert run(["identities", "split", "f-09", *where]) == 0
    assert json.loads(capsys.readouterr().out)["merged"] == 1
    assert run(["identities", "merge", "f-04", *where]) == 2
