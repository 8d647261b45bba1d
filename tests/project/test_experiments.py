"""Experiments from file to stored people: registered for good, assigned once, in and out."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow.csv
import pytest
import sqlalchemy as sa
from pyroaring import BitMap

from fewer.data.store.experiments import TamperedError
from fewer.data.store.merging import merge
from fewer.errors import GuardError, NotFoundError, StoreError
from fewer.journey.measure.evidence import EvidenceLabel
from fewer.project.assigning import held_out_of_all
from fewer.project.experiment_files import (
    assignment_table,
    import_arms,
    import_lifts,
    write_table,
)
from fewer.project.holding import held_out
from fewer.project.project import Project

AS_OF = "2026-03-01"
NOW = datetime(2026, 3, 1, tzinfo=UTC)
PEOPLE = 1_500

SETTINGS = """\
version: 1
name: Little shop
sources:
  - id: people
    files: data/people.csv
    people: {person: id, traits: {region: region, tier: tier}}
  - id: events
    files: data/events.csv
    events:
      - event: {column: event}
        person: id
        ts: ts
        properties: {value: {column: value, type: number}}
"""
SEGMENTS = """\
- id: buyers
  where: {did: purchase, within: 30d}
  exclude: [gold]
  size: {min: 1, max: 5000}
  priority: 2
- id: viewers
  where: {did: view, within: 30d, lookback: true}
  variants: {lookback: [7d, 14d, 30d]}
  size: {min: 1, max: 5000}
  priority: 1
- {id: gold, where: {trait: tier, equals: gold}, exclude_defaults: false}
"""
GOALS = "- {id: order, did: purchase, value: {of: value, currency: EUR}, outcome_window: 7d}\n"
METRICS = """\
- {id: ordered, rate: {goal: order}, guardrail: {margin_percent: 5}}
- {id: revenue, mean: {goal: order, cap: 100}, currency: EUR}
"""
EXPERIMENTS = """\
- {id: always, tests: global_holdout, holdout: 10, metrics: [ordered], ends: 2030-01-01}
- {id: spring, holdout: 20, metrics: [ordered, revenue], guardrails: [ordered], ends: 2030-01-01}
- {id: strata, holdout: 30, stratify: [tier, segment], metrics: [revenue], ends: 2030-01-01}
- {id: windows, tests: window, segments: [viewers], windows: [7d, 14d, 30d], metrics: [ordered],
   ends: 2030-01-01}
- {id: broad, tests: programme, metrics: [ordered], ends: 2030-01-01}
- {id: trial, tests: exclusions, segments: [buyers], exclusions: [gold], metrics: [ordered],
   ends: 2030-01-01}
- {id: regions, tests: geo, region: region, metrics: [ordered], ends: 2030-01-01}
- id: elsewhere
  tests: elsewhere
  arms: [{id: a, name: Variant A, percent: 50}, {id: b, percent: 50}]
  metrics: [ordered]
  starts: 2026-02-01
  ends: 2030-01-01
"""


def write(folder: Path) -> Path:
    (folder / "data").mkdir(parents=True)
    (folder / "fewer.yaml").write_text(SETTINGS)
    for name, text in (
        ("segments/all", SEGMENTS),
        ("goals", GOALS),
        ("metrics", METRICS),
        ("experiments", EXPERIMENTS),
    ):
        path = folder / f"{name}.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    people, events = ["id,region,tier"], ["id,event,ts,value"]
    for n in range(PEOPLE):
        people.append(f"p{n},r{n % 13},{'gold' if n % 10 == 0 else 'plain'}")
        seen = NOW - timedelta(days=n % 40, hours=1)
        events.append(f"p{n},view,{seen.isoformat()},")
        if n % 5 == 0 or (n % 13) * 7 > n % 100:
            bought = NOW - timedelta(days=n % 29, hours=2)
            events.append(f"p{n},purchase,{bought.isoformat()},{10 + n % 90}")
    (folder / "data/people.csv").write_text("\n".join(people) + "\n")
    (folder / "data/events.csv").write_text("\n".join(events) + "\n")
    return folder


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    folder = write(tmp_path_factory.mktemp("shop") / "shop")
    with Project.open(folder) as project:
        project.ingest()
        project.build(as_of=AS_OF)
    return folder


@pytest.fixture
def project(made, tmp_path):
    folder = shutil.copytree(made, tmp_path / "shop")
    with Project.open(folder) as opened:
        yield opened


def reopened(project: Project, *, experiments: str) -> Project:
    (project.folder.root / "experiments.yaml").write_text(experiments)
    return Project.open(project.folder.root)


def ids(project, people):
    return set(project.keys.of(people).to_pylist())


class TestRegistering:
    def test_is_written_once_and_read_back(self, project):
        first, new = project.experiments.register("spring")
        again, newer = project.experiments.register("spring")
        assert (new, newer) == (True, False)
        assert again.hash == first.hash
        assert [m.id for m in first.metrics] == ["ordered", "revenue"]
        assert first.experiment == project.definitions.experiment("spring")
        assert first.segment_ids == ("viewers", "buyers")  # by priority; gold only excludes

    def test_a_change_is_a_new_record_that_names_the_old(self, project):
        old, _ = project.experiments.register("spring")
        later = EXPERIMENTS.replace("guardrails: [ordered], ends: 2030", "ends: 2031")
        with reopened(project, experiments=later) as changed:
            with pytest.raises(GuardError, match="--change REASON"):
                changed.experiments.register("spring")
            found, new = changed.experiments.register("spring", change="a longer run")
            assert new
            assert found.record.body["replaces"] == old.hash
            assert found.record.body["reason"] == "a longer run"
            assert {"ends", "metrics", "guardrails"} & set(found.record.body["changed"])
            assert [r.hash for r in found.earlier] == [old.hash]

    def test_arms_cannot_change_once_people_are_assigned(self, project):
        project.experiments.register("spring")
        before = project.experiments.assign("spring").assigned.assignment
        other = EXPERIMENTS.replace("spring, holdout: 20", "spring, holdout: 30")
        with reopened(project, experiments=other) as changed:
            with pytest.raises(GuardError, match="another experiment"):
                changed.experiments.register("spring", change="more")
            with pytest.raises(GuardError, match=r"sent 80 %, held_out 20 %; the file: sent 70 %"):
                changed.experiments.assign("spring")
            assert changed.experiments.assignments("spring").arms == before.arms

    def test_rows_cannot_be_changed(self, project):
        project.experiments.register("spring")
        with pytest.raises(sa.exc.DBAPIError, match="can not be changed"):
            _execute(project, "UPDATE experiment_records SET body = '{}'")
        with pytest.raises(sa.exc.DBAPIError, match="can not be changed"):
            _execute(project, "DELETE FROM experiment_records")

    @pytest.mark.parametrize(
        "attack",
        [
            "UPDATE experiment_records SET body = replace(body, '20', '21') WHERE seq = 1",
            "UPDATE experiment_records SET created_us = created_us - 1 WHERE seq = 1",
            "DELETE FROM experiment_records WHERE seq = 1",
            "UPDATE experiment_records SET seq = 9 WHERE seq = 2",
        ],
    )
    def test_what_was_done_around_the_triggers_is_noticed(self, project, attack):
        project.experiments.register("spring")
        project.experiments.register("broad")
        _drop_triggers(project)
        _execute(project, attack)
        with pytest.raises(TamperedError, match="can't be trusted"):
            project.experiments.get("broad")

    def test_changed_people_are_noticed(self, project):
        project.experiments.register("spring")
        project.experiments.assign("spring")
        _drop_triggers(project)
        _execute(project, "DELETE FROM experiment_people WHERE part = '0/arm:sent'")
        with pytest.raises(TamperedError, match="its people"):
            project.experiments.assigned("spring")

    def test_two_who_write_at_once(self, project):
        from fewer.data.store.experiments import append

        append(project.store, "x", "plan", {}, at_us=1, after=0)
        with pytest.raises(StoreError, match="somebody else"):
            append(project.store, "x", "plan", {}, at_us=1, after=0)


def _execute(project, statement):
    with project.store.control.begin() as connection:
        connection.execute(sa.text(statement))


def _drop_triggers(project):
    for table in ("experiment_records", "experiment_people"):
        for what in ("update", "delete"):
            _execute(project, f"DROP TRIGGER {table}_no_{what}")


class TestAssigning:
    def test_needs_a_registration(self, project):
        with pytest.raises(GuardError, match="not registered"):
            project.experiments.assign("spring")
        with pytest.raises(NotFoundError):
            project.experiments.assign("sprung")

    def test_again_gives_the_same_people(self, project):
        project.experiments.register("spring")
        first = project.experiments.assign("spring")
        again = project.experiments.assign("spring")
        assert first.written > 0
        assert again.written == 0
        assert again.assigned.parts == first.assigned.parts
        assert len(again.assigned.batches) == 1
        assert first.balance.sizes_hold
        assert first.to_json()["arms"][1]["people"] == len(
            first.assigned.assignment.arms["held_out"]
        )

    def test_the_first_arm_is_who_the_sample_condition_matches(self, project):
        project.experiments.register("spring")
        found = project.experiments.assign("spring").assigned
        sampled = project.preview({"sample": {"percent": 80, "salt": "spring"}}).members
        assert found.assignment.arms["sent"] == found.everyone & sampled

    def test_each_person_counts_in_one_segment(self, project):
        project.experiments.register("spring")
        made = project.experiments.assign("spring")
        viewers, buyers = (made.assigned.segments[s] for s in ("viewers", "buyers"))
        assert not viewers & buyers
        assert viewers | buyers == made.assigned.everyone
        assert [k.segment for k in made.kept] == ["viewers", "buyers"]
        assert made.kept[0].share == 1.0
        assert made.kept[1].kept == len(buyers) < made.kept[1].members

    def test_the_global_holdout_is_in_no_experiment(self, project):
        project.experiments.register("always")
        project.experiments.register("spring")
        held = project.experiments.assign("always").assigned.assignment.arms["held_out"]
        made = project.experiments.assign("spring")
        assert held
        assert not held & made.assigned.everyone
        everyone = project.experiments.assigned("always").everyone
        assert held_out_of_all(project, everyone) == held
        assert made.held_out_of_all == len(
            held & (project.snapshot().segment("viewers").members
                    | project.snapshot().segment("buyers").members)
        )  # fmt: skip

    def test_strata_keep_their_shares(self, project):
        project.experiments.register("strata")
        made = project.experiments.assign("strata").assigned
        gold = project.preview({"trait": "tier", "equals": "gold"}).members
        for segment, people in made.segments.items():
            inside = people & gold
            held = len(inside & made.assignment.arms["held_out"])
            assert abs(held - 0.3 * len(inside)) < 1, segment

    def test_new_people_are_added_and_nobody_changes_arm(self, project):
        project.experiments.register("spring")
        before = project.experiments.assign("spring").assigned.assignment
        project.build(as_of="2026-02-20")
        added = project.experiments.assign("spring", add_new=True)
        after = added.assigned.assignment
        assert added.written == sum(map(len, after.arms.values())) - sum(
            map(len, before.arms.values())
        )
        assert all(before.arms[arm] <= after.arms[arm] for arm in before.arms)

    def test_windows_compare_bands(self, project):
        project.experiments.register("windows")
        made = project.experiments.assign("windows").assigned
        first, second = made.contrasts
        assert first.label is EvidenceLabel.RANDOMISED_HOLDOUT
        assert first.shares["sent"] == pytest.approx(2 / 3)
        assert second.shares["sent"] == pytest.approx(1 / 3)
        snapshot = project.snapshot()
        band = snapshot.segment("viewers@14d").members - snapshot.segment("viewers@7d").members
        assert first.arms["sent"] | first.arms["held_out"] == band
        assert first.arms["held_out"] == band & made.assignment.arms["w7d"]

    def test_programme_and_exclusions(self, project):
        for name in ("broad", "trial"):
            project.experiments.register(name)
        programme = project.experiments.assign("broad").assigned
        assert programme.assignment.control == "broad"
        assert programme.assignment.label is EvidenceLabel.RANDOMISED_ARM
        trial = project.experiments.assign("trial").assigned
        buyers = project.snapshot().segment("buyers")
        assert trial.everyone == buyers.matched
        assert trial.parts["excluded"] == buyers.matched - buyers.members

    def test_regions_are_whole(self, project):
        project.experiments.register("regions")
        made = project.experiments.assign("regions")
        assert made.regions is not None
        assert len(made.regions.pairs) == 6
        assert len(made.regions.left_aside) == 1
        found = made.assigned
        assert found.assignment.label is EvidenceLabel.GEO_OR_SWITCHBACK
        for people in found.named("region").values():
            arms = [arm for arm, who in found.assignment.arms.items() if people & who]
            assert len(arms) <= 1

    def test_held_out_people_are_not_sent(self, project, tmp_path):
        project.experiments.register("spring")
        found = project.experiments.assign("spring").assigned
        held = held_out(project, project.snapshot(), "buyers")["spring"]
        buyers = project.snapshot().segment("buyers").members
        assert held >= buyers & found.assignment.arms["held_out"]
        assert held >= buyers & found.segments["viewers"]
        export = project.export("buyers", tmp_path / "a.csv", keys="person", allow_small=True)
        assert export.prepared.sendable == len(buyers - held)
        assert export.prepared.removed == {"held out by experiment spring": len(held)}


class TestFiles:
    def test_out_and_in_again(self, project, tmp_path):
        project.experiments.register("spring")
        table = assignment_table(project, project.experiments.assign("spring").assigned)
        write_table(table, tmp_path / "out.csv")
        read = pyarrow.csv.read_csv(tmp_path / "out.csv")
        assert read.column_names == ["person", "arm", "segment", "assigned_at"]
        held = project.experiments.assignments("spring").arms["held_out"]
        told = {r["person"] for r in read.to_pylist() if r["arm"] == "held_out"}
        assert told == ids(project, held)

    def test_rows_that_cannot_be_taken_are_told(self, project, tmp_path):
        project.experiments.register("elsewhere")
        rows = [
            "p1,Variant A,2026-02-03", "p2,b,2026-02-03T10:00Z", "p3,c,2026-02-03", "p4,a,soon",
            "stranger@example.org,a,2026-02-03", "p5,a,2026-02-03", "p5,b,2026-02-03",
            "p1,a,2026-02-03", ",a,2026-02-03", "p6,a,",
        ]  # fmt: skip
        file = tmp_path / "arms.csv"
        file.write_text("user_id,variant,assigned_at\n" + "\n".join(rows) + "\n")
        found = import_arms(project, "elsewhere", file, columns={})
        assert (found.rows, found.taken, dict(found.sizes)) == (10, 3, {"a": 2, "b": 1})
        assert dict(found.refused.counts) == {
            "no such arm in the experiment": 1,
            "no time that can be read": 1,
            "person not in the data": 1,
            "person in two arms": 2,
            "person repeated": 1,
            "no person": 1,
        }
        assert "stranger" not in str(found.to_json())
        assigned = project.experiments.assigned("elsewhere")
        assert ids(project, assigned.assignment.arms["a"]) == {"p1", "p6"}
        assert [b.at_us for b in assigned.batches] == sorted(b.at_us for b in assigned.batches)
        assert len(assigned.batches) == 3
        with pytest.raises(GuardError, match="has people already"):
            import_arms(project, "elsewhere", file, columns={})

    def test_two_ids_of_one_person(self, project, tmp_path):
        """In different arms: taken in neither, and said; in one arm: once."""
        project.experiments.register("elsewhere")
        merge(project.store, [("p1", "p2"), ("p3", "p4")])
        root = project.folder.root
        file = tmp_path / "arms.csv"
        rows = "p1,a\np2,b\np3,a\np4,a\np5,b\np6,a\n"
        rows += "".join(f"p{n},{'ab'[n % 2]}\n" for n in range(10, 60))
        file.write_text("person,arm\n" + rows)
        with Project.open(root) as one:
            found = import_arms(one, "elsewhere", file, columns={})
            assert dict(found.sizes) == {"a": 27, "b": 26}
            assert dict(found.refused.counts) == {
                "person in two arms under two ids": 2,
                "person repeated under another id": 1,
            }
            assert found.balance is not None
            assert found.balance.sizes == {"a": 27, "b": 26}
            assert any(line.name.startswith("active in") for line in found.balance.lines)

    def test_ids_merged_after_they_were_assigned(self, project):
        project.experiments.register("spring")
        before = project.experiments.assign("spring").assigned
        arms = before.assignment.arms
        pair = [project.keys.of(BitMap([arm.min()]))[0].as_py() for arm in arms.values()]
        merge(project.store, [(pair[0], pair[1])])
        with Project.open(project.folder.root) as after:
            found = after.experiments.assigned("spring")
            assert sum(map(len, found.crossed.values())) == 1
            assert len(found.everyone) == len(before.everyone) - 2
            assert not BitMap().union(*found.crossed.values()) & found.everyone
            added = after.experiments.assign("spring", add_new=True)
            assert added.written == 0
            assert sum(after.experiments.sizes("spring").values()) == len(found.everyone)

    def test_results_made_elsewhere(self, project, tmp_path):
        file = tmp_path / "lifts.csv"
        head = "study,metric,estimate_percent,lower_percent,upper_percent,randomised_by\n"
        rows = "s1,orders,12,3,21,platform\ns1,orders,50,3,21,platform\ns2,orders,5,1,9,\n"
        file.write_text(head + rows)
        first, refused = import_lifts(project, file)
        assert (first.experiment, first.taken) == ("s1", 1)
        assert dict(refused.refused.counts) == {
            "the estimate lies outside its interval": 1,
            "randomised_by is empty: a result without random groups is no lift": 1,
        }
        import_lifts(project, file)
        [row] = project.experiments.lift_results()
        assert row["estimate_percent"] == 12.0


class TestDesigning:
    def test_says_what_can_be_seen(self, project):
        found = project.experiments.design("spring", as_of=AS_OF)
        segments = [row for row in found.rows if row.group.level == "segment"]
        assert [row.group.id for row in segments] == ["viewers", "buyers"]
        programme = found.programme
        assert programme.group.people == sum(row.group.people for row in segments)
        assert all(row.words for row in found.rows)
        for row in segments:
            if not row.shows:
                assert "This segment alone can't show +26 %" in row.words
        small = project.experiments.design("spring", as_of=AS_OF, change=900)
        assert small.programme.shows
        assert small.share is not None
        assert small.share < 0.2

    def test_other_kinds(self, project):
        strata = project.experiments.design("strata", as_of=AS_OF)
        assert strata.programme.group.basis.kind == "mean"
        windows = project.experiments.design("windows", as_of=AS_OF)
        assert [row.group.id for row in windows.rows] == ["band:14d", "band:30d", "programme"]
        with pytest.raises(GuardError, match="begins after that moment"):
            project.experiments.design("spring", as_of="2019-01-01")
        with pytest.raises(GuardError, match="drawn by region"):
            project.experiments.design("regions", as_of=AS_OF)
