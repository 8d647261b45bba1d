"""From files to verdicts, through the whole product, in programmes whose truth is known."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from conftest import SOAK
from fewer.journey.measure.evidence import EvidenceLabel, check_words
from fewer.journey.measure.recommend import values
from fewer.project.project import Project
from interfaces.conftest import fewer_in
from project.programme import VALUE, Group, Programme

pytestmark = pytest.mark.slow

BAND = {"size": {"min": 200, "max": 5_000}}
HELD = EvidenceLabel.RANDOMISED_HOLDOUT.value


def recommended(programme: Programme, tmp: Path, *options: str) -> dict[str, Any]:
    """What the command says of a programme after its refreshes, and the diff it writes."""
    fewer = fewer_in(programme.folder)
    for step in (["ingest"], *(["build", "--as-of", f"{m:%Y-%m-%d}"] for m in programme.moments)):
        done = fewer(*step)
        assert done.status == 0, done.all
    edits = tmp / "edits.diff"
    said = fewer("recommend", "--json", "--diff", str(edits), *options)
    assert said.status == 0, said.all
    applied(programme.folder, edits, tmp)
    return {one["segment"]: one for one in json.loads(said.out)["recommendations"]}


def applied(folder: Path, edits: Path, tmp: Path) -> None:
    """Git takes the diff, and the project validates afterwards."""
    copy = shutil.copytree(folder, tmp / "copy", ignore=shutil.ignore_patterns(".fewer"))
    if edits.read_text():
        for step in (["init", "-q"], ["apply", "--check", str(edits)], ["apply", str(edits)]):
            subprocess.run(["git", *step], cwd=copy, check=True, capture_output=True)
    assert fewer_in(copy)("validate").status == 0


def proven(one: dict[str, Any], verdict: str) -> None:
    """A verdict with everything that belongs to it."""
    assert one["verdict"] == verdict, one
    assert one["label"] == HELD
    figure = one["figure"]
    assert figure["lower"] < figure["value"] < figure["upper"]
    gain = one["expected_gain"]
    assert gain["lower"] < gain["value"] < gain["upper"]
    assert one["cost_of_being_wrong"]["expected"]["value"] >= 0
    assert one["reason"]
    check_words(one["reason"], EvidenceLabel.RANDOMISED_HOLDOUT)


@pytest.fixture(scope="module")
def held(tmp_path_factory):
    """A randomised holdout over segments of which one works, one only costs, one does harm."""
    tmp = tmp_path_factory.mktemp("held")
    groups = [
        Group(id="works", people=3_000, ratio=2.5, cost=1.0, more=BAND),
        Group(id="only_costs", people=3_000, cost=15.0, more=BAND),
        Group(id="harms", people=3_000, rate=0.2, ratio=0.4, more=BAND),
        Group(id="small", people=250, more=BAND),
    ]
    programme = Programme(tmp / "world", groups, weeks=2).write()
    return programme, recommended(programme, tmp)


class TestHoldout:
    def test_what_works_and_costs_less_is_scaled(self, held):
        one = held[1]["works"]
        proven(one, "scale")
        assert one["expected_gain"]["unit"] == "EUR a week"
        assert one["people_reached"] > 1_300
        per_person = one["cost"]["value"] / one["people_reached"]
        assert per_person == pytest.approx(1.0, rel=0.2)
        truth = one["people_reached"] * (0.1 * 1.5 * 52.3 - 1.0)  # of 50 on a log scale: 52.3
        assert one["expected_gain"]["lower"] < truth < one["expected_gain"]["upper"]
        assert one["edits"] == ["works"]

    def test_what_costs_more_than_it_brings_is_stopped(self, held):
        one = held[1]["only_costs"]
        proven(one, "stop")
        assert "costs more than it brings" in one["headline"]
        assert "pays from" in one["reason"]
        assert one["cost"]["value"] < 0
        assert one["expected_gain"]["lower"] > 0

    def test_what_does_harm_is_stopped_though_its_cost_is_not_known(self, held):
        one = held[1]["harms"]
        proven(one, "stop")
        assert one["cost"] is None
        assert "segment" in one["cost_note"]

    def test_too_few_to_tell_is_said(self, held):
        one = held[1]["small"]
        assert one["verdict"] == "nothing to say yet"
        assert one["what_it_would_take"]

    def test_the_verdict_stands_for_the_same_segment_alone(self, held):
        programme, said = held
        found = fewer_in(programme.folder)("recommend", "works")
        assert found.status == 0, found.all
        assert "cost: " in found.out
        with Project.open(programme.folder) as project:
            alone = project.recommend(["works"]).verdicts.of("works")
        assert alone.action.value == said["works"]["verdict"]


def test_alike_segments_that_work_together_are_kept(tmp_path):
    groups = [Group(id=f"s{n}", people=520, rate=0.08, ratio=1.9, more=BAND) for n in range(14)]
    said = recommended(Programme(tmp_path / "world", groups, weeks=1).write(), tmp_path)
    verdicts = [one["verdict"] for one in said.values()]
    assert verdicts.count("keep") > len(groups) / 2, verdicts
    assert "stop" not in verdicts
    one = next(one for one in said.values() if one["verdict"] == "keep")
    proven(one, "keep")
    assert one["edits"] == []


def test_a_broken_split_is_put_right_first(tmp_path):
    groups = [
        Group(id="broken", people=2_000, rate=0.4, lost=0.9, more=BAND),
        Group(id="works", people=3_000, ratio=2.5, more=BAND),
    ]
    said = recommended(Programme(tmp_path / "world", groups, weeks=1).write(), tmp_path)
    one = said["broken"]
    assert one["verdict"] == "fix data"
    assert one["figure"] is None
    assert "chance" in one["reason"]
    assert said["works"]["verdict"] == "fix data"  # one lot for all: its people are lost too


@pytest.mark.parametrize("ends,verdict", [("2024-05-20", "scale"), ("2099-01-01", "")])
def test_a_registered_experiment_is_read_at_its_end_and_not_before(tmp_path, ends, verdict):
    """Who is reached is what `fewer experiment assign` says; orders follow from that."""
    groups = [Group(id="works", people=3_000, ratio=2.0, more=BAND)]
    programme = Programme(
        tmp_path / "world", groups, held_out=None, weeks=1, assigned=True
    ).write()  # fmt: skip
    one = {"id": "spring", "holdout": 50, "metrics": ["order"], "ends": ends}
    (programme.folder / "experiments.yaml").write_text(json.dumps([one]))
    fewer = fewer_in(programme.folder)
    steps = ("ingest", "build --as-of 2024-05-06", "experiment register spring",
             "experiment assign spring")  # fmt: skip
    for step in steps:
        done = fewer(*step.split())
        assert done.status == 0, done.all
    with Project.open(programme.folder) as project:
        arms = project.experiments.assigned("spring").assignment.arms
        sent = set(project.keys.of(arms["sent"]).to_pylist())
    [group] = groups
    reached = [person in sent for person in programme.people(group)]
    assert 0.4 < sum(reached) / len(reached) < 0.6
    back = np.zeros((1, group.people))
    programme.outcomes(group, back, reached, np.random.default_rng(9))
    programme.save()
    said = recommended(programme, tmp_path)["works"]
    if verdict:
        proven(said, verdict)
    else:
        assert said["verdict"] == "nothing to say yet"
        assert said["rule"] == "early"


@pytest.mark.parametrize("costly", [False, True], ids=["no effect", "pays exactly for itself"])
def test_weekly_looks_at_a_programme_that_brings_nothing_give_no_verdict(tmp_path, costly):
    """200 segments and eight refreshes under soak; each is looked at when it is the newest."""
    dice = np.random.default_rng(17)
    groups = []
    for n in range(min(200, 24 * SOAK)):
        rate = float(np.exp(dice.uniform(np.log(0.005), np.log(0.05))))
        cost = rate * 0.5 * VALUE * np.exp(0.045) / np.exp(0.125) if costly else None
        groups.append(
            Group(
                id=f"s{n}", people=int(dice.integers(200, 2_001)), rate=rate, noise=0.5, cost=cost,
                ratio=1.5 if costly else 1.0, visits_days=28, within=28, more=BAND,
            )
        )  # fmt: skip
    programme = Programme(tmp_path / "world", groups, weeks=min(8, 2 * SOAK), seed=4).write()
    fewer = fewer_in(programme.folder)
    assert fewer("ingest").status == 0
    proven_once = set()
    for moment in programme.moments:
        assert fewer("build", "--as-of", f"{moment:%Y-%m-%d}").status == 0
        said = fewer("recommend", "--json", "--no-windows")
        assert said.status == 0, said.all
        for one in json.loads(said.out)["recommendations"]:
            if one["verdict"] in {"scale", "stop", "keep"}:
                proven_once.add(one["segment"])
    # A programme that gets any verdict is one in twenty; a segment among many, too.
    assert len(proven_once) <= values.LEVEL * len(groups)


def test_money_of_two_currencies_is_never_divided(tmp_path):
    groups = [Group(id="only_costs", people=3_000, cost=15.0, more=BAND)]
    programme = Programme(tmp_path / "world", groups, weeks=1, currency="USD").write()
    one = recommended(programme, tmp_path)["only_costs"]
    assert one["verdict"] == "nothing to say yet"
    programme = Programme(tmp_path / "other", [groups[0]], weeks=1).write()
    assert recommended(programme, tmp_path / "other")["only_costs"]["verdict"] == "stop"


@pytest.fixture(scope="module")
def chosen(tmp_path_factory):
    """No holdout: sizes, windows and a test."""
    tmp = tmp_path_factory.mktemp("chosen")
    guard = {"size": {"min": 200, "max": 2_000}}
    groups = [
        Group(id="too_few", people=420, visits_days=28, within=7, more=guard, cost=0.5),
        Group(id="far_too_many", people=5_000, visits_days=28, within=28, more=guard),
        Group(id="two_halves", people=3_000, visits_days=28, within=28, more=guard),
        Group(
            id="cools_off", people=1_900, visits_days=28, within=28, rate=0.004, recent_rate=0.4,
            more={**guard, "variants": {"lookback": ["7d", "28d"]}},
        ),
        Group(id="untested", people=1_900, rate=0.25, more=guard, cost=0.5),
    ]  # fmt: skip
    programme = Programme(tmp / "world", groups, held_out=None, weeks=5, seed=2).write()
    return programme, recommended(programme, tmp)


@pytest.mark.parametrize(
    "segment,verdict",
    [
        ("too_few", "widen"),
        ("far_too_many", "narrow"),
        ("two_halves", "split"),
        ("cools_off", "change window"),
        ("untested", "test it"),
    ],
)
def test_without_a_holdout_definitions_are_put_right(chosen, segment, verdict):
    one = chosen[1][segment]
    assert one["verdict"] == verdict, one
    assert one["reason"]
    assert one["cost_of_being_wrong"]["words"]
    if verdict == "test it":
        assert one["figure"]["label"] == EvidenceLabel.RAW_ASSOCIATION.value
        assert one["at_stake"]["value"] > 0
        assert one["cost"]["value"] < 0  # nothing is spent on those held out
    else:
        assert one["expected_gain"]
        assert segment in one["edits"]


def test_costs_are_those_of_the_ad_reports_or_said_to_be_unknown(chosen):
    said = chosen[1]
    few = said["too_few"]
    assert few["cost"]["value"] == pytest.approx(
        0.5 * 420 * few["people_reached"] / 105, rel=0.3
    )  # 105 are in it now, and what 420 cost is spent on them
    assert few["cost"]["unit"] == "EUR a week"
    many = said["far_too_many"]
    assert many["cost"] is None
    assert "add" in many["cost_note"] or "give" in many["cost_note"]
