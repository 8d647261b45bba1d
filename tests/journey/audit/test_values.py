"""Checks of what events carry: items, types, units, currencies, amounts, text."""

from __future__ import annotations

import pytest

from fewer.journey.audit.base import SourceFacts
from fewer.journey.audit.measures import fence
from fewer.model.goal import Goal
from fewer.model.window import to_utc_micros


def figures(finding):
    return {figure.label: figure.value for figure in finding.evidence.figures}


class TestDuplicates:
    def test_different_actions(self, world):
        world.did(1, world.ago(1), times=50, path="/a")
        world.did(2, world.ago(1), times=50, path="/a")
        assert world.find("AU003") == []

    def test_exact_copies(self, world):
        world.did(1, world.ago(1), times=50, path="/a", value=2)
        for n in range(3):
            world.events.append(world.events[n] | {"event_id": f"copy{n}"})
        world.events.append(world.events[0] | {"event_id": "other", "path": "/b"})
        (finding,) = world.find("AU003")
        assert finding.severity == "warning"
        assert figures(finding) == {"copies beyond the first": 3, "of all events": 5.6}
        assert finding.evidence.table.rows == (("view", 3, 5.6),)
        assert finding.events == ("view",)

    def test_few_copies_are_information(self, world):
        world.did(1, world.ago(5), times=1000)
        world.events.append(world.events[0] | {"event_id": "copy"})
        (finding,) = world.find("AU003")
        assert (finding.severity, finding.events) == ("info", ())

    def test_a_tag_that_fires_twice(self, world):
        world.did(1, world.ago(1), times=50, path="/a")
        for n in range(4):
            world.events.append(
                world.events[n] | {"event_id": f"again{n}", "ts": world.events[n]["ts"] + 200_000}
            )
        (finding,) = world.find("AU003")
        assert finding.title == "4 events follow an equal one within the same second"

    def test_copies_and_repeats_are_told_apart(self, world):
        world.did(1, world.ago(1), times=20)
        at = world.events[0]["ts"]
        world.events += [
            world.events[0] | {"event_id": "copy"},
            world.events[0] | {"event_id": "late", "ts": at + 5},
        ]
        copies, repeats = world.find("AU003")
        assert figures(copies)["copies beyond the first"] == 1
        assert figures(repeats)["repeats"] == 1

    def test_repeats_refused_by_ingestion(self, world):
        (finding,) = world.find(
            "AU003", sources=(SourceFacts(source="shop", rows_read=10, rows_repeated=4),)
        )
        assert finding.evidence.table.rows == (("shop", 4, 10),)


class TestOutliers:
    def shop(self, world, *extreme):
        for n in range(400):
            world.did(n, world.ago(2), "sale", value=1 + n % 40)
        for value in extreme:
            world.did(1, world.ago(2), "sale", value=value)

    def test_ordinary_amounts(self, world):
        self.shop(world, 200)
        assert world.find("AU007") == []

    def test_one_row_holds_it_all(self, world):
        self.shop(world, 99_999.5)
        (finding,) = world.find("AU007")
        assert finding.severity == "warning"
        assert finding.title == "1 row of sale has an extreme value"
        assert finding.evidence.table.rows == ((99_999.5,),)
        assert figures(finding)["people behind them"] == 1
        assert "at_most" in finding.fix

    def test_mostly_zero_is_judged_by_what_is_not(self, world):
        for n in range(2000):
            world.did(n, world.ago(2), "sale", discount=(1 + n % 13) if n % 50 == 0 else 0)
        assert world.find("AU007") == []

    def test_fence_of_amounts_that_hardly_vary(self):
        assert fence(1_000_000, 1_000_000, 1_000_000) == 8_000_000


class TestOrphanItems:
    def test_all_known(self, world):
        world.items = [{"item_id": "a", "brand": "x"}]
        world.did(1, world.ago(1), "sale", item_id="a")
        assert world.find("AU011") == []

    def test_some_unknown(self, world):
        world.items = [{"item_id": "a", "brand": "x"}]
        world.did(1, world.ago(1), "sale", times=90, item_id="a")
        world.did(1, world.ago(1), "sale", times=10, item_id="ghost")
        (finding,) = world.find("AU011")
        assert finding.severity == "warning"
        assert figures(finding)["share"] == 10.0
        assert finding.evidence.table.rows == (("ghost", 10),)
        assert finding.events == ("sale",)

    def test_no_catalogue(self, world):
        world.did(1, world.ago(1), "sale", item_id="a")
        (finding,) = world.find("AU011")
        assert finding.title == "Events name items, but there is no catalogue of items"

    def test_events_without_items(self, world):
        world.items = [{"item_id": "a", "brand": "x"}]
        world.did(1, world.ago(1))
        assert world.find("AU011") == []


class TestMixedTypes:
    def test_one_type_each(self, world):
        world.did(1, world.ago(1), times=30, value=3, path="/a")
        assert world.find("AU012") == []

    def test_two_types(self, world):
        world.did(1, world.ago(1), times=30, value=3)
        world.did(1, world.ago(1), times=5, value="n/a")
        (finding,) = world.find("AU012")
        assert finding.title == "value of view has several types"
        assert finding.evidence.table.rows == (("view", "value", "number 30, text 5"),)
        assert finding.events == ("view",)

    def test_different_types_on_different_events_do_not_meet(self, world):
        world.did(1, world.ago(1), "view", level=3)
        world.did(1, world.ago(1), "chat", level="high")
        assert world.find("AU012") == []

    def test_a_mixed_property_is_told_once(self, world):
        for n in range(30):
            world.did(1, world.ago(1), value=f"{n}.5")
        world.did(1, world.ago(1), value=3)
        assert [f.title for f in world.find("AU012")] == ["value of view has several types"]

    def test_numbers_as_text(self, world):
        for n in range(30):
            world.did(1, world.ago(1), price=f"{n}.50", order_id=f"{n}", zip=f"{10_000 + n}")
        (finding,) = world.find("AU012")
        assert finding.severity == "info"
        assert finding.title == "price is stored as text but holds numbers"


class TestUnits:
    def test_one_unit(self, world):
        for n in range(600):
            world.did(n, world.ago(1 + n % 30), "sale", amount=1 + n % 300)
        assert world.find("AU013") == []

    def test_two_clusters_in_one_property(self, world):
        world.items = [
            {"item_id": "fuel", "category": "FUEL > DIESEL"},
            {"item_id": "milk", "category": "DAIRY > MILK"},
        ]
        for n in range(600):
            world.did(n, world.ago(1 + n % 30), "sale", quantity=1 + n % 12, item_id="milk")
        for n in range(20):
            world.did(n, world.ago(2), "sale", quantity=10_000 + 100 * n, item_id="fuel")
        (finding,) = world.find("AU013")
        assert finding.title == "quantity of sale seems to be in two units"
        assert figures(finding)["rows in the larger unit"] == 20
        assert figures(finding)["they begin at"] == 10_000
        assert finding.evidence.table.rows == (("FUEL", 20),)
        assert "These are FUEL." in finding.detail

    def test_a_source_in_cents(self, world):
        for n in range(300):
            world.did(n, world.ago(1 + n % 30), "sale", source="shop", amount=1 + n % 40)
            world.did(n, world.ago(1 + n % 30), "sale", source="app", amount=100 + 100 * (n % 40))
        (finding,) = world.find("AU013")
        assert finding.title == "amount of sale differs about 100× between sources"
        assert [row[0] for row in finding.evidence.table.rows] == ["app", "shop"]

    def test_a_change_from_one_day_on(self, world):
        for day in range(1, 31):
            for n in range(25):
                times = 100 if day <= 10 else 1
                world.did(n, world.ago(day), "sale", amount=(1 + n) * times)
        (finding,) = world.find("AU013")
        assert finding.title == "amount of sale changes about 100× from one day on"
        assert finding.evidence.table.rows[1][0] == "2026-03-21 to 2026-03-30"

    def test_a_counter_is_no_unit(self, world):
        for day in range(1, 61):
            for n in range(25):
                world.did(n, world.ago(day), "sale", week=1 + (60 - day) // 2)
        assert world.find("AU013") == []


class TestCurrencyMix:
    def test_one_currency(self, world):
        world.did(1, world.ago(1), "sale", times=9, value=3, currency="EUR")
        assert world.find("AU014", currency="EUR") == []

    def test_two_currencies(self, world):
        world.did(1, world.ago(1), "sale", times=8, value=3, currency="EUR")
        world.did(1, world.ago(1), "sale", times=2, value=3, currency="USD")
        (finding,) = world.find("AU014", currency="EUR")
        assert finding.title == "sale is paid in 2 currencies"
        assert figures(finding)["in EUR"] == 80.0

    def test_another_than_the_project(self, world):
        world.did(1, world.ago(1), "sale", times=8, value=3, currency="GBP")
        (finding,) = world.find("AU014", currency="EUR")
        assert finding.title == "sale is in GBP, the project in EUR"

    def test_goal_and_reports(self, world):
        goal = Goal(
            id="order", did="sale", value={"of": "value", "currency": "USD"}, outcome_window="7d"
        )
        world.ad_reports = [{"currency": "EUR", "spend": 1}, {"currency": "CHF", "spend": 1}]
        first, second = world.find("AU014", currency="EUR", goals=(goal,))
        assert first.title == "Goal order is valued in USD, the project in EUR"
        assert second.title == "Ad reports are in CHF and EUR"


class TestNegativeValues:
    def test_sales_only(self, world):
        world.did(1, world.ago(1), "sale", times=5, value=3)
        assert world.find("AU015") == []

    def test_negative_sales(self, world):
        world.did(1, world.ago(1), "sale", times=8, value=3)
        world.did(1, world.ago(1), "sale", times=2, value=-3)
        (finding,) = world.find("AU015")
        assert finding.title == "2 sale rows have a negative value"
        assert figures(finding) == {"rows below zero": 2, "share": 20.0}
        assert finding.evidence.table.rows == (("value", 2, -3),)

    def test_cancellations_unknown_to_a_goal(self, world):
        goal = Goal(id="order", did="sale", outcome_window="7d")
        world.did(1, world.ago(1), "sale", times=8, value=3)
        world.did(1, world.ago(1), "cancellation", times=2, value=-3)
        (finding,) = world.find("AU015", goals=(goal,))
        assert finding.severity == "warning"
        assert finding.title == "2 cancellation events take back what was counted before"
        assert finding.evidence.table.rows == (("cancellation", "value", -6),)
        assert "reversed_by" in finding.fix

    def test_cancellations_that_every_goal_knows(self, world):
        goal = Goal(
            id="order",
            did="sale",
            outcome_window="7d",
            reversed_by={"did": "cancellation", "same": ["order"]},
        )
        world.did(1, world.ago(1), "cancellation", times=2, value=-3)
        (finding,) = world.find("AU015", goals=(goal,))
        assert finding.severity == "info"

    def test_goals_without_money_need_no_reversal(self, world):
        goal = Goal(id="signup", did="signup", outcome_window="7d")
        world.did(1, world.ago(1), "signup", plan="pro")
        world.did(1, world.ago(1), "cancellation", times=2, value=-3)
        (finding,) = world.find("AU015", goals=(goal,))
        assert finding.severity == "info"

    def test_returning_visitors_cancel_nothing(self, world):
        world.did(1, world.ago(1), "return_visit")
        world.did(1, world.ago(1), "returning_customer")
        assert world.find("AU015") == []

    def test_free_rows(self, world):
        world.did(1, world.ago(1), "sale", times=8, value=3)
        world.did(1, world.ago(1), "sale", value=0)
        (finding,) = world.find("AU015")
        assert (finding.severity, figures(finding)["rows at zero"]) == ("info", 1)


class TestLeaks:
    goal = Goal(id="order", did="sale", outcome_window="7d", where={"value": {"more_than": 1}})

    def buyers(self, world, event, minutes, *, others=0):
        for person in range(40):
            at = to_utc_micros(world.ago(3))
            world.did(person, world.ago(3), "sale", value=5)
            world.did(person, world.ago(3), event)
            world.events[-1]["ts"] = at - minutes * 60_000_000
        for person in range(others):
            world.did(1000 + person, world.ago(2), event)

    def test_a_thank_you_page_gives_it_away(self, world):
        self.buyers(world, "payment_form", 2)
        (finding,) = world.find("AU018", goals=(self.goal,))
        assert finding.title == "payment_form gives the goal order away"
        assert finding.evidence.table.rows == (("payment_form", 40, 40, 120.0),)
        assert finding.gates[0].kind == "goals"

    def test_an_event_that_many_do_without_buying(self, world):
        self.buyers(world, "search", 2, others=400)
        assert world.find("AU018", goals=(self.goal,)) == []

    def test_an_event_hours_before(self, world):
        self.buyers(world, "search", 120)
        assert world.find("AU018", goals=(self.goal,)) == []

    def test_only_events_that_reach_the_goal_count(self, world):
        self.buyers(world, "payment_form", 2)
        worthless = Goal(
            id="big", did="sale", outcome_window="7d", where={"value": {"more_than": 100}}
        )
        assert world.find("AU018", goals=(worthless,)) == []

    def test_a_goal_on_items(self, world):
        world.items = [{"item_id": "a", "category": "X > Y"}]
        self.buyers(world, "payment_form", 2)
        for event in world.events:
            if event["event"] == "sale":
                event["item_id"] = "a"
        goal = Goal(
            id="x", did="sale", outcome_window="7d", where={"item.category": {"under": "X"}}
        )
        assert [f.code for f in world.find("AU018", goals=(goal,))] == ["AU018"]

    def test_no_goals(self, world):
        self.buyers(world, "payment_form", 2)
        assert world.find("AU018") == []


class TestEmptyProperties:
    def test_varied(self, world):
        for n in range(120):
            world.did(n, world.ago(1), path=f"/{n % 7}")
        assert world.find("AU019") == []

    def test_constant_rare_and_nearly_constant(self, world):
        for n in range(200):
            world.did(n, world.ago(1), site="main", path=f"/{n % 7}", bonus=0 if n else 5)
        world.did(1, world.ago(1), path="/1", voucher="x")
        (finding,) = world.find("AU019")
        assert {(row[1], row[2]) for row in finding.evidence.table.rows} == {
            ("site", "always the same value"),
            ("bonus", "nearly always 0"),
            ("voucher", "almost never filled"),
        }

    def test_too_few_rows_to_tell(self, world):
        world.did(1, world.ago(1), times=10, site="main")
        assert world.find("AU019") == []


class TestSpelling:
    def test_distinct_values(self, world):
        world.did(1, world.ago(1), times=5, device="mobile")
        world.did(1, world.ago(1), times=5, device="desktop")
        assert world.find("AU026") == []

    def test_case_space_and_hyphen(self, world):
        for device in ("Mobile", "mobile", "mobile ", "smart-tv", "Smart TV", "desktop"):
            world.did(1, world.ago(1), device=device)
        (finding,) = world.find("AU026")
        assert finding.evidence.table.rows == (
            ("device", "Mobile | mobile | mobile ", 3),
            ("device", "Smart TV | smart-tv", 2),
        )

    def test_ids_are_left_alone(self, world):
        for n in range(100):
            world.did(1, world.ago(1), token=f"aB{n}")
            world.did(1, world.ago(1), token=f"Ab{n}")
        assert world.find("AU026") == []


class TestPersonalData:
    def test_none(self, world):
        world.did(1, world.ago(1), handle="@shop", path="/a@b")
        assert world.find("AU025") == []

    def test_addresses_are_counted_and_never_shown(self, world):
        world.did(1, world.ago(1), url="/welcome?m=jane.doe@gmail.com")
        world.did(1, world.ago(1), url="/welcome")
        world.people = [{"person": 1, "login": "jane.doe@gmail.com"}]
        (finding,) = world.find("AU025")
        assert finding.severity == "error"
        assert figures(finding)["values with an address"] == 2
        assert finding.evidence.table.rows == (
            ("view", "url", 1, 50.0),
            ("people or items", "login", 1, 100.0),
        )
        assert "jane" not in world.audit().to_json()


class TestUndatedRecords:
    def test_dated(self, world):
        world.people = [{"person": 1, "age": 3}]
        assert world.find("AU024") == []

    @pytest.mark.parametrize("later,severity", [(0, "info"), (300, "warning")])
    def test_undated_traits(self, world, later, severity):
        world.people = [{"person": 1, "age": 3}]
        now = to_utc_micros(world.ago(-later))
        (finding,) = world.find("AU024", dated=frozenset(), now_us=now)
        assert finding.severity == severity
        assert finding.title == "Traits have no date from which they are true"
        assert finding.gates[0].kind == "past dates"

    def test_what_is_not_used_needs_no_date(self, world):
        world.did(1, world.ago(1))
        assert world.find("AU024", dated=frozenset()) == []


class TestLostValues:
    def test_none(self, world):
        assert world.find("AU027", sources=(SourceFacts(source="shop", rows_read=9),)) == []

    def test_some(self, world):
        lossy = SourceFacts(
            source="shop", rows_read=9, values_lost=2, lost={"value_not_number price": 2}
        )
        (finding,) = world.find("AU027", sources=(lossy,))
        assert finding.evidence.table.rows == (("shop", "value not number price", 2, 9),)
