"""A published e-mail experiment, measured as any project would: list of people, events, arms.

Kevin Hillstrom's MineThatData challenge (2008): 64,000 customers, a third each sent an e-mail
about men's or women's merchandise, or none. Only the published figures of each arm are used here;
people are made so that they add up to them.
"""

from __future__ import annotations

import json

import pytest

from fewer.project.experiment_files import import_arms
from fewer.project.project import Project

ARMS = {  # people, visitors, buyers, dollars spent: within two weeks
    "none": (21_306, 2_262, 122, 13_908.33),
    "mens": (21_307, 3_894, 267, 30_311.69),
    "womens": (21_387, 3_238, 189, 23_038.12),
}
SETTINGS = """\
version: 1
name: Mail order
sources:
  - id: customers
    files: customers.csv
    people: {person: id, traits: {}}
  - id: site
    files: site.csv
    events:
      event: {column: event}
      person: id
      ts: ts
      properties: {spend: {column: spend, type: number}}
"""
GOALS = """\
- {id: visit, did: visit, outcome_window: 14d}
- {id: order, did: purchase, value: {of: spend, currency: USD}, outcome_window: 14d}
"""
METRICS = """\
- {id: visited, rate: {goal: visit}}
- {id: bought, rate: {goal: order}}
- {id: spend, mean: {goal: order}, currency: USD}
- {id: basket, ratio: {of: {goal: order, of: value}, to: {goal: order, of: conversions}}}
"""
EXPERIMENT = """\
- id: mailing
  tests: elsewhere
  arms: [{id: mens, percent: 33.34}, {id: womens, percent: 33.33}, {id: none, percent: 33.33}]
  control: none
  metrics: [visited, bought, spend, basket]
  starts: 2008-03-20
  ends: 2008-04-03
"""


def write(folder, arms):
    (folder / "segments").mkdir()
    for name, text in (
        ("fewer", SETTINGS),
        ("goals", GOALS),
        ("metrics", METRICS),
        ("experiments", EXPERIMENT),
        ("segments/all", "- {id: everyone_mailed, where: {all: []}}\n"),
    ):
        (folder / f"{name}.yaml").write_text(text)
    people, site, assigned, at = ["id"], ["id,event,ts,spend"], ["person,arm"], 0
    for arm, (n, visitors, buyers, dollars) in arms.items():
        each = round(dollars / max(buyers, 1), 2)
        for i in range(n):
            person = f"c{at}"
            at += 1
            people.append(person)
            assigned.append(f"{person},{arm}")
            if i < visitors:
                site.append(f"{person},visit,2008-03-2{1 + i % 9},")
            if i < buyers:
                paid = dollars - each * (buyers - 1) if i == 0 else each
                site.append(f"{person},purchase,2008-03-2{1 + i % 9}T12:00:00,{paid:.2f}")
    site.append("c0,visit,2008-05-01,")  # so that the two weeks are known to their end
    (folder / "customers.csv").write_text("\n".join(people) + "\n")
    (folder / "site.csv").write_text("\n".join(site) + "\n")
    (folder / "arms.csv").write_text("\n".join(assigned) + "\n")


def measured(folder, arms, **how):
    write(folder, arms)
    with Project.open(folder) as project:
        project.ingest()
        project.build(as_of="2008-03-20")
        project.experiments.register("mailing")
        import_arms(project, "mailing", folder / "arms.csv", columns={})
        return project.measure(**how)


@pytest.mark.slow
def test_published_rates(tmp_path):
    found = measured(tmp_path, ARMS)
    [everything] = found.experiments
    assert everything.over
    rows = {(row.group.name, row.goal): row for row in found.randomised}
    for arm, visit, bought in (("mens", 0.18276, 0.01253), ("womens", 0.15140, 0.00884)):
        assert rows[arm, "visit"].group.rate.estimate.value == pytest.approx(visit, abs=5e-6)
        assert rows[arm, "order"].group.rate.estimate.value == pytest.approx(bought, abs=5e-6)
        against = rows[arm, "visit"].comparisons[0].against
        assert against.rate.estimate.value == pytest.approx(0.10617, abs=5e-6)
    points = {
        arm: rows[arm, "visit"].comparisons[0].difference.estimate for arm in ("mens", "womens")
    }
    assert points["mens"].value * 100 == pytest.approx(7.659, abs=1e-3)
    assert points["womens"].value * 100 == pytest.approx(4.523, abs=1e-3)
    assert points["womens"].lower > 0
    spend = {
        row.group.name: row.group.value.estimate.value
        for row in found.randomised
        if row.goal == "order"
    }
    assert spend == pytest.approx({"mens": 1.4226, "womens": 1.0772}, abs=5e-5)
    assert {row.comparisons[0].label.value for row in found.randomised} == {"randomised arm"}
    gained = rows["mens", "order"].comparisons[0].causal.conversions.estimate.value
    assert gained == pytest.approx(267 - 122 * 21_307 / 21_306, abs=0.01)
    assert not any(gate.broken for gate in found.gates)


def small(**changes):
    return {arm: tuple(x // 20 for x in row) for arm, row in (ARMS | changes).items()}


def test_a_small_mailing(tmp_path):
    found = measured(tmp_path, small())
    rows = {(row.group.name, row.goal): row for row in found.randomised}
    assert rows["mens", "visit"].group.counts == "194 of 1,065"
    assert rows["mens", "visit"].comparisons[0].verdict.value == "converted more often"
    metrics = {(m.metric, m.arm): m for m in found.experiments[0].metrics}
    assert metrics["visited", "mens"].ratio.estimate.value == pytest.approx(
        (194 / 1065) / (113 / 1065)
    )
    assert metrics["basket", "mens"].ratio is not None
    assert "lift" in found.conclusions[0].text
    json.dumps(found.to_json(), allow_nan=False)


def test_a_sample_ratio_failure_withholds_everything(tmp_path):
    """One arm lost a third of its people."""
    n, visitors, buyers, dollars = ARMS["mens"]
    found = measured(tmp_path, small(mens=(n - 8_000, visitors - 1_000, buyers, dollars)))
    assert next(g.stage for g in found.gates if g.broken) == "assigned"
    for row in found.randomised:
        comparison = row.comparisons[0]
        assert comparison.verdict.value == "split check failed"
        assert (comparison.ratio, comparison.causal, comparison.p) == (None, None, None)
    assert found.experiments[0].metrics == ()
    assert all(p.ratio is None and p.conversions is None for p in found.programmes)
    assert found.conclusions[0].text.startswith("Nothing may be read of 'mailing'")


@pytest.mark.slow
def test_daily_looks_are_wider_and_hold(tmp_path):
    (tmp_path / "once").mkdir()
    (tmp_path / "daily").mkdir()
    once = measured(tmp_path / "once", small())
    daily = measured(tmp_path / "daily", small(), sequential=True)
    for a, b in zip(once.randomised, daily.randomised, strict=True):
        x, y = (r.comparisons[0].ratio.estimate for r in (a, b))
        if y.lower is not None:
            assert y.lower < x.lower < x.upper < y.upper
            assert y.method.startswith("confidence sequence")
    assert daily.to_json()["sequential"] is True


def test_the_time_before_takes_noise_away(tmp_path):
    """Who bought much before the mailing buys much after it, in every arm alike."""
    write(tmp_path, {arm: (n // 20, v // 20, v // 20, d) for arm, (n, v, _, d) in ARMS.items()})
    site = tmp_path / "site.csv"
    habits = []
    for line in site.read_text().splitlines():
        if ",purchase," in line:
            person, _, _, spent = line.split(",")
            usual = float(spent) * (0.9 + len(habits) % 3 / 10)
            habits.append(f"{person},purchase,2008-03-10T12:00:00,{usual:.2f}")
    site.write_text(site.read_text() + "\n".join(habits) + "\n")
    with Project.open(tmp_path) as project:
        project.ingest()
        project.build(as_of="2008-03-20")
        project.experiments.register("mailing")
        import_arms(project, "mailing", tmp_path / "arms.csv", columns={})
        found = project.measure()
    for row in found.randomised:
        [comparison] = row.comparisons
        adjusted = comparison.causal.adjusted_value
        if row.goal != "order":
            assert adjusted is None
            continue
        plain = comparison.value_difference.estimate
        assert adjusted.label.may_say_lift
        width = adjusted.estimate.upper - adjusted.estimate.lower
        assert width < 0.5 * (plain.upper - plain.lower)
