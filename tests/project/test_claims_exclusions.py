"""Cheaper clicks by exclusions: a test of them on against off answers both halves of it."""

from __future__ import annotations

import csv
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from fewer.project import clock
from fewer.project.project import Project

pytestmark = pytest.mark.slow

MOMENT = datetime(2026, 3, 2, tzinfo=UTC)
PEOPLE = 4_000
FEWER = """\
name: Exclusions
currency: EUR
exclude: [idle]
ads: {names: [{ad_set: "{segment} | {arm}"}, {campaign: Prospecting, segment: broad}]}
sources:
  - {id: log, files: data/*.csv, events: {event: {column: event}, person: person, ts: ts}}
  - {id: meta, files: ads.csv, ad_reports: {from: meta}}
"""
GOALS = "- {id: order, name: Orders within three weeks, did: purchase, outcome_window: 21d}\n"
SEGMENTS = """\
- {id: viewers, where: {did: view, within: 30d}, size: {min: 200, max: 20000}}
- {id: idle, where: {did: view, within: 30d, count: {exactly: 1}}, exclude_defaults: false}
"""
EXPERIMENTS = """\
- {id: trial, tests: exclusions, segments: [viewers], exclusions: [idle], metrics: [ordered],
   margin_percent: 20, ends: 2026-03-23}
"""
METRICS = "- {id: ordered, name: Orders, rate: {goal: order}}\n"


def put(path, rows):
    with path.open("w", newline="", encoding="utf-8") as file:
        out = csv.writer(file)
        out.writerow(("person", "ts", "event"))
        out.writerows((f"p{p}", at.strftime("%Y-%m-%d %H:%M:%S"), e) for p, at, e in rows)


def shop(folder, *, rates, prices, seed=2):
    """A shop in which each variant has its own rate of ordering and price of a click."""
    (folder / "data").mkdir()
    (folder / "segments").mkdir()
    for name, text in (("fewer", FEWER), ("goals", GOALS), ("segments/all", SEGMENTS),
                       ("metrics", METRICS), ("experiments", EXPERIMENTS)):  # fmt: skip
        (folder / f"{name}.yaml").write_text(text)
    dice = np.random.default_rng(seed)
    views = [(p, MOMENT - timedelta(days=d, hours=1), "view")
             for p in range(PEOPLE) for d in range(1, 2 + p % 3)]  # fmt: skip
    put(folder / "data/views.csv", views)
    lines = ["Day,Campaign name,Ad set name,Amount spent (EUR),Impressions,Link clicks,Purchases"]
    for day in range(21):
        for arm, price in prices.items():
            clicks = int(dice.integers(180, 220))
            spend = clicks * price * float(dice.uniform(0.97, 1.03))
            lines.append(f"2026-03-{2 + day:02},Spring,viewers | {arm},{spend:.2f},9000,{clicks},3")
    (folder / "ads.csv").write_text("\n".join(lines) + "\n")
    moment = int(MOMENT.timestamp() * 1e6)
    with pytest.MonkeyPatch.context() as then, Project.open(folder) as opened:
        opened.ingest()
        then.setattr(clock, "now_us", lambda: moment)
        opened.build(as_of="2026-03-02")
        opened.experiments.register("trial")
        opened.experiments.assign("trial")
        arms = opened.experiments.assigned("trial").named("arm")
        people = {arm: opened.keys.of(who).to_pylist() for arm, who in arms.items()}
    rows = []
    for arm, names in people.items():
        for name in names:
            if dice.random() < rates[arm]:
                at = MOMENT + timedelta(days=float(dice.random() * 20.9))
                rows.append((int(name[1:]), at, "purchase"))
    rows.append((0, MOMENT + timedelta(days=22), "view"))  # the data goes on
    put(folder / "data/after.csv", rows)
    with Project.open(folder) as opened:
        opened.ingest()
        return opened.claims(["cpc_10_18", "cac_30"])


@pytest.mark.parametrize(
    "rates,prices,verdict,said",
    [
        ((0.30, 0.29), (0.86, 1.0), "supported", "not more than 20% of conversions were lost"),
        ((0.12, 0.30), (0.86, 1.0), "contradicted", "but more than 20% of conversions were lost"),
        ((0.02, 0.021), (0.86, 1.0), "can't tell with this data", "can't be ruled out"),
        ((0.30, 0.29), (1.0, 1.0), "contradicted", "lies outside the interval"),
    ],
)  # fmt: skip
def test_clicks_must_be_cheaper_and_conversions_kept(tmp_path, rates, prices, verdict, said):
    arms = ("exclusions_on", "exclusions_off")
    table = shop(tmp_path, rates=dict(zip(arms, rates, strict=True)),
                 prices=dict(zip(arms, prices, strict=True)))  # fmt: skip
    found = table.claim("cpc_10_18")
    assert found.verdict.value == verdict
    assert said in found.because
    assert "(experiment trial)" in found.because
    assert found.label.may_say_lift
    assert found.ratio.estimate.lower < prices[0] / prices[1] < found.ratio.estimate.upper
    assert len(found.further) == 3
    assert table.claim("cac_30").label.value == "raw association"
