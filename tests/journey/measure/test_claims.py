"""Verdicts on claims: what an interval says to a size, for people and for ad reports."""

from datetime import date, timedelta

import numpy as np
import pytest

from fewer.journey.measure.ads import AdDay
from fewer.journey.measure.claims.check import POOL, RAW, Ratio, check_reports
from fewer.journey.measure.claims.verdict import Units, Verdict, judge, size_words
from fewer.journey.measure.cost import cost_table
from fewer.model.claim import ReportClaim, Says
from fewer.stats.estimate import Method, estimates

S, C, T = Verdict.SUPPORTED, Verdict.CONTRADICTED, Verdict.CANNOT_TELL


def says(**size):
    return Says.model_validate(size)


@pytest.mark.parametrize(
    "size,low,high,verdict",
    [
        ({"ratio": 2.4}, 1.8, 3.0, S),
        ({"ratio": 2.4}, 1.12, 1.73, C),
        ({"ratio": 2.4}, 0.8, 3.1, T),
        ({"ratio": 2.4}, 0.8, 1.2, C),
        ({"ratio": 2.4}, 3.0, 4.0, S),
        ({"at_least": 1.26}, 1.3, 1.5, S),
        ({"at_least": 1.26}, 1.1, 1.2, C),
        ({"up_to": 0.7}, 0.75, 0.9, S),
        ({"up_to": 0.7}, 1.05, 1.4, C),
        ({"up_to": 0.7}, 0.6, 1.2, T),
        ({"up_to": 1.2}, 1.01, 1.1, S),
        ({"between": [0.82, 0.9]}, 0.8, 0.95, S),
        ({"between": [0.82, 0.9]}, 0.93, 0.98, C),
        ({"between": [0.82, 0.9]}, 0.7, 1.1, T),
        ({"ratio": 0.7}, 0.72, 0.9, C),
    ],
)
def test_an_interval_against_a_size(size, low, high, verdict):
    middle = float(np.sqrt(low * high))
    found = Ratio(
        estimates([middle], [low], [high], method=Method.CLUSTER_LOG).at(0), "times", "", RAW
    )
    judged = judge(says(**size), found, Units("people", 1_000))
    assert judged.verdict is verdict
    assert (judged.needed != "") == (verdict is T)
    if verdict is T:
        assert "people" in judged.needed


def test_sizes_in_words():
    assert size_words(says(ratio=1.26)) == "+26 %"
    assert size_words(says(up_to=0.7)) == "up to \N{MINUS SIGN}30 %"
    assert size_words(says(at_least=2)) == "2.0x or more"


def days(segment, *, price, click_rate, seed):
    rng = np.random.default_rng(seed)
    for day in range(28):
        shown = int(rng.integers(8_000, 12_000))
        clicks = int(rng.binomial(shown, click_rate))
        spend = clicks * price * float(rng.uniform(0.95, 1.05))
        yield AdDay(
            date(2026, 1, 1) + timedelta(days=day), segment, None, "EUR", shown, clicks, spend,
            clicks * 0.05, 0.0,
        )  # fmt: skip


def reports(price):
    return [
        *days("broad", price=1.0, click_rate=0.02, seed=1),
        *days("shoes", price=price, click_rate=0.023, seed=2),
    ]


@pytest.mark.parametrize("price,verdict", [(0.86, S), (0.97, C)])
def test_cost_of_a_click_against_the_broad_audience(price, verdict):
    claim = ReportClaim(id="cpc_10_18", reports="cpc", says=says(between=[0.82, 0.9]))
    costs = cost_table(reports(price), data="real", pool={POOL: ["shoes"]})
    found = check_reports(claim, costs, headline=True)
    assert found.verdict is verdict
    assert found.ratio.estimate.value == pytest.approx(price, rel=0.03)
    assert found.to_json()["may_say_lift"] is False
    assert any("platform" in note for note in found.notes)


def test_without_reports_it_says_what_it_needs():
    claim = ReportClaim(id="ctr_20", reports="ctr", says=says(up_to=1.2))
    assert check_reports(claim, None).needed.startswith("ad reports")
    alone = cost_table(
        list(days("shoes", price=1, click_rate=0.02, seed=3)), data="real", pool={POOL: ["shoes"]}
    )
    found = check_reports(claim, alone)
    assert (found.verdict, found.because) == (T, "no broad audience to compare with")
