"""Checks of who acts: identity, records, consent, bots, our own people, bulk buyers."""

from __future__ import annotations

from datetime import timedelta

import pytest

from fewer.journey.audit.base import Refused, SourceFacts
from fewer.model.goal import Goal


def figures(finding):
    return {figure.label: figure.value for figure in finding.evidence.figures}


class TestIdentityCoverage:
    def refused(self, rows, reason="person_missing"):
        return (Refused(source="shop", file="a.csv", reason=reason, rows=rows, places=(7, 9)),)

    @pytest.mark.parametrize("rows,severity", [(20, "warning"), (600, "error")])
    def test_rows_without_a_person(self, world, rows, severity):
        world.did(1, world.ago(1), "sale", source="shop")
        read = (SourceFacts(source="shop", rows_read=1000),)
        (finding,) = world.find("AU004", sources=read, refused=self.refused(rows))
        assert finding.severity == severity
        assert figures(finding) == {
            "rows without a person": rows, "rows read": 1000, "share": rows / 10,
        }  # fmt: skip
        assert finding.evidence.table.rows == (("a.csv (rows 7, 9...)", rows),)
        assert finding.events == ("sale",)
        assert {gate.kind for gate in finding.gates} == {"activation", "goals"}

    def test_few_rows_are_information(self, world):
        read = (SourceFacts(source="shop", rows_read=1_000_000),)
        (finding,) = world.find("AU004", sources=read, refused=self.refused(20))
        assert finding.severity == "info"
        assert figures(finding)["share"] == 0.002

    def test_every_row_names_a_person(self, world):
        read = (SourceFacts(source="shop", rows_read=1000),)
        assert world.find("AU004", sources=read) == []

    def test_other_reasons_are_another_check(self, world):
        read = (SourceFacts(source="shop", rows_read=1000),)
        refused = self.refused(200, "bad_time")
        assert world.find("AU004", sources=read, refused=refused) == []
        (finding,) = world.find("AU020", sources=read, refused=refused)
        assert finding.severity == "error"
        assert finding.evidence.table.rows == (("bad time", "a.csv (rows 7, 9...)", 200),)

    def test_rejected_rows_leaves_nameless_rows_to_identity_coverage(self, world):
        assert world.find("AU020", refused=self.refused(200)) == []


class TestPeopleAndEvents:
    def test_everyone_matches(self, world):
        for person in range(50):
            world.did(person, world.ago(1))
            world.people.append({"person": person, "age": 30})
        assert world.find("AU005") == []

    def test_silent_people(self, world):
        world.people = [{"person": person, "age": 30} for person in range(50)]
        world.did(1, world.ago(1))
        world.did(2, world.ago(-1))  # after as_of: silent still
        (finding,) = world.find("AU005")
        assert finding.severity == "warning"
        assert figures(finding)["people without events"] == 49
        assert "NOT person IN" in finding.evidence.look

    def test_unrecorded_people(self, world):
        world.people = [{"person": 1, "age": 30}]
        world.did(1, world.ago(1))
        world.did(2, world.ago(1), times=5)
        (finding,) = world.find("AU005")
        assert finding.title == "1 people act but have no record with traits"
        assert figures(finding)["their events"] == 5

    def test_no_records_were_loaded_at_all(self, world):
        world.did(2, world.ago(1))
        assert world.find("AU005") == []


class TestAnonymousShare:
    @pytest.mark.parametrize(
        "events,severity", [(0, None), (4, None), (10, "info"), (200, "warning")]
    )
    def test_share_of_events(self, world, events, severity):
        world.did(1, world.ago(5), times=100)
        world.did(2, world.ago(5), times=events)
        world.did(2, world.ago(-1), times=300)
        world.kinds[2] = "anonymous"
        found = world.find("AU006")
        assert [finding.severity for finding in found] == ([severity] if severity else [])
        if found:
            assert figures(found[0])["anonymous people"] == 1
            assert figures(found[0])["their events"] == events


class TestConsentCoverage:
    def people(self, world, granted, denied, unknown, purpose="ads"):
        states = ["granted"] * granted + ["denied"] * denied + ["unknown"] * unknown
        for person, state in enumerate(states):
            world.people.append({"person": person, "age": 1})
            world.consents.append({"person": person, "purpose": purpose, "state": state})

    def test_known_for_nearly_all(self, world):
        self.people(world, 60, 35, 5)
        assert world.find("AU016", consent_purpose="ads") == []

    def test_known_for_half(self, world):
        self.people(world, 30, 20, 50)
        (finding,) = world.find("AU016", consent_purpose="ads")
        assert finding.severity == "warning"
        assert figures(finding) == {"granted": 30, "denied": 20, "unknown": 50, "everyone": 100}
        assert finding.gates[0].text == "at most 30.0 % can be sent"

    def test_a_purpose_that_exports_do_not_ask_for(self, world):
        self.people(world, 30, 20, 50, purpose="email")
        severities = {
            f.title.split()[2]: f.severity for f in world.find("AU016", consent_purpose="ads")
        }
        assert severities == {"ads": "error", "email": "info"}

    def test_exports_ask_for_a_purpose_nobody_granted(self, world):
        self.people(world, 10, 0, 0, purpose="email")
        (finding,) = world.find("AU016", consent_purpose="ads")
        assert finding.severity == "error"
        assert figures(finding)["unknown"] == 10

    def test_no_consents_recorded(self, world):
        world.did(1, world.ago(1))
        (finding,) = world.find("AU016")
        assert finding.severity == "info"
        assert finding.title == "No consents are recorded"

    def test_people_outside_the_universe_do_not_count(self, world):
        self.people(world, 100, 0, 0)
        world.consents += [
            {"person": 500 + n, "purpose": "ads", "state": "denied"} for n in range(50)
        ]
        assert world.find("AU016", consent_purpose="ads") == []


class TestBots:
    def test_a_busy_human(self, world):
        world.did(1, world.ago(1, hour=9), times=300)  # one a minute for five hours
        assert world.find("AU009") == []

    def test_a_basket_of_many_lines_is_one_moment(self, world):
        for n in range(500):
            world.did(1, world.ago(1), "sale", item_id=f"i{n}")
        assert world.find("AU009") == []

    def test_too_fast(self, world):
        world.did(1, world.ago(1, hour=9), times=20)
        for n in range(400):
            world.did(2, world.ago(1, hour=9) + timedelta(seconds=8 * n))
        (finding,) = world.find("AU009")
        shown = figures(finding)
        assert (shown["suspicious people"], shown["too fast"], shown["never asleep"]) == (1, 1, 0)
        assert shown["their events"] == 400
        assert "burst" in finding.fix

    def test_never_asleep(self, world):
        for hour in range(24):
            world.did(3, world.ago(2, hour=hour))
        (finding,) = world.find("AU009")
        assert figures(finding)["never asleep"] == 1

    def test_crawlers_that_say_so(self, world):
        human = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/126.0 Safari/537.36"
        robot = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
        world.did(1, world.ago(1), times=5, user_agent=human)
        assert world.find("AU009") == []
        world.did(2, world.ago(1), times=7, user_agent=robot)
        (finding,) = world.find("AU009")
        assert finding.title == "7 events come from crawlers that say so"
        assert finding.evidence.table.rows == ((robot, 7, 1),)
        assert finding.events == ("view",)


class TestInternalTraffic:
    @pytest.mark.parametrize(
        "url",
        [
            "http://localhost:3000/pricing",
            "https://staging.shop.com/x",
            "https://shop-test.example.com/",
            "http://192.168.0.12/",
            "http://shop.local/",
        ],
    )
    def test_test_systems(self, world, url):
        world.did(1, world.ago(1), times=3, url="https://www.shop.com/latest/contest")
        assert world.find("AU021") == []
        world.did(2, world.ago(1), times=2, url=url)
        if "192.168" in url:
            url = "192.168.0.12"
            world.events[-1]["ip"] = world.events[-2]["ip"] = url
            world.events[-1]["url"] = world.events[-2]["url"] = "https://www.shop.com/"
        (finding,) = world.find("AU021")
        assert figures(finding)["internal events"] == 2
        assert finding.events == ("view",)

    def test_environment(self, world):
        world.did(1, world.ago(1), env="production")
        world.did(1, world.ago(1), env="staging")
        (finding,) = world.find("AU021")
        assert finding.evidence.table.rows == (("view", "env", 1, 1),)

    def test_made_up_ids_are_counted_and_not_shown(self, world):
        world.people = [
            {"person": 1, "key": "latest-contestant", "age": 1},
            {"person": 2, "key": "test-17", "age": 1},
            {"person": 3, "key": "jane@example.com", "age": 1},
        ]
        (finding,) = world.find("AU021")
        assert finding.title == "2 people have an id that says test"
        assert "test-17" not in finding.model_dump_json()
        assert "jane" not in finding.model_dump_json()


class TestBulkBuyers:
    def shop(self, world, bulk):
        for person in range(200):
            world.did(person, world.ago(3), "sale", quantity=1 + person % 20)
        for person in range(bulk):
            world.did(900 + person, world.ago(3), "sale", times=10, quantity=5_000)

    def test_consumers_only(self, world):
        self.shop(world, 0)
        assert world.find("AU008") == []

    def test_resellers(self, world):
        self.shop(world, 2)
        (finding,) = world.find("AU008")
        assert finding.title.startswith("2 bulk buyers hold 97.9 % of all quantity of sale")
        assert figures(finding)["their rows"] == 20
        assert finding.evidence.table.rows == ((50_000,), (50_000,))
        assert "more_than" in finding.fix

    def test_a_few_pieces_more_are_no_bulk(self, world):
        for person in range(200):
            world.did(person, world.ago(3), "sale", quantity=1)
        world.did(900, world.ago(3), "sale", quantity=9)
        assert world.find("AU008") == []

    def test_only_what_goals_are_about(self, world):
        self.shop(world, 2)
        goal = Goal(id="signup", did="signup", outcome_window="7d")
        assert world.find("AU008", goals=(goal,)) == []
        goal = Goal(id="order", did="sale", outcome_window="7d")
        assert len(world.find("AU008", goals=(goal,))) == 1

    def test_a_property_that_is_no_amount(self, world):
        for person in range(200):
            world.did(person, world.ago(3), "sale", shelf=1)
        world.did(900, world.ago(3), "sale", times=10, shelf=9_999)
        assert world.find("AU008") == []
