"""Recommending where something is missing: it says what, and what to do about it."""

from __future__ import annotations

import json
import shutil

import pytest

from interfaces.conftest import fewer_in
from project.programme import Group, Programme

pytestmark = pytest.mark.slow

MOMENTS = ("2024-05-06", "2024-05-13")


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Two segments without priorities, ads for one of them, no holdout, nothing built."""
    folder = tmp_path_factory.mktemp("edges") / "world"
    groups = [Group(id="a", people=900), Group(id="b", people=300, cost=1.0)]
    Programme(folder, groups, held_out=None, weeks=2, seed=2).write()
    assert fewer_in(folder)("ingest").status == 0
    return folder


@pytest.fixture
def fewer(world, tmp_path):
    folder = shutil.copytree(world, tmp_path / "world")
    found = fewer_in(folder)
    found.folder = folder
    return found


def said(fewer, *moments):
    for moment in moments:
        done = fewer("build", "--as-of", moment)
        assert done.status == 0, done.all
    found = fewer("recommend", "--json")
    assert found.status == 0, found.all
    return json.loads(found.out)


def test_before_any_refresh_the_next_step_is_named(fewer):
    found = fewer("recommend")
    assert found.status == 1
    assert "fewer build" in found.err


def test_one_refresh_says_that_it_can_not_tell_how_many_come_in_a_week(fewer):
    found = said(fewer, MOMENTS[0])
    assert found["history"] == [found["build"]]
    for one in found["recommendations"]:
        assert one["verdict"] == "nothing to say yet"
        assert "two years" not in one["reason"]
        assert "one refresh" in one["reason"]
        assert "50 % held out" in one["what_it_would_take"]


def test_without_a_goal_only_sizes_and_data_are_looked_at(fewer):
    (fewer.folder / "goals.yaml").unlink()
    found = said(fewer, *MOMENTS)
    assert found["goal"] is None
    assert "goals.yaml" in found["notes"][0]
    assert {one["rule"] for one in found["recommendations"]} == {"no_goal"}


def test_a_goal_that_nobody_reached(fewer):
    goal = {"id": "never", "did": "never_happens", "outcome_window": "7d"}
    (fewer.folder / "goals.yaml").write_text(json.dumps([goal]))
    for one in said(fewer, *MOMENTS)["recommendations"]:
        assert one["rule"] == "unmeasured"
        assert "none of" in one["headline"]


def test_without_a_segment_the_way_to_one_is_named(fewer):
    (fewer.folder / "segments/all.yaml").write_text("[]")
    found = said(fewer, MOMENTS[0])
    assert found["recommendations"] == []
    assert "fewer suggest" in found["notes"][0]


def test_an_unknown_goal_or_refresh_is_named(fewer):
    assert fewer("build", "--as-of", MOMENTS[0]).status == 0
    for option in ("--goal", "--since"):
        found = fewer("recommend", option, "oder")
        assert found.status == 1
        assert "oder" in found.err


def test_tables_in_place_are_refused_with_what_to_do(tmp_path):
    (tmp_path / "segments").mkdir()
    (tmp_path / "fewer.yaml").write_text(
        "version: 1\nname: In place\nengine: {name: duckdb, file: shop.db}\n"
        "tables: {events: [{table: t, event: e, person: p, ts: t}]}\n"
    )
    found = fewer_in(tmp_path)("recommend")
    assert found.status == 1
    assert "in place" in found.err
