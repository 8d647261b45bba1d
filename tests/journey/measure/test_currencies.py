"""Money of two currencies gives no figure, wherever it meets."""

from datetime import date

import numpy as np
import pytest
from pyroaring import BitMap

from fewer.journey.measure.ads import AdDay
from fewer.journey.measure.evidence import EvidenceLabel
from fewer.journey.measure.landmark import Landmark
from fewer.journey.measure.metrics import Arms, result
from fewer.journey.measure.outcomes import Outcomes
from fewer.model.goal import Goal
from fewer.model.metric import Metric
from fewer.model.window import DAY

EVERYONE = BitMap(range(400))
PEOPLE = BitMap(range(0, 400, 2)), BitMap(range(1, 400, 2))


def outcomes(goal, currency):
    who = np.arange(0, 400, 3, dtype=np.uint32)
    return Outcomes(
        goal=Goal.model_validate(
            {"id": goal, "did": "x", "outcome_window": "7d",
             "value": {"of": "value", "currency": currency}}
        ),
        landmark=Landmark(0, 0, 7 * DAY, 7 * DAY),
        persons=who,
        conversions=np.ones(len(who), dtype=np.int64),
        value=np.full(len(who), 20.0) + who % 5,
        before=BitMap(),
        at_risk=EVERYONE,
        currency=currency,
        confidence=0.95,
    )  # fmt: skip


def day(n, arm, currency):
    return AdDay(
        day=date(2026, 1, n), segment="hot", arm=arm, currency=currency, platform="meta",
        ad_key="a", names=(), impressions=1000.0, clicks=20.0, spend=10.0 + n, conversions=2.0,
        value=40.0,
    )  # fmt: skip


def read(spec, *, days=(), second="EUR", sequential=False):
    goals = {"order": outcomes("order", "EUR"), "gift": outcomes("gift", second)}
    arms = Arms("new", "old", PEOPLE, EvidenceLabel.RANDOMISED_ARM, goals, days, 0.95, sequential)
    return result(Metric.model_validate({"id": "m", **spec}), arms)


MEAN = {"mean": {"goal": "order"}}
TWO_GOALS = {
    "ratio": {"of": {"goal": "order", "of": "value"}, "to": {"goal": "gift", "of": "value"}}
}
CPC = {"ratio": {"of": {"ads": "spend"}, "to": {"ads": "clicks"}}, "better": "lower"}
CTR = {"ratio": {"of": {"ads": "clicks"}, "to": {"ads": "impressions"}}}
EUR = [day(n, arm, "EUR") for n in range(1, 21) for arm in ("new", "old")]
MIXED = [
    day(n, arm, "EUR" if arm == "new" else "USD") for n in range(1, 21) for arm in ("new", "old")
]


@pytest.mark.parametrize("sequential", [False, True])
@pytest.mark.parametrize(
    "spec, days, second",
    [
        ({**MEAN, "currency": "USD"}, (), "EUR"),  # as said against as the data has it
        (TWO_GOALS, (), "USD"),
        ({**CPC, "currency": "USD"}, EUR, "EUR"),
        (CPC, MIXED, "EUR"),
    ],
)
def test_no_figure_and_why(spec, days, second, sequential):
    found = read(spec, days=days, second=second, sequential=sequential)
    assert (found.ratio, found.difference, found.margin) == (None, None, None)
    assert "EUR and USD" in found.note
    assert "never added up or divided" in found.sentence


@pytest.mark.parametrize(
    "spec, days",
    [(MEAN, ()), ({**MEAN, "currency": "EUR"}, ()), (CPC, EUR), (CTR, MIXED), (TWO_GOALS, ())],
)
def test_one_currency_or_none_is_fine(spec, days):
    assert read(spec, days=days).ratio.estimate.lower is not None
