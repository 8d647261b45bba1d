"""Checks of when events arrive: volume, gaps, freshness, lookback, clocks, zones."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from fewer.journey.audit.checks.lookback_coverage import begun
from fewer.journey.audit.checks.volume_by_day import odd_days
from fewer.model.window import Duration, to_utc_micros


def figures(finding):
    return {figure.label: figure.value for figure in finding.evidence.figures}


def daily(world, days, *, event="view", times=30, source="web", first=1):
    """`times` events on each of the last `days` days."""
    for n in range(first, days + 1):
        for person in range(times):
            world.did(
                person, world.ago(n, hour=8) + timedelta(minutes=20 * person), event, source=source
            )


class TestVolumeByDay:
    def test_even_days_are_fine(self, world):
        daily(world, 40)
        assert world.find("AU001") == []

    def test_missing_days_are_named_with_their_run(self, world):
        daily(world, 40)
        gap = {world.ago(n).date() for n in (10, 11, 20)}
        world.events = [e for e in world.events if day_of(e) not in gap]
        (finding,) = world.find("AU001")
        assert finding.severity == "warning"
        assert finding.title == "3 days without any view"
        assert figures(finding) == {"days without rows": 3, "longest run": 2}
        assert finding.evidence.table.rows[0] == ("view", "2026-03-20", "2026-03-21", 2, 30)
        assert finding.events == ("view",)

    def test_a_shop_closed_on_sundays_has_no_gap(self, world):
        daily(world, 60)
        world.events = [e for e in world.events if day_of(e).weekday() != 6]
        assert world.find("AU001") == []

    def test_rare_events_have_no_gaps(self, world):
        for n in (1, 9, 25, 40):
            world.did(1, world.ago(n), "newsletter", times=50)
        assert world.find("AU001") == []

    def test_a_spike_and_a_dip_are_information(self, world):
        daily(world, 40)
        for person in range(200):
            world.did(person, world.ago(15), "view")
        dip = world.ago(8).date()
        kept = [e for e in world.events if day_of(e) != dip]
        world.events = kept + [e for e in world.events if day_of(e) == dip][:3]
        (finding,) = world.find("AU001")
        assert finding.severity == "info"
        assert finding.evidence.table.rows == (
            ("view", "2026-03-23", 3, 30, "far fewer"),
            ("view", "2026-03-16", 230, 30, "far more"),
        )

    def test_a_straggler_from_the_future_hides_no_gap(self):
        days = {date(2026, 1, 1) + timedelta(days=n): 1000 for n in range(40)}
        del days[date(2026, 1, 20)]
        days[date(2031, 1, 1)] = 1
        assert [odd.day for odd in odd_days("view", days)] == [date(2026, 1, 20)]

    def test_first_and_last_day_may_be_incomplete(self):
        days = {date(2026, 1, 1) + timedelta(days=n): 100 for n in range(30)}
        days[date(2026, 1, 1)] = days[date(2026, 1, 30)] = 1
        assert odd_days("view", days) == []


def day_of(event):
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=event["ts"])).date()


class TestFreshness:
    def test_yesterday_is_fresh(self, world):
        daily(world, 20)
        assert world.find("AU002") == []

    def test_old_data_is_told_with_its_end(self, world):
        daily(world, 40, first=10)
        (finding,) = world.find("AU002")
        assert finding.severity == "warning"
        assert figures(finding)["behind"] == 10
        assert "--as-of 2026-03-21" in finding.fix

    def test_data_older_than_every_window_is_an_error(self, world):
        daily(world, 40, first=10)
        (finding,) = world.find("AU002", windows=(Duration(7, "d"),))
        assert finding.severity == "error"
        assert finding.events == ("view",)

    def test_an_event_that_stopped(self, world):
        daily(world, 60)
        daily(world, 60, event="cart", times=3, first=25)
        (finding,) = world.find("AU002")
        assert finding.title == "cart has stopped arriving"
        assert finding.evidence.table.rows == (("cart", "2026-03-06", 24),)

    def test_a_monthly_mailing_has_not_stopped(self, world):
        daily(world, 80)
        for n in (75, 46, 17):
            world.did(1, world.ago(n), "mailing", times=5)
        assert world.find("AU002") == []

    def test_all_events_after_the_date(self, world):
        daily(world, 5)
        (finding,) = world.find("AU002", as_of_us=to_utc_micros(world.ago(300)))
        assert finding.severity == "error"
        assert "later than the date audited" in finding.title

    def test_no_events_at_all(self, world):
        assert world.find("AU002") == []


class TestLookbackCoverage:
    def test_first_date_for_each_window(self, world):
        daily(world, 50)
        (finding,) = world.find("AU017", windows=(Duration(21, "d"),))
        assert finding.severity == "info"
        assert finding.title == "30-day windows are covered from 2026-03-11 on"
        table = finding.evidence.table
        assert table.columns == (
            "event", "begins", "7 days from", "14 days from", "21 days from", "30 days from",
            "60 days from", "90 days from",
        )  # fmt: skip
        assert table.rows[0][:4] == ("view", "2026-02-09", "2026-02-16", "2026-02-23")
        assert "30d windows before 2026-03-11" in [gate.text for gate in finding.gates]

    def test_a_window_in_use_that_is_not_covered_warns(self, world):
        daily(world, 20)
        (finding,) = world.find("AU017", windows=(Duration(30, "d"), Duration(7, "d")))
        assert finding.severity == "warning"
        assert finding.title == "30-day windows reach back further than the data"
        assert finding.events == ("view",)
        assert "at most 20 days" in finding.fix

    def test_a_straggler_does_not_begin_the_data(self):
        days = {date(2026, 1, 1) + timedelta(days=n): 100 for n in range(30)}
        assert begun(days | {date(2025, 12, 20): 1}) == date(2026, 1, 1)

    def test_nothing_to_say_without_events(self, world):
        assert world.find("AU017") == []


class TestClock:
    def test_events_before_now_are_fine(self, world):
        daily(world, 3)
        assert world.find("AU010", now_us=to_utc_micros(world.as_of)) == []

    def test_the_future_is_a_warning(self, world):
        daily(world, 3)
        world.did(1, world.ago(-2), times=2)
        (finding,) = world.find("AU010", now_us=to_utc_micros(world.as_of))
        assert finding.severity == "warning"
        assert finding.title == "2 events lie in the future"
        assert finding.events == ("view",)

    def test_events_after_a_past_date_are_information(self, world):
        daily(world, 3)
        world.did(1, world.ago(-2), times=2)
        (finding,) = world.find("AU010", now_us=to_utc_micros(world.ago(-300)))
        assert finding.severity == "info"
        assert figures(finding)["later events"] == 2
        assert finding.events == ()

    def test_the_future_and_what_came_after_a_past_date_are_told_apart(self, world):
        daily(world, 3)
        world.did(1, world.ago(-2), times=5)
        world.did(1, world.ago(-900), times=2)
        future, later = world.find("AU010", now_us=to_utc_micros(world.ago(-300)))
        assert future.title == "2 events lie in the future"
        assert later.title.startswith("5 events are later than the date audited")

    def test_zero_times(self, world):
        world.did(1, datetime(1970, 1, 1, tzinfo=UTC), times=4)
        daily(world, 3)
        (finding,) = world.find("AU010")
        assert finding.title == "4 events are dated before 1990"
        assert finding.evidence.table.rows == (("view", 4, "1970-01-01"),)


class TestTimeZone:
    def shop(self, world, opens):
        """60 days of a shop that is open 12 hours from `opens`, UTC."""
        for n in range(1, 61):
            for hour in range(12):
                at = world.ago(n, hour=0) + timedelta(hours=opens + hour, minutes=7)
                world.did(1, at, times=2)

    def test_open_by_day_in_its_own_zone(self, world):
        self.shop(world, 9)
        assert world.find("AU022") == []

    def test_open_by_night(self, world):
        self.shop(world, 19)
        (finding,) = world.find("AU022")
        assert finding.severity == "warning"
        assert figures(finding)["quietest six hours begin"] == "07:00"
        assert figures(finding)["likely shift"] in {6, 7}

    def test_the_same_times_read_in_another_zone(self, world):
        self.shop(world, 19)
        assert world.find("AU022", timezone="America/Los_Angeles") == []

    def test_a_web_site_of_the_whole_world_has_no_night(self, world):
        for n in range(24 * 60):
            world.did(1, world.ago(60, hour=0) + timedelta(hours=n, minutes=1))
        assert world.find("AU022") == []

    def test_dates_without_times_say_nothing(self, world):
        for n in range(1, 61):
            world.did(1, world.ago(n, hour=0), times=1)
            for person in range(40):
                world.did(person, world.ago(n, hour=0), "mailed")
        assert world.find("AU022") == []


class TestTimePrecision:
    def test_dates_only(self, world):
        for n in range(1, 31):
            world.did(n, world.ago(n, hour=0), "redeemed")
        daily(world, 10)
        (finding,) = world.find("AU023")
        assert finding.title == "redeemed has a date but no time"
        assert finding.evidence.table.rows == (("redeemed", 30, 100.0),)

    def test_local_midnights_are_dates_too(self, world):
        for n in range(1, 31):
            world.did(n, world.ago(n, hour=5), "redeemed")  # midnight in New York, UTC-5
        in_winter = to_utc_micros(world.ago(24))
        world.events = [e for e in world.events if e["ts"] < in_winter]
        for n in range(31, 51):
            world.did(n, world.ago(n, hour=5), "redeemed")
        assert [f.code for f in world.find("AU023", timezone="America/New_York")] == ["AU023"]
        assert world.find("AU023") == []
