"""Ad reports joined to segments by name; spend in one currency; what it bought."""

import pytest
from pyroaring import BitMap

from fewer.data.reports.base import Window
from fewer.journey.measure.ads import join
from fewer.journey.measure.causal import per_gained
from fewer.journey.measure.cost import cost_table
from fewer.journey.measure.evidence import EvidenceLabel
from fewer.journey.measure.landmark import landmark
from fewer.journey.measure.metrics import Arms, both, result
from fewer.journey.measure.spend import Spending, own_cost
from fewer.model.ads import AdRule
from fewer.model.goal import Goal
from fewer.model.metric import Guardrail, Metric
from fewer.model.window import DAY
from fewer.stats.estimate import Method, estimates

from .conftest import event, report

T = 20_454 * DAY  # 2026-01-01
ORDER = Goal.model_validate(
    {
        "id": "order",
        "did": "purchase",
        "outcome_window": "28d",
        "value": {"of": "value", "currency": "EUR"},
    }
)
SEGMENTS = {"hot", "hot@7d"}


def joined(reader, rows, *rules):
    made = [AdRule.model_validate(rule) for rule in rules]
    return join(reader(ad_reports=rows).ad_days(), made, SEGMENTS)


@pytest.mark.parametrize(
    "rule, names, expected",
    [
        ({"ad_set": "fewer | {segment} | {arm}"}, {"ad_set_name": "fewer | hot | b"}, ("hot", "b")),
        ({"ad_set": "{segment}__{arm}"}, {"ad_set_name": "hot@7d__sent"}, ("hot@7d", "sent")),
        (
            {"campaign": "Pros*", "segment": "broad"},
            {"campaign_name": "Prospects"},
            ("broad", None),
        ),
        ({"ad_set": "17", "segment": "hot"}, {"ad_set": "17", "ad_set_name": "x"}, ("hot", None)),
        (
            {"campaign": "S", "ad_set": "{segment}"},
            {"campaign": "S", "ad_set": "hot"},
            ("hot", None),
        ),
    ],
)
def test_rules(reader, rule, names, expected):
    found = joined(reader, [report(0, None, **names)], rule)
    assert [(d.segment, d.arm) for d in found.days] == [expected]
    assert found.words == ""


def test_what_no_rule_fits_is_listed_and_left_out(reader):
    rows = [report(d, None, ad_set="9", ad_set_name="Odd", spend=5) for d in range(3)]
    rows.append(report(0, None, ad_set="8", ad_set_name="cold", spend=1))
    found = joined(reader, rows, {"ad_set": "{segment}"})
    assert found.days == ()
    assert [(u.name, u.days, u.spend) for u in found.unmatched] == [("Odd", 3, 15), ("cold", 1, 1)]
    assert "no segment here" in found.unmatched[1].why
    assert "'Odd', 'cold'; 16.00 EUR spent" in found.words


def test_without_rules_the_rest_is_the_broad_audience(reader):
    rows = [report(0, None, ad_set_name="hot | a"), report(0, None, ad_set_name="cold")]
    found = joined(reader, rows)
    assert sorted((d.segment, d.arm) for d in found.days) == [("broad", None), ("hot", "a")]
    assert found.unnamed_rows == 1


def test_a_rule_without_a_segment_is_refused():
    with pytest.raises(ValueError, match="names no segment"):
        AdRule(campaign="Spring")
    with pytest.raises(ValueError, match="once"):
        AdRule(campaign="{segment}", segment="hot")


def test_a_file_without_days_has_intervals_over_ads(reader):
    rows = [report(0, "hot", ad=f"{i}", clicks=20 + i % 7, spend=9 + i % 5) for i in range(40)]
    table = cost_table(reader(ad_reports=rows).ad_days(), data="real")
    cpc = table.row("hot").cost("cpc").figure.estimate
    assert table.clusters == "ads"
    assert cpc.lower < cpc.value < cpc.upper
    assert table.row("hot").days == 1


def test_conversions_that_can_still_come_are_counted(reader):
    rows = [report(day, "hot", conversions=2) for day in range(28)]
    table = cost_table(
        reader(ad_reports=rows).ad_days(), data="real", windows={"meta": Window(7, 1)}
    )
    assert table.row("hot").open_conversions == 14
    assert "14 of 56 conversions are of days still open" in table.attribution[0]


def test_spend_of_two_currencies_gives_no_cost(reader):
    rows = [report(2, "hot"), report(2, "hot", currency="USD")]
    source = reader([event(1, T + DAY, value=30)], ad_reports=rows)
    at = landmark(ORDER, index_us=T, data_end_us=T + 40 * DAY)
    outcome = source.outcomes(ORDER, at, BitMap([1, 2]))
    spend = Spending(source.ad_days(), "UTC").on("hot", None, at)
    found = own_cost("hot", BitMap([1, 2]), outcome, spend, label=EvidenceLabel.RAW_ASSOCIATION)
    assert found.cpa.estimate.value is None
    assert "never added up" in found.cpa.estimate.why


def test_own_cost_counts_the_days_of_the_window(reader):
    rows = [report(day, "hot", spend=10) for day in range(60)]
    events = [event(p, T + 2 * DAY, value=30) for p in range(40)]
    events += [event(p, T - 2 * DAY, value=30) for p in range(10)]
    source = reader(events, people=range(200), ad_reports=rows)
    at = landmark(ORDER, index_us=T, data_end_us=T + 60 * DAY)
    everyone = BitMap(range(200))
    outcome = source.outcomes(ORDER, at, everyone)
    spend = Spending(source.ad_days(), "UTC").on("hot", None, at)
    found = own_cost("hot", everyone, outcome, spend, label=EvidenceLabel.RAW_ASSOCIATION)
    assert spend.one == (280, "EUR")
    assert (found.conversions, found.new_customers) == (40, 30)
    assert found.cpa.estimate.value == pytest.approx(7)
    assert found.cac.estimate.value == pytest.approx(280 / 30)
    assert found.roas.estimate.value == pytest.approx(1200 / 280)
    assert found.aov.estimate.value == pytest.approx(30)


@pytest.mark.parametrize(
    "limits, expected",
    [
        ((10.0, 5.0, 20.0), (10.0, 5.0, 20.0)),
        ((10.0, -5.0, 20.0), (10.0, 5.0, None)),
        ((-10.0, -15.0, 20.0), (None, 5.0, None)),
        ((-10.0, -15.0, -2.0), (None, None, None)),
    ],
)
def test_cost_per_conversion_gained(limits, expected):
    value, lower, upper = ([x] for x in limits)
    found = per_gained(estimates(value, lower, upper, method=Method.NEWCOMBE).at(0), 100.0)
    assert (found.value, found.lower, found.upper) == expected
    assert found.why or found.upper


def arms(reader, *, kept=400, cheap=0.8):
    """Exclusions on (people 0-3999) against off; a click of the first costs `cheap`."""
    events = [event(p, T + DAY, value=30) for p in [*range(kept), *range(4000, 4400)]]
    rows = [
        report(day, "hot", arm=arm, clicks=100 + day % 9, spend=(100 + day % 4) * cost)
        for day in range(28)
        for arm, cost in (("exclusions_on", cheap), ("exclusions_off", 1.0))
    ]
    source = reader(events, people=range(8000), ad_reports=rows)
    at = landmark(ORDER, index_us=T, data_end_us=T + 40 * DAY)
    pair = BitMap(range(4000)), BitMap(range(4000, 8000))
    outcome = source.outcomes(ORDER, at, pair[0] | pair[1])
    return Arms(
        "exclusions_on", "exclusions_off", pair, EvidenceLabel.RANDOMISED_ARM,
        {"order": outcome}, source.ad_days(),
    )  # fmt: skip


@pytest.mark.parametrize(
    "kept, cheap, holds, said",
    [
        (400, 0.8, True, "holds: clicks are cheaper, and no more than 20.0 % of conversions"),
        (400, 1.0, None, "not enough data yet"),
        (250, 0.8, False, "does not hold: clicks are cheaper, and more than 20.0 %"),
        (330, 0.8, None, "can't be ruled out"),
        (400, 1.2, False, "clicks are dearer"),
    ],
)
def test_the_exclusions_claim_needs_both_halves(reader, kept, cheap, holds, said):
    groups = arms(reader, kept=kept, cheap=cheap)
    rate = Metric.model_validate({"id": "ordered", "rate": {"goal": "order"}})
    conversions = result(rate, groups, margin=Guardrail(margin_percent=20))
    claim = both(conversions, groups, 0.2)
    assert claim.holds is holds
    assert said in claim.sentence


def test_metrics_are_capped_and_ratios_are_of_sums(reader):
    groups = arms(reader)
    mean = Metric.model_validate({"id": "m", "mean": {"goal": "order", "cap": 10}})
    per = Metric.model_validate(
        {"id": "r", "ratio": {"of": {"goal": "order", "of": "value"},
                              "to": {"goal": "order", "of": "conversions"}}}
    )  # fmt: skip
    assert result(mean, groups).ratio.estimate.value == pytest.approx(1)
    assert result(per, groups).ratio.estimate.value == pytest.approx(1)
    assert "can't be measured" in result(mean, Arms(
        "a", "b", groups.people, groups.label, {}, ())).note  # fmt: skip
