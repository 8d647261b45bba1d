"""Randomised programmes: the right contrast tends to the truth, the tempting one does not."""

from math import sqrt

import numpy as np
import pytest

from fewer.data.simulate.trials import HELD, TREATED, TrialSetting, trial


def test_the_same_seed_is_the_same_trial():
    assert np.array_equal(trial(1).converted, trial(1).converted)
    assert not np.array_equal(trial(1).converted, trial(2).converted)


def test_with_unlimited_data_assigned_against_held_out_is_the_true_lift():
    made = trial(1, TrialSetting(segments=3, size=(600_000, 700_000), null_share=0.3))
    rate = made.converted / made.n
    assert rate[:, TREATED] / rate[:, HELD] - 1 == pytest.approx(made.lift, abs=0.05)
    assert made.lift[made.effect == 1] == pytest.approx(0, abs=1e-9)


def test_reached_against_unreached_shows_an_effect_where_there_is_none():
    made = trial(2, TrialSetting(segments=2, size=(200_000, 210_000), null_share=1.0))
    unreached = (made.converted - made.reached_converted)[:, TREATED]
    rest = (made.n - made.reached)[:, TREATED]
    naive = (made.reached_converted / np.maximum(made.reached, 1))[:, TREATED] / (unreached / rest)
    assert made.lift == pytest.approx(0, abs=1e-9)
    assert (naive > 1.5).all()


def test_delivery_at_random_removes_that_bias():
    fair = TrialSetting(segments=2, size=(200_000, 210_000), null_share=1.0, delivery=0.0)
    made = trial(2, fair)
    unreached = (made.converted - made.reached_converted)[:, TREATED]
    rest = (made.n - made.reached)[:, TREATED]
    naive = made.reached_converted[:, TREATED] / made.reached[:, TREATED] / (unreached / rest)
    assert naive == pytest.approx(1, abs=0.08)


@pytest.mark.parametrize("failure", [0.0, 0.5])
def test_the_sample_ratio_fails_on_demand_only(failure):
    sized = TrialSetting(segments=4, size=(60_000, 70_000), ratio_failure=failure, base_rate=0.06)
    made = trial(5, sized)
    total = made.n.sum(axis=1)
    z = (made.n[:, HELD] / total - 0.3) * np.sqrt(total) / sqrt(0.21)
    assert (np.abs(z).max() > 4) == (failure > 0)


def test_ad_rows_carry_the_planted_ratios():
    rows = trial(1, TrialSetting(segments=30)).rows
    clicks, shown, spend = (x.sum(axis=1) for x in (rows.clicks, rows.impressions, rows.spend))
    ctr = clicks[:-1].sum() / shown[:-1].sum() / (clicks[-1] / shown[-1])
    cpc = spend[:-1].sum() / clicks[:-1].sum() / (spend[-1] / clicks[-1])
    assert ctr == pytest.approx(1.2, abs=0.05)
    assert cpc == pytest.approx(0.85, abs=0.02)
