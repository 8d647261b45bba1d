"""Discovery and suggestions on files of events: moments, leaks, adoption."""

from __future__ import annotations

import csv
import random
from datetime import datetime, timedelta

import pytest

from fewer.errors import GuardError, NotFoundError
from fewer.project.project import Project

pytestmark = pytest.mark.slow

SETTINGS = """
name: Made
data: simulated
sources:
  - id: web
    files: events.csv
    events:
      event: {column: action}
      person: user
      ts: time
      properties: {topic: topic}
"""
GOALS = "- {id: joined, did: zz_join, outcome_window: 7d}\n"
ACTIONS = ["aa", "bb", "cc", "dd", "ee"]  # names say nothing


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    (folder / "fewer.yaml").write_text(SETTINGS)
    (folder / "goals.yaml").write_text(GOALS)
    rng, start = random.Random(7), datetime(2026, 1, 1)
    with (folder / "events.csv").open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(["user", "time", "action", "topic"])
        for person in range(5_000):
            liking = rng.gammavariate(1.2, 1.0)
            for week in range(9):
                monday = start + timedelta(days=7 * week)
                did = {a for a in ACTIONS if rng.random() < min(0.22 * liking, 0.9)}
                for action in sorted(did):
                    at = monday + timedelta(minutes=rng.randrange(7 * 1440))
                    out.writerow([person, at, action, rng.choice(["x", "y", "z"])])
                chance = 0.012 * (1 + liking) * (7 if {"aa", "bb"} <= did else 1)
                if rng.random() < min(chance, 0.6):
                    at = monday + timedelta(days=7, minutes=5 + rng.randrange(7 * 1440))
                    out.writerow([person, at - timedelta(minutes=3), "yy_form", ""])
                    out.writerow([person, at, "zz_join", ""])
    with Project.open(folder) as opened:
        opened.ingest()
        yield opened


@pytest.fixture(scope="module")
def found(project):
    return project.discover(goal="joined", most=1_500)


def test_finds_the_planted_pair_and_confirms_it(found):
    words = [one.words for one in found.segments if one.status in ("confirmed", "weaker")]
    assert any("has done aa" in w and "has done bb" in w for w in words)
    assert found.confirmed_at_us > found.discovered_at_us


def test_refuses_what_is_part_of_converting_unless_it_is_allowed(project, found):
    assert [leak.name for leak in found.leaks] == ["yy_form"]
    assert not any("yy_form" in one.words for one in [*found.segments, *found.unconfirmed])
    again = project.discover(goal="joined", most=1_500, allow=("yy_form",))
    assert again.leaks == ()


def test_says_nothing_that_only_an_experiment_can_say(found):
    from fewer.journey.measure.evidence import EvidenceLabel, check_words

    check_words(str(found.to_json()), EvidenceLabel.ADJUSTED_ASSOCIATION)


def test_sizes_are_those_of_a_preview(project, found):
    one = found.segments[0]
    shown = project.preview(one.segment, as_of=found.sized_at_us)
    assert shown.size == one.size


def test_adopts_below_what_is_written_and_keeps_comments(project, found):
    path = project.folder.root / "segments" / "discovered.yaml"
    path.parent.mkdir(exist_ok=True)
    path.write_text("# ours\n- {id: mine, where: {did: aa}}  # stays\n")
    project.__dict__.pop("definitions", None)
    dry = project.adopt(found.segments, "1", "discovered.yaml", dry_run=True)
    assert not dry.written
    assert "# stays\n" in path.read_text()
    done = project.adopt(found.segments, found.segments[0].segment.id, "discovered.yaml")
    assert path.read_text().startswith("# ours\n- {id: mine, where: {did: aa}}  # stays\n")
    assert done.segment.id in project.definitions.segment_ids
    with pytest.raises(GuardError, match="already"):
        project.adopt(found.segments, "1", "discovered.yaml")
    with pytest.raises(NotFoundError):
        project.adopt(found.segments, "nothing", "discovered.yaml")


def test_too_little_history_is_said(project):
    with pytest.raises(GuardError, match="history"):
        project.discover(goal="joined", at="2026-01-02")


def test_suggests_segments_in_the_band_with_little_in_common(project):
    made = project.suggest()
    assert 6 <= len(made.segments) <= 12
    assert all(200 <= one.size <= 2_000 for one in made.segments)
    assert all(len(one.sizes) >= 8 for one in made.segments)
    assert len({one.segment.type for one in made.segments}) >= 4
    previews = [project.preview(s.segment, as_of=made.as_of_us).members for s in made.segments]
    pairs = [a.jaccard_index(b) for n, a in enumerate(previews) for b in previews[:n]]
    assert max(pairs) <= 0.36
