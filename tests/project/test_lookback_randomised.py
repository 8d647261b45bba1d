"""Windows given at random: people hashed to 7, 14 or 30 days, in a world whose truth is known."""

from __future__ import annotations

import csv
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from rich.console import Console

from fewer.interfaces.cli.lookback_view import show
from fewer.project import clock
from fewer.project.project import Project

pytestmark = pytest.mark.slow

MOMENT = datetime(2026, 3, 2, tzinfo=UTC)
PEOPLE = 9_000
# Share that orders in the week after, by band; and times as many if they are sent something.
BASE = {7: 0.12, 14: 0.08, 30: 0.04}
TIMES = {7: 1.5, 14: 1.75, 30: 1.0}
FEWER = """\
name: Windows
currency: EUR
sources:
  - id: log
    files: data/*.csv
    events: {event: {column: event}, person: person, ts: ts}
"""
GOALS = """\
- {id: order, name: Orders within a week, did: purchase, outcome_window: 7d}
"""
SEGMENTS = """\
- id: viewers
  name: Looked at something
  where: {did: view, within: 30d, lookback: true}
  variants: {lookback: [7d, 14d, 30d]}
  size: {min: 200, max: 20000}
"""
EXPERIMENTS = """\
- {id: spread, tests: window, segments: [viewers], windows: [7d, 14d, 30d], metrics: [order],
   ends: 2026-03-10}
"""


def put(path, rows):
    with path.open("w", newline="", encoding="utf-8") as file:
        out = csv.writer(file)
        out.writerow(("person", "ts", "event"))
        out.writerows((f"p{p}", at.strftime("%Y-%m-%d %H:%M:%S"), e) for p, at, e in rows)


def band_of(days):
    return next(edge for edge in BASE if days < edge)


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    folder = tmp_path_factory.mktemp("windows")
    (folder / "data").mkdir()
    (folder / "segments").mkdir()
    for name, text in (("fewer", FEWER), ("goals", GOALS), ("segments/all", SEGMENTS),
                       ("experiments", EXPERIMENTS)):  # fmt: skip
        (folder / f"{name}.yaml").write_text(text)
    dice = np.random.default_rng(4)
    ago = dice.random(PEOPLE) * 29.9
    put(folder / "data/views.csv",
        [(p, MOMENT - timedelta(days=float(d)), "view") for p, d in enumerate(ago)])  # fmt: skip
    moment = int(MOMENT.timestamp() * 1e6)
    with pytest.MonkeyPatch.context() as then, Project.open(folder) as opened:
        opened.ingest()
        then.setattr(clock, "now_us", lambda: moment)
        opened.build(as_of="2026-03-02")
        opened.experiments.register("spread")
        opened.experiments.assign("spread")
        windows = {}
        for arm, people in opened.experiments.assigned("spread").named("arm").items():
            days = int("".join(c for c in arm if c.isdigit()))
            windows |= dict.fromkeys(opened.keys.of(people).to_pylist(), days)
    assert len(windows) == PEOPLE
    rows = []
    for p, days in enumerate(ago):
        edge = band_of(days)
        sent = days < windows[f"p{p}"]
        if dice.random() < BASE[edge] * (TIMES[edge] if sent else 1.0):
            rows.append((p, MOMENT + timedelta(days=float(dice.random() * 6.9)), "purchase"))
    rows.append((0, MOMENT + timedelta(days=9), "view"))  # the data goes on
    put(folder / "data/after.csv", rows)
    with Project.open(folder) as opened:
        opened.ingest()
        yield opened


@pytest.fixture(scope="module")
def found(project):
    return project.lookback("viewers", cost=1.0, value=40.0, times=1)


def test_each_band_but_the_first_is_a_randomised_comparison(found):
    assert [one.label for one in found.randomised] == ["8-14 days", "15-30 days"]
    for one in found.randomised:
        seen = one.row.comparisons[0]
        assert seen.label.may_say_lift
        assert one.to_json()["comparisons"][0]["label"].startswith("randomised")
        edge = int(one.to_json()["window"][:-1])
        truth = BASE[edge] * (TIMES[edge] - 1)
        assert seen.difference.estimate.lower < truth < seen.difference.estimate.upper
        assert seen.ratio.estimate.lower < TIMES[edge] < seen.ratio.estimate.upper
        held = seen.against.rate.estimate
        assert held.lower < BASE[edge] < held.upper
    first, last = (one.change.estimate for one in found.randomised)
    assert first.lower > 0
    assert last.lower < 0


def test_what_was_measured_takes_the_place_of_what_is_assumed(found):
    _, fourteen, thirty = found.worths
    assert [one.measured for one in found.worths] == [False, True, True]
    change = found.randomised[0].change.estimate
    assert fourteen.value == pytest.approx(change.value * 40)
    assert fourteen.least_value == pytest.approx(change.lower * 40)
    assert fourteen.pays == (change.lower * 40 >= 1.0)
    assert not thirty.pays  # nothing is changed there, whatever share is assumed
    assert "measured at random" in found.advice.because


def test_it_is_shown_with_its_label(found):
    with Console(width=100, record=True) as out:
        show(out, found)
    text = out.export_text()
    assert "Windows given at random (randomised holdout)" in text
    assert "8-14 days ago" in text
    assert all(len(line.rstrip()) <= 100 for line in text.splitlines())


def test_an_experiment_of_another_goal_is_named(project):
    goals = project.folder.root / "goals.yaml"
    before = goals.read_text()
    goals.write_text(before + "- {id: looks, did: view, outcome_window: 7d}\n")
    try:
        with Project.open(project.folder.root) as again:
            other = again.lookback("viewers", goal="looks", times=1)
    finally:
        goals.write_text(before)
    assert other.randomised == ()
    assert "experiment spread was registered for order" in other.notes
