"""The audit as a whole: inventory, trust, JSON, evidence that can be followed, plug-in checks."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import sqlglot

from fewer.errors import CheckError
from fewer.journey.audit import base
from fewer.journey.audit.audit import Audit, run
from fewer.journey.audit.base import Draft, Refused, SourceFacts, check, installed_checks
from fewer.model.goal import Goal

CHECKS = Path(__file__).parents[3] / "src/fewer/journey/audit/checks"


@pytest.fixture
def dirty(world):
    """A world in which a good part of the checks finds something."""
    world.items = [
        {"item_id": "a", "category": "Shoes > Running", "price": 3},
        {"item_id": "b", "category": "Shoes > Hiking", "price": 3},
        {"item_id": "c", "category": "Hats", "price": 3},
    ]
    world.people = [
        {
            "person": n,
            "key": f"secret-{n}",
            "plan": "free" if n % 2 else "pro",
            "since": world.ago(n),
        }
        for n in range(30)
    ]
    world.lists = [{"list_id": "vip", "person": n} for n in range(4)]
    world.consents = [{"person": n, "purpose": "ads", "state": "granted"} for n in range(10)]
    for n in range(25):
        world.did(
            n,
            world.ago(1 + n),
            "view",
            times=4,
            item_id="a" if n % 2 else "b",
            path=f"/{n % 3}",
            user_id=f"secret-{n}",
            url="http://localhost/",
        )
        world.did(
            n, world.ago(1 + n), "sale", times=10, value=2 + n, item_id="ghost" if n == 3 else "c"
        )
    world.did(1, world.ago(2), "sale", value=-4, item_id="a")
    world.did(1, world.ago(2), "sale", value=90_000, item_id="a")
    world.events.append(world.events[0] | {"event_id": "copy"})
    return world


def test_inventory(dirty):
    inventory = dirty.audit().inventory
    assert (inventory.rows, inventory.people, inventory.people_with_events) == (353, 30, 25)
    sale, view = inventory.events
    assert (view.event, view.rows, view.people, view.first_day) == ("view", 101, 25, "2026-03-06")
    assert sum(view.daily) == 101
    assert len(view.daily) == 25
    assert view.item_join_rate == 1.0
    assert sale.item_join_rate == pytest.approx(242 / 252)
    assert (sale.first, sale.last) == ("2026-03-06T12:00:00Z", "2026-03-30T12:09:00Z")


def test_properties_of_an_event(dirty):
    sale, view = dirty.audit().inventory.events
    by_name = {p.name: p for p in view.properties}
    path = by_name["path"]
    assert (path.type, path.filled, path.fill_rate, path.distinct) == ("text", 101, 1.0, 3)
    assert [(top.value, top.rows) for top in path.top] == [("/0", 37), ("/2", 32), ("/1", 32)]
    value = next(p for p in sale.properties if p.name == "value")
    assert (value.low, value.high, value.quantiles["50%"]) == (-4, 90_000, 14)
    since = next(p for p in dirty.audit().inventory.traits if p.name == "since")
    assert (since.type, since.high) == ("timestamp", "2026-03-31T12:00:00Z")


def test_values_that_point_to_a_person_are_hidden(dirty):
    view = dirty.audit().inventory.events[1]
    user = next(p for p in view.properties if p.name == "user_id")
    assert user.hidden
    assert (user.distinct, user.top, user.low, user.high) == (25, (), None, None)


def test_categories_are_a_tree_with_counts_of_all_below(dirty):
    hats, shoes = dirty.audit().inventory.categories
    assert (shoes.path, shoes.items, shoes.rows, shoes.people) == ("Shoes", 2, 103, 25)
    assert [(c.name, c.rows, c.people) for c in shoes.children] == [
        ("Hiking", 53, 13), ("Running", 50, 12),
    ]  # fmt: skip
    assert (hats.rows, hats.people, hats.children) == (240, 24, ())


def test_lists_and_consents(dirty):
    inventory = dirty.audit().inventory
    assert [(each.list, each.people) for each in inventory.lists] == [("vip", 4)]
    assert [(c.purpose, c.granted, c.unknown) for c in inventory.consents] == [("ads", 10, 20)]


def test_worst_findings_come_first_and_lower_trust(dirty):
    audit = dirty.audit()
    ranks = [base.SEVERITIES.index(finding.severity) for finding in audit.findings]
    assert ranks == sorted(ranks)
    assert audit.worst == "warning"
    verdicts = {trust.event: trust for trust in audit.trust}
    assert verdicts["view"].verdict == verdicts["sale"].verdict == "limited"
    assert "AU021" in {reason.code for reason in verdicts["view"].reasons}
    assert {"AU007", "AU015"} <= {reason.code for reason in verdicts["sale"].reasons}


def test_an_error_makes_trust_low_and_information_leaves_it(world):
    world.did(1, world.ago(1), "view", url="/?m=jane@gmail.com")
    world.did(1, world.ago(1), "sale", value=0)
    world.did(1, world.ago(1), "sale", value=3)
    verdicts = {trust.event: trust.verdict for trust in world.audit().trust}
    assert verdicts == {"view": "low", "sale": "good"}


def test_json_is_complete_and_read_back(dirty):
    audit = dirty.audit(project="Shop")
    data = json.loads(audit.to_json())
    assert (data["format_version"], data["data"], data["project"]) == (1, "real", "Shop")
    assert len(data["checks"]) == len(installed_checks())
    assert Audit.model_validate_json(audit.to_json()) == audit


def test_simulated_data_says_so(dirty):
    assert json.loads(dirty.audit(data="simulated").to_json())["data"] == "simulated"


def test_no_identifier_of_a_person_anywhere(dirty):
    assert "secret" not in dirty.audit().to_json()


def test_every_query_in_the_evidence_runs(dirty):
    context = dirty.context()
    looks = [f.evidence.look for f in run(context).findings if f.evidence.look]
    assert len(looks) >= 5
    for look in looks:
        assert context.engine.run(sqlglot.parse_one(look, dialect="duckdb")).num_rows > 0


def test_every_finding_says_what_to_do(dirty):
    refused = (Refused(source="web", file="a.csv", reason="bad_time", rows=4),)
    for finding in dirty.audit(refused=refused).findings:
        assert finding.fix.endswith((".", "`"))
        assert finding.title[0] == finding.title[0].upper() or finding.title.split()[0].islower()
        assert finding.evidence.figures or finding.evidence.table
        if finding.severity != "info":
            assert finding.gates


def test_ignored_checks_do_not_run(dirty):
    audit = dirty.audit(ignore=frozenset({"AU021"}))
    assert "AU021" not in {finding.code for finding in audit.findings}
    assert [result.code for result in audit.checks if result.ignored] == ["AU021"]


def test_an_empty_project(world):
    audit = world.audit()
    assert (audit.inventory.rows, audit.inventory.people, audit.inventory.events) == (0, 0, ())
    assert [f for f in audit.findings if f.severity == "error"] == []


def test_queries_do_not_grow_with_properties(world):
    goal = Goal(id="order", did="sale", outcome_window="7d")
    for n in range(120):
        world.did(n, world.ago(1 + n % 20), "sale", value=n + 1)
    few = world.context(goals=(goal,))
    run(few)
    for event in world.events:
        event |= {f"n{k}": event["ts"] % (k + 2) for k in range(15)}
        event |= {f"t{k}": str(event["ts"] % (k + 2)) for k in range(15)}
    many = world.context(goals=(goal,))
    run(many)
    assert many.engine.queries <= few.engine.queries + 4


class TestInstalledChecks:
    def test_every_file_is_one_check_and_one_line(self):
        files = {path.stem for path in CHECKS.glob("*.py")} - {"__init__"}
        assert {installed.name for installed in installed_checks()} == files

    def test_codes_are_numbered_without_gaps(self):
        codes = [installed.code for installed in installed_checks()]
        assert codes == [f"AU{n:03}" for n in range(1, len(codes) + 1)]
        assert len(codes) >= 16

    def test_a_strangers_check_runs_like_ours(self, dirty):
        @check("XY001", "Is there a blue moon?")
        def blue_moon(survey):
            yield Draft(severity="info", title=f"{survey.total} events under it", fix="Wait.")

        audit = run(dirty.context(), checks=[blue_moon])
        (finding,) = audit.findings
        assert (finding.code, finding.check) == ("XY001", "blue_moon")
        assert finding.title == "353 events under it"

    def test_two_checks_of_one_code_are_refused(self, monkeypatch):
        @check("AU001", "Mine?")
        def mine(_):
            return ()

        @check("AU001", "Yours?")
        def yours(_):
            return ()

        self.install(monkeypatch, mine, yours)
        with pytest.raises(CheckError, match="AU001"):
            installed_checks()

    def test_what_is_no_check_is_refused(self, monkeypatch):
        self.install(monkeypatch, print)
        with pytest.raises(CheckError, match="is no check"):
            installed_checks()

    def install(self, monkeypatch, *made):
        class Entry:
            value = "somewhere:thing"

            def __init__(self, thing):
                self.thing = thing

            def load(self):
                return self.thing

        monkeypatch.setattr(base, "entry_points", lambda **_: [Entry(each) for each in made])


def test_sources_are_summed_by_the_ledger(world):
    read = SourceFacts(source="web", rows_read=10, rows_repeated=2)
    codes = {finding.code for finding in world.audit(sources=(read,)).findings}
    assert "AU003" in codes


def test_the_guide_lists_every_check():
    guide = (CHECKS.parents[4] / "docs/audit.md").read_text()
    rows = [f"| {each.code} | {each.question} |" for each in installed_checks()]
    assert [row for row in rows if row not in guide] == []
