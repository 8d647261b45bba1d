"""Claims from plain definitions on a log of articles: the right ratio, the naive one named."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stdout

import pytest

from fewer.errors import GuardError
from fewer.interfaces.cli.main import run
from fewer.journey.measure.claims.panel import Windows, panel, same_time
from fewer.model.window import DAY
from fewer.project.project import Project
from project import articles

pytestmark = pytest.mark.slow

CLAIMS = """\
- id: views
  index: {every: monday, from: 2025-04-14, to: 2025-05-19}
  group: {did: VIEW, within: 7d, count: {at_least: 3}}
  against: {did: VIEW, within: 7d, count: {exactly: 1}}
  outcome: reacts
  says: {ratio: 2.4}
- id: interactions
  index: {every: monday, from: 2025-04-14, to: 2025-05-19}
  group: {did: "*", within: 7d, count: {at_least: 3}}
  against: {did: "*", within: 7d, count: {exactly: 1}}
  outcome: reacts
  says: {ratio: 2.4}
- id: after_a_day
  index: {every: monday, from: 2025-04-14, to: 2025-05-12}
  group: {did: VIEW, within: 7d, count: {at_least: 3}}
  against: {did: VIEW, within: 7d, count: {exactly: 1}}
  gap: 1d
  at_risk: not_before
  outcome: reacts
  says: {ratio: 2.4}
"""
WEEK = 7 * DAY


@pytest.fixture(scope="module")
def made():
    return articles.world(people=1_500, changes=2.5, session=4, leave=0.2, late=0.2, seed=5)


@pytest.fixture(scope="module")
def folder(made, tmp_path_factory):
    folder = articles.write(tmp_path_factory.mktemp("articles") / "project", made, CLAIMS)
    with Project.open(folder) as project:
        project.ingest()
    return folder


@pytest.fixture(scope="module")
def said(folder):
    out = io.StringIO()
    with redirect_stdout(out):
        status = run(["claims", "views", "interactions", "after_a_day", "three_interactions",
                      "--json", "--project", str(folder)])  # fmt: skip
    assert status == 0
    return {claim["id"]: claim for claim in json.loads(out.getvalue())["claims"]}


@pytest.mark.parametrize("claim,own", [("views", False), ("interactions", True)])
def test_figures_are_those_of_a_plain_count(said, made, claim, own):
    looks = made.looks(15, 20, own=own)
    plain = panel(looks, made.conversions, Windows(WEEK, 0, WEEK), data_from_us=articles.START_US)
    found = said[claim]
    for name, mine in (("ratio", plain.ratio()), ("adjusted_for_prior_activity", plain.adjusted()),
                       ("negative_control", plain.control()),
                       ("naive", same_time(looks, made.conversions, WEEK).ratio())):  # fmt: skip
        assert found[name]["value"] == pytest.approx(mine.value, rel=1e-9), name
        assert found[name]["lower"] == pytest.approx(mine.lower, rel=1e-9), name
    for side, first in (("group", True), ("against", False)):
        looked, converted = plain.counts(first=first)
        assert found[side]["people_and_index_times"] == looked
        assert found[side]["converted"] == converted


def test_the_naive_ratio_stands_beside_the_right_one_with_its_reasons(said):
    found = said["views"]
    assert found["ratio"]["lower"] < 2.5 < found["ratio"]["upper"]
    assert found["naive"]["value"] > 1.5 * found["ratio"]["value"]
    why = found["further"][0]
    assert why.startswith("Naive, with outcomes of the same 7 days")
    assert found["naive"]["words"].split("x")[0] in why
    assert "VIEW in the hour before" in why
    assert "converting itself counts" not in why
    every = said["interactions"]
    assert (
        "converting itself counts as an action (BOOKMARK, COMMENT CREATED, FOLLOW, LIKE)"
        in (every["further"][0])
    )
    assert any("this is about converting again" in note for note in every["notes"])


def test_reading_is_no_part_of_reacting_though_everybody_reads_before(said):
    assert {claim["verdict"] for claim in said.values()}.isdisjoint({"refused"})
    assert "VIEW" in said["three_interactions"]["design"]["group"]


def test_a_gap_and_people_at_risk(said, made):
    looks = made.looks(15, 19)
    design = Windows(WEEK, DAY, WEEK, "not_before")
    plain = panel(looks, made.conversions, design, data_from_us=articles.START_US)
    found = said["after_a_day"]
    assert found["ratio"]["value"] == pytest.approx(plain.ratio().value, rel=1e-9)
    assert found["negative_control"] is None
    assert "no check against outcomes before" in " ".join(found["further"])
    assert found["design"]["at risk"] == "people who had not converted before T"


def heard(*words):
    out = io.StringIO()
    with redirect_stdout(out):
        status = run(["claims", *words])
    return status, out.getvalue()


def test_only_some_briefly(folder):
    status, said = heard("--only", "views, cac_30", "--json", "--project", str(folder))
    assert status == 0
    assert [claim["id"] for claim in json.loads(said)["claims"]] == ["cac_30", "views"]
    assert "index times" not in heard("--only", "views", "--project", str(folder))[1]


def test_a_terminal_of_100_columns_is_wide_enough(folder, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    _, said = heard("--project", str(folder))
    head = next(line for line in said.splitlines() if line.startswith("claim "))
    assert head.split()[:6] == ["claim", "says", "group", "against", "naive", "ratio"]
    assert len(head.rstrip()) <= 100
    assert said.count("there are no ad reports") == 1  # three claims, told once


class TestStarting:
    """From a log alone to claims that are written down."""

    @pytest.fixture
    def bare(self, tmp_path):
        made = articles.world(people=700, changes=2.5, session=4, seed=6)
        folder = articles.write(tmp_path / "bare", made, "")
        (folder / "claims.yaml").unlink()
        (folder / "segments/all.yaml").unlink()
        with Project.open(folder) as project:
            project.ingest()
        return folder

    def test_without_a_goal_one_is_offered(self, bare, capsys):
        goals = (bare / "goals.yaml").read_text()
        (bare / "goals.yaml").write_text("goals: []\n")
        assert run(["claims", "--init", "--project", str(bare)]) != 0
        told = " ".join(capsys.readouterr().err.split())
        offered = told.partition("such as ")[2].strip(" .")
        assert offered.startswith("- {id: converts, did: ")
        (bare / "goals.yaml").write_text(offered + "\n")
        assert run(["claims", "--init", "--project", str(bare)]) == 0
        assert "outcome: converts" in (bare / "claims.yaml").read_text()
        assert goals

    def test_the_headline_claims_are_written_and_checked(self, bare):
        status, said = heard("--init", "--json", "--project", str(bare))
        made = json.loads(said)
        assert status == 0
        assert made["claims"] == ["cac_30", "three_interactions", "ctr_20", "cpc_10_18"]
        assert "fewer suggest" in made["lacking"]["conversion_26"]
        with Project.open(bare) as project:
            found = project.claims(["three_interactions"]).claim("three_interactions")
        assert found.ratio.estimate.value > 1
        assert found.naive.estimate.value > found.ratio.estimate.value
        with (
            pytest.raises(GuardError, match=r"claims.yaml is there already"),
            Project.open(bare) as project,
        ):
            project.draft_claims()

    def test_groups_of_another_size_do_not_count(self, bare):
        claim = (
            "- {id: readers, group: {did: VIEW, within: 30d}, size: {min: 200, max: 300},"
            " outcome: reacts, says: {ratio: 1.26}}\n"
        )
        (bare / "claims.yaml").write_text(claim)
        with Project.open(bare) as project:
            found = project.claims(["readers"]).claim("readers")
        assert found.verdict.value == "can't tell with this data"
        assert found.because == "at no index time a group has 200-300 people"
        assert dict(found.design)["size of a group"] == "200-300 people at T"
