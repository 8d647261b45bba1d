"""Audiences of the two programme tests: exactly the people of each group, then read by person."""

from __future__ import annotations

import csv
import shutil
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from fewer.errors import GuardError, NotFoundError
from fewer.interfaces.cli.main import run
from fewer.project import clock
from fewer.project.project import Project

AS_OF = datetime(2026, 3, 1, tzinfo=UTC)
PEOPLE = 4_000

SETTINGS = """\
version: 1
name: Cells
exclude: [unsubscribed, recent]
consent: {purpose: ads}
sources:
  - id: people
    files: data/people*.csv
    people:
      person: id
      traits: {tier: tier}
      consents: {ads: ads}
  - id: events
    files: data/events*.csv
    events:
      - {event: {column: event}, person: id, ts: ts}
"""
SEGMENTS = """\
- {id: viewers, where: {did: view, within: 30d}, size: {min: 1, max: 9000}}
- {id: buyers, where: {did: purchase}, size: {min: 1, max: 9000}}
- {id: recent, where: {did: purchase, within: 7d}, exclude_defaults: false, type: custom}
- {id: unsubscribed, where: {did: unsubscribe}, exclude_defaults: false, type: custom}
"""
GOALS = "- {id: order, did: purchase, outcome_window: 7d}\n"
METRICS = "- {id: ordered, rate: {goal: order}, guardrail: {margin_percent: 60}}\n"
EXPERIMENTS = """\
- {id: always, tests: global_holdout, holdout: 10, metrics: [order], ends: 2026-06-01}
- {id: broad, tests: programme, metrics: [order], ends: 2026-04-01}
- {id: trial, tests: exclusions, segments: [viewers], exclusions: [recent], metrics: [ordered],
   ends: 2026-03-20}
- {id: colours, tests: creative, arms: [{id: red, percent: 50}, {id: blue, percent: 50}],
   segments: [viewers], metrics: [order], ends: 2026-04-01}
- {id: hours, tests: switchback, slot: 1d, metrics: [order], ends: 2026-04-01}
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("cells") / "shop"
    (folder / "data").mkdir(parents=True)
    (folder / "segments").mkdir()
    for name, text in (
        ("fewer", SETTINGS), ("segments/all", SEGMENTS), ("goals", GOALS), ("metrics", METRICS),
        ("experiments", EXPERIMENTS),
    ):  # fmt: skip
        (folder / f"{name}.yaml").write_text(text)
    people, events = ["id,tier,ads"], ["id,event,ts"]
    for n in range(PEOPLE):
        people.append(f"p{n},plain,{'denied' if n % 9 == 0 else 'granted'}")
        events.append(f"p{n},view,{(AS_OF - timedelta(days=n % 25, hours=1)).isoformat()}")
        if n % 4 == 0:
            events.append(f"p{n},purchase,{(AS_OF - timedelta(days=n % 28, hours=2)).isoformat()}")
        if n % 50 == 1:
            events.append(f"p{n},unsubscribe,{(AS_OF - timedelta(days=2)).isoformat()}")
    (folder / "data/people.csv").write_text("\n".join(people) + "\n")
    (folder / "data/events.csv").write_text("\n".join(events) + "\n")
    with Project.open(folder) as project:
        project.ingest()
        project.build(as_of=AS_OF)
        for name in ("always", "broad", "trial", "colours", "hours"):
            project.experiments.register(name)
        for name in ("always", "broad", "trial"):
            project.experiments.assign(name)
    return folder


@pytest.fixture
def project(made, tmp_path):
    folder = shutil.copytree(made, tmp_path / "shop")
    with Project.open(folder) as opened:
        yield opened


def people_in(path: Path) -> set[str]:
    """Digests in a file of ids."""
    with path.open() as file:
        return {row["external_id_sha256"] for row in csv.DictReader(file)}


def digests(project, people) -> set[str]:
    return {sha256(key.encode()).hexdigest() for key in project.keys.of(people).to_pylist()}


def granted(project):
    numbers = project.keys.numbers()
    return {numbers[f"p{n}"] for n in range(PEOPLE) if n % 9}


def export(project, tmp_path, experiment: str, arm: str, **how):
    path = tmp_path / f"{experiment}_{arm}.csv"
    made = project.experiments.export(experiment, arm, path, keys="person", **how)
    return people_in(path), made.prepared.removed


class TestCells:
    def test_broad_is_exactly_its_people(self, project, tmp_path):
        arms = project.experiments.assignments("broad").arms
        found, removed = export(project, tmp_path, "broad", "broad")
        consenting = [n for n in arms["broad"] if n in granted(project)]
        assert found == digests(project, type(arms["broad"])(consenting))
        assert removed == {"no consent for ads": len(arms["broad"]) - len(consenting)}
        other, _ = export(project, tmp_path, "broad", "segmented")
        assert not found & other
        held = project.experiments.assignments("always").arms["held_out"]
        assert not (found | other) & digests(project, held)

    def test_the_two_groups_of_exclusions(self, project, tmp_path):
        assigned = project.experiments.assigned("trial")
        arms, excluded = assigned.assignment.arms, assigned.parts["excluded"]
        off, _ = export(project, tmp_path, "trial", "exclusions_off")
        on, removed = export(project, tmp_path, "trial", "exclusions_on")
        consenting = type(excluded)(granted(project))
        assert off == digests(project, arms["exclusions_off"] & consenting)
        assert on == digests(project, (arms["exclusions_on"] - excluded) & consenting)
        assert off & digests(project, excluded)
        assert removed["excluded: recent"] == len(arms["exclusions_on"] & excluded)
        unsubscribed = project.snapshot().segment("unsubscribed").members
        assert not (on | off) & digests(project, unsubscribed)

    def test_whoever_unsubscribed_since_is_left_out(self, project, tmp_path):
        arm = project.experiments.assignments("trial").arms["exclusions_off"]
        key = project.keys.of(type(arm)([n for n in arm if n in granted(project)][:1])).to_pylist()
        lines = f"id,event,ts\n{key[0]},unsubscribe,{AS_OF.isoformat()}\n"
        (project.folder.root / "data/events_2.csv").write_text(lines)
        root = project.folder.root
        project.close()
        with Project.open(root) as after:
            after.ingest()
            after.build(as_of=AS_OF + timedelta(hours=1))
            found, removed = export(after, tmp_path, "trial", "exclusions_off")
        assert sha256(key[0].encode()).hexdigest() not in found
        assert removed["excluded: unsubscribed"] == 1

    def test_a_segment_goes_to_the_group_with_exclusions_only(self, project):
        snapshot = project.snapshot()
        from fewer.project.holding import held_out

        held = held_out(project, snapshot, "viewers")["trial"]
        off = project.experiments.assignments("trial").arms["exclusions_off"]
        assert held == off & snapshot.segment("viewers").members

    def test_other_arms_and_what_is_none(self, project, tmp_path):
        with pytest.raises(NotFoundError, match="assignment of experiment"):
            export(project, tmp_path, "colours", "red")
        project.experiments.assign("colours")
        with pytest.raises(NotFoundError, match="arm"):
            export(project, tmp_path, "colours", "green")
        found, removed = export(project, tmp_path, "colours", "red", segment="viewers")
        assert found
        assert set(removed) <= {"no consent for ads"}
        project.experiments.assign("hours")
        with pytest.raises(GuardError, match="drawn by time"):
            export(project, tmp_path, "hours", "sent")

    def test_command(self, project, tmp_path, capsys):
        root = project.folder.root
        project.close()
        words = ["experiment", "audience", "broad", "broad", "--to", str(tmp_path / "b.csv")]
        assert run(["--project", str(root), *words, "--keys", "person"]) == 0
        told = capsys.readouterr().out
        assert "left out: no consent for ads" in told

    def test_exclusions_are_read_by_person(self, project, monkeypatch):
        """Without exclusions nobody orders more: no loss beyond the margin can be said."""
        arms = project.experiments.assignments("trial").arms
        rng = np.random.default_rng(3)
        lines = ["id,event,ts"]
        for people in arms.values():
            for key in project.keys.of(people).to_pylist():
                if rng.random() < 0.2:
                    at = AS_OF + timedelta(days=float(rng.uniform(0.1, 6.9)))
                    lines.append(f"{key},purchase,{at.isoformat()}")
        lines.append(f"p1,view,{(AS_OF + timedelta(days=21)).isoformat()}")
        (project.folder.root / "data/events_2.csv").write_text("\n".join(lines) + "\n")
        root = project.folder.root
        project.close()
        monkeypatch.setattr(
            clock, "now_us", lambda: int((AS_OF + timedelta(days=22)).timestamp() * 1_000_000)
        )
        with Project.open(root) as after:
            after.ingest()
            measured = after.measure()
        rows = [row for row in measured.randomised if row.experiment == "trial"]
        assert [row.group.name for row in rows] == ["exclusions_on"]
        assert rows[0].comparisons[0].against.name == "exclusions_off"
        assert rows[0].comparisons[0].label.value == "randomised arm"
        one = next(e for e in measured.experiments if e.id == "trial")
        assert one.metrics[0].margin.verdict.value == "within the margin"
        assert one.claim.halves[1].value == "within the margin"
        assert one.claim.holds is None  # no ad reports: whether clicks are cheaper isn't known
        assert "lift" in next(p for p in measured.programmes if p.experiment == "trial").sentence
