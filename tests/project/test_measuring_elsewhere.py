"""From the file of an A/B test made elsewhere to a verdict, as somebody new to the tool does it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from fewer.errors import GuardError
from fewer.interfaces.cli import measure_view
from fewer.journey.measure.table import Verdict
from fewer.project import overview
from fewer.project.experiment_files import import_arms
from fewer.project.measuring import measure
from fewer.project.project import Project

SETTINGS = """\
version: 1
name: A test from elsewhere
timezone: UTC
sources:
  - id: test
    files: test.csv
    people: {person: user}
    events:
      - {event: came_back, person: user, ts: {column: time}, when: {converted: {equals: "1"}},
         properties: {revenue: {column: revenue, type: number}}}
"""
GOALS = "- {id: came_back, did: came_back, value: {of: revenue, currency: EUR}, outcome_window: 1d}"
METRICS = """\
- {id: back, name: Came back, rate: {goal: came_back}}
- {id: revenue, name: Revenue per person, mean: {goal: came_back, of: value}, currency: EUR}
"""
EXPERIMENTS = """\
experiments:
  - id: page
    name: The new page
    tests: elsewhere
    arms:
      - {id: control, percent: 50, landing_page: old_page}
      - {id: treatment, percent: 50, landing_page: new_page}
    metrics: [back, revenue]
    starts: 2025-01-02
    ends: 2025-01-25
"""
Rows = list[tuple[str, str, str, str, int, int]]


def sized(control: int, treatment: int, rates: tuple[float, float] = (0.19, 0.182)) -> Rows:
    """One row a person, with exactly these many people and conversions."""
    rows: Rows = []
    for arm, page, n, rate in (
        ("control", "old_page", control, rates[0]),
        ("treatment", "new_page", treatment, rates[1]),
    ):
        for i in range(n):
            day = f"2025-01-{2 + i % 3:02d}T08:00:00Z"
            hit = int(i < round(rate * n))
            rows.append((f"{arm[0]}{i}", day, arm, page, hit, hit * (10 + i % 7)))
    return rows


def read(folder: Path, rows: Rows, *, settings: str = SETTINGS, **columns: str | None) -> Project:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in (
        ("fewer", settings),
        ("goals", GOALS),
        ("metrics", METRICS),
        ("experiments", EXPERIMENTS),
    ):
        (folder / f"{name}.yaml").write_text(text)
    lines = [",".join(map(str, row)) for row in rows]
    head = "user,time,group,page,converted,revenue\n"
    (folder / "test.csv").write_text(head + "\n".join(lines) + "\n")
    project = Project.open(folder)
    project.ingest()
    project.build()  # as at now, long after the test: what anybody would type
    project.experiments.register("page")
    names = {"person": "user", "arm": "group", "time": "time", "saw": "page", **columns}
    import_arms(project, "page", folder / "test.csv", columns=names)
    return project


def terminal(measured, capture) -> str:
    from rich.console import Console

    with capture.open("w") as file:
        measure_view.show(Console(file=file, width=400), measured)
    return capture.read_text()


class TestSplit:
    def test_a_fair_one_is_told_with_its_sizes_and_p(self, tmp_path):
        with read(tmp_path / "ab", sized(1_000, 1_010)) as project:
            found = measure(project, project.snapshot(None))
        one = next(g for g in found.gates if g.stage == "assigned")
        assert one.p == pytest.approx(stats.chisquare([1_000, 1_010]).pvalue)
        assert one.state == "as planned"
        text = terminal(found, tmp_path / "out.txt")
        assert (
            "page, as assigned: of 2,010 people 1,000 in 'control' (49.8 %, planned 50.0 %),"
            " 1,010 in 'treatment' (50.2 %, planned 50.0 %); p 0.82: as planned"
        ) in text

    def test_outcomes_of_the_day_of_the_assignment_count(self, tmp_path):
        rows = sized(1_000, 1_000)
        more = [
            (row[0], f"{row[1][:14]}{i % 60:02d}:{i % 59:02d}Z", *row[2:])
            for i, row in enumerate(rows)
        ]
        for n, given in enumerate((rows, more)):
            with read(tmp_path / str(n), given) as project:
                row = measure(project, project.snapshot(None)).randomised[0]
            assert (row.comparisons[0].against.converted, row.group.converted) == (190, 182)

    def test_what_chance_cannot_explain_withholds_every_figure(self, tmp_path):
        with read(tmp_path / "ab", sized(1_000, 1_200, (0.1, 0.3))) as project:
            found = measure(project, project.snapshot(None))
        assert [row.comparisons[0].verdict for row in found.randomised] == [Verdict.SPLIT_BROKEN]
        assert [p.verdict for p in found.programmes] == [Verdict.SPLIT_BROKEN]
        assert all(not one.metrics for one in found.experiments)
        told = found.to_json()
        p = stats.chisquare([1_000, 1_200]).pvalue
        check = told["split_checks"][0]
        assert (check["state"], check["threshold"]) == ("broken", 0.0005)
        assert check["p"] == pytest.approx(p)
        for row in told["randomised"]:
            one = row["comparisons"][0]
            assert [one[k] for k in ("difference", "ratio", "p", "causal")] == [None] * 4
        text = terminal(found, tmp_path / "out.txt")
        assert "Nothing may be read of 'page': split check" in text
        assert "1,200 in 'treatment'" in text
        assert f"p {p:.2g}: broken, below 0.0005" in text
        assert "+200 %" not in text

    @pytest.mark.slow
    def test_the_borderline_split_of_a_published_test_is_not_hidden(self, tmp_path):
        """Counts of the gate 30/40 test of a mobile game; people are made up."""
        with read(tmp_path / "ab", sized(44_700, 45_489)) as project:
            found = measure(project, project.snapshot(None))
        one = next(g for g in found.gates if g.stage == "assigned")
        assert one.sizes == {"control": 44_700, "treatment": 45_489}
        assert one.p == pytest.approx(0.00861, abs=5e-5)
        assert (one.state, one.broken) == ("unusual", False)
        told = [c.text for c in found.conclusions if "split check" in c.text]
        assert len(told) == 1
        assert "p 0.0086: unusual" in told[0]
        assert "once in 116 fair splits" in told[0]
        assert "withheld below 0.0005 only" in told[0]
        row = found.randomised[0]
        assert row.comparisons[0].verdict is Verdict.LESS
        fisher = 2 * stats.hypergeom.cdf(8_279, 90_189, 16_772, 45_489)  # smaller tail, doubled
        assert row.comparisons[0].p == pytest.approx(fisher, rel=1e-6)
        assert "p 0.0086" in json.dumps(found.to_json())


@pytest.fixture(scope="module")
def crossed(tmp_path_factory):
    rows = sized(1_000, 1_000)
    late = "2025-01-04T08:00:00Z"
    rows += [(f"c{i}", late, "treatment", "new_page", 1, 50) for i in range(30)]  # both arms
    rows += [(f"t{i}", late, "treatment", "old_page", 1, 50) for i in range(40)]  # other page
    rows += [(f"x{i}", late, "control", "new_page", 1, 50) for i in range(20)]  # only that
    rows += [(f"t{i}", late, "treatment", "new_page", 0, 0) for i in range(100, 105)]  # twice
    with read(tmp_path_factory.mktemp("crossed") / "ab", rows) as project:
        yield project, measure(project, project.snapshot(None))


class TestCrossing:
    """People in both arms, or who saw what the other arm is given, are in neither."""

    def test_are_counted_named_and_left_out(self, crossed):
        _, found = crossed
        one = next(g for g in found.gates if g.stage == "assigned")
        assert one.sizes == {"control": 970, "treatment": 960}
        assert one.left_out == {
            "person in two arms": {"control": 30},
            "person saw another arm's version": {"treatment": 40, "control": 20},
        }
        told = next(c.text for c in found.conclusions if "in no arm" in c.text)
        assert "60 people are in no arm (person saw another arm's version)" in told
        assert "20 of 'control', 40 of 'treatment'; the arms lost alike, p 0.0098" in told
        assert "30 people are in no arm (person in two arms): 30 of 'control'" in told
        assert "did not lose alike" not in told

    def test_neither_their_people_nor_their_conversions_count(self, crossed):
        _, found = crossed
        row = found.randomised[0]
        assert (row.group.people, row.comparisons[0].against.people) == (960, 970)
        assert row.group.converted == 182 - 40
        assert row.comparisons[0].against.converted == 190 - 30

    def test_are_told_when_brought(self, crossed):
        project, _ = crossed
        record = project.experiments.records("page")[-1]
        assert record.body["left_out"]["person in two arms"] == {"control": 30}
        assert {one["reason"]: one["rows"] for one in record.body["refused"]} == {
            "person in two arms": 60,
            "person saw another arm's version": 100,
            "person repeated": 5,
        }

    def test_a_version_of_no_arm_is_a_mistake_of_the_file(self, tmp_path):
        rows = [*sized(10, 10), ("z", "2025-01-03", "control", "blue_page", 0, 0)]
        with pytest.raises(GuardError, match="'blue_page', which is no version of an arm"):
            read(tmp_path / "ab", rows)

    def test_only_where_a_column_says_so(self, tmp_path):
        rows = [*sized(50, 50), ("x", "2025-01-03T00:00:00Z", "control", "new_page", 0, 0)]
        with read(tmp_path / "ab", rows, saw=None) as project:
            assert project.experiments.sizes("page") == {"control": 51, "treatment": 50}


class TestSent:
    """People sent to the platforms, known only as an uploaded list."""

    def sent(self, folder: Path, people: list[str], name: str = "synced") -> Project:
        folder.mkdir(parents=True)
        (folder / "sent.csv").write_text("who\n" + "\n".join(people) + "\n")
        settings = SETTINGS + (
            "  - {id: sent, files: sent.csv, lists: {list: {constant: synced}, person: who}}\n"
            f"ads: {{sent: {name}, reached: {{list: {name}}}}}\n"
        )
        return read(folder, sized(1_000, 1_010, (0.2, 0.3)), settings=settings)

    def test_evenly_sent_is_as_planned(self, tmp_path):
        people = [f"{arm}{i}" for arm in "ct" for i in range(600)]
        with self.sent(tmp_path / "ab", people) as project:
            found = measure(project, project.snapshot(None))
        states = {g.stage: g.state for g in found.gates}
        assert states == dict.fromkeys(("assigned", "synced", "analysed"), "as planned")
        # Both arms were reached alike, so what reaching changed can't be told.
        told = [c.text for c in found.conclusions if "were reached" in c.text]
        assert "unbounded: what it is divided by can't be told from zero" in told[0]
        assert told[0] in [line["text"] for line in overview._said(found)]

    def test_unevenly_sent_withholds_every_figure(self, tmp_path):
        people = [*(f"c{i}" for i in range(800)), *(f"t{i}" for i in range(600))]
        with self.sent(tmp_path / "ab", people) as project:
            found = measure(project, project.snapshot(None))
        states = {g.stage: g.state for g in found.gates}
        assert states == {"assigned": "as planned", "synced": "broken", "analysed": "as planned"}
        assert [row.comparisons[0].verdict for row in found.randomised] == [Verdict.SPLIT_BROKEN]
        assert all(not one.metrics for one in found.experiments)
        text = terminal(found, tmp_path / "out.txt")
        assert "Nothing may be read of 'page': split check, as sent to the platforms" in text
        assert "800 in 'control' (57.1 %, planned 50.0 %)" in text

    def test_a_list_that_nobody_is_on_is_no_check_that_passed(self, tmp_path):
        with self.sent(tmp_path / "ab", ["c1"], name="sinced") as project:
            found = measure(project, project.snapshot(None))
        assert any("names the list 'sinced', and nobody is on it" in why for why in found.skipped)


def test_daily_looks_see_the_order_of_assignment(tmp_path):
    """The split was broken for days; later people hide it from a check of the sizes now."""
    rng = np.random.default_rng(3)
    rows: Rows = []
    for day in range(6):
        lost = day < 3
        for i in range(500):
            arm = "control" if rng.random() < (0.35 if lost else 0.65) else "treatment"
            page = "old_page" if arm == "control" else "new_page"
            rows.append((f"p{day}.{i}", f"2025-01-{2 + day:02d}T08:00:00Z", arm, page, 0, 0))
    with read(tmp_path / "ab", rows) as project:
        snapshot = project.snapshot(None)
        once, daily = (measure(project, snapshot, sequential=s) for s in (False, True))
    assert not once.gates[0].broken
    assert len(daily.gates[0].looks) == 6
    assert daily.gates[0].broken
    assert "p at every look" in daily.gates[0].words
