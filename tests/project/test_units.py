"""Tests by region and by time from file to figure: designed, drawn, sent, read, never by person."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from pyroaring import BitMap

from fewer.errors import GuardError, NotFoundError
from fewer.interfaces.cli.main import run
from fewer.journey.measure.table import Verdict
from fewer.project import clock
from fewer.project.holding import held_out
from fewer.project.project import Project
from fewer.project.unit_files import exported

AS_OF = datetime(2026, 2, 26, tzinfo=UTC)
START = datetime(2026, 1, 1, tzinfo=UTC)
PEOPLE, REGIONS = 6_000, 12

SETTINGS = """\
version: 1
name: Regions
sources:
  - id: people
    files: data/people.csv
    people: {person: id, traits: {region: region}}
  - id: events
    files: data/events*.csv
    events:
      - event: {column: event}
        person: id
        ts: ts
        properties: {value: {column: value, type: number}, city: city}
"""
SEGMENTS = """\
- {id: buyers, where: {did: purchase}, size: {min: 1, max: 9000}}
- {id: viewers, where: {did: view}, size: {min: 1, max: 9000}}
"""
GOALS = "- {id: order, did: purchase, value: {of: value, currency: EUR}, outcome_window: 7d}\n"
METRICS = """\
- {id: ordered, rate: {goal: order}, guardrail: {margin_percent: 30}}
- {id: revenue, mean: {goal: order, cap: 100}, currency: EUR}
- {id: cpc, ratio: {of: {ads: spend}, to: {ads: clicks}}, better: lower}
"""
EXPERIMENTS = """\
- {id: regions, tests: geo, region: region, metrics: [ordered, revenue, cpc],
   guardrails: [ordered], expect_percent: 50, ends: 2026-03-26}
- {id: cities, tests: geo, region: city, metrics: [ordered], ends: 2026-03-26}
- {id: few, tests: geo, region: few, metrics: [ordered], ends: 2026-03-26}
- {id: days, tests: switchback, slot: 1d, washout: 3h, segments: [viewers], metrics: [ordered],
   ends: 2026-03-26}
- {id: short, tests: switchback, slot: 7d, metrics: [ordered], ends: 2026-03-26}
- {id: adverts, tests: geo, region: region, metrics: [cpc], ends: 2026-03-26}
"""


def region_of(n: int) -> str:
    return f"r{n % REGIONS:02d}"


def bought(rng, people, rates, start: datetime, days: int) -> list[str]:
    """Lines of purchases: who, by the rate of a week."""
    rows = []
    for week in range(days // 7):
        for n in np.flatnonzero(rng.random(len(people)) < rates):
            at = start + timedelta(days=7 * week, seconds=int(rng.integers(0, 7 * 86_400)))
            rows.append(f"p{n},purchase,{at.isoformat()},{rng.integers(10, 90)},c{n % REGIONS}")
    return rows


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("shop") / "shop"
    (folder / "data").mkdir(parents=True)
    (folder / "segments").mkdir()
    for name, text in (
        ("fewer", SETTINGS), ("segments/all", SEGMENTS), ("goals", GOALS), ("metrics", METRICS),
        ("experiments", EXPERIMENTS),
    ):  # fmt: skip
        (folder / f"{name}.yaml").write_text(text)
    rng = np.random.default_rng(7)
    people = [f"p{n},{'' if n % 50 == 0 else region_of(n)}" for n in range(PEOPLE)]
    (folder / "data/people.csv").write_text("\n".join(["id,region", *people]) + "\n")
    level = np.exp(rng.normal(0, 0.2, REGIONS))
    rates = 0.06 * level[np.arange(PEOPLE) % REGIONS]
    rows = [f"p{n},view,{(START + timedelta(minutes=n)).isoformat()},," for n in range(PEOPLE)]
    rows += bought(rng, range(PEOPLE), rates, START, 56)
    (folder / "data/events.csv").write_text("\n".join(["id,event,ts,value,city", *rows]) + "\n")
    with Project.open(folder) as project:
        project.ingest()
        project.build(as_of=AS_OF)
    return folder


@pytest.fixture
def project(made, tmp_path):
    folder = shutil.copytree(made, tmp_path / "shop")
    with Project.open(folder) as opened:
        yield opened


def later(project: Project, sent: set[str], change: float) -> Project:
    """Four weeks on: regions that were sent something order so many times as often."""
    rng = np.random.default_rng(8)
    regions = np.array([region_of(n) for n in range(PEOPLE)])
    rates = 0.06 * np.where(np.isin(regions, sorted(sent)), change, 1.0)
    rows = bought(rng, range(PEOPLE), rates, AS_OF, 28)
    rows.append(f"p1,view,{datetime(2026, 3, 26, 12, tzinfo=UTC).isoformat()},,")
    path = project.folder.root / "data/events_later.csv"
    path.write_text("\n".join(["id,event,ts,value,city", *rows]) + "\n")
    root = project.folder.root
    project.close()
    opened = Project.open(root)
    opened.ingest()
    return opened


@pytest.fixture
def in_april(monkeypatch):
    now = datetime(2026, 4, 2, tzinfo=UTC)
    monkeypatch.setattr(clock, "now_us", lambda: int(now.timestamp() * 1_000_000))


class TestRegions:
    def test_design_draws_the_past_again(self, project):
        found = project.experiments.design_units("regions", as_of=AS_OF)
        told = found.to_json()
        assert told["unit"] == "regions"
        assert len(told["regions"]["pairs"]) == REGIONS // 2
        assert told["regions"]["people_without_region"] == PEOPLE // 50
        lengths = {one["weeks"]: one for one in told["lengths"]}
        assert lengths[1.0]["past_windows"] == 6 + 1
        assert lengths[4.0]["past_windows"] == 1
        assert 0.0 <= lengths[1.0]["false_alarms"] < 0.12
        assert lengths[1.0]["smallest_change"] > lengths[2.0]["smallest_change"] * 0.7
        much = project.experiments.design_units("regions", as_of=AS_OF, change=200)
        assert much.shows
        assert "can show +200 %" in much.verdict
        little = project.experiments.design_units("regions", as_of=AS_OF, change=3)
        assert "can't show +3 %" in little.verdict
        assert "regions as alike as these, about" in little.verdict
        beyond = project.experiments.design_units("regions", as_of=AS_OF, change=2000)
        assert not beyond.shows
        assert "more than everyone" in beyond.verdict
        assert "people" in little.verdict

    def test_what_cannot_be_drawn_says_what_it_takes(self, project):
        with pytest.raises(NotFoundError, match="trait or property"):
            project.experiments.design_units("few", as_of=AS_OF)
        with pytest.raises(GuardError, match="name neither people, regions nor slots"):
            project.experiments.design_units("adverts", as_of=AS_OF)
        with pytest.raises(GuardError, match=r"takes 56 days"):
            project.experiments.design_units("short", as_of=AS_OF)

    def test_people_are_in_the_arm_of_their_region(self, project):
        project.experiments.register("regions")
        made = project.experiments.assign("regions")
        keys = {n: k for k, n in project.keys.numbers().items()}
        for arm, side in (("sent", "sent"), ("held_out", "held_out")):
            regions = {getattr(pair, side) for pair in made.regions.pairs}
            people = made.assigned.assignment.arms[arm]
            assert {region_of(int(keys[n][1:])) for n in people} == regions
        assert len(made.assigned.everyone) == PEOPLE - PEOPLE // 50
        assert made.balance.p_value is None
        assert {"active in 7 days", "order, in the 7 days before"} <= {
            line.name for line in made.balance.lines
        }
        again = project.experiments.assign("regions")
        assert (again.written, again.regions) == (0, made.regions)

    def test_by_the_last_event_that_says_where(self, project):
        project.experiments.register("cities")
        made = project.experiments.assign("cities")
        assert made.regions.moving
        assert made.regions.taken_from.startswith("'city' of each person's last event")
        assert made.regions.nowhere == PEOPLE - len(project.snapshot().segment("buyers").members)
        # Whoever ordered is in a city; that people of a city ordered before says nothing.
        assert max(max(pair.before) for pair in made.regions.pairs) < 0.3

    @pytest.mark.usefixtures("in_april")
    def test_is_read_by_pairs_from_the_assignment_to_the_end(self, project):
        project.experiments.register("regions")
        made = project.experiments.assign("regions")
        with later(project, {pair.sent for pair in made.regions.pairs}, 1.6) as after:
            measured = after.measure()
            [one] = measured.experiments
            [told] = measured.programmes
            assert told.verdict is Verdict.MORE
            assert told.ratio.estimate.lower < 1.6 < told.ratio.estimate.upper
            assert "over 6 pairs of regions" in told.sentence
            assert "lift" in told.sentence
            assert not measured.randomised
            assert not measured.gates
            assert one.over
            by_id = {m.metric: m for m in one.metrics}
            assert by_id["ordered"].margin.verdict.value == "within the margin"
            assert by_id["revenue"].ratio.estimate.lower > 1
            assert "ad reports don't name regions" in by_id["cpc"].sentence
            plain = json.loads(json.dumps(measured.to_json(), allow_nan=False))
            pairs = plain["experiments"][0]["pairs"]
            assert pairs["label"] == "geo or switchback"
            assert len(pairs["pairs"]) == 6
            assert pairs["exact"]["lower"] > 1
            assert plain["programmes"][0]["units"] == "6 pairs of regions"
            gained = told.conversions.estimate
            assert gained.lower < 0.375 * told.converted[0] < gained.upper

    def test_nothing_is_a_verdict_before_the_end(self, project):
        project.experiments.register("regions")
        project.experiments.assign("regions")
        [one] = project.measure().experiments
        assert not one.examined.programmes
        assert "nothing to read yet" in one.skipped[0]

    def test_people_who_come_later_join_their_region(self, project):
        project.experiments.register("regions")
        before = project.experiments.assign("regions").assigned
        people = project.folder.root / "data/people.csv"
        people.write_text(people.read_text() + "new,r03\nold,nowhere\n")
        root = project.folder.root
        project.close()
        with Project.open(root) as after:
            after.ingest()
            after.build(as_of=AS_OF)
            added = after.experiments.assign("regions", add_new=True)
            number = after.keys.numbers()["new"]
            assert added.written == 1
            arm = next(a for a, who in added.assigned.assignment.arms.items() if number in who)
            region = before.named("region")["r03"]
            assert region <= before.assignment.arms[arm]

    def test_regions_leave_as_a_file(self, project):
        project.experiments.register("regions")
        assigned = project.experiments.assign("regions").assigned
        table, what = exported(project, assigned, regions=True)
        assert (what, table.num_rows) == ("regions", REGIONS)
        assert table.column_names == ["region", "arm", "pair", "people"]
        whole, what = exported(project, assigned, regions=False)
        assert (what, whole.num_rows) == ("people", len(assigned.everyone))
        held = held_out(project, project.snapshot(), "buyers")["regions"]
        assert held == assigned.assignment.arms["held_out"] & (
            project.snapshot().segment("buyers").members
        )


class TestSlots:
    def test_schedule_from_draw_to_file(self, project):
        project.experiments.register("days")
        made = project.experiments.assign("days")
        assert made.written == PEOPLE
        assert made.schedule.pairs == 14
        assert made.schedule.slots[0].from_us == project.snapshot().as_of_us
        assert project.experiments.sizes("days") == {"people": PEOPLE}
        listed = {one["id"]: one for one in project.experiments.listed()}
        assert (listed["days"]["state"], listed["days"]["people"]) == ("assigned", PEOPLE)
        table, what = exported(project, made.assigned, regions=False)
        assert (what, table.num_rows) == ("slots", 28)
        assert table.column_names == ["slot", "from", "to", "arm", "counts_from"]
        assert table["counts_from"][0].as_py().startswith("2026-02-26T03:00")
        with pytest.raises(GuardError, match="drawn once"):
            project.experiments.assign("days", add_new=True)
        with pytest.raises(GuardError, match="not a test by region"):
            regions_of_a_holdout(project)

    def test_nobody_is_sent_anything_while_it_is_off(self, project):
        project.experiments.register("days")
        schedule = project.experiments.assign("days").schedule
        snapshot = project.snapshot()
        held = held_out(project, snapshot, "viewers").get("days", BitMap())
        off = schedule.at(snapshot.as_of_us).arm == "held_out"
        assert held == (snapshot.segment("viewers").members if off else BitMap())
        assert "days" not in held_out(project, snapshot, "buyers")

    @pytest.mark.usefixtures("in_april")
    def test_is_read_slot_by_slot(self, project):
        project.experiments.register("days")
        project.experiments.assign("days")
        with later(project, set(), 1.0) as after:
            [told] = after.measure().programmes
            assert told.verdict is Verdict.CANNOT_TELL
            assert "14 pairs of slots" in told.sentence
            assert told.ratio.estimate.lower < 1 < told.ratio.estimate.upper
            [one] = after.measure().experiments
            assert one.pairs.rows[0].sent.startswith("2026-0")

    def test_the_past_is_of_people_who_were_there(self, project):
        """Buyers of now bought in the past by definition: their past must not be theirs."""
        from fewer.project.designing import draft

        now = draft(project, goal="order", segments=["buyers"], slot="1d", weeks=2, as_of=AS_OF)
        found = project.experiments.design_units(now, as_of=AS_OF)
        everyone = draft(project, goal="order", slot="1d", weeks=2, as_of=AS_OF)
        whole = project.experiments.design_units(everyone, as_of=AS_OF)
        assert found.planned.smallest > whole.planned.smallest
        with pytest.raises(GuardError, match="no length of a slot"):
            draft(project, goal="order", slot="soon")


def regions_of_a_holdout(project: Project) -> None:
    text = "- {id: plain, segments: [buyers], metrics: [ordered], ends: 2026-03-26}\n"
    path = project.folder.root / "experiments.yaml"
    path.write_text(path.read_text() + text)
    with Project.open(project.folder.root) as opened:
        opened.experiments.register("plain")
        assigned = opened.experiments.assign("plain").assigned
        exported(opened, assigned, regions=True)


class TestCommand:
    @pytest.fixture
    def fewer(self, project, capsys):
        root = project.folder.root
        project.close()

        def fewer(*words: str) -> str:
            assert run(["--project", str(root), *words]) == 0
            return capsys.readouterr().out

        return fewer

    def test_design_in_words_and_as_json(self, fewer):
        told = fewer("experiment", "design", "days", "--as-of", "2026-02-26")
        assert "by slots: what can be seen" in told
        assert "14 pairs of slots" in told
        plain = json.loads(
            fewer(
                "experiment", "design", "--goal", "order", "--region", "region",
                "--as-of", "2026-02-26", "--json",
            )
        )  # fmt: skip
        assert plain["tests"] == "geo"
        assert plain["verdict"]
