"""Costs by segment: ratios of sums, over days, in one currency, against the broad audience."""

import json

import numpy as np
import pytest

from fewer.journey.measure.cost import BROAD, cost_table
from fewer.stats.count import cost_per_event
from fewer.stats.ratio import ratio_of_ratios, ratio_of_sums

from .conftest import report

DAYS = 28


def days(segment, *, ctr=0.02, cpc=0.8, rate=0.03, scale=1.0, seed=0, **more):
    rng = np.random.default_rng(seed)
    for day in range(DAYS):
        impressions = int(rng.integers(8_000, 12_000) * scale)
        clicks = int(rng.binomial(impressions, ctr))
        conversions = int(rng.binomial(clicks, rate))
        yield report(
            day,
            segment,
            impressions=impressions,
            clicks=clicks,
            spend=round(clicks * cpc * rng.lognormal(0, 0.1), 2),
            conversions=conversions,
            value=conversions * 55.5,
            **more,
        )


@pytest.fixture
def rows():
    return [*days(BROAD, seed=1), *days("hot", ctr=0.03, cpc=0.7, scale=0.1, seed=2)]


def table(reader, rows, **more):
    return cost_table(reader(ad_reports=rows).ad_days(), data="real", **more)


def column(rows, segment, name):
    place = {"impressions": 5, "clicks": 6, "spend": 7, "conversions": 8, "value": 9}[name]
    unit = 1 if name in ("impressions", "clicks") else 1_000_000
    return np.array([row[place] / unit for row in rows if row[2] == segment])


def test_metrics_are_ratios_of_sums(reader, rows):
    hot = table(reader, rows).row("hot")

    def of(name):
        return column(rows, "hot", name)

    expected = {
        "cpm": 1000 * of("spend").sum() / of("impressions").sum(),
        "ctr": of("clicks").sum() / of("impressions").sum(),
        "cpc": of("spend").sum() / of("clicks").sum(),
        "conversion_rate": of("conversions").sum() / of("clicks").sum(),
        "cpa": of("spend").sum() / of("conversions").sum(),
        "roas": of("value").sum() / of("spend").sum(),
        "aov": of("value").sum() / of("conversions").sum(),
    }
    assert {c.metric: c.figure.estimate.value for c in hot.costs} == pytest.approx(expected)
    cpc = ratio_of_sums([of("spend")], [of("clicks")]).at(0)
    assert hot.cost("cpc").figure.estimate.lower == pytest.approx(cpc.lower)
    assert hot.cost("cpc").figure.unit == "EUR per click"
    assert hot.totals["clicks"] == of("clicks").sum()


def test_against_the_broad_audience_on_the_same_days(reader, rows):
    hot = table(reader, rows).row("hot")
    expected = ratio_of_ratios(
        *([column(rows, s, n)] for s, n in (
            ("hot", "clicks"), ("hot", "impressions"), (BROAD, "clicks"), (BROAD, "impressions")
        ))
    ).at(0)  # fmt: skip
    found = hot.cost("ctr").to_broad.estimate
    assert (found.value, found.lower, found.upper) == pytest.approx(
        (expected.value, expected.lower, expected.upper)
    )
    assert found.lower > 1.2
    assert hot.cost("ctr").p_adjusted >= hot.cost("ctr").p


def test_everything_is_labelled_an_association(reader, rows):
    data = table(reader, rows).to_json()
    text = json.dumps(data, allow_nan=False)
    assert 'lift"' not in text.replace('may_say_lift"', "")
    for row in data["rows"]:
        assert row["label"] == "raw association"
        assert "platform-reported, not person level" in row["notes"]
        assert all(c["figure"]["may_say_lift"] is False for c in row["costs"])


def test_reports_without_a_segment_are_the_broad_audience(reader):
    rows = [*days(None, seed=1), *days("hot", seed=2)]
    found = table(reader, rows)
    assert [row.segment for row in found.rows] == [BROAD, "hot"]
    assert found.row(BROAD).cost("cpc").to_broad is None
    assert found.row("hot").cost("cpc").to_broad is not None


def test_few_conversions_have_an_exact_interval(reader):
    rows = [*days(BROAD), *days("tiny", rate=0.002, scale=0.05, seed=5)]
    conversions = column(rows, "tiny", "conversions").sum()
    assert 0 < conversions < 10
    tiny = table(reader, rows).row("tiny")
    cpa = tiny.cost("cpa").figure.estimate
    expected = cost_per_event([column(rows, "tiny", "spend").sum()], [conversions]).at(0)
    assert (cpa.lower, cpa.upper) == pytest.approx((expected.lower, expected.upper))
    assert tiny.cost("cpa").figure.estimate.method == "exact Poisson"
    assert tiny.cost("cpa").to_broad.estimate.state == "no interval"
    assert tiny.cost("roas").figure.estimate.why == "fewer than 10 conversions"
    assert tiny.cost("conversion_rate").figure.estimate.method == "exact Poisson"
    assert tiny.cost("ctr").figure.estimate.state == "bounded"


def test_no_conversions_have_no_cost_each_but_a_lower_limit(reader):
    cpa = table(reader, [*days(BROAD), *days("none", rate=0, seed=3)]).row("none").cost("cpa")
    assert cpa.figure.number == "-"
    assert "at least" in cpa.figure.interval


def test_money_of_two_currencies_is_never_added(reader):
    rows = [*days(BROAD), *days("hot", seed=1), *days("hot", seed=2, currency="USD")]
    found = table(reader, rows)
    eur, usd = (found.row("hot", currency=c) for c in ("EUR", "USD"))
    assert eur.totals["spend"] + usd.totals["spend"] == pytest.approx(
        column(rows, "hot", "spend").sum()
    )
    assert usd.cost("cpc").to_broad is None
    assert "no broad audience in USD to compare with" in usd.notes
    assert usd.cost("cpa").figure.unit == "USD per conversion"


def test_arms_are_shown_apart_and_not_compared(reader):
    rows = [*days(BROAD), *days("hot", arm="a", seed=1), *days("hot", arm="b", seed=2)]
    found = table(reader, rows)
    assert [(r.segment, r.arm) for r in found.rows] == [
        (BROAD, None), ("hot", None), ("hot", "a"), ("hot", "b"),
    ]  # fmt: skip
    assert found.row("hot", arm="a").cost("cpc").to_broad is None
    assert any("platform chose" in note for note in found.row("hot", arm="a").notes)
    assert found.row("hot").totals["clicks"] == sum(
        found.row("hot", arm=arm).totals["clicks"] for arm in "ab"
    )


def test_a_single_arm_is_no_arm(reader):
    found = table(reader, [*days(BROAD, arm="broad"), *days("hot", arm="targeted")])
    assert [(r.segment, r.arm) for r in found.rows] == [(BROAD, None), ("hot", None)]


def test_segments_can_be_pooled(reader):
    rows = [*days(BROAD), *days("a", seed=1), *days("b", seed=2)]
    pooled = table(reader, rows, pool={"a and b": ("a", "b")}).row("a and b")
    assert pooled.totals["clicks"] == column(rows, "a", "clicks").sum() + column(
        rows, "b", "clicks"
    ).sum()  # fmt: skip
    assert pooled.cost("ctr").to_broad.estimate.state == "bounded"


def test_a_week_is_too_short_for_an_interval(reader):
    rows = [r for r in days("hot") if r[0].day <= 7]
    cpc = table(reader, rows).row("hot").cost("cpc").figure
    assert cpc.estimate.value > 0
    assert "too few days" in cpc.interval


def test_no_reports_no_rows(reader):
    found = table(reader, [])
    assert (found.rows, found.first_day) == ((), None)
    with pytest.raises(KeyError):
        found.row("hot")
