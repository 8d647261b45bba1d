"""Plans by every metric: of one goal, of two, of ads; people who join, from refreshes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from fewer.errors import GuardError
from fewer.journey.measure.design.ads import AdBasis
from fewer.project.project import Project

AS_OF = datetime(2026, 3, 1, tzinfo=UTC)
PEOPLE = 3_000

SETTINGS = """\
version: 1
name: Plans
sources:
  - id: events
    files: data/events.csv
    events:
      - event: {column: event}
        person: id
        ts: ts
        properties: {value: {column: value, type: number}}
  - id: ads
    files: data/ads.csv
    ad_reports:
      day: day
      platform: {constant: meta}
      campaign: segment
      segment: segment
      currency: currency
      impressions: {column: impressions, type: number}
      clicks: {column: clicks, type: number}
      spend: {column: spend, type: number}
      conversions: {column: conversions, type: number}
"""
SEGMENTS = """\
- {id: viewers, where: {did: view, within: 14d}, size: {min: 1, max: 9000}}
- {id: late, where: {did: refund, within: 14d}, size: {min: 1, max: 9000}}
"""
GOALS = """\
- {id: order, did: purchase, value: {of: value, currency: EUR}, outcome_window: 7d}
- {id: visit, did: view, counts: every, outcome_window: 14d}
"""
METRICS = """\
- {id: ordered, rate: {goal: order}, guardrail: {margin_percent: 5}}
- {id: revenue, mean: {goal: order}, currency: EUR}
- {id: each, ratio: {of: {goal: order, of: value}, to: {goal: order, of: people}}}
- {id: per_visit, ratio: {of: {goal: order, of: value}, to: {goal: visit, of: conversions}}}
- {id: cpc, ratio: {of: {ads: spend}, to: {ads: clicks}}, better: lower}
"""
EXPERIMENTS = """\
- {id: many, segments: [viewers], metrics: [ordered, revenue, each, per_visit, cpc],
   guardrails: [ordered], holdout: 30, ends: 2030-01-01}
- {id: ads, segments: [viewers], metrics: [cpc], ends: 2030-01-01}
- {id: watched, segments: [viewers], metrics: [revenue], guardrails: [ordered], ends: 2030-01-01}
"""


@pytest.fixture
def project(tmp_path):
    folder = tmp_path / "shop"
    for name, text in (
        ("fewer", SETTINGS), ("segments/all", SEGMENTS), ("goals", GOALS), ("metrics", METRICS),
        ("experiments", EXPERIMENTS),
    ):  # fmt: skip
        path = folder / f"{name}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    events = ["id,event,ts,value"]
    for n in range(PEOPLE):
        seen = AS_OF - timedelta(days=n % 60, hours=3)
        events += [
            f"p{n},view,{(seen - timedelta(hours=h)).isoformat()}," for h in range(n % 3 + 1)
        ]
        if n % 2 == 0 and n % 60 > 5:
            events.append(f"p{n},view,{(seen + timedelta(days=5)).isoformat()},")
        if n % 4 == 0 and n % 60 > 4:
            events.append(f"p{n},purchase,{(seen + timedelta(days=4)).isoformat()},{10 + n % 50}")
    rng = np.random.default_rng(1)
    ads = ["day,segment,impressions,clicks,spend,conversions,currency"]
    for d in range(40):
        day = (AS_OF - timedelta(days=d + 1)).date()
        ads.append(f"{day},viewers,9000,{rng.integers(80, 120)},{rng.integers(40, 60)},5,EUR")
    (folder / "data").mkdir()
    (folder / "data/events.csv").write_text("\n".join(events) + "\n")
    (folder / "data/ads.csv").write_text("\n".join(ads) + "\n")
    with Project.open(folder) as opened:
        opened.ingest()
        yield opened


class TestMetrics:
    def test_each_is_shown_and_the_hardest_decides(self, project):
        found = project.experiments.design("many", as_of=AS_OF)
        plans = {one.metric: one for one in found.metrics}
        assert list(plans) == ["ordered", "revenue", "each", "per_visit", "cpc"]
        assert [one.by for one in plans.values()] == ["people"] * 4 + ["days"]
        assert plans["ordered"].smallest == pytest.approx(found.programme.smallest)
        # An average over all people is the same, however it is written.
        assert plans["each"].base == pytest.approx(plans["revenue"].base)
        assert plans["each"].smallest == pytest.approx(plans["revenue"].smallest)
        assert 0 < plans["per_visit"].base < plans["each"].base * 20
        assert plans["cpc"].base == pytest.approx(0.5, abs=0.05)
        assert found.hardest is max(
            found.metrics, key=lambda p: (p.weeks is None, p.weeks or 0, p.smallest or 0)
        )
        told = found.to_json()
        assert told["goes_by"] == found.hardest.metric
        assert all(one["verdict"] for one in told["metrics"])

    def test_ads_alone_are_seen_by_days(self, project):
        found = project.experiments.design("ads", as_of=AS_OF)
        [plan] = found.metrics
        assert (plan.metric, plan.by, plan.weeks) == ("cpc", "days", plan.weeks)
        assert "by days" in " ".join(found.notes)
        early = project.experiments.design("ads", as_of=AS_OF - timedelta(days=30))
        assert "10 days of ad reports" in early.metrics[0].why
        assert "takes 14 days" in early.metrics[0].why

    def test_a_guardrail_is_planned_by_its_margin(self, project):
        found = project.experiments.design("watched", as_of=AS_OF)
        revenue, ordered = found.metrics
        assert (revenue.guardrail, ordered.guardrail) == (False, True)
        assert ordered.change == -0.05
        assert found.hardest is ordered

    def test_no_goal_at_all_says_so(self, project):
        from fewer.project.designing import terms_of

        one = project.definitions.experiment("ads")
        metric = next(m for m in project.definitions.metrics if m.id == "cpc")
        with pytest.raises(GuardError, match="Put a metric of a goal first"):
            terms_of(project, one, metric, None)


def test_a_day_is_what_varies_in_ads():
    rng = np.random.default_rng(2)
    clicks = rng.poisson(1_000, 28)
    basis = AdBasis.of_days(clicks * rng.lognormal(0, 0.2, 28), clicks)
    assert basis.apart == pytest.approx(0.2, abs=0.08)
    assert AdBasis.of_days([1.0] * 13, [2.0] * 13) is None
    assert AdBasis.of_days([0.0] * 20, [2.0] * 20) is None
    more = basis.smallest(56, (0.5, 0.5), wanted=0.8, confidence=0.95)
    assert more < basis.smallest(28, (0.5, 0.5), wanted=0.8, confidence=0.95)
    assert more < basis.smallest(56, (0.9, 0.1), wanted=0.8, confidence=0.95)
    assert basis.chance(float(more), 56, (0.5, 0.5), 0.95) == pytest.approx(0.8, abs=0.001)


class TestTraffic:
    def test_refreshes_are_used_where_there_are_enough(self, project):
        anew = project.experiments.design("watched", as_of=AS_OF)
        assert anew.traffic is None
        assert "evaluated anew" in " ".join(anew.notes)
        for days in (14, 7, 0):
            project.build(as_of=AS_OF - timedelta(days=days))
        found = project.experiments.design("watched", as_of=AS_OF)
        assert (found.traffic.refreshes, found.traffic.days) == (3, 14.0)
        assert "from 3 refreshes over 14 days" in " ".join(found.notes)
        members = [
            set(project.snapshot(info.id).segment("viewers").members)
            for info in reversed(project.builds())
        ]
        new = len(members[1] - members[0]) + len(members[2] - members[0] - members[1])
        assert found.programme.group.entering == pytest.approx(new / 2)
        assert found.to_json()["joining_counted_from"] == "refreshes"

    def test_other_definitions_do_not_count(self, project):
        for days in (14, 7, 0):
            project.build(as_of=AS_OF - timedelta(days=days))
        path = Path(project.folder.root) / "segments/all.yaml"
        path.write_text(path.read_text().replace("within: 14d", "within: 7d"))
        with Project.open(project.folder.root) as changed:
            assert changed.experiments.design("watched", as_of=AS_OF).traffic is None
