"""Panels moved by intent: the raw ratio is large, and what the interactions do is known."""

from dataclasses import fields

import numpy as np
import pytest

from fewer.data.simulate.panels import Panel, PanelSetting, decay, panel


def test_the_same_seed_is_the_same_panel():
    small = PanelSetting(people=300, landmarks=4)
    one, again, other = panel(1, small), panel(1, small), panel(2, small)
    for column in fields(Panel):
        assert np.array_equal(getattr(one, column.name), getattr(again, column.name))
    assert not np.array_equal(one.recent, other.recent)


def test_selection_alone_makes_a_large_ratio_and_the_truth_is_one():
    rows = panel(1)
    assert rows.true_ratio == 1
    assert rows.expected_ratio > 2
    many, one = rows.recent >= 3, rows.recent == 1
    raw = rows.converted[many].mean() / rows.converted[one].mean()
    assert raw == pytest.approx(rows.expected_ratio, rel=0.35)


def test_the_planted_effect_is_recovered_when_intent_is_known():
    rows = panel(3, PanelSetting(people=20_000, effect=1.5))
    assert 1.4 < rows.true_ratio < 1.5  # a share rises less than the hazard does
    groups = np.digitize(rows.intent, np.quantile(rows.intent, np.linspace(0, 1, 40)[1:-1]))
    many, one = rows.recent >= 3, rows.recent == 1
    expected = sum(
        (many & (groups == g)).sum() * rows.converted[one & (groups == g)].mean()
        for g in np.unique(groups)
        if (one & (groups == g)).sum() > 20
    )
    assert rows.converted[many].sum() / expected == pytest.approx(rows.true_ratio, rel=0.12)
    assert rows.converted[many].mean() / rows.converted[one].mean() > 1.5 * rows.true_ratio


def test_the_negative_control_shows_the_selection():
    rows = panel(4, PanelSetting(people=20_000))
    many, one = rows.recent >= 3, rows.recent == 1
    assert rows.before[many].mean() / rows.before[one].mean() > 1.2


def test_who_converted_leaves_when_asked_to():
    rows = panel(5, PanelSetting(people=3_000, repeat=False))
    converted = rows.person[rows.converted]
    assert len(converted) == len(np.unique(converted))


def test_the_chance_halves_every_half_life():
    made = decay(1, people=200_000, half_life=6.0, start=0.2)
    share = [made.converted[made.days_since == day].mean() - made.floor for day in (0, 6, 12)]
    assert share[1] / share[0] == pytest.approx(0.5, rel=0.1)
    assert share[2] / share[0] == pytest.approx(0.25, rel=0.15)
