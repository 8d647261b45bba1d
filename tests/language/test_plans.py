"""Metrics and experiments as people write them: read, refused with places, written back."""

from __future__ import annotations

import pytest
from jsonschema import Draft202012Validator

from fewer.errors import DefinitionError
from fewer.language.data import to_data
from fewer.language.files import load_definitions
from fewer.language.schema import json_schema
from fewer.language.write import to_yaml
from fewer.language.yaml import load

GOALS = "- {id: order, did: purchase, value: {of: revenue, currency: EUR}, outcome_window: 7d}\n"
SEGMENTS = "- {id: hot, where: {did: view, within: 7d}}\n"
METRICS = """\
metrics:
  - id: order_rate
    name: Ordered
    rate: {goal: order}
    guardrail: {margin_percent: 2}
  - id: revenue
    mean: {goal: order, of: value, cap: 500}
    currency: EUR
  - id: revenue_w
    mean: {goal: order, winsorise: 99.5}
  - id: aov
    ratio:
      of: {goal: order, of: value}
      to: {goal: order, of: conversions}
  - id: cpc
    ratio:
      of: {ads: spend}
      to: {ads: clicks}
    better: lower
    guardrail: {margin: 0.05}
"""
EXPERIMENTS = """\
- id: spring
  holdout: 20
  segments: [hot]
  metrics: [order_rate, order]
  guardrails: [order_rate, cpc]
  ends: 2026-04-01
- id: windows
  tests: window
  windows: [7d, 14d, 30d]
  metrics: [order]
  ends: 2026-04-01T12:00Z
"""


def read(metrics=METRICS, experiments=EXPERIMENTS):
    return load_definitions(
        {"segments.yaml": SEGMENTS},
        {"goals.yaml": GOALS},
        {"metrics.yaml": metrics},
        {"experiments.yaml": experiments},
    )


def test_written_back_they_read_the_same():
    found = read()
    assert [m.kind for m in found.metrics] == ["rate", "mean", "mean", "ratio", "ratio"]
    again = read(to_yaml(found.metrics), to_yaml(found.experiments))
    assert (again.metrics, again.experiments) == (found.metrics, found.experiments)


@pytest.mark.parametrize("kind", ["metrics", "experiments"])
def test_the_schema_accepts_them(kind):
    schema = Draft202012Validator(json_schema(kind))
    data = [to_data(one) for one in getattr(read(), kind)]
    assert schema.is_valid(load(to_yaml(getattr(read(), kind)), file="x").value)
    assert schema.is_valid({kind: data})


BROKEN_METRICS = [
    ("- {id: a, rate: {goal: ordr}}", "unknown_goal", "metrics.yaml:1:24", "Did you mean 'order'?"),
    ("- {id: a}", "one_kind", "metrics.yaml:1:3", "rate, mean, ratio"),
    ("- {id: a, rate: {goal: order}, mean: {goal: order}}", "one_kind", ":1:", "rate and mean"),
    ("- {id: a, mean: {goal: order, cap: 5, winsorise: 99}}", "two_bounds", ":1:39", "Keep one"),
    ("- {id: a, rate: {goal: order}, guardrail: {}}", "one_margin", ":1:43", "margin_percent: 2"),
    ("- {id: a, ratio: {of: {ads: clicks}, to: {ads: clicks}}}", "same_sum", ":1:", "always 1"),
    ("- {id: a, ratio: {of: {ads: clicks}, to: {ads: clikcs}}}", "", ":1:48", "clicks"),
    ("- {id: a, rate: {goal: order}, currency: euro}", "", ":1:42", ""),
    ("- {id: a, mean: {goal: order, cap: -1}}", "", ":1:36", ""),
    ("- {id: a, mean: {goal: order}, currency: USD}", "other_currency", ":1:24", "worth EUR"),
    (
        "- {id: a, ratio: {of: {goal: order, of: value}, to: {ads: spend}}, currency: GBP}",
        "other_currency",
        ":1:30",
        "Write currency: EUR",
    ),
    ("- {id: a, rate: {goal: order}, unit: x}", "unknown_key", ":1:32", ""),
]


@pytest.mark.parametrize("written,code,place,words", BROKEN_METRICS)
def test_mistakes_in_metrics_have_places(written, code, place, words):
    with pytest.raises(DefinitionError) as caught:
        read(written, "")
    told = str(caught.value)
    assert place in told
    assert f"error[{code}" in told
    assert words in told


BROKEN_EXPERIMENTS = [
    ("{id: a, metrics: [ordr], ends: 2026-04-01}", "unknown_metric", ":1:21"),
    ("{id: a, metrics: [order], guardrails: [revenue], ends: 2026-04-01}", "no_margin", ":1:42"),
    ("{id: a, metrics: [order], segments: [ht], ends: 2026-04-01}", "unknown_segment", ":1:40"),
    ("{id: a, metrics: [order]}", "missing_key", ":1:3"),
    ("{id: a, metrics: [order], ends: soon}", "", ":1:35"),
    ("{id: a, tests: window, metrics: [order], ends: 2026-04-01}", "no_windows", ":1:3"),
    ("{id: a, tests: exclusions, metrics: [order], ends: 2026-04-01}", "no_exclusions", ":1:3"),
    ("{id: a, tests: geo, metrics: [order], ends: 2026-04-01}", "no_region", ":1:3"),
    (
        "{id: a, tests: geo, region: r, holdout: 20, metrics: [order], ends: 2026-04-01}",
        "stray_key",
        ":1:34",
    ),
    ("{id: a, tests: switchback, metrics: [order], ends: 2026-04-01}", "no_slot", ":1:3"),
    (
        ("{id: a, tests: switchback, slot: 6h, washout: 6h, metrics: [order], ends: 2026-04-01}"),
        "washout_too_long",
        ":1:40",
    ),
    ("{id: a, slot: 6h, metrics: [order], ends: 2026-04-01}", "stray_key", ":1:11"),
    ("{id: a, tests: creative, metrics: [order], ends: 2026-04-01}", "too_few_arms", ":1:3"),
    (
        (
            "{id: a, tests: offer, arms: [{id: x, percent: 50}, {id: y, percent: 40}],"
            " metrics: [order], ends: 2026-04-01}"
        ),
        "shares_not_whole",
        ":1:25",
    ),
    ("{id: a, windows: [7d], metrics: [order], ends: 2026-04-01}", "stray_key", ":1:11"),
    ("{id: a, control: b, metrics: [order], ends: 2026-04-01}", "no_such_arm", ":1:11"),
    ("{id: a, holdout: 120, metrics: [order], ends: 2026-04-01}", "", ":1:20"),
]


@pytest.mark.parametrize("written,code,place", BROKEN_EXPERIMENTS)
def test_mistakes_in_experiments_have_places(written, code, place):
    with pytest.raises(DefinitionError) as caught:
        read(METRICS, f"- {written}")
    told = str(caught.value)
    assert f"experiments.yaml{place}" in told
    assert f"error[{code}" in told


SHAPES = [
    ({"holdout": 10}, {"sent": 90, "held_out": 10}, "held_out"),
    ({}, {"sent": 50, "held_out": 50}, "held_out"),
    ({"tests": "global_holdout"}, {"sent": 95, "held_out": 5}, "held_out"),
    ({"tests": "programme"}, {"segmented": 50, "broad": 50}, "broad"),
    (
        {"tests": "exclusions", "exclusions": ["buyers"]},
        {"exclusions_on": 50, "exclusions_off": 50},
        "exclusions_off",
    ),
    (
        {"tests": "window", "windows": ["7d", "14d", "30d"]},
        {"w7d": 33.333333, "w14d": 33.333333, "w30d": 33.333334},
        "w7d",
    ),
    (
        {
            "tests": "creative",
            "holdout": 20,
            "arms": [{"id": "a", "percent": 40}, {"id": "b", "percent": 40}],
        },
        {"a": 40, "b": 40, "held_out": 20},
        "held_out",
    ),
]


@pytest.mark.parametrize("keys,shares,control", SHAPES)
def test_arms_that_go_without_saying(keys, shares, control):
    from fewer.model.experiment import Experiment

    one = Experiment(id="a", metrics=["order"], ends="2026-04-01", **keys)
    assert {arm.id: float(arm.percent) for arm in one.groups} == shares
    assert one.compared_with == control
