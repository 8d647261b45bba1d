"""The grocer's segments: what is recommended, applied with git, valid, and a test to register."""

from __future__ import annotations

import subprocess

import pytest

from fewer.project.project import Project

pytestmark = pytest.mark.demo

MOMENTS = ("2017-10-23", "2017-10-30", "2017-11-06")


@pytest.fixture(scope="module")
def said(grocer):
    for moment in MOMENTS:
        grocer.build(as_of=moment)
    return grocer.recommend()


def test_what_people_did_themselves_is_put_to_the_test(said):
    verdicts = {one.segment: one.action.value for one in said.verdicts.recommendations}
    assert not {"scale", "stop", "keep"} & set(verdicts.values())
    assert verdicts["coupon_shoppers"] == "test it"
    assert verdicts["premium_cosmetics"] == "widen"


def test_git_applies_it_and_the_test_can_be_registered(grocer, said, tmp_path):
    root = grocer.folder.root
    before = {p: p.read_bytes() for p in (root / "segments").iterdir()}
    edits = tmp_path / "edits.diff"
    edits.write_bytes(said.diff.text.encode())
    try:
        for step in ("--check", "-v"):
            done = subprocess.run(
                ["git", "apply", step, str(edits)], cwd=root, check=False, capture_output=True
            )
            assert done.returncode == 0, done.stderr
        with Project.open(root) as project:
            assert [f for f in project.validate() if f.severity == "error"] == []
            registered, _ = project.experiments.register(said.diff.experiment)
            assert "coupon_shoppers" in registered.segment_ids
    finally:
        (root / "experiments.yaml").unlink(missing_ok=True)
        for path, data in before.items():
            path.write_bytes(data)
