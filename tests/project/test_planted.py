"""From files to figures: what the whole product finds in shops whose truth is known."""

import shutil
from pathlib import Path

import pytest
from scipy.stats import binom

from conftest import SOAK
from fewer.data.simulate.parameters import Parameters
from fewer.data.simulate.shop import simulate
from fewer.journey.measure.table import Verdict
from fewer.project.experiment_files import import_arms
from fewer.project.folder import TRUTH
from fewer.project.planted import planted
from fewer.project.project import Project
from fewer.stats.split import ALARM

SHOP = Path(__file__).parents[2] / "examples" / "shop"
SIZED = {"people": 5_000, "events": 25_000, "days": 80}
ARMS = ("creative", "offer", "landing", "programme", "exclusions")
NULL = ("lift_placebo", "arm_creative", "arm_exclusions", "reaching_placebo")
RARE = 1e-4


def shop(folder, **chosen):
    """The example, as `fewer init --example shop` copies it, of another world."""
    shutil.copytree(SHOP, folder)
    parameters = Parameters(**(SIZED | chosen))
    return simulate(folder / "data", parameters, truth=folder / TRUTH)


def found_in(folder, **chosen):
    """Every planted effect beside what was measured of it, by id."""
    truth = shop(folder, **chosen)
    with Project.open(folder) as project:
        project.ingest()
        snapshot = project.build(as_of=truth.launch)
        return {one.id: one for one in planted(project, snapshot)}


def imported(project):
    for name in ARMS:
        project.experiments.register(name)
        path = project.folder.root / "data" / f"simulated-assigned-{name}.csv"
        import_arms(project, name, path, columns={"person": None, "arm": None, "time": None})


@pytest.mark.slow
@pytest.mark.parametrize("chosen", [{}, {"delivery": 2.0, "confounding": 2.0}, {"delay": 4.0}],
                         ids=["as it is", "chosen by the platform", "bought later"])  # fmt: skip
def test_the_truth_lies_in_the_intervals(tmp_path, chosen):
    """Ingested, built, measured: no fewer intervals hold than 1 time in 10,000 by chance."""
    held = made = told = nothing = 0
    for seed in range(300, 300 + 2 * SOAK):
        found = found_in(tmp_path / str(seed), seed=seed, **chosen)
        assert len(found) >= 18
        for name, one in found.items():
            if one.holds is None:
                continue
            made += 1
            held += one.holds
            if name in NULL:
                nothing += 1
                told += not one.holds
    assert held >= binom.ppf(RARE, made, 0.95)
    assert told <= binom.ppf(1 - RARE, nothing, 0.05)


@pytest.fixture(scope="module")
def broken(tmp_path_factory):
    """A world in which one arm lost most of its keen people, measured."""
    folder = tmp_path_factory.mktemp("broken") / "shop"
    truth = shop(folder, seed=5, people=15_000, events=60_000, ratio_failure=0.95, delivery=1.5)
    with Project.open(folder) as project:
        project.ingest()
        imported(project)
        project.build(as_of=truth.launch)
        return truth, project.measure()


@pytest.mark.slow
def test_a_lost_part_of_an_arm_is_found_and_nothing_is_said_of_it(broken):
    _, measured = broken
    gates = {g.experiment: g for g in measured.gates if g.stage == "assigned"}
    assert set(gates) >= {*ARMS, "holdout"}
    assert [name for name, gate in gates.items() if gate.broken] == ["offer"]
    assert gates["offer"].p < ALARM
    rows = [row for row in measured.randomised if row.experiment == "offer"]
    assert rows
    for row in rows:
        assert row.comparisons[0].verdict is Verdict.SPLIT_BROKEN
        assert row.comparisons[0].ratio is None


@pytest.mark.slow
def test_reached_against_unreached_is_nowhere(broken):
    """The platform chose whom to reach: that comparison would say 2x of an ad that does nothing."""
    truth, measured = broken
    tempting = truth.effect("reached_placebo")
    assert tempting.value > 1.3
    assert not tempting.causal
    said = measured.to_json()
    compared = [c for row in said["randomised"] for c in row["comparisons"]]
    compared += [c for row in said["outcomes"]["rows"] for c in row["comparisons"]]
    assert {c["against"]["name"] for c in compared} <= {
        "rest", "everyone", "holdout", "portrait", "none", "home", "broad", "off",
    }  # fmt: skip
    [placebo] = [row for row in said["randomised"]
                 if row["segment"] == "product_warm" and row["goal"] == "order"]  # fmt: skip
    reach = placebo["comparisons"][0]["causal"]["reach"]
    assert reach["control_share"] == 0
    assert "CACE" in reach["difference"]["note"]
