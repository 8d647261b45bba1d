"""Plan, explain, apply on a whole project: what is frozen, what moved, who is never sent."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fewer.data.store.outbox import Outbox
from fewer.destinations.sandbox.klaviyo import Klaviyo
from fewer.destinations.sandbox.meta import Meta
from fewer.destinations.sandbox.server import Faults
from fewer.destinations.sandbox.webhook import Receiver
from fewer.errors import GuardError, NotFoundError, SettingsError
from fewer.project.project import Project
from interfaces.conftest import fewer_in
from project import florist

WORD = "a word of the tests"
QUICK = (0.001, 0.02, 10.0)
SEGMENTS = ("pricing_hot", "readers", "roses")


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sync") / "florist"
    folder.mkdir()
    florist.write(florist.florist(), folder)
    with Project.open(folder) as project:
        project.ingest()
        project.build(as_of=florist.AS_OF)
    return folder


@pytest.fixture
def receiver():
    with Receiver(WORD) as found:
        yield found


@pytest.fixture
def folder(built, tmp_path, receiver, monkeypatch):
    monkeypatch.setenv("HOOK_WORD", WORD)
    copy = shutil.copytree(built, tmp_path / "florist")
    settings(copy, receiver)
    return copy


def settings(folder, receiver, **more):
    path = folder / "fewer.yaml"
    text = path.read_text().partition("\ndestinations:")[0]
    given = {
        "id": "hook",
        "type": "webhook",
        "secret": {"env": "HOOK_WORD"},
        "base_url": receiver.url,
        "segments": list(SEGMENTS),
        "allow_small": True,
        **more,
    }
    path.write_text(f"{text}\ndestinations:\n  - {json.dumps(given)}\n")


def synced(folder, **options):
    with Project.open(folder) as project:
        made = project.sync.plan()
        return made, project.sync.apply(made.id, waits=QUICK, **options)


def test_a_plan_changes_nothing_and_apply_sends_exactly_it(folder, receiver):
    with Project.open(folder) as project:
        made = project.sync.plan()
        assert receiver.counts["requests"] == 0
        assert made.changes
        found = project.sync.apply(made.id, waits=QUICK)
    assert found.state == "done"
    for line in made.lines:
        assert len(receiver.audiences.get(line.segment, ())) == len(line.change.add)
    with Project.open(folder) as project:
        assert not project.sync.plan().changes
        before = receiver.counts["requests"]
        assert project.sync.apply(made.id, waits=QUICK).results == ()
        assert receiver.counts["requests"] == before


def test_only_people_with_consent_are_sent(folder):
    world = florist.florist()
    made, _ = synced(folder)
    members = florist.members(world)
    for line in made.lines:
        with_consent = {p for p in members[line.segment] if world.consents.get(p) == "yes"}
        assert line.sendable <= len(with_consent)
        assert line.members == len(members[line.segment])
        assert line.members - line.sendable == sum(line.removed.values())


def test_who_withdraws_is_removed_first_and_the_plan_says_so(folder, receiver):
    _, _ = synced(folder)
    withdraw(folder)
    with Project.open(folder) as project:
        project.ingest()
        project.build(as_of=florist.AS_OF)
        made = project.sync.plan()
        why = {line.segment: dict(line.change.removed_why) for line in made.lines}
        assert why["roses"] == {"no consent for ads": 6}
        assert made.batches[0].op == "remove"
        project.sync.apply(made.id, waits=QUICK)
    assert receiver.audiences["roses"] == set()


def withdraw(folder):
    path = folder / "data/people.csv"
    lines = path.read_text().splitlines()
    path.write_text("\n".join([lines[0], *(line.replace(",yes,", ",no,") for line in lines[1:])]))


class TestWhatMoved:
    def test_consent(self, folder, receiver):
        with Project.open(folder) as project:
            made = project.sync.plan()
        withdraw(folder)
        with Project.open(folder) as project:
            project.ingest()
            with pytest.raises(GuardError, match=r"rows of .* may not be sent any more"):
                project.sync.apply(made.id, waits=QUICK)
        assert receiver.counts["requests"] == 0

    def test_a_newer_refresh(self, folder, receiver):
        with Project.open(folder) as project:
            made = project.sync.plan()
            project.build(as_of="2024-04-05")
        with Project.open(folder) as project, pytest.raises(GuardError, match="were refreshed"):
            project.sync.apply(made.id, waits=QUICK)
        assert receiver.counts["requests"] == 0

    def test_the_settings(self, folder, receiver):
        with Project.open(folder) as project:
            made = project.sync.plan()
        settings(folder, receiver, prefix="other ")
        with Project.open(folder) as project, pytest.raises(GuardError, match="settings of 'hook'"):
            project.sync.apply(made.id, waits=QUICK)

    def test_another_plan(self, folder):
        with Project.open(folder) as project:
            first, second = project.sync.plan(), project.sync.plan()
            project.sync.apply(second.id, waits=QUICK)
            with pytest.raises(GuardError, match="another plan changed"):
                project.sync.apply(first.id, waits=QUICK)

    def test_the_plan_itself(self, folder, receiver):
        import sqlalchemy as sa

        with Project.open(folder) as project:
            made = project.sync.plan()
            with project.store.control.begin() as connection:
                connection.execute(
                    sa.text("UPDATE sync_batches SET op = 'remove' WHERE number = 0")
                )
            with pytest.raises(GuardError, match="not what was written"):
                project.sync.apply(made.id, waits=QUICK)
        assert receiver.counts["requests"] == 0


def test_a_segment_that_is_sent_no_more_is_emptied(folder, receiver):
    synced(folder)
    assert receiver.audiences["readers"]
    settings(folder, receiver, segments=["pricing_hot", "roses"])
    made, _ = synced(folder)
    [line] = [line for line in made.lines if line.segment == "readers"]
    assert set(line.change.removed_why) == {"no longer sent there"}
    assert receiver.audiences["readers"] == set()
    assert receiver.audiences["roses"]


def test_small_audiences_are_not_sent_unless_allowed(folder, receiver, monkeypatch):
    from dataclasses import replace

    from fewer.destinations.webhook import WebhookDestination

    monkeypatch.setattr(
        WebhookDestination, "limits", replace(WebhookDestination.limits, minimum_matched=100)
    )
    settings(folder, receiver, allow_small=False)
    made, found = synced(folder)
    assert not made.changes
    assert all("serves ads from 100 matched on" in line.blocked for line in made.lines)
    assert found.state == "done"
    assert receiver.counts["requests"] == 0


def test_removing_most_must_be_allowed(folder, receiver, monkeypatch):
    import fewer.journey.activate.change as module

    synced(folder)
    monkeypatch.setattr(module, "DESTROYS_ROWS", 2)
    withdraw(folder)
    with Project.open(folder) as project:
        project.ingest()
        project.build(as_of=florist.AS_OF)
        made = project.sync.plan()
        assert made.destroys
        with pytest.raises(GuardError, match="--allow-destroy"):
            project.sync.apply(made.id, waits=QUICK)
        assert receiver.audiences["roses"]
        project.sync.apply(made.id, allow_destroy=True, waits=QUICK)
    assert receiver.audiences["roses"] == set()


def test_secrets_are_references(folder, receiver, monkeypatch):
    monkeypatch.delenv("HOOK_WORD")
    with Project.open(folder) as project:
        made = project.sync.plan()
        with pytest.raises(SettingsError, match="HOOK_WORD is not set"):
            project.sync.apply(made.id, waits=QUICK)
    path = folder / "word"
    path.write_text(WORD + "\n")
    path.chmod(0o644)
    settings(folder, receiver, secret={"file": "word"})
    with Project.open(folder) as project:
        made = project.sync.plan()
        with pytest.raises(SettingsError, match="chmod 600"):
            project.sync.apply(made.id, waits=QUICK)
        path.chmod(0o600)
        assert project.sync.apply(made.id, waits=QUICK).state == "done"


@pytest.mark.parametrize(
    "kind,error,words", [("file", GuardError, "fewer export"), ("metta", NotFoundError, "metta")]
)
def test_types_that_hold_no_audience(folder, receiver, kind, error, words):
    settings(folder, receiver, type=kind)
    with Project.open(folder) as project, pytest.raises(error, match=words):
        project.sync.plan()


def test_unknown_names(folder):
    with Project.open(folder) as project:
        with pytest.raises(NotFoundError, match="hok"):
            project.sync.plan(["hok"])
        with pytest.raises(NotFoundError, match="plan-1"):
            project.sync.apply("plan-1")


class TestLimits:
    def test_a_waterfall_sends_each_person_once(self, folder, receiver):
        settings(folder, receiver, caps={"at_once": 1})
        made, _ = synced(folder)
        emails = [row[0] for rows in receiver.audiences.values() for row in rows]
        assert len(emails) == len(set(emails))
        lost = {line.segment: dict(line.removed) for line in made.lines}
        assert any(reason.endswith(" instead") for reasons in lost.values() for reason in reasons)
        for line in made.lines:
            assert line.members - line.sendable == sum(line.removed.values())

    def test_over_a_period(self, folder, receiver):
        settings(folder, receiver, segments=["roses"], caps={"per_period": 1})
        synced(folder)
        settings(folder, receiver, caps={"per_period": 1})
        made, _ = synced(folder)
        there = {row[0] for row in receiver.audiences["roses"]}
        assert len(there) == 6  # who is in it stays in it
        for segment in ("pricing_hot", "readers"):
            assert there.isdisjoint(row[0] for row in receiver.audiences[segment])
        assert any("lately (1 in 30d)" in r for line in made.lines for r in line.removed)

    def test_exclusions_are_audiences_too(self, folder, receiver):
        left = ["recent_buyers"]
        settings(folder, receiver, exclusions=left, allow_small=False, segments=["roses"])
        made, _ = synced(folder)
        line = next(line for line in made.lines if line.segment == "recent_buyers")
        assert line.exclusion
        assert not line.blocked
        assert len(receiver.audiences["recent_buyers"]) == line.sendable > 0


class TestForecast:
    def test_it_comes_before_any_plan(self, folder, receiver):
        found = fewer_in(folder)("sync", "forecast", "--json").json["forecasts"]
        assert {one["segment"] for one in found} == set(SEGMENTS)
        assert all(one["choice"] == "send" for one in found)  # the webhook needs one person
        assert receiver.counts["requests"] == 0

    def test_small_ones_are_told_what_else_to_do(self, folder, monkeypatch):
        from dataclasses import replace

        from fewer.destinations.webhook import WebhookDestination

        monkeypatch.setattr(
            WebhookDestination, "limits",
            replace(WebhookDestination.limits, minimum_matched=100, matches=True),
        )  # fmt: skip
        said = fewer_in(folder)("sync", "forecast")
        assert said.status == 0, said.all
        assert "use as exclusion only" in said.out
        assert "a guess until a platform says more" in said.out


def test_tools_that_write_to_people_get_addresses_of_those_who_agreed(built, tmp_path, monkeypatch):
    monkeypatch.setenv("HOOK_WORD", WORD)
    copy = shutil.copytree(built, tmp_path / "florist")
    with Klaviyo(WORD) as platform:
        settings(copy, platform, type="klaviyo", base_url=f"{platform.url}/api/", purpose="ads")
        made, _ = synced(copy)
        for line in made.lines:
            there = platform.emails(line.name)
            assert len(there) == line.sendable
            assert all(mark.startswith("marked.f-") for mark in there)
        settings(copy, platform, type="klaviyo", base_url=f"{platform.url}/api/", purpose="mail")
        synced(copy)
        assert set(platform.told().values()) == {0}  # nobody agreed to that
    everything = b"".join(p.read_bytes() for p in (copy / ".fewer").glob("control.db*"))
    assert b"secret-mail" not in everything


class TestReconciliation:
    """What Meta's stand-in says later, and what the forecast learns of it."""

    @pytest.fixture
    def platform(self):
        with Meta(WORD) as found:
            yield found

    @pytest.fixture
    def folder(self, built, tmp_path, platform, monkeypatch):
        monkeypatch.setenv("HOOK_WORD", WORD)
        copy = shutil.copytree(built, tmp_path / "florist")
        settings(
            copy, platform, type="meta", base_url=f"{platform.url}/v25.0/",
            options={"ad_account": "act_42"},
        )  # fmt: skip
        return copy

    def test_matched_rows_are_learned_from(self, folder):
        before = self.shares(folder)
        synced(folder)
        with Project.open(folder) as project:
            asked = project.sync.reconcile(waits=QUICK)
            assert sorted(one.segment for one in asked) == sorted(SEGMENTS)
            assert all(one.done and 0 <= one.matched <= one.sent for one in asked)
            told = project.sync.status()["audiences"]
            assert sum(one["matched"] for one in told) == sum(one.matched for one in asked)
            assert project.sync.reconcile(waits=QUICK) == ()  # once is enough
        after = self.shares(folder)
        assert before["receipts"] == 0
        assert after["receipts"] == len(SEGMENTS)
        assert after["match_share"] != before["match_share"]

    def test_who_is_away_is_asked_again(self, folder, platform):
        synced(folder)
        platform.faults = Faults(failed=1.0)
        with Project.open(folder) as project:
            assert all(
                "failed" in one.error for one in project.sync.reconcile(waits=(*QUICK[:2], 0.05))
            )
            platform.faults = Faults()
            assert all(one.done for one in project.sync.reconcile(waits=QUICK))

    def shares(self, folder):
        return fewer_in(folder)("sync", "forecast", "--json").json["forecasts"][0]


class TestCommand:
    def test_plan_apply_status(self, folder):
        fewer = fewer_in(folder)
        planned = fewer("sync", "plan", "--verbose")
        assert planned.status == 3, planned.all
        assert "Nothing was sent. Send it: fewer sync apply plan-" in planned.out
        name = planned.out.split("fewer sync apply ")[1].split()[0]
        applied = fewer("sync", "apply", name)
        assert applied.status == 0, applied.all
        assert "roses -> hook: 6 of 6 rows taken" in applied.out
        assert fewer("sync", "plan").status == 0
        assert "roses" in fewer("sync", "status").out
        found = fewer("sync", "status", "--json").json
        assert {one["segment"] for one in found["audiences"]} == set(SEGMENTS)

    def test_refused_rows_are_a_partial_sync(self, folder, receiver):
        receiver.faults = Faults(refused_rows=1.0)
        fewer = fewer_in(folder)
        name = fewer("sync", "plan", "--json").json["plan"]
        applied = fewer("sync", "apply", name)
        assert applied.status == 4
        assert "refused: not wanted: 6 rows" in applied.out

    def test_nobody_is_named(self, folder, receiver):
        receiver.faults = Faults(refused_rows=0.5)
        fewer = fewer_in(folder)
        said = [fewer("sync", "plan", "--verbose"), fewer("sync", "plan", "--json")]
        name = said[1].json["plan"]
        said += [fewer("sync", "apply", name), fewer("sync", "status", "--json")]
        rows = {v for rows in receiver.audiences.values() for row in rows for v in row if v}
        marks = [florist.email(p) for p in florist.PEOPLE] + sorted(rows)
        for one in said:
            assert not any(mark in one.all for mark in marks)


@pytest.mark.kill
def test_killed_at_any_moment(folder, receiver):
    """kill -9 in the middle of syncs: in the end nobody is missing and nobody is there too many."""
    receiver.faults = Faults(
        throttled=0.1, failed=0.1, dropped_after=0.1, slow=0.5, delay=0.03, seed=4
    )
    kills = 20 * int(os.environ.get("FEWER_SOAK", "1"))
    dice, killed = random.Random(11), 0
    command = [Path(sys.executable).with_name("fewer"), "sync", "apply"]
    while killed < kills:
        with Project.open(folder) as project:
            made = project.sync.plan(again=True)
        with subprocess.Popen(
            [*command, made.id], cwd=folder, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        ) as process:  # fmt: skip
            before = receiver.counts["requests"]
            while receiver.counts["requests"] == before and process.poll() is None:
                time.sleep(0.005)
            time.sleep(dice.random() * 0.3)
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
                killed += 1
            process.wait()
    receiver.faults = Faults()
    with Project.open(folder) as project:
        made = project.sync.plan()
        project.sync.apply(made.id, waits=QUICK)
        box = Outbox(project.store)
        for one in box.audiences():
            assert one["uncertain"] == 0
            assert one["rows"] == len(receiver.audiences[one["segment"]])
        assert not project.sync.plan().changes
        for line in made.lines:
            assert len(receiver.audiences[line.segment]) == line.sendable
