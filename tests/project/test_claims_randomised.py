"""A claim that the project has tested at random is answered by that test."""

from __future__ import annotations

import pytest

from fewer.project import clock
from fewer.project.project import Project
from project import reading

pytestmark = pytest.mark.slow

MOMENT = "2026-01-19"


def test_a_programme_test_answers_the_first_headline(tmp_path, monkeypatch):
    folder = reading.write(tmp_path / "magazine", reading.world(people=600))
    (folder / "metrics.yaml").write_text("- {id: ordered, rate: {goal: order}}\n")
    (folder / "experiments.yaml").write_text(
        "- {id: cells, tests: programme, segments: [readers], metrics: [ordered],"
        " ends: 2026-02-10}\n"
    )
    with Project.open(folder) as project:
        project.ingest()
        moment = project.as_of(MOMENT)
        with monkeypatch.context() as then:
            then.setattr(clock, "now_us", lambda: moment)
            project.build(as_of=MOMENT)
            project.experiments.register("cells")
            project.experiments.assign("cells")
        found = project.claims(["conversion_26"]).claim("conversion_26")
    assert found.label.value == "randomised arm"
    assert "experiment cells" in found.because
    assert found.to_json()["may_say_lift"] is True
    assert 0.2 < found.ratio.estimate.value < 5  # nothing was sent: no difference
    assert found.ratio.estimate.lower < 1 < found.ratio.estimate.upper
    assert "association" in found.further[0]
