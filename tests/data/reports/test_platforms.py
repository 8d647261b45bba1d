"""Reports of eight platforms, by the headings that their exports really have."""

import csv
from collections import defaultdict
from decimal import Decimal
from pathlib import Path
from typing import get_args

import pytest

from fewer.data.reports.base import fold, platform
from fewer.errors import SettingsError
from fewer.model.mapping import AdPlatform

SEEDS = Path(__file__).parent / "seeds"
EUR = {"constant": "EUR"}


def rows(name):
    with (SEEDS / f"{name}.csv").open(encoding="utf-8-sig") as file:
        return list(csv.DictReader(file))


def total(found, column, scale=1):
    return sum(Decimal(row[column] or 0) for row in found) / scale


def ads(bench, report, *, files="ads*.csv", **source):
    bench.sources({"id": "ads", "files": files, "ad_reports": report, **source})
    return bench.ingest()


def sums(bench, *names):
    found = bench.rows("ad_reports")
    return tuple(sum(row[name] or 0 for row in found) for name in names)


@pytest.mark.parametrize(
    "name, from_, facts, unit",
    [
        ("google_ads_ad_group_stats", "google", ("impressions", "clicks", "cost_micros"), 1e6),
        ("google_ads_campaign_stats", "google", ("impressions", "clicks", "cost_micros"), 1e6),
        (
            "linkedin_ad_analytics_by_creative",
            "linkedin",
            ("impressions", "clicks", "cost_in_local_currency"),
            1,
        ),
        (
            "microsoft_ads_ad_performance_daily_report",
            "microsoft",
            ("impressions", "clicks", "spend"),
            1,
        ),
        ("reddit_ads_campaign_report", "reddit", ("impressions", "clicks", "spend"), 1e6),
        ("snapchat_ad_hourly_report", "snapchat", ("impressions", "swipes", "spend"), 1e6),
        (
            "twitter_campaign_report",
            "x",
            ("impressions", "url_clicks", "billed_charge_local_micro"),
            1e6,
        ),
    ],
)
def test_sums_are_those_of_the_file(bench, name, from_, facts, unit):
    bench.write("ads.csv", (SEEDS / f"{name}.csv").read_bytes())
    currency = {} if from_ == "microsoft" else {"currency": EUR}
    result = ads(bench, {"from": from_, **currency})
    given = rows(name)
    assert result.rows.reasons == {}
    shown, clicks, spend = facts
    assert sums(bench, "impressions", "clicks", "spend") == (
        total(given, shown),
        total(given, clicks),
        round(total(given, spend) * 1_000_000 / int(unit)),
    )
    stored = bench.rows("ad_reports")
    assert {row["platform"] for row in stored} == {from_}
    assert {row["currency"] for row in stored} == {"USD" if from_ == "microsoft" else "EUR"}


def test_of_action_types_that_overlap_one_counts(bench):
    name = "facebook_ads_basic_ad_action_values"
    bench.write("ads.csv", (SEEDS / f"{name}.csv").read_bytes())
    chosen = "offsite_conversion.fb_pixel_purchase"
    ads(bench, {"from": "meta", "action": chosen, "currency": EUR})
    given = [row for row in rows(name) if row["action_type"] == chosen]
    assert sums(bench, "value") == (round(total(given, "value") * 1_000_000),)


META = (
    "Reporting starts,Campaign name,Ad set name,Ad set ID,Amount spent (GBP),Impressions,"
    "Link clicks,Clicks (all),Purchases,Purchases conversion value\n"
    '2026-03-01,Spring,pricing_hot | offer,1202,"1,234.50","10,000",120,300,4,88.80\n'
)


def test_what_the_web_page_downloads(bench):
    bench.write("ads.csv", META)
    ads(bench, {"from": "meta"})
    (row,) = bench.rows("ad_reports")
    assert (row["campaign"], row["campaign_name"]) == ("Spring", "Spring")
    assert (row["ad_set"], row["ad_set_name"]) == ("1202", "pricing_hot | offer")
    assert (row["currency"], row["spend"]) == ("GBP", 1_234_500_000)
    assert (row["impressions"], row["clicks"]) == (10_000, 120)
    assert (row["conversions"], row["value"]) == (4_000_000, 88_800_000)


def test_an_ad_set_that_was_renamed_is_replaced_and_not_added(bench):
    bench.write("ads1.csv", META)
    ads(bench, {"from": "meta"})
    bench.write("ads2.csv", META.replace("pricing_hot", "renamed").replace("1,234", "1,235"))
    bench.ingest()
    (row,) = bench.rows("ad_reports")
    assert (row["ad_set_name"], row["spend"]) == ("renamed | offer", 1_235_500_000)


def test_keys_written_down_win(bench):
    bench.write("ads.csv", META)
    ads(bench, {"from": "meta", "clicks": {"column": "Clicks (all)"}, "currency": EUR})
    (row,) = bench.rows("ad_reports")
    assert (row["clicks"], row["currency"]) == (300, "EUR")


def test_google_web_page_with_title_lines_and_a_total(bench):
    head = "Campaign report\n1 March 2026 - 2 March 2026\n"
    table = (
        "Day,Campaign,Ad group,Clicks,Impr.,Currency code,Cost,Conversions,Conv. value\n"
        "2026-03-01,fewer,pricing_hot,7,900,USD,12.25,1.50,30\n"
        "Total: Account,,,7,900,USD,12.25,1.50,30\n"
    )
    bench.write("ads.csv", head + table)
    result = ads(bench, {"from": "google"}, options={"skip": 2})
    assert result.rows.reasons == {"day_unparseable": 1}
    (row,) = bench.rows("ad_reports")
    assert (row["ad_set"], row["spend"], row["conversions"]) == (
        "pricing_hot",
        12_250_000,
        1_500_000,
    )


def test_linkedin_days_are_month_first(bench):
    bench.write(
        "ads.csv",
        "Start Date (in UTC),Currency,Campaign Name,Total Spent,Impressions,Clicks\n"
        "3/4/2026,EUR,pricing_hot,5.5,100,2\n",
    )
    ads(bench, {"from": "linkedin"})
    (row,) = bench.rows("ad_reports")
    assert (str(row["day"]), row["ad_set"]) == ("2026-03-04", "pricing_hot")


@pytest.mark.parametrize(
    "zone, days",
    [
        (None, {"2026-03-08": 10, "2026-03-09": 20}),
        ("America/Los_Angeles", {"2026-03-07": 10, "2026-03-08": 20}),
    ],
)
def test_hours_in_utc_become_days_of_the_account(bench, zone, days):
    """On the night that clocks go forward in Los Angeles."""
    bench.write(
        "ads.csv",
        "ad_id,date,impressions,spend,swipes\n"
        "a,2026-03-08 07:59:00.000,10,1353,1\n"
        "a,2026-03-09 06:59:00.000,20,1000000,1\n",
    )
    ads(bench, {"from": "snapchat", "currency": EUR, **({"account_zone": zone} if zone else {})})
    found = defaultdict(int)
    for row in bench.rows("ad_reports"):
        found[str(row["day"])] += row["impressions"]
    assert found == days
    assert sums(bench, "spend") == (1_001_353,)


def test_a_file_of_something_else_is_refused(bench):
    bench.write("ads.csv", "order,amount\n1,2\n")
    with pytest.raises(SettingsError, match="no TikTok report that we know") as refused:
        ads(bench, {"from": "tiktok"})
    assert "'order', 'amount'" in str(refused.value)


def test_money_without_a_currency_is_refused(bench):
    bench.write("ads.csv", "stat_time_day,spend,impressions\n2026-03-01,5,100\n")
    with pytest.raises(SettingsError, match=r"currency: \{constant: EUR\}"):
        ads(bench, {"from": "tiktok"})


def test_every_platform_has_a_file():
    for id_ in get_args(AdPlatform):
        found = platform(id_)
        assert found.id == id_
        assert found.window.words
        for heads in found.columns.values():
            assert all(fold(h.name) == h.name.replace("{currency}", "currency") for h in heads)


@pytest.mark.parametrize("name", get_args(AdPlatform))
def test_every_window_says_where_it_is_written(name):
    window = platform(name).window
    assert window.source.startswith("https://")
    assert window.said_by in ("platform", "others", "nobody")
    assert window.click_days >= window.view_days
    confirmed = window.said_by != "nobody"
    assert confirmed == ("not confirmed" not in window.origin)
